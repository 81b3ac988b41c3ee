/* SPDX-License-Identifier: BSD-2-Clause */
/* Places for new blocks, and the length of the file. */
#include <string.h>

#include "base/ckd.h"
#include "io/io_fault.h"
#include "io/io_mem.h"
#include "support/check_main.h"
#include "support/vhdx_writing.h"

static struct vhdx_image img;
static struct vhdx_writing t;

static void make(uint32_t block_size)
{
	struct vhdx_image_spec spec = { .disk_size = GiB,
					.block_size = block_size };

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

static void expect_place(uint64_t off, enum vhd_space_kind kind)
{
	struct vhd_place p;

	ck_assert_msg(!vhdx_write_place(t.x, 0, &p, &t.err), "%s", t.err.msg);
	ck_assert_uint_eq(p.off, off);
	ck_assert_uint_eq(p.at, off);
	ck_assert_uint_eq(p.len, t.x->geom.block_size);
	ck_assert_int_eq(p.kind, kind);
}

START_TEST(vhdx_space__new_space_comes_in_steps_of_whole_blocks)
{
	make(MiB);
	begin();
	expect_place(4 * MiB, VHD_SPACE_FRESH);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 8 * MiB);
	ck_assert_uint_eq(t.x->file_size, 8 * MiB);
	for (unsigned i = 5; i < 8; i++)
		expect_place(i * MiB, VHD_SPACE_FRESH);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 8 * MiB);
	expect_place(8 * MiB, VHD_SPACE_FRESH);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 12 * MiB);
	end();
	make(32 * MiB);
	begin();
	expect_place(4 * MiB, VHD_SPACE_FRESH);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 36 * MiB);
	end();
}
END_TEST

START_TEST(vhdx_space__steps_grow_with_the_file_up_to_64_mib)
{
	make(2 * MiB);
	vhdx_image_resize(&img, 40 * MiB);
	vhdx_image_bat_set(&img, 0, 38 * MiB | 6);
	begin();
	for (unsigned i = 4; i < 38; i += 2)
		expect_place(i * MiB, VHD_SPACE_DIRTY);
	expect_place(40 * MiB, VHD_SPACE_FRESH);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 50 * MiB);
	end();
	make(2 * MiB);
	vhdx_image_bat_set(&img, 0, 1000 * MiB | 3);
	begin();
	ck_assert_int_eq(vhdx_space_ready(t.x, &t.err), 0);
	vhd_space_clear(&t.x->write->space);
	expect_place(1002 * MiB, VHD_SPACE_FRESH);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 1066 * MiB);
	end();
}
END_TEST

START_TEST(vhdx_space__what_is_given_back_is_given_out)
{
	make(2 * MiB);
	begin();
	expect_place(4 * MiB, VHD_SPACE_FRESH);
	expect_place(6 * MiB, VHD_SPACE_FRESH);
	vhdx_write_unplace(t.x, 4 * MiB, 2 * MiB, VHD_SPACE_ZEROED);
	expect_place(4 * MiB, VHD_SPACE_ZEROED);
	expect_place(8 * MiB, VHD_SPACE_FRESH);
	end();
}
END_TEST

/* Its bytes may be anything; the rest of its MiB is new. */
START_TEST(vhdx_space__odd_end_becomes_space_with_a_past)
{
	make(MiB);
	vhdx_image_resize(&img, 4 * MiB + 512);
	begin();
	expect_place(4 * MiB, VHD_SPACE_DIRTY);
	expect_place(5 * MiB, VHD_SPACE_FRESH);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 9 * MiB);
	end();
}
END_TEST

/* An image in a file that cannot be longer than @limit. */
static void begin_limited(const struct vhd_io_ops *ops)
{
	struct vhd_io *io = NULL;

	ck_assert_int_eq(vhd_io_new(ops, vhd_mem_new(img.bytes, img.len),
				    "limited", &io, NULL), 0);
	vhdx_writing_begin_io(&t, io);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
}

static int set_size_small(void *h, uint64_t size)
{
	return size > 36 * MiB ? -28 : vhd_mem_ops.set_size(h, size);
}

START_TEST(vhdx_space__little_room_is_enough_for_one_block)
{
	struct vhd_io_ops ops = vhd_mem_ops;
	struct vhd_place p;

	ops.set_size = set_size_small;
	make(MiB);
	vhdx_image_resize(&img, 35 * MiB);
	vhdx_image_bat_set(&img, 0, 34 * MiB | 6);
	begin_limited(&ops);
	for (unsigned i = 4; i < 34; i++)
		expect_place(i * MiB, VHD_SPACE_DIRTY);
	expect_place(35 * MiB, VHD_SPACE_FRESH);
	ck_assert_int_eq(vhdx_write_place(t.x, 0, &p, &t.err), VHD_E_NOSPACE);
	ck_assert_uint_eq(t.x->file_size, 36 * MiB);
	/* Later there may be more. */
	vhdx_write_unplace(t.x, 35 * MiB, MiB, VHD_SPACE_FRESH);
	expect_place(35 * MiB, VHD_SPACE_FRESH);
	end();
}
END_TEST

