/* SPDX-License-Identifier: BSD-2-Clause */
#include "usage.h"

#include <time.h>

/* Pieces looked at, so that stat(2) stays quick on a shredded disk. */
#define MAX_PIECES 65536u
#define PIECES 64u

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The rest of a disk that is in too many pieces, from those seen. */
static uint64_t extrapolate(const struct view *v, uint64_t seen, uint64_t used)
{
	double share = seen != 0 ? (double)used / (double)seen : 1;

	return used + (uint64_t)((double)(v->len - seen) * share);
}

static uint64_t count(const struct view *v)
{
	struct vhd_extent ext[PIECES];
	uint64_t seen = 0, used = 0;
	uint32_t pieces = 0;

	while (seen < v->len) {
		size_t n;

		if (pieces >= MAX_PIECES ||
		    vhd_resolve(v->img, v->off + seen, v->len - seen, ext,
				PIECES, &n, NULL))
			return extrapolate(v, seen, used);
		for (size_t i = 0; i < n; i++) {
			seen += ext[i].len;
			if (ext[i].kind == VHD_EXTENT_DATA)
				used += ext[i].len;
		}
		pieces += (uint32_t)n;
	}
	return used;
}

uint64_t usage_bytes(struct node *n)
{
	int64_t now = now_ms();

	/* Two threads may count at once; both are right. */
	if (!atomic_load_explicit(&n->used_changed, memory_order_relaxed))
		return atomic_load(&n->used);
	if (atomic_load(&n->used_at) != 0 &&
	    now - atomic_load(&n->used_at) < 1000)
		return atomic_load(&n->used);
	atomic_store(&n->used_changed, false);
	atomic_store(&n->used, count(&n->view));
	atomic_store(&n->used_at, now);
	return atomic_load(&n->used);
}
