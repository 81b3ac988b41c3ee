/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_check.h"

#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/zero.h"

/* VHD-K-28 to VHD-K-34 and VHD-K-60 to VHD-K-63. */

static void check_table_padding(const struct vhd1_checker *c,
				const uint8_t *raw, size_t len, uint64_t off)
{
	size_t i;

	if (vhd_is_zero(raw, len)) {
		/* That is how Xen's tools leave it. */
		if (vhd1_footer_is_tap(&c->v->footer))
			return;
		vhd_report(c->sink, RULE_VHD1_BAT_PADDING_ZERO, off,
			   "%zu bytes of padding behind the table are zero",
			   len);
		return;
	}
	for (i = 0; i < len; i++)
		if (raw[i] != 0xff)
			break;
	if (i < len)
		vhd_report(c->sink, RULE_VHD1_BAT_PADDING, off + i,
			   "padding behind the table has 0x%02x at 0x%" PRIx64,
			   raw[i], off + i);
}

static int check_table(const struct vhd1_checker *c, struct vhd_error *err)
{
	const struct vhd1 *v = c->v;
	uint64_t off = v->hdr.table_off + vhd1_table_len(v->hdr.max_entries);
	uint64_t surplus = v->hdr.max_entries - vhd1_block_count(v);
	size_t len = (size_t)(align_up(off, VHD1_SECTOR) - off);
	uint8_t raw[VHD1_SECTOR];
	int rc;

	if (v->hdr.max_entries > vhd1_block_count(v) + 1)
		vhd_report(c->sink, vhd1_footer_is_tap(&v->footer) ?
			   RULE_VHD1_BAT_SPARE : RULE_VHD1_BAT_LONG,
			   v->footer.data_off,
			   "table has %" PRIu64 " more entries than the disk "
			   "has blocks", surplus);
	if (!len || !range_in(off, len, v->tail_off))
		return 0;
	rc = vhd_io_read(v->io, raw, len, off, err);
	if (!rc)
		check_table_padding(c, raw, len, off);
	return rc;
}

bool vhd1_locator_clean(const struct vhd1_locator *loc)
{
	return !loc->space && !loc->len && !loc->reserved && !loc->off;
}

bool vhd1_header_has_parent(const struct vhd1_header *h)
{
	size_t i;

	for (i = 0; i < VHD1_LOCATORS; i++)
		if (h->locator[i].code)
			return true;
	return h->parent_timestamp ||
	       !vhd_is_zero(h->parent_id, sizeof(h->parent_id)) ||
	       !vhd_is_zero(h->parent_name, sizeof(h->parent_name));
}

/* VHD-H-7 */
static void check_no_parent(const struct vhd1_checker *c)
{
	if (vhd1_header_has_parent(&c->v->hdr))
		vhd_report(c->sink, RULE_VHD1_PARENT_STRAY,
			   c->v->footer.data_off, "disk is dynamic, and its "
			   "header has parent fields that are not zero");
}

/* VHD-L-3 to VHD-L-6: what is reserved against what is there. */
enum vhd1_room vhd1_locator_room(const struct vhd1_locator *loc)
{
	if (!loc->space && loc->len)
		return VHD1_ROOM_NONE;
	if (loc->len > vhd1_locator_space(loc))
		return VHD1_ROOM_SHORT;
	if (loc->space > VHD1_SECTOR && loc->space % VHD1_SECTOR)
		return VHD1_ROOM_ODD;
	return VHD1_ROOM_OK;
}

static void check_space(const struct vhd1_checker *c,
			const struct vhd1_locator *loc)
{
	char code[5];

	vhd1_locator_code_text(loc->code, code);
	switch (vhd1_locator_room(loc)) {
	case VHD1_ROOM_OK:
		break;
	case VHD1_ROOM_NONE:
		vhd_report(c->sink, RULE_VHD1_LOCATOR_TEXT, loc->off,
			   "locator %s reserves no space for its text", code);
		break;
	case VHD1_ROOM_SHORT:
		vhd_report(c->sink, RULE_VHD1_LOCATOR_PLACE, loc->off,
			   "locator %s has %" PRIu32 " bytes in a space of %"
			   PRIu64, code, loc->len, vhd1_locator_space(loc));
		break;
	case VHD1_ROOM_ODD:
		vhd_report(c->sink, RULE_VHD1_LOCATOR_TEXT, loc->off,
			   "space of locator %s, %" PRIu32
			   ", is neither sectors nor a multiple of 512", code,
			   loc->space);
		break;
	}
}

