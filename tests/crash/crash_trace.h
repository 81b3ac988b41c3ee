/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_TRACE_H
#define TESTS_CRASH_CRASH_TRACE_H

/* Operations of a file, ready to be left out, cut up and put in order. */

#include <stdio.h>

#include "crash/crash.h"
#include "crash/crash_file.h"
#include "io/io_record.h"

struct crash_op {
	enum vhd_trace_kind kind;
	uint64_t off;
	uint64_t len;
	const uint8_t *data;
	bool own_data;
};

struct crash_ops {
	struct crash_op *op;
	size_t count;
};

/* What arrived of an operation. */
enum crash_tear_how {
	CRASH_WHOLE,
	CRASH_PREFIX,		/* the first @arg sectors */
	CRASH_SUFFIX,		/* all but the first @arg sectors */
	CRASH_PIECES,		/* runs of sectors, chosen by @arg */
	CRASH_SECTORS		/* each sector or not, chosen by @arg */
};

struct crash_tear {
	enum crash_tear_how how;
	uint64_t arg;
};

/*
 * The operations of @t, which must live longer.  What begins or ends inside a
 * sector of the file becomes a write of whole sectors, with what stood there:
 * neither a page cache nor a disk knows anything smaller.  @base is what the
 * file held before.
 */
void crash_ops_get(struct crash_ops *ops, const struct vhd_trace *t,
		   struct crash_base *base);
void crash_ops_free(struct crash_ops *ops);

/* Sectors that a tear can tell apart; 0 for what is done at once. */
uint64_t crash_op_sectors(const struct crash_op *op);
void crash_op_apply(const struct crash_op *op, const struct crash_tear *tear,
		    struct crash_file *f);
/* All that is durable after the last one. */
void crash_ops_flushed(const struct crash_ops *ops, struct crash_file *f);
bool crash_op_overlap(const struct crash_op *a, const struct crash_op *b);
void crash_op_print(const struct crash_op *op, FILE *out);

#endif