START_TEST(vhdx_space__file_of_fixed_size_gets_full)
{
	struct vhd_io_ops ops = vhd_mem_ops;
	struct vhd_place p;

	ops.set_size = NULL;
	make(2 * MiB);
	vhdx_image_resize(&img, 7 * MiB + 512);
	begin_limited(&ops);
	expect_place(4 * MiB, VHD_SPACE_DIRTY);
	ck_assert_int_eq(vhdx_write_place(t.x, 0, &p, &t.err), VHD_E_NOSPACE);
	ck_assert_ptr_nonnull(strstr(t.err.msg, "cannot grow"));
	ck_assert_int_eq(vhdx_write_place(t.x, 0, &p, NULL), VHD_E_NOSPACE);
	/* Nor does it become shorter; that is no failure. */
	ck_assert_int_eq(vhdx_space_trim(t.x, &t.err), 0);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 7 * MiB + 512);
	end();
}
END_TEST

START_TEST(vhdx_space__space_with_a_past_is_zeroed_before_use)
{
	struct vhd_place p;

	make(2 * MiB);
	vhdx_image_resize(&img, 8 * MiB);
	memset(img.bytes + 4 * MiB, 0xee, 4 * MiB);
	begin();
	ck_assert_int_eq(vhdx_write_place(t.x, 0, &p, &t.err), 0);
	ck_assert_int_eq(vhdx_write_prepare(t.x, 0, &p, false, &t.err), 0);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 4 * MiB), 0);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 6 * MiB - 1), 0);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 6 * MiB), 0xee);
	ck_assert_int_eq(vhdx_write_place(t.x, 1, &p, &t.err), 0);
	ck_assert_int_eq(vhdx_write_prepare(t.x, 1, &p, true, &t.err), 0);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 6 * MiB), 0xee);
	end();
}
END_TEST

START_TEST(vhdx_space__file_ends_with_its_last_structure)
{
	make(2 * MiB);
	begin();
	/* Who did not look for space does not know what is in use. */
	ck_assert_int_eq(vhdx_space_trim(t.x, &t.err), 0);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 4 * MiB);
	expect_place(4 * MiB, VHD_SPACE_FRESH);
	expect_place(6 * MiB, VHD_SPACE_FRESH);
	expect_place(8 * MiB, VHD_SPACE_FRESH);
	vhdx_write_unplace(t.x, 4 * MiB, 2 * MiB, VHD_SPACE_DIRTY);
	vhdx_write_unplace(t.x, 8 * MiB, 2 * MiB, VHD_SPACE_DIRTY);
	ck_assert_int_eq(vhdx_space_trim(t.x, &t.err), 0);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 8 * MiB);
	ck_assert_uint_eq(t.x->file_size, 8 * MiB);
	end();
}
END_TEST

START_TEST(vhdx_space__odd_end_is_cut_off)
{
	make(2 * MiB);
	vhdx_image_resize(&img, 6 * MiB + 512);
	vhdx_image_bat_set(&img, 0, 4 * MiB | 6);
	begin();
	ck_assert_int_eq(vhdx_space_ready(t.x, &t.err), 0);
	ck_assert_int_eq(vhdx_space_trim(t.x, &t.err), 0);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 6 * MiB);
	end();
}
END_TEST

/* VHDX-SPC-08: what such a file has is reserved for the disk. */
START_TEST(vhdx_space__file_of_a_fixed_disk_keeps_its_length)
{
	struct vhdx_image_spec spec = { .disk_size = 16 * MiB,
					.block_size = 2 * MiB, .fixed = true };

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 8 * MiB);
	begin();
	expect_place(4 * MiB, VHD_SPACE_DIRTY);
	expect_place(6 * MiB, VHD_SPACE_DIRTY);
	expect_place(8 * MiB, VHD_SPACE_FRESH);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 10 * MiB);
	for (unsigned i = 4; i < 10; i += 2)
		vhdx_write_unplace(t.x, i * MiB, 2 * MiB, VHD_SPACE_DIRTY);
	ck_assert_int_eq(vhdx_space_trim(t.x, &t.err), 0);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 8 * MiB);
	end();
}
END_TEST

TEST_MAIN("vhdx/space",
	  vhdx_space__new_space_comes_in_steps_of_whole_blocks,
	  vhdx_space__steps_grow_with_the_file_up_to_64_mib,
	  vhdx_space__what_is_given_back_is_given_out,
	  vhdx_space__odd_end_becomes_space_with_a_past,
	  vhdx_space__little_room_is_enough_for_one_block,
	  vhdx_space__file_of_fixed_size_gets_full,
	  vhdx_space__space_with_a_past_is_zeroed_before_use,
	  vhdx_space__file_ends_with_its_last_structure,
	  vhdx_space__odd_end_is_cut_off,
	  vhdx_space__file_of_a_fixed_disk_keeps_its_length)
