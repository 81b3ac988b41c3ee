/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_COPY_RANGE_H
#define VHD_IO_COPY_RANGE_H

/*
 * Bytes of one place of a file put in another, for those below the copy engine
 * (ops/copy.h): shared by the file system where it can do that, else read and
 * written in pieces that fit a processor's cache.
 */

#include "io/io.h"

/* All zero but the files, which may be the same; for one thread. */
struct vhd_copier {
	struct vhd_io *src, *dst;
	void *buf;		/* made when it is needed, and kept */
	bool no_share;		/* these two files cannot share */
};

/* Both ranges lie in their files, or make @dst longer, and do not overlap. */
int vhd_copier_run(struct vhd_copier *c, uint64_t from, uint64_t to,
		   uint64_t len, struct vhd_error *err);

/* Only what @src stores: where it has holes, @dst stays as it is. */
int vhd_copier_run_stored(struct vhd_copier *c, uint64_t from, uint64_t to,
			  uint64_t len, struct vhd_error *err);

/* The files stay open. */
void vhd_copier_free(struct vhd_copier *c);

#endif
