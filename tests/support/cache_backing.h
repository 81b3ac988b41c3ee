/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_CACHE_BACKING_H
#define TESTS_SUPPORT_CACHE_BACKING_H

/*
 * A file for a page cache to lie over.  Pages that were never stored hold a
 * pattern that follows from their offset, so a file can be of any size; stored
 * ones are kept when they lie below BACKING_LEN.
 */

#include "base/bytes.h"
#include "base/fail.h"
#include "cache/pcache.h"

#include <check.h>
#include <stdatomic.h>
#include <string.h>

enum { BACKING_PAGES = 512, STORE_LOG = 4096 };
#define PAGE ((uint64_t)VHD_PAGE_SIZE)
#define BACKING_LEN (BACKING_PAGES * PAGE)

struct backing {
	uint8_t bytes[BACKING_PAGES][VHD_PAGE_SIZE];
	_Atomic size_t fetches;
	_Atomic size_t stores;
	uint64_t stored[STORE_LOG];	/* offsets in order */
	uint32_t masks[STORE_LOG];	/* what was said to be written */
	_Atomic uint64_t fail_fetch;	/* of this offset; 0: none */
	_Atomic uint64_t fail_store;
};

/* The untouched page at @off. */
static inline void backing_pattern(uint64_t off, uint8_t page[VHD_PAGE_SIZE])
{
	for (size_t i = 0; i < VHD_PAGE_SIZE; i += 8) {
		le64 x = le64_make((off + i + 1) *
				   UINT64_C(0x9e3779b97f4a7c15));

		memcpy(page + i, &x, sizeof(x));
	}
}

/* Byte @i of it. */
static inline uint8_t backing_byte(uint64_t off, size_t i)
{
	uint64_t x = (off + i / 8 * 8 + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint8_t)(x >> (8 * (i % 8)));
}

static inline void backing_init(struct backing *b)
{
	memset(b, 0, sizeof(*b));
	for (size_t p = 0; p < BACKING_PAGES; p++)
		backing_pattern(p * PAGE, b->bytes[p]);
}

static inline int backing_fetch(void *arg, uint64_t off, uint8_t *page,
				struct vhd_error *err)
{
	struct backing *b = arg;

	ck_assert_uint_eq(off % PAGE, 0);
	atomic_fetch_add(&b->fetches, 1);
	if (off && off == atomic_load(&b->fail_fetch))
		return vhd_fail(err, VHD_E_IO, "no page here");
	if (off < BACKING_LEN)
		memcpy(page, b->bytes[off / PAGE], PAGE);
	else
		backing_pattern(off, page);
	return 0;
}

static inline int backing_store(void *arg, uint64_t off, const uint8_t *page,
				uint32_t mask, struct vhd_error *err)
{
	struct backing *b = arg;
	size_t n;

	ck_assert_uint_lt(off, BACKING_LEN);
	if (off && off == atomic_load(&b->fail_store))
		return vhd_fail(err, VHD_E_IO, "no room here");
	n = atomic_fetch_add(&b->stores, 1);
	if (n < STORE_LOG) {
		b->stored[n] = off;
		b->masks[n] = mask;
	}
	/* Only what the mask has: a bit that is missing shows in the file. */
	for (size_t i = 0; i < PAGE / 512; i++) {
		if (mask >> i & 1)
			memcpy(b->bytes[off / PAGE] + 512 * i, page + 512 * i,
			       512);
	}
	return 0;
}

static const struct vhd_pcache_ops backing_ops = {
	.fetch = backing_fetch,
	.store = backing_store,
};

static inline struct vhd_pcache *backing_cache(struct backing *b,
					       uint64_t budget)
{
	struct vhd_pcache *pc = NULL;

	ck_assert_int_eq(vhd_pcache_new(&backing_ops, b, budget, &pc, NULL), 0);
	return pc;
}

/* Gets a page and asserts that it holds its pattern. */
static inline struct vhd_page *backing_get(struct vhd_pcache *pc, uint64_t off)
{
	struct vhd_page *page = NULL;
	uint8_t want[VHD_PAGE_SIZE];

	ck_assert_int_eq(vhd_pcache_get(pc, off, &page, NULL), 0);
	backing_pattern(off, want);
	if (memcmp(vhd_page_bytes(page), want, sizeof(want)))
		ck_abort_msg("page %#jx is wrong", (uintmax_t)off);
	return page;
}

static inline void backing_touch(struct vhd_pcache *pc, uint64_t off)
{
	vhd_pcache_put(pc, backing_get(pc, off));
}

#endif
