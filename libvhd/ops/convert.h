/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_CONVERT_H
#define VHD_OPS_CONVERT_H

/* From an open disk to a new image, for all who make one. */

#include "ops/copy.h"
#include "vhd/ops.h"

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
