/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_VHD1_WRITING_H
#define TEST_VHD1_WRITING_H

/*
 * An image in memory that is open for writing, every call on its file recorded
 * and made to fail on demand; and a guest that reads and writes through the
 * engine and its writer, over a parent that is full of one byte.
 */

#include "io/io_fault.h"
#include "io/io_record.h"
#include "support/vhd1_image.h"
#include "vhd1/vhd1_write.h"

enum { VHD1_BELOW = 0x50 };		/* what the parent shows */

struct vhd1_bench {
	struct vhd_io *io;
	struct vhd_trace *trace;
	size_t first;			/* where the trace begins for us */
	size_t seen;			/* by vhd1_trace_next() */
	struct vhd_fault_plan plan;
	struct vhd_io *start;		/* what the trace began with */
	uint64_t below;			/* bytes of the parent; 0: all */
	struct vhd1 *v;
	struct vhd_writer *w;
};

/* A copy in memory of all bytes. */
struct vhd_io *vhd1_image_copy(struct vhd_io *io);

/* Keeps a copy of @io, which it takes over, and does not open it yet. */
void vhd1_bench_start(struct vhd1_bench *b, struct vhd_io *io);
int vhd1_bench_open(struct vhd1_bench *b, struct vhd_error *err);
/* Both, and the open must go well. */
void vhd1_bench_new(struct vhd1_bench *b, struct vhd_io *io);
/* Shuts and closes the engine; the file stays. */
int vhd1_bench_shut(struct vhd1_bench *b, struct vhd_error *err);
/* Ends everything; with an engine that is open as without. */
void vhd1_bench_end(struct vhd1_bench *b);

int vhd1_guest_write(struct vhd1_bench *b, uint64_t off, uint8_t byte,
		     uint64_t len, struct vhd_error *err);
/* Must go well: all of the range reads as @byte. */
void vhd1_guest_expect(struct vhd1_bench *b, uint64_t off, uint8_t byte,
		       uint64_t len);
int vhd1_guest_flush(struct vhd1_bench *b, struct vhd_error *err);

/* No error among the findings of a check of the file as it is. */
void vhd1_file_sound(struct vhd_io *io);

/* The next calls in the trace: "W" write, "Z" zero, "P" punch, "S" size, "F"
 * flush.  Those up to now are passed over. */
const char *vhd1_trace_next(struct vhd1_bench *b, char text[64]);

#endif
