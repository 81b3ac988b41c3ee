/* SPDX-License-Identifier: BSD-2-Clause */
/* Mapping by the table alone: states, interleaving, merging, bad places. */
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "support/check_main.h"
#include "support/vhdx_opened.h"
#include "vhdx/vhdx_engine.h"

static struct vhdx_image img;
static struct vhdx_opened o;

/* A disk of 8 GiB with 1 MiB blocks: two chunks of 4096. */
static const struct vhdx_image_spec small_blocks = {
	.disk_size = 8 * GiB,
	.block_size = MiB,
};

static void begin(void)
{
	vhdx_opened_begin(&o, &img);
	ck_assert_msg(!o.rc, "%s", o.err.msg);
}

static void end(void)
{
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}

static void expect(struct vhd_run run, enum vhd_run_kind kind, uint64_t len,
		   uint64_t file_off, uint32_t flags)
{
	ck_assert_int_eq(run.kind, kind);
	ck_assert_uint_eq(run.len, len);
	if (kind == VHD_RUN_DATA)
		ck_assert_uint_eq(run.file_off, file_off);
	ck_assert_uint_eq(run.flags, flags);
}

/* What each state reads as, without and with a place (VHDX-PBS, VHDX-TOL). */
static const struct {
	enum vhd_run_kind kind;
	uint32_t flags;		/* with a place */
} state_reads[8] = {
	[0] = { VHD_RUN_PARENT, 0 },
	[1] = { VHD_RUN_ZERO, VHD_EXTENT_ALLOCATED },
	[2] = { VHD_RUN_ZERO, 0 },
	[3] = { VHD_RUN_ZERO, VHD_EXTENT_ALLOCATED },
	[5] = { VHD_RUN_ZERO, VHD_EXTENT_ALLOCATED },
	[6] = { VHD_RUN_DATA, VHD_EXTENT_ALLOCATED },
	[7] = { VHD_RUN_DATA, VHD_EXTENT_ALLOCATED },
};

static void map_state(unsigned state, bool has_parent, uint64_t place)
{
	struct vhdx_image_spec spec = small_blocks;
	uint32_t flags = place ? state_reads[state].flags : 0;

	spec.has_parent = has_parent;
	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 8 * MiB);
	vhdx_image_bat_set(&img, 1, place | state);
	/* Something else on either side, so that nothing is merged. */
	vhdx_image_bat_set(&img, 0, 6 * MiB | 6);
	vhdx_image_bat_set(&img, 2, 7 * MiB | 6);
	begin();
	expect(vhdx_opened_map(&o, MiB + 512, GiB), state_reads[state].kind,
	       MiB - 512, place + 512, flags);
	end();
}

START_TEST(vhdx_map__each_state_reads_as_it_should)
{
	static const unsigned without_place[] = { 0, 1, 2, 3, 5 };
	static const unsigned with_place[] = { 0, 1, 2, 3, 5, 6 };

	for (int parent = 0; parent < 2; parent++) {
		for (size_t i = 0; i < 5; i++)
			map_state(without_place[i], parent, 0);
		for (size_t i = 0; i < 6; i++)
			map_state(with_place[i], parent, 4 * MiB);
	}
}
END_TEST

START_TEST(vhdx_map__partial_block_without_parent_is_whole)
{
	map_state(7, false, 4 * MiB);	/* VHDX-PBS-07 */
}
END_TEST

START_TEST(vhdx_map__neighbours_in_file_and_disk_are_one_run)
{
	vhdx_image_init(&img, &small_blocks);
	vhdx_image_resize(&img, 12 * MiB);
	for (uint64_t b = 0; b < 4; b++)
		vhdx_image_bat_set(&img, b, (4 + b) * MiB | 6);
	vhdx_image_bat_set(&img, 4, 9 * MiB | 6);
	begin();
	expect(vhdx_opened_map(&o, 100, 8 * GiB - 100), VHD_RUN_DATA,
	       4 * MiB - 100, 4 * MiB + 100, VHD_EXTENT_ALLOCATED);
	expect(vhdx_opened_map(&o, 4 * MiB, 8 * GiB - 4 * MiB), VHD_RUN_DATA,
	       MiB, 9 * MiB, VHD_EXTENT_ALLOCATED);
	expect(vhdx_opened_map(&o, 5 * MiB, GiB), VHD_RUN_PARENT, GiB, 0, 0);
	expect(vhdx_opened_map(&o, MiB, 512), VHD_RUN_DATA, 512, 5 * MiB,
	       VHD_EXTENT_ALLOCATED);
	end();
}
END_TEST

