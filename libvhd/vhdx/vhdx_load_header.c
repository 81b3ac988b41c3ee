/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening, first part: identifier, the pair of headers, the log. */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "vhdx/vhdx.h"

enum { IDENT_READ = 520 };	/* signature and creator */

static int load_ident(struct vhdx *x, const struct vhd_sink *sink,
		      struct vhd_error *err)
{
	uint8_t buf[IDENT_READ];
	int rc;

	if (x->real_size < VHDX_SECTION_LEN)
		return vhd_fail_rule(err, RULE_VHDX_FILE_SHORT, x->real_size,
				     "file has 0x%" PRIx64 " bytes, less than "
				     "the 1 MiB of its header section",
				     x->real_size);
	rc = vhd_io_read(x->io, buf, sizeof(buf), VHDX_IDENT_OFF, err);
	if (rc)
		return rc;
	if (!vhdx_ident_ok(buf))
		return vhd_fail_rule(err, RULE_VHDX_SIGNATURE, VHDX_IDENT_OFF,
				     "file does not start with \"vhdxfile\"");
	if (!vhdx_creator_decode(buf, x->creator))
		vhd_report(sink, RULE_VHDX_CREATOR_TEXT, 8,
			   "creator is not UTF-16 text");
	return 0;
}

static int load_newer(struct vhdx *x, const uint8_t *pair,
		      const struct vhd_sink *sink, struct vhd_error *err)
{
	struct vhdx_newer newer;
	int rc = vhdx_newer_find(x->io, pair, &x->headers, x->real_size,
				 &newer, err);

	/* A writer would empty the log. */
	if (!rc && newer.found && x->writable)
		return vhd_fail_rule(err, RULE_VHDX_HDR_NEWER_BAD,
				     newer.hdr.log_off,
				     "a damaged header was the newer one, and"
				     " the log at 0x%" PRIx64 " holds changes"
				     " that writing would give up",
				     newer.hdr.log_off);
	if (!rc && newer.found)
		vhd_report(sink, RULE_VHDX_HDR_NEWER_BAD, newer.slot ?
			   VHDX_HEADER2_OFF : VHDX_HEADER1_OFF,
			   "header %" PRIu32 ", which is damaged, was the newer"
			   " one: the log at 0x%" PRIx64 " holds changes that"
			   " the other one does not know", newer.slot + 1,
			   newer.hdr.log_off);
	return rc;
}

static int load_pair(struct vhdx *x, uint8_t *buf, const struct vhd_sink *sink,
		     struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	uint8_t *second = buf + VHDX_HEADER_LEN;
	int rc;

	rc = vhd_io_read(x->io, buf, VHDX_HEADER_LEN, VHDX_HEADER1_OFF, err);
	if (rc)
		return rc;
	rc = vhd_io_read(x->io, second, VHDX_HEADER_LEN, VHDX_HEADER2_OFF, err);
	if (rc)
		return rc;
	if (vhdx_headers_decode(buf, second, &x->headers, &notes) !=
	    VHD_RULE_NONE)
		return vhdx_notes_fail(&notes, 0, err);
	vhdx_notes_report(&notes, sink, 0);
	return load_newer(x, buf, sink, err);
}

static int load_headers(struct vhdx *x, const struct vhd_sink *sink,
			struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	uint8_t *buf = vhd_alloc(2 * VHDX_HEADER_LEN);
	const struct vhdx_header *h;
	uint64_t base;
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	rc = load_pair(x, buf, sink, err);
	vhd_free(buf);
	if (rc)
		return rc;
	h = vhdx_current(x);
	base = x->headers.current ? VHDX_HEADER2_OFF : VHDX_HEADER1_OFF;
	if (vhdx_header_check(h, x->real_size, &notes) != VHD_RULE_NONE)
		return vhdx_notes_fail(&notes, base, err);
	vhdx_notes_report(&notes, sink, base);
	/* A log that nobody needs and that cannot be there takes no space. */
	if (!vhdx_notes_have(&notes, RULE_VHDX_LOG_PLACE_IDLE))
		x->log = (struct vhdx_place){ h->log_off, h->log_len };
	return 0;
}

static int load_log(struct vhdx *x, const struct vhd_sink *sink,
		    struct vhd_error *err)
{
	const struct vhdx_header *h = vhdx_current(x);
	int rc;

	x->file_size = x->real_size;
	if (vhd_guid_is_zero(&h->log_guid))	/* VHDX-HDR-15 */
		return 0;
	rc = vhdx_replay_load(x->io, h, sink, &x->overlay, err);
	if (rc)
		return rc;
	/* No file is longer, and sums of offsets stay in range. */
	x->file_size = min_u64(vhdx_overlay_file_size(x->overlay), INT64_MAX);
	return 0;
}

int vhdx_load_header(struct vhdx *x, const struct vhd_sink *sink,
		     struct vhd_error *err)
{
	int rc;

	rc = vhd_io_size(x->io, &x->real_size, err);
	if (rc)
		return rc;
	rc = load_ident(x, sink, err);
	if (rc)
		return rc;
	rc = load_headers(x, sink, err);
	if (rc)
		return rc;
	return load_log(x, sink, err);
}
