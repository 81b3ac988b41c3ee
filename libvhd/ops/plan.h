/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_PLAN_H
#define VHD_OPS_PLAN_H

/*
 * From what a caller asks for to what an engine builds: formats by name,
 * targets, defaults, rounding, the parent.
 */

#include "engine/engine.h"
#include "vhd/ops.h"

struct vhd_plan {
	const struct vhd_engine *engine;
	enum vhd_format format;
	struct vhd_build build;
	uint32_t flags;			/* VHD_CREATE_* */
	vhd_progress_fn progress;	/* of reserving space; may be NULL */
	void *progress_arg;
	struct vhd_image *parent;	/* open while the plan lives, or NULL */
	struct vhd_info parent_info;	/* of its file */
	struct vhd_key_hash key;	/* build points at it */
	char *parent_relative;		/* build points at it */
};

/* What the extension of a file's name says; AUTO when it says nothing. */
enum vhd_format vhd_plan_format(const char *path);

/*
 * The name that an image at @path records of its parent: from its directory to
 * the file @parent.  The caller frees it.
 */
int vhd_plan_relative(const char *path, const char *parent,
		      char **relative_out, struct vhd_error *err);

/* A complete copy of the caller's options. */
int vhd_create_opts_get(const struct vhd_create_opts *in,
			struct vhd_create_opts *out, struct vhd_error *err);

/*
 * Decides everything.  With a @source the new disk is a copy of it: its size
 * may be rounded up, and a VHDX keeps the sector size that the guest knows.
 * The caller ends the plan with vhd_plan_free(), also after a failure.
 */
int vhd_plan_make(const char *path, const struct vhd_create_opts *opts,
		  const struct vhd_image *source, struct vhd_plan *plan,
		  struct vhd_error *err);
void vhd_plan_free(struct vhd_plan *plan);

#endif
