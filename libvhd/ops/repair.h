/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_REPAIR_H
#define VHD_OPS_REPAIR_H

/* The parent that a repair records anew. */

#include "engine/repair.h"
#include "image/image_priv.h"
#include "ops/mend.h"

struct vhd_repair_parent {
	struct vhd_engine_parent facts;
	struct vhd_image *image;	/* open while it is needed */
	char *relative;			/* facts points at it */
};

/*
 * Looks at @parent, which @path, open as @io and of @format, is to have.  @open
 * says how to open it and what is below it.  Ended with
 * vhd_repair_parent_close(), also after a failure.
 */
int vhd_repair_parent_open(const char *path, struct vhd_io *io,
			   enum vhd_format format, const char *parent,
			   const struct vhd_open_opts *open,
			   struct vhd_repair_parent *out,
			   struct vhd_error *err);
void vhd_repair_parent_close(struct vhd_repair_parent *p);

/*
 * Tells what naming the parent would mend.  @view is the image as it is to be,
 * and taken over.
 */
void vhd_repair_offer_parent(struct vhd_mend *m, struct vhd_io *view,
			     const struct vhd_open_opts *opts);

#endif
