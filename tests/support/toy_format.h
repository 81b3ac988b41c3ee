/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_TOY_FORMAT_H
#define TEST_TOY_FORMAT_H

/*
 * A format of a few lines, for the writer's own tests: 16 blocks of 64 KiB over
 * a parent or over nothing.  The table (8 bytes a block: kind and place) fills
 * page 0, bitmaps of 16 bytes a block page 1; blocks lie from 1 MiB on.
 */
#include "write/writer.h"

enum {
	TOY_BLOCKS = 16,
	TOY_BLOCK = 64 << 10,
	TOY_SECTOR = 512,
	TOY_UNIT = 4096,
	TOY_BITMAPS = 4096,
	TOY_DATA = 1 << 20
};

struct toy {
	struct vhd_io *io;
	struct vhd_pcache *pc;
	struct vhd_writer *w;
	bool parent;
	enum vhd_space_kind kind;	/* what place() says */
	uint64_t next_off;
	uint64_t unplaced_off;		/* the last one given back */
	unsigned int unplaced, touched, stores, syncs, barriers, shuts;
	unsigned int places, prepared;
	int fail_store;			/* with this code, that often: */
	unsigned int fail_times;
	int fail_touch;
	void (*on_store)(struct toy *t);	/* called once, by store() */
};

/* @parent: empty blocks are the parent's. */
void toy_open(struct toy *t, bool parent, bool thread);
int toy_close(struct toy *t, struct vhd_error *err);
/* A whole small write through a ticket, without copies from below. */
int toy_write(struct toy *t, uint64_t off, const void *buf, uint64_t len,
	      struct vhd_error *err);
/* What the file says of a block, past the cache. */
uint64_t toy_stored_entry(struct toy *t, uint64_t blk);
/* Sectors that are marked, as the cache has them: bit 0 is sector 0. */
uint32_t toy_bits(struct toy *t, uint64_t blk);

#endif
