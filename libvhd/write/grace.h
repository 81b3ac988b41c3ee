/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_WRITE_GRACE_H
#define VHD_WRITE_GRACE_H

/*
 * When may space that was taken from a block be given to another?  When nobody
 * is left who looked up the block before it lost the space, and may still be
 * reading or writing there.
 *
 * Whoever moves bytes enters before looking up and leaves afterwards; that costs
 * two atomic additions on a cache line that few threads share.  Time goes in
 * phases: a phase begins when all who entered in the one before the last have
 * left.  What was freed in phase n is nobody's from phase n + 2 on.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { VHD_GRACE_SHARDS = 16 };

struct vhd_grace_shard {
	_Atomic uint64_t users[2];	/* by parity of the phase */
	char pad[64 - 2 * sizeof(uint64_t)];
};

struct vhd_grace {
	struct vhd_grace_shard shard[VHD_GRACE_SHARDS];
	_Atomic uint64_t phase;
};

/* What vhd_grace_leave() has to be given. */
struct vhd_grace_token {
	uint32_t shard;
	uint32_t parity;
};

void vhd_grace_init(struct vhd_grace *g);
struct vhd_grace_token vhd_grace_enter(struct vhd_grace *g);
void vhd_grace_leave(struct vhd_grace *g, struct vhd_grace_token token);

/* Now: to be compared by vhd_grace_passed().  One caller at a time for both. */
uint64_t vhd_grace_stamp(struct vhd_grace *g);
/* Has everybody left who entered before the stamp?  Never waits. */
bool vhd_grace_passed(struct vhd_grace *g, uint64_t stamp);

#endif
