/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sector bitmaps: one a chunk, a bit a sector, least significant bit first;
 * 1 is this file, 0 is the parent (VHDX-SB-01).  They are read a part at a
 * time, through the cache.
 */
#include "vhdx/vhdx_bitmap.h"

#include <inttypes.h>

#include "base/bitmap.h"
#include "base/fail.h"

enum {
	PART_LEN = 512,		/* bytes looked at at a time; divides a page */
	PART_FIRST = 64		/* at first: most runs that end end soon */
};

int vhdx_bitmap_find(struct vhdx *x, uint64_t chunk, uint64_t *file_off_out,
		     struct vhd_error *err)
{
	struct vhdx_bat_cursor cur = { .x = x };
	uint64_t idx = vhdx_bat_idx_of_chunk(&x->geom, chunk);
	struct vhdx_batent ent;
	int rc;

	rc = vhdx_bat_get(&cur, idx, &ent, err);
	vhdx_bat_put(&cur);
	if (rc)
		return rc;
	if (ent.state == VHDX_NOT_PRESENT)
		return vhd_fail_rule(err, RULE_VHDX_BITMAP_MISSING,
				     vhdx_bat_file_off(x, idx),
				     "chunk %" PRIu64 " has a partially present "
				     "block and no sector bitmap", chunk);
	if (ent.state != VHDX_FULLY_PRESENT ||
	    vhdx_place_check(x, ent.file_off, VHDX_BITMAP_LEN) != VHD_RULE_NONE)
		return vhd_fail_rule(err, RULE_VHDX_BITMAP_STATE,
				     vhdx_bat_file_off(x, idx),
				     "sector bitmap of chunk %" PRIu64 " has "
				     "state %d and lies at 0x%" PRIx64, chunk,
				     (int)ent.state, ent.file_off);
	*file_off_out = ent.file_off;
	return 0;
}

/*
 * Bits that the file does not hold are lost.  Read as zeros they would say "the
 * parent's" of what was written here.
 */
static int cut_check(const struct vhdx *x, uint64_t map_off, uint64_t end_bit,
		     struct vhd_error *err)
{
	if (map_off + div_ceil(end_bit, 8) <= x->file_size)
		return 0;
	return vhd_fail_rule(err, RULE_VHDX_BITMAP_STATE, map_off,
			     "sector bitmap at 0x%" PRIx64 " is cut off by the "
			     "end of the file, 0x%" PRIx64, map_off,
			     x->file_size);
}

/*
 * A copy of the part of a bitmap that holds bit @bit, up to bit @end: a writer
 * may be setting bits beside us.  Parts lie on multiples of their length, @most,
 * or less behind the first one.  Gives the numbers of the part's first bit and of
 * the one behind it.
 */
static int part_read(struct vhdx *x, uint64_t map_off, uint64_t bit,
		     uint64_t end, uint64_t most, uint8_t part[PART_LEN],
		     uint64_t *first_out, uint64_t *stop_out,
		     struct vhd_error *err)
{
	uint64_t first = align_down(bit, 8 * PART_FIRST);
	uint64_t stop = min_u64(end, align_down(first, 8 * most) + 8 * most);
	size_t len = (size_t)div_ceil(stop - first, 8);

	*first_out = first;
	*stop_out = stop;
	return vhd_pcache_read(x->pages, map_off + first / 8, part, len, err);
}

int vhdx_bitmap_count(struct vhdx *x, uint64_t map_off, uint64_t first,
		      uint64_t end, bool *value_out, uint64_t *count_out,
		      struct vhd_error *err)
{
	uint64_t bit = first, most = PART_FIRST;
	bool value = false;
	int rc = cut_check(x, map_off, end, err);

	for (; !rc && bit < end; most = PART_LEN) {
		uint8_t part[PART_LEN];
		uint64_t base, stop, limit, run = 0;

		rc = part_read(x, map_off, bit, end, most, part, &base, &stop,
			       err);
		if (rc)
			break;
		limit = stop - base;
		if (bit == first)
			value = vhd_bit_get(part, bit - base, VHD_LSB_FIRST);
		if (vhd_bit_get(part, bit - base, VHD_LSB_FIRST) == value)
			run = vhd_bit_run(part, bit - base, limit,
					  VHD_LSB_FIRST);
		bit += run;
		if (bit < stop)
			break;
	}
	if (rc)
		return rc;
	*count_out = bit - first;
	*value_out = value;
	return 0;
}

int vhdx_bitmap_run(struct vhdx *x, uint64_t blk_file_off, uint64_t off,
		    uint64_t len, struct vhd_run *out, struct vhd_error *err)
{
	const struct vhdx_geom *g = &x->geom;
	uint64_t blk = vhdx_blk_of_off(g, off);
	uint64_t in_blk = vhdx_off_in_blk(g, off);
	uint64_t skip = off & (g->logical_sector - 1);
	uint64_t first = vhdx_bitmap_bit_of_off(g, off);
	uint64_t map_off = 0, secs, count;
	bool here;
	int rc;

	rc = vhdx_bitmap_find(x, vhdx_chunk_of_blk(g, blk), &map_off, err);
	if (rc)
		return rc;
	len = min_u64(len, vhdx_blk_len(g, blk) - in_blk);
	secs = div_ceil(skip + len, g->logical_sector);
	rc = vhdx_bitmap_count(x, map_off, first, first + secs, &here, &count,
			       err);
	if (rc)
		return rc;
	len = min_u64(len, count * g->logical_sector - skip);
	if (here)
		*out = (struct vhd_run){ len, blk_file_off + in_blk,
					 VHD_RUN_DATA, VHD_EXTENT_ALLOCATED };
	else
		*out = (struct vhd_run){ len, VHD_NO_OFFSET, VHD_RUN_PARENT,
					 0 };
	return 0;
}
