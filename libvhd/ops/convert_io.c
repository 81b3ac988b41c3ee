/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk over what there is: a device, a server's export. */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "image/image_priv.h"
#include "ops/convert.h"
#include "ops/readback.h"

#define ZERO_STEP GiB

struct over {
	struct vhd_io *io;
	uint64_t size;
	bool zero;		/* what is there reads as zeros */
};

/* Every byte has its place. */
static int over_place(void *arg, uint64_t off, uint64_t *file_off_out,
		      uint64_t *len_out, struct vhd_error *err)
{
	const struct over *o = arg;

	(void)err;
	*file_off_out = off;
	*len_out = o->size - off;
	return 0;
}

static int over_zero(void *arg, uint64_t len, uint64_t off,
		     struct vhd_error *err)
{
	const struct over *o = arg;
	int rc = 0;

	while (!rc && len && !o->zero) {
		uint64_t n = min_u64(len, ZERO_STEP);

		rc = vhd_io_punch(o->io, n, off, err);
		off += n;
		len -= n;
	}
	return rc;
}

/* Another object for the same file, which nobody closes. */
static int borrow(const struct vhd_io_ops *ops, void *handle, const char *name,
		  struct vhd_io **io_out, struct vhd_io_ops *own,
		  struct vhd_error *err)
{
	memset(own, 0, sizeof(*own));
	memcpy(own, ops, min_u64(ops->size, sizeof(*own)));
	own->size = sizeof(*own);
	own->close = NULL;
	return vhd_io_new(own, handle, name, io_out, err);
}

static int open_target(struct over *o, struct vhd_error *err)
{
	uint64_t size;
	int rc = vhd_io_size(o->io, &size, err);

	if (!rc && !vhd_io_writable(o->io))
		rc = vhd_fail(err, VHD_E_INVAL, "it cannot be written to");
	if (!rc && size < o->size)
		rc = vhd_fail(err, VHD_E_INVAL, "it has %" PRIu64 " bytes and "
			      "the disk %" PRIu64, size, o->size);
	return rc;
}

static int copy_over(struct vhd_image *src, struct over *o,
		     const struct vhd_convert_opts *opts,
		     struct vhd_convert_result *result, struct vhd_error *err)
{
	struct vhd_copy copy = {
		.src = src,
		.place = over_place,
		.zero = over_zero,
		.into = o->io,
		.arg = o,
		.digest = opts->flags & VHD_CONVERT_VERIFY,
		.threads = opts->threads,
		.progress = opts->progress,
		.progress_arg = opts->progress_arg,
	};
	struct vhd_copy_result copied;
	bool sync = !(opts->create.flags & VHD_CREATE_NO_SYNC);
	int rc = vhd_convert_run(&copy, opts->flags, sync, &copied, err);

	if (rc)
		return rc;
	vhd_convert_add(&copied, result);
	result->source_size = result->target_size = o->size;
	result->source_sector = src->layers[0].logical_sector;
	result->target_sector = result->source_sector;
	if (sync)
		rc = vhd_io_flush(o->io, err);
	return rc;
}

static int read_back(const struct vhd_io_ops *ops, void *handle,
		     const char *name, const struct vhd_convert_opts *opts,
		     const struct vhd_convert_result *r, struct vhd_error *err)
{
	struct vhd_readback back = {
		.format = VHD_FORMAT_RAW,
		.digest = r->digest,
		.size = r->target_size,
		.forget = opts->flags & VHD_CONVERT_NO_CACHE,
		.progress = opts->progress,
		.progress_arg = opts->progress_arg,
	};
	struct vhd_io_ops own;
	int rc;

	if (!(opts->flags & VHD_CONVERT_VERIFY))
		return 0;
	rc = borrow(ops, handle, name, &back.io, &own, err);
	return rc ? rc : vhd_readback_run(&back, err);
}

int vhd_convert_io(struct vhd_image *src, const struct vhd_io_ops *ops,
		   void *handle, const char *name,
		   const struct vhd_convert_opts *opts,
		   struct vhd_convert_result *result_out,
		   struct vhd_error *err)
{
	struct vhd_convert_result result = { 0 };
	struct over o = { .io = NULL };
	struct vhd_convert_opts how;
	struct vhd_io_ops own;
	int rc;

	if (!src || !ops || !name)
		return vhd_fail(err, VHD_E_INVAL, "no target is named");
	rc = vhd_convert_opts_get(opts, &how, err);
	if (!rc)
		rc = borrow(ops, handle, name, &o.io, &own, err);
	if (rc)
		return vhd_err_file(err, rc, name);
	o.size = vhd_size(src);
	o.zero = how.flags & VHD_CONVERT_TARGET_ZERO;
	rc = open_target(&o, err);
	if (!rc)
		rc = copy_over(src, &o, &how, &result, err);
	vhd_io_close(&o.io, NULL);
	if (!rc)
		rc = read_back(ops, handle, name, &how, &result, err);
	if (!rc && result_out)
		*result_out = result;
	return rc ? vhd_err_file(err, rc, name) : 0;
}
