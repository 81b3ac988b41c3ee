/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_COPY_H
#define VHD_OPS_COPY_H

/*
 * Walking a disk front to back: what is data is read in pieces that fit a
 * processor's cache, what is known or found to be zeros is only named.
 */

#include "vhd/image.h"

struct vhd_copy {
	struct vhd_image *src;
	/* @len bytes of data at guest offset @off */
	int (*data)(void *arg, const void *buf, uint64_t len, uint64_t off,
		    struct vhd_error *err);
	/* @len zeros at guest offset @off; NULL: nobody wants to know */
	int (*zero)(void *arg, uint64_t len, uint64_t off,
		    struct vhd_error *err);
	/*
	 * @len bytes at @off that cannot be had because of @why, and the walk
	 * goes on behind them.  NULL: the first failure ends it.
	 */
	int (*lost)(void *arg, uint64_t len, uint64_t off,
		    const struct vhd_error *why, struct vhd_error *err);
	void *arg;
	/*
	 * With @lost: length of the file of layer 0 before anybody made it
	 * longer.  What lies behind that and is not stored was never there.
	 */
	uint64_t real_end;
	vhd_progress_fn progress;	/* may be NULL */
	void *progress_arg;
};

/* *@missing_out (may be NULL): bytes of data past the end of their file. */
int vhd_copy_run(const struct vhd_copy *copy, uint64_t *missing_out,
		 struct vhd_error *err);

#endif
