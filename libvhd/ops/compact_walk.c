/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk over all blocks that have space in the file, in the order of the
 * disk.
 *
 * What is unused comes as ranges, pushed by whoever understands the file
 * systems, and drives the walk: blocks before a range are in use as a whole,
 * those that it covers are not, and of the one that it covers in part the ranges
 * are gathered until the next block begins.  So nothing is kept but the ranges
 * of one block, and each block is looked at once.
 */
#include "base/ckd.h"
#include "base/fail.h"
#include "image/write.h"
#include "ops/compact_priv.h"

/* Is the block of the run that starts at its beginning allocated? */
static int has_space(struct compact *c, uint64_t blk,
		     const struct vhd_run *run, bool *yes_out,
		     struct vhd_error *err)
{
	uint64_t len = compact_end_of(c, blk) - blk * c->block_size;
	struct vhd_blk b;
	int rc;

	*yes_out = run->kind == VHD_RUN_DATA || run->len < len ||
		   run->flags & VHD_EXTENT_ALLOCATED;
	/* It may have space, but not a bit that says so. */
	if (*yes_out || run->len > len || c->dry || !c->child)
		return 0;
	rc = vhd_image_block_look(c->img, blk, &b, err);
	*yes_out = !rc && (b.kind == VHD_BLK_FULL || b.kind == VHD_BLK_SOME);
	return rc;
}

static bool is_vhd(const struct compact *c)
{
	return c->img->layers[0].format == VHD_FORMAT_VHD;
}

/* A block that nobody uses. */
static int unused_block(struct compact *c, uint64_t blk, bool *done_out,
			struct vhd_error *err)
{
	return vhd_compact_drop(c, blk, c->child && is_vhd(c) ?
				VHD_UNMAP_BELOW : VHD_UNMAP_DISCARD, done_out,
				err);
}

/* A block whose unused parts are c->ranges. */
static int used_block(struct compact *c, uint64_t blk, bool *done_out,
		      struct vhd_error *err)
{
	enum compact_worth worth;
	int rc = vhd_compact_worth(c, blk, &worth, err);

	*done_out = false;
	if (rc || worth == COMPACT_KEEP)
		return rc;
	return vhd_compact_drop(c, blk, worth == COMPACT_BELOW ?
				VHD_UNMAP_BELOW : VHD_UNMAP_ZERO, done_out,
				err);
}

static int one_block(struct compact *c, uint64_t blk, bool unused,
		     struct vhd_error *err)
{
	uint64_t start = blk * c->block_size;
	struct vhd_compact_result *res = c->res;
	bool done;
	int rc;

	res->blocks++;
	rc = unused ? unused_block(c, blk, &done, err)
		    : used_block(c, blk, &done, err);
	if (rc)
		return rc;
	if (done && (unused || c->count))
		res->unused_blocks++;
	else if (done)
		res->zero_blocks++;
	if (done)
		return 0;
	c->kept++;
	if (unused)
		return vhd_compact_punch(c, start, compact_end_of(c, blk),
					 err);
	for (size_t i = 0; !rc && i < c->count; i++)
		rc = vhd_compact_punch(c, c->ranges[i].off, c->ranges[i].end,
				       err);
	return rc;
}

/* Blocks from c->next up to @to; all of them are alike. */
static int walk_to(struct compact *c, uint64_t to, bool unused,
		   struct vhd_error *err)
{
	int rc = 0;

	while (!rc && c->next < to) {
		uint64_t blk = c->next, off = blk * c->block_size;
		struct vhd_run run;
		bool yes;

		rc = vhd_image_own_run(c->img, off,
				       compact_end_of(c, to - 1) - off, &run,
				       err);
		if (!rc)
			rc = has_space(c, blk, &run, &yes, err);
		if (rc)
			return rc;
		if (yes)
			rc = one_block(c, blk, unused, err);
		c->next = yes ? blk + 1 :
			  min_u64(div_ceil(off + run.len, c->block_size), to);
		if (!rc)
			rc = vhd_compact_tell(c, compact_end_of(c, c->next - 1),
					      c->img->size, err);
	}
	return rc;
}

/* The block that ranges were gathered of, if there is one. */
static int settle(struct compact *c, struct vhd_error *err)
{
	int rc;

	if (!c->count)
		return 0;
	rc = walk_to(c, c->next + 1, false, err);
	c->count = 0;
	return rc;
}

/* One more range of the block c->next.  The smallest are forgotten. */
static void gather(struct compact *c, uint64_t off, uint64_t end)
{
	size_t least = 0, i;

	if (c->count && c->ranges[c->count - 1].end == off) {
		c->ranges[c->count - 1].end = end;
		return;
	}
	if (c->count == COMPACT_RANGES) {
		for (i = 1; i < c->count; i++) {
			if (c->ranges[i].end - c->ranges[i].off <
			    c->ranges[least].end - c->ranges[least].off)
				least = i;
		}
		if (end - off <= c->ranges[least].end - c->ranges[least].off)
			return;
		for (i = least; i + 1 < c->count; i++)
			c->ranges[i] = c->ranges[i + 1];
		c->count--;
	}
	c->ranges[c->count++] = (struct compact_range){ off, end };
}

/* A part of block c->next that does not cover it; its end settles the block. */
static int part(struct compact *c, uint64_t off, uint64_t end,
		struct vhd_error *err)
{
	uint64_t start = c->next * c->block_size;
	uint64_t stop = compact_end_of(c, c->next);

	gather(c, off, end);
	if (end < stop)
		return 0;
	if (c->count > 1 || c->ranges[0].off > start)
		return settle(c, err);
	c->count = 0;
	return walk_to(c, c->next + 1, true, err);
}

static int unused_range(struct compact *c, uint64_t off, uint64_t end,
			struct vhd_error *err)
{
	int rc = 0;

	while (!rc && off < end) {
		uint64_t blk = off / c->block_size, to = blk;

		if (blk != c->next) {
			rc = settle(c, err);
			if (!rc)
				rc = walk_to(c, blk, false, err);
		}
		if (!rc && off % c->block_size == 0)
			to = end == c->img->size ? c->blocks
						 : end / c->block_size;
		if (rc)
			return rc;
		if (to > blk) {
			rc = walk_to(c, to, true, err);
			off = compact_end_of(c, to - 1);
		} else {
			uint64_t stop = min_u64(end, compact_end_of(c, blk));

			rc = part(c, off, stop, err);
			off = stop;
		}
	}
	return rc;
}

struct listener {
	struct compact *c;
	uint64_t told;			/* the ranges so far end here */
	struct vhd_error *err;
	int rc;
};

static bool on_unused(void *arg, uint64_t off, uint64_t len)
{
	struct listener *l = arg;

	if (off < l->told || !range_in(off, len, l->c->img->size)) {
		l->rc = vhd_fail(l->err, VHD_E_INVAL,
				 "the unused bytes at 0x%llx are out of order",
				 (unsigned long long)off);
		return false;
	}
	l->told = off + len;
	l->c->res->unused_bytes += len;
	l->rc = unused_range(l->c, off, off + len, l->err);
	return !l->rc;
}

int vhd_compact_walk(struct compact *c, struct vhd_error *err)
{
	struct listener l = { .c = c, .err = err };
	int rc = 0;

	if (c->opts->unused)
		rc = c->opts->unused(c->opts->unused_arg, c->img, on_unused,
				     &l, err);
	if (l.rc)
		return l.rc;
	if (!rc)
		rc = settle(c, err);
	return rc ? rc : walk_to(c, c->blocks, false, err);
}
