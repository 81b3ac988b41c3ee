/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_BUILDER_H
#define VHD_OPS_BUILDER_H

/* A new image on its way: the file without a name, or the device that it is made
 * on, and the engine's builder. */

#include "ops/plan.h"

struct vhd_outfile;

struct vhd_builder {
	const struct vhd_plan *plan;
	struct vhd_outfile *out;	/* or */
	struct vhd_io *device;
	void *bld;
	bool finished;
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

/* Where guest bytes from @off on go in the file, and how many of them; ascending
 * offsets are best. */
int vhd_builder_place(struct vhd_builder *b, uint64_t off,
		      uint64_t *file_off_out, uint64_t *len_out,
		      struct vhd_error *err);
/* The file, for writing to such places; the builder's. */
struct vhd_io *vhd_builder_io(const struct vhd_builder *b);

/*
 * Completes the image, which nobody sees yet; then it may be opened and written
 * to through the file that vhd_builder_keep() gives.  It is the caller's, and
 * to be closed before the commit.
 */
int vhd_builder_finish(struct vhd_builder *b, struct vhd_error *err);
int vhd_builder_keep(struct vhd_builder *b, struct vhd_io **io_out,
		     struct vhd_error *err);

/* Completes the image, if that was not done, and gives it its name. */
int vhd_builder_commit(struct vhd_builder *b, struct vhd_error *err);

/* Releases; what was not committed is gone. */
void vhd_builder_close(struct vhd_builder *b);

#endif
