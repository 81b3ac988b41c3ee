/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xen's batmap while an image is written to: blocks that it shows full and that
 * lose their space, and blocks that it is to show.
 *
 * Of the former the bit has to be gone before the entry is (VHD-X-10).
 *
 * Changing the map safely takes five flushes (vhd1_batmap_put.c), too many for
 * each block and few for all of them.  The first such block clears the whole
 * map, which is always right (VHD-X-5).  What it said is kept in memory, a bit
 * for each block, and without those that lost their space becomes the map again
 * when the file is closed.
 *
 * Blocks that became full are shown by the same map on close, when their bitmaps
 * are durable (VHD-X-5); until then nobody misses them.
 *
 * In a file where some blocks are packed, so that Xen would write over the end of
 * one when it writes to the next (VHD-X-12), the map stays clear.
 */
#include "vhd1/vhd1_reshape.h"

#include "base/alloc.h"
#include "base/bitmap.h"

/* Longer maps, of disks with tiny blocks, are not kept. */
#define MAP_MAX (UINT64_C(1) << 20)

static void drop(struct vhd1_write *wr)
{
	vhd_free(wr->map);
	wr->map = NULL;
	wr->map_more = false;
}

static int keep(struct vhd1 *v, struct vhd_error *err)
{
	struct vhd1_write *wr = v->write;
	uint64_t len = vhd1_batmap_valid(v);
	int rc;

	if (wr->map || len > MAP_MAX || wr->unaligned)
		return 0;
	wr->map = vhd_alloc((size_t)len);
	if (!wr->map)
		return 0;
	wr->map_len = len;
	rc = vhd_io_read(v->io, wr->map, (size_t)len, v->batmap.map_off, err);
	if (rc)
		drop(wr);
	return rc;
}

static int clear(struct vhd1 *v, struct vhd_error *err)
{
	static const struct vhd1_map_edit none = {
		.keep = 0, .but = VHD_NO_OFFSET
	};
	struct vhd1_write *wr = v->write;
	int rc = keep(v, err);

	if (!rc)
		rc = vhd1_batmap_put(v, &none, err);
	wr->map_stale = !rc;
	if (rc)
		drop(wr);
	return rc;
}

int vhd1_unmark(struct vhd1 *v, uint64_t blk, bool *may_out,
		struct vhd_error *err)
{
	struct vhd1_write *wr = v->write;
	bool marked;
	int rc = 0;

	*may_out = true;
	if (!wr->map_stale) {
		rc = vhd1_batmap_bit(v, blk, &marked, err);
		if (rc || !marked)
			return rc;
		rc = clear(v, err);
	}
	*may_out = !rc;
	if (!rc && wr->map && blk / 8 < wr->map_len)
		vhd_bit_clear(wr->map, blk, VHD_MSB_FIRST);
	/* Then the block keeps its space. */
	return rc == VHD_E_NOSPACE || rc == VHD_E_NOMEM ? 0 : rc;
}

static int is_full(struct vhd1 *v, uint64_t blk, bool *yes_out,
		   struct vhd_error *err)
{
	uint64_t sectors = v->hdr.block_size / VHD1_SECTOR, count;
	uint32_t entry;
	int rc;

	*yes_out = false;
	if (blk >= vhd1_block_count(v) || vhd1_sectors_of(v, blk) < sectors)
		return 0;
	rc = vhd1_entry(v, blk, &entry, err);
	if (rc || entry == VHD1_UNUSED)
		return rc;
	rc = vhd1_bit_run(v, blk, vhd1_entry_off(entry), 0, sectors, yes_out,
			  &count, err);
	*yes_out = !rc && *yes_out && count == sectors;
	return rc;
}

int vhd1_show_full(struct vhd1 *v, uint64_t blk, struct vhd_error *err)
{
	struct vhd1_write *wr = v->write;
	bool full;
	int rc;

	/* A map that was cleared without being kept stays clear. */
	if (!v->has_batmap || (wr->map_stale && !wr->map))
		return 0;
	rc = vhd1_scan(v, err);
	if (!rc)
		rc = keep(v, err);
	if (!rc && wr->map && vhd1_batmap_away(v))
		wr->map_more = true;
	if (rc || !wr->map || blk / 8 >= wr->map_len ||
	    vhd_bit_get(wr->map, blk, VHD_MSB_FIRST))
		return rc;
	rc = is_full(v, blk, &full, err);
	if (rc || !full)
		return rc;
	vhd_bit_set(wr->map, blk, VHD_MSB_FIRST);
	wr->map_more = true;
	return 0;
}

int vhd1_remark(struct vhd1 *v, struct vhd_error *err)
{
	struct vhd1_write *wr = v->write;
	const struct vhd1_map_edit e = {
		.keep = UINT64_MAX, .but = VHD_NO_OFFSET,
		.given = wr->map, .given_len = wr->map_len
	};
	int rc;

	if (!wr->map || !(wr->map_stale || wr->map_more))
		return 0;
	rc = vhd1_batmap_put(v, &e, err);
	if (!rc)
		wr->map_stale = wr->map_more = false;
	/* A clear map is in order as well. */
	return rc == VHD_E_NOSPACE || rc == VHD_E_NOMEM ? 0 : rc;
}
