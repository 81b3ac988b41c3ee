/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Salvage: a copy of what can still be had.
 *
 *	file -> patch -> repair with every consent -> view -> chain -> copy
 *
 * The repair is asked for what makes the image open and its tables readable,
 * and only for that: a step that would give data up, and so turn a failure to
 * read into zeros, is not allowed.  What is lost has to go on failing, or nobody
 * would hear of it.  The file itself is only read.
 *
 * Where a guess decides what bytes are, nobody can say whether they are the
 * disk's: they are copied, and told as doubtful.
 *
 * Where the disk below fails, what cannot be read is damage like any other while
 * the image is mended and opened; once it is copied, it is a failure again.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "image/image_priv.h"
#include "image/probe.h"
#include "io/io_lenient.h"
#include "ops/check.h"
#include "ops/convert.h"
#include "ops/doubts.h"
#include "ops/mend.h"
#include "ops/plan.h"
#include "ops/salvage.h"

/* Neighbouring losses of one cause, not told yet. */
struct loss {
	uint64_t off, len;
	struct vhd_error why;
};

struct salvage {
	const char *path;
	struct vhd_salvage_opts opts;
	struct vhd_open_opts open;
	struct vhd_io *base;
	bool lenient;		/* failures of @base are zeros */
	struct vhd_patch *patch;
	struct vhd_grants grants;
	struct vhd_mend mend;
	struct vhd_image *img;
	uint64_t real_end;	/* of the bytes that the file has */
	bool cut;		/* nothing behind that is the disk's */
	struct loss loss;
	struct vhd_doubts doubts;
	bool leak, leak_known;	/* space without an owner; who lost it */
	struct vhd_salvage_result result;
};

static int get_opts(struct salvage *s, const struct vhd_salvage_opts *in,
		    struct vhd_error *err)
{
	struct vhd_salvage_opts *o = &s->opts;
	int rc = VHD_OPTS_COPY(vhd_salvage_opts, disk_size, in, o, err);

	if (!rc)
		rc = vhd_create_opts_get(in ? &in->create : NULL, &o->create,
					 err);
	return rc ? rc : vhd_open_opts_get(o->open, &s->open, err);
}

/* The name is believed when nothing in the file tells. */
static int find_format(struct salvage *s, struct vhd_error *err)
{
	bool raw = s->open.flags & VHD_OPEN_ALLOW_RAW;
	enum vhd_format named = vhd_plan_format(s->path);
	int rc = vhd_probe(s->base, s->open.format, raw, &s->mend.engine, err);

	if (rc == VHD_E_FORMAT &&
	    (named == VHD_FORMAT_VHD || named == VHD_FORMAT_VHDX)) {
		s->mend.engine = vhd_engine_of(named);
		rc = 0;
	}
	return rc;
}

/*
 * What stands in the way of reading may be mended, whatever it takes, even if
 * nobody would do it to a file that is to be used; what is only odd is none of
 * our business.
 */
static void grant(struct vhd_grants *g)
{
	static const enum vhd_rule_idx giving_up[] = {
		RULE_VHD1_BLOCK_IN_META, RULE_VHD1_BLOCK_PAST_END,
		RULE_VHD1_BLOCK_OVERLAP, RULE_VHD1_BITMAP_IS_FOOTER,
	};
	const struct vhd_rule *rules = vhd_rules(NULL);
	size_t i;

	for (i = 0; i < VHD_RULE_COUNT; i++)
		g->choice[i] = rules[i].severity < VHD_SEV_ERROR ? NULL : "";
	for (i = 0; i < sizeof(giving_up) / sizeof(giving_up[0]); i++)
		g->choice[giving_up[i]] = NULL;
}

static void on_doubt(void *arg, uint64_t off, uint64_t len, const char *msg)
{
	struct salvage *s = arg;

	vhd_doubts_add(&s->doubts, off, len, msg);
}

static void on_step(void *arg, const struct vhd_repair_step *step)
{
	struct salvage *s = arg;

	if (!step->granted)
		return;
	if (vhd_doubt_by_step(step->rule))
		on_doubt(s, 0, UINT64_MAX, step->msg);
	if (step->rule->severity < VHD_SEV_ERROR)
		return;
	/* There, the footer stands where the missing bytes of the disk were. */
	if (step->rule == vhd_rule_get(RULE_VHD1_FIXED_SHORT)) {
		s->real_end = min_u64(s->real_end, step->off);
		s->cut = true;
	} else if (step->rule == vhd_rule_get(RULE_VHD1_FIXED_NO_FOOTER)) {
		s->cut = true;
	}
	if (s->opts.step)
		s->opts.step(s->opts.step_arg, step);
}

