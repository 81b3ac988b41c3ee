/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set-associative table of pages.  A page may lie in any of the eight slots of
 * the set that its number leads to, so a lookup compares eight neighbouring
 * keys and needs no structure that could change under it.
 *
 * A hit takes no lock.  It adds a pin to the slot whose key it saw and looks
 * again: a slot changes its key only after its pins went from none to
 * PCACHE_LOCKED in one step, so if the slot was not locked and the key is still
 * right, the page stays until the pin is taken off.  If not, the pin comes off
 * at once and the lookup is a miss.  Since pins are added and subtracted and
 * never set, a pin on a locked slot does no harm.
 *
 * A miss takes the lock, chooses a victim by a clock of its own per set, locks
 * its slot, writes the new key and lets go of the lock for the fetch.  Whoever
 * wants the same page meanwhile finds the key and waits, so a page is fetched
 * once.  Unlocking the slot publishes what was fetched.
 *
 * Memory for pages is allocated in slabs as slots are first used and stays with
 * its slot: a cache costs what it holds, at most its budget.  When all slots of
 * a set are pinned the caller gets a page of its own, which no table knows and
 * which goes with its put: pins never turn into errors.  Such a page is not
 * seen by others, so it may be as old as its get.
 *
 * Dirty pages (pcache_write.c) hold a pin, therefore nobody evicts them.
 */
#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "cache/pcache_priv.h"

#include <assert.h>

static const uint64_t default_budget = 1 * MiB;
static const uint64_t min_budget = 64 * KiB;

static uint64_t key_of(uint64_t off)
{
	return off / VHD_PAGE_SIZE + 1;
}

/*
 * First slot of the set.  Fibonacci hashing: neighbours spread evenly, and so do
 * sector bitmaps, which lie at large equal distances.
 */
static size_t first_slot(const struct vhd_pcache *pc, uint64_t key)
{
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	return (size_t)(hash * pc->sets >> 32) * PCACHE_WAYS;
}

/* The slot that has the key, or SIZE_MAX. */
static size_t find(const struct vhd_pcache *pc, uint64_t key)
{
	size_t first = first_slot(pc, key);

	for (size_t i = first; i < first + PCACHE_WAYS; i++) {
		if (atomic_load_explicit(&pc->keys[i], memory_order_acquire) ==
		    key)
			return i;
	}
	return SIZE_MAX;
}

static void unpin(struct vhd_page *page)
{
	atomic_fetch_sub_explicit(&page->pins, 1, memory_order_release);
}

static struct vhd_page *pin(struct vhd_pcache *pc, uint64_t key)
{
	size_t idx = find(pc, key);
	struct vhd_page *page;
	uint32_t pins;

	if (idx == SIZE_MAX)
		return NULL;
	page = &pc->pages[idx];
	pins = atomic_fetch_add_explicit(&page->pins, 1, memory_order_acquire);
	if (pins & PCACHE_LOCKED ||
	    atomic_load_explicit(&pc->keys[idx], memory_order_relaxed) != key) {
		unpin(page);
		return NULL;
	}
	/* Written only when it changes: many threads read this line. */
	if (!atomic_load_explicit(&page->used, memory_order_relaxed))
		atomic_store_explicit(&page->used, true, memory_order_relaxed);
	return page;
}

/* Locks a slot that nobody uses. */
static bool slot_lock(struct vhd_page *page)
{
	uint32_t none = 0;

	return atomic_compare_exchange_strong_explicit(
		&page->pins, &none, PCACHE_LOCKED, memory_order_acquire,
		memory_order_relaxed);
}

static void slot_unlock(struct vhd_page *page, uint32_t pins)
{
	atomic_fetch_sub_explicit(&page->pins, PCACHE_LOCKED - pins,
				  memory_order_release);
}

/*
 * A slot of the set to load into, locked; its index, or SIZE_MAX when all are
 * pinned.  Empty slots first, then what was not used for one round of the hand.
 */
static size_t victim_locked(struct vhd_pcache *pc, size_t first)
{
	uint8_t *hand = &pc->hands[first / PCACHE_WAYS];

	for (size_t i = first; i < first + PCACHE_WAYS; i++) {
		if (!atomic_load(&pc->keys[i]) && slot_lock(&pc->pages[i]))
			return i;
	}
	for (unsigned int n = 0; n < 2 * PCACHE_WAYS; n++) {
		size_t i = first + *hand;
		struct vhd_page *page = &pc->pages[i];

		*hand = (uint8_t)((*hand + 1) % PCACHE_WAYS);
		if (n < PCACHE_WAYS && atomic_exchange(&page->used, false))
			continue;
		if (slot_lock(page))
			return i;
	}
	return SIZE_MAX;
}

