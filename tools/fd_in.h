/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FD_IN_H
#define VHD_TOOLS_FD_IN_H

/*
 * Bytes that come from somewhere, front to back, and may be looked at before
 * they are taken: a descriptor, or what unpacks another such source.
 */

#include <stddef.h>
#include <stdint.h>

enum { FD_IN_HEAD = 512 };

/**
 * struct fd_in - such a source
 *
 * @read: gives at least one and up to @len bytes, 0 at the end, or -errno
 * @head: what was looked at and not taken yet: [at, have)
 */
struct fd_in {
	int64_t (*read)(void *arg, void *buf, size_t len);
	void *arg;
	unsigned char head[FD_IN_HEAD];
	size_t at, have;
};

/* Bytes from @fd; ends with -EINTR once a signal was caught (sigint.h). */
void fd_in_begin(struct fd_in *in, const int *fd);
/* Bytes from @read. */
void fd_in_over(struct fd_in *in,
		int64_t (*read)(void *arg, void *buf, size_t len), void *arg);

/* Up to @len of the next bytes, fewer at the end only; they stay.  At most
 * FD_IN_HEAD.  Their number or -errno. */
int64_t fd_in_peek(struct fd_in *in, const unsigned char **bytes, size_t len);
/* Takes a struct fd_in. */
int64_t fd_in_read(void *in, void *buf, size_t len);

#endif
