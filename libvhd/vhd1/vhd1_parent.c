/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_priv.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/utf16.h"
#include "base/zero.h"

/*
 * The names a child records for its parent, in the order of VHD-L-22: W2ru,
 * MacX when relative, W2ku, MacX when absolute, the 8-bit forms, and last the
 * name in the header.  All eight slots are looked at, wherever they lie
 * (VHD-L-7); what is broken is reported and passed over.
 */

/* A decoded locator, in the slot order of the header. */
struct found {
	char *text;
	uint32_t code;
	enum vhd_locator_kind kind;
};

static void report_flaws(const struct vhd_sink *sink, const char *code,
			 uint64_t off, uint32_t flaws)
{
	static const char *const says[] = {
		"ends in NUL characters",
		"is big-endian instead of little-endian",
		"has half a character too much",
		"has bytes that are no text",
		"is empty",
	};
	size_t i;

	for (i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (flaws & UINT32_C(1) << i)
			vhd_report(sink, RULE_VHD1_LOCATOR_TEXT, off,
				   "text of locator %s at 0x%" PRIx64 " %s",
				   code, off, says[i]);
}

/* True when the payload can be read. */
static bool place_ok(const struct vhd1 *v, const struct vhd1_locator *loc,
		     const char *code, const struct vhd_sink *sink)
{
	if (loc->len > VHD1_LOC_LEN_MAX) {
		vhd_report(sink, RULE_VHD1_LOCATOR_PLACE, loc->off,
			   "locator %s has %" PRIu32 " bytes; 64 KiB are the "
			   "limit", code, loc->len);
		return false;
	}
	if (!range_in(loc->off, loc->len, v->file_size)) {
		vhd_report(sink, RULE_VHD1_LOCATOR_PLACE, loc->off,
			   "locator %s of %" PRIu32 " bytes at 0x%" PRIx64
			   " does not lie inside the file", code, loc->len,
			   loc->off);
		return false;
	}
	return true;
}

static int decode_one(struct vhd1 *v, const struct vhd1_locator *loc,
		      const char *code, struct found *out,
		      const struct vhd_sink *sink, struct vhd_error *err)
{
	uint8_t *payload = NULL;
	char *text = NULL;
	uint32_t flaws;
	int rc = 0;

	payload = vhd_alloc(loc->len);
	text = vhd_alloc(VHD1_LOC_ROOM(loc->len));
	if (!payload || !text) {
		rc = vhd_fail_nomem(err);
		goto out;
	}
	rc = vhd_io_read(v->io, payload, loc->len, loc->off, err);
	if (rc)
		goto out;
	out->code = loc->code;
	if (vhd1_locator_decode(loc->code, payload, loc->len, text,
				&out->kind, &flaws)) {
		out->text = text;
		text = NULL;
	}
	report_flaws(sink, code, loc->off, flaws);
out:
	vhd_free(payload);
	vhd_free(text);
	return rc;
}

static int find_one(struct vhd1 *v, const struct vhd1_locator *loc,
		    struct found *out, const struct vhd_sink *sink,
		    struct vhd_error *err)
{
	char code[5];

	out->text = NULL;
	if (!loc->code)
		return 0;
	vhd1_locator_code_text(loc->code, code);
	if (!vhd1_locator_known(loc->code)) {
		vhd_report(sink, RULE_VHD1_LOCATOR_CODE, v->footer.data_off,
			   "parent locator has the unknown platform code "
			   "\"%s\" (0x%08" PRIx32 ")", code, loc->code);
		return 0;
	}
	if (!place_ok(v, loc, code, sink))
		return 0;
	if (loc->len)
		v->span[v->span_count++] = (struct vhd1_span){
			loc->off, loc->len, "a parent locator" };
	if (!loc->len) {
		report_flaws(sink, code, loc->off, VHD1_TEXT_EMPTY);
		return 0;
	}
	return decode_one(v, loc, code, out, sink, err);
}

/* Moves the text of a locator to the end of the list. */
static void take(struct vhd1 *v, char **text, const char *code,
		 enum vhd_locator_kind kind)
{
	struct vhd_locator *loc = &v->name[v->name_count];

	loc->kind = kind;
	strcpy(loc->code, code);
	loc->text = *text;
	v->name_text[v->name_count++] = *text;
	*text = NULL;
}

static void take_all(struct vhd1 *v, struct found *all, uint32_t code,
		     const enum vhd_locator_kind *kind)
{
	char name[5];
	size_t i;

	vhd1_locator_code_text(code, name);
	for (i = 0; i < VHD1_LOCATORS; i++)
		if (all[i].text && all[i].code == code &&
		    (!kind || all[i].kind == *kind))
			take(v, &all[i].text, name, all[i].kind);
}

/* VHD-L-21: Xen's tools know three kinds, and take them as they come. */
static void slot_names(struct vhd1 *v, struct found *all)
{
	char name[5];
	size_t i;

	for (i = 0; i < VHD1_LOCATORS; i++) {
		if (!all[i].text || (all[i].code != VHD1_LOC_MACX &&
				     all[i].code != VHD1_LOC_W2KU &&
				     all[i].code != VHD1_LOC_W2RU))
			continue;
		vhd1_locator_code_text(all[i].code, name);
		take(v, &all[i].text, name, all[i].kind);
	}
}

static void sort_names(struct vhd1 *v, struct found *all)
{
	static const enum vhd_locator_kind rel = VHD_LOCATOR_RELATIVE;

	take_all(v, all, VHD1_LOC_W2RU, NULL);
	take_all(v, all, VHD1_LOC_MACX, &rel);
	take_all(v, all, VHD1_LOC_W2KU, NULL);
	take_all(v, all, VHD1_LOC_MACX, NULL);
	take_all(v, all, VHD1_LOC_WI2R, NULL);
	take_all(v, all, VHD1_LOC_WI2K, NULL);
}

int vhd1_names_load(struct vhd1 *v, bool slots, const struct vhd_sink *sink,
		    struct vhd_error *err)
{
	struct found all[VHD1_LOCATORS];
	char *name = NULL;
	int rc = 0;
	size_t i;

	memset(all, 0, sizeof(all));
	for (i = 0; i < VHD1_LOCATORS && !rc; i++)
		rc = find_one(v, &v->hdr.locator[i], &all[i], sink, err);
	if (rc)
		goto out;
	if (slots)
		slot_names(v, all);
	else
		sort_names(v, all);
	vhd_utf16_decode(v->hdr.parent_name, VHD1_NAME_LEN / 2, VHD_UTF16_BE,
			 v->parent_name);
	if (v->parent_name[0]) {
		name = vhd_strdup(v->parent_name);
		if (name)
			take(v, &name, "name", VHD_LOCATOR_NAME);
		else
			rc = vhd_fail_nomem(err);
	}
out:
	for (i = 0; i < VHD1_LOCATORS; i++)
		vhd_free(all[i].text);
	return rc;
}

bool vhd1_names_absolute(const struct vhd1 *v)
{
	bool any = false;
	size_t i;

	for (i = 0; i < v->name_count; i++) {
		if (v->name[i].kind == VHD_LOCATOR_RELATIVE)
			return false;
		any = any || v->name[i].kind == VHD_LOCATOR_ABSOLUTE;
	}
	return any;
}

void vhd1_names_free(struct vhd1 *v)
{
	size_t i;

	for (i = 0; i < v->name_count; i++)
		vhd_free(v->name_text[i]);
}

bool vhd1_parent(void *eng, struct vhd_parent_ref *out)
{
	const struct vhd1 *v = eng;
	const uint8_t *id = v->hdr.parent_id;

	if (v->footer.type != VHD1_TYPE_DIFF)
		return false;
	*out = (struct vhd_parent_ref){
		/* VHD-D-2 */
		.raw = vhd_is_zero(id, 16) && vhd1_footer_is_tap(&v->footer),
		.timestamp = vhd1_time_to_unix(v->hdr.parent_timestamp),
		.locators = v->name,
		.locator_count = v->name_count,
	};
	if (!out->raw) {
		memcpy(out->ids[0].b, id, 16);
		out->id_count = 1;
	}
	return true;
}