/* Nothing is copied yet, but it can be called off. */
static bool on_mend(void *arg, uint64_t done, uint64_t total)
{
	const struct salvage *s = arg;

	(void)done;
	(void)total;
	return !s->opts.progress || s->opts.progress(s->opts.progress_arg, 0, 0);
}

static int mend(struct salvage *s, struct vhd_error *err)
{
	int rc = vhd_io_size(s->base, &s->real_end, err);

	s->mend.told = vhd_told_new();
	if (!rc && !s->mend.told)
		rc = vhd_fail_nomem(err);
	if (!rc)
		rc = vhd_patch_new(s->base, &s->patch, err);
	if (rc)
		return rc;
	grant(&s->grants);
	s->mend.patch = s->patch;
	s->mend.grants = &s->grants;
	s->mend.file = s->path;
	s->mend.step = on_step;
	s->mend.step_arg = s;
	s->mend.req = (struct vhd_engine_repair){
		.salvage = true,
		.disk_size = s->opts.disk_size,
		.progress = on_mend,
		.progress_arg = s,
		.doubt = on_doubt,
		.doubt_arg = s,
	};
	return vhd_mend_run(&s->mend, err);
}

static void on_finding(void *arg, const struct vhd_finding *f)
{
	struct salvage *s = arg;

	if (vhd_doubt_by_finding(f->rule))
		on_doubt(s, 0, UINT64_MAX, f->msg);
	s->leak = s->leak || vhd_doubt_is_leak(f->rule);
	s->leak_known = s->leak_known || vhd_doubt_explains_leak(f->rule);
}

/*
 * A table that reads well need not be the one that was.  A check that fails says
 * nothing: what cannot be read will be told as lost.
 */
static int suspect(struct salvage *s, struct vhd_error *err)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_open_opts open = s->open;
	struct vhd_check_result res;
	struct vhd_io *view = NULL;
	int rc = vhd_patch_view(s->patch, &view, err);

	if (rc)
		return rc;
	open.format = s->mend.engine->format;
	open.log = NULL;
	o.open = &open;
	o.finding = on_finding;
	o.finding_arg = s;
	o.progress = on_mend;
	o.progress_arg = s;
	rc = vhd_check_io(view, &o, &res, err);
	if (s->leak && !s->leak_known)
		on_doubt(s, 0, UINT64_MAX, "there is space in the file that "
			 "belongs to no block: a block may be missing from the "
			 "table");
	return rc == VHD_E_CANCELLED || rc == VHD_E_NOMEM ? rc : 0;
}

/* The view as an image, with its chain. */
static int open_view(struct salvage *s, struct vhd_error *err)
{
	struct vhd_open_opts open = s->open;
	struct vhd_layer *top;
	struct vhd_io *view = NULL;
	int rc = vhd_patch_view(s->patch, &view, err);

	if (rc)
		return rc;
	/* What must not be overwritten is the file, not the view. */
	vhd_io_stand_for(view, s->base);
	open.format = s->mend.engine->format;
	open.flags &= ~(uint32_t)VHD_OPEN_THREAD;
	rc = vhd_image_open(view, &open, NULL, 0, &s->img, err);
	if (rc)
		return rc;
	top = &s->img->layers[0];
	if (s->cut)
		top->file_end = s->real_end;
	for (uint32_t i = 1; i < s->img->count; i++)
		if (s->img->layers[i].stranger)
			on_doubt(s, 0, UINT64_MAX, "a parent that is not the "
				 "recorded one was taken in its place");
	s->result.disk_size = vhd_size(s->img);
	return 0;
}

static int open_source(struct salvage *s, struct vhd_error *err)
{
	int rc = find_format(s, err);

	if (!rc)
		rc = mend(s, err);
	if (!rc)
		rc = open_view(s, err);
	if (!rc && s->mend.engine)
		rc = suspect(s, err);
	return rc ? vhd_err_file(err, rc, s->path) : 0;
}

static void tell_loss(struct salvage *s)
{
	const struct vhd_error *why = &s->loss.why;
	char msg[sizeof(why->file) + sizeof(why->msg) + 4];

	if (!s->loss.len)
		return;
	s->result.losses++;
	s->result.lost_bytes += s->loss.len;
	if (why->file[0] && strcmp(why->file, s->path))
		snprintf(msg, sizeof(msg), "%s: %s", why->file, why->msg);
	else
		snprintf(msg, sizeof(msg), "%s", why->msg);
	if (s->opts.loss)
		s->opts.loss(s->opts.loss_arg, s->loss.off, s->loss.len, msg);
	s->loss.len = 0;
}

