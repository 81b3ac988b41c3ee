/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_STREAM_H
#define VHD_TOOLS_STREAM_H

/*
 * Descriptors that deliver less than they are asked for, and that a signal may
 * interrupt: whole reads and writes, given up once one was caught (sigint.h).
 */

#include <stddef.h>
#include <stdint.h>

/* Fills @buf, or less at the end: the number of bytes, or -errno. */
int64_t stream_read(int fd, void *buf, size_t len);

/* Returns 0 or -errno. */
int stream_write(int fd, const void *buf, size_t len);
/* The same, at a place of a file. */
int stream_pwrite(int fd, const void *buf, size_t len, uint64_t off);

#endif
