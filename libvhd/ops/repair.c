/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repair: a plan in memory, and its execution.
 *
 *	plan ----------------------------------------> check of the view
 *	  |                                                   ^
 *	  | VHD_REPAIR_APPLY                                  |
 *	  v                                                   |
 *	old bytes saved and durable -> changes made -> nothing more to do
 *	  ^                                 |
 *	  |                                 | the plan was full
 *	  +---- plan of what follows <------+
 *
 * R1  What a change overwrites is durable in the undo file before the change
 *     is made.
 * R2  Until the first change is made everything can be called off, and leaves
 *     nothing behind; after it nothing can, and the undo file stays whatever
 *     happens.
 * R3  The lock is held from before the plan until after the last change, so
 *     that what was planned is what is found.
 */

#include "ops/repair.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/opts.h"
#include "image/probe.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/check.h"
#include "ops/mend.h"
#include "ops/undo.h"
#include "vhd/repair.h"

struct repair {
	struct vhd_repair_opts opts;
	struct vhd_open_opts open;
	const char *path;
	struct vhd_repair_result *result;
	struct vhd_io *io;
	struct vhd_patch *patch;
	struct vhd_grants grants;
	struct vhd_repair_parent parent;
	struct vhd_mend mend;
	struct vhd_undo *undo;
	bool written;		/* too late to cancel */
};

static bool applies(const struct repair *r)
{
	return r->opts.flags & VHD_REPAIR_APPLY;
}

static bool on_progress(void *arg, uint64_t done, uint64_t total)
{
	struct repair *r = arg;
	bool go = true;

	if (r->opts.progress)
		go = r->opts.progress(r->opts.progress_arg, done, total);
	return go || r->written;
}

static int get_opts(struct repair *r, const struct vhd_repair_opts *in,
		    struct vhd_error *err)
{
	struct vhd_repair_opts *o = &r->opts;
	int rc;

	rc = VHD_OPTS_COPY(vhd_repair_opts, now, in, o, err);
	if (!rc)
		rc = vhd_flags_check(o->flags, VHD_REPAIR_APPLY, "repair flags",
				     err);
	if (rc)
		return rc;
	if (applies(r) && !o->undo)
		return vhd_fail(err, VHD_E_INVAL,
				"a repair needs the name of an undo file");
	rc = vhd_open_opts_get(o->open, &r->open, err);
	r->open.flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD);
	if (rc)
		return rc;
	vhd_grants_init(&r->grants);
	return vhd_grants_add(&r->grants, o->consents, o->consent_count, err);
}

/* What is no image by a rule is a finding, and cannot be mended. */
static int find_engine(struct repair *r, struct vhd_error *err)
{
	bool raw = r->open.flags & VHD_OPEN_ALLOW_RAW;
	struct vhd_error e;
	int rc = vhd_probe(r->io, r->open.format, raw, &r->mend.engine, &e);

	if (rc && e.rule) {
		r->mend.engine = NULL;
		return 0;
	}
	if (rc && err)
		*err = e;
	return rc;
}

static int open_image(struct repair *r, struct vhd_error *err)
{
	struct vhd_open_opts open = r->open, below = r->open;
	int rc;

	below.parents = NULL;
	if (applies(r)) {
		open.flags |= VHD_OPEN_RDWR;
		open.flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;	/* R3 */
	}
	rc = vhd_image_io(r->path, &open, &r->io, err);
	if (rc)
		return rc;
	rc = find_engine(r, err);
	if (!rc && r->opts.parent && r->mend.engine)
		rc = vhd_repair_parent_open(r->path, r->io,
					    r->mend.engine->format,
					    r->opts.parent, &below,
					    &r->parent, err);
	/* From here on, a parent that is this very file must not seem busy. */
	if (applies(r))
		r->open.flags |= VHD_OPEN_NO_LOCK;
	return vhd_err_file(err, rc, r->path);
}

static int new_patch(struct repair *r, struct vhd_error *err)
{
	vhd_patch_free(r->patch);
	r->patch = NULL;
	return vhd_patch_new(r->io, &r->patch, err);
}

static int prepare(struct repair *r, struct vhd_error *err)
{
	r->mend.told = vhd_told_new();
	if (!r->mend.told)
		return vhd_fail_nomem(err);
	r->mend.grants = &r->grants;
	r->mend.file = r->path;
	r->mend.step = r->opts.step;
	r->mend.step_arg = r->opts.step_arg;
	r->mend.req = (struct vhd_engine_repair){
		.now = r->opts.now,
		.disk_size = r->opts.disk_size,
		.parent = r->parent.image ? &r->parent.facts : NULL,
		.drop = r->opts.drop,
		.drop_count = r->opts.drop_count,
		.progress = on_progress,
		.progress_arg = r,
	};
	return new_patch(r, err);
}

static int add_bytes(void *arg, uint64_t off, uint64_t len,
		     struct vhd_error *err)
{
	struct vhd_repair_result *result = arg;
	(void)off;
	(void)err;

