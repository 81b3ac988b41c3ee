/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries and bits: what the writer is told, and what it changes. */
#include <string.h>

#include "base/ckd.h"
#include "base/rules.h"
#include "support/check_main.h"
#include "support/vhdx_writing.h"

enum { SLOT = 4096 };		/* of chunk 0's bitmap, with blocks of 1 MiB */

static struct vhdx_image img;
static struct vhdx_writing t;

static void make(bool has_parent)
{
	struct vhdx_image_spec spec = { .disk_size = GiB, .block_size = MiB,
					.has_parent = has_parent };

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 8 * MiB);
}

static void begin(void)
{
	vhdx_writing_begin(&t, &img);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
	ck_assert_int_eq(vhd_writer_ready(t.w, &t.err), 0);
}

static void end(void)
{
	vhdx_writing_end(&t);
	vhdx_image_free(&img);
}

static struct vhd_blk look(uint64_t blk)
{
	struct vhd_blk b;

	ck_assert_msg(!vhdx_write_look(t.x, blk, &b, &t.err), "%s", t.err.msg);
	return b;
}

static void place(uint64_t blk, struct vhd_place *out)
{
	ck_assert_msg(!vhdx_write_place(t.x, blk, out, &t.err), "%s",
		      t.err.msg);
}

static void mark(uint64_t blk, uint64_t at, uint32_t from, uint32_t to)
{
	struct vhd_blk b = look(blk);

	ck_assert_msg(!vhdx_write_mark(t.x, blk, &b, at, from, to, &t.err),
		      "%s", t.err.msg);
}

/* Are exactly sectors [from, to) of the block present? */
static void expect_bits(uint64_t blk, uint32_t from, uint32_t to)
{
	struct vhd_blk b = look(blk);

	ck_assert_int_eq(b.kind, VHD_BLK_SOME);
	for (uint32_t sec = 0, n; sec < 2048; sec += n) {
		bool yes;

		ck_assert_int_eq(vhdx_write_present(t.x, blk, &b, sec, 2048,
						    &yes, &n, &t.err), 0);
		ck_assert_int_eq(yes, sec >= from && sec < to);
		ck_assert_uint_eq(sec + n, yes ? to : sec < from ? from : 2048);
	}
}

static void expect_looks(const enum vhd_blk_kind kind[8])
{
	for (unsigned state = 0; state < 8; state++)
		if (state != 4)
			vhdx_image_bat_set(&img, state,
					   (4 + state % 4) * MiB | state);
	begin();
	for (unsigned state = 0; state < 8; state++) {
		struct vhd_blk b;

		if (state == 4)
			continue;
		b = look(state);
		ck_assert_int_eq(b.kind, kind[state]);
		if (state > 5)
			ck_assert_uint_eq(b.at, (4 + state % 4) * MiB);
	}
	end();
}

START_TEST(vhdx_write_map__states_are_looked_up)
{
	static const enum vhd_blk_kind alone[8] = {
		VHD_BLK_ZERO, VHD_BLK_ZERO, VHD_BLK_ZERO, VHD_BLK_ZERO,
		VHD_BLK_ZERO, VHD_BLK_ZERO, VHD_BLK_FULL, VHD_BLK_FULL,
	};
	static const enum vhd_blk_kind child[8] = {
		VHD_BLK_BELOW, VHD_BLK_ZERO, VHD_BLK_ZERO, VHD_BLK_ZERO,
		VHD_BLK_ZERO, VHD_BLK_ZERO, VHD_BLK_FULL, VHD_BLK_SOME,
	};

	make(false);
	expect_looks(alone);
	make(true);
	expect_looks(child);
}
END_TEST

START_TEST(vhdx_write_map__entries_that_cannot_be_are_errors)
{
	struct vhd_blk b;

	make(false);
	vhdx_image_bat_set(&img, 0, 4);
	vhdx_image_bat_set(&img, 1, 6);
	vhdx_image_bat_set(&img, 2, GiB | 6);
	begin();
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(vhdx_write_look(t.x, i, &b, &t.err),
				 VHD_E_CORRUPT);
	end();
}
END_TEST

START_TEST(vhdx_write_map__block_becomes_full)
{
	struct vhd_place p;

	make(false);
	begin();
	place(3, &p);
	ck_assert_int_eq(vhdx_write_map(t.x, 3, p.at, &t.err), 0);
	ck_assert_int_eq(look(3).kind, VHD_BLK_FULL);
	ck_assert_uint_eq(look(3).at, 4 * MiB);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 3), 4 * MiB | 6);
	ck_assert_uint_eq(t.x->write->last_off, 5 * MiB);
	end();
}
END_TEST

