/* SPDX-License-Identifier: BSD-2-Clause */
/* The check of the table (VHDX-CHK-51 to 74): one breach, one finding. */
#include "support/vhdx_checking.h"

static void finds_at(enum vhd_rule_idx rule, uint64_t idx)
{
	ck_assert_uint_eq(finds(rule)->off, 3 * MiB + 8 * idx);
}

START_TEST(vhdx_check__sound_images_have_no_findings)
{
	vhdx_image_init(&img, NULL);
	run();
	ck_assert_uint_eq(o.seen_count, 0);
	make(true, 7);
	put(0, 4, 6);
	put(1, 5, 7);
	put(4096, 6, 6);
	run();
	ck_assert_uint_eq(o.seen_count, 0);
}
END_TEST

START_TEST(vhdx_check__states_that_should_not_be)
{
	make(false, 4);
	vhdx_image_bat_set(&img, 5, 4);
	finds_at(RULE_VHDX_STATE_4, 5);
	make(false, 4);
	vhdx_image_bat_set(&img, 5, 5);
	finds_at(RULE_VHDX_STATE_5, 5);
	make(false, 4);
	vhdx_image_bat_set(&img, 5, 0x80 | 2);
	finds_at(RULE_VHDX_BAT_RESERVED, 5);
	make(false, 5);
	put(5, 4, 7);
	finds_at(RULE_VHDX_PARTIAL_ALONE, 5);
	make(false, 4);
	put(5, 9, 2);
	finds_at(RULE_VHDX_ZERO_WITH_PLACE, 5);
	make(false, 4);
	put(5, 9, 0);
	finds_at(RULE_VHDX_ZERO_WITH_PLACE, 5);
}
END_TEST

START_TEST(vhdx_check__blocks_in_wrong_places)
{
	make(false, 4);
	put(5, 0, 6);
	finds_at(RULE_VHDX_BLOCK_NO_PLACE, 5);
	make(false, 4);
	put(5, 4, 6);
	finds_at(RULE_VHDX_BLOCK_PAST_END, 5);
	for (uint64_t mib = 1; mib < 4; mib++) {
		make(false, 4);
		put(5, mib, 6);
		finds_at(RULE_VHDX_BLOCK_IN_META, 5);
	}
}
END_TEST

static void cut_in(uint64_t blk, size_t len)
{
	make(false, 5);
	put(blk + blk / 4096, 4, 6);
	vhdx_image_resize(&img, 4 * MiB + len);
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_FILE_LENGTH_ODD), 1);
	ck_assert_uint_eq(o.seen_count, 2);
}

/* VHDX-BAT-09, VHDX-TST-12: what QEMU's fixed files look like, and what is lost. */
START_TEST(vhdx_check__file_that_ends_in_a_block)
{
	const struct vhdx_seen *seen;

	cut_in(5, 5120);
	seen = vhdx_opened_first(&o, RULE_VHDX_BLOCK_SHORT);
	ck_assert_ptr_nonnull(seen);
	ck_assert_str_eq(seen->msg, "block 5 lies at 0x400000 and ends past "
			 "the end of the file: disk bytes 0x501400 to 0x5fffff "
			 "are not there");
}
END_TEST

START_TEST(vhdx_check__file_that_ends_behind_the_disk)
{
	struct vhdx_image_spec spec = { .disk_size = 5 * MiB + 5120,
					.block_size = MiB };

	for (size_t len = 4608; len <= 5120; len += 512) {
		vhdx_image_init(&img, &spec);
		vhdx_image_resize(&img, 4 * MiB + len);
		put(5, 4, 6);
		run();
		ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BLOCK_CUT),
				  len == 5120);
		ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BLOCK_SHORT),
				  len != 5120);
	}
}
END_TEST

