/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "ptable_scene.h"
#include "support/check_main.h"

enum { BOTH = PDISK_PRIMARY | PDISK_BACKUP };

static const uint32_t sizes[] = { 512, 4096 };

/* Sound, with partition 2 called "data". */
static struct scene *gpt_new(uint32_t sector, unsigned copies)
{
	struct scene *sc = scene_new(SCENE_SIZE);

	pdisk_gpt(&sc->d, sector, copies);
	pdisk_gpt_part(&sc->d, sector, 1, 256, 511, "data");
	return sc;
}

static void has_data(const struct scene *sc, uint32_t sector, bool backup)
{
	ck_assert_int_eq(sc->t.kind, PTABLE_GPT);
	ck_assert_uint_eq(sc->t.sector, sector);
	ck_assert(sc->t.backup == backup);
	ck_assert_uint_eq(sc->t.count, 1);
	scene_has(sc, 0, 2, 256, 256);
	ck_assert_str_eq(sc->t.parts[0].name, "data");
}

static void read_none(struct scene *sc, uint32_t sector)
{
	scene_read(sc, sector);
	ck_assert_int_eq(sc->t.kind, PTABLE_NONE);
	ck_assert_uint_eq(sc->t.count, 0);
	ck_assert(!sc->t.backup);
}

/* A field of the only header. */
static uint64_t field(const struct scene *sc, uint64_t off)
{
	return pdisk_gpt_header(&sc->d, 512, PDISK_PRIMARY) + off;
}

/* Disks of either size, tables of either size. */
START_TEST(ptable_gpt__primary_is_found)
{
	uint32_t sector = sizes[_i & 1];
	struct scene *sc = gpt_new(sector, BOTH);

	scene_read(sc, sizes[_i >> 1]);
	has_data(sc, sector, false);
	/* Header and array are watched, what follows is not. */
	ck_assert(ptable_touched(&sc->t, sector, 1));
	ck_assert(ptable_touched(&sc->t, 2 * sector + 16383, 1));
	ck_assert(!ptable_touched(&sc->t, 2 * sector + 16384, 1 << 20));
	scene_free(sc);
}
END_TEST

START_TEST(ptable_gpt__guids_are_in_text_order)
{
	struct scene *sc = gpt_new(512, BOTH);
	char text[VHD_GUID_TEXT];

	scene_read(sc, 512);
	vhd_guid_format(&sc->t.parts[0].type, text);
	ck_assert_str_eq(text, "0fc63daf-8483-4772-8e79-3d69d8477de4");
	vhd_guid_format(&sc->t.parts[0].id, text);
	ck_assert_str_eq(text, "44332211-0000-0000-0000-000002000000");
	scene_free(sc);
}
END_TEST

START_TEST(ptable_gpt__backup_serves_when_the_primary_is_damaged)
{
	uint32_t sector = sizes[_i & 1];
	struct scene *sc = gpt_new(sector, BOTH);
	uint64_t header = pdisk_gpt_header(&sc->d, sector, PDISK_PRIMARY);

	/* Its header, or its array. */
	if (_i & 4)
		pdisk_put_u8(&sc->d, header + 60, 99);
	else
		pdisk_put_u8(&sc->d, header + sector + 16383, 99);
	scene_read(sc, sizes[_i >> 1 & 1]);
	has_data(sc, sector, true);
	/* The primary would be used again if it were mended. */
	ck_assert(ptable_touched(&sc->t, header + 60, 1));
	ck_assert(ptable_touched(&sc->t, SCENE_SIZE - sector, 1));
	ck_assert(_i & 4 || ptable_touched(&sc->t, header + sector + 16383, 1));
	scene_free(sc);
}
END_TEST

START_TEST(ptable_gpt__backup_alone_is_enough)
{
	struct scene *sc = gpt_new(sizes[_i & 1], PDISK_BACKUP);

	scene_read(sc, sizes[_i >> 1]);
	has_data(sc, sizes[_i & 1], true);
	scene_free(sc);
}
END_TEST