/* A new bitmap; bits of this block's earlier life are not a part of it. */
START_TEST(vhdx_write_map__first_mark_makes_a_bitmap)
{
	struct vhd_place p;

	make(true);
	memset(img.bytes + 4 * MiB, 0xff, 4 * MiB);
	begin();
	place(2, &p);
	mark(2, p.at, 1000, 1200);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 2), 4 * MiB | 7);
	ck_assert_uint_eq(vhdx_writing_entry(&t, SLOT), 5 * MiB | 6);
	expect_bits(2, 1000, 1200);
	mark(2, p.at, 999, 1001);
	expect_bits(2, 999, 1200);
	ck_assert_uint_eq(t.x->write->last_off, 6 * MiB);
	/* All zeros on the disk, behind a barrier (VHDX-SB-04). */
	ck_assert_uint_eq(vhdx_writing_raw(&t, 5 * MiB), 0);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 6 * MiB - 1), 0);
	end();
}
END_TEST

START_TEST(vhdx_write_map__stale_bits_are_wiped)
{
	struct vhd_place p;

	make(true);
	vhdx_image_bat_set(&img, SLOT, 4 * MiB | 6);
	memset(img.bytes + 4 * MiB, 0xff, MiB);
	begin();
	place(1, &p);
	mark(1, p.at, 7, 9);
	expect_bits(1, 7, 9);
	/* Those of its neighbours stay as they were. */
	place(2, &p);
	mark(2, p.at, 0, 1);
	expect_bits(1, 7, 9);
	expect_bits(2, 0, 1);
	ck_assert_uint_eq(vhdx_writing_entry(&t, SLOT), 4 * MiB | 6);
	vhdx_writing_shut(&t);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 4 * MiB + 255), 0xff);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 4 * MiB + 256), 0x80);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 4 * MiB + 257), 1);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 4 * MiB + 511), 0);
	ck_assert_uint_eq(vhdx_writing_raw(&t, 4 * MiB + 768), 0xff);
	end();
}
END_TEST

/* A page of the bitmap that was read in another life of its space. */
START_TEST(vhdx_write_map__old_pages_of_a_new_bitmap_are_forgotten)
{
	struct vhd_place p;
	uint8_t byte;

	make(true);
	memset(img.bytes + 4 * MiB, 0xff, 4 * MiB);
	begin();
	ck_assert_int_eq(vhd_pcache_read(t.x->pages, 5 * MiB + 4096, &byte, 1,
					 &t.err), 0);
	ck_assert_uint_eq(byte, 0xff);
	place(1, &p);
	mark(1, p.at, 0, 1);
	ck_assert_int_eq(vhd_pcache_read(t.x->pages, 5 * MiB + 4096, &byte, 1,
					 &t.err), 0);
	ck_assert_uint_eq(byte, 0);
	end();
}
END_TEST

/* 10 sectors are left of the last block. */
START_TEST(vhdx_write_map__bits_past_the_disk_stay_zero)
{
	struct vhdx_image_spec spec = { .disk_size = MiB + 5120,
					.block_size = MiB,
					.has_parent = true };
	struct vhd_place p;

	vhdx_image_init(&img, &spec);
	begin();
	place(1, &p);
	mark(1, p.at, 0, 2048);
	expect_bits(1, 0, 10);
	mark(1, p.at, 0, 2048);
	expect_bits(1, 0, 10);
	end();
}
END_TEST

/* Bits are wiped in blocks whose bitmap is many pages as well. */
START_TEST(vhdx_write_map__large_blocks_are_wiped_as_a_whole)
{
	struct vhdx_image_spec spec = { .disk_size = GiB,
					.block_size = 256 * MiB,
					.has_parent = true };
	struct vhd_blk b;
	uint32_t n;
	bool yes;

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 6 * MiB);
	vhdx_image_bat_set(&img, 16, 4 * MiB | 6);
	memset(img.bytes + 4 * MiB, 0xff, MiB);
	begin();
	mark(1, 5 * MiB, 40000, 40001);
	b = look(1);
	ck_assert_int_eq(vhdx_write_present(t.x, 1, &b, 0, 524288, &yes, &n,
					    &t.err), 0);
	ck_assert(!yes && n == 40000);
	ck_assert_int_eq(vhdx_write_present(t.x, 1, &b, n, 524288, &yes, &n,
					    &t.err), 0);
	ck_assert(yes && n == 1);
	ck_assert_int_eq(vhdx_write_present(t.x, 1, &b, 40001, 524288, &yes,
					    &n, &t.err), 0);
	ck_assert(!yes && n == 524288 - 40001);
	end();
}
END_TEST

START_TEST(vhdx_write_map__broken_bitmap_entry_is_an_error)
{
	struct vhd_place p;
	struct vhd_blk b;

	make(true);
	vhdx_image_bat_set(&img, SLOT, 6 * MiB | 3);
	begin();
	place(1, &p);
	b = look(1);
	ck_assert_int_eq(vhdx_write_mark(t.x, 1, &b, p.at, 0, 1, &t.err),
			 VHD_E_CORRUPT);
	ck_assert_int_eq(look(1).kind, VHD_BLK_BELOW);
	end();
}
END_TEST