START_TEST(vhdx_map__zeros_with_and_without_space_are_two_runs)
{
	vhdx_image_init(&img, &small_blocks);
	vhdx_image_resize(&img, 8 * MiB);
	vhdx_image_bat_set(&img, 0, 2);
	vhdx_image_bat_set(&img, 1, 3);
	vhdx_image_bat_set(&img, 2, 5 * MiB | 3);
	vhdx_image_bat_set(&img, 3, 7 * MiB | 1);
	begin();
	expect(vhdx_opened_map(&o, 0, GiB), VHD_RUN_ZERO, 2 * MiB, 0, 0);
	expect(vhdx_opened_map(&o, 2 * MiB, GiB), VHD_RUN_ZERO, 2 * MiB, 0,
	       VHD_EXTENT_ALLOCATED);
	end();
}
END_TEST

/* VHDX-BAT-01: also where there is no parent, and in fixed files. */
START_TEST(vhdx_map__table_is_interleaved_in_every_type)
{
	for (int type = 0; type < 3; type++) {
		struct vhdx_image_spec spec = small_blocks;

		spec.fixed = type == 1;
		spec.has_parent = type == 2;
		vhdx_image_init(&img, &spec);
		vhdx_image_resize(&img, 8 * MiB);
		vhdx_image_bat_set(&img, 4095, 4 * MiB | 6);
		vhdx_image_bat_set(&img, 4096, 7 * MiB | 6);
		vhdx_image_bat_set(&img, 4097, 5 * MiB | 6);
		begin();
		expect(vhdx_opened_map(&o, 4 * GiB - MiB, 2 * MiB),
		       VHD_RUN_DATA, 2 * MiB, 4 * MiB, VHD_EXTENT_ALLOCATED);
		expect(vhdx_opened_map(&o, 0, 8 * GiB), VHD_RUN_PARENT,
		       4 * GiB - MiB, 0, 0);
		end();
	}
}
END_TEST

/* VHDX-TST-03: each block size and sector size, against counting. */
START_TEST(vhdx_map__every_block_is_found_by_counting)
{
	for (unsigned i = 0; i < 18; i++) {
		struct vhdx_image_spec spec = {
			.block_size = (uint32_t)MiB << i % 9,
			.logical_sector = i < 9 ? 512 : 4096,
		};
		uint64_t per_chunk = (UINT64_C(1) << 23) *
				     spec.logical_sector / spec.block_size;
		uint64_t idx = 0, blk = 0;

		/* Three chunks and a bit. */
		spec.disk_size = (3 * per_chunk + 2) * spec.block_size - 4096;
		vhdx_image_init(&img, &spec);
		for (; blk < 3 * per_chunk + 2; blk++, idx++) {
			if (blk && blk % per_chunk == 0)
				idx++;
			vhdx_image_bat_set(&img, idx, blk % 7 ? 2 : 0);
		}
		begin();
		for (blk = 0; blk < 3 * per_chunk + 2; blk += 1 + blk / 64)
			ck_assert_int_eq(
				vhdx_opened_map(&o, blk * spec.block_size, 1)
					.kind,
				blk % 7 ? VHD_RUN_ZERO : VHD_RUN_PARENT);
		end();
	}
}
END_TEST

/* 64 TiB in 1 MiB blocks: the table has 513 MiB. */
static void huge_image(void)
{
	le32 block = le32_make(MiB), len = le32_make(513 * MiB);
	le64 size = le64_make(64 * TiB);

	vhdx_image_init(&img, NULL);
	memcpy(vhdx_image_item(&img, VHDX_IMAGE_PARAMS), &block, 4);
	memcpy(vhdx_image_item(&img, VHDX_IMAGE_DISK_SIZE), &size, 8);
	vhdx_image_region(&img, 0, 0)->len = len;
	vhdx_image_region(&img, 1, 0)->len = len;
	vhdx_image_reseal(&img);
}

/* The same, all of the table a hole. */
static struct vhd_io *huge_io(void)
{
	struct vhd_io *io = vhdx_image_io(&img);

	ck_assert_int_eq(vhd_io_set_size(io, 516 * MiB, NULL), 0);
	ck_assert_int_eq(vhd_io_punch(io, MiB, 3 * MiB, NULL), 0);
	return io;
}

START_TEST(vhdx_map__empty_disk_of_any_size_is_one_run)
{
	struct vhd_io_stats before, after;

	huge_image();
	vhdx_opened_begin_io(&o, huge_io());
	ck_assert_msg(!o.rc, "%s", o.err.msg);
	vhd_io_stats(o.io, &before);
	expect(vhdx_opened_map(&o, 0, 64 * TiB), VHD_RUN_PARENT, 64 * TiB, 0,
	       0);
	vhd_io_stats(o.io, &after);
	ck_assert_uint_le(after.read_bytes - before.read_bytes, 64 * KiB);
	end();
}
END_TEST

