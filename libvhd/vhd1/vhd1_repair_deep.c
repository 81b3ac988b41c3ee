/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VHD-K-45: data that the bitmap of a dynamic disk says was never written.
 * Setting the bits shows it; zeroing it makes all readers agree that there is
 * none.  Looking for it means reading the disk, so it takes the owner's consent
 * to look at all.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/fail.h"
#include "vhd1/vhd1_deep.h"
#include "vhd1/vhd1_place.h"
#include "vhd1/vhd1_repair.h"

static int set_bits(struct vhd1_repairer *r, const struct vhd1_inside *b,
		    struct vhd_error *err)
{
	uint8_t *map = vhd_alloc(r->v->bitmap_len);
	uint64_t i;
	int rc;

	if (!map)
		return vhd_fail_nomem(err);
	memcpy(map, b->bits, r->v->bitmap_len);
	for (i = 0; i < b->sectors; i++)
		if (vhd_bit_get(b->data, i, VHD_MSB_FIRST))
			vhd_bit_set(map, i, VHD_MSB_FIRST);
	rc = vhd_io_write(r->io, map, r->v->bitmap_len, b->at, err);
	vhd_free(map);
	return rc;
}

static int zero_data(struct vhd1_repairer *r, const struct vhd1_inside *b,
		     struct vhd_error *err)
{
	static const uint8_t zeros[VHD1_SECTOR];
	uint64_t at = b->at + r->v->bitmap_len, i;
	int rc = 0;

	for (i = 0; !rc && i < b->sectors; i++)
		if (vhd_bit_get(b->data, i, VHD_MSB_FIRST) &&
		    !vhd_bit_get(b->bits, i, VHD_MSB_FIRST))
			rc = vhd_io_write(r->io, zeros, sizeof(zeros),
					  at + i * VHD1_SECTOR, err);
	return rc;
}

static int on_block(void *arg, const struct vhd1_inside *b,
		    struct vhd_error *err)
{
	struct vhd1_repairer *r = arg;
	bool zero = vhd1_chosen(r, RULE_VHD1_DATA_UNDER_CLEAR_BIT, "zero");
	uint64_t hidden = 0, i;
	int rc;

	for (i = 0; i < b->sectors; i++)
		hidden += vhd_bit_get(b->data, i, VHD_MSB_FIRST) &&
			  !vhd_bit_get(b->bits, i, VHD_MSB_FIRST);
	if (!hidden ||
	    !vhd1_may_block(r, RULE_VHD1_DATA_UNDER_CLEAR_BIT, b->at, b->blk,
		      zero ? r->v->hdr.block_size : VHD1_COST_MOVE,
		      zero ? "%" PRIu64 " sectors of block %" PRIu64 " that "
			     "are marked as never written become zeros for all "
			     "programs, also those that read a child" :
			     "%" PRIu64 " sectors of block %" PRIu64 " that "
			     "hold data are marked as written: the disk, and "
			     "children made from it, read that data then", hidden,
		      b->blk))
		return 0;
	rc = zero ? zero_data(r, b, err) : set_bits(r, b, err);
	return rc ? rc : vhd_io_flush(r->io, err);
}

static int on_tick(void *arg, uint64_t done, struct vhd_error *err)
{
	const struct vhd1_repairer *r = arg;
	const struct vhd_engine_repair *req = r->req;

	if (!req->progress || req->progress(req->progress_arg, done,
					    r->v->hdr.max_entries))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "repair was cancelled");
}

static int on_overlap(void *arg, const struct vhd1_block *a,
		      const struct vhd1_block *b, struct vhd_error *err)
{
	bool *any = arg;

	(void)a;
	(void)b;
	(void)err;
	*any = true;
	return 1;
}

int vhd1_repair_deep(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1_deep deep = { on_block, on_tick, r, false };
	bool any = false;
	const struct vhd1_places places = { .overlap = on_overlap,
					    .arg = &any };
	int rc;

	/* A guess is better than nothing, but data that the disk denies having
	 * is none of either. */
	if (r->v->footer.type != VHD1_TYPE_DYNAMIC || r->req->salvage ||
	    !vhd1_fix_header_ok(r) ||
	    !vhd_mend_choice(&r->req->mender, RULE_VHD1_DATA_UNDER_CLEAR_BIT))
		return 0;
	/* What is a bitmap to one block is data to another. */
	rc = vhd1_place_walk(r->v, &places, err);
	return rc || any ? rc : vhd1_deep_walk(r->v, &deep, err);
}
