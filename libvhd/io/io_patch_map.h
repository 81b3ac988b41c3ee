/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_IO_PATCH_MAP_H
#define VHD_IO_IO_PATCH_MAP_H

/*
 * Which pages of a file are not what they were: ranges of pages in order,
 * without overlaps, in a tree that keeps its balance by chance (a treap), so
 * that pages may come in any order and be millions apart.
 *
 * Changing a map needs nodes and must not fail half way: they are set aside
 * first, VHD_PATCH_NODES for each change of a map.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VHD_PATCH_PAGE = 4096, VHD_PATCH_SECTOR = 512, VHD_PATCH_NODES = 3 };

enum vhd_prange_kind {
	VHD_PRANGE_DATA,	/* one page, at data */
	VHD_PRANGE_ZERO,	/* zeros */
	VHD_PRANGE_HOLE,	/* zeros that shall take no space */
	VHD_PRANGE_COPY		/* what the base has at from */
};

struct vhd_prange {
	struct vhd_prange *left, *right;
	uint64_t first, count;	/* pages */
	uint64_t from;		/* VHD_PRANGE_COPY: byte of the base */
	uint8_t *data;		/* VHD_PRANGE_DATA */
	uint32_t prio;
	enum vhd_prange_kind kind;
	uint8_t sectors;	/* VHD_PRANGE_DATA: those that changed, a bit each */
};

/* Nodes set aside, and all memory that maps and pages take. */
struct vhd_prange_pool {
	struct vhd_prange *spare;
	size_t spares;
	uint32_t seed;
	uint64_t bytes;
};

struct vhd_prange_map {
	struct vhd_prange_pool *pool;
	struct vhd_prange *root;
	bool owns_data;		/* pages go when their node goes */
};

/* False: there is no memory; nothing is lost. */
bool vhd_prange_reserve(struct vhd_prange_pool *pool, size_t nodes);
void vhd_prange_pool_free(struct vhd_prange_pool *pool);

/* The range that holds @page, or else the first one after it, or NULL. */
struct vhd_prange *vhd_prange_find(const struct vhd_prange_map *m,
				   uint64_t page);
/* The range that holds @page, or NULL. */
struct vhd_prange *vhd_prange_at(const struct vhd_prange_map *m, uint64_t page);

/* Forgets [first, end).  Takes up to two nodes that were set aside. */
void vhd_prange_clear(struct vhd_prange_map *m, uint64_t first, uint64_t end);

/* Puts a range in the place of whatever was there; takes up to three. */
void vhd_prange_put(struct vhd_prange_map *m, const struct vhd_prange *range);

/* All of it. */
void vhd_prange_drop(struct vhd_prange_map *m);

static inline uint64_t vhd_prange_off(const struct vhd_prange *r)
{
	return r->first * VHD_PATCH_PAGE;
}

static inline uint64_t vhd_prange_end(const struct vhd_prange *r)
{
	return (r->first + r->count) * VHD_PATCH_PAGE;
}

#endif