START_TEST(vhdx_map__lone_block_behind_a_hole_of_the_table_is_found)
{
	uint64_t blk = 50 * TiB / MiB + 77;
	le64 ent = le64_make(515 * MiB | 6);
	struct vhd_io *io;

	huge_image();
	io = huge_io();
	ck_assert_int_eq(vhd_io_write(io, &ent, 8,
				      3 * MiB + 8 * (blk + blk / 4096), NULL),
			 0);
	ck_assert_int_eq(vhd_io_set_size(io, 520 * MiB, NULL), 0);
	vhdx_opened_begin_io(&o, io);
	ck_assert_msg(!o.rc, "%s", o.err.msg);
	ck_assert_int_eq(vhdx_opened_map_breaks(&o, blk * MiB),
			 RULE_VHDX_BLOCK_IN_META);
	expect(vhdx_opened_map(&o, 12345, blk * MiB - 12345), VHD_RUN_PARENT,
	       blk * MiB - 12345, 0, 0);
	expect(vhdx_opened_map(&o, 12345, 64 * TiB - 12345), VHD_RUN_PARENT,
	       blk * MiB - 12345, 0, 0);
	end();
}
END_TEST

/* The page that the log puts into a hole of the table counts. */
START_TEST(vhdx_map__page_in_the_log_fills_a_hole_of_the_table)
{
	uint64_t blk = 1000000, idx = blk + blk / 4096;
	uint64_t page_off = 3 * MiB + idx * 8 / 4096 * 4096;
	uint8_t page[4096] = { 0 };
	struct vhdx_image_change change = { page_off, 0, page };
	struct vhdx_image_entry ent = { .seq = 9, .flushed = 4 * MiB,
					.last = 516 * MiB, .change = &change,
					.change_count = 1 };

	page[idx * 8 % 4096] = 2;
	huge_image();
	vhdx_image_set_pending(&img);
	vhdx_image_log_put(&img, 0, &ent);
	vhdx_opened_begin_io(&o, huge_io());
	ck_assert_msg(!o.rc, "%s", o.err.msg);
	expect(vhdx_opened_map(&o, 0, 64 * TiB), VHD_RUN_PARENT, blk * MiB, 0,
	       0);
	expect(vhdx_opened_map(&o, blk * MiB, 64 * TiB - blk * MiB),
	       VHD_RUN_ZERO, MiB, 0, 0);
	end();
}
END_TEST

static enum vhd_rule_idx raw_breaks(uint64_t raw)
{
	enum vhd_rule_idx rule;

	vhdx_image_init(&img, &small_blocks);
	vhdx_image_resize(&img, 6 * MiB);
	vhdx_image_bat_set(&img, 1, raw);
	begin();
	rule = vhdx_opened_map_breaks(&o, MiB);
	if (rule != VHD_RULE_NONE)
		ck_assert_uint_eq(o.err.off, 3 * MiB + 8);
	end();
	return rule;
}

START_TEST(vhdx_map__blocks_in_wrong_places_are_errors)
{
	ck_assert_int_eq(raw_breaks(4 * MiB | 4), RULE_VHDX_STATE_4);
	ck_assert_int_eq(raw_breaks(6), RULE_VHDX_BLOCK_NO_PLACE);
	ck_assert_int_eq(raw_breaks(6 * MiB | 6), RULE_VHDX_BLOCK_PAST_END);
	ck_assert_int_eq(raw_breaks(UINT64_MAX << 20 | 6),
			 RULE_VHDX_BLOCK_PAST_END);
	for (uint64_t mib = 1; mib < 4; mib++)
		ck_assert_int_eq(raw_breaks(mib * MiB | 6),
				 RULE_VHDX_BLOCK_IN_META);
	ck_assert_int_eq(raw_breaks(5 * MiB | 6), VHD_RULE_NONE);
	/* Reserved bits are masked (VHDX-TOL-06). */
	ck_assert_int_eq(raw_breaks(5 * MiB | 0xffff8 | 6), VHD_RULE_NONE);
}
END_TEST

START_TEST(vhdx_map__fault_behind_the_first_block_waits)
{
	vhdx_image_init(&img, &small_blocks);
	vhdx_image_resize(&img, 6 * MiB);
	vhdx_image_bat_set(&img, 0, 4 * MiB | 6);
	vhdx_image_bat_set(&img, 1, 4);
	begin();
	expect(vhdx_opened_map(&o, 0, GiB), VHD_RUN_DATA, MiB, 4 * MiB,
	       VHD_EXTENT_ALLOCATED);
	ck_assert_int_eq(vhdx_opened_map_breaks(&o, MiB), RULE_VHDX_STATE_4);
	end();
}
END_TEST

