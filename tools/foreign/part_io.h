/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_PART_IO_H
#define VHD_TOOLS_FOREIGN_PART_IO_H

/* A part of a file as a file of its own, to be read. */

#include <vhd/vhd.h>

struct part_io {
	int fd;
	uint64_t off;
	uint64_t len;
};

/* The handle is a struct part_io, which stays the caller's. */
extern const struct vhd_io_ops part_io_ops;

#endif
