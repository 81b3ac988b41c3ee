/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_IMAGE_PRIV_H
#define VHD_IMAGE_IMAGE_PRIV_H

/* The image object; the image layer and ops see inside, nobody else. */

#include <stdatomic.h>

#include "image/layer.h"

struct vhd_forward;
struct vhd_owners;

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
	/* Budget of each layer's cache, as asked for; 0: the default. */
	uint64_t cache_bytes;
	/* Of a deep chain, once it was read from (image/shortcut.c). */
	_Atomic(struct vhd_owners *) owners;
	/* The image comes as a stream, once; else NULL. */
	struct vhd_forward *forward;
	enum vhd_size_rule size_rule;	/* with it: as it was opened with */
};

/*
 * vhd_open() and vhd_open_io() with a reporter instead of a log callback.
 * @opts is complete (vhd_open_opts_get()).  @io is taken over.
 */
int vhd_image_open(struct vhd_io *io, const struct vhd_open_opts *opts,
		   const struct vhd_reporter *reporter, int64_t now,
		   struct vhd_image **img_out, struct vhd_error *err);

/* The same with the log callback of @opts. */
int vhd_image_open_logged(struct vhd_io *io, struct vhd_open_opts *opts,
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
