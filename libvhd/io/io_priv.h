/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_IO_PRIV_H
#define VHD_IO_IO_PRIV_H

/* Shared by the two files of the door. */

#include <errno.h>
#include <stdatomic.h>

#include "io/io.h"

enum { VHD_IO_COUNTS = 8 };

struct vhd_io_counts {
	char pad[64];
	_Atomic uint64_t reads, read_bytes;
	_Atomic uint64_t writes, write_bytes;
	_Atomic uint64_t flushes;
};

struct vhd_io {
	struct vhd_io_ops ops;	/* ours, so that newer slots are NULL */
	void *handle;
	char *name;
	const struct vhd_io *file;	/* that this one stands for; or NULL */
	_Atomic uint64_t seen_end;
	/* Several, so that threads keep off each other's cache lines, and off
	 * the one above, which all of them read. */
	struct vhd_io_counts counts[VHD_IO_COUNTS];
};

static inline bool vhd_io_unsupported(int rc)
{
	return rc == -EOPNOTSUPP || rc == -ENOTSUP || rc == -ENOSYS;
}

/* The call failed with @rc, a negative errno: a sentence and a file name. */
int vhd_io_fail_call(const struct vhd_io *io, int rc, uint64_t off,
		     const char *what, uint64_t len, struct vhd_error *err);
/* The file ends at @end, and was longer before. */
int vhd_io_fail_cut(const struct vhd_io *io, uint64_t end,
		    struct vhd_error *err);
/* For everything that changes the file. */
int vhd_io_want_write(const struct vhd_io *io, const char *what, uint64_t len,
		      uint64_t off, struct vhd_error *err);

#endif