/* VHDX-BAT-09: QEMU's fixed files end inside their last block. */
START_TEST(vhdx_map__file_may_end_inside_a_block)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_resize(&img, 5 * MiB + 512);
	vhdx_image_bat_set(&img, 0, 5 * MiB | 6);
	begin();
	expect(vhdx_opened_map(&o, 0, GiB), VHD_RUN_DATA, 32 * MiB, 5 * MiB,
	       VHD_EXTENT_ALLOCATED);
	end();
}
END_TEST

START_TEST(vhdx_map__payload_in_the_log_is_an_error)
{
	struct vhdx_image_change change = { 4 * MiB + 8192, 4096, NULL };
	struct vhdx_image_entry ent = { .seq = 9, .change = &change,
					.change_count = 1 };

	vhdx_image_init(&img, &small_blocks);
	vhdx_image_resize(&img, 6 * MiB);
	vhdx_image_bat_set(&img, 1, 4 * MiB | 6);
	vhdx_image_bat_set(&img, 2, 5 * MiB | 6);
	vhdx_image_set_pending(&img);
	vhdx_image_log_put(&img, 0, &ent);
	begin();
	ck_assert_int_eq(vhdx_opened_map_breaks(&o, MiB), RULE_VHDX_LOG_TARGET);
	ck_assert_int_eq(vhdx_opened_map_breaks(&o, 2 * MiB), VHD_RULE_NONE);
	end();
}
END_TEST

START_TEST(vhdx_map__last_block_ends_with_the_disk)
{
	struct vhdx_image_spec spec = { .disk_size = 9441792,
					.block_size = 8 * MiB };

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 20 * MiB);
	vhdx_image_bat_set(&img, 0, 4 * MiB | 6);
	vhdx_image_bat_set(&img, 1, 12 * MiB | 6);
	begin();
	expect(vhdx_opened_map(&o, 0, 9441792), VHD_RUN_DATA, 9441792, 4 * MiB,
	       VHD_EXTENT_ALLOCATED);
	end();
}
END_TEST

/* States without a place, in rows that end at, before and behind the ends of
 * pages, chunks, and of what is compared at a time. */
static void paint(uint8_t *state, uint64_t blks, uint64_t *seed)
{
	static const uint64_t rows[] = { 1, 2, 63, 64, 65, 511, 512, 513, 2000 };
	static const uint8_t states[] = { 0, 1, 2, 3, 5 };

	for (uint64_t b = 0; b < blks;) {
		uint64_t row = rows[base_rand_below(seed, 9)];
		uint8_t what = states[base_rand_below(seed, 5)];

		while (row-- && b < blks)
			state[b++] = what;
	}
}

static void rows(uint64_t seed)
{
	static uint8_t state[8192];
	struct vhdx_image_spec spec = small_blocks;
	uint64_t blks = 8192 - seed * 3;

	spec.disk_size = blks * MiB;
	paint(state, blks, &seed);
	vhdx_image_init(&img, &spec);
	for (uint64_t b = 0; b < blks; b++)
		vhdx_image_bat_set(&img, b + b / 4096, state[b]);
	begin();
	for (uint64_t b = 0; b < blks;) {
		uint64_t e = b;

		while (e < blks && !state[e] == !state[b])
			e++;
		expect(vhdx_opened_map(&o, b * MiB, (blks - b) * MiB),
		       state[b] ? VHD_RUN_ZERO : VHD_RUN_PARENT,
		       (e - b) * MiB, 0, 0);
		b += 1 + base_rand_below(&seed, e - b);
	}
	end();
}

START_TEST(vhdx_map__rows_of_like_entries_are_runs)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		rows(seed);
}
END_TEST

TEST_MAIN("vhdx/map",
	  vhdx_map__each_state_reads_as_it_should,
	  vhdx_map__partial_block_without_parent_is_whole,
	  vhdx_map__neighbours_in_file_and_disk_are_one_run,
	  vhdx_map__zeros_with_and_without_space_are_two_runs,
	  vhdx_map__table_is_interleaved_in_every_type,
	  vhdx_map__every_block_is_found_by_counting,
	  vhdx_map__empty_disk_of_any_size_is_one_run,
	  vhdx_map__lone_block_behind_a_hole_of_the_table_is_found,
	  vhdx_map__page_in_the_log_fills_a_hole_of_the_table,
	  vhdx_map__blocks_in_wrong_places_are_errors,
	  vhdx_map__fault_behind_the_first_block_waits,
	  vhdx_map__file_may_end_inside_a_block,
	  vhdx_map__payload_in_the_log_is_an_error,
	  vhdx_map__last_block_ends_with_the_disk,
	  vhdx_map__rows_of_like_entries_are_runs)
