/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way past what is sound.  A table of the largest disk has 67 million
 * entries, and nearly all of them say: whole block, right behind the last one.
 * Such entries are compared, claimed and counted many at a time.  Everything
 * that is in any way different is left to the rules (vhdx_check_entry.c), so
 * there is no rule here, only the absence of all of them.
 */
#include "vhdx/vhdx_check_priv.h"

/* So many at a time that a look that leads nowhere costs little. */
enum { RUN_MAX = 64 };

/* Finds the part of the file around @off that no metadata lies in. */
static bool find_gap(struct vhdx_check *c, uint64_t off)
{
	const struct vhdx *x = c->x;

	c->gap_off = 0;
	c->gap_end = x->file_size;
	for (size_t i = 0; i < x->taken_count; i++) {
		const struct vhdx_place *p = &x->taken[i];

		if (p->off > off) {
			c->gap_end = min_u64(p->off, c->gap_end);
			break;
		}
		c->gap_off = p->off + p->len;
	}
	return off >= c->gap_off && off < c->gap_end;
}

/* Whole blocks from @off on that lie in the file and in no metadata. */
static uint64_t room(struct vhdx_check *c, uint64_t off)
{
	if ((off < c->gap_off || off >= c->gap_end) && !find_gap(c, off))
		return 0;
	return (c->gap_end - off) >> c->x->geom.block_shift;
}

size_t vhdx_check_run(struct vhdx_check *c, uint64_t idx, const le64 *ents,
		      size_t count)
{
	const struct vhdx_geom *g = &c->x->geom;
	uint64_t raw = le64_get(ents[0]), off = raw - VHDX_FULLY_PRESENT;
	uint64_t unit = g->block_size / MiB;
	uint64_t end = min_u64(c->slot_idx, g->blk_count + c->chunk);
	uint64_t max, n;

	/* Not the entry behind one of the same place: VHDX-BUG-Q9. */
	if (off % MiB || !off || c->x->overlay || idx >= end ||
	    vhdx_batent_unpack(c->prev_raw).file_off == off)
		return 0;
	max = min_u64(min_u64(count, RUN_MAX), end - idx);
	max = min_u64(max, room(c, off));
	for (n = 0; n < max; n++) {
		if (le64_get(ents[n]) != raw + (n << g->block_shift))
			break;
	}
	n = vhdx_space_take_free(&c->space, off / MiB, n * unit, unit) / unit;
	if (!n)
		return 0;
	c->nonzero += n;
	c->full += n;
	if (c->lead == idx)
		c->lead += n;
	c->prev_idx = idx + n - 1;
	c->prev_raw = raw + ((n - 1) << g->block_shift);
	return (size_t)n;
}
