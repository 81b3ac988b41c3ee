/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_CONVERT_H
#define VHD_OPS_CONVERT_H

/* From an open disk to a new image, for all who make one. */

#include "ops/copy.h"
#include "vhd/ops.h"

/* A complete copy of the caller's options; NULL is fine. */
int vhd_convert_opts_get(const struct vhd_convert_opts *in,
			 struct vhd_convert_opts *out, struct vhd_error *err);

/*
 * vhd_copy_run() into a file: with @sync, what is written starts on its way to the
 * disk early; with VHD_CONVERT_NO_CACHE in @flags, nothing stays in the cache.
 */
int vhd_convert_run(struct vhd_copy *copy, uint32_t flags, bool sync,
		    struct vhd_copy_result *copied, struct vhd_error *err);

void vhd_convert_add(const struct vhd_copy_result *from,
		     struct vhd_convert_result *to);

struct vhd_transfer {
	struct vhd_image *src;
	const char *dst;
	/* Complete (vhd_create_opts_get()); progress is set here. */
	struct vhd_create_opts create;
	vhd_progress_fn progress;	/* may be NULL */
	void *progress_arg;
	/* See struct vhd_copy; NULL: the first failure ends it. */
	int (*lost)(void *arg, uint64_t len, uint64_t off,
		    const struct vhd_error *why, struct vhd_error *err);
	uint64_t real_end;
	uint32_t flags;			/* VHD_CONVERT_* */
	uint32_t threads;
	/* Asked when all is copied and before the new image gets its name; may
	 * be NULL. */
	int (*done)(void *arg, const struct vhd_convert_result *result,
		    struct vhd_error *err);
	void *arg;
};

int vhd_transfer_run(const struct vhd_transfer *t,
		     struct vhd_convert_result *result_out,
		     struct vhd_error *err);

#endif
