/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CACHE_PCACHE_H
#define VHD_CACHE_PCACHE_H

/*
 * The page cache: 4 KiB pages of an image's metadata, keyed by file offset,
 * within a fixed budget.  It knows pages, not formats: where pages come from
 * and go to is the engine's business.
 */

#include "vhd/error.h"

#define VHD_PAGE_SIZE 4096u

struct vhd_pcache;
struct vhd_page;

struct vhd_pcache_ops {
	/* Fills a whole page; @off is a multiple of VHD_PAGE_SIZE. */
	int (*fetch)(void *arg, uint64_t off, uint8_t *page,
		     struct vhd_error *err);
	/*
	 * Takes a page back; NULL when nothing is ever dirtied.  Bit i of @mask:
	 * bytes [512 * i, 512 * (i + 1)) were written to.
	 */
	int (*store)(void *arg, uint64_t off, const uint8_t *page,
		     uint32_t mask, struct vhd_error *err);
};

/* @budget in bytes, rounded up to a useful minimum; 0 means 1 MiB. */
int vhd_pcache_new(const struct vhd_pcache_ops *ops, void *arg,
		   uint64_t budget, struct vhd_pcache **pc_out,
		   struct vhd_error *err);
/* Dirty pages are forgotten: commit first.  NULL is fine. */
void vhd_pcache_free(struct vhd_pcache *pc);

/*
 * Pins the page that holds byte @off; its bytes do not move until the put.  A
 * hit takes no exclusive lock.  Any number of threads.
 */
int vhd_pcache_get(struct vhd_pcache *pc, uint64_t off,
		   struct vhd_page **page_out, struct vhd_error *err);
void vhd_pcache_put(struct vhd_pcache *pc, struct vhd_page *page);
const uint8_t *vhd_page_bytes(const struct vhd_page *page);
/*
 * Copies out of a pinned page, safe beside a writer: aligned words of 4 and 8
 * bytes are whole.  @at + @len stay inside the page.
 */
void vhd_page_read(const struct vhd_page *page, size_t at, void *buf,
		   size_t len);

/* Copies out of any number of pages. */
int vhd_pcache_read(struct vhd_pcache *pc, uint64_t off, void *buf, size_t len,
		    struct vhd_error *err);

/*
 * Copies into pages and marks them dirty.  Before more than half of the budget
 * is dirty all of it is stored.  One thread at a time may write, commit and
 * drop, beside any number that read: vhd_pcache_read() sees aligned words of 4
 * and 8 bytes whole; bytes of a pinned page are not guarded against the writer.
 */
int vhd_pcache_write(struct vhd_pcache *pc, uint64_t off, const void *buf,
		     size_t len, struct vhd_error *err);

/*
 * Stores all dirty pages in ascending order of offset.  After a failure the page
 * that failed and those behind it are still dirty.
 */
int vhd_pcache_commit(struct vhd_pcache *pc, struct vhd_error *err);
size_t vhd_pcache_dirty_count(const struct vhd_pcache *pc);
/* Pages that can be dirty before vhd_pcache_write() stores by itself. */
size_t vhd_pcache_dirty_limit(const struct vhd_pcache *pc);

/* Forgets a page, dirty or not, so that the next get fetches it again. */
void vhd_pcache_drop(struct vhd_pcache *pc, uint64_t off);

#endif
