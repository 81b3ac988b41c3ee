/* SPDX-License-Identifier: BSD-2-Clause */
/* What is found to be free, and files that nothing may be put into. */
#include <string.h>

#include "base/ckd.h"
#include "base/rules.h"
#include "support/check_main.h"
#include "support/vhdx_writing.h"

static struct vhdx_image img;
static struct vhdx_writing t;

/* Blocks of 2 MiB behind the table, which ends at 4 MiB. */
static void make(bool has_parent)
{
	struct vhdx_image_spec spec = { .disk_size = GiB, .block_size = 2 * MiB,
					.has_parent = has_parent };

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 16 * MiB);
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

/* The rule that looking for space breaks. */
static const struct vhd_rule *broken(void)
{
	int rc;

	begin();
	rc = vhdx_space_ready(t.x, &t.err);
	ck_assert_int_eq(rc, VHD_E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(t.err.msg, "has to be checked"));
	/* It is no better the second time. */
	ck_assert_int_eq(vhdx_space_ready(t.x, &t.err), VHD_E_CORRUPT);
	ck_assert_uint_eq(vhd_space_total(&t.x->write->space), 0);
	end();
	return t.err.rule;
}

static void expect_free(size_t i, uint64_t off, uint64_t len)
{
	const struct vhd_space *s = &t.x->write->space;

	ck_assert_uint_gt(s->count, i);
	ck_assert_uint_eq(s->ext[i].off, off);
	ck_assert_uint_eq(s->ext[i].len, len);
	ck_assert_int_eq(s->ext[i].kind, VHD_SPACE_DIRTY);
}

START_TEST(vhdx_scan__what_nobody_owns_is_free)
{
	make(true);
	vhdx_image_bat_set(&img, 0, 5 * MiB | 6);
	vhdx_image_bat_set(&img, 7, 8 * MiB | 7);
	vhdx_image_bat_set(&img, 2048, 11 * MiB | 6);
	vhdx_image_bat_set(&img, 9, 13 * MiB | 3);
	begin();
	ck_assert_int_eq(vhdx_space_ready(t.x, &t.err), 0);
	ck_assert_uint_eq(t.x->write->space.count, 5);
	expect_free(0, 4 * MiB, MiB);
	expect_free(1, 7 * MiB, MiB);
	expect_free(2, 10 * MiB, MiB);
	expect_free(3, 12 * MiB, MiB);
	expect_free(4, 15 * MiB, MiB);
	ck_assert_uint_eq(t.x->write->last_off, 15 * MiB);
	end();
}
END_TEST

START_TEST(vhdx_scan__unknown_regions_are_not_free)
{
	make(false);
	vhdx_image_add_region(&img, "00000000-1111-2222-3333-444444444444",
			      10 * MiB, 2 * MiB, 0);
	begin();
	ck_assert_int_eq(vhdx_space_ready(t.x, &t.err), 0);
	ck_assert_uint_eq(t.x->write->space.count, 2);
	expect_free(0, 4 * MiB, 6 * MiB);
	expect_free(1, 12 * MiB, 4 * MiB);
	end();
}
END_TEST

/* Offsets in states that own nothing, slots of no block, bitmaps of no child. */
START_TEST(vhdx_scan__what_means_nothing_owns_nothing)
{
	make(false);
	vhdx_image_bat_set(&img, 1, 5 * MiB);
	vhdx_image_bat_set(&img, 2, 5 * MiB | 2);
	vhdx_image_bat_set(&img, 512, 5 * MiB | 6);
	vhdx_image_bat_set(&img, 2048, 5 * MiB | 6);
	begin();
	ck_assert_int_eq(vhdx_space_ready(t.x, &t.err), 0);
	ck_assert_uint_eq(t.x->write->space.count, 1);
	expect_free(0, 4 * MiB, 12 * MiB);
	end();
}
END_TEST

START_TEST(vhdx_scan__space_with_two_owners_is_refused)
{
	make(true);
	vhdx_image_bat_set(&img, 0, 5 * MiB | 6);
	vhdx_image_bat_set(&img, 9, 6 * MiB | 6);
	ck_assert_str_eq(broken()->name, "VHDX_BLOCK_OVERLAP");
	make(true);
	vhdx_image_bat_set(&img, 0, 5 * MiB | 6);
	vhdx_image_bat_set(&img, 2048, 6 * MiB | 6);
	ck_assert_str_eq(broken()->name, "VHDX_BLOCK_OVERLAP");
	make(false);
	vhdx_image_bat_set(&img, 0, 5 * MiB | 3);
	vhdx_image_bat_set(&img, 1, 5 * MiB | 6);
	ck_assert_str_eq(broken()->name, "VHDX_BLOCK_OVERLAP");
}
END_TEST

