/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_geometry.h"

#include <string.h>

#include "base/ckd.h"

enum {
	MAX_CYLINDERS = 65535,
	MAX_HEADS = 16
};

struct vhd1_geometry vhd1_geometry_of(uint64_t size)
{
	uint64_t n = min_u64(size, VHD1_CHS_MAX) / 512;
	uint64_t s, h, t;

	if (n >= UINT64_C(65535) * 16 * 63) {
		s = 255;
		h = MAX_HEADS;
		t = n / s;
	} else {
		s = 17;
		t = n / s;
		h = max_u64(4, div_ceil(t, 1024));
		if (h > MAX_HEADS || t >= 1024 * h) {
			s = 31;
			h = MAX_HEADS;
			t = n / s;
			if (t >= 16384) {
				s = 63;
				t = n / s;
			}
		}
	}
	return (struct vhd1_geometry){ (uint16_t)(t / h), (uint8_t)h,
				       (uint8_t)s };
}

uint64_t vhd1_geometry_size(struct vhd1_geometry g)
{
	return UINT64_C(512) * g.cylinders * g.heads * g.sectors;
}

bool vhd1_geometry_fits(struct vhd1_geometry g, uint64_t size)
{
	struct vhd1_geometry want = vhd1_geometry_of(size);
	uint64_t chs = vhd1_geometry_size(g);

	if (g.cylinders == want.cylinders && g.heads == want.heads &&
	    g.sectors == want.sectors)
		return true;
	/* VHD-C-6 and the tie of VHD-C-4: another way to the same size. */
	if (chs == size)
		return true;
	/* VHD-C-7: the largest one says "do not use it". */
	return chs == VHD1_CHS_MAX;
}

static bool is_one_of(const uint8_t app[4], const char (*list)[5], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!memcmp(app, list[i], 4))
			return true;
	return false;
}

bool vhd1_qemu_uses_chs(const uint8_t creator_app[4], uint64_t chs_size,
			enum vhd1_qemu_era era)
{
	static const char by_size[][5] = { "win ", "qem2", "d2v ", "CTXS",
					   "tap\0" };
	static const char by_chs[][5] = { "vpc ", "qemu" };

	if (chs_size == VHD1_CHS_MAX)
		return false;
	switch (era) {
	case VHD1_QEMU_9:
		return !is_one_of(creator_app, by_size,
				  sizeof(by_size) / sizeof(by_size[0]));
	case VHD1_QEMU_10:
		return is_one_of(creator_app, by_chs,
				 sizeof(by_chs) / sizeof(by_chs[0]));
	}
	return false;
}
