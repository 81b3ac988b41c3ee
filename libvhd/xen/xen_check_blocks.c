/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "base/bitmap.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_batmap_scan.h"
#include "vhd1/vhd1_deep.h"
#include "vhd1/vhd1_place.h"
#include "xen/xen_check_priv.h"

/* The blocks that the table has, and where the first starts and the last ends. */
struct extent {
	const struct vhd_xen_checker *c;
	uint64_t from, to;
};

/* One entry against the metadata and the footer. */
static int bounds(void *arg, uint64_t blk, uint32_t entry,
		  struct vhd_error *err)
{
	struct extent *e = arg;
	const struct vhd_xen_checker *c = e->c;
	uint64_t at = vhd1_entry_off(entry);

	if (vhd1_span_hit(c->v, at, c->v->span_count))
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_IN_META, at,
				     "block %" PRIu64 " (offset 0x%" PRIx32
				     ") clobbers headers", blk, entry);
	if (!range_in(at, vhd1_stride(c->v), c->tail_off))
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END, at,
				     "block %" PRIu64 " (offset 0x%" PRIx32
				     ") clobbers footer", blk, entry);
	e->from = min_u64(e->from, at);
	e->to = max_u64(e->to, at + vhd1_stride(c->v));
	return 0;
}

/*
 * A change of the parent that found no other room has its header between two
 * blocks until it is finished (vhd1_reparent_room.c).  tapdisk takes the bytes in
 * front of a block for its own (VHD-A-5): no guest may run before that.
 */
static int between(const struct extent *e, uint64_t header_off,
		   struct vhd_error *err)
{
	if (header_off <= e->from || header_off >= e->to)
		return 0;
	return vhd_fail_rule(err, RULE_VHD1_DATA_OFFSET, header_off,
			     "header (offset 0x%" PRIx64 ") lies between "
			     "blocks", header_off / VHD1_SECTOR);
}

static int overlap(void *arg, const struct vhd1_block *a,
		   const struct vhd1_block *b, struct vhd_error *err)
{
	const struct vhd1_block *low = a->blk < b->blk ? a : b;
	const struct vhd1_block *high = a->blk < b->blk ? b : a;

	(void)arg;
	return vhd_fail_rule(err, RULE_VHD1_BLOCK_OVERLAP, low->at,
			     "block %" PRIu64 " (offset 0x%" PRIx64
			     ") clobbers block %" PRIu64 " (offset 0x%" PRIx64
			     ")", low->blk, low->at / VHD1_SECTOR, high->blk,
			     high->at / VHD1_SECTOR);
}

int vhd_xen_check_blocks(struct vhd_xen_checker *c, struct vhd_error *err)
{
	struct extent e = { .c = c, .from = UINT64_MAX };
	const struct vhd1_walk walk = { .fn = bounds, .arg = &e };
	const struct vhd1_places places = { .overlap = overlap, .arg = c };
	int rc = vhd1_table_walk(c->v, &walk, err);

	if (!rc)
		rc = between(&e, c->footer->f.data_off, err);
	/* Of a change that was cut off the copy may lead elsewhere. */
	if (!rc && !(c->flags & VHD_XEN_CHECK_USE_COPY))
		rc = between(&e, c->copies.front.f.data_off, err);
	if (rc || c->flags & VHD_XEN_CHECK_NO_OVERLAP)
		return rc;
	return vhd1_place_walk(c->v, &places, err);
}

/* VHD-X-1, VHD-X-4: what is there, and why it will not do. */
static const char *batmap_fault(const struct vhd_xen_checker *c,
				const uint8_t raw[VHD1_BATMAP_LEN])
{
	const struct vhd1 *v = c->v;
	struct vhd1_batmap b;

	if (!vhd1_batmap_decode(raw, &b))
		return "invalid cookie";
	if (b.version > VHD1_BATMAP_1_2)
		return "invalid version";
	if (b.map_sectors < vhd1_batmap_sectors(v->hdr.max_entries))
		return "invalid size";
	return "invalid offset";
}

static bool batmap_wanted(const struct vhd1_footer *f)
{
	return vhd1_footer_is_tap(f) && f->creator_version >= VHD1_TAP_1_2;
}

static int batmap_lacking(const struct vhd_xen_checker *c,
			  struct vhd_error *err)
{
	const struct vhd1_header *h = &c->v->hdr;
	uint64_t off = h->table_off + vhd1_table_space(h->max_entries);
	uint8_t raw[VHD1_BATMAP_LEN];
	int rc;

	if (!batmap_wanted(&c->footer->f))
		return 0;
	rc = vhd_io_read_padded(c->io, raw, sizeof(raw), off, err);
	if (rc)
		return rc;
	return vhd_fail_rule(err, RULE_VHD1_BATMAP_BAD, off,
			     "batmap is invalid: %s", batmap_fault(c, raw));
}

/* The first block that is shown full and has no place. */
struct bit_faults {
	uint64_t blk;
	bool any;
};

static int on_fault(void *arg, uint64_t blk, enum vhd1_bit_fault fault,
		    struct vhd_error *err)
{
	struct bit_faults *f = arg;

	(void)err;
	if (fault == VHD1_BIT_UNUSED && !f->any)
		*f = (struct bit_faults){ blk, true };
	return 0;
}

int vhd_xen_check_batmap(struct vhd_xen_checker *c, struct vhd_error *err)
{
	const struct vhd1 *v = c->v;
	struct bit_faults f = { 0 };
	struct vhd1_batmap_scan s = {
		.fault = on_fault, .arg = &f, .table_only = true
	};
	int rc;

	if (!v->has_batmap)
		return batmap_lacking(c, err);
	rc = vhd1_batmap_scan(c->v, &s, err);
	if (rc)
		return rc;
	/* Wrong bits in a map with a wrong sum are no news. */
	if (s.checksum != v->batmap.checksum)
		return vhd_fail_rule(err, RULE_VHD1_BATMAP_CHECKSUM,
				     v->batmap_hdr_off,
				     "batmap is invalid: invalid checksum");
	if (f.any)
		return vhd_fail_rule(err, RULE_VHD1_BATMAP_BIT,
				     v->batmap.map_off + f.blk / 8,
				     "batmap shows unallocated block %" PRIu64
				     " full", f.blk);
	return 0;
}

static int under_clear(void *arg, const struct vhd1_inside *b,
		       struct vhd_error *err)
{
	const struct vhd_xen_checker *c = arg;
	uint32_t i;

	for (i = 0; i < b->sectors; i++) {
		if (!vhd_bit_get(b->data, i, VHD_MSB_FIRST) ||
		    vhd_bit_get(b->bits, i, VHD_MSB_FIRST))
			continue;
		return vhd_fail_rule(err, RULE_VHD1_DATA_UNDER_CLEAR_BIT,
			b->at + c->v->bitmap_len + i * VHD1_SECTOR,
			"sector 0x%" PRIx32 " of block 0x%" PRIx64
			" has data where bitmap is clear", i, b->blk);
	}
	return 0;
}

int vhd_xen_check_data(struct vhd_xen_checker *c, struct vhd_error *err)
{
	const struct vhd1_deep deep = {
		.block = under_clear, .arg = c, .data = true
	};

	return vhd1_deep_walk(c->v, &deep, err);
}
