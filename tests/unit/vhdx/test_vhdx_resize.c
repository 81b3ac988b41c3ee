/* SPDX-License-Identifier: BSD-2-Clause */
/* Another size for a disk: bytes that both disks have stay, new ones are zeros. */
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "support/vhdx_reshaping.h"

static int resize_below(uint64_t size, uint64_t below)
{
	struct vhd_engine_resize req = { .size = size, .below = below };

	return vhdx_engine.resize(t.x, &req, &t.err);
}

/* And opens the disk again, which has no findings. */
static void resize(uint64_t size)
{
	ck_assert_msg(!resize_below(size, UINT64_MAX), "%s", t.err.msg);
	again();
	ck_assert_uint_eq(t.x->meta.disk_size, size);
}

START_TEST(vhdx_resize__size_that_no_disk_has_is_refused)
{
	static const uint64_t bad[] = { 0, GiB + 1, GiB + 256,
					64 * TiB + 512, UINT64_MAX - 511 };

	make(GiB, MiB, false);
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(resize_below(bad[i], 0), VHD_E_INVAL);
	ck_assert(!vhdx_write_begun(t.x));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

START_TEST(vhdx_resize__the_present_size_changes_nothing)
{
	struct vhd_io_stats stats;

	make(GiB, MiB, _i);
	ck_assert_int_eq(resize_below(GiB, 0), 0);
	vhdx_writing_shut(&t);
	vhd_io_stats(t.io, &stats);
	ck_assert_uint_eq(stats.writes + stats.flushes, 0);
	end();
}
END_TEST

/* VHDX-RSZ-01: children know their parent by it. */
START_TEST(vhdx_resize__data_gets_a_new_identity)
{
	struct vhd_guid before, after;

	make(GiB, MiB, false);
	before = identity();
	resize(2 * GiB);
	after = identity();
	ck_assert(!vhd_guid_equal(&before, &after));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* VHDX-RSZ-02, VHDX-RSZ-03 */
START_TEST(vhdx_resize__disk_grows_within_its_table)
{
	uint8_t other = _i ? VHDX_WRITING_PARENT : 0;

	make(10 * MiB + 512 * KiB, 2 * MiB, _i);
	fill(0, 100, 1);
	fill(10 * MiB, 512 * KiB, 2);
	resize(5 * GiB);
	ck_assert(vhdx_writing_is(&t, 0, 100, 1));
	ck_assert(vhdx_writing_is(&t, 512, 10 * MiB - 512, other));
	ck_assert(vhdx_writing_is(&t, 10 * MiB, 512 * KiB, 2));
	ck_assert(vhdx_writing_is(&t, 10 * MiB + 512 * KiB, 64 * MiB, 0));
	ck_assert(vhdx_writing_is(&t, 5 * GiB - MiB, MiB, 0));
	fill(5 * GiB - 512, 512, 3);
	vhdx_writing_shut_clean(&t);
	end();
}
END_TEST

/* VHDX-RSZ-03: a past of the block's end that nobody cleared. */
START_TEST(vhdx_resize__old_end_of_the_last_block_is_cleared)
{
	uint64_t off;

	struct vhdx_image_spec spec = { .disk_size = 3 * MiB + 4096,
					.block_size = 2 * MiB,
					.has_parent = _i == 1 };

	vhdx_image_init(&img, &spec);
	off = vhdx_image_add_block(&img, 1, _i == 1 ? 7 : 6, 0x99);
	if (_i == 1) {
		uint64_t map = vhdx_image_add_bitmap(&img, 0);

		/* Block 1 is bits 4096 to 8191; the disk ends at 6152. */
		memset(img.bytes + map + 512, 0xff, 512);
	}
	vhdx_writing_begin(&t, &img);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
	resize(10 * MiB);
	ck_assert(vhdx_writing_is(&t, 2 * MiB, MiB + 4096, 0x99));
	ck_assert(vhdx_writing_is(&t, 3 * MiB + 4096, 6 * MiB, 0));
	ck_assert_uint_eq(vhdx_writing_raw(&t, off + MiB + 4096), 0);
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* VHDX-RSZ-04: what the parent has behind the old end stays hidden. */
START_TEST(vhdx_resize__parent_is_not_seen_behind_the_old_end)
{
	make(10 * MiB + 512, 2 * MiB, true);
	if (_i)
		fill(5 * MiB, 1024, 3);
	resize(20 * MiB);
	ck_assert(vhdx_writing_is(&t, 6 * MiB, 4 * MiB + 512,
				  VHDX_WRITING_PARENT));
	ck_assert(vhdx_writing_is(&t, 10 * MiB + 512, 10 * MiB - 512, 0));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* The parent ends before: its block says nothing and is left alone. */
START_TEST(vhdx_resize__parent_that_ends_before_costs_no_block)
{
	make(10 * MiB + 512, 2 * MiB, true);
	ck_assert_int_eq(resize_below(20 * MiB, 10 * MiB + 512), 0);
	vhdx_writing_shut_clean(&t);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 4 * MiB);
	end();
}
END_TEST

/* VHDX-RSZ-05; the blocks of a child have bitmaps. */
START_TEST(vhdx_resize__table_moves_when_it_is_too_short)
{
	bool child = _i & 1, pending = _i & 2;
	uint8_t other = child ? VHDX_WRITING_PARENT : 0;
	/* The largest disk once: its table is all of the work. */
	uint64_t size = _i ? 2 * TiB : 64 * TiB;

	make(100 * GiB, MiB, child);
	for (uint64_t i = 0; i < 20; i++)
		fill(i * 5 * GiB, 700, (uint8_t)(i + 1));
	if (!pending) {
		vhdx_writing_shut_clean(&t);
		vhdx_writing_again(&t);
	}
	resize(size);
	ck_assert_uint_eq(t.x->regions.bat.len, _i ? 17 * MiB : 513 * MiB);
	for (uint64_t i = 0; i < 20; i++) {
		ck_assert(vhdx_writing_is(&t, i * 5 * GiB, 700,
					  (uint8_t)(i + 1)));
		ck_assert(vhdx_writing_is(&t, i * 5 * GiB + 700, MiB, other));
	}
	ck_assert(vhdx_writing_is(&t, 100 * GiB, MiB, 0));
	fill(size - 512, 512, 0x44);
	ck_assert(vhdx_writing_is(&t, size - 512, 512, 0x44));
	vhdx_writing_shut_clean(&t);
	end();
}
END_TEST

/* VHDX-GEN-06, VHDX-RGN-06 */
START_TEST(vhdx_resize__other_regions_stay_and_a_damaged_table_is_mended)
{
	struct vhdx_image_spec spec = { .disk_size = 100 * GiB,
					.block_size = MiB };
	const char *guid = "0f0e0d0c-0b0a-0908-0706-050403020100";
	uint64_t at;

	vhdx_image_init(&img, &spec);
	at = img.len;
	vhdx_image_resize(&img, img.len + MiB);
	memset(img.bytes + at, 0x6b, MiB);
	vhdx_image_add_region(&img, guid, at, MiB, 0);
	img.bytes[VHDX_REGIONS1_OFF + 100] ^= 1;
	vhdx_writing_begin(&t, &img);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
	ck_assert_uint_eq(t.x->region_pair.ok, 2);
	ck_assert_msg(!resize_below(200 * GiB, 0), "%s", t.err.msg);
	vhdx_writing_shut(&t);
	vhdx_writing_again(&t);
	ck_assert_uint_eq(t.x->region_pair.ok, 3);
	ck_assert_uint_eq(t.x->regions.other_count, 1);
	ck_assert_uint_eq(t.x->regions.bat.len, 2 * MiB);
	ck_assert(vhdx_taken(t.x, at, MiB));
	for (uint64_t i = 0; i < MiB; i += 4095)
		ck_assert_uint_eq(vhdx_writing_raw(&t, at + i), 0x6b);
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* VHDX-RSZ-08, VHDX-BAT-10 */
START_TEST(vhdx_resize__blocks_behind_the_new_end_are_given_up)
{
	make(9 * GiB, MiB, _i);
	for (uint64_t i = 0; i < 9; i++)
		fill(i * GiB + 512, 512, (uint8_t)(i + 1));
	ck_assert_uint_ge(vhdx_writing_file_size(&t), (4 + 9) * MiB);
	resize(3 * GiB + 512);
	ck_assert(vhdx_writing_is(&t, 2 * GiB + 512, 512, 3));
	ck_assert_uint_eq(vhdx_writing_file_size(&t),
			  (_i ? 9 : 8) * MiB);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 3 * MiB + 8 * 8192), 0);
	resize(9 * GiB);
	ck_assert(vhdx_writing_is(&t, 3 * GiB + 512, 2 * MiB, 0));
	ck_assert(vhdx_writing_is(&t, 8 * GiB, MiB, 0));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* A table that the small disk has no use for goes with the blocks. */
START_TEST(vhdx_resize__long_table_is_cut)
{
	make(100 * GiB, MiB, _i);
	fill(0, 512, 1);
	resize(2 * TiB);
	fill(2 * TiB - 4096, 512, 2);
	resize(GiB + 4096);
	ck_assert_uint_eq(t.x->regions.bat.len, MiB);
	ck_assert_uint_le(vhdx_writing_file_size(&t), 8 * MiB);
	resize(2 * TiB);
	ck_assert(vhdx_writing_is(&t, 0, 512, 1));
	ck_assert(vhdx_writing_is(&t, GiB + 4096, MiB, 0));
	ck_assert(vhdx_writing_is(&t, 2 * TiB - 4096, 4096, 0));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* As a cut leaves it between the size and the rest. */
START_TEST(vhdx_resize__leftovers_are_cleared_by_the_same_call)
{
	struct vhd_guid before, after;

	struct vhdx_image_spec spec = { .disk_size = 100 * MiB,
					.block_size = MiB,
					.has_parent = _i };

	vhdx_image_init(&img, &spec);
	vhdx_image_add_block(&img, 3, 6, 0x31);
	vhdx_image_add_block(&img, 100, 6, 0x32);
	vhdx_image_add_block(&img, 5000, 6, 0x33);
	vhdx_writing_begin(&t, &img);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
	before = identity();
	resize(100 * MiB);
	after = identity();
	ck_assert(vhd_guid_equal(&before, &after));
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 5 * MiB);
	ck_assert(vhdx_writing_is(&t, 3 * MiB, MiB, 0x31));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* Entries behind the end that something else left there, before a growth. */
START_TEST(vhdx_resize__growth_does_not_trust_what_lies_behind_the_end)
{
	struct vhdx_image_spec spec = { .disk_size = 100 * MiB,
					.block_size = MiB,
					.has_parent = _i };

	vhdx_image_init(&img, &spec);
	vhdx_image_add_block(&img, 100, 6, 0x32);
	vhdx_image_add_block(&img, 3000, 6, 0x33);
	vhdx_writing_begin(&t, &img);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
	resize(4000 * MiB);
	ck_assert(vhdx_writing_is(&t, 100 * MiB, MiB, 0));
	ck_assert(vhdx_writing_is(&t, 3000 * MiB, MiB, 0));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

START_TEST(vhdx_resize__pending_log_is_replayed_first)
{
	vhdx_image_init_dirty(&img);
	vhdx_writing_begin(&t, &img);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
	resize(_i ? 20 * GiB : GiB);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 0), 4 * MiB | 6);
	vhdx_writing_shut(&t);
	end();
}
END_TEST

static void build(uint64_t size, uint32_t block, enum vhd_type type)
{
	struct vhd_build what = {
		.type = type, .virtual_size = size, .block_size = block,
		.logical_sector = 512, .physical_sector = 4096,
		.timestamp = 1, .seed = { { 1, 2, 3 } },
	};
	struct vhd_io *io = NULL;
	void *bld = NULL;

	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	ck_assert_int_eq(vhdx_engine.build(io, &what, &bld, NULL), 0);
	ck_assert_int_eq(vhdx_engine.finish(bld, NULL), 0);
	vhdx_engine.discard(bld);
	vhdx_writing_begin_io(&t, io);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
}

/* VHDX-RSZ-07 */
START_TEST(vhdx_resize__fixed_disk_has_all_of_its_blocks)
{
	build(10 * MiB + 512, 2 * MiB, VHD_TYPE_FIXED);
	fill(0, 10 * MiB + 512, 7);
	resize(31 * MiB);
	ck_assert(vhdx_writing_is(&t, 0, 10 * MiB + 512, 7));
	ck_assert(vhdx_writing_is(&t, 10 * MiB + 512, 20 * MiB, 0));
	for (uint64_t blk = 0; blk < 16; blk++)
		ck_assert_uint_eq(vhdx_writing_entry(&t, blk) & 7, 6);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), (4 + 32) * MiB);
	resize(5 * MiB);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), (4 + 6) * MiB);
	ck_assert(vhdx_writing_is(&t, 0, 5 * MiB, 7));
	vhdx_writing_shut_clean(&t);
	vhdx_writing_end(&t);
}
END_TEST