/* Memory for a slot that has none yet. */
static uint8_t *bytes_get_locked(struct vhd_pcache *pc)
{
	size_t slab = pc->pages_given / PCACHE_SLAB;
	size_t idx = pc->pages_given % PCACHE_SLAB;

	if (!pc->slabs[slab])
		pc->slabs[slab] = vhd_alloc_aligned(
			VHD_PAGE_SIZE, PCACHE_SLAB * VHD_PAGE_SIZE);
	if (!pc->slabs[slab])
		return NULL;
	pc->pages_given++;
	return pc->slabs[slab] + idx * VHD_PAGE_SIZE;
}

/*
 * Looks for the page under the lock and, if it is not there, reserves a slot
 * for it.  Gives the page pinned, or locked with *@load_out true, or NULL when
 * the set has no room.
 */
static int reserve_locked(struct vhd_pcache *pc, uint64_t key,
			  struct vhd_page **page_out, bool *load_out,
			  struct vhd_error *err)
{
	struct vhd_page *page;
	size_t idx;

	/* With the lock held only a load can be the reason that pin() fails. */
	while (!(page = pin(pc, key)) && find(pc, key) != SIZE_MAX)
		pthread_cond_wait(&pc->loaded, &pc->lock);
	*load_out = false;
	*page_out = page;
	if (page)
		return 0;
	idx = victim_locked(pc, first_slot(pc, key));
	if (idx == SIZE_MAX)
		return 0;
	page = &pc->pages[idx];
	if (!page->bytes)
		page->bytes = bytes_get_locked(pc);
	if (!page->bytes) {
		slot_unlock(page, 0);
		return vhd_fail_nomem(err);
	}
	atomic_store_explicit(&pc->keys[idx], key, memory_order_release);
	page->off = (key - 1) * VHD_PAGE_SIZE;
	*page_out = page;
	*load_out = true;
	return 0;
}

/* Fetches into a locked slot and unlocks it, pinned if all went well. */
static int load(struct vhd_pcache *pc, struct vhd_page *page,
		struct vhd_error *err)
{
	int rc = pc->ops.fetch(pc->arg, page->off, page->bytes, err);

	pthread_mutex_lock(&pc->lock);
	atomic_store(&page->used, false);
	if (rc)
		atomic_store(&pc->keys[page - pc->pages], 0);
	slot_unlock(page, rc ? 0 : 1);
	pthread_cond_broadcast(&pc->loaded);
	pthread_mutex_unlock(&pc->lock);
	return rc;
}

/* A page outside the table.  Its struct lies behind its bytes. */
static int load_alone(struct vhd_pcache *pc, uint64_t key,
		      struct vhd_page **page_out, struct vhd_error *err)
{
	uint8_t *bytes = vhd_alloc_aligned(
		VHD_PAGE_SIZE, VHD_PAGE_SIZE + sizeof(struct vhd_page));
	struct vhd_page *page;
	int rc;

	if (!bytes)
		return vhd_fail_nomem(err);
	page = (struct vhd_page *)(void *)(bytes + VHD_PAGE_SIZE);
	page->bytes = bytes;
	page->off = (key - 1) * VHD_PAGE_SIZE;
	page->alone = true;
	rc = pc->ops.fetch(pc->arg, page->off, bytes, err);
	if (rc) {
		vhd_free(bytes);
		return rc;
	}
	*page_out = page;
	return 0;
}

static int miss(struct vhd_pcache *pc, uint64_t key, struct vhd_page **page_out,
		struct vhd_error *err)
{
	struct vhd_page *page = NULL;
	bool need_load = false;
	int rc;

	pthread_mutex_lock(&pc->lock);
	rc = reserve_locked(pc, key, &page, &need_load, err);
	pthread_mutex_unlock(&pc->lock);
	if (rc)
		return rc;
	if (!page)
		return load_alone(pc, key, page_out, err);
	if (need_load)
		rc = load(pc, page, err);
	if (!rc)
		*page_out = page;
	return rc;
}

