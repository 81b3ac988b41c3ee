/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_reshape.h"

uint64_t vhd1_block_count(const struct vhd1 *v)
{
	return div_ceil(v->virtual_size, v->hdr.block_size);
}

/*
 * Is a disk of @size larger than the @room there is for it only because a
 * geometry was rounded up (VHD-C-16)?  Either the size asked for is that of the
 * geometry and the recorded one fits, or the recorded size is itself the
 * geometry's and sticks out by less than a cylinder.
 */
static bool rounded_up(const struct vhd1_footer *f, uint64_t size,
		       uint64_t room)
{
	uint64_t chs = vhd1_geometry_size(f->geometry);
	uint64_t cylinder = UINT64_C(512) * f->geometry.heads *
			    f->geometry.sectors;

	if (size != chs || !room)
		return false;
	return f->current_size <= room ||
	       (f->current_size == chs && size - room < cylinder);
}

static int size_find(struct vhd1 *v, const struct vhd_engine_open *req,
		     struct vhd_error *err)
{
	uint64_t room = v->tail_off;
	uint64_t size = vhd1_footer_size(&v->footer, req->size_rule);
	bool sparse = vhd1_is_sparse(v);

	if (sparse)
		room = (uint64_t)v->hdr.max_entries * v->hdr.block_size;
	if (size > room && rounded_up(&v->footer, size, room)) {
		vhd_report(&req->sink, RULE_VHD1_GEOMETRY_LARGE, v->tail_off,
			   "geometry covers %" PRIu64 " bytes, and there is "
			   "room for %" PRIu64 "; the disk ends there", size,
			   room);
		size = room;
	}
	if (size > room && sparse)
		return vhd_fail_rule(err, RULE_VHD1_BAT_SHORT,
			v->footer.data_off, "table of %" PRIu32 " blocks of %"
			PRIu32 " bytes is too short for a disk of %" PRIu64
			" bytes", v->hdr.max_entries, v->hdr.block_size, size);
	if (size > room)
		return vhd_fail_rule(err, RULE_VHD1_FIXED_SHORT, v->tail_off,
			"fixed disk of %" PRIu64 " bytes does not fit into "
			"the %" PRIu64 " bytes in front of the footer", size,
			room);
	if (v->footer.current_size % VHD1_SECTOR)
		vhd_report(&req->sink, RULE_VHD1_SIZE_ODD, v->tail_off,
			   "size %" PRIu64 " is not a multiple of 512; the "
			   "rest is cut off", v->footer.current_size);
	v->virtual_size = align_down(size, VHD1_SECTOR);
	if (!v->virtual_size)
		return vhd_fail_rule(err, RULE_VHD1_SIZE_ZERO, v->tail_off,
				     "disk has no whole sector");
	return 0;
}

static void v1_close(void *eng)
{
	struct vhd1 *v = eng;

	if (!v)
		return;
	vhd1_write_close(v);
	vhd1_names_free(v);
	vhd_pcache_free(v->pc);
	vhd_free((void *)v->full);
	vhd_free(v);
}

/* All but the footer, which @v has. */
static int open_rest(struct vhd1 *v, const struct vhd_engine_open *req,
		     struct vhd_error *err)
{
	int rc = 0;

	if (vhd1_is_sparse(v))
		rc = vhd1_header_load(v, req, err);
	if (!rc)
		rc = size_find(v, req, err);
	if (!rc && vhd1_is_sparse(v))
		rc = vhd1_batmap_load(v, &req->sink, err);
	if (!rc && v->footer.type == VHD1_TYPE_DIFF)
		rc = vhd1_names_load(v, req->flags & VHD_OPEN_XEN_PARENT,
				     &req->sink, err);
	if (!rc && vhd1_is_sparse(v))
		rc = vhd1_cache_new(v, req->cache_bytes, err);
	if (!rc && vhd1_is_sparse(v))
		rc = vhd1_full_new(v, err);
	if (!rc && req->writable)
		rc = vhd1_write_open(v, req, err);
	return rc;
}

static int v1_open(const struct vhd_engine_open *req, void **eng_out,
		   struct vhd_error *err)
{
	struct vhd1 *v = vhd_alloc(sizeof(*v));
	int rc;

	if (!v)
		return vhd_fail_nomem(err);
	v->io = req->io;
	v->ciphertext = req->flags & VHD_OPEN_CIPHERTEXT;
	rc = vhd1_footers_load(v, req, err);
	if (!rc)
		rc = open_rest(v, req, err);
	if (rc)
		goto out;
	*eng_out = v;
	v = NULL;
out:
	v1_close(v);
	return rc;
}

int vhd1_open_as(const struct vhd_engine_open *req,
		 const struct vhd1_footer *f, uint64_t tail_off,
		 struct vhd1 **v_out, struct vhd_error *err)
{
	struct vhd1 *v = vhd_alloc(sizeof(*v));
	uint64_t size = 0;
	int rc;

	if (!v)
		return vhd_fail_nomem(err);
	v->io = req->io;
	v->ciphertext = req->flags & VHD_OPEN_CIPHERTEXT;
	v->footer = *f;
	v->footer_used = VHD_COPY_SECOND;
	v->tail_off = tail_off;
	rc = vhd_io_size(v->io, &size, err);
	v->file_size = size;
	if (!rc)
		rc = open_rest(v, req, err);
	if (rc)
		goto out;
	*v_out = v;
	v = NULL;
out:
	v1_close(v);
	return rc;
}

const struct vhd_engine vhd1_engine = {
	.format = VHD_FORMAT_VHD,
	.probe = vhd1_probe,
	.open = v1_open,
	.close = v1_close,
	.writer = vhd1_writer,
	.shut = vhd1_shut,
	.info = vhd1_info,
	.parent = vhd1_parent,
	.map = vhd1_map,
	.usage = vhd1_usage,
	.layout = vhd1_layout,
	.check = vhd1_check,
	.repair = vhd1_repair,
	.resize = vhd1_resize,
	.set_check = vhd1_set_check,
	.set = vhd1_set,
	.identify = vhd1_identify,
	.pack = vhd1_pack,
	.reparent = vhd1_reparent,
	.build = vhd1_build,
	.place = vhd1_place,
	.finish = vhd1_finish,
	.discard = vhd1_discard,
};