	result->bytes += len;
	return 0;
}

/* What the patch changes; the rest of it grows at the end. */
static int count_bytes(struct repair *r, struct vhd_error *err)
{
	int rc = vhd_patch_each_old(r->patch, add_bytes, r->result, err);

	r->result->bytes += vhd_patch_growth(r->patch);
	return rc;
}

static int save_old(struct repair *r, struct vhd_error *err)
{
	if (r->undo)
		return vhd_undo_append(r->undo, r->io, r->patch, err);
	return vhd_undo_new(r->opts.undo, r->path, r->io, r->patch, &r->undo,
			    err);
}

/*
 * R2: a plan that a device has no room for is none.  Of a file nobody knows; its
 * file system may be full at any time.
 */
static int check_room(struct repair *r, struct vhd_error *err)
{
	uint64_t size = 0, least, most;
	int rc = vhd_io_size(r->io, &size, err);

	if (rc || !vhd_io_is_device(r->io))
		return rc;
	vhd_patch_sizes(r->patch, &least, &most);
	if (most <= size)
		return 0;
	rc = vhd_fail(err, VHD_E_NOSPACE,
		      "the image would become %" PRIu64 " bytes long, and the "
		      "device has %" PRIu64, most, size);
	return vhd_err_file(err, rc, r->path);
}

/* What was planned so far is done. */
static int apply(struct repair *r, struct vhd_error *err)
{
	int rc = save_old(r, err);

	if (rc)
		return rc;
	r->written = true;
	vhd_patch_watch(r->patch, on_progress, r);
	rc = vhd_patch_apply(r->patch, r->io, err);
	if (!rc)
		rc = new_patch(r, err);
	return rc;
}

static int plan_and_apply(struct repair *r, struct vhd_error *err)
{
	int rc;

	do {
		r->mend.patch = r->patch;
		rc = vhd_mend_run(&r->mend, err);
		if (!rc)
			rc = count_bytes(r, err);
		if (!rc)
			rc = check_room(r, err);
		if (!rc && applies(r) && vhd_patch_dirty(r->patch))
			rc = apply(r, err);
	} while (!rc && applies(r) && r->mend.full);
	if (!rc && r->undo)
		rc = vhd_undo_complete(r->undo, r->io, err);
	return rc;
}

static int open_view(void *arg, const struct vhd_open_opts *open,
		     struct vhd_io **io_out, struct vhd_error *err)
{
	const struct repair *r = arg;
	int rc = vhd_patch_view(r->patch, io_out, err);
	(void)open;

	if (!rc)
		vhd_io_stand_for(*io_out, r->io);
	return rc;
}

/* A repair that was made is not undone by a parent that cannot be had. */
static int check_after(struct repair *r, struct vhd_error *err)
{
	const struct vhd_check_opts opts = {
		.size = sizeof(opts),
		.now = r->opts.now,
		.open = &r->open,
		.finding = r->opts.finding,
		.finding_arg = r->opts.finding_arg,
		.progress = on_progress,
		.progress_arg = r,
	};
	const struct vhd_check_source src = {
		.open = open_view,
		.arg = r,
		.path = r->path,
		.tolerant = true,
	};

	return vhd_check_from(&src, &opts, &r->result->after, err);
}

static int offer_parent(struct repair *r, struct vhd_error *err)
{
	struct vhd_open_opts open = r->open;
	struct vhd_io *view = NULL;
	int rc;

	if (r->parent.image || open.flags & VHD_OPEN_NO_PARENT)
		return 0;
	rc = open_view(r, &open, &view, err);
	if (!rc)
		vhd_repair_offer_parent(&r->mend, view, &open);
	return rc;
}

static int run(struct repair *r, struct vhd_error *err)
{
	int rc = open_image(r, err);

	if (!rc && r->opts.undo)
		r->result->unfinished = vhd_undo_is_unfinished(r->opts.undo,
							       r->io);
	if (!rc)
		rc = prepare(r, err);
	if (!rc)
		rc = plan_and_apply(r, err);
	if (!rc)
		rc = offer_parent(r, err);
	r->result->steps = r->mend.steps;
	r->result->possible = r->mend.possible;
	r->result->applied = r->written;
	r->result->more = !rc && r->mend.full;
	return rc ? rc : check_after(r, err);
}

int vhd_repair(const char *path, const struct vhd_repair_opts *opts,
	       struct vhd_repair_result *result_out, struct vhd_error *err)
{
	struct repair r = { .path = path, .result = result_out };
	int rc, rc2;

	if (!path || !result_out)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	memset(result_out, 0, sizeof(*result_out));
	rc = get_opts(&r, opts, err);
	if (!rc)
		rc = run(&r, err);
	vhd_repair_parent_close(&r.parent);
	vhd_undo_free(r.undo);
	vhd_patch_free(r.patch);
	vhd_told_free(r.mend.told);
	rc2 = vhd_io_close(&r.io, rc ? NULL : err);
	return rc ? rc : rc2;
}
