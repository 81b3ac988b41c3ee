/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repairs that a second damage, or a value that no program writes, could turn
 * into a loss.
 */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_repairing.h"
#include "vhd1/vhd1.h"

static const struct vhd1_image_spec dynamic = {
	.type = VHD_TYPE_DYNAMIC, .size = 4 << 20, .block_size = 512 << 10,
	.blocks = 3
};
static const struct vhd1_image_spec tiny = {
	.type = VHD_TYPE_DYNAMIC, .size = 4 << 20, .block_size = 4096,
	.blocks = 3
};
static const struct vhd1_image_spec diff = {
	.type = VHD_TYPE_DIFF, .size = 4 << 20, .block_size = 512 << 10,
	.blocks = 2
};
static const struct vhd1_image_spec fixed = {
	.type = VHD_TYPE_FIXED, .size = 1 << 20
};

static struct vhd1_footer f;
static struct vhd1_header h;

static uint64_t tail(struct vhd_io *io)
{
	return vhd1_image_size(io) - 512;
}

/* Both footers get the same wrong checksum. */
static void unseal(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x5a, 4, 64);
	vhd1_image_fill(io, 0x5a, 4, tail(io) + 64);
}

static unsigned errors(struct vhd_io *io)
{
	struct vhd1_seen seen;
	struct vhd_error err = { 0 };

	ck_assert_msg(!vhd1_image_check(io, &seen, &err), "%s", err.msg);
	return seen.worst >= VHD_SEV_ERROR;
}

/* A footer that moves has to be one that stands for itself. */
START_TEST(vhd1_repair_hard__seals_before_it_moves)
{
	struct vhd_io *io = vhd1_image_new(&dynamic), *was;
	struct vhd1_owner one = { .allow = { "VHD1_BLOCK_OVERLAP" } };
	struct vhd1_owner both = { .allow = { "VHD1_BLOCK_OVERLAP",
					      "VHD1_FOOTER_CHECKSUM" } };
	struct vhd1_disk *before, *after;

	vhd1_image_set_entry(io, 1, vhd1_image_entry(io, 0));
	unseal(io);
	before = vhd1_disk_read(io);
	was = vhd1_image_copy(io);
	vhd1_repair_all(io, &one);
	ck_assert(vhd1_image_same(io, was));
	vhd1_repair_all(io, &both);
	ck_assert_str_eq(both.first, "VHD1_FOOTER_CHECKSUM");
	ck_assert_uint_eq(both.granted, 2);
	ck_assert(!errors(io));
	after = vhd1_disk_read(io);
	ck_assert(vhd1_disk_kept(before, after));
	vhd1_disk_free(before);
	vhd1_disk_free(after);
	vhd_io_close(&was, NULL);
	vhd_io_close(&io, NULL);
}
END_TEST

/* Nor do twins make room where a block was cut off. */
START_TEST(vhd1_repair_hard__leaves_what_twins_say)
{
	struct vhd_io *io = vhd1_image_new(&dynamic), *was;
	struct vhd1_owner o = { .allow = { "VHD1_BLOCK_PAST_END" } };
	uint8_t raw[VHD1_FOOTER_LEN];

	vhd1_image_resize(io, vhd1_image_size(io) - 4096);
	vhd1_image_get(io, raw, sizeof(raw), 0);
	vhd1_image_put(io, raw, sizeof(raw), tail(io));
	unseal(io);
	was = vhd1_image_copy(io);
	vhd1_repair_all(io, &o);
	ck_assert_uint_eq(o.granted, 0);
	ck_assert(vhd1_image_same(io, was));
	vhd_io_close(&was, NULL);
	vhd_io_close(&io, NULL);
}
END_TEST

