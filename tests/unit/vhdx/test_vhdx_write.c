/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening for writing, what waits on its way to the file, and the end. */
#include <string.h>

#include "base/ckd.h"
#include "base/rules.h"
#include "support/base_rand.h"
#include "support/check_main.h"
#include "support/vhdx_writing.h"
#include "vhdx/vhdx_engine.h"

static struct vhdx_image img;
static struct vhdx_writing t;

static void make(uint64_t disk_size, uint32_t block_size, bool has_parent)
{
	struct vhdx_image_spec spec = { .disk_size = disk_size,
					.block_size = block_size,
					.has_parent = has_parent };

	vhdx_image_init(&img, &spec);
}

static void begin(void)
{
	vhdx_writing_begin(&t, &img);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
}

static void end(void)
{
	vhdx_writing_end(&t);
	vhdx_image_free(&img);
}

static void fill(uint64_t off, uint64_t len, uint8_t byte)
{
	ck_assert_msg(!vhdx_writing_fill(&t, off, len, byte), "%s", t.err.msg);
}

START_TEST(vhdx_write__opening_for_reading_makes_no_writer)
{
	struct vhd_engine_open req = { .io = NULL };
	void *eng;

	make(GiB, MiB, false);
	req.io = vhdx_image_io(&img);
	ck_assert_int_eq(vhdx_engine.open(&req, &eng, NULL), 0);
	ck_assert_ptr_null(vhdx_engine.writer(eng));
	ck_assert_int_eq(vhdx_engine.shut(eng, NULL), 0);
	vhdx_engine.close(eng);
	vhd_io_close(&req.io, NULL);
	vhdx_image_free(&img);
}
END_TEST

/* VHDX-CLS-05 */
START_TEST(vhdx_write__opening_and_closing_changes_nothing)
{
	struct vhd_io_stats stats;

	make(GiB, MiB, true);
	begin();
	ck_assert_ptr_nonnull(t.w);
	ck_assert_uint_eq(vhdx_writing_byte(&t, 0), VHDX_WRITING_PARENT);
	vhdx_writing_shut(&t);
	vhd_io_stats(t.io, &stats);
	ck_assert_uint_eq(stats.writes + stats.flushes, 0);
	end();
}
END_TEST

START_TEST(vhdx_write__file_without_a_log_is_refused)
{
	make(GiB, MiB, false);
	for (int n = 0; n < 2; n++) {
		vhdx_image_header(&img, n)->log_len = le32_make(0);
		vhdx_image_reseal_header(&img, n);
	}
	vhdx_writing_begin(&t, &img);
	ck_assert_int_eq(t.rc, VHD_E_UNSUPPORTED);
	ck_assert_ptr_null(t.x);
	ck_assert_ptr_nonnull(strstr(t.err.msg, "no room for a log"));
	end();
}
END_TEST

START_TEST(vhdx_write__file_that_is_read_only_is_refused)
{
	struct vhd_io_ops ops = vhd_mem_ops;
	struct vhd_io *io = NULL;

	ops.pwrite = NULL;
	make(GiB, MiB, false);
	ck_assert_int_eq(vhd_io_new(&ops, vhd_mem_new(img.bytes, img.len),
				    "read-only", &io, NULL), 0);
	vhdx_writing_begin_io(&t, io);
	ck_assert_int_eq(t.rc, VHD_E_READONLY);
	end();
}
END_TEST

/* The log is replayed into the file, and then used. */
START_TEST(vhdx_write__pending_log_goes_in_place)
{
	vhdx_image_init_dirty(&img);
	begin();
	ck_assert_ptr_null(t.x->overlay);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 0), 4 * MiB | 6);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 3 * MiB), 6);
	fill(5, 5, 9);
	fill(64 * MiB, 5, 8);
	vhdx_writing_shut_clean(&t);
	vhdx_writing_again(&t);
	ck_assert(vhdx_writing_is(&t, 5, 5, 9));
	ck_assert(vhdx_writing_is(&t, 64 * MiB, 5, 8));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

