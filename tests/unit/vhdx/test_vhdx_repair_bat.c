/* SPDX-License-Identifier: BSD-2-Clause */
/* Repair of the table: one breach, mended or left alone, and nothing else. */
#include "support/vhdx_table_mending.h"

START_TEST(vhdx_repair_bat__sound_files_stay_as_they_are)
{
	struct vhd_engine_repair req = { .io = NULL };
	uint64_t size;
	uint8_t *bytes;

	make(true, 7);
	put(0, 4, 6);
	put(1, 5, 7);
	put(4096, 6, 6);
	owner.count = 0;
	mend_with(&req);
	ck_assert_uint_eq(owner.granted + owner.refused, 0);
	ck_assert(!vhd_io_size(io, &size, NULL));
	ck_assert_uint_eq(size, img.len);
	bytes = malloc(size);
	ck_assert_ptr_nonnull(bytes);
	ck_assert(!vhd_io_read(io, bytes, size, 0, NULL));
	ck_assert(!memcmp(bytes, img.bytes, size));
	free(bytes);
	done();
}
END_TEST

START_TEST(vhdx_repair_bat__entries)
{
	make(false, 5);
	vhdx_image_bat_set(&img, 5, 4 * MiB | 0xf80 | 6);
	cured_by(RULE_VHDX_BAT_RESERVED, "", 5, 4 * MiB | 6);
	make(false, 5);
	put(5, 4, 5);
	cured_by(RULE_VHDX_STATE_5, "", 5, 4 * MiB | 3);
	make(false, 5);
	put(5, 4, 7);
	cured_by(RULE_VHDX_PARTIAL_ALONE, "", 5, 4 * MiB | 6);
	make(false, 4);
	put(5, 9, 2);
	cured_by(RULE_VHDX_ZERO_WITH_PLACE, "", 5, 2);
	make(true, 4);
	put(4096, 9, 0);
	cured_by(RULE_VHDX_ZERO_WITH_PLACE, "", 4096, 0);
	make(false, 4);
	put(5, 0, 6);
	cured_by(RULE_VHDX_BLOCK_NO_PLACE, "", 5, 2);
	make(true, 4);
	put(5, 0, 6);
	cured_by(RULE_VHDX_BLOCK_NO_PLACE, "", 5, 0);
	make(false, 4);
	put(5, 9, 6);
	cured_by(RULE_VHDX_BLOCK_PAST_END, "", 5, 2);
}
END_TEST

START_TEST(vhdx_repair_bat__entries_that_mean_nothing)
{
	make(false, 4);
	vhdx_image_bat_set(&img, 8189, 2);
	vhdx_image_bat_set(&img, 131071, 2);
	cured_by(RULE_VHDX_BAT_TAIL, "", 131071, 0);
	make(false, 4);
	put(4096, 9, 6);
	cured_by(RULE_VHDX_BITMAP_STRAY, "", 4096, 0);
}
END_TEST

/* Traces of something that only the owner can judge are not swept away. */
START_TEST(vhdx_repair_bat__doubtful_entries_stay)
{
	struct vhdx_image_spec spec = { .disk_size = 17 * 256 * MiB,
					.block_size = 256 * MiB };

	/* A place where nothing is known to be: left over. */
	make(false, 5);
	put(4096, 4, 6);
	cured_by(RULE_VHDX_BITMAP_STRAY, "", 4096, 0);
	/* VHDX-BUG-Q9: a block of the page has the same value. */
	make(false, 5);
	put(4096, 4, 6);
	put(4100, 4, 6);
	mend();
	ck_assert_uint_eq(owner.granted, 0);
	ck_assert_uint_eq(entry(4096), 4 * MiB | 6);
	done();
	make(false, 5);
	put(4096, 4, 6);
	put(4095, 4, 6);
	mend();
	ck_assert_uint_eq(entry(4096), 4 * MiB | 6);
	done();
	/* A child that lost its mark. */
	make(false, 6);
	put(3, 4, 7);
	put(4096, 5, 6);
	mend();
	ck_assert_uint_eq(entry(4096), 5 * MiB | 6);
	done();
	/* VHDX-BAT-12 */
	make(false, 4);
	vhdx_image_free(&img);
	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 4 * MiB + 256 * MiB);
	for (uint64_t i = 0; i < 16; i++)
		put(i, 0, 2);
	put(16, 4, 6);
	mend();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_NOT_INTERLEAVED), 1);
	done();
}
END_TEST

START_TEST(vhdx_repair_bat__cut_block_is_completed)
{
	uint64_t size;

	make(false, 5);
	put(5, 4, 6);
	vhdx_image_resize(&img, 4 * MiB + 5120);
	allow(RULE_VHDX_BLOCK_SHORT, "");
	mend();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BLOCK_SHORT), 0);
	ck_assert(!vhd_io_size(io, &size, NULL));
	ck_assert_uint_eq(size, 5 * MiB);
	ck_assert_uint_eq(owner.granted, 1);
	done();
}
END_TEST

