/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copying out of pages and into them, and writing back what is dirty.
 *
 * One thread writes at a time (write, commit, drop), beside any number that
 * read.  So that a reader never sees half of a table entry, copies move aligned
 * words of 8 and 4 bytes whole, as atomics; what was before a write in the
 * writer is visible to whoever reads what it wrote.  This holds for
 * vhd_pcache_read(); bytes of a pinned page are plain memory.
 *
 * A dirty page keeps the pin of the write that made it so.  At most half of the
 * slots are dirty, so readers keep room, and commits come in useful sizes.
 *
 * What makes a page dirty is a mask with a bit for each 512 bytes that were
 * written to.  Whoever stores the page may leave the rest alone: bytes next to
 * the metadata in its page may be guest data or belong to a structure that is
 * written in another way.
 */
#include "base/ckd.h"
#include "cache/pcache_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t __attribute__((may_alias)) word64;
typedef uint32_t __attribute__((may_alias)) word32;

/* The largest unit that lies aligned in a page at @at. */
static size_t unit(const uint8_t *at, size_t len)
{
	uintptr_t place = (uintptr_t)at;

	if (len >= 8 && !(place & 7))
		return 8;
	return len >= 4 && !(place & 3) ? 4 : 1;
}

static void copy_out(uint8_t *dst, const uint8_t *page, size_t len)
{
	while (len) {
		size_t n = unit(page, len);

		if (n == 8) {
			uint64_t x = __atomic_load_n(
				(const word64 *)(const void *)page,
				__ATOMIC_ACQUIRE);
			memcpy(dst, &x, 8);
		} else if (n == 4) {
			uint32_t x = __atomic_load_n(
				(const word32 *)(const void *)page,
				__ATOMIC_ACQUIRE);
			memcpy(dst, &x, 4);
		} else {
			*dst = __atomic_load_n(page, __ATOMIC_ACQUIRE);
		}
		dst += n;
		page += n;
		len -= n;
	}
}

static void copy_in(uint8_t *page, const uint8_t *src, size_t len)
{
	while (len) {
		size_t n = unit(page, len);

		if (n == 8) {
			uint64_t x;

			memcpy(&x, src, 8);
			__atomic_store_n((word64 *)(void *)page, x,
					 __ATOMIC_RELEASE);
		} else if (n == 4) {
			uint32_t x;

			memcpy(&x, src, 4);
			__atomic_store_n((word32 *)(void *)page, x,
					 __ATOMIC_RELEASE);
		} else {
			__atomic_store_n(page, *src, __ATOMIC_RELEASE);
		}
		page += n;
		src += n;
		len -= n;
	}
}

/* How much of [off, off + len) lies in the page of @off. */
static size_t part_len(uint64_t off, size_t len)
{
	size_t room = VHD_PAGE_SIZE - (size_t)(off % VHD_PAGE_SIZE);

	return len < room ? len : room;
}

void vhd_page_read(const struct vhd_page *page, size_t at, void *buf,
		   size_t len)
{
	assert(range_in(at, len, VHD_PAGE_SIZE));
	copy_out(buf, page->bytes + at, len);
}

int vhd_pcache_read(struct vhd_pcache *pc, uint64_t off, void *buf, size_t len,
		    struct vhd_error *err)
{
	uint8_t *dst = buf;

	while (len) {
		size_t n = part_len(off, len);
		struct vhd_page *page;
		int rc = vhd_pcache_get(pc, off, &page, err);

		if (rc)
			return rc;
		vhd_page_read(page, off % VHD_PAGE_SIZE, dst, n);
		vhd_pcache_put(pc, page);
		dst += n;
		off += n;
		len -= n;
	}
	return 0;
}

size_t vhd_pcache_dirty_count(const struct vhd_pcache *pc)
{
	return atomic_load_explicit(&pc->dirty_count, memory_order_relaxed);
}

size_t vhd_pcache_dirty_limit(const struct vhd_pcache *pc)
{
	return vhd_pcache_slots(pc) / 2;
}

static void set_dirty_count(struct vhd_pcache *pc, size_t n)
{
	atomic_store_explicit(&pc->dirty_count, n, memory_order_relaxed);
}

/*
 * The page to write to, pinned.  One that is alone would be seen by nobody; a
 * commit may make room in its set.
 */