static void check_locators(const struct vhd1_checker *c)
{
	const struct vhd1_header *h = &c->v->hdr;
	size_t i;

	for (i = 0; i < VHD1_LOCATORS; i++) {
		const struct vhd1_locator *loc = &h->locator[i];

		if (!loc->code && !vhd1_locator_clean(loc))
			vhd_report(c->sink, RULE_VHD1_LOCATOR_STRAY,
				   c->v->footer.data_off,
				   "parent locator %zu has no code and is not "
				   "all zero", i);
		if (c->v->footer.type == VHD1_TYPE_DIFF &&
		    vhd1_locator_known(loc->code))
			check_space(c, loc);
	}
}

/* Soft spans are the batmap's and, behind these, the locators'. */
static void check_overlaps(const struct vhd1_checker *c)
{
	const struct vhd1 *v = c->v;
	size_t i, j;

	for (i = v->span_hard; i < v->span_count; i++) {
		const struct vhd1_span *a = &v->span[i];

		for (j = 0; j < i; j++) {
			const struct vhd1_span *b = &v->span[j];

			if (ranges_overlap(a->off, a->len, b->off, b->len))
				vhd_report(c->sink,
					   RULE_VHD1_LOCATOR_OVERLAP, a->off,
					   "%s at 0x%" PRIx64 " overlaps %s at "
					   "0x%" PRIx64, a->what, a->off,
					   b->what, b->off);
		}
		if (v->tail_off < v->file_size &&
		    ranges_overlap(a->off, a->len, v->tail_off,
				   VHD1_FOOTER_LEN))
			vhd_report(c->sink, RULE_VHD1_LOCATOR_OVERLAP, a->off,
				   "%s at 0x%" PRIx64 " overlaps the footer "
				   "at 0x%" PRIx64, a->what, a->off,
				   v->tail_off);
	}
}

static void check_parent(const struct vhd1_checker *c)
{
	const struct vhd1 *v = c->v;
	uint64_t off = v->footer.data_off;

	if (vhd_is_zero(v->hdr.parent_id, sizeof(v->hdr.parent_id))) {
		if (vhd1_footer_is_tap(&v->footer))
			vhd_report(c->sink, RULE_VHD1_PARENT_RAW, off,
				   "parent id is null: the parent is raw");
		else
			vhd_report(c->sink, RULE_VHD1_PARENT_NULL, off,
				   "parent id is null");
	}
	if (vhd1_time_is_future(v->hdr.parent_timestamp, c->req->now))
		vhd_report(c->sink, RULE_VHD1_PARENT_TIME_FUTURE, off,
			   "recorded time of the parent lies %" PRId64
			   " s in the future",
			   vhd1_time_to_unix(v->hdr.parent_timestamp) -
			   c->req->now);
	if (vhd1_names_absolute(v))
		vhd_report(c->sink, RULE_VHD1_LOCATOR_ABSOLUTE, off,
			   "parent is named by absolute paths only: it is "
			   "lost when both are moved");
	if (!v->name_count)
		vhd_report(c->sink, RULE_VHD1_LOCATOR_NONE, off,
			   "there is neither a usable parent locator nor a "
			   "name of the parent");
}

int vhd1_check_header(struct vhd1_checker *c, struct vhd_error *err)
{
	const struct vhd1 *v = c->v;

	if (!vhd1_header_reserved_clean(&v->hdr))
		vhd_report(c->sink, RULE_VHD1_HDR_RESERVED,
			   v->footer.data_off, "reserved bytes of the dynamic "
			   "header are not zero");
	if (v->footer.type == VHD1_TYPE_DIFF)
		check_parent(c);
	else
		check_no_parent(c);
	check_locators(c);
	check_overlaps(c);
	return check_table(c, err);
}
