/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks that are given up or moved, and a file that is cut: VHD-R-8. */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_mark.h"
#include "support/vhd1_reshaping.h"
#include "vhd1/vhd1.h"

static struct vhd1_shape s;
static struct vhd_error err;

static const struct vhd1_image_spec shapes[] = {
	{ .type = VHD_TYPE_DYNAMIC, .size = 1 * MiB, .block_size = 4096 },
	{ .type = VHD_TYPE_DYNAMIC, .size = 8 * MiB, .block_size = 64 * KiB,
	  .blocks = 3 },
	{ .type = VHD_TYPE_DYNAMIC, .size = 30 * MiB, .blocks = 2 },
	{ .type = VHD_TYPE_DIFF, .size = 1 * MiB, .block_size = 4096 },
	{ .type = VHD_TYPE_DIFF, .size = 4 * MiB, .block_size = 64 * KiB,
	  .blocks = 3 },
	{ .type = VHD_TYPE_DYNAMIC, .size = 30 * MiB, .blocks = 9,
	  .xen = true },
	{ .type = VHD_TYPE_DIFF, .size = 30 * MiB, .blocks = 9, .xen = true },
};
enum { SHAPES = sizeof(shapes) / sizeof(*shapes), SEEDS = 8 };

static uint64_t blocks(void)
{
	return div_ceil(s.size, s.block);
}

/* One pass; true when something moved. */
static bool pass(void)
{
	uint64_t limit, blk;
	bool any = false;

	ck_assert_int_eq(vhd1_engine.pack(s.b.v, &limit, &err), 0);
	for (blk = 0; blk < blocks(); blk++) {
		bool moved;

		if (vhd_writer_move(s.b.w, blk, limit, &moved, &err))
			ck_abort_msg("move: %s", err.msg);
		any |= moved;
		if (moved && base_rand_below(&s.rng, 3) == 0)
			ck_assert_int_eq(vhd1_guest_flush(&s.b, &err), 0);
	}
	ck_assert_int_eq(vhd1_guest_flush(&s.b, &err), 0);
	return any;
}

static void pack_all(void)
{
	unsigned passes = 0;

	while (pass())
		ck_assert_uint_lt(passes++, 10);
}

/* Does the file end within a block of where it would without any holes? */
static void expect_tight(void)
{
	uint64_t limit, stride = s.block + max_u64(512, s.block / 4096);

	vhd1_shape_open(&s);
	ck_assert_int_eq(vhd1_engine.pack(s.b.v, &limit, &err), 0);
	ck_assert_uint_le(vhd1_image_size(s.b.io), limit + 512);
	ck_assert_uint_lt(limit, vhd1_image_size(s.b.io) + stride);
	vhd1_shape_close(&s);
}

START_TEST(vhd1_pack__leaves_no_holes)
{
	const struct vhd1_image_spec *spec = &shapes[_i % SHAPES];
	uint64_t blk;

	vhd1_shape_new(&s, spec, (uint64_t)_i);
	vhd1_shape_scribble(&s, 40);
	vhd1_shape_close(&s);
	vhd1_mark_full(s.b.io);
	vhd1_shape_open(&s);
	for (blk = 0; blk < blocks(); blk++)
		if (base_rand_below(&s.rng, 2))
			vhd1_shape_drop(&s, blk, true);
	ck_assert_int_eq(vhd1_guest_flush(&s.b, &err), 0);
	pack_all();
	vhd1_shape_close(&s);
	expect_tight();
	vhd1_shape_open(&s);
	vhd1_shape_scribble(&s, 10);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

/* VHD-X-10: those that keep their space have their bits again. */
START_TEST(vhd1_pack__xens_bits_come_back)
{
	unsigned before, after;
	uint64_t blk;

	vhd1_shape_new(&s, &shapes[5 + _i], 3);
	for (blk = 0; blk < 9; blk++)
		vhd1_shape_write(&s, blk * s.block, s.block, (uint8_t)(blk + 1));
	vhd1_shape_close(&s);
	before = vhd1_mark_full(s.b.io);
	ck_assert_uint_eq(before, 9);
	vhd1_shape_open(&s);
	vhd1_shape_drop(&s, 2, true);
	vhd1_shape_drop(&s, 5, true);
	pack_all();
	vhd1_shape_close(&s);
	vhd1_shape_open(&s);
	for (after = 0, blk = 0; blk < 9; blk++) {
		bool set;

		ck_assert_int_eq(vhd1_batmap_bit(s.b.v, blk, &set, &err), 0);
		ck_assert(set == (blk != 2 && blk != 5));
		after += set;
	}
	ck_assert_uint_eq(after, 7);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

/* What there is nothing to do about is not touched. */
START_TEST(vhd1_pack__a_tight_file_stays_as_it_is)
{
	size_t ops;

	vhd1_shape_new(&s, &shapes[_i], 7);
	vhd1_shape_scribble(&s, 20);
	pack_all();
	vhd1_shape_close(&s);
	ops = vhd_trace_count(s.b.trace);
	vhd1_shape_open(&s);
	ck_assert(!pass() || shapes[_i].type == VHD_TYPE_FIXED);
	ck_assert(!vhd_writer_touched(s.b.w));
	vhd1_shape_close(&s);
	/* The flush is pass()'s own. */
	ck_assert_uint_le(vhd_trace_count(s.b.trace), ops + 1);
	vhd1_shape_end(&s);
}
END_TEST

START_TEST(vhd1_pack__a_fixed_disk_has_nothing_to_pack)
{
	const struct vhd1_image_spec fixed = VHD1_FIXED;
	uint64_t limit;

	vhd1_shape_new(&s, &fixed, 1);
	ck_assert_int_eq(vhd1_engine.pack(s.b.v, &limit, &err),
			 VHD_E_UNSUPPORTED);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

TEST_MAIN_ROWS("vhd1/pack",
	       LOOP(vhd1_pack__leaves_no_holes, SHAPES * SEEDS),
	       LOOP(vhd1_pack__xens_bits_come_back, 2),
	       LOOP(vhd1_pack__a_tight_file_stays_as_it_is, SHAPES),
	       ONCE(vhd1_pack__a_fixed_disk_has_nothing_to_pack))
