/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An array of pages and a hash table of indexes into it.  The array can be
 * walked and sorted by whoever writes it out; the table finds a page.
 *
 * A slot of the table is 0, or the index of a page plus one.  Pages with one
 * hash lie in the slots behind it, up to the next empty one; at most half of
 * the slots are used, so that is near.  Removing a page closes the gap that it
 * leaves, so there are no marks for what was once there.
 *
 * Memory is found before anything changes: a set that could not grow is as it
 * was.
 */
#include "write/pending.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	PART_LEN = 512,
	PARTS = VHD_PAGE_SIZE / PART_LEN,
	ROOM_MIN = 16
};

void vhd_pending_clear(struct vhd_pending *p)
{
	for (size_t i = 0; i < p->count; i++)
		vhd_free(p->pages[i].bytes);
	vhd_free(p->pages);
	vhd_free(p->slots);
	memset(p, 0, sizeof(*p));
}

/* Where the search for a page begins; @slot_count is a power of two. */
static size_t home_of(size_t slot_count, uint64_t off)
{
	uint64_t hash = off / VHD_PAGE_SIZE * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(hash >> 32) & (slot_count - 1);
}

static size_t next_slot(const struct vhd_pending *p, size_t slot)
{
	return (slot + 1) & (p->slot_count - 1);
}

/* The slot of a page, or the empty one where it belongs. */
static size_t slot_of(const struct vhd_pending *p, uint64_t off)
{
	size_t slot = home_of(p->slot_count, off);

	while (p->slots[slot] && p->pages[p->slots[slot] - 1].off != off)
		slot = next_slot(p, slot);
	return slot;
}

/* Fills an empty table. */
static void index_all(struct vhd_pending *p)
{
	for (size_t i = 0; i < p->count; i++)
		p->slots[slot_of(p, p->pages[i].off)] = (uint32_t)(i + 1);
}

static int grow(struct vhd_pending *p, struct vhd_error *err)
{
	size_t room = p->room ? 2 * p->room : ROOM_MIN;
	struct vhd_pending_page *pages = NULL;
	uint32_t *slots = NULL;

	/* Indexes have 32 bits. */
	if (room <= UINT32_MAX / 4) {
		pages = vhd_alloc_array(room, sizeof(*pages));
		slots = vhd_alloc_array(2 * room, sizeof(*slots));
	}
	if (!pages || !slots) {
		vhd_free(pages);
		vhd_free(slots);
		return vhd_fail_nomem(err);
	}
	if (p->count)
		memcpy(pages, p->pages, p->count * sizeof(*pages));
	vhd_free(p->pages);
	vhd_free(p->slots);
	p->pages = pages;
	p->room = room;
	p->slots = slots;
	p->slot_count = 2 * room;
	index_all(p);
	return 0;
}

static struct vhd_pending_page *find(const struct vhd_pending *p, uint64_t off)
{
	uint32_t idx;

	assert(off % VHD_PAGE_SIZE == 0);
	if (!p->count)
		return NULL;
	idx = p->slots[slot_of(p, off)];
	return idx ? &p->pages[idx - 1] : NULL;
}

const struct vhd_pending_page *vhd_pending_find(const struct vhd_pending *p,
						uint64_t off)
{
	return find(p, off);
}

/* A page that is not there, without any parts yet. */
static int add(struct vhd_pending *p, uint64_t off,
	       struct vhd_pending_page **page_out, struct vhd_error *err)
{
	struct vhd_pending_page *page;
	uint8_t *bytes;
	int rc;

	if (p->count == p->room) {
		rc = grow(p, err);
		if (rc)
			return rc;
	}
	bytes = vhd_alloc(VHD_PAGE_SIZE);
	if (!bytes)
		return vhd_fail_nomem(err);
	p->slots[slot_of(p, off)] = (uint32_t)(p->count + 1);
	page = &p->pages[p->count++];
	*page = (struct vhd_pending_page){ .off = off, .bytes = bytes };
	*page_out = page;
	return 0;
}

static void copy_parts(uint8_t *to, const uint8_t *from, uint32_t mask)
{
	for (size_t i = 0; i < PARTS; i++) {
		if (mask >> i & 1)
			memcpy(to + i * PART_LEN, from + i * PART_LEN,
			       PART_LEN);
	}
}

int vhd_pending_put(struct vhd_pending *p, uint64_t off, const uint8_t *bytes,
		    uint32_t mask, struct vhd_error *err)
{
	struct vhd_pending_page *page = find(p, off);
	int rc;

	assert(!(mask & ~VHD_PENDING_WHOLE));
	if (!mask)
		return 0;
	if (!page) {
		rc = add(p, off, &page, err);
		if (rc)
			return rc;
	}
	copy_parts(page->bytes, bytes, mask);
	page->mask |= mask;
	return 0;
}

bool vhd_pending_overlay(const struct vhd_pending *p, uint64_t off,
			 uint8_t *page)
{
	const struct vhd_pending_page *have = find(p, off);

	if (!have)
		return false;
	copy_parts(page, have->bytes, have->mask);
	return true;
}

/* What one page has of [off, off + len). */
static void overlay_one(const struct vhd_pending_page *page, uint64_t off,
			uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < PARTS; i++) {
		uint64_t part = page->off + i * PART_LEN;
		uint64_t from = max_u64(part, off);
		uint64_t to = min_u64(part + PART_LEN, off + len);

		if (page->mask >> i & 1 && from < to)
			memcpy(buf + (from - off),
			       page->bytes + (from - page->off),
			       (size_t)(to - from));
	}
}

void vhd_pending_overlay_range(const struct vhd_pending *p, uint64_t off,
			       void *buf, size_t len)
{
	uint64_t first = align_down(off, VHD_PAGE_SIZE);
	uint64_t end = off + len;

	assert(range_in(off, len, INT64_MAX));
	if (div_ceil(end - first, VHD_PAGE_SIZE) > p->count) {
		for (size_t i = 0; i < p->count; i++)
			overlay_one(&p->pages[i], off, buf, len);
		return;
	}
	for (uint64_t at = first; at < end; at += VHD_PAGE_SIZE) {
		const struct vhd_pending_page *page = find(p, at);

		if (page)
			overlay_one(page, off, buf, len);
	}
}

/* What was merged before a failure does no harm: @to is newer all the same. */
int vhd_pending_merge(struct vhd_pending *to, const struct vhd_pending *from,
		      struct vhd_error *err)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct vhd_pending_page *old = &from->pages[i];
		const struct vhd_pending_page *newer = find(to, old->off);
		uint32_t mask = old->mask & ~(newer ? newer->mask : 0);
		int rc = vhd_pending_put(to, old->off, old->bytes, mask, err);

		if (rc)
			return rc;
	}
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	uint64_t x = ((const struct vhd_pending_page *)a)->off;
	uint64_t y = ((const struct vhd_pending_page *)b)->off;

	return (x > y) - (x < y);
}

void vhd_pending_sort(struct vhd_pending *p)
{
	if (!p->count)
		return;
	qsort(p->pages, p->count, sizeof(*p->pages), by_offset);
	memset(p->slots, 0, p->slot_count * sizeof(*p->slots));
	index_all(p);
}
