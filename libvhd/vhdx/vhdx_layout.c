/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks of the whole table: how much is allocated, and what lies where. */
#include "vhdx/vhdx_bat.h"

static void count(const struct vhdx *x, uint64_t raw, struct vhd_usage *u)
{
	struct vhdx_batent ent = vhdx_batent_unpack(raw);

	switch (ent.state) {
	case VHDX_NOT_PRESENT:
	case VHDX_RESERVED_4:
		break;
	case VHDX_UNDEFINED:
	case VHDX_ZERO:
	case VHDX_UNMAPPED:
	case VHDX_UNMAPPED_DRAFT:
		u->blocks_zero++;
		break;
	case VHDX_PARTIALLY_PRESENT:
		if (x->meta.has_parent)
			u->blocks_partial++;
		u->blocks_data++;
		break;
	case VHDX_FULLY_PRESENT:
		u->blocks_data++;
		break;
	}
}

/* Is that the entry of a payload block of the disk? */
static bool is_payload(const struct vhdx *x, uint64_t idx)
{
	return !vhdx_bat_idx_is_bitmap(&x->geom, idx) &&
	       vhdx_blk_of_bat_idx(&x->geom, idx) < x->geom.blk_count;
}

int vhdx_usage(void *eng, uint64_t bat_bytes, struct vhd_usage *out,
	       struct vhd_error *err)
{
	struct vhdx *x = eng;
	struct vhd_usage u = { .complete = true, .partial_known = true };
	struct vhdx_bat_iter it;
	uint64_t idx, raw;
	bool found;
	int rc;

	rc = vhdx_expose(x, err);
	if (!rc)
		rc = vhdx_bat_iter_begin(&it, x, x->bat_used, bat_bytes, err);
	if (rc)
		return rc;
	while (!(rc = vhdx_bat_iter_next(&it, &found, &idx, &raw, err)) &&
	       found) {
		if (is_payload(x, idx))
			count(x, raw, &u);
	}
	if (it.over)
		u = (struct vhd_usage){ .complete = false };
	u.data_bytes = u.blocks_data * x->geom.block_size;
	if (!rc)
		*out = u;
	vhdx_bat_iter_end(&it);
	return rc;
}

struct layout {
	const struct vhdx *x;
	vhd_region_fn fn;
	void *arg;
};

/* False when the caller has seen enough. */
static bool tell_taken(const struct layout *l)
{
	const struct vhdx *x = l->x;

	for (size_t i = 0; i < x->taken_count; i++) {
		enum vhd_region_kind kind = VHD_REGION_METADATA;

		if (x->taken[i].off == 0)
			kind = VHD_REGION_HEADER;
		else if (x->taken[i].off == x->regions.bat.off)
			kind = VHD_REGION_BAT;
		else if (x->log.len && x->taken[i].off == x->log.off)
			kind = VHD_REGION_LOG;
		if (!l->fn(l->arg, kind, x->taken[i].off, x->taken[i].len,
			   VHD_NO_OFFSET))
			return false;
	}
	return true;
}

static bool tell_entry(const struct layout *l, uint64_t idx, uint64_t raw)
{
	const struct vhdx_geom *g = &l->x->geom;
	struct vhdx_batent ent = vhdx_batent_unpack(raw);
	enum vhd_region_kind kind = VHD_REGION_DATA;

	/* Nowhere, or where no file has bytes: its end would not be a number. */
	if (!ent.file_off ||
	    !range_in(ent.file_off, VHDX_BLOCK_SIZE_MAX, INT64_MAX))
		return true;
	if (vhdx_bat_idx_is_bitmap(g, idx)) {
		if (!l->x->meta.has_parent || ent.state != VHDX_FULLY_PRESENT)
			return true;
		return l->fn(l->arg, VHD_REGION_BITMAP, ent.file_off,
			     VHDX_BITMAP_LEN, vhdx_chunk_of_bat_idx(g, idx));
	}
	if (!is_payload(l->x, idx))
		return true;
	if (vhdx_batent_is_anchor(&ent))
		kind = VHD_REGION_RESERVED;
	else if (!vhdx_state_has_data(ent.state))
		return true;
	return l->fn(l->arg, kind, ent.file_off, g->block_size,
		     vhdx_blk_of_bat_idx(g, idx));
}

int vhdx_layout(void *eng, vhd_region_fn fn, void *arg, struct vhd_error *err)
{
	struct vhdx *x = eng;
	struct layout l = { x, fn, arg };
	struct vhdx_bat_iter it;
	uint64_t idx, raw;
	bool found;
	int rc;

	if (!tell_taken(&l))
		return 0;
	rc = vhdx_expose(x, err);
	if (!rc)
		rc = vhdx_bat_iter_begin(&it, x, x->bat_used, UINT64_MAX, err);
	if (rc)
		return rc;
	while (!(rc = vhdx_bat_iter_next(&it, &found, &idx, &raw, err)) &&
	       found) {
		if (!tell_entry(&l, idx, raw))
			break;
	}
	vhdx_bat_iter_end(&it);
	return rc;
}