START_TEST(vhdx_scan__space_in_the_metadata_is_refused)
{
	make(false);
	vhdx_image_bat_set(&img, 0, 3 * MiB | 6);
	ck_assert_str_eq(broken()->name, "VHDX_BLOCK_IN_META");
	make(false);
	vhdx_image_bat_set(&img, 0, 6);
	ck_assert_str_eq(broken()->name, "VHDX_BLOCK_NO_PLACE");
}
END_TEST

START_TEST(vhdx_scan__data_past_the_end_is_refused)
{
	make(false);
	vhdx_image_bat_set(&img, 0, 16 * MiB | 6);
	ck_assert_str_eq(broken()->name, "VHDX_BLOCK_PAST_END");
	make(false);
	vhdx_image_bat_set(&img, 0, UINT64_C(0xfffffffffff00000) | 3);
	ck_assert_str_eq(broken()->name, "VHDX_BLOCK_PAST_END");
	make(true);
	vhdx_image_bat_set(&img, 2048, 16 * MiB | 6);
	ck_assert_str_eq(broken()->name, "VHDX_BITMAP_STATE");
}
END_TEST

/* Bits that were cut off would come back as the parent's. */
START_TEST(vhdx_scan__bitmap_cut_off_by_the_end_is_refused)
{
	make(true);
	vhdx_image_resize(&img, 15 * MiB + 4096);
	vhdx_image_bat_set(&img, 2048, 15 * MiB | 6);
	ck_assert_str_eq(broken()->name, "VHDX_BITMAP_STATE");
}
END_TEST

START_TEST(vhdx_scan__file_that_ends_in_a_block_is_made_longer)
{
	make(false);
	vhdx_image_resize(&img, 15 * MiB + 512);
	vhdx_image_bat_set(&img, 0, 15 * MiB | 6);
	vhdx_image_bat_set(&img, 1, 4 * MiB | 6);
	begin();
	ck_assert_int_eq(vhdx_space_ready(t.x, &t.err), 0);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 17 * MiB);
	ck_assert_uint_eq(t.x->file_size, 17 * MiB);
	ck_assert_uint_eq(t.x->write->space.count, 1);
	expect_free(0, 6 * MiB, 9 * MiB);
	end();
}
END_TEST

START_TEST(vhdx_scan__anchor_past_the_end_keeps_its_space)
{
	make(false);
	vhdx_image_bat_set(&img, 0, 20 * MiB | 1);
	begin();
	ck_assert_int_eq(vhdx_space_ready(t.x, &t.err), 0);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 22 * MiB);
	ck_assert_uint_eq(t.x->write->last_off, 22 * MiB);
	end();
}
END_TEST

/* No part of a MiB is anybody's before the file has all of it. */
START_TEST(vhdx_scan__odd_end_is_not_free_yet)
{
	make(false);
	vhdx_image_resize(&img, 15 * MiB + 512);
	begin();
	ck_assert_int_eq(vhdx_space_ready(t.x, &t.err), 0);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 15 * MiB + 512);
	ck_assert_uint_eq(t.x->write->space.count, 1);
	expect_free(0, 4 * MiB, 11 * MiB);
	end();
}
END_TEST

TEST_MAIN("vhdx/scan",
	  vhdx_scan__what_nobody_owns_is_free,
	  vhdx_scan__unknown_regions_are_not_free,
	  vhdx_scan__what_means_nothing_owns_nothing,
	  vhdx_scan__space_with_two_owners_is_refused,
	  vhdx_scan__space_in_the_metadata_is_refused,
	  vhdx_scan__data_past_the_end_is_refused,
	  vhdx_scan__bitmap_cut_off_by_the_end_is_refused,
	  vhdx_scan__file_that_ends_in_a_block_is_made_longer,
	  vhdx_scan__anchor_past_the_end_keeps_its_space,
	  vhdx_scan__odd_end_is_not_free_yet)