START_TEST(vhdx_check__shared_space_names_both_owners)
{
	const struct vhdx_seen *seen;

	make(true, 7);
	put(1, 4, 6);
	put(2, 5, 6);
	put(7, 4, 6);
	put(9, 6, 7);
	put(4096, 6, 6);
	seen = finds(RULE_VHDX_BLOCK_OVERLAP);
	ck_assert_uint_eq(o.seen_count, 2);
	ck_assert_str_eq(seen[0].msg,
			 "block 1 and block 7 share space at 0x400000");
	ck_assert_str_eq(seen[1].msg,
			 "block 9 and sector bitmap of chunk 0 share space at "
			 "0x600000");
}
END_TEST

/* Blocks that do not start together share space too (VHDX-BAT-06). */
START_TEST(vhdx_check__overlap_of_unequal_places_is_found)
{
	struct vhdx_image_spec spec = { .disk_size = 64 * MiB,
					.block_size = 4 * MiB };

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 11 * MiB);
	put(3, 7, 6);
	put(8, 4, 6);
	ck_assert_str_eq(finds(RULE_VHDX_BLOCK_OVERLAP)->msg,
			 "block 3 and block 8 share space at 0x700000");
}
END_TEST

START_TEST(vhdx_check__repeats_are_counted)
{
	make(false, 5);
	for (uint64_t i = 0; i < 100; i += 2)
		put(i, 4, 6);
	finds(RULE_VHDX_BLOCK_OVERLAP);
	ck_assert_uint_eq(o.seen_count, 21);
	ck_assert_str_eq(o.seen[20].msg, "and 29 more");
	make(false, 4);
	for (uint64_t i = 0; i < 2000; i++)
		vhdx_image_bat_set(&img, i, 4);
	finds(RULE_VHDX_STATE_4);
	ck_assert_uint_eq(o.seen_count, 21);
	ck_assert_str_eq(o.seen[20].msg, "and 1980 more");
}
END_TEST

START_TEST(vhdx_check__kept_space_is_summed_up)
{
	make(false, 6);
	put(1, 4, 3);
	put(2, 5, 1);
	ck_assert_str_eq(finds(RULE_VHDX_ANCHORS)->msg,
			 "2 unmapped blocks keep 0x200000 bytes of space");
}
END_TEST

/* The weaker claim loses, whichever comes first in the table. */
START_TEST(vhdx_check__kept_space_that_is_in_use)
{
	static const struct {
		uint64_t anchor_idx, mib;
	} at[] = { { 1, 4 }, { 9, 4 }, { 1, 2 } };

	for (size_t i = 0; i < 3; i++) {
		const struct vhdx_seen *seen;

		make(false, 5);
		put(5, 4, 6);
		put(at[i].anchor_idx, at[i].mib, 3);
		run();
		seen = vhdx_opened_first(&o, RULE_VHDX_ANCHOR_OVERLAP);
		ck_assert_ptr_nonnull(seen);
		ck_assert_uint_eq(seen->off, 3 * MiB + 8 * at[i].anchor_idx);
		ck_assert_uint_eq(o.seen_count, 2);
	}
	make(false, 5);
	put(5, 4, 1);
	put(6, 4, 3);
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_ANCHOR_OVERLAP), 1);
}
END_TEST

START_TEST(vhdx_check__entries_behind_the_last)
{
	make(false, 4);
	vhdx_image_bat_set(&img, 8189, 2);	/* block 8188 of 8188 */
	vhdx_image_bat_set(&img, 131071, 2);
	finds_at(RULE_VHDX_BAT_TAIL, 8189);
	ck_assert_uint_eq(o.seen_count, 1);
	/* The gap before the last bitmap of a child (VHDX-BAT-05). */
	make(true, 4);
	vhdx_image_bat_set(&img, 8189, 2);
	finds_at(RULE_VHDX_BAT_TAIL, 8189);
}
END_TEST

/* VHDX-BAT-11, VHDX-TST-12, VHDX-BUG-Q9. */
START_TEST(vhdx_check__bitmap_entries_without_a_parent)
{
	make(false, 5);
	put(4096, 4, 6);
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BITMAP_STRAY), 1);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_QEMU_727), 0);
	make(false, 5);
	put(4096, 4, 6);
	put(4100, 4, 6);
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BITMAP_STRAY), 1);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_QEMU_727), 1);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BLOCK_OVERLAP), 0);
}
END_TEST

