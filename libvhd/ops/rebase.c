/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rebase: a child gets another parent, and shows what it showed.
 *
 *	for each range that the child does not answer itself
 *		where old and new parent differ: the old one's bytes into the child
 *	all of that durable
 *	the new parent recorded (reparent.h)
 *
 * What is copied is what the child shows already, so that until the last step
 * nobody sees a difference, with the old parent, and after it neither, with the
 * new one.  A rebase that was cut off is done again: what it had copied is now
 * the child's own.  No guest byte changes, so the child keeps its identity, and
 * its own children stay valid (VHDX-HDR-13).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/fail.h"
#include "base/opts.h"
#include "ops/rebase.h"
#include "ops/reparent.h"

static int get_opts(struct vhd_rebase *r, const struct vhd_rebase_opts *in,
		    struct vhd_error *err)
{
	const uint32_t known = VHD_CHANGE_DRY_RUN | VHD_REBASE_UNSAFE;
	int rc;

	rc = VHD_OPTS_COPY(vhd_rebase_opts, open, in, &r->opts, err);
	if (!rc)
		rc = vhd_flags_check(r->opts.flags, known, "rebase flags", err);
	if (!rc)
		rc = vhd_open_opts_get(r->opts.open, &r->open, err);
	r->open.flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD |
				     VHD_OPEN_NO_PARENT);
	if (!vhd_rebase_is_dry(r))
		r->open.flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;
	r->below = r->open;
	r->below.parents = NULL;
	return rc;
}

static void note(const struct vhd_rebase *r, const char *fmt, ...) VHD_PRINTF(2, 3);
static void note(const struct vhd_rebase *r, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	if (!r->opts.note)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	r->opts.note(r->opts.note_arg, r->path, msg);
}

/* VHD-D-6: no guest sees the end of a parent that is larger than its child. */
static int check_size(const struct vhd_rebase *r, uint64_t size,
		      const struct vhd_image *to, struct vhd_error *err)
{
	if (to->size <= size)
		return 0;
	return vhd_fail(err, VHD_E_INVAL, "the new parent, %s, has a disk of %"
			PRIu64 " bytes, and the image's has %" PRIu64 ": grow "
			"that first", r->parent, to->size, size);
}

/* What can be known before anything is locked or changed. */
static int look(struct vhd_rebase *r, bool *needed_out, struct vhd_error *err)
{
	struct vhd_open_opts open = r->below;
	struct vhd_repair_parent to = { .image = NULL };
	struct vhd_image *img = NULL;
	const struct vhd_layer *top;
	int rc;

	open.flags |= VHD_OPEN_NO_LOCK;
	open.log = NULL;
	rc = vhd_reparent(r->path, r->parent, &open, VHD_REPARENT_DRY_RUN,
			  needed_out, err);
	if (rc)
		return rc;
	open.flags |= VHD_OPEN_NO_PARENT;
	rc = vhd_open(r->path, &open, &img, err);
	if (rc)
		return rc;
	open.flags &= ~(uint32_t)VHD_OPEN_NO_PARENT;
	top = &img->layers[0];
	rc = vhd_repair_parent_open(r->path, top->io, top->format, r->parent,
				    &open, &to, err);
	if (!rc)
		rc = vhd_err_file(err, check_size(r, img->size, to.image, err),
				  r->path);
	vhd_repair_parent_close(&to);
	vhd_close(&img, NULL);
	return rc;
}

static int open_all(struct vhd_rebase *r, struct vhd_error *err)
{
	struct vhd_open_opts open = r->open;
	const struct vhd_layer *top;
	int rc;

	if (!vhd_rebase_is_dry(r))
		open.flags |= VHD_OPEN_RDWR;
	rc = vhd_open(r->path, &open, &r->img, err);
	if (rc)
		return rc;
	top = &r->img->layers[0];
	rc = vhd_repair_parent_open(r->path, top->io, top->format, r->parent,
				    &r->below, &r->to, err);
	if (!rc)
		rc = check_size(r, r->img->size, r->to.image, err);
	return rc ? rc : vhd_layer_image(r->img, 1, &r->old, err);
}

/*
 * The engine has written blocks; another one, of the same file and under the
 * same lock, writes the record.
 */
static int record(struct vhd_rebase *r, struct vhd_error *err)
{
	struct vhd_layer *top = &r->img->layers[0];
	int rc = top->ops->shut(top->eng, err);

	top->ops->close(top->eng);
	top->eng = NULL;
	r->img->writer = NULL;
	if (!rc)
		rc = vhd_reparent_io(top->io, top->ops, &r->to,
				     r->open.size_rule, false, NULL, err);
	return vhd_err_file(err, rc, r->path);
}

static int rebase(struct vhd_rebase *r, struct vhd_error *err)
{
	int rc = open_all(r, err);

	if (!rc)
		rc = vhd_rebase_copy(r, err);
	if (rc)
		return rc;
	note(r, vhd_rebase_is_dry(r) ? "%" PRIu64 " bytes would be copied from the old "
			    "parent" :
			    "%" PRIu64 " bytes were copied from the old parent",
	     r->walk.differing);
	vhd_close(&r->old, NULL);
	return vhd_rebase_is_dry(r) ? 0 : record(r, err);
}

static int run(struct vhd_rebase *r, struct vhd_error *err)
{
	bool needed = true;
	int rc = look(r, &needed, err);

	if (rc)
		return rc;
	if (!needed) {
		note(r, "\"%.300s\" is its parent already", r->parent);
		return 0;
	}
	if (!(r->opts.flags & VHD_REBASE_UNSAFE))
		rc = rebase(r, err);
	else if (!vhd_rebase_is_dry(r))
		rc = vhd_reparent(r->path, r->parent, &r->below, 0, NULL, err);
	if (!rc)
		note(r, vhd_rebase_is_dry(r) ? "\"%.300s\" would be recorded as the parent"
				  : "\"%.300s\" is recorded as the parent",
		     r->parent);
	return rc;
}

int vhd_rebase(const char *path, const char *parent,
	       const struct vhd_rebase_opts *opts,
	       struct vhd_rebase_result *result_out, struct vhd_error *err)
{
	struct vhd_rebase r = { .path = path, .parent = parent };
	int rc, rc2;

	if (!path || !parent)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = get_opts(&r, opts, err);
	if (!rc)
		rc = run(&r, err);
	if (result_out) {
		result_out->copied_bytes = r.walk.differing;
		result_out->same_bytes = r.asked - r.walk.differing;
	}
	vhd_close(&r.old, NULL);
	vhd_repair_parent_close(&r.to);
	rc2 = vhd_close(&r.img, rc ? NULL : err);
	return rc ? rc : rc2;
}
