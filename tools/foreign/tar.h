/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_TAR_H
#define VHD_TOOLS_FOREIGN_TAR_H

/* The members of a tar file: ustar, with the long names of pax and of GNU. */

#include <vhd/vhd.h>

enum { TAR_NAME = 1024 };

/**
 * struct tar_member - a regular file in it
 *
 * @off: where its bytes begin
 */
struct tar_member {
	char name[TAR_NAME];
	uint64_t off;
	uint64_t len;
};

/* Told of each; false ends the walk. */
typedef bool (*tar_fn)(void *arg, const struct tar_member *member);

/* Returns: 0, VHD_E_IO, VHD_E_UNSUPPORTED for a damaged one; what @fn stopped is no failure. */
int tar_walk(int fd, const char *path, tar_fn fn, void *arg,
	     struct vhd_error *err);

#endif
