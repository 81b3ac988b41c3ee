/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child that makes one disk of another: what differs is written into it
 * through the ordinary writer.  Zeros are gathered first, so that a block that
 * became zeros as a whole costs an entry of the table where the format can say
 * so, and no space.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"
#include "ops/compare_walk.h"
#include "ops/fill.h"
#include "vhd/compare.h"
#include "vhd/write.h"

struct diff {
	struct vhd_filling f;
	const struct vhd_compare_opts *opts;
	uint64_t granule;
	uint64_t total;
	uint64_t zero_off, zero_len;	/* not written yet */
};

static int flush_zeros(struct diff *d, struct vhd_error *err)
{
	uint64_t len = d->zero_len;

	d->zero_len = 0;
	return len ? vhd_write_zeroes(d->f.img, d->zero_off, len, 0, err) : 0;
}

static int add_zeros(struct diff *d, uint64_t off, uint64_t len,
		     struct vhd_error *err)
{
	int rc = 0;

	if (d->zero_len && d->zero_off + d->zero_len == off) {
		d->zero_len += len;
		return 0;
	}
	rc = flush_zeros(d, err);
	d->zero_off = off;
	d->zero_len = len;
	return rc;
}

/* From @off to the next multiple of the granule, or @left. */
static size_t grain(const struct diff *d, uint64_t off, uint64_t left)
{
	return (size_t)min_u64(d->granule - off % d->granule, left);
}

/* Bytes that the child is to have, zeros and others apart. */
static int store(void *arg, uint64_t off, uint64_t len, const uint8_t *a,
		 const uint8_t *b, struct vhd_error *err)
{
	struct diff *d = arg;
	int rc = 0;

	(void)a;
	if (!b)
		return add_zeros(d, off, len, err);
	while (!rc && len) {
		uint64_t run = grain(d, off, len);
		bool zero = vhd_is_zero(b, (size_t)run);

		while (run < len) {
			size_t n = grain(d, off + run, len - run);

			if (vhd_is_zero(b + run, n) != zero)
				break;
			run += n;
		}
		if (zero)
			rc = add_zeros(d, off, run, err);
		else
			rc = vhd_pwrite(d->f.img, b, (size_t)run, off, err);
		b += run;
		off += run;
		len -= run;
	}
	return rc;
}

static int reached(void *arg, uint64_t off, struct vhd_error *err)
{
	const struct diff *d = arg;
	const struct vhd_compare_opts *o = d->opts;

	if (!o || !o->progress || o->progress(o->progress_arg, off, d->total))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
}

/* The child's size: the disk's, in whole sectors of the parent. */
static int decide_size(const char *base, struct vhd_image *disk,
		       struct vhd_create_opts *create, struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_open_opts open;
	struct vhd_image *img = NULL;
	uint64_t size;
	int rc = vhd_open_opts_get(create->open, &open, err);

	if (!rc && create->target == VHD_TARGET_XEN)
		open.flags |= VHD_OPEN_ALLOW_RAW;
	if (!rc)
		rc = vhd_open(base, &open, &img, err);
	if (!rc)
		rc = vhd_layer_info(img, 0, &info, err);
	vhd_close(&img, NULL);
	if (rc)
		return rc;
	size = align_up(vhd_size(disk), max_u64(info.logical_sector, 512));
	if (size < info.virtual_size) {
		rc = vhd_fail(err, VHD_E_INVAL,
			      "the disk has %" PRIu64 " bytes and the parent's "
			      "%" PRIu64 ": a child cannot be smaller than its "
			      "parent", vhd_size(disk), info.virtual_size);
		return vhd_err_file(err, rc, vhd_layer_path(disk, 0));
	}
	if (!create->virtual_size)
		create->virtual_size = size;
	return 0;
}

static int fill(struct diff *d, struct vhd_image *disk,
		struct vhd_compare_result *result, struct vhd_error *err)
{
	struct vhd_compare_walk w = {
		.b = disk, .granule = d->granule, .differ = store,
		.reached = reached, .arg = d,
	};
	int rc = vhd_layer_image(d->f.img, 1, &w.a, err);

	if (rc)
		return rc;
	d->total = max_u64(vhd_size(w.a), vhd_size(disk));
	rc = vhd_compare_begin(&w, err);
	d->granule = w.granule;
	if (!rc)
		rc = reached(d, 0, err);
	if (!rc)
		rc = vhd_compare_range(&w, 0, d->total, err);
	if (!rc)
		rc = flush_zeros(d, err);
	vhd_compare_end(&w);
	vhd_close(&w.a, NULL);
	*result = (struct vhd_compare_result){
		d->total, vhd_compare_read_bytes(&w), w.same_bytes,
		w.zero_bytes, w.differing, w.first
	};
	return rc;
}

static int opts_get(const char *base, const struct vhd_create_opts *in,
		    const struct vhd_compare_opts *opts,
		    struct vhd_create_opts *out, struct vhd_error *err)
{
	if (opts && opts->size < sizeof(*opts))
		return vhd_fail(err, VHD_E_INVAL,
				"struct vhd_compare_opts has no size");
	if (vhd_create_opts_get(in, out, err))
		return VHD_E_INVAL;
	if (out->parent)
		return vhd_fail(err, VHD_E_INVAL, "the parent is named twice");
	out->parent = base;
	return 0;
}

int vhd_diff(const char *base, struct vhd_image *disk, const char *dst,
	     const struct vhd_create_opts *create,
	     const struct vhd_compare_opts *opts,
	     struct vhd_compare_result *result_out, struct vhd_error *err)
{
	struct vhd_compare_result result = { .first = VHD_NO_OFFSET };
	struct vhd_create_opts make = { 0 };
	struct diff d = { .opts = opts };
	int rc;

	if (!base || !disk || !dst)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = opts_get(base, create, opts, &make, err);
	if (rc)
		return rc;
	if (opts)
		d.granule = opts->granule;
	rc = decide_size(base, disk, &make, err);
	if (!rc)
		rc = vhd_builder_spares(disk, "disk", dst, err);
	if (!rc)
		rc = vhd_filling_open(dst, &make, NULL, &d.f, err);
	if (!rc)
		rc = fill(&d, disk, &result, err);
	if (!rc)
		rc = vhd_filling_commit(&d.f, err);
	vhd_filling_close(&d.f);
	if (rc)
		return vhd_err_file(err, rc, dst);
	if (result_out)
		*result_out = result;
	return 0;
}
