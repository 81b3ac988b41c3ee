/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/io_patch_map.h"

#include "base/alloc.h"

bool vhd_prange_reserve(struct vhd_prange_pool *pool, size_t nodes)
{
	while (pool->spares < nodes) {
		struct vhd_prange *n = vhd_alloc(sizeof(*n));

		if (!n)
			return false;
		n->left = pool->spare;
		pool->spare = n;
		pool->spares++;
	}
	return true;
}

void vhd_prange_pool_free(struct vhd_prange_pool *pool)
{
	while (pool->spare) {
		struct vhd_prange *n = pool->spare;

		pool->spare = n->left;
		vhd_free(n);
	}
	pool->spares = 0;
}

/* Numbers that nobody who makes a file can choose to unbalance the tree. */
static uint32_t next_prio(struct vhd_prange_pool *pool)
{
	uint32_t x = pool->seed ? pool->seed : 0x9e3779b9;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	pool->seed = x;
	return x;
}

static struct vhd_prange *take_node(struct vhd_prange_map *m,
				    const struct vhd_prange *range)
{
	struct vhd_prange_pool *pool = m->pool;
	struct vhd_prange *n = pool->spare;

	pool->spare = n->left;
	pool->spares--;
	pool->bytes += sizeof(*n);
	*n = *range;
	n->left = n->right = NULL;
	n->prio = next_prio(pool);
	return n;
}

static void free_node(struct vhd_prange_map *m, struct vhd_prange *n)
{
	m->pool->bytes -= sizeof(*n);
	if (m->owns_data && n->kind == VHD_PRANGE_DATA) {
		m->pool->bytes -= VHD_PATCH_PAGE;
		vhd_free(n->data);
	}
	vhd_free(n);
}

/* Turns the tree so that there is always a node without a left child. */
static void free_tree(struct vhd_prange_map *m, struct vhd_prange *n)
{
	while (n) {
		struct vhd_prange *l = n->left;

		if (l) {
			n->left = l->right;
			l->right = n;
			n = l;
		} else {
			l = n->right;
			free_node(m, n);
			n = l;
		}
	}
}

void vhd_prange_drop(struct vhd_prange_map *m)
{
	free_tree(m, m->root);
	m->root = NULL;
}

struct vhd_prange *vhd_prange_find(const struct vhd_prange_map *m,
				   uint64_t page)
{
	struct vhd_prange *n = m->root, *best = NULL;

	while (n) {
		if (page >= n->first + n->count) {
			n = n->right;
			continue;
		}
		best = n;
		if (page >= n->first)
			break;
		n = n->left;
	}
	return best;
}

struct vhd_prange *vhd_prange_at(const struct vhd_prange_map *m, uint64_t page)
{
	struct vhd_prange *n = vhd_prange_find(m, page);

	return n && n->first <= page ? n : NULL;
}

/* What lies before @page, and the rest; no node straddles it. */
static void split(struct vhd_prange *n, uint64_t page,
		  struct vhd_prange **low_out, struct vhd_prange **high_out)
{
	while (n) {
		if (n->first < page) {
			*low_out = n;
			low_out = &n->right;
			n = n->right;
		} else {
			*high_out = n;
			high_out = &n->left;
			n = n->left;
		}
	}
	*low_out = NULL;
	*high_out = NULL;
}

/* All of @low lies before all of @high. */
static struct vhd_prange *join(struct vhd_prange *low, struct vhd_prange *high)
{
	struct vhd_prange *root = NULL, **at = &root;

	while (low && high) {
		if (low->prio >= high->prio) {
			*at = low;
			at = &low->right;
			low = low->right;
		} else {
			*at = high;
			at = &high->left;
			high = high->left;
		}
	}
	*at = low ? low : high;
	return root;
}

static void insert(struct vhd_prange_map *m, struct vhd_prange *n)
{
	struct vhd_prange *low, *high;

	split(m->root, n->first, &low, &high);
	m->root = join(join(low, n), high);
}

/* Makes a border at @page: a range across it becomes two. */
static void cut_at(struct vhd_prange_map *m, uint64_t page)
{
	struct vhd_prange *n = vhd_prange_at(m, page);
	struct vhd_prange rest;
	uint64_t skip;

	if (!n || n->first == page)
		return;
	skip = page - n->first;
	rest = *n;
	rest.first = page;
	rest.count -= skip;
	rest.from += skip * VHD_PATCH_PAGE;
	n->count = skip;
	insert(m, take_node(m, &rest));
}

void vhd_prange_clear(struct vhd_prange_map *m, uint64_t first, uint64_t end)
{
	struct vhd_prange *low, *mid, *high;

	if (first >= end || !m->root)
		return;
	cut_at(m, first);
	cut_at(m, end);
	split(m->root, first, &low, &mid);
	split(mid, end, &mid, &high);
	free_tree(m, mid);
	m->root = join(low, high);
}

void vhd_prange_put(struct vhd_prange_map *m, const struct vhd_prange *range)
{
	vhd_prange_clear(m, range->first, range->first + range->count);
	if (m->owns_data && range->kind == VHD_PRANGE_DATA)
		m->pool->bytes += VHD_PATCH_PAGE;
	insert(m, take_node(m, range));
}