/* A longer file would hide what is lost: nothing else makes it longer. */
START_TEST(vhdx_repair_bat__cut_block_keeps_others_from_moving)
{
	uint64_t size;

	make(false, 6);
	put(5, 4, 6);
	put(6, 4, 6);
	put(7, 5, 6);
	vhdx_image_resize(&img, 5 * MiB + 5120);
	allow(RULE_VHDX_BLOCK_OVERLAP, "copy");
	mend();
	ck_assert_uint_eq(owner.granted, 0);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BLOCK_SHORT), 1);
	ck_assert(!vhd_io_size(io, &size, NULL));
	ck_assert_uint_eq(size, img.len);
	vhdx_opened_end(&o);
	allow(RULE_VHDX_BLOCK_SHORT, "");
	mend();
	ck_assert_uint_eq(vhdx_opened_worse(&o, VHD_SEV_WARNING), 0);
	ck_assert_uint_eq(entry(6), 6 * MiB | 6);
	ck_assert_uint_eq(entry(7), 5 * MiB | 6);
	done();
}
END_TEST

/* The first byte that a block reads. */
static int first_byte(uint64_t blk)
{
	struct vhd_run run = vhdx_opened_map(&o, blk * MiB, 512);
	uint8_t byte;

	if (run.kind != VHD_RUN_DATA)
		return -1;
	ck_assert(!vhd_io_read(io, &byte, 1, run.file_off, NULL));
	return byte;
}

START_TEST(vhdx_repair_bat__overlap_is_copied)
{
	static const char *const words[] = { "", "copy" };

	for (size_t i = 0; i < 2; i++) {
		make(false, 6);
		put(1, 4, 6);
		put(2, 5, 6);
		put(7, 4, 6);
		put(9, 4, 6);
		cured_by(RULE_VHDX_BLOCK_OVERLAP, words[i], 7, 6 * MiB | 6);
	}
	make(false, 6);
	put(1, 4, 6);
	put(7, 4, 6);
	put(8, 5, 6);
	allow(RULE_VHDX_BLOCK_OVERLAP, "");
	mend();
	ck_assert_int_eq(first_byte(1), 4);
	ck_assert_int_eq(first_byte(7), 4);
	ck_assert_int_eq(first_byte(8), 5);
	ck_assert(!data_changed());
	done();
}
END_TEST

/* Blocks of 4 MiB that overlap in a chain, each with its neighbour. */
START_TEST(vhdx_repair_bat__overlap_of_unequal_places)
{
	struct vhdx_image_spec spec = { .disk_size = 64 * MiB,
					.block_size = 4 * MiB };

	make(false, 4);
	vhdx_image_free(&img);
	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 14 * MiB);
	put(1, 4, 6);
	put(2, 7, 6);
	put(3, 10, 6);
	allow(RULE_VHDX_BLOCK_OVERLAP, "copy");
	mend();
	ck_assert_uint_eq(owner.granted, 1);
	ck_assert_uint_eq(vhdx_opened_worse(&o, VHD_SEV_WARNING), 0);
	ck_assert_uint_eq(entry(2), 14 * MiB | 6);
	ck_assert_uint_eq(entry(3), 10 * MiB | 6);
	done();
}
END_TEST

START_TEST(vhdx_repair_bat__overlap_has_a_winner)
{
	make(false, 6);
	put(1, 4, 6);
	put(7, 4, 6);
	put(9, 4, 6);
	put(10, 5, 6);
	allow(RULE_VHDX_BLOCK_OVERLAP, "first");
	mend();
	ck_assert_int_eq(first_byte(1), 4);
	ck_assert_uint_eq(entry(7), 0);
	ck_assert_uint_eq(entry(9), 0);
	ck_assert_int_eq(first_byte(10), 5);
	ck_assert(data_changed());
	ck_assert_uint_eq(vhdx_opened_worse(&o, VHD_SEV_WARNING), 0);
	done();
	make(false, 6);
	put(1, 4, 6);
	put(7, 4, 6);
	put(9, 4, 6);
	put(10, 5, 6);
	allow(RULE_VHDX_BLOCK_OVERLAP, "second");
	mend();
	ck_assert_uint_eq(entry(1), 0);
	ck_assert_uint_eq(entry(7), 0);
	ck_assert_int_eq(first_byte(9), 4);
	ck_assert_int_eq(first_byte(10), 5);
	ck_assert(data_changed());
	ck_assert_uint_eq(vhdx_opened_worse(&o, VHD_SEV_WARNING), 0);
	done();
}
END_TEST

