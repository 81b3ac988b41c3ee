/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_batmap.h"

#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"

/* vhd.md 16.4 */
static const uint8_t golden[VHD1_BATMAP_LEN] = {
	't', 'd', 'b', 'a', 't', 'm', 'a', 'p',
	0, 0, 0, 0, 0, 0, 0x58, 0, 0, 0, 0, 2, 0, 1, 0, 2,
	0xff, 0xff, 0xff, 0xff,
};

START_TEST(vhd1_batmap__recipe_decodes_and_encodes)
{
	struct vhd1_batmap b;
	uint8_t raw[VHD1_BATMAP_LEN];

	ck_assert(vhd1_batmap_decode(golden, &b));
	ck_assert_uint_eq(b.map_off, 0x5800);
	ck_assert_uint_eq(b.map_sectors, vhd1_batmap_sectors(5120));
	ck_assert(vhd1_batmap_usable(&b, 5120, 0x5c00));
	vhd1_batmap_encode(&b, raw);
	ck_assert_mem_eq(raw, golden, sizeof(raw));
	raw[0] = 'T';
	ck_assert(!vhd1_batmap_decode(raw, &b));
}
END_TEST

START_TEST(vhd1_batmap__unusable_headers_are_told)
{
	struct vhd1_batmap good, b;

	ck_assert(vhd1_batmap_decode(golden, &good));
	b = good;
	b.version = 0x00010003;
	ck_assert(!vhd1_batmap_usable(&b, 5120, 0x5c00));
	b = good;
	b.map_sectors = 0;
	ck_assert(!vhd1_batmap_usable(&b, 5120, 0x5c00));
	ck_assert(!vhd1_batmap_usable(&good, 8193, 0x5c00));
	b = good;
	b.map_off++;
	ck_assert(!vhd1_batmap_usable(&b, 5120, 0x6000));
	ck_assert(!vhd1_batmap_usable(&good, 5120, 0x5bff));
	b.map_off = UINT64_MAX & ~UINT64_C(511);
	ck_assert(!vhd1_batmap_usable(&b, 5120, 0x5c00));
}
END_TEST

/* VHD-X-4, VHD-X-6 */
START_TEST(vhd1_batmap__sums_and_sizes)
{
	static const uint8_t one[4] = { 0x80 };

	ck_assert_uint_eq(vhd1_batmap_sectors(1), 1);
	ck_assert_uint_eq(vhd1_batmap_sectors(4096), 1);
	ck_assert_uint_eq(vhd1_batmap_sectors(4097), 2);
	ck_assert_uint_eq(vhd1_batmap_sectors(1048576), 256);
	ck_assert_uint_eq(vhd1_batmap_covered(1), 512);
	ck_assert_uint_eq(vhd1_batmap_covered(8 * GiB), 512);
	ck_assert_uint_eq(vhd1_batmap_covered(8 * GiB + 16 * MiB), 1024);
	ck_assert_uint_eq(~vhd1_batmap_sum(0, one, 4, VHD1_BATMAP_1_2),
			  0xffffff7f);
	ck_assert_uint_eq(~vhd1_batmap_sum(0, one, 4, VHD1_BATMAP_1_1),
			  0x0000007f);
}
END_TEST

/* VHD-X-7 */
START_TEST(vhd1_batmap__rounding_defect_is_known)
{
	ck_assert(!vhd1_batmap_defect(2 * MiB));
	ck_assert(!vhd1_batmap_defect(8 * GiB));
	ck_assert(vhd1_batmap_defect(8 * GiB + 2 * MiB));
	ck_assert(vhd1_batmap_defect(8 * GiB + 14 * MiB));
	ck_assert(!vhd1_batmap_defect(8 * GiB + 16 * MiB));
	ck_assert(vhd1_batmap_defect(16 * GiB + 14 * MiB));
}
END_TEST

TEST_MAIN("codec/vhd1_batmap",
	  vhd1_batmap__recipe_decodes_and_encodes,
	  vhd1_batmap__unusable_headers_are_told,
	  vhd1_batmap__sums_and_sizes,
	  vhd1_batmap__rounding_defect_is_known)
