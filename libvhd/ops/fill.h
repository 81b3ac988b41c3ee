/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_FILL_H
#define VHD_OPS_FILL_H

/*
 * A new image that is filled through the ordinary writer before it gets its
 * name: a child has to tell sectors that it holds from those that its parent
 * shows, which the builder's pieces cannot.
 */

#include "ops/builder.h"

struct vhd_filling {
	struct vhd_image *img;		/* open for writing, with its parents */
	struct vhd_plan plan;
	struct vhd_builder builder;
};

/*
 * Makes the empty image that @create asks for (complete, from
 * vhd_create_opts_get()), with a parent or without, and opens it.  @source as
 * for vhd_plan_make().  Ended with vhd_filling_close(), also after a failure.
 */
int vhd_filling_open(const char *dst, const struct vhd_create_opts *create,
		     const struct vhd_image *source, struct vhd_filling *f,
		     struct vhd_error *err);

/* Closes the image and gives it its name. */
int vhd_filling_commit(struct vhd_filling *f, struct vhd_error *err);

/* Releases; what was not committed is gone. */
void vhd_filling_close(struct vhd_filling *f);

#endif
