/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_H
#define VHD_IO_H

/*
 * The file below an image, as a table of functions.
 *
 * A program that keeps its images somewhere else than in a file (an object
 * store, a VMM's own block layer, memory) fills in this table and opens them
 * with vhd_open_io().  The library's own backends use the same table, and so do
 * the wrappers that record or fail calls in its tests.
 *
 * Argument order is the same everywhere: buffer, length, offset.  A slot that
 * may be NULL has a fallback in the library.  All slots may be called by many
 * threads at once.  Failures are returned as a negative errno value.
 */

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** struct vhd_iov - a piece of memory; same layout as POSIX struct iovec */
struct vhd_iov {
	void *base;
	size_t len;
};

/** enum vhd_lock_mode - what the holder of a lock may do, and lets others do */
enum vhd_lock_mode {
	VHD_LOCK_NONE = 0,	/* drop the lock */
	VHD_LOCK_READ = 1,	/* read; others may read too */
	VHD_LOCK_WRITE = 2	/* read and write; others may do neither */
};

/**
 * struct vhd_io_ops - operations on a backing file
 *
 * @size:       sizeof(struct vhd_io_ops), so that the table can grow
 * @pread:      read up to @len bytes at @off. Returns the number read, 0 at or
 *              past the end of the file, or -errno. May read less than asked.
 * @pwrite:     write up to @len bytes at @off, extending the file as needed.
 *              Returns the number written (> 0) or -errno. NULL: read-only.
 * @preadv:     as @pread into @cnt pieces. May be NULL.
 * @pwritev:    as @pwrite from @cnt pieces. May be NULL.
 * @flush:      returns when everything written before is durable. NULL: every
 *              write is durable when it returns.
 * @get_size:   present length in bytes, or -errno.
 * @set_size:   cut or extend to @size; new bytes read as zeros. NULL: fixed.
 * @zero_range: make a range read as zeros, keeping it allocated, and extending
 *              the file as needed. May be NULL.
 * @punch_hole: make a range read as zeros, freeing its space, without changing
 *              the size of the file. May be NULL.
 * @next_data:  find the first run of stored data that ends after @off; holes
 *              outside of it are known to read as zeros. -ENXIO when only a
 *              hole follows. NULL: everything is data.
 * @lock:       take or change the advisory lock; -EAGAIN when another holds a
 *              conflicting one. NULL: no locks.
 * @fd:         POSIX descriptor whose offsets are the offsets used here, or -1.
 *              NULL: none.
 * @close:      release @h. Returns 0 or -errno; @h is gone either way. May be
 *              NULL.
 */
struct vhd_io_ops {
	uint32_t size;
	uint32_t reserved;
	int64_t (*pread)(void *h, void *buf, size_t len, uint64_t off);
	int64_t (*pwrite)(void *h, const void *buf, size_t len, uint64_t off);
	int64_t (*preadv)(void *h, const struct vhd_iov *iov, int cnt,
			  uint64_t off);
	int64_t (*pwritev)(void *h, const struct vhd_iov *iov, int cnt,
			   uint64_t off);
	int (*flush)(void *h);
	int64_t (*get_size)(void *h);
	int (*set_size)(void *h, uint64_t size);
	int (*zero_range)(void *h, uint64_t len, uint64_t off);
	int (*punch_hole)(void *h, uint64_t len, uint64_t off);
	int (*next_data)(void *h, uint64_t off, uint64_t *start_out,
			 uint64_t *end_out);
	int (*lock)(void *h, enum vhd_lock_mode mode);
	int (*fd)(void *h);
	int (*close)(void *h);
};

#ifdef __cplusplus
}
#endif
#endif
