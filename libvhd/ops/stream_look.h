/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_STREAM_LOOK_H
#define VHD_OPS_STREAM_LOOK_H

#include "vhd/image.h"
#include "vhd/ops.h"

/*
 * Where a disk has data, front to back, without reading it: extents, cut at the
 * holes of their files.
 */
struct vhd_look {
	struct vhd_image *src;
	int (*data)(void *arg, uint64_t len, uint64_t off,
		    struct vhd_error *err);
	void *arg;
	vhd_progress_fn progress;	/* may be NULL */
	void *progress_arg;
};

int vhd_look_run(const struct vhd_look *look, struct vhd_error *err);

#endif
