/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KILL_LOAD_H
#define KILL_LOAD_H

/*
 * What the writer of kill_writer.c does, as a function of a seed and a number:
 * whoever reads the disk afterwards can tell which operation any sector is from,
 * and whether that operation was ever made.
 */

#include <stdbool.h>
#include <stdint.h>

enum { SECTOR = 512, THREADS_MAX = 4, OP_SECTORS_MAX = 6144 };

/**
 * struct load - a load on a disk
 *
 * @sectors: of the disk
 * @threads: writers; with more than one, each has stripes of its own, so that
 *           the last writer of every sector is known
 * @burst:   operations of a thread, after which it waits; 0: it never does
 * @discard: vhd_discard() makes zeros of everything, as it does without a parent
 */
struct load {
	uint64_t seed;
	uint64_t sectors;
	uint32_t threads;
	uint64_t burst;
	bool discard;
};

enum op_kind { OP_WRITE, OP_ZERO, OP_DISCARD };

struct op {
	enum op_kind kind;
	uint64_t first;			/* sector */
	uint64_t count;
};

uint64_t load_mix(uint64_t a, uint64_t b);

/* Operation number @n, from 1 on, of a thread. */
struct op load_op(const struct load *load, uint32_t thread, uint64_t n);

/* Which thread writes a sector. */
uint32_t load_owner(const struct load *load, uint64_t sector);

/* What operation @n leaves in a sector. */
void load_stamp(const struct load *load, uint64_t n, uint64_t sector,
		uint8_t *buf);
/* Which operation left this, or 0 when none of this load did. */
uint64_t load_find(const struct load *load, uint64_t sector,
		   const uint8_t *buf);

#endif
