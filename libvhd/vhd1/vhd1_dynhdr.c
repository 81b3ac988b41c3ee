/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_priv.h"

#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"

/* The dynamic header, and the batmap's header that lies behind the table. */

enum {
	BLOCK_SIZE_SAFE = 4096		/* VHD-H-6 */
};

static bool place_ok(const struct vhd1 *v, uint64_t off)
{
	return off % VHD1_SECTOR == 0 && off >= VHD1_FOOTER_LEN &&
	       range_in(off, VHD1_HEADER_LEN, v->file_size);
}

static int load_at(struct vhd1 *v, uint64_t off, struct vhd1_header *out,
		   enum vhd1_seal *seal_out, struct vhd_error *err)
{
	uint8_t raw[VHD1_HEADER_LEN];
	int rc = vhd_io_read(v->io, raw, sizeof(raw), off, err);

	if (rc)
		return rc;
	vhd1_header_decode(raw, out);
	*seal_out = vhd1_header_seal(raw);
	return 0;
}

int vhd1_header_backs(struct vhd1 *v, const struct vhd1_footer *f,
		      bool *yes_out, struct vhd_error *err)
{
	struct vhd1_header h;
	enum vhd1_seal seal;
	int rc;

	*yes_out = false;
	if (f->type == VHD1_TYPE_FIXED || vhd1_footer_judge(f) != VHD_RULE_NONE ||
	    !place_ok(v, f->data_off))
		return 0;
	rc = load_at(v, f->data_off, &h, &seal, err);
	if (rc)
		return rc;
	*yes_out = seal == VHD1_SEAL_OK &&
		   vhd1_header_judge(&h, f->data_off, v->tail_off) ==
			   VHD_RULE_NONE &&
		   (uint64_t)h.max_entries * h.block_size >= f->current_size;
	return 0;
}

/* Would a program have written it?  Asked when the checksum is wrong. */
static bool plausible(const struct vhd1 *v, const struct vhd1_header *h)
{
	return vhd1_header_judge(h, v->footer.data_off, v->tail_off) ==
		       VHD_RULE_NONE &&
	       (uint64_t)h->max_entries * h->block_size >=
		       v->footer.current_size &&
	       h->next_off == VHD1_NO_OFF &&
	       h->table_off % VHD1_SECTOR == 0 &&
	       vhd1_header_reserved_clean(h);
}

static int refuse(const struct vhd1 *v, enum vhd_rule_idx rule,
		  struct vhd_error *err)
{
	const struct vhd1_header *h = &v->hdr;
	uint64_t off = v->footer.data_off;

	if (rule == RULE_VHD1_HDR_VERSION)
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED, rule, off,
			"version of the dynamic header is %u.%u instead of "
			"1.0", h->version >> 16, h->version & 0xffff);
	if (rule == RULE_VHD1_BLOCK_SIZE)
		return vhd_fail_rule(err, rule, off,
			"block size %" PRIu32 " is not a power of two from "
			"512 bytes to 256 MiB", h->block_size);
	return vhd_fail_rule(err, rule, off,
		"table of %" PRIu32 " entries at 0x%" PRIx64 " %s",
		h->max_entries, h->table_off,
		rule == RULE_VHD1_BAT_PLACE ?
			"does not lie inside the file" :
			"overlaps the dynamic header or the footer copy");
}

static void report_odd(const struct vhd1 *v, const struct vhd_sink *sink)
{
	const struct vhd1_header *h = &v->hdr;
	uint64_t off = v->footer.data_off;

	if (off != VHD1_FOOTER_LEN)
		vhd_report(sink, RULE_VHD1_DATA_OFFSET_ODD, off,
			   "dynamic header lies at 0x%" PRIx64
			   " instead of 0x200", off);
	if (h->next_off != VHD1_NO_OFF)
		vhd_report(sink, vhd1_footer_is_tap(&v->footer) ?
			   RULE_VHD1_HDR_NEXT_XEN : RULE_VHD1_HDR_NEXT, off,
			   "data offset of the dynamic header is 0x%" PRIx64
			   " instead of all ones", h->next_off);
	if (h->table_off % VHD1_SECTOR)
		vhd_report(sink, RULE_VHD1_BAT_UNALIGNED, h->table_off,
			   "table lies at 0x%" PRIx64
			   ", which is not a multiple of 512", h->table_off);
	if (h->block_size < BLOCK_SIZE_SAFE)
		vhd_report(sink, RULE_VHD1_BLOCK_SIZE_SMALL, off,
			   "block size is %" PRIu32 "; below 4096 programs "
			   "differ in where the data is", h->block_size);
	else if (h->block_size != 2 * MiB &&
		 (h->block_size != 512 * KiB ||
		  vhd1_footer_is_tap(&v->footer)))
		vhd_report(sink, RULE_VHD1_BLOCK_SIZE_ODD, off,
			   "block size is %" PRIu32 "; Xen handles 2 MiB only, "
			   "others were tested with 2 MiB and 512 KiB",
			   h->block_size);
}

