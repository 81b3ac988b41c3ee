/* SPDX-License-Identifier: BSD-2-Clause */
/* Mapping of children: sector bitmaps (VHDX-TST-08, the reading side). */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhdx_opened.h"
#include "vhdx/vhdx_engine.h"

static struct vhdx_image img;
static struct vhdx_opened o;
static uint64_t blk_off, map_off;	/* of block 1, of chunk 0 */

/* A child whose block 1 has the given state, and whose chunk has a bitmap. */
static void make(unsigned state, uint32_t block_size, uint32_t sector)
{
	struct vhdx_image_spec spec = {
		.disk_size = 10 * GiB,
		.block_size = block_size,
		.logical_sector = sector,
		.has_parent = true,
	};

	vhdx_image_init(&img, &spec);
	map_off = vhdx_image_add_bitmap(&img, 0);
	/* The data itself does not matter here: the file may end in it. */
	blk_off = img.len;
	vhdx_image_resize(&img, img.len + MiB);
	vhdx_image_bat_set(&img, 1, blk_off | state);
}

static void set_bit(uint64_t bit)
{
	img.bytes[map_off + bit / 8] |= (uint8_t)(1u << bit % 8);
}

static bool bit_is_set(uint64_t bit)
{
	return img.bytes[map_off + bit / 8] >> bit % 8 & 1;
}

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

static void expect(uint64_t off, uint64_t ask, enum vhd_run_kind kind,
		   uint64_t len)
{
	struct vhd_run run = vhdx_opened_map(&o, off, ask);

	ck_assert_int_eq(run.kind, kind);
	ck_assert_uint_eq(run.len, len);
	if (kind == VHD_RUN_DATA)
		ck_assert_uint_eq(run.file_off,
				  blk_off + off % img.block_size);
}

START_TEST(vhdx_bitmap__lowest_bit_comes_first)
{
	make(7, MiB, 512);
	set_bit(2048 + 3);
	begin();
	expect(MiB, MiB, VHD_RUN_PARENT, 3 * 512);
	expect(MiB + 3 * 512, MiB, VHD_RUN_DATA, 512);
	expect(MiB + 4 * 512, GiB, VHD_RUN_PARENT, MiB - 4 * 512);
	end();
}
END_TEST

START_TEST(vhdx_bitmap__runs_begin_and_end_inside_sectors)
{
	make(7, MiB, 4096);
	set_bit(256 + 1);
	set_bit(256 + 2);
	begin();
	expect(MiB + 4096 + 100, MiB, VHD_RUN_DATA, 2 * 4096 - 100);
	expect(MiB + 4096 + 100, 50, VHD_RUN_DATA, 50);
	expect(MiB + 1, 4000, VHD_RUN_PARENT, 4000);
	expect(MiB + 1, 5000, VHD_RUN_PARENT, 4095);
	end();
}
END_TEST

/* A block of 32 MiB has two pages of bitmap. */
START_TEST(vhdx_bitmap__runs_go_on_over_pages)
{
	make(7, 32 * MiB, 512);
	for (uint64_t bit = 65536 + 32000; bit < 65536 + 33000; bit++)
		set_bit(bit);
	begin();
	expect(32 * MiB, GiB, VHD_RUN_PARENT, 32000 * 512);
	expect(32 * MiB + 32000 * 512, GiB, VHD_RUN_DATA, 1000 * 512);
	expect(32 * MiB + 33000 * 512, GiB, VHD_RUN_PARENT,
	       32 * MiB - 33000 * 512);
	end();
}
END_TEST

/* Every state against every kind of bitmap: only 7 looks at it. */
START_TEST(vhdx_bitmap__other_states_do_not_look)
{
	static const enum vhd_run_kind kind[8] = {
		VHD_RUN_PARENT, VHD_RUN_ZERO, VHD_RUN_ZERO, VHD_RUN_ZERO,
		VHD_RUN_ZERO, VHD_RUN_ZERO, VHD_RUN_DATA, VHD_RUN_DATA,
	};

	for (unsigned i = 0; i < 8 * 3; i++) {
		unsigned state = i / 3, fill = i % 3;

		if (state == 4)
			continue;
		make(state, MiB, 512);
		vhdx_image_bat_set(&img, 0, 2);
		vhdx_image_bat_set(&img, 2, state == 2 ? 0 : 2);
		memset(img.bytes + map_off + 256,
		       fill == 0 ? 0 : fill == 1 ? 0xff : 0x0f, 256);
		begin();
		if (state != 7 || fill == 1) {
			struct vhd_run run = vhdx_opened_map(&o, MiB, MiB);

			ck_assert_int_eq(run.kind, kind[state]);
			ck_assert_uint_eq(run.len, MiB);
		} else if (fill == 0) {
			expect(MiB, MiB, VHD_RUN_PARENT, MiB);
		} else {
			expect(MiB, MiB, VHD_RUN_DATA, 4 * 512);
			expect(MiB + 4 * 512, MiB, VHD_RUN_PARENT, 4 * 512);
		}
		end();
	}
}
END_TEST

