/* SPDX-License-Identifier: BSD-2-Clause */
/* The pieces that the readers of file systems are made of. */
#include <stdlib.h>
#include <string.h>

#include "common/fs/fs_priv.h"
#include "common/fs/ntfs.h"
#include "support/check_main.h"

struct list {
	size_t count;
	uint64_t off[16], len[16];
};

static bool emit(void *arg, uint64_t off, uint64_t len)
{
	struct list *l = arg;

	ck_assert_uint_lt(l->count, 16);
	l->off[l->count] = off;
	l->len[l->count++] = len;
	return true;
}

/* A volume of 1000 bytes at 100 that is only written about. */
struct bench {
	struct fs_part part;
	struct list list;
	struct fs_sink sink;
	struct fs_vol v;
};

static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->part.off = 100;
	b->sink = (struct fs_sink){ .emit = emit, .arg = &b->list };
	b->v = (struct fs_vol){ .part = &b->part, .sink = &b->sink,
				.len = 1000 };
}

START_TEST(fs_vol__ranges_that_touch_are_one)
{
	struct bench b;

	bench_init(&b);
	ck_assert_int_eq(vol_unused(&b.v, 10, 5), FS_OK);
	ck_assert_int_eq(vol_unused(&b.v, 15, 5), FS_OK);
	ck_assert_int_eq(vol_unused(&b.v, 20, 0), FS_OK);
	ck_assert_int_eq(vol_unused(&b.v, 21, 9), FS_OK);
	ck_assert_int_eq(sink_flush(&b.sink), FS_OK);
	ck_assert_uint_eq(b.list.count, 2);
	ck_assert_uint_eq(b.list.off[0], 110);
	ck_assert_uint_eq(b.list.len[0], 10);
	ck_assert_uint_eq(b.list.off[1], 121);
	ck_assert_uint_eq(b.v.unused, 19);
}
END_TEST

START_TEST(fs_vol__ranges_ascend_and_stay_inside)
{
	struct bench b;

	bench_init(&b);
	ck_assert_int_eq(vol_unused(&b.v, 10, 5), FS_OK);
	ck_assert_int_eq(vol_unused(&b.v, 14, 5), FS_LEFT);
	ck_assert_int_eq(vol_unused(&b.v, 990, 11), FS_LEFT);
	ck_assert_int_eq(vol_unused(&b.v, UINT64_MAX, 2), FS_LEFT);
	ck_assert_int_eq(vol_unused(&b.v, 990, 10), FS_OK);
	ck_assert_str_ne(b.part.why, "");
}
END_TEST

/* 0x0c: units 0, 1, 4 to 7 are free. */
START_TEST(fs_bits__runs_go_over_bytes_and_calls)
{
	static const uint8_t map[] = { 0x0c, 0x00, 0xf0, 0xff, 0xfe };
	struct fs_bits bits = { .unit = 2, .base = 4, .count = 34 };
	struct bench b;
	size_t i;

	bench_init(&b);
	for (i = 0; i < sizeof(map); i++)
		ck_assert_int_eq(bits_take(&b.v, &bits, map + i, 1), FS_OK);
	ck_assert_int_eq(bits_end(&b.v, &bits), FS_OK);
	sink_flush(&b.sink);
	ck_assert_uint_eq(b.list.count, 3);
	ck_assert_uint_eq(b.list.off[0], 104);
	ck_assert_uint_eq(b.list.len[0], 4);
	ck_assert_uint_eq(b.list.off[1], 112);
	ck_assert_uint_eq(b.list.len[1], 32);
	ck_assert_uint_eq(b.list.off[2], 168);
	ck_assert_uint_eq(b.list.len[2], 2);
	ck_assert_uint_eq(bits.zeros, 19);
}
END_TEST

