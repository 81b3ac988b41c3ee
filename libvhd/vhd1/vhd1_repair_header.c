/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the dynamic header says that it should not, but for the parent's names
 * of a differencing disk; and the padding of the table.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"
#include "vhd1/vhd1_check.h"
#include "vhd1/vhd1_repair.h"

/* VHD-K-24: its fields are plausible, or it would not have been opened. */
static int mend_seal(struct vhd1_repairer *r, struct vhd_error *err)
{
	uint64_t off = r->v->footer.data_off;

	if (!vhd1_may(r, RULE_VHD1_HDR_CHECKSUM, off,
		      "the dynamic header at 0x%" PRIx64 ", whose fields are "
		      "plausible, gets a right checksum", off))
		return 0;
	r->v->header_unsealed = false;
	return vhd1_fix_header(r, err);
}

static int mend_unused(struct vhd1_repairer *r, uint64_t off,
		       struct vhd_error *err)
{
	struct vhd1_header *h = &r->v->hdr;
	enum vhd_rule_idx next = vhd1_footer_is_tap(&r->v->footer) ?
		RULE_VHD1_HDR_NEXT_XEN : RULE_VHD1_HDR_NEXT;
	int rc = 0;

	if (h->next_off != VHD1_NO_OFF &&
	    vhd1_may(r, next, off, "data offset of the dynamic header becomes "
		     "all ones instead of 0x%" PRIx64, h->next_off)) {
		h->next_off = VHD1_NO_OFF;
		rc = vhd1_fix_header(r, err);
	}
	if (!rc && !vhd1_header_reserved_clean(h) &&
	    vhd1_may(r, RULE_VHD1_HDR_RESERVED, off,
		     "reserved bytes of the dynamic header become zeros")) {
		memset(h->reserved1, 0, sizeof(h->reserved1));
		memset(h->reserved2, 0, sizeof(h->reserved2));
		rc = vhd1_fix_header(r, err);
	}
	return rc;
}

/* VHD-K-60 */
static int mend_no_parent(struct vhd1_repairer *r, uint64_t off,
			  struct vhd_error *err)
{
	struct vhd1_header *h = &r->v->hdr;

	if (r->v->footer.type == VHD1_TYPE_DIFF ||
	    !vhd1_header_has_parent(h) ||
	    !vhd1_may(r, RULE_VHD1_PARENT_STRAY, off, "the fields for a "
		      "parent of a disk that has none become zeros"))
		return 0;
	h->parent_timestamp = 0;
	memset(h->parent_id, 0, sizeof(h->parent_id));
	memset(h->parent_name, 0, sizeof(h->parent_name));
	memset(h->locator, 0, sizeof(h->locator));
	return vhd1_fix_header(r, err);
}

/* VHD-K-63 */
static int mend_stray(struct vhd1_repairer *r, uint64_t off,
		      struct vhd_error *err)
{
	struct vhd1_header *h = &r->v->hdr;
	size_t i;

	for (i = 0; i < VHD1_LOCATORS; i++) {
		struct vhd1_locator *loc = &h->locator[i];
		int rc;

		if (loc->code || vhd1_locator_clean(loc) ||
		    !vhd1_may(r, RULE_VHD1_LOCATOR_STRAY, off,
			      "unused parent locator %zu becomes zeros", i))
			continue;
		memset(loc, 0, sizeof(*loc));
		rc = vhd1_fix_header(r, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* VHD-K-34: the sector is the table's, unless something else lies there. */
static int mend_padding(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1 *v = r->v;
	uint64_t off = v->hdr.table_off + vhd1_table_len(v->hdr.max_entries);
	size_t len = (size_t)(align_up(off, VHD1_SECTOR) - off), i;
	uint8_t raw[VHD1_SECTOR], ones[VHD1_SECTOR];
	int rc;

	if (!len || !range_in(off, len, v->tail_off))
		return 0;
	for (i = 0; i < v->span_count; i++)
		if (ranges_overlap(off, len, v->span[i].off, v->span[i].len))
			return 0;
	rc = vhd_io_read(r->io, raw, len, off, err);
	memset(ones, 0xff, len);
	if (rc || !memcmp(raw, ones, len) ||
	    (vhd1_footer_is_tap(&v->footer) && vhd_is_zero(raw, len)))
		return rc;
	if (!vhd1_may(r, vhd_is_zero(raw, len) ? RULE_VHD1_BAT_PADDING_ZERO
					       : RULE_VHD1_BAT_PADDING, off,
		      "%zu bytes of padding behind the table become ones",
		      len))
		return 0;
	return vhd1_fix_put(r, ones, len, off, err);
}

int vhd1_repair_header(struct vhd1_repairer *r, struct vhd_error *err)
{
	uint64_t off = r->v->footer.data_off;
	int rc = 0;

	if (!vhd1_is_sparse(r->v))
		return 0;
	if (r->v->header_unsealed)
		rc = mend_seal(r, err);
	if (rc || !vhd1_fix_header_ok(r))
		return rc;
	rc = mend_unused(r, off, err);
	if (!rc)
		rc = mend_no_parent(r, off, err);
	if (!rc)
		rc = mend_stray(r, off, err);
	return rc ? rc : mend_padding(r, err);
}
