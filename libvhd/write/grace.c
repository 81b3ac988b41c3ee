/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counting who is inside, in two sets of counters that take turns.
 *
 * Who enters is counted under the parity of the phase.  Phase n + 1 may begin
 * when nobody of phase n - 1 is left: it counts where that one did.  So all who
 * are inside belong to the present phase or to the one before, and when a stamp
 * is two phases old, whoever was inside then is gone.
 *
 * Reading the phase and counting are two steps, and phases may pass in between:
 * then somebody would be counted with those of another phase, perhaps just after
 * that count was found to be zero.  He is not waited for, and nothing says that
 * he sees what was done before the stamp.  So who enters looks at the phase
 * again once he is counted, and if it has moved takes himself out and starts
 * over.  Counting and looking, here, and storing the phase and reading the
 * counters, there, are all sequentially consistent: who still finds phase n was
 * counted before phase n + 1 was stored, and so before anybody asks whether
 * phase n is empty.  A count that is undone can delay a phase but never hasten
 * it.
 *
 * Who comes in too late to be waited for has read a phase that was stored after
 * the stamp, and therefore sees all that was done before the stamp: he finds
 * that the space is gone.  Leaving releases and finding the zero acquires, so
 * what the last one inside did there is over before the space is reused.
 *
 * The shards keep threads off each other's cache lines and mean nothing.
 */
#include "write/grace.h"

#include <pthread.h>

void vhd_grace_init(struct vhd_grace *g)
{
	for (uint32_t i = 0; i < VHD_GRACE_SHARDS; i++) {
		atomic_init(&g->shard[i].users[0], 0);
		atomic_init(&g->shard[i].users[1], 0);
	}
	atomic_init(&g->phase, 0);
}

/*
 * By the thread.  Its handle is a number or a pointer everywhere we run;
 * Fibonacci hashing spreads handles that lie at equal distances.
 */
static uint32_t shard_of_self(void)
{
	uint64_t self = (uint64_t)(uintptr_t)pthread_self();
	uint64_t hash = self * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	return (uint32_t)(hash * VHD_GRACE_SHARDS >> 32);
}

struct vhd_grace_token vhd_grace_enter(struct vhd_grace *g)
{
	uint64_t phase = atomic_load(&g->phase);
	uint32_t shard = shard_of_self();

	for (;;) {
		uint32_t parity = phase & 1;
		uint64_t again;

		atomic_fetch_add(&g->shard[shard].users[parity], 1);
		again = atomic_load(&g->phase);
		if (again == phase)
			return (struct vhd_grace_token){ shard, parity };
		atomic_fetch_sub(&g->shard[shard].users[parity], 1);
		phase = again;
	}
}

void vhd_grace_leave(struct vhd_grace *g, struct vhd_grace_token token)
{
	atomic_fetch_sub(&g->shard[token.shard].users[token.parity], 1);
}

uint64_t vhd_grace_stamp(struct vhd_grace *g)
{
	return atomic_load(&g->phase);
}

/* Is nobody left of the phases that count under @parity? */
static bool empty(const struct vhd_grace *g, uint32_t parity)
{
	for (uint32_t i = 0; i < VHD_GRACE_SHARDS; i++) {
		if (atomic_load(&g->shard[i].users[parity]))
			return false;
	}
	return true;
}

bool vhd_grace_passed(struct vhd_grace *g, uint64_t stamp)
{
	uint64_t phase = atomic_load(&g->phase);

	while (phase < stamp + 2) {
		if (!empty(g, (phase + 1) & 1))
			return false;
		atomic_store(&g->phase, ++phase);
	}
	return true;
}
