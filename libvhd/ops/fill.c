/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/fill.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "image/change.h"

/* The parents to open it with: the one it was made for, and what the caller
 * has named below that.  Freed by the caller. */
static const char **parents_of(const struct vhd_create_opts *create,
			       const struct vhd_open_opts *open)
{
	size_t n = 0;
	const char **list;

	while (open->parents && open->parents[n])
		n++;
	list = vhd_alloc_array(n + 2, sizeof(*list));
	if (!list)
		return NULL;
	list[0] = create->parent;
	for (size_t i = 0; i < n; i++)
		list[i + 1] = open->parents[i];
	return list;
}

/*
 * A disk with another identity with each run would not be reproducible: it
 * keeps the one that the builder gave it, where the format would change that.
 */
static int keep_identity(struct vhd_image *img, struct vhd_error *err)
{
	const struct vhd_layer *l = &img->layers[0];

	if (!l->ops->identify)
		return 0;
	return vhd_image_identify(img, &l->id, err);
}

static int open_built(const struct vhd_create_opts *create, struct vhd_filling *f,
		      struct vhd_error *err)
{
	struct vhd_open_opts open;
	const char **parents = NULL;
	struct vhd_io *io = NULL;
	int rc = vhd_open_opts_get(create->open, &open, err);

	if (!rc && create->parent) {
		parents = parents_of(create, &open);
		rc = parents ? 0 : vhd_fail_nomem(err);
	}
	if (!rc)
		rc = vhd_builder_keep(&f->builder, &io, err);
	if (!rc) {
		open.format = f->plan.format;
		open.flags |= VHD_OPEN_RDWR;
		open.parents = parents;
		rc = vhd_image_open(io, &open, NULL, 0, &f->img, err);
	}
	vhd_free(parents);
	return rc ? rc : keep_identity(f->img, err);
}

int vhd_filling_open(const char *dst, const struct vhd_create_opts *create,
		     const struct vhd_image *source, struct vhd_filling *f,
		     struct vhd_error *err)
{
	int rc;

	memset(f, 0, sizeof(*f));
	rc = vhd_plan_make(dst, create, source, &f->plan, err);
	if (!rc && f->plan.parent)
		rc = vhd_builder_spares(f->plan.parent, "parent", dst, err);
	if (!rc)
		rc = vhd_builder_open(dst, &f->plan, &f->builder, err);
	if (!rc)
		rc = vhd_builder_finish(&f->builder, err);
	if (!rc)
		rc = open_built(create, f, err);
	return rc ? vhd_err_file(err, rc, dst) : 0;
}

int vhd_filling_commit(struct vhd_filling *f, struct vhd_error *err)
{
	int rc = vhd_close(&f->img, err);

	return rc ? rc : vhd_builder_commit(&f->builder, err);
}

void vhd_filling_close(struct vhd_filling *f)
{
	vhd_close(&f->img, NULL);
	if (f->builder.plan)
		vhd_builder_close(&f->builder);
	vhd_plan_free(&f->plan);
	memset(f, 0, sizeof(*f));
}