START_TEST(fs_text__labels_cannot_drive_a_terminal)
{
	char text[12];

	put_text(text, sizeof(text), (const uint8_t *)"a\033[b\xff\xc3\xa9", 7);
	ck_assert_str_eq(text, "a?[b?\xc3\xa9");
	put_text(text, sizeof(text), (const uint8_t *)"\xc0\x80\xed\xa0\x80", 5);
	ck_assert_str_eq(text, "?????");
	put_text(text, sizeof(text), (const uint8_t *)"0123456789abcdef", 16);
	ck_assert_str_eq(text, "0123456789a");
	put_text16(text, sizeof(text),
		   (const uint8_t *)"\x3d\xd8\x00\xde\x00\xdc\x07\0z\0\0\0y", 7);
	ck_assert_str_eq(text, "\xf0\x9f\x98\x80\xef\xbf\xbd?z");
}
END_TEST

START_TEST(fs_crc32c__knows_its_check_value)
{
	ck_assert(fs_crc32c_ok("123456789", 9, 0xe3069283));
	ck_assert(!fs_crc32c_ok("123456780", 9, 0xe3069283));
}
END_TEST

static struct ntfs *ntfs_new(struct bench *b)
{
	struct ntfs *n = calloc(1, sizeof(*n));

	ck_assert_ptr_nonnull(n);
	bench_init(b);
	n->v = &b->v;
	n->clusters = 1000;
	n->cluster = 4096;
	return n;
}

/* Forward, a hole, backward; then what cannot be. */
START_TEST(fs_ntfs__runs_are_differences)
{
	static const uint8_t raw[] = { 0x21, 0x18, 0x34, 0x01, 0x01, 0x05,
				       0x11, 0x02, 0xf0, 0x00 };
	const uint8_t *at = raw, *end = raw + sizeof(raw);
	struct ntfs_run run;
	struct bench b;
	struct ntfs *n = ntfs_new(&b);
	int64_t lcn = 0;

	ck_assert_int_eq(ntfs_run_next(n, &at, end, &lcn, &run), FS_OK);
	ck_assert_uint_eq(run.lcn, 0x134);
	ck_assert_uint_eq(run.len, 0x18);
	ck_assert_int_eq(ntfs_run_next(n, &at, end, &lcn, &run), FS_OK);
	ck_assert_uint_eq(run.lcn, NTFS_NO_LCN);
	ck_assert_uint_eq(run.len, 5);
	ck_assert_int_eq(ntfs_run_next(n, &at, end, &lcn, &run), FS_OK);
	ck_assert_uint_eq(run.lcn, 0x124);
	ck_assert_int_eq(ntfs_run_next(n, &at, end, &lcn, &run), FS_OK);
	ck_assert_uint_eq(run.len, 0);
	free(n);
}
END_TEST

START_TEST(fs_ntfs__runs_that_cannot_be_are_refused)
{
	static const uint8_t bad[][8] = {
		{ 0x11, 0x00, 0x01 },		/* no clusters */
		{ 0x11, 0xff, 0x01 },		/* fewer than none */
		{ 0x11, 0x01, 0xff },		/* before the volume */
		{ 0x22, 0x64, 0x00, 0xb6, 0x03 },	/* past its end */
		{ 0x10, 0x01 },			/* no length */
		{ 0x99, 0x01 },			/* numbers of nine bytes */
		{ 0x44, 0x01, 0x01 },		/* cut off */
	};
	struct ntfs_run run;
	struct bench b;
	struct ntfs *n = ntfs_new(&b);
	const uint8_t *at = bad[_i];
	int64_t lcn = 0;

	ck_assert_int_eq(ntfs_run_next(n, &at, bad[_i] + 8, &lcn, &run),
			 FS_LEFT);
	free(n);
}
END_TEST

TEST_MAIN_ROWS("common/fs_parts", ONCE(fs_vol__ranges_that_touch_are_one),
	       ONCE(fs_vol__ranges_ascend_and_stay_inside),
	       ONCE(fs_bits__runs_go_over_bytes_and_calls),
	       ONCE(fs_text__labels_cannot_drive_a_terminal),
	       ONCE(fs_crc32c__knows_its_check_value),
	       ONCE(fs_ntfs__runs_are_differences),
	       LOOP(fs_ntfs__runs_that_cannot_be_are_refused, 7))
