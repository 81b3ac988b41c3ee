/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_POSIX_FD_H
#define VHD_IO_POSIX_FD_H

#include "io/io.h"

/*
 * Wraps a descriptor of a regular file or block device.  @fd is taken over:
 * it is closed also when this fails.
 */
int vhd_io_new_fd(int fd, const char *name, bool writable,
		  struct vhd_io **io_out, struct vhd_error *err);

/* The file of @io once more, for reading and writing; it outlives @io. */
int vhd_io_again(const struct vhd_io *io, struct vhd_io **io_out,
		 struct vhd_error *err);

#endif
