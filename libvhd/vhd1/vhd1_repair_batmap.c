/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xen's batmap: VHD-K-51 to VHD-K-59.
 *
 * A clear bit says "unknown" and is always right (VHD-X-5), so bits are only
 * ever cleared.  A map that is lost is made anew, empty, where Xen looks for it;
 * if something else has that place, the image stops claiming to have one, unless
 * the map's header is all that is known of an encryption key.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_batmap_scan.h"
#include "vhd1/vhd1_place.h"
#include "vhd1/vhd1_repair.h"
#include "vhd1/vhd1_write.h"

enum {
	BITS_PAGES = 32,		/* of a disk of 2 TiB: all */
	BITS_BLOCKS = BITS_PAGES * VHD1_CLEAR_BLOCKS
};

/* Bits to be cleared, of the pages of the map from @first on. */
struct bits {
	struct vhd1_repairer *r;
	enum vhd_rule_idx rule;
	uint64_t first;			/* block */
	uint64_t next;			/* one that is behind these pages */
	uint64_t end;			/* of the blocks so far */
	uint64_t count[BITS_PAGES];
	const char *why[BITS_PAGES];	/* of the first */
	uint8_t *map;			/* owned */
};

static int bits_new(struct bits *b, struct vhd1_repairer *r,
		    enum vhd_rule_idx rule, struct vhd_error *err)
{
	*b = (struct bits){ .r = r, .rule = rule, .next = UINT64_MAX };
	b->map = vhd_alloc((size_t)BITS_BLOCKS / 8);
	return b->map ? 0 : vhd_fail_nomem(err);
}

/* Of a block in front of the pages the bit is clear already. */
static void bits_add(struct bits *b, uint64_t blk, const char *why)
{
	uint64_t at = blk - b->first;
	size_t page = (size_t)(at / VHD1_CLEAR_BLOCKS);

	if (blk < b->first)
		return;
	if (at >= BITS_BLOCKS) {
		b->next = min_u64(b->next, blk);
		return;
	}
	vhd_bit_set(b->map, at, VHD_MSB_FIRST);
	if (!b->count[page]++)
		b->why[page] = why;
}

static bool page_may(const struct bits *b, uint64_t blk, uint64_t count,
		     const char *why)
{
	uint64_t off = b->r->v->batmap.map_off + blk / 8;

	if (count == 1)
		return vhd1_may(b->r, b->rule, off, "block %" PRIu64
				" is no longer marked as full in the batmap: "
				"%s", blk, why);
	return vhd1_may(b->r, b->rule, off, "%" PRIu64 " blocks from block %"
			PRIu64 " on are no longer marked as full in the "
			"batmap: %s", count, blk,
			b->rule == RULE_VHD1_BATMAP_BIT ?
			"they are not allocated, or not full" :
			"others end right in front of them");
}

/* What is collected, page by page; then the pages at @b->next are those. */
static int bits_put(struct bits *b, struct vhd_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < BITS_PAGES; i++) {
		const uint8_t *map = b->map + i * VHD1_CLEAR_LEN;
		uint64_t first = b->first + i * VHD1_CLEAR_BLOCKS, at = 0;

		if (!b->count[i])
			continue;
		if (!vhd_bit_get(map, 0, VHD_MSB_FIRST))
			at = vhd_bit_run(map, 0, VHD1_CLEAR_BLOCKS,
					 VHD_MSB_FIRST);
		if (page_may(b, first + at, b->count[i], b->why[i]))
			rc = vhd1_fix_batmap_bits(b->r, first, map, err);
	}
	memset(b->map, 0, BITS_BLOCKS / 8);
	memset(b->count, 0, sizeof(b->count));
	b->first = align_down(b->next, BITS_BLOCKS);
	b->next = UINT64_MAX;
	return rc;
}

static int on_fault(void *arg, uint64_t blk, enum vhd1_bit_fault fault,
		    struct vhd_error *err)
{
	const char *why = fault == VHD1_BIT_UNUSED ? "it is not allocated" :
			  "its sector bitmap is not full";
	struct bits *b = arg;
	int rc;

	bits_add(b, blk, why);
	if (b->next == UINT64_MAX)
		return 0;
	rc = bits_put(b, err);
	bits_add(b, blk, why);
	return rc;
}

