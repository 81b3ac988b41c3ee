/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_IMAGE_PRIV_H
#define VHD_IMAGE_IMAGE_PRIV_H

/* The image object; the image layer and ops see inside, nobody else. */

#include "image/layer.h"

struct vhd_image {
	struct vhd_layer *layers;	/* [0] is the image itself */
	uint32_t count;
	uint32_t room;
	uint64_t size;
	/* The lowest layer has a parent that was not opened. */
	bool torn;
	/* The layers belong to another image (vhd_layer_image()). */
	bool borrowed;
	/* Of layers[0], after an open for writing; else NULL. */
	struct vhd_writer *writer;
};

/*
 * vhd_open() and vhd_open_io() with a reporter instead of a log callback.
 * @opts is complete (vhd_open_opts_get()).  @io is taken over.
 */
int vhd_image_open(struct vhd_io *io, const struct vhd_open_opts *opts,
		   const struct vhd_reporter *reporter, int64_t now,
		   struct vhd_image **img_out, struct vhd_error *err);

/* A complete copy of the caller's options, with defaults; NULL is fine. */
int vhd_open_opts_get(const struct vhd_open_opts *in,
		      struct vhd_open_opts *out, struct vhd_error *err);

/* Opens @path and takes the lock that @opts ask for. */
int vhd_image_io(const char *path, const struct vhd_open_opts *opts,
		 struct vhd_io **io_out, struct vhd_error *err);

/* One more layer below the present lowest one; takes over its contents. */
int vhd_image_push(struct vhd_image *img, struct vhd_layer *layer,
		   struct vhd_error *err);

#endif