int vhd_pcache_get(struct vhd_pcache *pc, uint64_t off,
		   struct vhd_page **page_out, struct vhd_error *err)
{
	uint64_t key = key_of(off);
	struct vhd_page *page = pin(pc, key);

	if (!page)
		return miss(pc, key, page_out, err);
	*page_out = page;
	return 0;
}

void vhd_pcache_put(struct vhd_pcache *pc, struct vhd_page *page)
{
	(void)pc;
	if (page->alone) {
		vhd_free(page->bytes);
		return;
	}
	assert(atomic_load(&page->pins) & ~PCACHE_LOCKED);
	unpin(page);
}

const uint8_t *vhd_page_bytes(const struct vhd_page *page)
{
	return page->bytes;
}

/* Users keep what they have pinned; the slot is free when they let go. */
void vhd_pcache_forget(struct vhd_pcache *pc, uint64_t off)
{
	uint64_t key = key_of(off);
	struct vhd_page *page;
	size_t idx;

	pthread_mutex_lock(&pc->lock);
	while ((idx = find(pc, key)) != SIZE_MAX) {
		page = pin(pc, key);
		if (page) {
			atomic_store(&pc->keys[idx], 0);
			unpin(page);
			break;
		}
		pthread_cond_wait(&pc->loaded, &pc->lock);
	}
	pthread_mutex_unlock(&pc->lock);
}

static int tables_new(struct vhd_pcache *pc)
{
	size_t slots = vhd_pcache_slots(pc);
	size_t keys_len;

	if (ckd_mul(&keys_len, slots, sizeof(*pc->keys)))
		return VHD_E_NOMEM;
	pc->keys = vhd_alloc_aligned(64, keys_len);
	pc->pages = vhd_alloc_array(slots, sizeof(*pc->pages));
	pc->hands = vhd_alloc(pc->sets);
	pc->slabs = vhd_alloc_array(div_ceil(slots, PCACHE_SLAB),
				    sizeof(*pc->slabs));
	pc->dirty = vhd_alloc_array(slots / 2, sizeof(*pc->dirty));
	if (!pc->keys || !pc->pages || !pc->hands || !pc->slabs || !pc->dirty)
		return VHD_E_NOMEM;
	return 0;
}

int vhd_pcache_new(const struct vhd_pcache_ops *ops, void *arg, uint64_t budget,
		   struct vhd_pcache **pc_out, struct vhd_error *err)
{
	struct vhd_pcache *pc = vhd_alloc(sizeof(*pc));

	if (!pc)
		return vhd_fail_nomem(err);
	/* Default attributes need nothing that could be missing. */
	pthread_mutex_init(&pc->lock, NULL);
	pthread_cond_init(&pc->loaded, NULL);
	pc->ops = *ops;
	pc->arg = arg;
	budget = max_u64(budget ? budget : default_budget, min_budget);
	/* Keys are spread by 32 bits: no more sets than that can be reached. */
	pc->sets = (size_t)min_u64(budget / (PCACHE_WAYS * VHD_PAGE_SIZE),
				   UINT32_MAX);
	if (tables_new(pc)) {
		vhd_pcache_free(pc);
		return vhd_fail_nomem(err);
	}
	*pc_out = pc;
	return 0;
}

/* Every get had its put: only dirty pages are pinned. */
static void assert_unused(const struct vhd_pcache *pc)
{
	for (size_t i = 0; pc->pages && i < vhd_pcache_slots(pc); i++) {
		const struct vhd_page *page = &pc->pages[i];

		assert(atomic_load(&page->pins) == (page->mask ? 1 : 0));
		(void)page;
	}
}

void vhd_pcache_free(struct vhd_pcache *pc)
{
	if (!pc)
		return;
	assert_unused(pc);
	if (pc->slabs) {
		size_t n = div_ceil(vhd_pcache_slots(pc), PCACHE_SLAB);

		for (size_t i = 0; i < n; i++)
			vhd_free(pc->slabs[i]);
	}
	vhd_free(pc->dirty);
	vhd_free(pc->slabs);
	vhd_free(pc->hands);
	vhd_free(pc->pages);
	vhd_free((void *)pc->keys);
	pthread_cond_destroy(&pc->loaded);
	pthread_mutex_destroy(&pc->lock);
	vhd_free(pc);
}