/* VHD-K-56; @sum_out of the map as it was. */
static int mend_marks(struct vhd1_repairer *r, uint32_t *sum_out,
		      struct vhd_error *err)
{
	struct bits b;
	struct vhd1_batmap_scan s = { .fault = on_fault, .arg = &b };
	int rc = bits_new(&b, r, RULE_VHD1_BATMAP_BIT, err);

	if (!rc)
		rc = vhd1_batmap_scan(r->v, &s, err);
	if (!rc)
		rc = bits_put(&b, err);
	*sum_out = s.checksum;
	vhd_free(b.map);
	return rc;
}

static int on_next(void *arg, const struct vhd1_block *at,
		   struct vhd_error *err)
{
	struct bits *b = arg;
	const struct vhd1 *v = b->r->v;
	bool packed = vhd1_is_packed(v, b->end, at->at), set = false;
	int rc = 0;

	b->end = max_u64(b->end, at->at + vhd1_stride(v));
	if (packed)
		rc = vhd1_batmap_bit(b->r->v, at->blk, &set, err);
	if (!rc && set)
		bits_add(b, at->blk, "another block ends right in front of it");
	return rc;
}

/* VHD-K-59.  They come in the order of the file, not of the map. */
static int mend_packed(struct vhd1_repairer *r, struct vhd_error *err)
{
	struct bits b;
	const struct vhd1_places places = { .next = on_next, .arg = &b };
	int rc = bits_new(&b, r, RULE_VHD1_BATMAP_PACKED, err);

	while (!rc && b.first < r->v->hdr.max_entries && !r->full) {
		b.end = 0;
		rc = vhd1_place_walk(r->v, &places, err);
		if (!rc)
			rc = bits_put(&b, err);
	}
	vhd_free(b.map);
	return rc;
}

static int sum_put(struct vhd1_repairer *r, uint32_t sum,
		   struct vhd_error *err)
{
	uint64_t off = r->v->batmap_hdr_off;
	be32 raw = be32_make(sum);

	if (!vhd1_may(r, RULE_VHD1_BATMAP_CHECKSUM, off,
		      "the batmap gets its right checksum, 0x%08" PRIx32, sum))
		return 0;
	return vhd1_fix_put(r, &raw, sizeof(raw), off +
			    offsetof(struct vhd1_batmap_disk, checksum), err);
}

/* A sum over bits that have yet to be cleared is right for what is there. */
static int mend_bits(struct vhd1_repairer *r, struct vhd_error *err)
{
	uint32_t sum;
	int rc = mend_marks(r, &sum, err);

	if (!rc && !r->stale)
		rc = mend_packed(r, err);
	if (rc || r->stale || sum == r->v->batmap.checksum)
		return rc;
	return sum_put(r, sum, err);
}

struct area {
	const struct vhd1 *v;
	uint64_t off, len;
	bool taken;
};

static int on_entry(void *arg, uint64_t blk, uint32_t entry,
		    struct vhd_error *err)
{
	struct area *a = arg;

	(void)blk;
	(void)err;
	a->taken = ranges_overlap(vhd1_entry_off(entry), vhd1_stride(a->v),
				  a->off, a->len);
	return a->taken;
}

/* Would header and map lie inside the file and over nothing? */
static int area_look(struct vhd1_repairer *r, struct area *a,
		     struct vhd_error *err)
{
	struct vhd1 *v = r->v;
	const struct vhd1_walk walk = { .fn = on_entry, .arg = a };
	size_t i;

	*a = (struct area){
		.v = v,
		.off = v->hdr.table_off + vhd1_table_space(v->hdr.max_entries),
		.len = VHD1_BATMAP_LEN + UINT64_C(512) *
		       vhd1_batmap_sectors(v->hdr.max_entries),
	};
	a->taken = !range_in(a->off, a->len, v->tail_off) ||
		   a->off % VHD1_SECTOR;
	for (i = 0; i < v->span_count; i++)
		a->taken = a->taken ||
			   ranges_overlap(a->off, a->len, v->span[i].off,
					  v->span[i].len);
	return a->taken ? 0 : vhd1_table_walk(v, &walk, err);
}

static int map_new(struct vhd1_repairer *r, const struct area *a,
		   struct vhd_error *err)
{
	struct vhd1_batmap m = r->v->batmap;
	uint8_t raw[VHD1_BATMAP_LEN];
	int rc;

