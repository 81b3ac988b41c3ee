/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "vhdx/vhdx.h"

static int by_off(const void *a, const void *b)
{
	const struct vhdx_place *p = a, *q = b;

	return (p->off > q->off) - (p->off < q->off);
}

int vhdx_taken_load(struct vhdx *x, const uint8_t table[VHDX_REGIONS_LEN],
		    struct vhd_error *err)
{
	size_t n = 0;

	/* At most VHDX_REGIONS_MAX regions: the decoder saw to it. */
	x->taken = vhd_alloc_array((size_t)x->regions.count + 2,
				   sizeof(*x->taken));
	if (!x->taken)
		return vhd_fail_nomem(err);
	x->taken[n++] = (struct vhdx_place){ 0, VHDX_SECTION_LEN };
	if (x->log.len)
		x->taken[n++] = x->log;
	for (uint32_t i = 0; i < x->regions.count; i++) {
		struct vhdx_region region;

		vhdx_region_get(table, i, &region);
		x->taken[n++] = region.place;
	}
	qsort(x->taken, n, sizeof(*x->taken), by_off);
	x->taken_count = n;
	return 0;
}

bool vhdx_taken(const struct vhdx *x, uint64_t off, uint64_t len)
{
	size_t lo = 0, hi = x->taken_count;
	uint64_t end;

	if (ckd_add(&end, off, len))
		end = UINT64_MAX;
	/* The last place that starts before @end is the only candidate. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->taken[mid].off < end)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && ranges_overlap(x->taken[lo - 1].off, x->taken[lo - 1].len,
				    off, len);
}