static int get_for_write(struct vhd_pcache *pc, uint64_t off,
			 struct vhd_page **page_out, struct vhd_error *err)
{
	struct vhd_page *page;
	int rc;

	rc = vhd_pcache_get(pc, off, &page, err);
	if (rc)
		return rc;
	if (page->alone && vhd_pcache_dirty_count(pc)) {
		vhd_pcache_put(pc, page);
		rc = vhd_pcache_commit(pc, err);
		if (!rc)
			rc = vhd_pcache_get(pc, off, &page, err);
		if (rc)
			return rc;
	}
	*page_out = page;
	return 0;
}

/* The parts that [at, at + len) of a page touches; @len is not 0. */
static uint32_t parts_of(size_t at, size_t len)
{
	size_t first = at / PCACHE_PART;
	size_t last = (at + len - 1) / PCACHE_PART;

	return (UINT32_C(2) << last) - (UINT32_C(1) << first);
}

/* What the writer has pinned and changed is dirty from here on, with its pin. */
static void dirty_add(struct vhd_pcache *pc, struct vhd_page *page)
{
	size_t n = vhd_pcache_dirty_count(pc);

	pc->dirty[n] = page;
	set_dirty_count(pc, n + 1);
}

/* @len bytes within one page. */
static int write_part(struct vhd_pcache *pc, uint64_t off, const uint8_t *src,
		      size_t len, struct vhd_error *err)
{
	size_t at = (size_t)(off % VHD_PAGE_SIZE);
	uint32_t mask = parts_of(at, len);
	struct vhd_page *page;
	int rc;

	rc = get_for_write(pc, off, &page, err);
	if (rc)
		return rc;
	if (!page->mask &&
	    vhd_pcache_dirty_count(pc) == vhd_pcache_dirty_limit(pc))
		rc = vhd_pcache_commit(pc, err);
	if (rc)
		goto out;
	copy_in(page->bytes + at, src, len);
	if (page->alone) {
		rc = pc->ops.store(pc->arg, page->off, page->bytes, mask, err);
		/* A reader may have loaded the old one into a slot. */
		vhd_pcache_forget(pc, page->off);
		goto out;
	}
	if (!page->mask) {
		dirty_add(pc, page);
		page->mask = mask;
		return 0;
	}
	page->mask |= mask;
out:
	vhd_pcache_put(pc, page);
	return rc;
}

int vhd_pcache_write(struct vhd_pcache *pc, uint64_t off, const void *buf,
		     size_t len, struct vhd_error *err)
{
	const uint8_t *src = buf;

	assert(pc->ops.store);
	while (len) {
		size_t n = part_len(off, len);
		int rc = write_part(pc, off, src, n, err);

		if (rc)
			return rc;
		src += n;
		off += n;
		len -= n;
	}
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	uint64_t x = (*(struct vhd_page *const *)a)->off;
	uint64_t y = (*(struct vhd_page *const *)b)->off;

	return (x > y) - (x < y);
}

int vhd_pcache_commit(struct vhd_pcache *pc, struct vhd_error *err)
{
	size_t count = vhd_pcache_dirty_count(pc);
	size_t done = 0;
	int rc = 0;

	if (count)
		qsort(pc->dirty, count, sizeof(*pc->dirty), by_offset);
	while (done < count) {
		struct vhd_page *page = pc->dirty[done];

		rc = pc->ops.store(pc->arg, page->off, page->bytes, page->mask,
				   err);
		if (rc)
			break;
		page->mask = 0;
		vhd_pcache_put(pc, page);
		done++;
	}
	/* What was not stored stays dirty. */
	memmove(pc->dirty, pc->dirty + done,
		(count - done) * sizeof(*pc->dirty));
	set_dirty_count(pc, count - done);
	return rc;
}

void vhd_pcache_drop(struct vhd_pcache *pc, uint64_t off)
{
	uint64_t page_off = align_down(off, VHD_PAGE_SIZE);
	size_t count = vhd_pcache_dirty_count(pc);

	vhd_pcache_forget(pc, page_off);
	for (size_t i = 0; i < count; i++) {
		struct vhd_page *page = pc->dirty[i];

		if (page->off != page_off)
			continue;
		page->mask = 0;
		pc->dirty[i] = pc->dirty[count - 1];
		set_dirty_count(pc, count - 1);
		vhd_pcache_put(pc, page);
		break;
	}
}
