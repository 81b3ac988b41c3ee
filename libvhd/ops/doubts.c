/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/doubts.h"

#include <stdio.h>
#include <string.h>

static bool is_one(const struct vhd_doubt *a, const struct vhd_doubt *b)
{
	if (a->off < b->end && b->off < a->end)
		return true;
	return (a->end == b->off || b->end == a->off) &&
	       !strcmp(a->msg, b->msg);
}

/* The longer one knows better why. */
static void unite(struct vhd_doubt *a, const struct vhd_doubt *b)
{
	if (b->end - b->off > a->end - a->off)
		memcpy(a->msg, b->msg, sizeof(a->msg));
	if (b->off < a->off)
		a->off = b->off;
	if (b->end > a->end)
		a->end = b->end;
}

static void drop(struct vhd_doubts *all, size_t i)
{
	all->count--;
	memmove(&all->d[i], &all->d[i + 1],
		(all->count - i) * sizeof(all->d[0]));
}

/* The two that lie nearest to each other become one. */
static void make_room(struct vhd_doubts *all)
{
	size_t i, best = 1;

	for (i = 2; i < all->count; i++)
		if (all->d[i].off - all->d[i - 1].end <
		    all->d[best].off - all->d[best - 1].end)
			best = i;
	unite(&all->d[best - 1], &all->d[best]);
	drop(all, best);
}

void vhd_doubts_add(struct vhd_doubts *all, uint64_t off, uint64_t len,
		    const char *msg)
{
	struct vhd_doubt one = {
		.off = off,
		.end = len > UINT64_MAX - off ? UINT64_MAX : off + len,
	};
	size_t i;

	snprintf(one.msg, sizeof(one.msg), "%s", msg);
	if (all->count == VHD_DOUBTS_MAX)
		make_room(all);
	for (i = all->count; i > 0; i--) {
		if (!is_one(&all->d[i - 1], &one))
			continue;
		unite(&one, &all->d[i - 1]);
		drop(all, i - 1);
	}
	for (i = all->count; i > 0 && all->d[i - 1].off > one.off; i--)
		all->d[i] = all->d[i - 1];
	all->d[i] = one;
	all->count++;
}
