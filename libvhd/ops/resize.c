/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making a disk larger or smaller.
 *
 * All that could speak against it is looked at first, and a dry run ends there:
 * the limits of the format, a machine's saved state, children, and, when the
 * disk is to become smaller, whether its end is zeros.  The engine does the
 * rest, in an order that survives being cut off.
 *
 * The same size again is not nothing: it is how a resize that was cut off is
 * finished.  The engine finds out what is left to do.
 */
#include "ops/resize.h"

#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "image/change.h"
#include "io/io_posix.h"
#include "ops/kin.h"
#include "ops/used.h"

/* VHD-R-7 */
static int check_state(struct vhd_image *img, struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	int rc = vhd_layer_info(img, 0, &info, err);

	if (!rc && info.format == VHD_FORMAT_VHD && info.vhd.saved_state)
		rc = vhd_fail_code_rule(
			err, VHD_E_REFUSED, RULE_VHD1_SAVED_STATE,
			VHD_NO_OFFSET, "the image belongs to a machine whose "
			"state is saved, and which would find another disk");
	return rc;
}

/* Of [from, end of the disk), as vhd_used_end(), without what is spare. */
static int used_end(struct vhd_image *img, const struct vhd_resizing *how,
		    uint64_t *end_out, struct vhd_error *err)
{
	uint64_t from = how->size, spare = how->spare_off, after;
	int rc;

	if (!how->spare_len || ckd_add(&after, spare, how->spare_len) ||
	    after > img->size || after <= from)
		return vhd_used_end(img, from, img->size, how->progress,
				    how->progress_arg, end_out, err);
	rc = vhd_used_end(img, after, img->size, how->progress,
			  how->progress_arg, end_out, err);
	if (rc || *end_out > after)
		return rc;
	*end_out = from;
	if (spare <= from)
		return 0;
	return vhd_used_end(img, from, spare, how->progress,
			    how->progress_arg, end_out, err);
}

static int check_cut(struct vhd_image *img, const struct vhd_resizing *how,
		     struct vhd_resize_result *res, struct vhd_error *err)
{
	uint32_t sector = img->layers[0].logical_sector;
	uint64_t end;
	int rc = used_end(img, how, &end, err);

	if (rc)
		return rc;
	/* Size and sectors of the disk fit each other, so this stays in it. */
	res->used_end = min_u64(align_up(end, sector ? sector : 512),
				img->size);
	if (end == how->size || how->flags & VHD_CHANGE_CUT)
		return 0;
	return vhd_fail(err, VHD_E_REFUSED,
			"the disk is in use up to byte %" PRIu64 ", and the "
			"new end would be at %" PRIu64, res->used_end,
			how->size);
}

/* VHD-D-6: Windows opens no VHD whose parent is larger. */
static int check_parent(struct vhd_image *img, uint64_t size,
			struct vhd_error *err)
{
	if (img->layers[0].format != VHD_FORMAT_VHD || img->count < 2 ||
	    size >= img->layers[1].size || size >= img->size)
		return 0;
	return vhd_fail(err, VHD_E_INVAL,
			"a VHD cannot be smaller than its parent, which has "
			"%" PRIu64 " bytes", img->layers[1].size);
}

static int check_all(struct vhd_image *img, const struct vhd_resizing *how,
		     struct vhd_resize_result *res, struct vhd_error *err)
{
	int rc = vhd_resize_limits(img, how->size, err);

	if (!rc)
		rc = check_parent(img, how->size, err);
	if (!rc)
		rc = check_state(img, err);
	if (!rc && how->size != img->size)
		rc = vhd_kin_refuse(img, how->flags, err);
	if (!rc && how->size < img->size)
		rc = check_cut(img, how, res, err);
	return rc;
}

int vhd_resize_image(struct vhd_image *img, const struct vhd_resizing *how,
		     struct vhd_resize_result *result_out,
		     struct vhd_error *err)
{
	struct vhd_resize_result res = *result_out;
	struct vhd_engine_resize req = {
		.size = how->size,
		.below = img->count > 1 ? img->layers[1].size : 0,
		.progress = how->progress,
		.progress_arg = how->progress_arg,
	};
	int rc;

	res.old_size = img->size;
	res.new_size = how->size;
	res.used_end = 0;
	rc = check_all(img, how, &res, err);
	if (!rc && !(how->flags & VHD_CHANGE_DRY_RUN))
		rc = vhd_image_resize(img, &req, err);
	if (rc)
		return vhd_err_file(err, rc, vhd_io_name(img->layers[0].io));
	*result_out = res;
	return 0;
}

static int opts_get(const struct vhd_resize_opts *in,
		    struct vhd_resize_opts *out, struct vhd_open_opts *open,
		    struct vhd_error *err)
{
	const uint32_t known = VHD_CHANGE_DRY_RUN | VHD_CHANGE_ORPHAN |
			       VHD_CHANGE_CUT;
	int rc;

	rc = VHD_OPTS_COPY(vhd_resize_opts, open, in, out, err);
	if (!rc)
		rc = vhd_flags_check(out->flags, known, "flags", err);
	if (!rc)
		rc = vhd_open_opts_get(out->open, open, err);
	if (rc)
		return rc;
	/* How large the disk is says the footer, not the geometry (VHD-C-15);
	 * and the parents have a say in what its end holds. */
	open->size_rule = VHD_SIZE_CURRENT;
	open->flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD |
				   VHD_OPEN_NO_PARENT);
	if (!(out->flags & VHD_CHANGE_DRY_RUN)) {
		open->flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;
		open->flags |= VHD_OPEN_RDWR;
	}
	return 0;
}

static int file_size(const char *path, uint64_t *size_out,
		     struct vhd_error *err)
{
	struct vhd_io *io = NULL;
	int rc = vhd_io_open_posix(path, 0, &io, err);

	if (!rc)
		rc = vhd_io_size(io, size_out, err);
	vhd_io_close(&io, NULL);
	return rc;
}

static int resize(const char *path, const struct vhd_resizing *how,
		  const struct vhd_open_opts *open,
		  struct vhd_resize_result *res, struct vhd_error *err)
{
	struct vhd_image *img = NULL;
	int rc, rc2;

	rc = vhd_open(path, open, &img, err);
	if (rc)
		return rc;
	rc = vhd_io_size(img->layers[0].io, &res->old_file, err);
	if (!rc)
		rc = vhd_resize_image(img, how, res, err);
	rc2 = vhd_close(&img, rc ? NULL : err);
	rc = rc ? rc : rc2;
	if (!rc)
		rc = file_size(path, &res->new_file, err);
	return rc;
}

int vhd_resize(const char *path, uint64_t new_size,
	       const struct vhd_resize_opts *opts,
	       struct vhd_resize_result *result_out, struct vhd_error *err)
{
	struct vhd_resize_result res = { 0 };
	struct vhd_resizing how = { .size = new_size };
	struct vhd_resize_opts o;
	struct vhd_open_opts open;
	int rc;

	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = opts_get(opts, &o, &open, err);
	if (rc)
		return rc;
	how.flags = o.flags;
	how.spare_off = o.spare_off;
	how.spare_len = o.spare_len;
	how.progress = o.progress;
	how.progress_arg = o.progress_arg;
	rc = resize(path, &how, &open, &res, err);
	if (rc)
		return vhd_err_file(err, rc, path);
	if (result_out)
		*result_out = res;
	return 0;
}
