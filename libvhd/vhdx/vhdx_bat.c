/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fail.h"
#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_stored.h"

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

int vhdx_bat_skip(const struct vhdx *x, uint64_t blk, uint64_t *blk_out,
		  struct vhd_error *err)
{
	uint64_t idx = vhdx_bat_idx_of_blk(&x->geom, blk);
	uint64_t end = vhdx_bat_file_off(x, x->bat_used);
	uint64_t start, stop, next;
	int rc;

	rc = vhdx_next_stored(x, vhdx_bat_file_off(x, idx), end, &start, &stop,
			      err);
	if (rc)
		return rc;
	next = vhdx_bat_idx_of_off(start - x->regions.bat.off);
	if (vhdx_bat_idx_is_bitmap(&x->geom, next))
		next++;
	*blk_out = min_u64(vhdx_blk_of_bat_idx(&x->geom, next),
			   x->geom.blk_count);
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