/* Each sector of the answer is held against its own bit. */
static void walk_against_bits(uint32_t block_size, uint32_t sector)
{
	uint64_t off = block_size, stop = 2 * (uint64_t)block_size;

	while (off < stop) {
		struct vhd_run run = vhdx_opened_map(&o, off, stop - off);
		uint64_t end_off = off + run.len;

		for (; off < end_off; off += sector)
			ck_assert_int_eq(run.kind,
					 bit_is_set(off / sector)
						 ? VHD_RUN_DATA
						 : VHD_RUN_PARENT);
		ck_assert(off == stop ||
			  bit_is_set(off / sector) !=
				  bit_is_set(off / sector - 1));
	}
}

START_TEST(vhdx_bitmap__runs_agree_with_each_bit)
{
	uint64_t seed = 88172645463325252u;

	for (unsigned i = 0; i < 40; i++) {
		uint32_t block_size = (uint32_t)MiB << i % 6;
		uint32_t sector = i % 2 ? 512 : 4096;
		uint64_t bit = block_size / sector;
		bool value = false;

		make(7, block_size, sector);
		while (bit < 2 * block_size / sector) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			for (uint64_t n = 1 + seed % (i * 50 + 3); n; n--) {
				if (value)
					set_bit(bit);
				bit++;
			}
			value = !value;
		}
		begin();
		walk_against_bits(block_size, sector);
		end();
	}
}
END_TEST

START_TEST(vhdx_bitmap__second_chunk_has_its_own)
{
	make(0, 32 * MiB, 512);
	map_off = vhdx_image_add_bitmap(&img, 1);
	set_bit(1);
	vhdx_image_bat_set(&img, 129, blk_off | 7);
	begin();
	expect(4 * GiB, GiB, VHD_RUN_PARENT, 512);
	expect(4 * GiB + 512, GiB, VHD_RUN_DATA, 512);
	end();
}
END_TEST

START_TEST(vhdx_bitmap__page_in_the_log_is_the_one_that_counts)
{
	uint8_t page[4096] = { 0 };
	struct vhdx_image_change change = { 0, 0, page };
	struct vhdx_image_entry ent = { .seq = 9, .change = &change,
					.change_count = 1 };

	make(7, MiB, 512);
	memset(img.bytes + map_off, 0xff, 4096);
	page[256] = 1;
	change.file_off = map_off;
	vhdx_image_set_pending(&img);
	vhdx_image_log_put(&img, 0, &ent);
	begin();
	expect(MiB, MiB, VHD_RUN_DATA, 512);
	expect(MiB + 512, MiB, VHD_RUN_PARENT, MiB - 512);
	end();
}
END_TEST

/* What mapping block 1 breaks when its chunk's entry is @raw. */
static enum vhd_rule_idx entry_breaks(uint64_t raw)
{
	enum vhd_rule_idx rule;

	make(7, 32 * MiB, 512);
	vhdx_image_bat_set(&img, 128, raw);
	begin();
	rule = vhdx_opened_map_breaks(&o, 32 * MiB);
	/* Whoever does not need it is not concerned. */
	ck_assert_int_eq(vhdx_opened_map_breaks(&o, 0), VHD_RULE_NONE);
	end();
	return rule;
}

START_TEST(vhdx_bitmap__missing_or_misplaced_is_an_error)
{
	ck_assert_int_eq(entry_breaks(0), RULE_VHDX_BITMAP_MISSING);
	ck_assert_int_eq(entry_breaks(4 * MiB | 3), RULE_VHDX_BITMAP_STATE);
	ck_assert_int_eq(entry_breaks(4 * MiB | 7), RULE_VHDX_BITMAP_STATE);
	ck_assert_int_eq(entry_breaks(6), RULE_VHDX_BITMAP_STATE);
	ck_assert_int_eq(entry_breaks(2 * MiB | 6), RULE_VHDX_BITMAP_STATE);
	ck_assert_int_eq(entry_breaks(TiB | 6), RULE_VHDX_BITMAP_STATE);
	ck_assert_int_eq(entry_breaks(4 * MiB | 6), VHD_RULE_NONE);
}
END_TEST

/* Bits that are not there are not zeros: the parent's bytes would show. */
START_TEST(vhdx_bitmap__cut_off_by_the_end_is_an_error)
{
	make(7, 32 * MiB, 512);
	map_off = img.len;
	vhdx_image_resize(&img, img.len + 16384 + 100);
	vhdx_image_bat_set(&img, 128, map_off | 6);
	vhdx_image_bat_set(&img, 2, blk_off | 7);
	begin();
	ck_assert_int_eq(vhdx_opened_map_breaks(&o, 32 * MiB), VHD_RULE_NONE);
	expect(64 * MiB, 800 * 512, VHD_RUN_PARENT, 800 * 512);
	ck_assert_int_eq(vhdx_opened_map_breaks(&o, 64 * MiB + 800 * 512),
			 RULE_VHDX_BITMAP_STATE);
	end();
}
END_TEST

TEST_MAIN("vhdx/bitmap",
	  vhdx_bitmap__lowest_bit_comes_first,
	  vhdx_bitmap__runs_begin_and_end_inside_sectors,
	  vhdx_bitmap__runs_go_on_over_pages,
	  vhdx_bitmap__other_states_do_not_look,
	  vhdx_bitmap__runs_agree_with_each_bit,
	  vhdx_bitmap__second_chunk_has_its_own,
	  vhdx_bitmap__page_in_the_log_is_the_one_that_counts,
	  vhdx_bitmap__missing_or_misplaced_is_an_error,
	  vhdx_bitmap__cut_off_by_the_end_is_an_error)