/* The space of an anchor is its owner's until that gets another. */
START_TEST(vhdx_write_map__anchor_is_given_up_for_a_place)
{
	make(false);
	vhdx_image_bat_set(&img, 0, 4 * MiB | 3);
	begin();
	ck_assert_int_eq(vhdx_writing_fill(&t, 0, 512, 1), 0);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 0), 5 * MiB | 6);
	ck_assert_int_eq(vhdx_writing_fill(&t, MiB, 512, 2), 0);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 1), 6 * MiB | 6);
	/* That is durable only now (VHDX-TRIM-12). */
	vhdx_writing_commit(&t, VHD_COMMIT_SYNC);
	ck_assert_int_eq(vhdx_writing_fill(&t, 2 * MiB, 512, 3), 0);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 2), 4 * MiB | 6);
	vhdx_writing_shut_clean(&t);
	end();
}
END_TEST

static void expect_unmap(uint64_t raw, enum vhd_unmap how, uint64_t now,
			 bool released)
{
	bool done = false;
	struct vhd_blk b;

	make(true);
	vhdx_image_bat_set(&img, 0, raw);
	vhdx_image_bat_set(&img, SLOT, 7 * MiB | 6);
	begin();
	b = look(0);
	ck_assert_int_eq(vhdx_write_unmap(t.x, 0, &b, how, &done, &t.err), 0);
	ck_assert(done);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 0), now);
	vhdx_writing_commit(&t, VHD_COMMIT_SYNC);
	ck_assert_uint_eq(vhd_space_total(&t.x->write->space),
			  released ? 3 * MiB : 0);
	end();
}

START_TEST(vhdx_write_map__unmapped_blocks_are_zeros_without_space)
{
	expect_unmap(4 * MiB | 6, VHD_UNMAP_ZERO, 2, true);
	expect_unmap(4 * MiB | 7, VHD_UNMAP_ZERO, 2, true);
	expect_unmap(4 * MiB | 6, VHD_UNMAP_DISCARD, 3, true);
	expect_unmap(4 * MiB | 3, VHD_UNMAP_DISCARD, 3, true);
	expect_unmap(4 * MiB | 1, VHD_UNMAP_ZERO, 2, true);
	expect_unmap(0, VHD_UNMAP_ZERO, 2, false);
	expect_unmap(0, VHD_UNMAP_DISCARD, 3, false);
	expect_unmap(2, VHD_UNMAP_DISCARD, 2, false);
}
END_TEST

START_TEST(vhdx_write_map__fixed_disks_keep_their_space)
{
	struct vhdx_image_spec spec = { .disk_size = MiB, .block_size = MiB,
					.fixed = true };
	struct vhd_blk b;
	bool done = true;

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 5 * MiB);
	vhdx_image_bat_set(&img, 0, 4 * MiB | 6);
	begin();
	b = look(0);
	ck_assert_int_eq(vhdx_write_unmap(t.x, 0, &b, VHD_UNMAP_ZERO, &done,
					  &t.err), 0);
	ck_assert(!done);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 0), 4 * MiB | 6);
	end();
}
END_TEST

/* Space must not be given up before it is known whose it is. */
START_TEST(vhdx_write_map__unmap_looks_for_other_owners_first)
{
	bool done = false;
	struct vhd_blk b;

	make(false);
	vhdx_image_bat_set(&img, 0, 4 * MiB | 6);
	vhdx_image_bat_set(&img, 5, 4 * MiB | 6);
	begin();
	b = look(0);
	ck_assert_int_eq(vhdx_write_unmap(t.x, 0, &b, VHD_UNMAP_ZERO, &done,
					  &t.err), VHD_E_CORRUPT);
	ck_assert(!done);
	ck_assert_str_eq(t.err.rule->name, "VHDX_BLOCK_OVERLAP");
	ck_assert_uint_eq(vhdx_writing_entry(&t, 0), 4 * MiB | 6);
	end();
}
END_TEST

TEST_MAIN("vhdx/write_map",
	  vhdx_write_map__states_are_looked_up,
	  vhdx_write_map__entries_that_cannot_be_are_errors,
	  vhdx_write_map__block_becomes_full,
	  vhdx_write_map__first_mark_makes_a_bitmap,
	  vhdx_write_map__stale_bits_are_wiped,
	  vhdx_write_map__old_pages_of_a_new_bitmap_are_forgotten,
	  vhdx_write_map__bits_past_the_disk_stay_zero,
	  vhdx_write_map__large_blocks_are_wiped_as_a_whole,
	  vhdx_write_map__broken_bitmap_entry_is_an_error,
	  vhdx_write_map__anchor_is_given_up_for_a_place,
	  vhdx_write_map__unmapped_blocks_are_zeros_without_space,
	  vhdx_write_map__fixed_disks_keep_their_space,
	  vhdx_write_map__unmap_looks_for_other_owners_first)
