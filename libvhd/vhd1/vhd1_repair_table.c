/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of the table that are wrong by themselves: VHD-K-31 to VHD-K-40.
 *
 * An entry is cleared when no byte of its block could be read, or when the owner
 * has given it up.  A block that can be read keeps what it has: one that lies on
 * a name of the parent or on the batmap, as QEMU leaves them (VHD-X-9), gets a
 * place of its own, and one whose end is missing gets zeros for it.
 *
 * For salvage nothing is cleared and no zeros are made up: what cannot be read
 * is to be told as lost.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_repair.h"

enum {
	FILL_LEN = 64 << 10,
	FILL_MAX = 16 << 20	/* bytes of a hole in the table to fill */
};

struct mending {
	struct vhd1_repairer *r;
	struct vhd1_hole hole;
	uint64_t plain_at;	/* the last place that is not a footer's */
};

static int mend_meta(struct mending *m, uint64_t blk, uint64_t at,
		     const struct vhd1_span *hit, bool hard,
		     struct vhd_error *err)
{
	struct vhd1_repairer *r = m->r;
	struct vhd1_loss loss;
	bool room;
	int rc;

	if (hard) {
		if (r->req->salvage ||
		    !vhd1_may_block(r, RULE_VHD1_BLOCK_IN_META, at, blk,
			      VHD1_COST_CLEAR, "block %" PRIu64
			      ", whose entry points at %s, becomes unallocated"
			      "%s", blk, hit->what,
			      vhd1_loss_of(r, blk, 1, &loss)))
			return 0;
		return vhd1_fix_clear(r, blk, err);
	}
	if (r->req->salvage || !range_in(at, vhd1_stride(r->v), r->v->tail_off) ||
	    !vhd1_fix_can_move(r))
		return 0;
	rc = vhd1_fix_end_free(r, &room, err);
	if (rc || !room ||
	    !vhd1_may_block(r, RULE_VHD1_BLOCK_IN_META, at, blk,
		      VHD1_COST_MOVE, "block %" PRIu64
		      ", which lies on %s, moves to the end of the file", blk,
		      hit->what))
		return rc;
	return vhd1_fix_move(r, blk, at, vhd1_stride(r->v), err);
}

static int is_footer(struct mending *m, uint64_t at, bool *yes_out,
		     struct vhd_error *err)
{
	uint8_t raw[VHD1_FOOTER_LEN];
	bool hole;
	int rc;

	*yes_out = false;
	if (at >= m->r->v->file_size || at == m->plain_at)
		return 0;
	rc = vhd1_in_hole(m->r->v, &m->hole, at, sizeof(raw), &hole, err);
	if (rc || hole)
		return rc;
	rc = vhd_io_read_padded(m->r->io, raw, sizeof(raw), at, err);
	*yes_out = !rc && vhd1_sealed(vhd1_footer_seal(raw));
	/* What a repair writes meanwhile is never on a block's bitmap. */
	if (!rc && !*yes_out)
		m->plain_at = at;
	return rc;
}

/*
 * The guest may have written what looks like a footer: its bytes must not end
 * the file.
 */
static int close_end(struct vhd1_repairer *r, uint64_t end,
		     struct vhd_error *err)
{
	bool taken = false;
	uint64_t size;
	int rc = vhd_io_size(r->io, &size, err);

	if (rc || size != end || !(r->v->footers_ok & VHD_COPY_FIRST))
		return rc;
	rc = vhd1_fix_is_taken(r, end, &taken, err);
	return rc || taken ? rc : vhd1_fix_tail(r, end, err);
}

/*
 * VHD-K-32, a block that is there in part.  With no footer in its way the file
 * just gets longer; else it moves, because a footer in the middle of data cannot
 * be replaced by zeros in the same instant as it is needed no more.
 */