START_TEST(vhdx_repair_bat__unknown_word_is_no_consent)
{
	make(false, 5);
	put(1, 4, 6);
	put(7, 4, 6);
	allow(RULE_VHDX_BLOCK_OVERLAP, "third");
	mend();
	ck_assert_uint_eq(owner.granted, 0);
	ck_assert_uint_eq(owner.refused, 1);
	done();
}
END_TEST

/* Metadata wins; what of the block lies outside of it stays. */
START_TEST(vhdx_repair_bat__block_in_the_metadata)
{
	struct vhdx_image_spec spec = { .disk_size = 64 * MiB,
					.block_size = 2 * MiB };
	struct vhd_run run;
	uint8_t bytes[2];

	make(false, 5);
	put(5, 2, 6);
	cured_by(RULE_VHDX_BLOCK_IN_META, "", 5, 5 * MiB | 6);
	make(false, 4);
	vhdx_image_free(&img);
	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 6 * MiB);
	memset(img.bytes + 4 * MiB, 0x44, 2 * MiB);
	put(5, 3, 6);
	allow(RULE_VHDX_BLOCK_IN_META, "");
	mend();
	ck_assert_uint_eq(vhdx_opened_worse(&o, VHD_SEV_WARNING), 0);
	run = vhdx_opened_map(&o, 10 * MiB, 2 * MiB);
	ck_assert(run.kind == VHD_RUN_DATA && run.file_off == 6 * MiB);
	ck_assert(!vhd_io_read(io, bytes, 1, 6 * MiB, NULL));
	ck_assert(!vhd_io_read(io, bytes + 1, 1, 7 * MiB, NULL));
	ck_assert_uint_eq(bytes[0], 0);
	ck_assert_uint_eq(bytes[1], 0x44);
	done();
}
END_TEST

START_TEST(vhdx_repair_bat__kept_space_in_use_is_given_up)
{
	make(false, 6);
	put(1, 4, 3);
	put(5, 4, 6);
	put(6, 5, 1);
	cured_by(RULE_VHDX_ANCHOR_OVERLAP, "", 1, 3);
	make(false, 5);
	put(5, 4, 1);
	put(6, 4, 3);
	cured_by(RULE_VHDX_ANCHOR_OVERLAP, "", 6, 3);
}
END_TEST

START_TEST(vhdx_repair_bat__sector_bitmaps)
{
	make(true, 5);
	put(4096, 4, 6);
	cured_by(RULE_VHDX_BITMAP_IDLE, "", 4096, 0);
	make(true, 4);
	vhdx_image_bat_set(&img, 4096, 3);
	cured_by(RULE_VHDX_BITMAP_STATE, "", 4096, 0);
	make(true, 4);
	put(4096, 7, 6);
	cured_by(RULE_VHDX_BITMAP_STATE, "", 4096, 0);
	/* One that is needed, and may well be where its entry says. */
	make(true, 6);
	put(4, 4, 7);
	put(4096, 5, 2);
	cured_by(RULE_VHDX_BITMAP_STATE, "", 4096, 5 * MiB | 6);
	/* One whose end is cut off. */
	make(true, 6);
	put(4, 4, 7);
	put(4096, 5, 6);
	vhdx_image_resize(&img, 5 * MiB + 4096);
	cured_by(RULE_VHDX_BITMAP_STATE, "", 4096, 5 * MiB | 6);
}
END_TEST

START_TEST(vhdx_repair_bat__missing_bitmap_is_the_owners_choice)
{
	make(true, 5);
	put(4098, 4, 7);
	cured_by(RULE_VHDX_BITMAP_MISSING, "file", 4098, 4 * MiB | 6);
	make(true, 5);
	put(4098, 4, 7);
	cured_by(RULE_VHDX_BITMAP_MISSING, "parent", 4098, 0);
	make(true, 5);
	put(4098, 4, 7);
	allow(RULE_VHDX_BITMAP_MISSING, "");
	mend();
	ck_assert_uint_eq(owner.granted, 0);
	ck_assert_uint_eq(owner.refused, 1);
	done();
}
END_TEST

static void make_fixed(size_t file_mib)
{
	struct vhdx_image_spec spec = { .disk_size = 4 * MiB,
					.block_size = MiB,
					.fixed = true };

	make(false, 4);
	vhdx_image_free(&img);
	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, file_mib * MiB);
	for (uint64_t i = 0; i < 4; i++)
		put(i, 0, 2);
}

