/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen/xen_grow.h"

#include <errno.h>
#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "io/stat.h"
#include "vhd1/vhd1.h"
#include "vhd1/vhd1_priv.h"

#define SIZE_CAP (2 * TiB)

enum { BLOCK_SIZE = 2 << 20 };

/* What cannot be made larger like this, whatever the size. */
static int form_check(const struct vhd1 *v, struct vhd_error *err)
{
	if (!vhd1_footer_is_tap(&v->footer))
		return vhd_fail(err, VHD_E_UNSUPPORTED, "the image was not made "
				"by Xen's tools, so nothing is known of what "
				"lies behind its table");
	if (!vhd1_is_sparse(v))
		return vhd_fail(err, VHD_E_INVAL, "a fixed disk has no table "
				"that could grow");
	if (v->hdr.block_size != BLOCK_SIZE)
		return vhd_fail(err, VHD_E_UNSUPPORTED, "blocks have %" PRIu32
				" bytes, and Xen's have 2 MiB",
				v->hdr.block_size);
	if (v->footer.data_off != VHD1_FOOTER_LEN ||
	    v->hdr.table_off % VHD1_SECTOR ||
	    v->hdr.table_off < VHD1_FOOTER_LEN + VHD1_HEADER_LEN)
		return vhd_fail(err, VHD_E_UNSUPPORTED, "header and table are "
				"not where Xen's tools have them: an earlier "
				"resize of another kind was interrupted");
	return 0;
}

/* What is in doubt is not built upon. */
static int doubt_check(const struct vhd1 *v, struct vhd_error *err)
{
	if (!v->footers_ok)
		return vhd_fail_rule(err, RULE_VHD1_FOOTER_CHECKSUM,
			v->tail_off, "no footer has a right checksum");
	if (v->header_unsealed)
		return vhd_fail_rule(err, RULE_VHD1_HDR_CHECKSUM,
			v->footer.data_off,
			"checksum of the dynamic header does not match");
	if (!v->has_batmap && v->footer.creator_version >= VHD1_TAP_1_2)
		return vhd_fail_rule(err, RULE_VHD1_BATMAP_BAD, VHD_NO_OFFSET,
			"the image has no sound batmap: it must be repaired "
			"before it can grow");
	if (v->footer.saved_state)
		return vhd_fail_code_rule(err, VHD_E_REFUSED,
			RULE_VHD1_SAVED_STATE, v->tail_off, "the state of a "
			"machine was saved that depends on this disk as it "
			"is");
	return 0;
}

/* The way to a smaller disk is the modern one; it needs no journal. */
static int fail_smaller(const struct vhd1 *v, const struct xen_grow *g,
			bool longer, struct vhd_error *err)
{
	int code = longer ? VHD_E_UNSUPPORTED : VHD_E_INVAL;

	vhd_fail(err, code, "the disk has %" PRIu64 " bytes, and cannot be cut "
		 "to %" PRIu64 " in this way", v->virtual_size, g->size);
	if (longer && err)
		err->os_errno = ENOSYS;
	return code;
}

static int size_check(const struct vhd1 *v, struct xen_grow *g, uint64_t size,
		      bool longer, struct vhd_error *err)
{
	uint64_t block = v->hdr.block_size;

	if (size > SIZE_CAP)
		return vhd_fail(err, VHD_E_INVAL, "%" PRIu64 " bytes are over "
				"the 2 TiB that a VHD with blocks can have",
				size);
	g->size = align_up(size, block);
	g->disk = v->virtual_size;
	if (g->size < g->disk)
		return fail_smaller(v, g, longer, err);
	if (!longer && g->size / block > v->hdr.max_entries)
		return vhd_fail(err, VHD_E_INVAL, "the table has %" PRIu32
				" entries, enough for %" PRIu64 " bytes: a "
				"larger disk needs a journal",
				v->hdr.max_entries,
				v->hdr.max_entries * block);
	return 0;
}

static void take(const struct vhd1 *v, struct xen_grow *g)
{
	g->file_size = v->file_size;
	g->tail_off = v->tail_off;
	g->mend = v->footers_ok != (VHD_COPY_FIRST | VHD_COPY_SECOND) ||
		  v->footers_differ || v->footers_step ||
		  v->file_size % VHD1_SECTOR;
	g->footer = v->footer;
	g->hdr = v->hdr;
	g->bitmap_len = v->bitmap_len;
	g->has_batmap = v->has_batmap;
	g->batmap = v->batmap;
	g->batmap_off = v->has_batmap ? v->batmap_hdr_off : 0;
	g->map_valid = v->has_batmap ?
		min_u64(UINT64_C(512) * v->batmap.map_sectors,
			vhd1_batmap_covered(v->footer.current_size)) : 0;
}

static int look(struct vhd1 *v, struct xen_grow *g, uint64_t size,
		bool longer, struct vhd_error *err)
{
	int rc = form_check(v, err);

	if (!rc)
		rc = size_check(v, g, size, longer, err);
	if (rc || g->size == g->disk)
		return rc;
	rc = doubt_check(v, err);
	if (rc)
		return rc;
	take(v, g);
	return vhd_xen_grow_plan(v, g, err);
}

int vhd_xen_grow_look(struct vhd_io *io, struct xen_grow *g, uint64_t size,
		  bool longer, struct vhd_error *err)
{
	const struct vhd_engine_open req = {
		.io = io,
		.flags = VHD_OPEN_CIPHERTEXT | VHD_OPEN_XEN_PARENT,
	};
	void *eng = NULL;
	bool ours = false;
	int rc = vhd1_probe(io, &ours, err);

	*g = (struct xen_grow){ .io = io, .device = vhd_io_is_device(io) };
	if (!rc && !ours)
		rc = vhd_fail(err, VHD_E_FORMAT, "this is not a VHD");
	if (!rc)
		rc = vhd1_engine.open(&req, &eng, err);
	if (rc)
		return rc;
	rc = look(eng, g, size, longer, err);
	vhd1_engine.close(eng);
	return rc;
}
