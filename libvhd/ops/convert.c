/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fail.h"
#include "base/opts.h"
#include "image/image_priv.h"
#include "io/cachehint.h"
#include "ops/builder.h"
#include "ops/convert.h"
#include "ops/copy.h"
#include "ops/plan.h"
#include "ops/readback.h"

#define KNOWN_FLAGS \
	((uint32_t)(VHD_CONVERT_VERIFY | VHD_CONVERT_NO_SHARE | \
		    VHD_CONVERT_NO_CACHE | VHD_CONVERT_TARGET_ZERO | \
		    VHD_CONVERT_ZERO_SCAN))

int vhd_convert_opts_get(const struct vhd_convert_opts *in,
			 struct vhd_convert_opts *out, struct vhd_error *err)
{
	int rc = VHD_OPTS_COPY(vhd_convert_opts, threads, in, out, err);

	if (!rc)
		rc = vhd_flags_check(out->flags, KNOWN_FLAGS, "convert flags",
				     err);
	return rc ? rc : vhd_create_opts_get(in ? &in->create : NULL,
					     &out->create, err);
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

static int convert_place(void *arg, uint64_t off, uint64_t *file_off_out,
			 uint64_t *len_out, struct vhd_error *err)
{
	struct convert *c = arg;

	return vhd_builder_place(&c->builder, off, file_off_out, len_out, err);
}

static int convert_lost(void *arg, uint64_t len, uint64_t off,
			const struct vhd_error *why, struct vhd_error *err)
{
	const struct convert *c = arg;

	return c->t->lost(c->t->arg, len, off, why, err);
}

void vhd_convert_add(const struct vhd_copy_result *from,
		     struct vhd_convert_result *to)
{
	to->data_bytes = from->data_bytes;
	to->zero_bytes = from->zero_bytes;
	to->shared_bytes = from->shared_bytes;
	to->missing_bytes = from->missing_bytes;
	to->digest = from->digest;
}

int vhd_convert_run(struct vhd_copy *copy, uint32_t flags, bool sync,
		    struct vhd_copy_result *copied, struct vhd_error *err)
{
	int rc;

	copy->forget = flags & VHD_CONVERT_NO_CACHE;
	if (!copy->forget && !sync)
		return vhd_copy_run(copy, copied, err);
	copy->trail = vhd_trail_new(copy->into, copy->forget);
	if (!copy->trail)
		return vhd_fail_nomem(err);
	rc = vhd_copy_run(copy, copied, err);
	if (!rc)
		rc = vhd_trail_end(copy->trail, err);
	vhd_trail_free(copy->trail);
	return rc;
}

static int convert_copy(struct convert *c, struct vhd_error *err)
{
	const struct vhd_transfer *t = c->t;
	const struct vhd_plan *plan = c->builder.plan;
	bool sparse = !(t->create.flags & VHD_CREATE_PREALLOCATE);
	struct vhd_copy copy = {
		.src = t->src,
		.place = convert_place,
		.into = vhd_builder_io(&c->builder),
		/* The bitmap in front of each block. */
		.place_writes = plan->format == VHD_FORMAT_VHD &&
				plan->build.type != VHD_TYPE_FIXED,
		.lost = t->lost ? convert_lost : NULL,
		.arg = c,
		.real_end = t->real_end,
		.share = sparse && !(t->flags & VHD_CONVERT_NO_SHARE),
		.reserve = sparse,
		.digest = t->flags & VHD_CONVERT_VERIFY,
		.threads = t->threads,
		.progress = t->progress,
		.progress_arg = t->progress_arg,
	};
	struct vhd_copy_result copied;
	bool sync = !(t->create.flags & VHD_CREATE_NO_SYNC);
	int rc = vhd_convert_run(&copy, t->flags, sync, &copied, err);

	if (rc)
		return rc;
	vhd_convert_add(&copied, &c->result);
	return t->done ? t->done(t->arg, &c->result, err) : 0;
}

/* What was made is read once more before it gets its name. */
static int convert_verify(struct convert *c, struct vhd_error *err)
{
	const struct vhd_transfer *t = c->t;
	struct vhd_readback back = {
		.format = c->builder.plan->format,
		.digest = c->result.digest,
		.forget = t->flags & VHD_CONVERT_NO_CACHE,
		.progress = t->progress,
		.progress_arg = t->progress_arg,
	};
	int rc;

	if (!(t->flags & VHD_CONVERT_VERIFY))
		return 0;
	rc = vhd_builder_finish(&c->builder, err);
	if (!rc)
		rc = vhd_builder_keep(&c->builder, &back.io, err);
	return rc ? rc : vhd_readback_run(&back, err);
}

/* All but the name is done: what is still in the cache goes as well. */
static int convert_forget(struct convert *c, struct vhd_error *err)
{
	int rc;

	if (!(c->t->flags & VHD_CONVERT_NO_CACHE))
		return 0;
	rc = vhd_builder_finish(&c->builder, err);
	return rc ? rc : vhd_io_forget(vhd_builder_io(&c->builder), 0, 0, err);
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
		rc = convert_verify(&c, err);
	if (!rc)
		rc = convert_forget(&c, err);
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
	rc = vhd_convert_opts_get(opts, &o, err);
	if (rc)
		return vhd_err_file(err, rc, dst);
	t.create = o.create;
	t.flags = o.flags;
	t.threads = o.threads;
	t.progress = o.progress;
	t.progress_arg = o.progress_arg;
	return vhd_transfer_run(&t, result_out, err);
}
