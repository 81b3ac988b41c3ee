/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks that share space: VHD-K-33.
 *
 * Nobody can say whose the bytes are.  Unless the owner of the image can, the
 * later block gets a copy of what it reads, so both read as before; else the
 * block that is named keeps the space, and the other one is given up.
 */
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_place.h"
#include "vhd1/vhd1_repair.h"

enum { PAIRS = 256 };		/* of a pass over the table */

struct pairs {
	struct { struct vhd1_block lo, hi; } p[PAIRS];
	size_t count;
};

static int on_overlap(void *arg, const struct vhd1_block *a,
		      const struct vhd1_block *b, struct vhd_error *err)
{
	struct pairs *all = arg;
	bool order = a->blk < b->blk;

	(void)err;
	all->p[all->count].lo = order ? *a : *b;
	all->p[all->count].hi = order ? *b : *a;
	return ++all->count == PAIRS;
}

/* A pair before this one may have cured it. */
static int is_still_at(struct vhd1_repairer *r, const struct vhd1_block *b,
		       bool *yes_out, struct vhd_error *err)
{
	be32 entry;
	int rc;

	*yes_out = false;
	if (vhd1_fix_is_clearing(r, b->blk))
		return 0;
	rc = vhd_io_read(r->io, &entry, sizeof(entry),
			 r->v->hdr.table_off + 4 * b->blk, err);

	*yes_out = !rc && vhd1_entry_off(be32_get(entry)) == b->at;
	return rc;
}

static int copy(struct vhd1_repairer *r, const struct vhd1_block *lo,
		const struct vhd1_block *hi, struct vhd_error *err)
{
	const struct vhd1_block *b = hi;
	const struct vhd1 *v = r->v;
	bool room;
	int rc = vhd1_fix_end_free(r, &room, err);

	/* Of one whose end is missing that is to be settled first. */
	if (!range_in(b->at, vhd1_stride(v), v->tail_off))
		b = lo;
	if (rc || !room || !range_in(b->at, vhd1_stride(v), v->tail_off) ||
	    !vhd1_fix_can_move(r) ||
	    !vhd1_may_block(r, RULE_VHD1_BLOCK_OVERLAP, hi->at, b->blk,
		      VHD1_COST_MOVE, "blocks %" PRIu64
		      " and %" PRIu64 " share space: block %" PRIu64
		      " gets a copy of what it reads at the end of the file",
		      lo->blk, hi->blk, b->blk))
		return rc;
	return vhd1_fix_move(r, b->blk, b->at, vhd1_stride(v), err);
}

static int give_up(struct vhd1_repairer *r, const struct vhd1_block *keep,
		   const struct vhd1_block *drop, struct vhd_error *err)
{
	struct vhd1_loss loss;

	if (!vhd1_may_block(r, RULE_VHD1_BLOCK_OVERLAP, drop->at, drop->blk,
		      VHD1_COST_CLEAR, "blocks %" PRIu64
		      " and %" PRIu64 " share space: block %" PRIu64
		      " keeps it, block %" PRIu64 " becomes unallocated%s",
		      min_u64(keep->blk, drop->blk),
		      max_u64(keep->blk, drop->blk), keep->blk, drop->blk,
		      vhd1_loss_of(r, drop->blk, 1, &loss)))
		return 0;
	return vhd1_fix_clear(r, drop->blk, err);
}

static int mend_pair(struct vhd1_repairer *r, const struct vhd1_block *lo,
		     const struct vhd1_block *hi, struct vhd_error *err)
{
	bool here, there;
	int rc = is_still_at(r, lo, &here, err);

	if (!rc)
		rc = is_still_at(r, hi, &there, err);
	if (rc || !here || !there)
		return rc;
	if (vhd1_chosen(r, RULE_VHD1_BLOCK_OVERLAP, "first"))
		return give_up(r, lo, hi, err);
	if (vhd1_chosen(r, RULE_VHD1_BLOCK_OVERLAP, "second"))
		return give_up(r, hi, lo, err);
	return copy(r, lo, hi, err);
}

static int on_doubt(void *arg, const struct vhd1_block *a,
		    const struct vhd1_block *b, struct vhd_error *err)
{
	static const char msg[] = "several blocks are said to lie in one place, "
				  "and at most one does";
	const struct vhd1_repairer *r = arg;
	uint64_t len = r->v->hdr.block_size;

	(void)err;
	vhd_engine_doubt(r->req, a->blk * len, len, msg);
	vhd_engine_doubt(r->req, b->blk * len, len, msg);
	return 0;
}

static int on_tick(void *arg, uint64_t pass, uint64_t done,
		   struct vhd_error *err)
{
	const struct vhd1_repairer *r = arg;
	const struct vhd_engine_repair *req = r->req;

	(void)pass;
	if (!req->progress || req->progress(req->progress_arg, done,
					    r->v->hdr.max_entries))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "repair was cancelled");
}

/* In salvage both are read as they are. */
static int doubt(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1_places places = {
		.overlap = on_doubt, .tick = on_tick, .arg = r
	};

	return vhd1_place_walk(r->v, &places, err);
}

int vhd1_repair_overlaps(struct vhd1_repairer *r, struct vhd_error *err)
{
	struct pairs all = { .count = 0 };
	const struct vhd1_places places = { .overlap = on_overlap,
					    .arg = &all };
	size_t i;
	int rc;

	if (vhd1_is_sparse(r->v) && r->req->salvage)
		return doubt(r, err);
	if (!vhd1_is_sparse(r->v) || !vhd1_fix_header_ok(r))
		return 0;
	rc = vhd1_place_walk(r->v, &places, err);
	for (i = 0; !rc && i < all.count; i++)
		rc = mend_pair(r, &all.p[i].lo, &all.p[i].hi, err);
	return rc ? rc : vhd1_fix_cleared(r, err);
}