static int mend_cut(struct mending *m, uint64_t blk, uint64_t at,
		    struct vhd_error *err)
{
	struct vhd1_repairer *r = m->r;
	const struct vhd1 *v = r->v;
	uint64_t end = at + vhd1_stride(v), there = v->tail_off;
	uint64_t from = blk * v->hdr.block_size + (there - at - v->bitmap_len);
	bool footer = vhd1_sealed(r->copies.tail.seal);
	uint64_t size;
	int rc = vhd_io_size(r->io, &size, err);

	if (rc || r->req->salvage || !vhd1_fix_footer_ok(r) ||
	    (footer && !vhd1_fix_can_move(r)))
		return rc;
	/* Those of which nothing is there are cleared first. */
	rc = vhd1_fix_end_look(r, err);
	if (rc || (r->any_lost && vhd_mend_choice(&r->req->mender,
						  RULE_VHD1_BLOCK_PAST_END)))
		return rc;
	if (!vhd1_may_block(r, RULE_VHD1_BLOCK_PAST_END, at, blk,
		      VHD1_COST_MOVE, "the last %" PRIu64
		      " bytes of block %" PRIu64 ", which are not in the file, "
		      "become zeros: the disk, and children made from it, read "
		      "these from byte 0x%" PRIx64 " on", end - there, blk,
		      from))
		return 0;
	if (footer)
		return vhd1_fix_move(r, blk, at, there - at, err);
	/* What is left of a damaged footer is no data either. */
	if (there < size)
		rc = vhd_io_zero(r->io, size - there, there, err);
	if (!rc && size < end)
		rc = vhd_io_set_size(r->io, end, err);
	if (!rc)
		rc = close_end(r, end, err);
	return rc ? rc : vhd_io_flush(r->io, err);
}

static int mend_place(struct mending *m, uint64_t blk, uint64_t at,
		      struct vhd_error *err)
{
	struct vhd1_repairer *r = m->r;
	const struct vhd1 *v = r->v;
	struct vhd1_loss loss;
	bool footer;
	int rc;

	if (at + vhd1_stride(v) > v->tail_off &&
	    at + v->bitmap_len < v->tail_off)
		return mend_cut(m, blk, at, err);
	rc = is_footer(m, at, &footer, err);
	if (rc)
		return rc;
	if (footer) {
		if (!vhd1_may_block(r, RULE_VHD1_BITMAP_IS_FOOTER, at, blk,
			      VHD1_COST_CLEAR, "block %"
			      PRIu64 ", which was never written because its "
			      "bitmap is a footer, becomes unallocated", blk))
			return 0;
		return vhd1_fix_clear(r, blk, err);
	}
	if (at + vhd1_stride(v) <= v->tail_off || r->req->salvage ||
	    !vhd1_may_block(r, RULE_VHD1_BLOCK_PAST_END, at, blk,
		      VHD1_COST_CLEAR, "block %" PRIu64
		      ", which lies past the end of the data, becomes "
		      "unallocated%s", blk, vhd1_loss_of(r, blk, 1, &loss)))
		return 0;
	return vhd1_fix_clear(r, blk, err);
}

static int mend_entry(void *arg, uint64_t blk, uint32_t entry,
		      struct vhd_error *err)
{
	struct mending *m = arg;
	struct vhd1_repairer *r = m->r;
	const struct vhd1 *v = r->v;
	uint64_t at = vhd1_entry_off(entry);
	const struct vhd1_span *hit = vhd1_span_hit(v, at, v->span_count);

	if (blk >= vhd1_block_count(v) && !r->req->salvage) {
		if (vhd1_may_block(r, RULE_VHD1_BLOCK_BEYOND_DISK, at, blk,
			     VHD1_COST_CLEAR, "block %"
			     PRIu64 ", which the disk does not have, becomes "
			     "unallocated", blk))
			return vhd1_fix_clear(r, blk, err);
	}
	if (hit)
		return mend_meta(m, blk, at, hit,
				 vhd1_span_hit(v, at, v->span_hard), err);
	return mend_place(m, blk, at, err);
}

