/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fixed VHD is a raw disk with a footer behind it.  One becomes the other
 * without moving a byte, in one step: the footer is there or it is not, for one
 * write of a sector both makes the file longer and fills it.  A file system that
 * has the length on the disk before the bytes leaves a sector of zeros.
 */
#include <inttypes.h>
#include <time.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "image/image_priv.h"
#include "io/stat.h"
#include "vhd/xen.h"
#include "vhd1/vhd1.h"
#include "xen/xen_file.h"

/* Nobody else writes to it. */
static int open_file(const char *path, struct vhd_io **io_out,
		     struct vhd_error *err)
{
	struct vhd_io *io = NULL;
	int rc = vhd_io_open_posix(path, VHD_POSIX_WRITE | VHD_POSIX_NO_DEVICE,
				   &io, err);

	if (!rc)
		rc = vhd_io_lock(io, VHD_LOCK_WRITE, err);
	if (rc) {
		vhd_io_close(&io, NULL);
		return vhd_err_file(err, rc, path);
	}
	*io_out = io;
	return 0;
}

static int close_file(struct vhd_io **io, const char *path, int rc,
		      struct vhd_error *err)
{
	int rc2 = vhd_io_close(io, rc ? NULL : err);

	return vhd_err_file(err, rc ? rc : rc2, path);
}

static int add_footer(struct vhd_io *io, uint64_t size, struct vhd_error *err)
{
	struct vhd_build what = {
		.type = VHD_TYPE_FIXED,
		.virtual_size = align_up(size, 512),
		.logical_sector = 512,
		.physical_sector = 512,
		.xen = true,
		.exact = true,
		.timestamp = (int64_t)time(NULL),
	};
	void *bld = NULL;
	int rc = vhd_guid_fresh(&what.seed, err);

	if (!rc)
		rc = vhd1_engine.build(io, &what, &bld, err);
	if (!rc)
		rc = vhd1_engine.finish(bld, err);
	vhd1_engine.discard(bld);
	return rc;
}

int vhd_xen_wrap_io(struct vhd_io *io, struct vhd_error *err)
{
	uint64_t size;
	int rc = vhd_io_size(io, &size, err);

	if (rc)
		return rc;
	if (size > 2 * TiB)
		return vhd_fail(err, VHD_E_INVAL, "the disk has %" PRIu64
				" bytes, and Xen's have 2 TiB at most", size);
	rc = add_footer(io, size, err);
	/* No part of a footer stays behind a disk. */
	if (rc)
		vhd_io_set_size(io, size, NULL);
	return rc ? rc : vhd_io_flush(io, err);
}

int vhd_xen_wrap(const char *path, struct vhd_error *err)
{
	struct vhd_io *io = NULL;
	int rc;

	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = open_file(path, &io, err);
	if (rc)
		return rc;
	return close_file(&io, path, vhd_xen_wrap_io(io, err), err);
}

/* Where the disk in the image @io ends. */
static int disk_end(const char *path, uint64_t *end_out, struct vhd_error *err)
{
	static const struct vhd_open_opts how = {
		.size = sizeof(how),
		.flags = VHD_OPEN_NO_LOCK,
		.format = VHD_FORMAT_VHD,
	};
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;
	int rc = vhd_open(path, &how, &img, err);

	if (rc)
		return rc;
	rc = vhd_layer_info(img, 0, &info, err);
	vhd_close(&img, NULL);
	if (!rc && info.type != VHD_TYPE_FIXED)
		rc = vhd_fail(err, VHD_E_INVAL, "the image is a %s one; only a "
			      "fixed one is a raw disk with a footer",
			      vhd_type_name(info.type));
	/* The footer of a longer disk was changed, or is not its own. */
	else if (!rc && info.file_size - info.virtual_size > 512)
		rc = vhd_fail(err, VHD_E_REFUSED, "the footer states %" PRIu64
			      " bytes, and there are more in front of it, which "
			      "would be lost: convert the image into another "
			      "file instead", info.virtual_size);
	*end_out = info.virtual_size;
	return rc;
}

int vhd_xen_unwrap_io(struct vhd_io *io, uint64_t end, struct vhd_error *err)
{
	int rc = vhd_io_set_size(io, end, err);

	return rc ? rc : vhd_io_flush(io, err);
}

int vhd_xen_unwrap(const char *path, struct vhd_error *err)
{
	struct vhd_io *io = NULL;
	uint64_t end;
	int rc;

	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = open_file(path, &io, err);
	if (rc)
		return rc;
	rc = disk_end(path, &end, err);
	if (!rc)
		rc = vhd_xen_unwrap_io(io, end, err);
	return close_file(&io, path, rc, err);
}
