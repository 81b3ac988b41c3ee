/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_WRITE_PENDING_H
#define VHD_WRITE_PENDING_H

/*
 * Page images that are on their way to the file: copies of 4 KiB pages keyed by
 * file offset, each with a mask of the 512-byte parts that count.  A page that
 * the cache has let go of and that is not in place yet is read through these.
 *
 * Not thread-safe; its owner has a lock.
 */

#include "cache/pcache.h"

/* All parts of a page. */
#define VHD_PENDING_WHOLE 0xffu

struct vhd_pending_page {
	uint64_t off;
	uint32_t mask;			/* bit i: bytes [512 * i, 512 * (i + 1)) */
	uint8_t *bytes;			/* VHD_PAGE_SIZE */
};

struct vhd_pending {
	struct vhd_pending_page *pages;	/* ascending after vhd_pending_sort() */
	size_t count;
	size_t room;
	/* private: a hash table of indexes into pages */
	uint32_t *slots;
	size_t slot_count;
};

/* A pending set that is all zeros is empty and valid. */
void vhd_pending_clear(struct vhd_pending *p);		/* frees everything */
/* Adds or renews the parts in @mask; parts that were there stay. */
int vhd_pending_put(struct vhd_pending *p, uint64_t off, const uint8_t *bytes,
		    uint32_t mask, struct vhd_error *err);
/* NULL when there is no such page.  @off is a multiple of VHD_PAGE_SIZE. */
const struct vhd_pending_page *vhd_pending_find(const struct vhd_pending *p,
						uint64_t off);
/* Copies the parts that count over @page; does it hold any of them? */
bool vhd_pending_overlay(const struct vhd_pending *p, uint64_t off,
			 uint8_t *page);
/* As vhd_pending_overlay() for any range of bytes. */
void vhd_pending_overlay_range(const struct vhd_pending *p, uint64_t off,
			       void *buf, size_t len);
/* Adds to @to what is in @from and not yet in @to: @to is the newer one. */
int vhd_pending_merge(struct vhd_pending *to, const struct vhd_pending *from,
		      struct vhd_error *err);
/* Ascending by offset; lookups keep working. */
void vhd_pending_sort(struct vhd_pending *p);

#endif
