/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_SERVER_COPY_H
#define VHD_IO_SERVER_COPY_H

/*
 * Does copy_file_range() inside the file system of a file have somebody else move
 * the bytes?  Elsewhere the kernel copies them itself, which is no faster than
 * reading and writing, and nobody looks for zeros on the way.
 */

#include <stdbool.h>

/* The file system that the open file @fd is on. */
bool vhd_server_copies(int fd);

/*
 * The same by a line of /proc/self/mountinfo; false also where it is about another
 * device than @major:@minor.
 */
bool vhd_server_copies_line(const char *line, unsigned int major,
			    unsigned int minor);

#endif
