/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_POSIX_H
#define VHD_IO_POSIX_H

#include "io/io.h"

/*
 * Opens an existing regular file or block device for reading, or for reading
 * and writing.  Anything else (directory, FIFO, socket, character device) is
 * VHD_E_NOTFILE: it is never opened in a way that could block or act.
 */
enum {
	VHD_POSIX_WRITE = 1 << 0,
	VHD_POSIX_NO_DEVICE = 1 << 1,	/* block devices are refused too */
	VHD_POSIX_NO_SYMLINK = 1 << 2	/* none in the path is followed */
};
int vhd_io_open_posix(const char *path, uint32_t flags, struct vhd_io **io_out,
		      struct vhd_error *err);

/* Identity of an open file, to find out whether two names mean one file. */
struct vhd_file_id {
	uint64_t dev;
	uint64_t ino;
	bool known;
};
void vhd_io_file_id(const struct vhd_io *io, struct vhd_file_id *out);

/* Bytes of disk that the file occupies; VHD_NO_OFFSET when not known. */
uint64_t vhd_io_disk_usage(const struct vhd_io *io);

#endif
