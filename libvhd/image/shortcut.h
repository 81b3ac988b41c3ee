/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_SHORTCUT_H
#define VHD_IMAGE_SHORTCUT_H

#include "image/image_priv.h"

/* No longer ranges are remembered: who walks far is told of long extents. */
#define VHD_SHORTCUT_MAX (UINT64_C(2) << 20)

/* What is known of [off, off + len), which may be less than was asked about. */
struct vhd_shortcut {
	uint64_t len;
	uint32_t layer;		/* to begin with */
	bool learn;		/* its answer is worth vhd_shortcut_learn() */
	uint64_t place;		/* in its file; VHD_NO_OFFSET: ask it */
};

/*
 * All layers from vhd_shortcut_first() down to the one to begin with leave the
 * range to their parents.  It lies inside the disk.  The place is known only to
 * who moves bytes.
 */
struct vhd_shortcut vhd_shortcut(struct vhd_image *img, bool moving,
				 uint64_t off, uint64_t len);

/* Layer @layer gave this answer about @off. */
void vhd_shortcut_learn(struct vhd_image *img, uint32_t layer, uint64_t off,
			const struct vhd_run *run);

/* The first layer that does not change while the image is open. */
static inline uint32_t vhd_shortcut_first(const struct vhd_image *img)
{
	return img->writer ? 1 : 0;
}

#endif