static bool stop_at(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	return false;
}

START_TEST(vhdx_resize__cancelling_leaves_the_disk_as_it_was)
{
	struct vhd_engine_resize req = { .size = _i ? 40 * MiB : 4 * MiB,
					 .progress = stop_at };

	build(10 * MiB, 2 * MiB, VHD_TYPE_FIXED);
	ck_assert_int_eq(vhdx_engine.resize(t.x, &req, &t.err),
			 VHD_E_CANCELLED);
	vhdx_writing_shut_clean(&t);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), (4 + 10) * MiB);
	vhdx_writing_again(&t);
	ck_assert_uint_eq(t.x->meta.disk_size, 10 * MiB);
	vhdx_writing_shut(&t);
	vhdx_writing_end(&t);
}
END_TEST

enum { MODEL_SECS = 40 * 2048, MODEL_STEPS = 250 };

static uint8_t model[MODEL_SECS];
static uint64_t model_len;

static void expect_model(void)
{
	for (uint64_t sec = 0, n; sec < model_len; sec += n) {
		for (n = 1; sec + n < model_len &&
			    model[sec + n] == model[sec];)
			n++;
		ck_assert(vhdx_writing_is(&t, sec * 512, n * 512, model[sec]));
	}
}

static void model_resize(uint64_t *seed)
{
	uint64_t secs = 1 + base_rand_below(seed, MODEL_SECS);

	if (base_rand_below(seed, 2))
		secs = align_up(secs, 2048);
	if (secs > model_len)
		memset(model + model_len, 0, secs - model_len);
	model_len = secs;
	resize(secs * 512);
}

