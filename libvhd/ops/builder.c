/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/builder.h"

#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "image/image_priv.h"
#include "io/io_posix_fd.h"
#include "io/outfile.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/kin.h"

static bool preallocated(const struct vhd_builder *b)
{
	return b->plan->flags & VHD_CREATE_PREALLOCATE;
}

int vhd_builder_place(struct vhd_builder *b, uint64_t off,
		      uint64_t *file_off_out, uint64_t *len_out,
		      struct vhd_error *err)
{
	return b->plan->engine->place(b->bld, off, file_off_out, len_out, err);
}

struct vhd_io *vhd_builder_io(const struct vhd_builder *b)
{
	return b->device ? b->device : vhd_outfile_io(b->out);
}

/* Not every file system can reserve space in one call. */
#define RESERVE_STEP (16 * MiB)

static int tell(const struct vhd_plan *plan, uint64_t done,
		struct vhd_error *err)
{
	if (!plan->progress || plan->progress(plan->progress_arg, done,
					      plan->build.virtual_size))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
}

/* Fixed images have all their space from the start; see also commit. */
static int reserve_all(struct vhd_builder *b, struct vhd_error *err)
{
	uint64_t off = 0;
	int rc = 0;

	while (!rc && off < b->plan->build.virtual_size) {
		uint64_t len, file_off;

		rc = vhd_builder_place(b, off, &file_off, &len, err);
		if (rc)
			break;
		len = min_u64(len, RESERVE_STEP);
		rc = vhd_io_zero(vhd_builder_io(b), len, file_off, err);
		off += len;
		if (!rc)
			rc = tell(b->plan, off, err);
	}
	return rc;
}

int vhd_builder_spares(const struct vhd_image *img, const char *who,
		       const char *path, struct vhd_error *err)
{
	struct vhd_file_id id;
	uint32_t i;

	vhd_path_file_id(path, &id);
	for (i = 0; i < img->count; i++) {
		if (!vhd_file_id_same(&img->layers[i].file_id, &id))
			continue;
		return vhd_fail(err, VHD_E_INVAL,
				"the target is the same file as the %s's %s %s",
				who, i ? "parent" : "image",
				vhd_io_name(img->layers[i].io));
	}
	return 0;
}

/*
 * A file that is to be replaced may be the parent of images beside it
 * (VHDX-PAR-19).  One that does not open can be nobody's parent any more.
 */
static int spare_kin(const char *path, uint32_t flags, struct vhd_error *err)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	int rc;

	if (!(flags & VHD_CREATE_FORCE) || flags & VHD_CREATE_ORPHAN ||
	    !vhd_path_is_file(path))
		return 0;
	opts.flags = VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT | VHD_OPEN_ALLOW_RAW;
	if (vhd_open(path, &opts, &img, NULL))
		return 0;
	rc = vhd_kin_refuse(img, 0, err);
	vhd_close(&img, NULL);
	return rc;
}

/* A device is there already, and stays: there is nothing to be given a name. */
static int open_device(struct vhd_builder *b, const char *path,
		       struct vhd_build *what, struct vhd_error *err)
{
	int rc;

	if (b->plan->format != VHD_FORMAT_VHD)
		return vhd_fail(err, VHD_E_INVAL,
				"only a VHD can be made on a device");
	rc = vhd_io_open_posix(path, VHD_POSIX_WRITE, &b->device, err);
	if (!rc)
		rc = vhd_io_lock(b->device, VHD_LOCK_WRITE, err);
	if (!rc)
		rc = vhd_io_size(b->device, &what->end, err);
	if (!rc && !vhd_io_is_device(b->device))
		rc = vhd_fail(err, VHD_E_NOTFILE, "the target is no device any "
			      "more");
	return rc;
}

int vhd_builder_open(const char *path, const struct vhd_plan *plan,
		     struct vhd_builder *b, struct vhd_error *err)
{
	bool replace = plan->flags & VHD_CREATE_FORCE;
	bool device = plan->flags & VHD_CREATE_DEVICE &&
		      vhd_path_is_device(path);
	struct vhd_build what = plan->build;
	int rc;

	memset(b, 0, sizeof(*b));
	b->plan = plan;
	if (device) {
		rc = open_device(b, path, &what, err);
	} else {
		rc = spare_kin(path, plan->flags, err);
		if (!rc)
			rc = vhd_outfile_new(path, replace, &b->out, err);
	}
	if (rc)
		return rc;
	rc = plan->engine->build(vhd_builder_io(b), &what, &b->bld, err);
	if (!rc && (preallocated(b) || device) && what.type == VHD_TYPE_FIXED)
		rc = reserve_all(b, err);
	return rc;
}

/* Gives every hole of the finished file its space (VHD-A-13). */
static int fill_holes(struct vhd_io *io, struct vhd_error *err)
{
	uint64_t size, off = 0;
	int rc = vhd_io_size(io, &size, err);

	while (!rc && off < size) {
		uint64_t start, stop;

		rc = vhd_io_next_data(io, off, size, &start, &stop, err);
		if (!rc && start > off)
			rc = vhd_io_zero(io, start - off, off, err);
		off = stop;
	}
	return rc;
}

int vhd_builder_finish(struct vhd_builder *b, struct vhd_error *err)
{
	int rc = b->finished ? 0 : b->plan->engine->finish(b->bld, err);

	b->finished |= !rc;
	return rc;
}

int vhd_builder_keep(struct vhd_builder *b, struct vhd_io **io_out,
		     struct vhd_error *err)
{
	return b->device ? vhd_io_again(b->device, io_out, err)
			 : vhd_outfile_keep(b->out, io_out, err);
}

int vhd_builder_commit(struct vhd_builder *b, struct vhd_error *err)
{
	bool sync = !(b->plan->flags & VHD_CREATE_NO_SYNC);
	int rc = vhd_builder_finish(b, err);

	if (!rc && b->device)
		return sync ? vhd_io_flush(b->device, err) : 0;
	if (!rc && preallocated(b))
		rc = fill_holes(vhd_outfile_io(b->out), err);
	if (!rc)
		rc = vhd_outfile_commit(&b->out, sync, err);
	return rc;
}

void vhd_builder_close(struct vhd_builder *b)
{
	if (b->bld)
		b->plan->engine->discard(b->bld);
	vhd_outfile_abandon(&b->out);
	vhd_io_close(&b->device, NULL);
	memset(b, 0, sizeof(*b));
}