/* The last sector counts, also when the disk ends in a part of one. */
START_TEST(ptable_gpt__backup_is_in_the_last_whole_sector)
{
	struct scene *sc = scene_new(SCENE_SIZE + 1536);

	pdisk_gpt(&sc->d, 4096, PDISK_BACKUP);
	pdisk_gpt_part(&sc->d, 4096, 1, 256, 511, "data");
	scene_read(sc, 4096);
	has_data(sc, 4096, true);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_gpt__protective_mbr_without_gpt_is_none)
{
	struct scene *sc = gpt_new(512, 0);

	read_none(sc, 512);
	/* Wherever a header might turn up. */
	ck_assert(ptable_touched(&sc->t, 512, 1));
	ck_assert(ptable_touched(&sc->t, 4096, 1));
	ck_assert(ptable_touched(&sc->t, SCENE_SIZE - 512, 1));
	ck_assert(ptable_touched(&sc->t, SCENE_SIZE - 4096, 1));
	scene_free(sc);
}
END_TEST

START_TEST(ptable_gpt__needs_a_protective_mbr)
{
	struct scene *sc = gpt_new(512, BOTH);

	pdisk_entry(&sc->d, 0, 0, 0x83, 1, 100);
	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_MBR);
	pdisk_put_u8(&sc->d, 510, 0);
	read_none(sc, 512);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_gpt__wins_over_a_hybrid_mbr)
{
	struct scene *sc = gpt_new(512, BOTH);

	pdisk_entry(&sc->d, 0, 0, 0x07, 256, 256);
	pdisk_entry(&sc->d, 0, 1, 0xee, 1, 255);
	pdisk_entry(&sc->d, 0, 2, 0x83, 512, 1000);
	scene_read(sc, 512);
	has_data(sc, 512, false);
	/* Without its GPT the rest of it is not believed. */
	pdisk_put_u8(&sc->d, 512, 0);
	pdisk_put_u8(&sc->d, SCENE_SIZE - 512, 0);
	read_none(sc, 512);
	scene_free(sc);
}
END_TEST

/* A field of the header, and a value that it may not have. */
static const struct { uint64_t off; uint64_t value; unsigned len; } lies[] = {
	{ 12, 91, 4 }, { 12, 513, 4 }, { 12, UINT32_MAX, 4 },
	{ 24, 2, 8 }, { 24, UINT64_MAX, 8 },
	{ 40, SCENE_SECTORS, 8 },		/* first above last */
	{ 48, SCENE_SECTORS, 8 }, { 48, UINT64_MAX, 8 },
	{ 72, 0, 8 }, { 72, SCENE_SECTORS - 31, 8 }, { 72, UINT64_MAX, 8 },
	{ 72, UINT64_C(1) << 55, 8 },
	{ 80, 0, 4 }, { 80, UINT32_MAX, 4 }, { 80, 8193, 4 },
	{ 84, 0, 4 }, { 84, 64, 4 }, { 84, 127, 4 }, { 84, 384, 4 },
	{ 84, 8192, 4 }, { 84, UINT32_C(1) << 31, 4 },
};

START_TEST(ptable_gpt__header_that_lies_is_refused)
{
	struct scene *sc = gpt_new(512, PDISK_PRIMARY);
	uint64_t off = field(sc, lies[_i].off);

	scene_read(sc, 512);
	has_data(sc, 512, false);
	if (lies[_i].len == 8)
		pdisk_put_u64(&sc->d, off, lies[_i].value);
	else
		pdisk_put_u32(&sc->d, off, (uint32_t)lies[_i].value);
	pdisk_reseal(&sc->d);
	read_none(sc, 512);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_gpt__array_in_the_mbr_is_refused)
{
	struct scene *sc = gpt_new(512, PDISK_PRIMARY);

	pdisk_put_u64(&sc->d, field(sc, 72), 0);
	pdisk_put_u32(&sc->d, field(sc, 80), 3);
	pdisk_reseal(&sc->d);
	read_none(sc, 512);
	pdisk_put_u64(&sc->d, field(sc, 72), 2);
	pdisk_reseal(&sc->d);
	scene_read(sc, 512);
	has_data(sc, 512, false);
	scene_free(sc);
}
END_TEST