static void model_step(uint64_t *seed)
{
	uint64_t sec = base_rand_below(seed, model_len);
	uint64_t len = 1 + base_rand_below(seed, 3) *
			   base_rand_below(seed, 3000);
	uint8_t byte = (uint8_t)(1 + base_rand_below(seed, 250));
	uint64_t per = t.x->geom.block_size / 512, blk = sec / per;

	switch (base_rand_below(seed, 12)) {
	case 0:
		if (t.x->meta.leave_allocated)
			break;
		vhdx_writing_unmap(&t, blk, VHD_UNMAP_DISCARD);
		memset(model + blk * per, 0,
		       min_u64(per, model_len - blk * per));
		break;
	case 1:
		vhdx_writing_commit(&t, base_rand_below(seed, 2) ?
				    VHD_COMMIT_SYNC : VHD_COMMIT_LAZY);
		break;
	case 2:
		model_resize(seed);
		break;
	default:
		len = min_u64(len, model_len - sec);
		fill(sec * 512, len * 512, byte);
		memset(model + sec, byte, len);
	}
}

START_TEST(vhdx_resize__disk_agrees_with_a_model)
{
	uint64_t seed = 77 + (uint64_t)_i;
	uint32_t block = _i & 4 ? 4 * MiB : MiB;
	bool child = _i % 3 == 1;

	model_len = MODEL_SECS / 3 + 5 * (uint64_t)_i;
	if (_i % 3 == 2)
		build(model_len * 512, block, VHD_TYPE_FIXED);
	else
		make(model_len * 512, block, child);
	memset(model, child ? VHDX_WRITING_PARENT : 0, sizeof(model));
	for (int step = 0; step < MODEL_STEPS; step++) {
		model_step(&seed);
		if (step % 25 == 0)
			expect_model();
	}
	expect_model();
	vhdx_writing_shut_clean(&t);
	end();
}
END_TEST

