/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CACHE_PCACHE_PRIV_H
#define VHD_CACHE_PCACHE_PRIV_H

/* What the two halves of the page cache share; see pcache.c. */

#include "cache/pcache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
	PCACHE_WAYS = 8,	/* slots of a set: their keys fill a cache line */
	PCACHE_SLAB = 16,	/* pages that are allocated at once */
	PCACHE_PART = 512	/* bytes for a bit of a mask */
};

/* A slot and what is in it, or a page that found no slot. */
struct vhd_page {
	uint8_t *bytes;		/* set once, by the first load into the slot */
	uint64_t off;		/* changes while the slot is locked only */
	_Atomic uint32_t pins;	/* users, and PCACHE_LOCKED */
	_Atomic bool used;	/* since the hand of the set came past */
	uint32_t mask;		/* the writer's: parts written and not stored;
				   a page that has some holds a pin */
	bool alone;		/* in no slot: freed by its one put */
};

/* In vhd_page.pins: being loaded.  What is added meanwhile is taken off. */
#define PCACHE_LOCKED (UINT32_C(1) << 31)

struct vhd_pcache {
	struct vhd_pcache_ops ops;
	void *arg;
	size_t sets;
	/* Number of the page in each slot, plus one; 0 is empty. */
	_Atomic uint64_t *keys;
	struct vhd_page *pages;

	/*
	 * The only lock.  Guards changes of keys, the hands and the slabs; held
	 * neither during a fetch nor during a store.
	 */
	pthread_mutex_t lock;
	pthread_cond_t loaded;	/* some load is over, well or not */
	uint8_t *hands;		/* per set: the way to look at next */
	uint8_t **slabs;
	size_t pages_given;	/* pages of the slabs that belong to a slot */

	/* The writer's.  Room for half of all slots. */
	struct vhd_page **dirty;
	_Atomic size_t dirty_count;
};

static inline size_t vhd_pcache_slots(const struct vhd_pcache *pc)
{
	return pc->sets * PCACHE_WAYS;
}

/* Takes a page out of the table, after a load of it that is under way. */
void vhd_pcache_forget(struct vhd_pcache *pc, uint64_t off);

#endif
