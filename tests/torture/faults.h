/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_FAULTS_H
#define TESTS_TORTURE_FAULTS_H

/*
 * A disk whose file or memory fails now and then, and what each of its sectors
 * may hold.
 *
 * A content is a number below 64: zeros, what the parent has, or what the n-th
 * operation wrote, which names itself and the sector.  A sector has two sets of
 * them: what reading may show while the image is open, and what may be there
 * after it was opened again.
 */

#include "io/io_fault.h"
#include "torture/torture_image.h"

enum {
	FAULT_SEC = 512,
	CONTENT_ZEROS = 0,
	CONTENT_PARENT = 1,
	CONTENT_FIRST = 2,
	CONTENT_LAST = 63
};

struct fault_disk {
	struct torture_shape shape;
	struct torture_parent parent;
	struct torture_file *file;
	struct vhd_fault_plan plan;
	int os_errno;			/* with which things fail; 0: memory */
	struct vhd_image *img;
	uint64_t sectors;
	uint64_t *live, *durable;	/* sets, by sector of the windows */
	unsigned content;		/* of the next operation */
	unsigned failures;		/* calls that said that they failed */
	bool poisoned;			/* and all others have to be */
	bool closed_well;
};

void fault_stamp(unsigned content, uint64_t sec, uint8_t out[FAULT_SEC]);

/* Every sector holds what it may hold; in words when not. */
void fault_verify(struct fault_disk *d, struct vhd_image *img,
		  const uint64_t *may, const char *when);

/* False when it failed, as it may. */
bool fault_open(struct fault_disk *d);
void fault_close(struct fault_disk *d);
/* Of a block of the windows; all in sectors. */
void fault_write(struct fault_disk *d, uint64_t blk, uint64_t sec,
		 uint64_t count);
void fault_zero(struct fault_disk *d, uint64_t blk, uint64_t sec,
		uint64_t count, uint32_t flags);
void fault_discard(struct fault_disk *d, uint64_t blk, uint64_t sec,
		   uint64_t count);
void fault_move(struct fault_disk *d, uint64_t blk, uint64_t sec,
		uint64_t count, bool ok);
void fault_flush(struct fault_disk *d);
void fault_writeback(struct fault_disk *d);

/* Allocations: the n-th from now on fails, and with @sticky all others. */
void fault_alloc_arm(uint64_t at, bool sticky);
/* How many there were.  Nothing fails any more. */
uint64_t fault_alloc_disarm(void);

#endif
