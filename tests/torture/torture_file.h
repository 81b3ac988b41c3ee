/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_TORTURE_FILE_H
#define TESTS_TORTURE_TORTURE_FILE_H

/*
 * A file in memory that outlives the image in it.
 *
 * It takes no lock and orders nothing, so that the thread sanitizer sees what
 * the library alone has put in order.  What two threads do to one byte at the
 * same time is settled as in a file of the system: somehow.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include "vhd/io.h"

#define TORTURE_FILE_MAX (UINT64_C(1) << 29)
enum { TORTURE_CHUNK = 64 * 1024 };

struct torture_file {
	uint8_t *bytes;			/* zeros past the end of the file */
	_Atomic uint64_t size;
	_Atomic uint64_t high;		/* the largest size it ever had */
	_Atomic uint64_t changes;
	_Atomic uint8_t used[TORTURE_FILE_MAX / TORTURE_CHUNK];
	uint64_t limit;			/* it gets no longer; 0: off */
	bool slow;			/* calls take a while, now and then */
	_Atomic uint64_t calls;
	struct vhd_io_ops ops;		/* closing leaves it alone */
	struct vhd_io_ops ro_ops;	/* for reading only */
};

/* @holes: the file can be punched and zeroed without being written to. */
struct torture_file *torture_file_new(bool holes);
void torture_file_free(struct torture_file *f);
/* @f becomes equal to @from. */
void torture_file_copy(struct torture_file *f, const struct torture_file *from);

uint64_t torture_file_size(const struct torture_file *f);
/* As the operations, for who moves bytes himself. */
void torture_file_read(struct torture_file *f, void *buf, size_t len,
		       uint64_t off);
void torture_file_write(struct torture_file *f, const void *buf, size_t len,
			uint64_t off);

#endif
