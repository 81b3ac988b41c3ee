/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FD_OUT_H
#define VHD_TOOLS_FD_OUT_H

/*
 * A stream to a descriptor: a pipe, a socket, a file.  In a new file, to which a
 * shell may have sent our standard output, zeros are left as holes.  All
 * functions return 0 or -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fd_out {
	int fd;
	bool holes;		/* zeros need not be written */
	uint64_t pos;		/* with holes: where we are in the file */
	uint64_t end;		/* and where what was written ends */
};

void fd_out_begin(struct fd_out *out, int fd);
int fd_out_write(void *out, const void *buf, size_t len);
int fd_out_zero(void *out, uint64_t len);
/* What ends in a hole gets its length. */
int fd_out_end(struct fd_out *out);

#endif
