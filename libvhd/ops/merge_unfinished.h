/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_MERGE_UNFINISHED_H
#define VHD_OPS_MERGE_UNFINISHED_H

/* An interrupted merge into a layer of an image. */

#include "image/image_priv.h"

struct vhd_unfinished {
	int64_t into;		/* layer of the ancestor; -1: there is none */
	int64_t merged;		/* the merged image; -1: it is no layer */
	uint64_t pos;		/* bytes of the disk that are known to be there */
};

/*
 * Looks at the layers of @img from @from on.  Of several such merges it is one
 * whose merged image is no layer: then @img shows no disk that ever was.
 */
int vhd_unfinished_find(const struct vhd_image *img, uint32_t from,
			struct vhd_unfinished *out, struct vhd_error *err);

/* A sentence about what was found. */
void vhd_unfinished_say(const struct vhd_image *img,
			const struct vhd_unfinished *p, char *msg, size_t room);

/*
 * VHD_E_REFUSED when @img shows no disk that ever was: a merge into one of its
 * layers is unfinished, and the image that is merged is not above that one.
 */
int vhd_unfinished_refuse(const struct vhd_image *img, struct vhd_error *err);

#endif
