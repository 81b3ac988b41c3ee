/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhdx_replaying.h"

/* VHDX-LOG-31: the last change of a byte wins; VHDX-LOG-47. */
START_TEST(vhdx_overlay__later_changes_win)
{
	uint8_t page[SECTOR], want;
	struct vhdx_image_change first[] = {
		{ .file_off = BAT + 2 * SECTOR, .page = page },
		{ .file_off = BAT, .zero_len = 8 * SECTOR },
	};
	struct vhdx_image_change second[] = {
		{ .file_off = BAT + 4 * SECTOR, .page = page },
		{ .file_off = BAT + 6 * SECTOR, .zero_len = 4 * SECTOR },
		{ .file_off = BAT + 20 * SECTOR, .zero_len = 0 },
	};
	struct vhdx_image_entry e = { .seq = 1, .change = first,
				      .change_count = 2 };

	begin();
	memset(page, 0x77, sizeof(page));
	memset(img.bytes + BAT, 0x11, 16 * SECTOR);
	vhdx_image_log_put(&img, 0, &e);
	e.seq = 2;
	e.change = second;
	e.change_count = 3;
	vhdx_image_log_put(&img, 2 * SECTOR, &e);
	ck_assert_int_eq(load(), 0);
	for (uint64_t i = 0; i < 16; i++) {
		want = i == 4 ? 0x77 : i < 10 ? 0 : 0x11;
		ck_assert_uint_eq(read64(BAT + i * SECTOR + 8),
				  want * UINT64_C(0x0101010101010101));
		ck_assert_int_eq(vhdx_overlay_touches(ov, BAT + i * SECTOR, 1),
				 i < 10);
	}
	ck_assert(!vhdx_overlay_touches(ov, BAT + 20 * SECTOR, SECTOR));
	end();
}
END_TEST

START_TEST(vhdx_overlay__reads_of_any_shape_see_the_same_bytes)
{
	static uint8_t all[64 * SECTOR], part[64 * SECTOR];
	uint64_t x = 1;

	vhdx_image_init_dirty(&img);
	memset(img.bytes + BAT + SECTOR, 0x33, 4 * SECTOR);
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(vhdx_overlay_read(ov, io, all, sizeof(all),
					   BAT - 32 * SECTOR, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		size_t off, len;

		x = x * 6364136223846793005u + 1442695040888963407u;
		off = (size_t)(x >> 33) % (sizeof(all) - 1);
		len = 1 + (size_t)(x >> 13) % (sizeof(all) - off);
		ck_assert_int_eq(vhdx_overlay_read(ov, io, part, len,
						   BAT - 32 * SECTOR + off,
						   NULL), 0);
		ck_assert_mem_eq(part, all + off, len);
	}
	end();
}
END_TEST

START_TEST(vhdx_overlay__next_walks_over_all_changed_ranges)
{
	uint64_t start, stop;

	vhdx_image_init_dirty(&img);
	ck_assert_int_eq(load(), 0);
	ck_assert(vhdx_overlay_next(ov, 0, &start, &stop));
	ck_assert_uint_eq(start, BAT);
	ck_assert_uint_eq(stop, BAT + SECTOR);
	ck_assert(vhdx_overlay_next(ov, BAT + SECTOR - 1, &start, &stop));
	ck_assert(!vhdx_overlay_next(ov, BAT + SECTOR, &start, &stop));
	ck_assert(!vhdx_overlay_next(NULL, 0, &start, &stop));
	ck_assert(!vhdx_overlay_touches(NULL, 0, UINT64_MAX));
	end();
}
END_TEST

START_TEST(vhdx_overlay__without_an_overlay_the_file_is_read)
{
	vhdx_image_init_dirty(&img);
	ck_assert_int_eq(load(), 0);
	vhdx_overlay_free(ov);
	ov = NULL;
	ck_assert_uint_eq(bat(0), 0);
	ck_assert_uint_eq(read64(64 * MiB), 0);
	end();
}
END_TEST

START_TEST(vhdx_overlay__region_tables_may_be_logged)
{
	static const struct vhdx_image_change c = { .file_off = 0x30000,
						    .zero_len = SECTOR };
	struct vhdx_image_entry e = { .seq = 1, .change = &c,
				      .change_count = 1 };

	begin();
	vhdx_image_log_put(&img, 0, &e);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(read64(0x30000), 0);
	end();
}
END_TEST

/* VHDX-LOG-32: targets beyond the end make the file longer. */
START_TEST(vhdx_overlay__changes_past_the_end_make_the_file_longer)
{
	static const struct vhdx_image_change c = { .file_off = 50 * MiB,
						    .zero_len = 2 * MiB };
	struct vhdx_image_entry e = { .seq = 1, .change = &c,
				      .change_count = 1 };

	begin();
	vhdx_image_log_put(&img, 0, &e);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(vhdx_overlay_file_size(ov), 52 * MiB);
	ck_assert_uint_eq(found[RULE_VHDX_LOG_EXTEND], 1);
	end();
}
END_TEST

/* Up to 40 changes of 64 pages, against an array that is simply written to. */
static void random_changes(uint64_t *x)
{
	static uint8_t pages[40][SECTOR];
	struct vhdx_image_change c[40];
	uint8_t want[64];

	begin();
	memset(img.bytes + BAT, 0xee, 64 * SECTOR);
	memset(want, 0xee, sizeof(want));
	for (uint32_t i = 0; i < 40; i++) {
		struct vhdx_image_entry e = { .seq = 1 + i, .change = &c[i],
					      .change_count = 1 };
		uint32_t at, n;

		*x = *x * 6364136223846793005u + 1442695040888963407u;
		at = (uint32_t)(*x >> 33) % 64;
		n = *x >> 62 ? (uint32_t)(*x >> 48) % (64 - at + 1) : 1;
		memset(pages[i], (int)i + 1, SECTOR);
		c[i].file_off = BAT + (uint64_t)at * SECTOR;
		c[i].zero_len = (uint64_t)n * SECTOR;
		c[i].page = *x >> 62 ? NULL : pages[i];
		memset(want + at, c[i].page ? (int)i + 1 : 0, n);
		vhdx_image_log_put(&img, img.log_next_off, &e);
	}
	ck_assert_int_eq(load(), 0);
	for (uint64_t i = 0; i < 64; i++)
		ck_assert_uint_eq(read64(BAT + i * SECTOR + 16),
				  want[i] * UINT64_C(0x0101010101010101));
	end();
}

START_TEST(vhdx_overlay__any_changes_settle_as_if_written_in_order)
{
	uint64_t x = 3;

	for (int i = 0; i < 200; i++)
		random_changes(&x);
}
END_TEST

TEST_MAIN("vhdx/overlay",
	  vhdx_overlay__later_changes_win,
	  vhdx_overlay__any_changes_settle_as_if_written_in_order,
	  vhdx_overlay__reads_of_any_shape_see_the_same_bytes,
	  vhdx_overlay__next_walks_over_all_changed_ranges,
	  vhdx_overlay__without_an_overlay_the_file_is_read,
	  vhdx_overlay__region_tables_may_be_logged,
	  vhdx_overlay__changes_past_the_end_make_the_file_longer)