START_TEST(vhdx_repair_bat__fixed_disks)
{
	uint64_t size;

	make_fixed(8);
	cured_by(RULE_VHDX_FIXED_HOLES, "", 3, 11 * MiB | 6);
	make_fixed(8);
	cured_by(RULE_VHDX_FIXED_HOLES, "clear", 3, 2);
	make_fixed(7);
	allow(RULE_VHDX_FIXED_SHORT, "");
	mend();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_FIXED_SHORT), 0);
	ck_assert(!vhd_io_size(io, &size, NULL));
	ck_assert_uint_eq(size, 8 * MiB);
	done();
}
END_TEST

START_TEST(vhdx_repair_bat__blocks_are_given_up_on_request)
{
	static const uint64_t drop[] = { 9, 1, 1, 77 };
	struct vhd_engine_repair req = { .drop = drop, .drop_count = 4 };

	make(false, 6);
	put(1, 4, 6);
	put(2, 5, 6);
	vhdx_image_bat_set(&img, 9, 4);
	mend_with(&req);
	ck_assert_uint_eq(owner.granted, 2);
	ck_assert_uint_eq(entry(1), 0);
	ck_assert_uint_eq(entry(2), 5 * MiB | 6);
	ck_assert_uint_eq(entry(9), 0);
	ck_assert(data_changed());
	done();
}
END_TEST

/* Damage everywhere: some steps by name, then one for each piece. */
START_TEST(vhdx_repair_bat__steps_are_bounded)
{
	make(false, 4);
	for (uint64_t i = 0; i < 131072; i++)
		vhdx_image_bat_set(&img, i, 0x80);
	allow(RULE_VHDX_BAT_RESERVED, "");
	mend();
	ck_assert_uint_eq(o.seen_count, 0);
	ck_assert_uint_lt(owner.granted, 60);
	done();
}
END_TEST

START_TEST(vhdx_repair_bat__full_plan_is_obeyed)
{
	make(false, 4);
	for (uint64_t i = 0; i < 10; i++)
		put(i, 0, 6);
	allow(RULE_VHDX_BLOCK_NO_PLACE, "");
	owner.room = 3;
	mend();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BLOCK_NO_PLACE), 7);
	done();
}
END_TEST

/* For a copy, what is lost stays unreadable, and both owners can be read. */
START_TEST(vhdx_repair_bat__salvage_keeps_losses_visible)
{
	struct vhd_engine_repair req = { .salvage = true };

	make(true, 5);
	put(1, 9, 6);
	put(2, 4, 6);
	put(3, 4, 6);
	put(4, 4, 7);
	mend_with(&req);
	ck_assert_uint_eq(entry(1), 9 * MiB | 6);
	ck_assert_uint_eq(entry(3), 4 * MiB | 6);
	ck_assert_uint_eq(entry(4), 4 * MiB | 6);
	done();
}
END_TEST

static bool stop(void *arg, uint64_t done_now, uint64_t total)
{
	(void)arg;
	ck_assert_uint_le(done_now, total);
	return false;
}

START_TEST(vhdx_repair_bat__can_be_cancelled)
{
	struct vhd_engine_repair req = { .progress = stop };
	struct vhd_engine_open how;
	struct vhd_error err;
	void *eng = NULL;

	make(false, 4);
	put(5, 0, 6);
	io = vhdx_image_io(&img);
	how = (struct vhd_engine_open){ .io = io };
	req.io = io;
	req.mender = (struct vhd_mender){ choice, step, NULL };
	ck_assert(!vhdx_engine.open(&how, &eng, &err));
	ck_assert_int_eq(vhdx_repair_table(&req, eng, &err), VHD_E_CANCELLED);
	vhdx_engine.close(eng);
	vhd_io_close(&io, NULL);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN("vhdx/repair_bat",
	  vhdx_repair_bat__sound_files_stay_as_they_are,
	  vhdx_repair_bat__entries,
	  vhdx_repair_bat__entries_that_mean_nothing,
	  vhdx_repair_bat__doubtful_entries_stay,
	  vhdx_repair_bat__cut_block_is_completed,
	  vhdx_repair_bat__cut_block_keeps_others_from_moving,
	  vhdx_repair_bat__overlap_is_copied,
	  vhdx_repair_bat__overlap_of_unequal_places,
	  vhdx_repair_bat__overlap_has_a_winner,
	  vhdx_repair_bat__unknown_word_is_no_consent,
	  vhdx_repair_bat__block_in_the_metadata,
	  vhdx_repair_bat__kept_space_in_use_is_given_up,
	  vhdx_repair_bat__sector_bitmaps,
	  vhdx_repair_bat__missing_bitmap_is_the_owners_choice,
	  vhdx_repair_bat__fixed_disks,
	  vhdx_repair_bat__blocks_are_given_up_on_request,
	  vhdx_repair_bat__steps_are_bounded,
	  vhdx_repair_bat__full_plan_is_obeyed,
	  vhdx_repair_bat__salvage_keeps_losses_visible,
	  vhdx_repair_bat__can_be_cancelled)
