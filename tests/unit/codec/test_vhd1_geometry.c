/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_geometry.h"

#include "base/ckd.h"
#include "support/check_main.h"

static const struct row {
	uint64_t size;
	unsigned c, h, s;
	uint64_t chs;
} table[] = {
	/* vhd.md 3.1 */
	{ 1048576, 30, 4, 17, 1044480 },
	{ 67108864, 963, 8, 17, 67055616 },
	{ 528482304, 1024, 16, 63, 528482304 },
	{ 1073741824, 2080, 16, 63, 1073479680 },
	{ UINT64_C(10737418240), 20805, 16, 63, UINT64_C(10737377280) },
	{ UINT64_C(33822351360), 16191, 16, 255, UINT64_C(33822351360) },
	{ UINT64_C(42949672960), 20560, 16, 255, UINT64_C(42949017600) },
	{ UINT64_C(136365211648), 65278, 16, 255, UINT64_C(136363130880) },
	{ UINT64_C(136899993600), 65535, 16, 255, VHD1_CHS_MAX },
	{ UINT64_C(2190433320960), 65535, 16, 255, VHD1_CHS_MAX },
	/* what real images carry */
	{ 104448, 3, 4, 17, 104448 },
	{ 41943040, 963, 5, 17, 41909760 },
	{ 536870912, 1040, 16, 63, 536739840 },
	{ 209715200, 825, 16, 31, 209510400 },
	{ 512, 0, 4, 17, 0 },
	{ UINT64_MAX, 65535, 16, 255, VHD1_CHS_MAX },
};

START_TEST(vhd1_geometry__follows_the_table_of_the_format)
{
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct row *r = &table[i];
		struct vhd1_geometry g = vhd1_geometry_of(r->size);

		ck_assert_uint_eq(g.cylinders, r->c);
		ck_assert_uint_eq(g.heads, r->h);
		ck_assert_uint_eq(g.sectors, r->s);
		ck_assert_uint_eq(vhd1_geometry_size(g), r->chs);
		ck_assert(vhd1_geometry_fits(g, r->size));
	}
}
END_TEST

/* VHD-C-2: never more than the disk, and less than a cylinder lost. */
START_TEST(vhd1_geometry__never_covers_more_than_the_disk)
{
	uint64_t size = 512, i;

	for (i = 0; i < 170 && size < 200 * GiB; i++) {
		struct vhd1_geometry g = vhd1_geometry_of(size);
		uint64_t chs = vhd1_geometry_size(g);
		uint64_t cylinder = UINT64_C(512) * g.heads * g.sectors;

		ck_assert_uint_le(chs, size);
		ck_assert_uint_le(g.heads, 16);
		if (size < VHD1_CHS_MAX)
			ck_assert_uint_lt(size - chs, cylinder + 255 * 512);
		size += size / 10 + 512 * (1 + i % 7);
		size = align_down(size, 512);
	}
	ck_assert_uint_ge(i, 160);
}
END_TEST

START_TEST(vhd1_geometry__accepts_known_deviations)
{
	struct vhd1_geometry tie = { 65535, 16, 63 };
	struct vhd1_geometry max = { 65535, 16, 255 };
	struct vhd1_geometry odd = { 1, 255, 63 };

	ck_assert(vhd1_geometry_fits(tie, UINT64_C(33822351360)));
	ck_assert(vhd1_geometry_fits(max, 9441792));
	ck_assert(!vhd1_geometry_fits(odd, 8388608));
}
END_TEST

/* VHD-C-11, VHD-C-12 */
START_TEST(vhd1_geometry__knows_what_qemu_goes_by)
{
	static const struct {
		const char *app;
		bool old, new;
	} row[] = {
		{ "vpc ", true, true },   { "qemu", true, true },
		{ "vs  ", true, false },  { "win ", false, false },
		{ "qem2", false, false }, { "d2v ", false, false },
		{ "d2v\0", true, false }, { "CTXS", false, false },
		{ "tap\0", false, false }, { "tap ", true, false },
		{ "wa\0\0", true, false }, { "vbox", true, false },
		{ "\0\0\0\0", true, false },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const uint8_t *app = (const uint8_t *)row[i].app;

		ck_assert_int_eq(vhd1_qemu_uses_chs(app, 1, VHD1_QEMU_9),
				 row[i].old);
		ck_assert_int_eq(vhd1_qemu_uses_chs(app, 1, VHD1_QEMU_10),
				 row[i].new);
		ck_assert(!vhd1_qemu_uses_chs(app, VHD1_CHS_MAX, VHD1_QEMU_9));
	}
}
END_TEST

TEST_MAIN("codec/vhd1_geometry",
	  vhd1_geometry__follows_the_table_of_the_format,
	  vhd1_geometry__never_covers_more_than_the_disk,
	  vhd1_geometry__accepts_known_deviations,
	  vhd1_geometry__knows_what_qemu_goes_by)