START_TEST(vhdx_write__guest_bytes_are_there_before_and_after_closing)
{
	make(GiB, 2 * MiB, _i);
	begin();
	fill(3 * MiB - 100, 3 * MiB, 0x11);
	fill(GiB - 512, 512, 0x22);
	for (int pass = 0; pass < 2; pass++) {
		uint8_t other = _i ? VHDX_WRITING_PARENT : 0;

		ck_assert(vhdx_writing_is(&t, 0, 3 * MiB - 100, other));
		ck_assert(vhdx_writing_is(&t, 3 * MiB - 100, 3 * MiB, 0x11));
		ck_assert(vhdx_writing_is(&t, 6 * MiB - 100, 3 * MiB, other));
		ck_assert(vhdx_writing_is(&t, GiB - 512, 512, 0x22));
		vhdx_writing_shut_clean(&t);
		vhdx_writing_again(&t);
	}
	vhdx_writing_shut(&t);
	/* Nothing was left at the end. */
	ck_assert_uint_eq(vhdx_writing_file_size(&t),
			  img.len + (_i ? 7 : 6) * MiB);
	end();
}
END_TEST

/* What a child knows its parent by changes with the first write (VHDX-WR-03). */
START_TEST(vhdx_write__info_shows_the_new_identity)
{
	struct vhd_info before = { .size = sizeof(before) }, after = before;

	make(GiB, MiB, false);
	begin();
	vhdx_engine.info(t.x, &before);
	ck_assert_uint_eq(before.file_size, 4 * MiB);
	fill(0, 512, 1);
	vhdx_engine.info(t.x, &after);
	ck_assert(!vhd_guid_equal(&before.id, &after.id));
	ck_assert(!vhd_guid_equal(&before.vhdx.file_write_guid,
				  &after.vhdx.file_write_guid));
	ck_assert_uint_gt(after.vhdx.header_seq, before.vhdx.header_seq);
	ck_assert_uint_eq(after.file_size, 8 * MiB);
	vhdx_writing_shut_clean(&t);
	end();
}
END_TEST

/* In the cache, with the writer, in the log, and in place. */
START_TEST(vhdx_write__walks_see_what_waits)
{
	struct vhd_usage usage;

	make(64 * GiB, MiB, false);
	begin();
	for (unsigned i = 0; i < 4; i++) {
		fill(i * 16 * GiB, 512, 1);
		ck_assert_int_eq(vhdx_engine.usage(t.x, UINT64_MAX, &usage,
						   &t.err), 0);
		ck_assert_uint_eq(usage.blocks_data, i + 1);
		if (i == 1)
			vhdx_writing_commit(&t, VHD_COMMIT_LAZY);
		if (i == 2)
			vhdx_writing_commit(&t, VHD_COMMIT_SYNC);
	}
	vhdx_writing_shut_clean(&t);
	end();
}
END_TEST

/* More pages than the cache holds: most come back from where they wait. */
START_TEST(vhdx_write__pages_that_left_the_cache_are_found)
{
	struct vhdx_image_spec spec = { .disk_size = TiB, .block_size = MiB };

	vhdx_image_init(&img, &spec);
	begin();
	for (unsigned i = 0; i < 300; i++)
		fill(i * 3 * GiB, 512, (uint8_t)(i + 1));
	for (unsigned i = 0; i < 300; i++) {
		ck_assert(vhdx_writing_is(&t, i * 3 * GiB, 512,
					  (uint8_t)(i + 1)));
		ck_assert(vhdx_writing_is(&t, i * 3 * GiB + GiB, 512, 0));
	}
	vhdx_writing_shut_clean(&t);
	vhdx_writing_again(&t);
	for (unsigned i = 0; i < 300; i++)
		ck_assert(vhdx_writing_is(&t, i * 3 * GiB, 512,
					  (uint8_t)(i + 1)));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

START_TEST(vhdx_write__freed_space_is_used_again_and_cut_off)
{
	make(GiB, 2 * MiB, false);
	begin();
	for (unsigned i = 0; i < 8; i++)
		fill(i * 2 * MiB, 2 * MiB, 0x77);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 20 * MiB);
	for (unsigned i = 0; i < 8; i++)
		vhdx_writing_unmap(&t, i, VHD_UNMAP_DISCARD);
	vhdx_writing_commit(&t, VHD_COMMIT_SYNC);
	fill(100 * MiB, 512, 1);
	ck_assert(vhdx_writing_is(&t, 100 * MiB + 512, 2 * MiB - 512, 0));
	ck_assert(vhdx_writing_is(&t, 0, 16 * MiB, 0));
	vhdx_writing_shut_clean(&t);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 6 * MiB);
	end();
}
END_TEST

