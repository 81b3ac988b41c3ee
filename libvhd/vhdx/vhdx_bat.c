/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fail.h"
#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_stored.h"

enum { ALIKE = 64 };	/* entries compared at a time */

void vhdx_bat_put(struct vhdx_bat_cursor *cur)
{
	if (cur->page)
		vhd_pcache_put(cur->x->pages, cur->page);
	cur->page = NULL;
}

static uint64_t page_of(const struct vhdx *x, uint64_t idx)
{
	return align_down(vhdx_bat_file_off(x, idx), VHD_PAGE_SIZE);
}

bool vhdx_bat_holds(const struct vhdx_bat_cursor *cur, uint64_t idx)
{
	return cur->page && cur->page_off == page_of(cur->x, idx);
}

int vhdx_bat_get(struct vhdx_bat_cursor *cur, uint64_t idx,
		 struct vhdx_batent *out, struct vhd_error *err)
{
	uint64_t off = vhdx_bat_file_off(cur->x, idx);
	le64 raw;

	if (!vhdx_bat_holds(cur, idx)) {
		int rc;

		vhdx_bat_put(cur);
		cur->page_off = page_of(cur->x, idx);
		rc = vhd_pcache_get(cur->x->pages, cur->page_off, &cur->page,
				    err);
		if (rc) {
			cur->page = NULL;
			return rc;
		}
	}
	vhd_page_read(cur->page, (size_t)(off - cur->page_off), &raw,
		      sizeof(raw));
	*out = vhdx_batent_decode(raw);
	return 0;
}

uint64_t vhdx_bat_alike(const struct vhdx_bat_cursor *cur, uint64_t blk)
{
	const struct vhdx_geom *g = &cur->x->geom;
	uint64_t off = vhdx_bat_file_off(cur->x, vhdx_bat_idx_of_blk(g, blk));
	uint64_t left = g->chunk_ratio - (blk & (g->chunk_ratio - 1));
	uint64_t same = 0, first = 0;

	left = min_u64(left, (cur->page_off + VHD_PAGE_SIZE - off) / 8);
	left = min_u64(left, g->blk_count - blk);
	while (same < left) {
		le64 part[ALIKE];
		size_t n = (size_t)min_u64(left - same, ALIKE), i = 0;

		vhd_page_read(cur->page,
			      (size_t)(off - cur->page_off + 8 * same), part,
			      8 * n);
		if (!same)
			first = le64_get(part[0]);
		while (i < n && le64_get(part[i]) == first)
			i++;
		same += i;
		if (i < n)
			break;
	}
	return same;
}

/* The block whose entry stands at @off of the file, or the next one's. */
static uint64_t blk_at(const struct vhdx *x, uint64_t off)
{
	uint64_t idx = vhdx_bat_idx_of_off(off - x->regions.bat.off);

	if (vhdx_bat_idx_is_bitmap(&x->geom, idx))
		idx++;
	return min_u64(vhdx_blk_of_bat_idx(&x->geom, idx), x->geom.blk_count);
}

int vhdx_bat_skip(struct vhdx_bat_cursor *cur, uint64_t blk, uint64_t *blk_out,
		  struct vhd_error *err)
{
	const struct vhdx *x = cur->x;
	uint64_t idx = vhdx_bat_idx_of_blk(&x->geom, blk);
	uint64_t end = vhdx_bat_file_off(x, x->bat_used);
	uint64_t start, stop;
	int rc;

	*blk_out = blk;
	if (blk < cur->stored_blk)
		return 0;
	rc = vhdx_next_stored(x, vhdx_bat_file_off(x, idx), end, &start, &stop,
			      err);
	if (rc)
		return rc;
	*blk_out = blk_at(x, start);
	cur->stored_blk = blk_at(x, stop);
	return 0;
}

enum vhd_rule_idx vhdx_place_check(const struct vhdx *x, uint64_t file_off,
				   uint64_t len)
{
	if (!file_off)
		return RULE_VHDX_BLOCK_NO_PLACE;
	if (file_off >= x->file_size)
		return RULE_VHDX_BLOCK_PAST_END;
	if (vhdx_taken(x, file_off, len))
		return RULE_VHDX_BLOCK_IN_META;
	return VHD_RULE_NONE;
}