static bool same_cause(const struct vhd_error *a, const struct vhd_error *b)
{
	return a->code == b->code && a->rule == b->rule &&
	       a->os_errno == b->os_errno && !strcmp(a->file, b->file);
}

static int on_lost(void *arg, uint64_t len, uint64_t off,
		   const struct vhd_error *why, struct vhd_error *err)
{
	struct salvage *s = arg;

	(void)err;
	if (s->loss.len && s->loss.off + s->loss.len == off &&
	    same_cause(&s->loss.why, why)) {
		s->loss.len += len;
		return 0;
	}
	tell_loss(s);
	s->loss.off = off;
	s->loss.len = len;
	s->loss.why = *why;
	return 0;
}

/* An image of nothing would only look as if something had been saved. */
static int on_done(void *arg, const struct vhd_convert_result *result,
		   struct vhd_error *err)
{
	struct salvage *s = arg;
	int rc;

	tell_loss(s);
	s->result.data_bytes = result->data_bytes;
	if (!s->result.lost_bytes || s->result.lost_bytes < s->result.disk_size)
		return 0;
	rc = vhd_fail(err, VHD_E_CORRUPT,
		      "no byte of the disk can be read, so there is nothing to "
		      "copy");
	return vhd_err_file(err, rc, s->path);
}

/* A guess may have been about more than the disk turned out to have. */
static void tell_doubts(struct salvage *s)
{
	uint64_t size = s->result.disk_size;
	size_t i;

	for (i = 0; i < s->doubts.count; i++) {
		const struct vhd_doubt *d = &s->doubts.d[i];
		uint64_t end = min_u64(d->end, size);

		if (d->off >= end)
			continue;
		s->result.doubts++;
		s->result.doubtful_bytes += end - d->off;
		if (s->opts.doubt)
			s->opts.doubt(s->opts.doubt_arg, d->off, end - d->off,
				      d->msg);
	}
}

static int copy(struct salvage *s, const char *dst, struct vhd_error *err)
{
	const struct vhd_transfer t = {
		.src = s->img,
		.dst = dst,
		.create = s->opts.create,
		.progress = s->opts.progress,
		.progress_arg = s->opts.progress_arg,
		.lost = on_lost,
		.real_end = s->real_end,
		.done = on_done,
		.arg = s,
	};

	return vhd_transfer_run(&t, NULL, err);
}

/* @s has its options and its file. */
static int salvage_run(struct salvage *s, const char *dst,
		       struct vhd_error *err)
{
	int rc;

	s->path = vhd_io_name(s->base);
	s->lenient = true;
	rc = open_source(s, err);
	s->lenient = false;
	if (!rc) {
		tell_doubts(s);
		rc = copy(s, dst, err);
	}
	vhd_close(&s->img, NULL);
	vhd_patch_free(s->patch);
	vhd_told_free(s->mend.told);
	return rc;
}

int vhd_salvage_io(struct vhd_io *io, const char *dst,
		   const struct vhd_salvage_opts *opts,
		   struct vhd_salvage_result *result_out,
		   struct vhd_error *err)
{
	struct salvage *s = vhd_alloc(sizeof(*s));
	int rc = s ? get_opts(s, opts, err) : vhd_fail_nomem(err);

	if (!rc)
		rc = vhd_io_open_lenient(io, &s->lenient, &s->base, err);
	if (!rc)
		rc = salvage_run(s, dst, err);
	if (!rc && result_out)
		*result_out = s->result;
	if (s)
		vhd_io_close(&s->base, NULL);
	vhd_io_close(&io, NULL);
	vhd_free(s);
	return rc;
}

int vhd_salvage(const char *src, const char *dst,
		const struct vhd_salvage_opts *opts,
		struct vhd_salvage_result *result_out, struct vhd_error *err)
{
	struct vhd_salvage_opts how;
	struct vhd_open_opts open;
	struct vhd_io *io = NULL;
	int rc;

	if (!src || !dst)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = VHD_OPTS_COPY(vhd_salvage_opts, disk_size, opts, &how, err);
	if (!rc)
		rc = vhd_open_opts_get(how.open, &open, err);
	if (!rc && open.flags & VHD_OPEN_RDWR)
		rc = vhd_fail(err, VHD_E_INVAL,
			      "the source of a salvage is only read");
	if (!rc)
		rc = vhd_image_io(src, &open, &io, err);
	return rc ? rc : vhd_salvage_io(io, dst, opts, result_out, err);
}
