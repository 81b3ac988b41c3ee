/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks that are given up, and bits of Xen's batmap that are taken back.
 *
 * There may be millions, and each takes a flush between the map, its checksum
 * and the table (VHD-X-10).  So they are collected for a page of the map, 32768
 * blocks, and done together: a bit is cleared before its entry is, and what
 * others there are in between does not matter.
 *
 * The checksum changes with the bits: right stays right, wrong stays wrong.
 */
#include <string.h>

#include "base/bitmap.h"
#include "base/bytes.h"
#include "base/ckd.h"
#include "vhd1/vhd1_repair.h"

static int sum_put(struct vhd1_repairer *r, struct vhd_error *err)
{
	uint64_t off = r->v->batmap_hdr_off +
		       offsetof(struct vhd1_batmap_disk, checksum);
	be32 sum = be32_make(r->v->batmap.checksum);

	return vhd1_fix_put(r, &sum, sizeof(sum), off, err);
}

/* What changes of @len bytes; a bit behind what is summed counts for nothing. */
static int piece_put(struct vhd1_repairer *r, const uint8_t *old,
		     const uint8_t *new, size_t len, uint64_t at,
		     struct vhd_error *err)
{
	struct vhd1_batmap *m = &r->v->batmap;
	uint64_t end = vhd1_batmap_covered(r->v->footer.current_size);
	size_t summed = at < end ? (size_t)min_u64(len, end - at) : 0;
	size_t from = 0, to = len;
	int rc;

	while (from < to && old[from] == new[from])
		from++;
	while (from < to && old[to - 1] == new[to - 1])
		to--;
	if (from == to)
		return 0;
	m->checksum += vhd1_batmap_sum(0, old, summed, m->version) -
		       vhd1_batmap_sum(0, new, summed, m->version);
	rc = vhd1_fix_put(r, new + from, to - from, m->map_off + at + from,
			  err);
	return rc ? rc : sum_put(r, err);
}

int vhd1_fix_batmap_bits(struct vhd1_repairer *r, uint64_t first,
			 const uint8_t clear[VHD1_CLEAR_LEN],
			 struct vhd_error *err)
{
	const struct vhd1 *v = r->v;
	uint8_t old[VHD1_CLEAR_LEN], new[VHD1_CLEAR_LEN];
	uint64_t at = first / 8, end = UINT64_C(512) * v->batmap.map_sectors;
	bool taken;
	size_t len, i;
	int rc;

	if (!v->has_batmap || at >= end)
		return 0;
	rc = vhd1_fix_map_taken(r, &taken, err);
	if (rc || taken)
		return rc;
	len = (size_t)min_u64(sizeof(old), end - at);
	rc = vhd_io_read(r->io, old, len, v->batmap.map_off + at, err);
	if (rc)
		return rc;
	for (i = 0; i < len; i++)
		new[i] = old[i] & (uint8_t)~clear[i];
	return piece_put(r, old, new, len, at, err);
}

int vhd1_fix_clear(struct vhd1_repairer *r, uint64_t blk,
		   struct vhd_error *err)
{
	struct vhd1_clearing *c = &r->clearing;
	uint64_t first = align_down(blk, VHD1_CLEAR_BLOCKS);
	int rc = c->any && c->first != first ? vhd1_fix_cleared(r, err) : 0;

	c->any = true;
	c->first = first;
	vhd_bit_set(c->bits, blk - first, VHD_MSB_FIRST);
	return rc;
}

bool vhd1_fix_is_clearing(const struct vhd1_repairer *r, uint64_t blk)
{
	const struct vhd1_clearing *c = &r->clearing;

	return c->any && c->first == align_down(blk, VHD1_CLEAR_BLOCKS) &&
	       vhd_bit_get(c->bits, blk - c->first, VHD_MSB_FIRST);
}

int vhd1_fix_cleared(struct vhd1_repairer *r, struct vhd_error *err)
{
	struct vhd1_clearing *c = &r->clearing;
	uint64_t i;
	int rc;

	if (!c->any)
		return 0;
	rc = vhd1_fix_batmap_bits(r, c->first, c->bits, err);
	for (i = 0; !rc && i < VHD1_CLEAR_BLOCKS; i++)
		if (vhd_bit_get(c->bits, i, VHD_MSB_FIRST))
			rc = vhd1_fix_entry(r, c->first + i, VHD1_UNUSED, err);
	memset(c, 0, sizeof(*c));
	return rc ? rc : vhd_io_flush(r->io, err);
}
