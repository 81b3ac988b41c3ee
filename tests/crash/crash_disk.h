/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_DISK_H
#define TESTS_CRASH_CRASH_DISK_H

/*
 * A guest and its disk: operations on an image that is open for writing, each
 * noted in the trace (what the file saw) and in the model (what the guest was
 * promised).  Anything that fails is the failure of the run.
 */

#include "crash/crash_file.h"
#include "crash/crash_image.h"
#include "crash/crash_model.h"
#include "io/io_record.h"

enum { CRASH_MOVES = 4 };

/* Bytes that the guest moves itself (vhd_write_begin()). */
struct crash_move {
	struct vhd_move *move;
	uint64_t off, len;
	uint32_t op;
	bool moved;
};

struct crash_disk {
	struct crash_file *file;
	const struct crash_setup *setup;
	const struct crash_parent *parent;
	struct vhd_trace *trace;
	struct crash_model *model;
	struct crash_failure *fail;
	struct vhd_image *img;
	void *recorder;			/* of the image's file */
	uint32_t op;			/* the last operation of the guest */
	struct crash_move move[CRASH_MOVES];
	bool verbose;
};

/* For reading or writing, with the parent where there is one. */
void crash_disk_opts(const struct crash_setup *s, const struct crash_parent *p,
		     bool writable, struct vhd_open_opts *opts,
		     const char *parents[2]);

bool crash_disk_open(struct crash_disk *d);
/* Ends moves and the image; a flush as well. */
bool crash_disk_close(struct crash_disk *d);
bool crash_disk_write(struct crash_disk *d, uint64_t len, uint64_t off);
bool crash_disk_zero(struct crash_disk *d, uint64_t len, uint64_t off,
		     uint32_t flags);
bool crash_disk_discard(struct crash_disk *d, uint64_t len, uint64_t off);
bool crash_disk_flush(struct crash_disk *d);
bool crash_disk_writeback(struct crash_disk *d);
/* Begins a move, or goes on with one: moves the bytes, then ends it. */
bool crash_disk_move(struct crash_disk *d, uint64_t len, uint64_t off);
bool crash_disk_move_on(struct crash_disk *d, unsigned which);
/* True when a move is under way in the range. */
bool crash_disk_busy(const struct crash_disk *d, uint64_t len, uint64_t off);
/* Everything reads as the newest contents. */
bool crash_disk_verify(struct crash_disk *d);

#endif
