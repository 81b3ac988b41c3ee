/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

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

bool vhdx_space_mark(struct vhdx_space *s, uint64_t off, uint64_t len,
		     uint64_t *mib_out)
{
	uint64_t mib = off / MiB;
	uint64_t end = min_u64(mib + div_ceil(len, MiB), s->mib_count);
	bool twice = false;

	for (; mib < end; mib++) {
		if (!vhd_bit_get(s->map, mib, VHD_LSB_FIRST)) {
			vhd_bit_set(s->map, mib, VHD_LSB_FIRST);
			continue;
		}
		if (!twice)
			*mib_out = mib;
		twice = true;
	}
	return twice;
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
