/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_READBACK_H
#define VHD_OPS_READBACK_H

/* Reading what was written, to see that it is the same. */

#include "vhd/image.h"

struct vhd_io;

struct vhd_readback {
	struct vhd_io *io;		/* taken over */
	enum vhd_format format;
	uint64_t digest;		/* of what was written */
	uint64_t size;			/* of a disk in a longer file; 0: all */
	bool forget;			/* leave nothing in the system's cache */
	vhd_progress_fn progress;	/* may be NULL */
	void *progress_arg;
};

/* VHD_E_IO when it is not. */
int vhd_readback_run(const struct vhd_readback *how, struct vhd_error *err);

#endif
