/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "image/image_priv.h"
#include "ops/builder.h"
#include "ops/convert.h"
#include "ops/copy.h"
#include "ops/plan.h"

static int opts_get(const struct vhd_convert_opts *in,
		    struct vhd_convert_opts *out, struct vhd_error *err)
{
	memset(out, 0, sizeof(*out));
	if (!in)
		return vhd_create_opts_get(NULL, &out->create, err);
	if (in->size < sizeof(*out))
		return vhd_fail(err, VHD_E_INVAL,
				"struct vhd_convert_opts has no size");
	memcpy(out, in, sizeof(*out));
	return vhd_create_opts_get(&in->create, &out->create, err);
}

struct convert {
	struct vhd_builder builder;
	struct vhd_convert_result result;
	const struct vhd_transfer *t;
};

/* Reserving space is no progress yet, but can be cancelled. */
static bool still_wanted(void *arg, uint64_t done, uint64_t total)
{
	const struct convert *c = arg;

	(void)done;
	(void)total;
	return !c->t->progress ||
	       c->t->progress(c->t->progress_arg, 0, vhd_size(c->t->src));
}

static int convert_data(void *arg, const void *buf, uint64_t len, uint64_t off,
			struct vhd_error *err)
{
	struct convert *c = arg;

	c->result.data_bytes += len;
	return vhd_builder_write(&c->builder, buf, len, off, err);
}

static int convert_zero(void *arg, uint64_t len, uint64_t off,
			struct vhd_error *err)
{
	struct convert *c = arg;

	(void)off;
	(void)err;
	c->result.zero_bytes += len;
	return 0;
}

static int convert_lost(void *arg, uint64_t len, uint64_t off,
			const struct vhd_error *why, struct vhd_error *err)
{
	const struct convert *c = arg;

	return c->t->lost(c->t->arg, len, off, why, err);
}

static int convert_copy(struct convert *c, struct vhd_error *err)
{
	const struct vhd_transfer *t = c->t;
	struct vhd_copy copy = {
		.src = t->src,
		.data = convert_data,
		.zero = convert_zero,
		.lost = t->lost ? convert_lost : NULL,
		.arg = c,
		.real_end = t->real_end,
		.progress = t->progress,
		.progress_arg = t->progress_arg,
	};
	int rc = vhd_copy_run(&copy, &c->result.missing_bytes, err);

	if (!rc && t->done)
		rc = t->done(t->arg, &c->result, err);
	return rc;
}

static void describe(const struct vhd_plan *plan, const struct vhd_image *src,
		     struct vhd_convert_result *result)
{
	result->source_size = vhd_size(src);
	result->target_size = plan->build.virtual_size;
	result->source_sector = src->layers[0].logical_sector;
	result->target_sector = plan->format == VHD_FORMAT_RAW
					? result->source_sector
					: plan->build.logical_sector;
}

int vhd_transfer_run(const struct vhd_transfer *t,
		     struct vhd_convert_result *result_out,
		     struct vhd_error *err)
{
	struct vhd_create_opts create = t->create;
	struct vhd_plan plan = { 0 };
	struct convert c = { .t = t };
	int rc = 0;

	create.progress = still_wanted;
	create.progress_arg = &c;
	if (create.parent || create.type == VHD_TYPE_DIFF)
		rc = vhd_fail(err, VHD_E_INVAL,
			      "a conversion makes a stand-alone image, not a "
			      "differencing one");
	if (!rc)
		rc = vhd_builder_spares(t->src, "source", t->dst, err);
	if (!rc)
		rc = vhd_plan_make(t->dst, &create, t->src, &plan, err);
	if (!rc)
		rc = vhd_builder_open(t->dst, &plan, &c.builder, err);
	if (!rc)
		rc = convert_copy(&c, err);
	if (!rc)
		rc = vhd_builder_commit(&c.builder, err);
	describe(&plan, t->src, &c.result);
	if (!rc && result_out)
		*result_out = c.result;
	if (rc)
		vhd_err_file(err, rc, t->dst);
	if (c.builder.plan)
		vhd_builder_close(&c.builder);
	vhd_plan_free(&plan);
	return rc;
}

int vhd_convert(struct vhd_image *src, const char *dst,
		const struct vhd_convert_opts *opts,
		struct vhd_convert_result *result_out, struct vhd_error *err)
{
	struct vhd_transfer t = { .src = src, .dst = dst };
	struct vhd_convert_opts o;
	int rc;

	if (!src || !dst)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = opts_get(opts, &o, err);
	if (rc)
		return vhd_err_file(err, rc, dst);
	t.create = o.create;
	t.progress = o.progress;
	t.progress_arg = o.progress_arg;
	return vhd_transfer_run(&t, result_out, err);
}

struct stream {
	int (*write)(void *arg, const void *buf, size_t len);
	void *arg;
	struct vhd_convert_result result;
};

static int stream_bytes(const struct stream *s, const void *buf, uint64_t len,
			uint64_t off, struct vhd_error *err)
{
	int rc = s->write(s->arg, buf, (size_t)len);

	if (rc)
		return vhd_fail_errno(err, -rc, VHD_NO_OFFSET,
				      "cannot write the disk's bytes at "
				      "0x%llx", (unsigned long long)off);
	return 0;
}

static int stream_data(void *arg, const void *buf, uint64_t len, uint64_t off,
		       struct vhd_error *err)
{
	struct stream *s = arg;

	s->result.data_bytes += len;
	return stream_bytes(s, buf, len, off, err);
}

static int stream_zero(void *arg, uint64_t len, uint64_t off,
		       struct vhd_error *err)
{
	static const uint8_t zeros[65536];
	struct stream *s = arg;
	int rc = 0;

	s->result.zero_bytes += len;
	while (!rc && len) {
		uint64_t n = min_u64(len, sizeof(zeros));

		rc = stream_bytes(s, zeros, n, off, err);
		off += n;
		len -= n;
	}
	return rc;
}

int vhd_convert_stream(struct vhd_image *src,
		       int (*write)(void *arg, const void *buf, size_t len),
		       void *arg, vhd_progress_fn progress, void *progress_arg,
		       struct vhd_convert_result *result_out,
		       struct vhd_error *err)
{
	struct stream s = { .write = write, .arg = arg };
	struct vhd_copy copy = {
		.src = src,
		.data = stream_data,
		.zero = stream_zero,
		.arg = &s,
		.progress = progress,
		.progress_arg = progress_arg,
	};
	int rc;

	if (!src || !write)
		return vhd_fail(err, VHD_E_INVAL, "nothing to convert");
	rc = vhd_copy_run(&copy, &s.result.missing_bytes, err);
	s.result.source_size = s.result.target_size = vhd_size(src);
	s.result.source_sector = src->layers[0].logical_sector;
	s.result.target_sector = s.result.source_sector;
	if (!rc && result_out)
		*result_out = s.result;
	return rc;
}
