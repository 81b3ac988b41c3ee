/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Relink: the children of a chain find their parents again.
 *
 * From the image downwards each layer is opened alone and its parent looked for,
 * until one needs none: then all is known and nothing has changed.  The records
 * are written from the lowest child upwards, so that below each child that is
 * changed there is a whole chain.  Names change, nobody's identity does; one that
 * was cut off is simply done again.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/opts.h"
#include "io/stat.h"
#include "ops/relink_find.h"
#include "ops/reparent.h"
#include "vhd/chain.h"

/* A layer, and the parent that it has. */
struct tie {
	char *child, *parent;
	struct vhd_file_id id;		/* of the child */
	bool right;
	bool second;			/* the recorded one was passed over */
};

struct relink {
	struct vhd_open_opts open;
	struct vhd_kennel kennel;
	struct tie *tie;		/* from the top down */
	uint32_t count;
	bool dry, changed;
	vhd_note_fn note;
	void *note_arg;
};

static void note(const struct relink *r, const char *file, const char *fmt, ...)
	VHD_PRINTF(3, 4);
static void note(const struct relink *r, const char *file, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	if (!r->note)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	r->note(r->note_arg, file, msg);
}

static int check_loop(const struct relink *r, const struct tie *t,
		      struct vhd_error *err)
{
	for (uint32_t i = 0; i < r->count; i++) {
		if (vhd_file_id_same(&r->tie[i].id, &t->id))
			return vhd_fail(err, VHD_E_PARENT, "the chain of "
					"parents comes back to %s",
					r->tie[i].child);
	}
	return 0;
}

/* Looks at @t->child alone; *@end_out: it has no parent. */
static int find(struct relink *r, struct tie *t, bool *end_out,
		struct vhd_error *err)
{
	struct vhd_open_opts open = r->open;
	struct vhd_image *img = NULL;
	int rc;

	open.flags |= VHD_OPEN_NO_PARENT;
	/* Only a VHD of Xen's comes upon these. */
	if (r->count)
		open.flags |= VHD_OPEN_ALLOW_RAW;
	if (r->dry)
		open.flags |= VHD_OPEN_NO_LOCK;
	rc = vhd_open(t->child, &open, &img, err);
	if (rc)
		return rc;
	t->id = img->layers[0].file_id;
	rc = check_loop(r, t, err);
	if (!rc)
		rc = vhd_relink_find(&img->layers[0], &r->open, &r->kennel,
				     &t->parent, &t->right, err);
	vhd_err_file(err, rc, t->child);
	vhd_close(&img, NULL);
	*end_out = !rc && !t->parent;
	return rc;
}

static char *find_other(struct relink *r, const char *child)
{
	struct vhd_open_opts open = r->open;
	struct vhd_image *img = NULL;
	char *other = NULL;

	open.flags |= VHD_OPEN_NO_PARENT | VHD_OPEN_NO_LOCK;
	if (!vhd_open(child, &open, &img, NULL))
		other = vhd_relink_other(&img->layers[0], &r->kennel);
	vhd_close(&img, NULL);
	return other;
}

/*
 * From the last layer on there is no way down.  One of those above may be the
 * child of a layer that was merged: then another file has the identity of that.
 */
static bool step_over(struct relink *r)
{
	for (uint32_t i = r->count; i-- > 0;) {
		struct tie *t = &r->tie[i];
		char *other = t->parent && !t->second ?
			      find_other(r, t->child) : NULL;

		if (!other)
			continue;
		note(r, t->parent, "is passed over: its own parent is not found");
		for (uint32_t k = i + 1; k < r->count; k++) {
			vhd_free(r->tie[k].child);
			vhd_free(r->tie[k].parent);
		}
		vhd_free(t->parent);
		t->parent = other;
		t->right = false;
		t->second = true;
		r->count = i + 1;
		return true;
	}
	return false;
}

static int find_all(struct relink *r, const char *path, struct vhd_error *err)
{
	const char *child = path;
	struct vhd_error why;
	bool end = false;
	int rc = 0;

	while (!rc && !end) {
		struct tie t = { .child = vhd_strdup(child) };

		if (!t.child)
			return vhd_fail_nomem(err);
		if (r->count == r->open.max_depth) {
			vhd_free(t.child);
			return vhd_fail(err, VHD_E_PARENT, "the chain has more "
					"than %u layers",
					(unsigned int)r->open.max_depth);
		}
		rc = find(r, &t, &end, &why);
		r->tie[r->count++] = t;
		if (rc == VHD_E_PARENT && step_over(r))
			rc = 0;
		child = r->tie[r->count - 1].parent;
	}
	if (rc && err)
		*err = why;
	return rc;
}

static int mend(struct relink *r, const struct tie *t, struct vhd_error *err)
{
	struct vhd_open_opts open = r->open;
	bool changed = true;
	int rc = 0;

	open.flags |= VHD_OPEN_ANY_PARENT_DIR;
	open.log = NULL;
	if (!r->dry)
		rc = vhd_reparent(t->child, t->parent, &open, 0, &changed,
				  err);
	if (rc)
		return rc;
	r->changed = r->changed || changed;
	if (changed)
		note(r, t->child, "%s recorded as the parent: \"%.380s\"",
		     r->dry ? "would be" : "is", t->parent);
	return 0;
}

static int run(struct relink *r, const char *path, struct vhd_error *err)
{
	int rc;

	r->tie = vhd_alloc_array(r->open.max_depth, sizeof(*r->tie));
	if (!r->tie)
		return vhd_fail_nomem(err);
	rc = find_all(r, path, err);
	if (!rc && r->count == 1)
		note(r, path, "it has no parent");
	for (uint32_t i = r->count; !rc && i-- > 0;) {
		if (!r->tie[i].right)
			rc = mend(r, &r->tie[i], err);
	}
	if (!rc && r->count > 1 && !r->changed)
		note(r, path, "all parents are where they are recorded");
	return rc;
}

int vhd_relink(const char *path, const char *const *dirs, uint32_t flags,
	       const struct vhd_open_opts *open, vhd_note_fn note_fn,
	       void *note_arg, bool *changed_out, struct vhd_error *err)
{
	struct relink r = {
		.kennel = { .dirs = dirs, .image = path },
		.dry = flags & VHD_CHANGE_DRY_RUN,
		.note = note_fn,
		.note_arg = note_arg,
	};
	int rc;

	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = vhd_flags_check(flags, VHD_CHANGE_DRY_RUN, "relink flags", err);
	if (!rc)
		rc = vhd_open_opts_get(open, &r.open, err);
	r.open.flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD);
	r.open.parents = NULL;
	if (r.open.max_depth > 65536)
		r.open.max_depth = 65536;
	if (!rc)
		rc = run(&r, path, err);
	for (uint32_t i = 0; i < r.count; i++) {
		vhd_free(r.tie[i].child);
		vhd_free(r.tie[i].parent);
	}
	vhd_free(r.tie);
	vhd_kennel_free(&r.kennel);
	if (changed_out)
		*changed_out = !rc && r.changed;
	return rc;
}