enum { MODEL_SECS = 32 * 2048, MODEL_STEPS = 1500 };

static uint8_t model[MODEL_SECS];

static void expect_model(void)
{
	for (uint64_t sec = 0, n; sec < MODEL_SECS; sec += n) {
		for (n = 1; sec + n < MODEL_SECS &&
			    model[sec + n] == model[sec];)
			n++;
		ck_assert(vhdx_writing_is(&t, sec * 512, n * 512, model[sec]));
	}
}

static void model_step(uint64_t *seed)
{
	uint64_t sec = base_rand_below(seed, MODEL_SECS);
	uint64_t len = 1 + base_rand_below(seed, 3) * base_rand_below(seed,
								     3000);
	uint8_t byte = (uint8_t)(1 + base_rand_below(seed, 250));
	uint64_t blk = sec / 2048;

	len = min_u64(len, MODEL_SECS - sec);
	switch (base_rand_below(seed, 12)) {
	case 0:
		vhdx_writing_unmap(&t, blk, VHD_UNMAP_DISCARD);
		memset(model + blk * 2048, 0, 2048);
		break;
	case 1:
		vhdx_writing_unmap(&t, blk, VHD_UNMAP_ZERO);
		memset(model + blk * 2048, 0, 2048);
		break;
	case 2:
		vhdx_writing_commit(&t, base_rand_below(seed, 2) ?
				    VHD_COMMIT_SYNC : VHD_COMMIT_LAZY);
		break;
	case 3:
		if (base_rand_below(seed, 10))
			break;
		vhdx_writing_shut_clean(&t);
		vhdx_writing_again(&t);
		break;
	default:
		fill(sec * 512, len * 512, byte);
		memset(model + sec, byte, len);
	}
}

/* Whatever is done in whatever order: the disk is what it should be. */
START_TEST(vhdx_write__disk_agrees_with_a_model)
{
	bool has_parent = _i % 2;
	uint64_t seed = 1000 + (uint64_t)_i;

	make((uint64_t)MODEL_SECS * 512, MiB, has_parent);
	memset(model, has_parent ? VHDX_WRITING_PARENT : 0, sizeof(model));
	begin();
	for (int step = 0; step < MODEL_STEPS; step++) {
		model_step(&seed);
		if (step % 250 == 0)
			expect_model();
	}
	expect_model();
	vhdx_writing_shut_clean(&t);
	vhdx_writing_again(&t);
	expect_model();
	vhdx_writing_shut(&t);
	end();
}
END_TEST

TEST_MAIN_ROWS("vhdx/write",
	       ONCE(vhdx_write__opening_for_reading_makes_no_writer),
	       ONCE(vhdx_write__opening_and_closing_changes_nothing),
	       ONCE(vhdx_write__file_without_a_log_is_refused),
	       ONCE(vhdx_write__file_that_is_read_only_is_refused),
	       ONCE(vhdx_write__pending_log_goes_in_place),
	       LOOP(vhdx_write__guest_bytes_are_there_before_and_after_closing,
		    2),
	       ONCE(vhdx_write__info_shows_the_new_identity),
	       ONCE(vhdx_write__walks_see_what_waits),
	       ONCE(vhdx_write__pages_that_left_the_cache_are_found),
	       ONCE(vhdx_write__freed_space_is_used_again_and_cut_off),
	       LOOP(vhdx_write__disk_agrees_with_a_model, 6))
