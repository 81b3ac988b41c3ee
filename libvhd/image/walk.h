/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_WALK_H
#define VHD_IMAGE_WALK_H

/*
 * A look at a long range of a chain, front to back.
 *
 * Each layer's answer about where it is now is kept until the walk has passed the
 * end of it.  So a layer is asked once for each of its runs, and not once for
 * each extent of the disk, of which a deep chain has many more; and what a layer
 * found when it looked ahead is never found again.
 */

#include "image/image_priv.h"

struct vhd_walk_run;

struct vhd_walk {
	struct vhd_image *img;
	bool moving;			/* as vhd_image_resolve() has it */
	struct vhd_walk_run *runs;	/* one of each layer */
};

/* False: no memory. */
bool vhd_walk_begin(struct vhd_walk *w, struct vhd_image *img, bool moving);
void vhd_walk_end(struct vhd_walk *w);

/*
 * The extent at @off, which never goes back, as far as it reaches below @limit.
 * No layer is asked about more than that: neither does it go back.
 */
int vhd_walk_look(struct vhd_walk *w, uint64_t off, uint64_t limit,
		  struct vhd_extent *ext_out, struct vhd_error *err);

#endif
