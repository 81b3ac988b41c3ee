/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_BUILDER_H
#define VHD_OPS_BUILDER_H

/* A new image on its way: the file without a name, and the engine's builder. */

#include "ops/plan.h"

struct vhd_outfile;

struct vhd_builder {
	const struct vhd_plan *plan;
	struct vhd_outfile *out;
	void *bld;
	uint64_t piece_off;	/* the piece that was placed last: where it */
	uint64_t piece_len;	/* is in the disk, */
	uint64_t piece_file;	/* and in the file */
};

/*
 * A new file that takes the place of one of the files of @img would destroy
 * what is read from it, or what the new image is to be a child of.  @who says
 * in the error what @img is.
 */
int vhd_builder_spares(const struct vhd_image *img, const char *who,
		       const char *path, struct vhd_error *err);

/* @plan must outlive the builder. */
int vhd_builder_open(const char *path, const struct vhd_plan *plan,
		     struct vhd_builder *b, struct vhd_error *err);

/* Stores guest bytes; ascending offsets are best. */
int vhd_builder_write(struct vhd_builder *b, const void *buf, uint64_t len,
		      uint64_t off, struct vhd_error *err);

/* Completes the image and gives it its name. */
int vhd_builder_commit(struct vhd_builder *b, struct vhd_error *err);

/* Releases; what was not committed is gone. */
void vhd_builder_close(struct vhd_builder *b);

#endif