/* One bit of what the checksums cover, and of the checksums. */
START_TEST(ptable_gpt__checksums_are_verified)
{
	static const uint64_t at[] = { 8, 16, 20, 56, 88, 91, 512, 16895 };
	struct scene *sc = gpt_new(512, PDISK_PRIMARY);
	uint64_t off = field(sc, at[_i]);
	uint8_t v;

	pdisk_get(&sc->d, off, &v, 1);
	pdisk_put_u8(&sc->d, off, v ^ 0x40);
	read_none(sc, 512);
	scene_free(sc);
}
END_TEST

/* A header that uses its sector whole, entries of 4096 bytes, 1 MiB of them. */
START_TEST(ptable_gpt__larger_headers_and_entries_are_read)
{
	struct scene *sc = scene_new(SCENE_SIZE);
	uint32_t entry = UINT32_C(128) << _i;

	pdisk_gpt(&sc->d, 512, PDISK_PRIMARY);
	pdisk_put_u32(&sc->d, field(sc, 12), 512);
	pdisk_put_u32(&sc->d, field(sc, 80), (1 << 20) / entry);
	pdisk_put_u32(&sc->d, field(sc, 84), entry);
	pdisk_gpt_part(&sc->d, 512, 0, 4096, 4099, "first");
	pdisk_gpt_part(&sc->d, 512, (1 << 20) / 128 - entry / 128, 5000, 5000,
		       "last");
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 2);
	scene_has(sc, 0, 1, 4096, 4);
	scene_has(sc, 1, (1 << 20) / entry, 5000, 1);
	ck_assert_str_eq(sc->t.parts[1].name, "last");
	scene_free(sc);
}
END_TEST

START_TEST(ptable_gpt__entries_that_cannot_be_are_left_out)
{
	struct scene *sc = scene_new(SCENE_SIZE);

	pdisk_gpt(&sc->d, 512, BOTH);
	pdisk_gpt_part(&sc->d, 512, 0, 4000, 3999, "backwards");
	pdisk_gpt_part(&sc->d, 512, 1, SCENE_SECTORS - 2, SCENE_SECTORS, "x");
	pdisk_gpt_part(&sc->d, 512, 2, UINT64_MAX - 1, UINT64_MAX, "far");
	pdisk_gpt_part(&sc->d, 512, 3, 0, 100, "on the table");
	pdisk_gpt_part(&sc->d, 512, 4, 1, UINT64_MAX, "wraps");
	pdisk_gpt_part(&sc->d, 512, 9, 4000, 4000, "one sector");
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 1);
	scene_has(sc, 0, 10, 4000, 1);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_gpt__more_partitions_than_fit_are_cut)
{
	struct scene *sc = scene_new(SCENE_SIZE);
	unsigned i;

	pdisk_gpt(&sc->d, 512, PDISK_PRIMARY);
	pdisk_put_u32(&sc->d, field(sc, 80), 300);
	for (i = 0; i < 300; i++) {
		uint64_t at = pdisk_gpt_entry(&sc->d, 512, PDISK_PRIMARY, i);

		pdisk_put_u8(&sc->d, at, 7);
		pdisk_put_u64(&sc->d, at + 32, 1000 + i);
		pdisk_put_u64(&sc->d, at + 40, 1000 + i);
	}
	pdisk_reseal(&sc->d);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, PTABLE_MAX);
	scene_has(sc, PTABLE_MAX - 1, PTABLE_MAX, 1000 + PTABLE_MAX - 1, 1);
	scene_free(sc);
}
END_TEST

static void name_is(const uint16_t *wide, size_t units, const char *want)
{
	struct scene *sc = gpt_new(512, PDISK_PRIMARY);
	uint64_t at = pdisk_gpt_entry(&sc->d, 512, PDISK_PRIMARY, 1) + 56;
	size_t i;

	for (i = 0; i < units; i++) {
		pdisk_put_u8(&sc->d, at + 2 * i, (uint8_t)wide[i]);
		pdisk_put_u8(&sc->d, at + 2 * i + 1, (uint8_t)(wide[i] >> 8));
	}
	pdisk_reseal(&sc->d);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 1);
	ck_assert_str_eq(sc->t.parts[0].name, want);
	scene_free(sc);
}