/* A new footer is not what a lost block's entry points at. */
START_TEST(vhd1_repair_hard__puts_no_footer_where_a_block_is)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);
	struct vhd1_owner none = { .allow = { NULL } };
	struct vhd1_owner all = { .allow = { "all" } };
	uint32_t entry = (uint32_t)(tail(io) / 512);
	struct vhd1_seen seen;

	vhd1_image_resize(io, tail(io));
	vhd1_image_set_entry(io, 5, entry);
	vhd1_repair_all(io, &none);
	ck_assert_uint_eq(vhd1_image_entry(io, 5), entry);
	ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_BLOCK_PAST_END"), 1);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_BITMAP_IS_FOOTER"), 0);
	vhd1_repair_all(io, &all);
	ck_assert_uint_eq(vhd1_image_entry(io, 5), VHD1_UNUSED);
	ck_assert(!errors(io));
	vhd_io_close(&io, NULL);
}
END_TEST

/* What is moved must not pass for what another block has lost. */
START_TEST(vhd1_repair_hard__moves_nothing_over_a_lost_block)
{
	static const uint32_t far[] = { 0, 512 };	/* sectors past the end */
	struct vhd_io *io = vhd1_image_new(&dynamic), *was;
	struct vhd1_owner one = { .allow = { "VHD1_BLOCK_OVERLAP" } };
	struct vhd1_owner both = { .allow = { "VHD1_BLOCK_OVERLAP",
					      "VHD1_BLOCK_PAST_END" } };

	vhd1_image_set_entry(io, 1, vhd1_image_entry(io, 0));
	vhd1_image_set_entry(io, 5, far[_i] +
			     (uint32_t)(vhd1_image_size(io) / 512));
	was = vhd1_image_copy(io);
	vhd1_repair_all(io, &one);
	ck_assert(vhd1_image_same(io, was));
	vhd1_repair_all(io, &both);
	ck_assert_uint_eq(both.granted, 2);
	ck_assert(!errors(io));
	vhd_io_close(&was, NULL);
	vhd_io_close(&io, NULL);
}
END_TEST

/* All that is there of a block that was cut off at any byte is kept. */
START_TEST(vhd1_repair_hard__keeps_each_byte_of_a_cut_block)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);
	struct vhd1_owner all = { .allow = { "all" } };
	struct vhd1_disk *before, *after;

	vhd1_image_footer(io, &f);
	vhd1_image_resize(io, vhd1_image_size(io) - 4096 - 141);
	vhd1_image_set_footer(io, &f, VHD_COPY_SECOND);
	before = vhd1_disk_read(io);
	vhd1_repair_all(io, &all);
	after = vhd1_disk_read(io);
	ck_assert(vhd1_disk_kept(before, after));
	ck_assert(!errors(io));
	vhd1_disk_free(before);
	vhd1_disk_free(after);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_repair_hard__chooses_no_footer_that_does_not_open)
{
	static const char *const words[] = { "VHD1_FOOTERS_DIFFER=first",
					     "VHD1_FOOTERS_DIFFER=second" };
	static const unsigned bad[] = { VHD_COPY_FIRST, VHD_COPY_SECOND };
	struct vhd_io *io = vhd1_image_new(&dynamic), *was;
	struct vhd1_owner o = { .allow = { words[_i / 2] } };
	unsigned i = (unsigned)_i;

	vhd1_image_footer(io, &f);
	if (i % 2)
		f.data_off = UINT64_C(1) << 39;
	else
		f.current_size = UINT64_C(1) << 34;
	vhd1_image_set_footer(io, &f, bad[i / 2]);
	was = vhd1_image_copy(io);
	vhd1_repair_all(io, &o);
	ck_assert_uint_eq(o.granted, 0);
	ck_assert(vhd1_image_same(io, was));
	vhd_io_close(&was, NULL);
	vhd_io_close(&io, NULL);
}
END_TEST

