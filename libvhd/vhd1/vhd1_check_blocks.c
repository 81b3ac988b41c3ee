/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_check.h"

#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"

/* VHD-K-31 to VHD-K-40: each used entry by itself. */

#define FORMAT_END (2 * TiB)	/* VHD-K-39 */

struct looking {
	struct vhd1_checker *c;
	uint64_t used;		/* blocks inside the file */
	uint64_t aligned;	/* of these, with data on a 4 KiB border */
	struct vhd1_hole hole;
	uint64_t plain_at;	/* the last place that is not a footer's */
};

static int check_bitmap(struct looking *l, uint64_t blk, uint64_t at,
			bool *footer_out, struct vhd_error *err)
{
	struct vhd1_checker *c = l->c;
	uint8_t raw[VHD1_FOOTER_LEN];
	bool hole;
	int rc;

	*footer_out = false;
	/* Of a table of one place, that place is read once. */
	if (at >= c->v->file_size || at == l->plain_at)
		return 0;
	rc = vhd1_in_hole(c->v, &l->hole, at, sizeof(raw), &hole, err);
	if (rc || hole)
		return rc;
	rc = vhd1_read(c->v, raw, sizeof(raw), at, err);
	if (rc)
		return rc;
	*footer_out = vhd1_sealed(vhd1_footer_seal(raw));
	if (!*footer_out)
		l->plain_at = at;
	if (*footer_out && vhd1_may_say(c, RULE_VHD1_BITMAP_IS_FOOTER))
		vhd_report(c->sink, RULE_VHD1_BITMAP_IS_FOOTER, at,
			   "sector bitmap of block %" PRIu64 " at 0x%" PRIx64
			   " is a footer", blk, at);
	return 0;
}

static void check_end(struct vhd1_checker *c, uint64_t blk, uint64_t at)
{
	const struct vhd1 *v = c->v;
	uint64_t end = at + vhd1_stride(v);

	if (end > FORMAT_END && vhd1_may_say(c, RULE_VHD1_BLOCK_LIMIT))
		vhd_report(c->sink, RULE_VHD1_BLOCK_LIMIT, at,
			   "block %" PRIu64 " at 0x%" PRIx64 " ends beyond "
			   "2 TiB", blk, at);
	if (end <= v->tail_off || !vhd1_may_say(c, RULE_VHD1_BLOCK_PAST_END))
		return;
	if (at + v->bitmap_len >= v->tail_off)
		vhd_report(c->sink, RULE_VHD1_BLOCK_PAST_END, at,
			   "block %" PRIu64 " at 0x%" PRIx64 " lies past the "
			   "end of the data (0x%" PRIx64 ")", blk, at,
			   v->tail_off);
	else if (end > v->file_size)
		vhd_report(c->sink, RULE_VHD1_BLOCK_PAST_END, at,
			   "block %" PRIu64 " at 0x%" PRIx64 " is truncated: "
			   "its last %" PRIu64 " bytes are missing", blk, at,
			   end - v->file_size);
	else
		vhd_report(c->sink, RULE_VHD1_BLOCK_PAST_END, at,
			   "block %" PRIu64 " at 0x%" PRIx64 " overlaps the "
			   "trailing footer at 0x%" PRIx64, blk, at,
			   v->tail_off);
}

static int check_block(void *arg, uint64_t blk, uint32_t entry,
		       struct vhd_error *err)
{
	struct looking *l = arg;
	struct vhd1_checker *c = l->c;
	const struct vhd1 *v = c->v;
	uint64_t at = vhd1_entry_off(entry);
	const struct vhd1_span *hit = vhd1_span_hit(v, at, v->span_count);
	bool footer;
	int rc;

	c->entries++;
	if (hit && vhd1_may_say(c, RULE_VHD1_BLOCK_IN_META))
		vhd_report(c->sink, RULE_VHD1_BLOCK_IN_META, at,
			   "block %" PRIu64 " at 0x%" PRIx64 " overlaps %s at "
			   "0x%" PRIx64, blk, at, hit->what, hit->off);
	if (blk >= vhd1_block_count(v) &&
	    vhd1_may_say(c, RULE_VHD1_BLOCK_BEYOND_DISK))
		vhd_report(c->sink, RULE_VHD1_BLOCK_BEYOND_DISK, at,
			   "block %" PRIu64 " is allocated, and the disk has %"
			   PRIu64, blk, vhd1_block_count(v));
	if (hit)
		return 0;
	rc = check_bitmap(l, blk, at, &footer, err);
	if (rc || footer)
		return rc;
	check_end(c, blk, at);
	if (at + vhd1_stride(v) <= v->tail_off) {
		l->used++;
		l->aligned += (at + v->bitmap_len) % 4096 == 0;
	}
	return 0;
}

static int tick(void *arg, uint64_t done, struct vhd_error *err)
{
	const struct looking *l = arg;

	l->c->req->blocks = done;
	return vhd1_check_tick(l->c, done, err);
}

/*
 * Packed blocks of 2 MiB shift by a sector each, so one in eight is aligned by
 * chance (VHD-A-1): only more than that is a mixture.
 */
static void check_alignment(const struct looking *l)
{
	const struct vhd1_checker *c = l->c;

	if (l->aligned == l->used)
		return;
	if (l->aligned <= div_ceil(l->used, 8))
		vhd_report(c->sink, RULE_VHD1_ALIGN_NONE, VHD_NO_OFFSET,
			   "data of %" PRIu64 " of %" PRIu64 " blocks is not "
			   "aligned to 4 KiB", l->used - l->aligned, l->used);
	else
		vhd_report(c->sink, RULE_VHD1_ALIGN_MIXED, VHD_NO_OFFSET,
			   "data of %" PRIu64 " blocks is aligned to 4 KiB, "
			   "that of %" PRIu64 " is not", l->aligned,
			   l->used - l->aligned);
}

int vhd1_check_blocks(struct vhd1_checker *c, struct vhd_error *err)
{
	struct looking l = { .c = c };
	const struct vhd1_walk walk = {
		.fn = check_block, .tick = tick, .arg = &l
	};
	int rc = vhd1_table_walk(c->v, &walk, err);

	if (rc)
		return rc;
	c->pass++;
	check_alignment(&l);
	return 0;
}
