/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/fail.h"
#include "vhdx/vhdx_check_priv.h"


bool vhdx_tally_wants(struct vhdx_tally *t, enum vhd_rule_idx rule)
{
	return ++t->count[rule] <= CHECK_REPEATS;
}

void vhdx_tally_end(const struct vhdx_tally *t)
{
	for (int i = 0; i < VHD_RULE_COUNT; i++) {
		if (t->count[i] > CHECK_REPEATS)
			vhd_report(t->sink, (enum vhd_rule_idx)i, VHD_NO_OFFSET,
				   "and %" PRIu64 " more",
				   t->count[i] - CHECK_REPEATS);
	}
}

int vhdx_space_init(struct vhdx_space *s, uint64_t file_size,
		    struct vhd_error *err)
{
	s->mib_count = div_ceil(min_u64(file_size, VHDX_FILE_LEN_MAX), MiB);
	s->map = vhd_alloc((size_t)div_ceil(s->mib_count, 8));
	return s->map ? 0 : vhd_fail_nomem(err);
}

void vhdx_space_free(struct vhdx_space *s)
{
	vhd_free(s->map);
	s->map = NULL;
}

/* One bit, which is what most blocks have. */
static bool mark_one(struct vhdx_space *s, uint64_t mib)
{
	uint8_t mask = (uint8_t)(1u << (mib & 7));
	uint8_t *byte = &s->map[mib >> 3];
	bool was = *byte & mask;

	*byte |= mask;
	return was;
}

bool vhdx_space_mark(struct vhdx_space *s, uint64_t off, uint64_t len,
		     uint64_t *mib_out)
{
	uint64_t mib = off / MiB;
	uint64_t end = min_u64(mib + div_ceil(len, MiB), s->mib_count);
	bool twice = false;

	for (; mib < end; mib++) {
		if (!mark_one(s, mib))
			continue;
		if (!twice)
			*mib_out = mib;
		twice = true;
	}
	return twice;
}

static void mark_all(struct vhdx_space *s, uint64_t mib, uint64_t end)
{
	for (; mib < end && mib & 7; mib++)
		mark_one(s, mib);
	if (mib < end)
		memset(&s->map[mib >> 3], 0xff, (size_t)((end - mib) >> 3));
	for (mib = max_u64(mib, end & ~UINT64_C(7)); mib < end; mib++)
		mark_one(s, mib);
}

uint64_t vhdx_space_take_free(struct vhdx_space *s, uint64_t mib,
			      uint64_t count, uint64_t unit)
{
	uint64_t end = min_u64(mib + count, s->mib_count);
	uint64_t n;

	if (mib >= end || vhd_bit_get(s->map, mib, VHD_LSB_FIRST))
		return 0;
	n = vhd_bit_run(s->map, mib, end, VHD_LSB_FIRST);
	n -= n % unit;
	mark_all(s, mib, mib + n);
	return n;
}

uint64_t vhdx_space_unused(const struct vhdx_space *s, uint64_t count)
{
	uint64_t unused = 0, mib = 0;

	count = min_u64(count, s->mib_count);
	while (mib < count) {
		uint64_t run = vhd_bit_run(s->map, mib, count, VHD_LSB_FIRST);

		if (!vhd_bit_get(s->map, mib, VHD_LSB_FIRST))
			unused += run;
		mib += run;
	}
	return unused;
}