START_TEST(vhdx_check__neighbours_with_one_place)
{
	make(false, 5);
	put(10, 4, 6);
	put(11, 4, 6);
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_QEMU_727), 1);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BLOCK_OVERLAP), 1);
}
END_TEST

START_TEST(vhdx_check__bitmap_entries_of_a_child)
{
	make(true, 4);
	vhdx_image_bat_set(&img, 4096, 3);
	finds_at(RULE_VHDX_BITMAP_STATE, 4096);
	make(true, 4);
	put(4096, 0, 6);
	finds_at(RULE_VHDX_BITMAP_STATE, 4096);
	make(true, 4);
	put(4096, 7, 6);
	finds_at(RULE_VHDX_BITMAP_STATE, 4096);
	make(true, 5);
	put(4096, 4, 6);
	finds_at(RULE_VHDX_BITMAP_IDLE, 4096);
	make(true, 5);
	put(4098, 4, 7);
	finds_at(RULE_VHDX_BITMAP_MISSING, 4098);
	/* The bitmap of one chunk does not serve another. */
	make(true, 6);
	put(4098, 4, 7);
	put(4096, 5, 6);
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BITMAP_MISSING), 1);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_BITMAP_IDLE), 1);
}
END_TEST

START_TEST(vhdx_check__unused_space_is_summed_up)
{
	make(false, 9);
	put(0, 6, 6);
	ck_assert_str_eq(finds(RULE_VHDX_LEAK)->msg,
			 "4 MiB of 9 MiB belong to no block");
	make(false, 4);
	vhdx_image_resize(&img, 4 * MiB + 1);
	ck_assert_uint_eq(finds(RULE_VHDX_FILE_LENGTH_ODD)->off, 4 * MiB + 1);
}
END_TEST

static void make_fixed(size_t file_mib)
{
	struct vhdx_image_spec spec = { .disk_size = 4 * MiB,
					.block_size = MiB,
					.fixed = true };

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, file_mib * MiB);
}

START_TEST(vhdx_check__fixed_disk_has_all_its_space)
{
	make_fixed(8);
	for (uint64_t i = 0; i < 4; i++)
		put(i, 4 + i, 6);
	run();
	ck_assert_uint_eq(o.seen_count, 0);
}
END_TEST

/* VHDX-PBS-09, VHDX-TST-12: QEMU's fixed disks are all ZERO at first. */
START_TEST(vhdx_check__fixed_disk_without_blocks)
{
	make_fixed(8);
	for (uint64_t i = 0; i < 4; i++)
		put(i, 0, 2);
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_FIXED_HOLES), 1);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_FIXED_SHORT), 0);
	ck_assert_uint_eq(vhdx_opened_worse(&o, VHD_SEV_ERROR), 0);
	make_fixed(7);
	for (uint64_t i = 0; i < 4; i++)
		put(i, 0, 2);
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_FIXED_SHORT), 1);
}
END_TEST

/* 127 GiB: the case of VHDX-BAT-04. */
START_TEST(vhdx_check__table_without_room_for_bitmaps)
{
	struct vhdx_image_spec spec = { .disk_size = 127 * GiB,
					.block_size = MiB };

	vhdx_image_init(&img, &spec);
	for (int n = 0; n < 2; n++)
		vhdx_image_region(&img, n, 0)->len = le32_make(MiB);
	vhdx_image_reseal(&img);
	vhdx_image_resize(&img, 4 * MiB);
	finds(RULE_VHDX_BAT_TIGHT);
}
END_TEST

