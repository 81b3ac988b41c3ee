/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_RESIZE_H
#define VHD_OPS_RESIZE_H

#include "image/image_priv.h"
#include "vhd/change.h"

/* What a resize of an open image is about. */
struct vhd_resizing {
	uint64_t size;
	uint32_t flags;			/* VHD_CHANGE_* */
	uint64_t spare_off, spare_len;	/* may be cut, whatever they are */
	vhd_progress_fn progress;	/* may be NULL */
	void *progress_arg;
};

/* Is @size one that the format allows for this image? */
int vhd_resize_limits(struct vhd_image *img, uint64_t size,
		      struct vhd_error *err);

/*
 * The work of vhd_resize() on an image that nobody else uses, opened for
 * reading for a dry run, else for writing; the files' lengths in @result_out
 * are left alone.  Afterwards only vhd_close() may be called.
 */
int vhd_resize_image(struct vhd_image *img, const struct vhd_resizing *how,
		     struct vhd_resize_result *result_out,
		     struct vhd_error *err);

#endif
