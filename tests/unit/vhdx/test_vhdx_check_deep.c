/* SPDX-License-Identifier: BSD-2-Clause */
/* The deep check: bitmaps, and data that has to be readable (VHDX-CHK-73). */
#include <errno.h>

#include "support/vhdx_checking.h"

/* A child of 1 GiB with one partially present block and its bitmap. */
static void make_partial(uint64_t blk, uint64_t disk_size)
{
	struct vhdx_image_spec spec = { .disk_size = disk_size,
					.block_size = MiB,
					.has_parent = true };

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 6 * MiB);
	put(blk, 4, 7);
	put(4096, 5, 6);
}

static void set_bits(uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count; i++)
		img.bytes[5 * MiB + i / 8] |= (uint8_t)(1u << (i & 7));
}

START_TEST(vhdx_check_deep__bitmaps_that_say_nothing)
{
	o.deep = true;
	make_partial(3, GiB);
	ck_assert_uint_eq(finds(RULE_VHDX_BITMAP_EMPTY)->off, 3 * MiB + 24);
	make_partial(3, GiB);
	set_bits(3 * 2048, 2048);
	ck_assert_uint_eq(finds(RULE_VHDX_BITMAP_FULL)->off, 3 * MiB + 24);
	make_partial(3, GiB);
	set_bits(3 * 2048 + 2047, 1);
	run();
	ck_assert_uint_eq(o.seen_count, 0);
	/* It is no matter for a check that does not look that far. */
	o.deep = false;
	make_partial(3, GiB);
	run();
	ck_assert_uint_eq(o.seen_count, 0);
}
END_TEST

START_TEST(vhdx_check_deep__bits_past_the_end_of_the_disk)
{
	static const uint64_t bits[] = { 4 * 2048 + 100, 4 * 2048 + 2047,
					 7000, (1 << 23) - 1 };

	o.deep = true;
	for (size_t i = 0; i < 4; i++) {
		make_partial(4, 4 * MiB + 100 * 512);
		set_bits(4 * 2048 + 5, 1);
		set_bits(bits[i], 1);
		if (bits[i] == 7000) {	/* inside of the disk */
			run();
			ck_assert_uint_eq(o.seen_count, 0);
			continue;
		}
		finds(RULE_VHDX_BITMAP_BEYOND);
	}
	o.deep = false;
}
END_TEST

/* A disk with a bad sector at 4 MiB + 8 KiB. */
static int64_t bad_pread(void *h, void *buf, size_t len, uint64_t off)
{
	if (ranges_overlap(off, len, 4 * MiB + 8192, 512))
		return -EIO;
	return vhd_mem_ops.pread(h, buf, len, off);
}

/* VHDX-CHK-73 */
START_TEST(vhdx_check_deep__data_that_cannot_be_read)
{
	struct vhd_io_ops ops = vhd_mem_ops;
	const struct vhdx_seen *seen;

	ops.pread = bad_pread;
	ops.preadv = NULL;
	for (int deep = 0; deep < 2; deep++) {
		struct vhd_io *io = NULL;

		o.deep = deep;
		make(false, 5);
		put(7, 4, 6);
		ck_assert(!vhd_io_new(&ops, vhd_mem_new(img.bytes, img.len),
				      "bad", &io, NULL));
		vhdx_opened_begin_io(&o, io);
		vhdx_opened_check(&o);
		seen = vhdx_opened_first(&o, RULE_VHDX_UNREADABLE);
		ck_assert_uint_eq(o.seen_count, deep ? 1 : 0);
		if (deep)
			ck_assert_str_eq(seen->msg,
					 "0x10000 bytes of block 7 cannot be "
					 "read, the first ones at 0x400000");
		vhdx_opened_end(&o);
		vhdx_image_free(&img);
	}
	o.deep = false;
}
END_TEST

TEST_MAIN("vhdx/check_deep",
	  vhdx_check_deep__bitmaps_that_say_nothing,
	  vhdx_check_deep__bits_past_the_end_of_the_disk,
	  vhdx_check_deep__data_that_cannot_be_read)