/* VHDX-BAT-12: 33 blocks of 256 MiB, 16 to a chunk, one after the other. */
START_TEST(vhdx_check__table_without_slots_is_suspected)
{
	struct vhdx_image_spec spec = { .disk_size = 33 * 256 * MiB,
					.block_size = 256 * MiB };
	const struct vhdx_seen *seen;

	for (int hole = 0; hole < 2; hole++) {
		struct vhd_io *io;

		vhdx_image_init(&img, &spec);
		for (uint64_t i = 0; i < 33; i++)
			put(i, 4 + 256 * i, 6);
		if (hole)
			vhdx_image_bat_set(&img, 3, 0);
		io = vhdx_image_io(&img);
		ck_assert(!vhd_io_set_size(io, (4 + 256 * 33) * MiB, NULL));
		vhdx_opened_begin_io(&o, io);
		vhdx_opened_check(&o);
		seen = vhdx_opened_first(&o, RULE_VHDX_NOT_INTERLEAVED);
		ck_assert(hole ? !seen : seen != NULL);
		vhdx_opened_end(&o);
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_check__junk_behind_the_last_mib)
{
	make(false, 4);
	vhdx_image_resize(&img, 4 * MiB + 9000);
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_TAIL_JUNK), 0);
	make(false, 4);
	vhdx_image_resize(&img, 4 * MiB + 9000);
	img.bytes[4 * MiB + 8999] = 1;
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_TAIL_JUNK), 1);
	/* Of a block that ends there it is data. */
	make(false, 4);
	vhdx_image_resize(&img, 4 * MiB + 9000);
	img.bytes[4 * MiB + 8999] = 1;
	put(3, 4, 6);
	run();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_TAIL_JUNK), 0);
}
END_TEST

static bool stop_at(void *arg, uint64_t done, uint64_t total)
{
	uint64_t *state = arg;

	ck_assert_uint_ge(done, state[0]);
	ck_assert_uint_le(done, total);
	ck_assert(!state[1] || state[1] == total);
	state[0] = done;
	state[1] = total;
	return !state[2] || --state[2];
}

/* @stop 0: never. */
static void progress_case(uint64_t stop, bool deep)
{
	uint64_t state[3] = { 0, 0, stop };
	struct vhd_engine_check req = { .progress = stop_at,
					.progress_arg = state,
					.deep = deep };
	int rc;

	make(false, 8);
	put(0, 4, 6);
	put(1, 4, 6);
	put(4000, 5, 6);
	put(4097, 6, 6);
	put(8000, 7, 6);
	vhdx_opened_begin(&o, &img);
	rc = vhdx_engine.check(o.eng, &req, &o.err);
	ck_assert_int_eq(rc, stop ? VHD_E_CANCELLED : 0);
	if (!stop) {
		ck_assert_uint_eq(state[0], state[1]);
		ck_assert_uint_eq(req.blocks, 8189);
	}
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}

START_TEST(vhdx_check__progress_is_told_and_obeyed)
{
	for (uint64_t stop = 0; stop < 4; stop++) {
		progress_case(stop, false);
		progress_case(stop, true);
	}
}
END_TEST

TEST_MAIN("vhdx/check",
	  vhdx_check__sound_images_have_no_findings,
	  vhdx_check__states_that_should_not_be,
	  vhdx_check__blocks_in_wrong_places,
	  vhdx_check__file_that_ends_in_a_block,
	  vhdx_check__file_that_ends_behind_the_disk,
	  vhdx_check__shared_space_names_both_owners,
	  vhdx_check__overlap_of_unequal_places_is_found,
	  vhdx_check__repeats_are_counted,
	  vhdx_check__kept_space_is_summed_up,
	  vhdx_check__kept_space_that_is_in_use,
	  vhdx_check__entries_behind_the_last,
	  vhdx_check__bitmap_entries_without_a_parent,
	  vhdx_check__neighbours_with_one_place,
	  vhdx_check__bitmap_entries_of_a_child,
	  vhdx_check__unused_space_is_summed_up,
	  vhdx_check__fixed_disk_has_all_its_space,
	  vhdx_check__fixed_disk_without_blocks,
	  vhdx_check__table_without_room_for_bitmaps,
	  vhdx_check__table_without_slots_is_suspected,
	  vhdx_check__junk_behind_the_last_mib,
	  vhdx_check__progress_is_told_and_obeyed)