	m.map_off = a->off + VHD1_BATMAP_LEN;
	m.map_sectors = vhd1_batmap_sectors(r->v->hdr.max_entries);
	m.version = VHD1_BATMAP_1_2;
	m.checksum = UINT32_MAX;
	vhd1_batmap_encode(&m, raw);
	rc = vhd_io_zero(r->io, a->len - VHD1_BATMAP_LEN, m.map_off, err);
	if (!rc)
		rc = vhd_io_flush(r->io, err);
	return rc ? rc : vhd1_fix_put(r, raw, sizeof(raw), a->off, err);
}

static int mend_lost(struct vhd1_repairer *r, struct vhd_error *err)
{
	struct vhd1 *v = r->v;
	struct area a;
	int rc = area_look(r, &a, err);

	if (rc)
		return rc;
	if (!a.taken) {
		if (!vhd1_may(r, RULE_VHD1_BATMAP_BAD, a.off, "an empty batmap "
			      "is made at 0x%" PRIx64, a.off))
			return 0;
		return map_new(r, &a, err);
	}
	if (v->batmap.key_cookie == 1 || !vhd1_fix_footer_ok(r) ||
	    !vhd1_may(r, RULE_VHD1_BATMAP_BAD, a.off, "the recorded creator "
		      "becomes \"win \", so that no batmap is expected: "
		      "something else lies in its place"))
		return 0;
	vhd1_footer_own(&v->footer);
	return vhd1_fix_footer(r, err);
}

/* The table and the map as the larger disk wants them; the disk follows. */
static int room_make(struct vhd1_repairer *r, uint32_t need, uint64_t size,
		     struct vhd_error *err)
{
	struct vhd1 *v = r->v;
	uint64_t from = vhd1_batmap_covered(v->footer.current_size);
	uint64_t to = vhd1_batmap_covered(size);
	uint8_t ones[VHD1_SECTOR];
	int rc = 0;

	to = min_u64(to, UINT64_C(512) * v->batmap.map_sectors);
	if (from < to)
		rc = vhd_io_zero(r->io, to - from, v->batmap.map_off + from,
				 err);
	if (rc || need <= v->hdr.max_entries)
		return rc;
	memset(ones, 0xff, sizeof(ones));
	rc = vhd1_fix_put(r, ones, 4 * (size_t)(need - v->hdr.max_entries),
			  v->hdr.table_off + vhd1_table_len(v->hdr.max_entries),
			  err);
	if (rc)
		return rc;
	v->hdr.max_entries = need;
	return vhd1_fix_header(r, err);
}

/* VHD-K-57: the padding of the table has room for the few blocks more. */
static int mend_rounding(struct vhd1_repairer *r, struct vhd_error *err)
{
	struct vhd1 *v = r->v;
	uint64_t size = align_up(v->footer.current_size, 16 * MiB);
	uint64_t need = size / v->hdr.block_size;
	int rc;

	if (!vhd1_batmap_defect(v->footer.current_size) ||
	    !vhd1_fix_footer_ok(r) || v->hdr.block_size > 16 * MiB ||
	    need > v->hdr.max_entries + UINT64_C(8) ||
	    vhd1_table_space((uint32_t)need) !=
		    vhd1_table_space(v->hdr.max_entries) ||
	    need > UINT64_C(8) * 512 * v->batmap.map_sectors ||
	    !vhd1_may(r, RULE_VHD1_BATMAP_ROUNDING, v->batmap_hdr_off,
		      "the disk becomes larger by %" PRIu64 " bytes, so that "
		      "Xen counts its blocks right",
		      size - v->footer.current_size))
		return 0;
	rc = room_make(r, (uint32_t)need, size, err);
	if (rc)
		return rc;
	v->footer.current_size = size;
	v->footer.geometry = vhd1_geometry_of(size);
	return vhd1_fix_footer(r, err);
}

static int mend_map(struct vhd1_repairer *r, struct vhd_error *err)
{
	bool taken;
	int rc = vhd1_fix_map_taken(r, &taken, err);

	if (rc || taken)
		return rc;
	rc = mend_bits(r, err);
	return rc || r->stale ? rc : mend_rounding(r, err);
}

int vhd1_repair_batmap(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1 *v = r->v;

	if (!vhd1_is_sparse(v) || !vhd1_footer_is_tap(&v->footer) ||
	    !vhd1_fix_header_ok(r))
		return 0;
	if (v->has_batmap)
		return mend_map(r, err);
	return v->footer.creator_version >= VHD1_TAP_1_2 ? mend_lost(r, err)
							 : 0;
}