/* Less than a cylinder. */
START_TEST(vhd1_repair_hard__knows_no_geometry_for_a_tiny_disk)
{
	struct vhd_io *io = vhd1_image_new(&fixed);
	struct vhd1_owner o = { .allow = { "VHD1_GEOMETRY_ZERO",
					   "VHD1_GEOMETRY_LARGE",
					   "VHD1_GEOMETRY" } };

	vhd1_image_footer(io, &f);
	f.current_size = f.original_size = 2048;
	if (_i)
		f.geometry = (struct vhd1_geometry){ 0, 4, 17 };
	vhd1_image_resize(io, 2048 + 512);
	vhd1_image_set_footer(io, &f, VHD_COPY_SECOND);
	vhd1_repair_all(io, &o);
	ck_assert_uint_eq(o.granted, 0);
	vhd_io_close(&io, NULL);
}
END_TEST

/* Millions of entries can be wrong in the same way: few steps, all mended. */
START_TEST(vhd1_repair_hard__tells_the_first_of_many_blocks)
{
	static const uint32_t at[] = { 0x00100000, 1 };
	struct vhd_io *io = vhd1_image_new(&tiny);
	struct vhd1_owner none = { .allow = { NULL } };
	struct vhd1_owner all = { .allow = { "all" } };
	uint32_t i;

	for (i = 10; i < 1000; i++)
		vhd1_image_set_entry(io, i, at[_i]);
	vhd1_repair_all(io, &none);
	ck_assert_uint_eq(none.possible, 20);
	vhd1_repair_all(io, &all);
	ck_assert_uint_eq(all.granted, 21);
	for (i = 10; i < 1000; i++)
		ck_assert_uint_eq(vhd1_image_entry(io, i), VHD1_UNUSED);
	vhd_io_close(&io, NULL);
}
END_TEST

/* Each of them is one step, at a place of its own. */
START_TEST(vhd1_repair_hard__drops_equal_locators_one_by_one)
{
	struct vhd_io *io = vhd1_image_new(&diff);
	struct vhd1_owner all = { .allow = { "all" } };
	struct vhd1_seen seen;
	size_t i;

	vhd1_image_header(io, &h);
	for (i = 3; i < 6; i++) {
		h.locator[i] = h.locator[0];
		h.locator[i].code = 0x41414141;
	}
	vhd1_image_set_header(io, &h);
	vhd1_repair_all(io, &all);
	ck_assert_uint_eq(all.granted, 3);
	ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_LOCATOR_CODE"), 0);
	vhd_io_close(&io, NULL);
}
END_TEST

/* A name that moves does not get the place that another one has lost. */
START_TEST(vhd1_repair_hard__moves_no_name_to_a_lost_one)
{
	struct vhd_io *io = vhd1_image_new(&diff);
	struct vhd1_owner all = { .allow = { "all" } };
	uint64_t lost = vhd1_image_size(io);

	vhd1_image_header(io, &h);
	h.locator[2] = h.locator[0];
	h.locator[2].off = lost;
	/* On the table. */
	h.locator[1] = h.locator[0];
	h.locator[1].off = h.table_off;
	vhd1_image_set_header(io, &h);
	vhd1_repair_all(io, &all);
	vhd1_image_header(io, &h);
	ck_assert(!h.locator[1].code || h.locator[1].off >= lost + 512);
	ck_assert(!errors(io));
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN_ROWS("vhd1/repair_hard",
	       ONCE(vhd1_repair_hard__seals_before_it_moves),
	       ONCE(vhd1_repair_hard__leaves_what_twins_say),
	       ONCE(vhd1_repair_hard__puts_no_footer_where_a_block_is),
	       LOOP(vhd1_repair_hard__moves_nothing_over_a_lost_block, 2),
	       ONCE(vhd1_repair_hard__keeps_each_byte_of_a_cut_block),
	       LOOP(vhd1_repair_hard__chooses_no_footer_that_does_not_open, 4),
	       LOOP(vhd1_repair_hard__knows_no_geometry_for_a_tiny_disk, 2),
	       LOOP(vhd1_repair_hard__tells_the_first_of_many_blocks, 2),
	       ONCE(vhd1_repair_hard__drops_equal_locators_one_by_one),
	       ONCE(vhd1_repair_hard__moves_no_name_to_a_lost_one))
