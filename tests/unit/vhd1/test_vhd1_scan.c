/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_writing.h"
#include "vhd1/vhd1.h"

static const struct vhd1_image_spec three = {
	.type = VHD_TYPE_DYNAMIC, .size = 64 << 20, .blocks = 3
};
static struct vhd1_bench b;
static struct vhd_io *io;
static struct vhd_error err;

/* Blocks of the images here: aligned, the first bitmap at 0xe00. */
enum { FIRST = 7, STRIDE = 4104 };

static int scanned(void)
{
	vhd1_bench_new(&b, io);
	return vhd1_scan(b.v, &err);
}

static uint64_t free_bytes(void)
{
	return vhd_space_total(&b.v->write->space);
}

START_TEST(vhd1_scan__a_compact_file_has_no_room)
{
	io = vhd1_image_new(&three);
	ck_assert_int_eq(scanned(), 0);
	ck_assert_uint_eq(free_bytes(), 0);
	ck_assert_uint_eq(b.v->write->content_end, b.v->tail_off);
	ck_assert_uint_eq(b.v->write->align, 4096);
	ck_assert(!b.v->write->packed);
	vhd1_bench_end(&b);
}
END_TEST

/* In the middle, in any order of the table, and in front of the footer. */
START_TEST(vhd1_scan__gaps_that_hold_a_block_are_free)
{
	const struct vhd_space_extent *e;

	io = vhd1_image_new(&three);
	vhd1_image_set_entry(io, 1, VHD1_UNUSED);
	vhd1_image_set_entry(io, 9, FIRST);
	vhd1_image_set_entry(io, 0, FIRST + 2 * STRIDE);
	vhd1_image_set_entry(io, 2, VHD1_UNUSED);
	ck_assert_int_eq(scanned(), 0);
	ck_assert_uint_eq(b.v->write->space.count, 1);
	e = &b.v->write->space.ext[0];
	ck_assert_uint_eq(e->off, (FIRST + 4097) * 512);
	ck_assert_uint_eq(e->len, (2 * STRIDE - 4097) * 512);
	ck_assert_int_eq(e->kind, VHD_SPACE_DIRTY);
	vhd1_bench_end(&b);

	io = vhd1_image_new(&three);
	vhd1_image_set_entry(io, 2, VHD1_UNUSED);
	ck_assert_int_eq(scanned(), 0);
	ck_assert_uint_eq(free_bytes(), STRIDE * 512);
	ck_assert_uint_eq(vhd_space_tail(&b.v->write->space, b.v->tail_off),
			  b.v->tail_off - STRIDE * 512);
	vhd1_bench_end(&b);
}
END_TEST

static const struct {
	uint32_t blk, entry;
	const char *rule;
} wrong[] = {
	{ 1, FIRST, "VHD1_BLOCK_OVERLAP" },
	{ 0, FIRST + 8, "VHD1_BLOCK_OVERLAP" },
	{ 9, FIRST + 4096, "VHD1_BLOCK_OVERLAP" },
	{ 9, FIRST + 3 * STRIDE, "VHD1_BLOCK_PAST_END" },
	{ 9, 0xfffffffe, "VHD1_BLOCK_PAST_END" },
	{ 9, 0, "VHD1_BLOCK_IN_META" },
	{ 9, 3, "VHD1_BLOCK_IN_META" },
};

/* VHD-Y-8, VHD-Y-9: and nothing is written. */
START_TEST(vhd1_scan__owners_in_doubt_stop_it)
{
	char text[64];

	io = vhd1_image_new(&three);
	vhd1_image_set_entry(io, wrong[_i].blk, wrong[_i].entry);
	ck_assert_int_eq(scanned(), VHD_E_CORRUPT);
	ck_assert_str_eq(err.rule->name, wrong[_i].rule);
	ck_assert_ptr_nonnull(strstr(err.msg, "must be checked"));
	ck_assert_int_eq(vhd1_guest_write(&b, 30 * MiB, 7, 9, &err),
			 VHD_E_CORRUPT);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "");
	vhd1_bench_end(&b);
}
END_TEST

/* A table that claims one place for all needs no memory for that. */
START_TEST(vhd1_scan__more_blocks_than_fit_are_an_overlap)
{
	uint32_t i;

	io = vhd1_image_new(&three);
	for (i = 0; i < 32; i++)
		vhd1_image_set_entry(io, i, FIRST);
	ck_assert_int_eq(scanned(), VHD_E_CORRUPT);
	ck_assert_str_eq(err.rule->name, "VHD1_BLOCK_OVERLAP");
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-X-9: metadata is not free, wherever it lies. */
START_TEST(vhd1_scan__locators_are_not_free)
{
	struct vhd1_image_spec spec = three;
	struct vhd1_header h;
	uint64_t at;

	spec.type = VHD_TYPE_DIFF;
	io = vhd1_image_new(&spec);
	vhd1_image_header(io, &h);
	at = vhd1_image_entry(io, 1) * UINT64_C(512) + MiB;
	vhd1_image_put(io, "b\0a\0s\0e\0.\0v\0h\0d\0", 16, at);
	h.locator[0].off = at;
	h.locator[0].code = 0x57327275;
	h.locator[0].len = 16;
	h.locator[0].space = 512;
	vhd1_image_set_header(io, &h);
	vhd1_image_set_entry(io, 1, VHD1_UNUSED);
	ck_assert_int_eq(scanned(), 0);
	ck_assert_uint_eq(free_bytes(), 0);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_scan__packed_blocks_are_noticed)
{
	io = vhd1_image_new(&three);
	vhd1_image_set_entry(io, 1, FIRST + 4097);
	ck_assert_int_eq(scanned(), 0);
	ck_assert(b.v->write->packed);
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-M-3: 2040 GiB in aligned blocks of 512 KiB would not fit. */
START_TEST(vhd1_scan__the_largest_disks_of_small_blocks_are_packed)
{
	struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = UINT64_C(2040) * GiB,
		.block_size = 512 * KiB
	};

	io = vhd1_image_new(&spec);
	ck_assert_int_eq(scanned(), 0);
	ck_assert_uint_eq(b.v->write->align, 512);
	vhd1_bench_end(&b);
	spec.block_size = 2 * MiB;
	io = vhd1_image_new(&spec);
	ck_assert_int_eq(scanned(), 0);
	ck_assert_uint_eq(b.v->write->align, 4096);
	vhd1_bench_end(&b);
}
END_TEST

TEST_MAIN_ROWS("vhd1/scan",
	ONCE(vhd1_scan__a_compact_file_has_no_room),
	ONCE(vhd1_scan__gaps_that_hold_a_block_are_free),
	LOOP(vhd1_scan__owners_in_doubt_stop_it,
	     (int)(sizeof(wrong) / sizeof(wrong[0]))),
	ONCE(vhd1_scan__more_blocks_than_fit_are_an_overlap),
	ONCE(vhd1_scan__locators_are_not_free),
	ONCE(vhd1_scan__packed_blocks_are_noticed),
	ONCE(vhd1_scan__the_largest_disks_of_small_blocks_are_packed))