/* Entries that are not stored all point at the footer copy. */
static int mend_hole(void *arg, uint64_t blk, uint64_t count,
		     struct vhd_error *err)
{
	struct mending *m = arg;
	struct vhd1_repairer *r = m->r;
	uint64_t at = r->v->hdr.table_off + 4 * blk, left = 4 * count;
	struct vhd1_loss loss;
	uint8_t *ones;
	int rc = 0;

	if (r->req->salvage || left > FILL_MAX || r->v->has_batmap ||
	    !vhd1_may(r, RULE_VHD1_BLOCK_IN_META, at, "%" PRIu64 " blocks from "
		      "block %" PRIu64 " on, whose entries are lost, become "
		      "unallocated%s", count, blk,
		      vhd1_loss_of(r, blk, count, &loss)))
		return 0;
	ones = vhd_alloc(FILL_LEN);
	if (!ones)
		return vhd_fail_nomem(err);
	memset(ones, 0xff, FILL_LEN);
	while (!rc && left) {
		uint64_t some = min_u64(left, FILL_LEN);

		rc = vhd_io_write(r->io, ones, (size_t)some, at, err);
		at += some;
		left -= some;
	}
	vhd_free(ones);
	return rc ? rc : vhd_io_flush(r->io, err);
}

static int tick(void *arg, uint64_t done, struct vhd_error *err)
{
	const struct mending *m = arg;
	const struct vhd_engine_repair *req = m->r->req;

	if (!req->progress || req->progress(req->progress_arg, done,
					    m->r->v->hdr.max_entries))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "repair was cancelled");
}

int vhd1_repair_table(struct vhd1_repairer *r, struct vhd_error *err)
{
	struct mending m = { .r = r };
	const struct vhd1_walk walk = {
		.fn = mend_entry, .tick = tick, .hole = mend_hole, .arg = &m
	};
	int rc;

	if (!vhd1_is_sparse(r->v) || !vhd1_fix_header_ok(r))
		return 0;
	rc = vhd1_table_walk(r->v, &walk, err);
	return rc ? rc : vhd1_fix_cleared(r, err);
}

static enum vhd_rule_idx rule_of(const struct vhd1 *v, uint64_t at)
{
	if (vhd1_span_hit(v, at, v->span_hard))
		return RULE_VHD1_BLOCK_IN_META;
	if (at + vhd1_stride(v) > v->tail_off)
		return RULE_VHD1_BLOCK_PAST_END;
	return RULE_VHD1_BLOCK_OVERLAP;
}

/* Blocks that the owner has named need no other consent. */
int vhd1_repair_drop(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd_mender *m = &r->req->mender;
	const struct vhd1 *v = r->v;
	size_t i;
	int rc = 0;

	if (!vhd1_is_sparse(v) || !vhd1_fix_header_ok(r) || r->held)
		return 0;
	for (i = 0; !rc && i < r->req->drop_count; i++) {
		uint64_t blk = r->req->drop[i], at;
		struct vhd1_loss loss;
		char msg[256];
		be32 entry;

		if (blk >= v->hdr.max_entries)
			return vhd_fail(err, VHD_E_INVAL, "there is no block %"
					PRIu64 " to give up: the table has %"
					PRIu32 ", from 0 on", blk,
					v->hdr.max_entries);
		if (vhd1_fix_is_clearing(r, blk))
			continue;
		rc = vhd_io_read(r->io, &entry, sizeof(entry),
				 v->hdr.table_off + 4 * blk, err);
		if (rc || be32_get(entry) == VHD1_UNUSED)
			continue;
		at = vhd1_entry_off(be32_get(entry));
		snprintf(msg, sizeof(msg), "block %" PRIu64 ", which is given "
			 "up, becomes unallocated%s", blk,
			 vhd1_loss_of(r, blk, 1, &loss));
		if (!m->step(m->arg, vhd_rule_get(rule_of(v, at)), true, at,
			     msg))
			break;
		r->stale = true;
		rc = vhd1_fix_clear(r, blk, err);
	}
	return rc ? rc : vhd1_fix_cleared(r, err);
}