static void add_span(struct vhd1 *v, uint64_t off, uint64_t len,
		     const char *what)
{
	v->span[v->span_count++] = (struct vhd1_span){ off, len, what };
	v->span_hard = v->span_count;
}

int vhd1_header_load(struct vhd1 *v, const struct vhd_engine_open *req,
		     struct vhd_error *err)
{
	uint64_t off = v->footer.data_off;
	enum vhd_rule_idx rule;
	enum vhd1_seal seal;
	int rc;

	if (!place_ok(v, off))
		return vhd_fail_rule(err, RULE_VHD1_DATA_OFFSET,
			VHD_NO_OFFSET, "data offset 0x%" PRIx64 " of the "
			"footer is no place for a header in a file of %" PRIu64
			" bytes", off, v->file_size);
	rc = load_at(v, off, &v->hdr, &seal, err);
	if (rc)
		return rc;
	if (seal == VHD1_SEAL_NONE)
		return vhd_fail_rule(err, RULE_VHD1_HDR_COOKIE, off,
			"there is no dynamic header at 0x%" PRIx64, off);
	if (seal == VHD1_SEAL_BROKEN && !plausible(v, &v->hdr))
		return vhd_fail_rule(err, RULE_VHD1_HDR_CHECKSUM, off,
			"checksum of the dynamic header at 0x%" PRIx64
			" does not match, and its fields are not plausible",
			off);
	rule = vhd1_header_judge(&v->hdr, off, v->tail_off);
	if (rule != VHD_RULE_NONE)
		return refuse(v, rule, err);
	v->header_unsealed = seal == VHD1_SEAL_BROKEN;
	if (v->header_unsealed)
		vhd_report(&req->sink, RULE_VHD1_HDR_CHECKSUM, off,
			   "checksum of the dynamic header at 0x%" PRIx64
			   " does not match; its fields are plausible", off);
	report_odd(v, &req->sink);
	v->bitmap_len = vhd1_bitmap_len(v->hdr.block_size);
	v->block_shift = (unsigned)__builtin_ctz(v->hdr.block_size);
	add_span(v, 0, VHD1_FOOTER_LEN, "the footer copy");
	add_span(v, off, VHD1_HEADER_LEN, "the dynamic header");
	add_span(v, v->hdr.table_off, vhd1_table_len(v->hdr.max_entries),
		 "the block allocation table");
	return 0;
}

/* VHD-X-1: is there to be a batmap; 1.1 may have one. */
static bool batmap_expected(const struct vhd1_footer *f, bool *must_out)
{
	if (!vhd1_footer_is_tap(f) || f->creator_version < VHD1_TAP_1_1)
		return false;
	*must_out = f->creator_version >= VHD1_TAP_1_2;
	return true;
}

/* Whoever clears a bit of the map must not hit anything else. */
static bool batmap_apart(const struct vhd1 *v, uint64_t hdr_off)
{
	uint64_t len = UINT64_C(512) * v->batmap.map_sectors;
	size_t i;

	for (i = 0; i < v->span_hard; i++)
		if (ranges_overlap(v->batmap.map_off, len, v->span[i].off,
				   v->span[i].len))
			return false;
	return !ranges_overlap(v->batmap.map_off, len, hdr_off,
			       VHD1_BATMAP_LEN);
}

int vhd1_batmap_load(struct vhd1 *v, const struct vhd_sink *sink,
		     struct vhd_error *err)
{
	uint64_t off = v->hdr.table_off +
		       vhd1_table_space(v->hdr.max_entries);
	uint8_t raw[VHD1_BATMAP_LEN];
	bool must, found, usable;
	int rc;

	if (!batmap_expected(&v->footer, &must))
		return 0;
	rc = vhd_io_read_padded(v->io, raw, sizeof(raw), off, err);
	if (rc)
		return rc;
	found = vhd1_batmap_decode(raw, &v->batmap);
	if (!found && !must)
		return 0;
	usable = found &&
		 vhd1_batmap_usable(&v->batmap, v->hdr.max_entries,
				    v->tail_off) &&
		 batmap_apart(v, off);
	if (!usable) {
		vhd_report(sink, RULE_VHD1_BATMAP_BAD, off,
			   found ? "batmap header at 0x%" PRIx64 " does not "
				   "describe a map of the table in a place of "
				   "its own"
				 : "there is no batmap at 0x%" PRIx64, off);
		/* The key's cookie is believed all the same. */
		v->has_batmap = false;
		return 0;
	}
	v->has_batmap = true;
	v->batmap_hdr_off = off;
	v->span[v->span_count++] = (struct vhd1_span){
		off, VHD1_BATMAP_LEN, "the batmap header" };
	v->span[v->span_count++] = (struct vhd1_span){
		v->batmap.map_off, UINT64_C(512) * v->batmap.map_sectors,
		"the batmap" };
	if (v->batmap.key_cookie == 1)
		vhd_report(sink, RULE_VHD1_KEYHASH, off,
			   "image records the hash of an encryption key: its "
			   "data is encrypted");
	return 0;
}
