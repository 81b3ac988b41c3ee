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