#define NAME_IS(want, ...) do {                                              \
	static const uint16_t wide[] = { __VA_ARGS__ };                      \
	name_is(wide, sizeof(wide) / sizeof(*wide), want);                   \
} while (0)

START_TEST(ptable_gpt__names_become_utf8)
{
	NAME_IS("", 0);
	NAME_IS("a", 'a', 0, 'b');
	NAME_IS("\xc3\xa9\xe2\x82\xac", 0xe9, 0x20ac, 0);
	NAME_IS("\xf0\x9f\x92\xbe!", 0xd83d, 0xdcbe, '!', 0);
	NAME_IS("\xef\xbf\xbd" "a", 0xd83d, 'a', 0);
	NAME_IS("\xef\xbf\xbd\xf0\x9f\x92\xbe", 0xd83d, 0xd83d, 0xdcbe, 0);
	NAME_IS("\xef\xbf\xbd\xef\xbf\xbd", 0xdcbe, 0xdfff, 0);
	NAME_IS("\xef\xbf\xbd", 0xd83d, 0);
	NAME_IS("\xef\xbf\xbd\xee\x80\x80", 0xd83d, 0xe000, 0);
}
END_TEST

/* 36 characters of three bytes, the last a surrogate that lacks its mate. */
START_TEST(ptable_gpt__longest_name_fits)
{
	uint16_t wide[36];
	char want[36 * 3 + 1];
	size_t i;

	for (i = 0; i < 36; i++) {
		wide[i] = i == 35 ? 0xd800 : 0xffff;
		memcpy(want + 3 * i, i == 35 ? "\xef\xbf\xbd" : "\xef\xbf\xbf",
		       3);
	}
	want[sizeof(want) - 1] = '\0';
	name_is(wide, 36, want);
}
END_TEST

/* The far end of numbers: 2^64 bytes, nearly. */
START_TEST(ptable_gpt__largest_disk_is_fine)
{
	uint64_t size = UINT64_MAX - 4095, last = size / 512 - 1;
	struct scene *sc = scene_new(size);

	pdisk_gpt(&sc->d, 512, BOTH);
	pdisk_gpt_part(&sc->d, 512, 0, 34, last, "all");
	pdisk_put_u8(&sc->d, 512, 0);
	scene_read(sc, 512);
	ck_assert(sc->t.backup);
	ck_assert_uint_eq(sc->t.count, 1);
	scene_has(sc, 0, 1, 34, last - 33);
	scene_free(sc);
}
END_TEST

TEST_MAIN_ROWS("common/ptable_gpt",
	       LOOP(ptable_gpt__primary_is_found, 4),
	       ONCE(ptable_gpt__guids_are_in_text_order),
	       LOOP(ptable_gpt__backup_serves_when_the_primary_is_damaged, 8),
	       LOOP(ptable_gpt__backup_alone_is_enough, 4),
	       ONCE(ptable_gpt__backup_is_in_the_last_whole_sector),
	       ONCE(ptable_gpt__protective_mbr_without_gpt_is_none),
	       ONCE(ptable_gpt__needs_a_protective_mbr),
	       ONCE(ptable_gpt__wins_over_a_hybrid_mbr),
	       LOOP(ptable_gpt__header_that_lies_is_refused,
		    (int)(sizeof(lies) / sizeof(*lies))),
	       ONCE(ptable_gpt__array_in_the_mbr_is_refused),
	       LOOP(ptable_gpt__checksums_are_verified, 8),
	       LOOP(ptable_gpt__larger_headers_and_entries_are_read, 6),
	       ONCE(ptable_gpt__entries_that_cannot_be_are_left_out),
	       ONCE(ptable_gpt__more_partitions_than_fit_are_cut),
	       ONCE(ptable_gpt__names_become_utf8),
	       ONCE(ptable_gpt__longest_name_fits),
	       ONCE(ptable_gpt__largest_disk_is_fine))