TEST_MAIN_ROWS("vhdx/resize",
	       ONCE(vhdx_resize__size_that_no_disk_has_is_refused),
	       LOOP(vhdx_resize__the_present_size_changes_nothing, 2),
	       ONCE(vhdx_resize__data_gets_a_new_identity),
	       LOOP(vhdx_resize__disk_grows_within_its_table, 2),
	       LOOP(vhdx_resize__old_end_of_the_last_block_is_cleared, 2),
	       LOOP(vhdx_resize__parent_is_not_seen_behind_the_old_end, 2),
	       ONCE(vhdx_resize__parent_that_ends_before_costs_no_block),
	       LOOP(vhdx_resize__table_moves_when_it_is_too_short, 4),
	       ONCE(vhdx_resize__other_regions_stay_and_a_damaged_table_is_mended),
	       LOOP(vhdx_resize__blocks_behind_the_new_end_are_given_up, 2),
	       LOOP(vhdx_resize__long_table_is_cut, 2),
	       LOOP(vhdx_resize__leftovers_are_cleared_by_the_same_call, 2),
	       LOOP(vhdx_resize__growth_does_not_trust_what_lies_behind_the_end,
		    2),
	       LOOP(vhdx_resize__pending_log_is_replayed_first, 2),
	       ONCE(vhdx_resize__fixed_disk_has_all_of_its_blocks),
	       LOOP(vhdx_resize__cancelling_leaves_the_disk_as_it_was, 2),
	       LOOP(vhdx_resize__disk_agrees_with_a_model, 12))
