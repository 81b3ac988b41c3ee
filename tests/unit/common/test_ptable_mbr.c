/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "ptable_scene.h"
#include "support/check_main.h"

static struct scene *mbr_new(void)
{
	struct scene *sc = scene_new(SCENE_SIZE);

	pdisk_mbr(&sc->d, 0);
	return sc;
}

/* A link at sector @sec: a partition, and the next link unless it is 0. */
static void link_at(struct scene *sc, uint32_t sec, uint32_t start,
		    uint32_t count, uint32_t next)
{
	uint64_t off = sec * UINT64_C(512);

	pdisk_mbr(&sc->d, off);
	pdisk_entry(&sc->d, off, 0, 0x83, start, count);
	if (next)
		pdisk_entry(&sc->d, off, 1, 0x05, next, 1024);
}

START_TEST(ptable_mbr__primaries_are_found)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x07, 63, 100);
	pdisk_put_u8(&sc->d, 446, 0x80);
	pdisk_entry(&sc->d, 0, 2, 0x83, 2048, SCENE_SECTORS - 2048);
	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_MBR);
	ck_assert_uint_eq(sc->t.count, 2);
	scene_has(sc, 0, 1, 63, 100);
	scene_has(sc, 1, 3, 2048, SCENE_SECTORS - 2048);
	ck_assert_uint_eq(sc->t.parts[0].mbr_type, 0x07);
	ck_assert_uint_eq(sc->t.parts[1].mbr_type, 0x83);
	ck_assert_str_eq(sc->t.parts[0].name, "");
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__without_signature_is_none)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x83, 63, 100);
	pdisk_put_u8(&sc->d, 511, 0xab);
	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_NONE);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__empty_table_is_a_table)
{
	struct scene *sc = mbr_new();

	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_MBR);
	ck_assert_uint_eq(sc->t.count, 0);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__entries_without_sense_are_no_table)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x83, SCENE_SECTORS, 100);
	pdisk_entry(&sc->d, 0, 3, 0x83, 0, 100);
	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_NONE);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__entries_off_the_disk_are_left_out)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x83, SCENE_SECTORS - 1, 2);
	pdisk_entry(&sc->d, 0, 1, 0x83, UINT32_MAX, UINT32_MAX);
	pdisk_entry(&sc->d, 0, 2, 0x83, 2048, 0);
	pdisk_entry(&sc->d, 0, 3, 0x83, SCENE_SECTORS - 1, 1);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 1);
	scene_has(sc, 0, 4, SCENE_SECTORS - 1, 1);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__overlapping_entries_are_both_shown)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x83, 100, 1000);
	pdisk_entry(&sc->d, 0, 1, 0x83, 500, 1000);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 2);
	scene_free(sc);
}
END_TEST

/* Each type of container, its links in any order. */
START_TEST(ptable_mbr__logical_partitions_are_found)
{
	static const uint8_t type[] = { 0x05, 0x0f, 0x85 };
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x83, 64, 64);
	pdisk_entry(&sc->d, 0, 1, type[_i], 2048, 8192);
	link_at(sc, 2048, 64, 900, 2048);
	link_at(sc, 4096, 63, 500, 1024);
	link_at(sc, 3072, 10, 400, 0);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 4);
	scene_has(sc, 0, 1, 64, 64);
	scene_has(sc, 1, 5, 2048 + 64, 900);
	scene_has(sc, 2, 6, 4096 + 63, 500);
	scene_has(sc, 3, 7, 3072 + 10, 400);
	/* The container is no partition, but its links are watched. */
	ck_assert(ptable_touched(&sc->t, 2048 * 512, 1));
	ck_assert(ptable_touched(&sc->t, 3072 * 512 + 511, 1));
	ck_assert(!ptable_touched(&sc->t, 3072 * 512 + 512, 1));
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__loops_end)
{
	static const uint32_t back[] = { 1, 1024, 2048 };
	struct scene *sc = mbr_new();
	uint32_t next = back[_i];

	/* To itself (a link is not at 0 of the chain twice), or further back. */
	pdisk_entry(&sc->d, 0, 0, 0x05, 2048, 8192);
	link_at(sc, 2048, 64, 100, 1024);
	link_at(sc, 3072, 64, 100, 2048);
	link_at(sc, 4096, 64, 100, next);
	if (next == 1)
		pdisk_entry(&sc->d, 4096 * 512, 1, 0x05, 0, 1024);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 3);
	scene_has(sc, 2, 7, 4096 + 64, 100);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__links_outside_are_not_followed)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x05, 2048, 4096);
	link_at(sc, 2048, 64, 100, 4096);
	link_at(sc, 2048 + 4096, 64, 100, 0);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 1);
	/* Past the end of the disk. */
	pdisk_entry(&sc->d, 0, 0, 0x83, 64, 64);
	pdisk_entry(&sc->d, 0, 1, 0x05, 2048, UINT32_MAX);
	pdisk_entry(&sc->d, 2048 * 512, 1, 0x05, SCENE_SECTORS - 2048, 100);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 2);
	pdisk_entry(&sc->d, 2048 * 512, 1, 0x05, UINT32_MAX - 1, 100);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 2);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__container_at_sector_0_is_not_followed)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x83, 64, 64);
	pdisk_entry(&sc->d, 0, 1, 0x05, 0, 8192);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 1);
	ck_assert_uint_eq(sc->d.reads, 2);
	scene_free(sc);
}
END_TEST

/* A chain that never shows a partition, and one that shows too many. */
START_TEST(ptable_mbr__depth_is_limited)
{
	struct scene *sc = mbr_new();
	uint32_t i;

	pdisk_entry(&sc->d, 0, 0, 0x05, 1, SCENE_SECTORS - 1);
	for (i = 0; i < 400; i++)
		link_at(sc, 1 + i, 400, _i ? 1 : 0, i + 1);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, _i ? PTABLE_MAX : 0);
	ck_assert_uint_eq(sc->d.reads, 2 * (1 + PTABLE_MAX));
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__link_without_signature_ends_the_chain)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x05, 2048, 8192);
	link_at(sc, 2048, 64, 100, 1024);
	link_at(sc, 3072, 64, 100, 0);
	pdisk_put_u8(&sc->d, 3072 * 512 + 510, 0);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 1);
	/* It would be found again if it were mended. */
	ck_assert(ptable_touched(&sc->t, 3072 * 512 + 510, 1));
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__numbers_count_what_is_left_out)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x05, 2048, 8192);
	link_at(sc, 2048, 64, UINT32_MAX, 1024);
	link_at(sc, 3072, 0, 100, 2048);
	link_at(sc, 4096, 0, 0, 3072);
	link_at(sc, 5120, 64, 100, 0);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 1);
	scene_has(sc, 0, 7, 5120 + 64, 100);
	scene_free(sc);
}
END_TEST

/* The third and fourth entry of a link count inside its own part only. */
START_TEST(ptable_mbr__rubbish_in_links_is_ignored)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x05, 2048, 4096);
	link_at(sc, 2048, 64, 100, 1024);
	pdisk_entry(&sc->d, 2048 * 512, 2, 0x83, 200, 3897);
	pdisk_entry(&sc->d, 2048 * 512, 3, 0x83, 200, 800);
	/* The second link's part has 1024 sectors. */
	link_at(sc, 3072, 64, 100, 0);
	pdisk_entry(&sc->d, 3072 * 512, 2, 0x83, 200, 825);
	pdisk_entry(&sc->d, 3072 * 512, 3, 0x83, 200, 824);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 4);
	scene_has(sc, 0, 5, 2048 + 64, 100);
	scene_has(sc, 1, 6, 2048 + 200, 800);
	scene_has(sc, 2, 7, 3072 + 64, 100);
	scene_has(sc, 3, 8, 3072 + 200, 824);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__second_container_goes_on_counting)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 1, 0x05, 2048, 1024);
	pdisk_entry(&sc->d, 0, 2, 0x0f, 4096, 1024);
	pdisk_entry(&sc->d, 0, 3, 0x05, 2048, 1024);
	link_at(sc, 2048, 64, 100, 0);
	link_at(sc, 4096, 64, 200, 0);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, 2);
	scene_has(sc, 0, 5, 2048 + 64, 100);
	scene_has(sc, 1, 6, 4096 + 64, 200);
	scene_free(sc);
}
END_TEST

/* Code where the entries would be. */
START_TEST(ptable_mbr__boot_flag_other_than_80_is_no_table)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x83, 64, 64);
	pdisk_put_u8(&sc->d, 446 + 3 * 16, 0x01);
	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_NONE);
	scene_free(sc);
}
END_TEST

static const uint8_t volumes[][24] = {
	{ 0xeb, 0x3c, 0x90, 'm', 'k', 'f', 's', '.', 'f', 'a', 't',
	  0, 2, 4, 1, 0, 2, 0, 2, 0, 0x40, 0xf8, 0x10, 0 },
	{ 0xeb, 0x58, 0x90, 'M', 'S', 'D', 'O', 'S', '5', '.', '0',
	  0, 2, 8, 32, 0, 2, 0, 0, 0, 0, 0xf8, 0, 0 },
	{ 0xeb, 0x52, 0x90, 'N', 'T', 'F', 'S', ' ', ' ', ' ', ' ',
	  0, 2, 8, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0, 0 },
	{ 0xeb, 0x76, 0x90, 'E', 'X', 'F', 'A', 'T', ' ', ' ', ' ', 0 },
	{ 0xeb, 0x58, 0x90, '-', 'F', 'V', 'E', '-', 'F', 'S', '-',
	  0, 2, 8, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0, 0 },
};

START_TEST(ptable_mbr__file_system_on_the_whole_disk_is_no_table)
{
	struct scene *sc = mbr_new();

	pdisk_put(&sc->d, 0, volumes[_i], sizeof(volumes[_i]));
	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_NONE);
	/* Entries that make no sense do not turn it into a table. */
	pdisk_entry(&sc->d, 0, 0, 0x0c, 0, SCENE_SECTORS);
	pdisk_entry(&sc->d, 0, 1, 0x65, 0x20736b73, 0x6e6f6974);
	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_NONE);
	/* A boot loader keeps those bytes: sensible entries are a table. */
	pdisk_entry(&sc->d, 0, 2, 0x83, 2048, 4096);
	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_MBR);
	ck_assert_uint_eq(sc->t.count, 1);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__sectors_of_4096_are_counted)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x83, 256, 512);
	pdisk_entry(&sc->d, 0, 1, 0x05, 1024, 512);
	pdisk_mbr(&sc->d, 1024 * 4096);
	pdisk_entry(&sc->d, 1024 * 4096, 0, 0x83, 16, 100);
	scene_read(sc, 4096);
	ck_assert_uint_eq(sc->t.sector, 4096);
	ck_assert_uint_eq(sc->t.count, 2);
	scene_has(sc, 0, 1, 256, 512);
	scene_has(sc, 1, 5, 1024 + 16, 100);
	scene_free(sc);
}
END_TEST

/* A table for sectors of 512, on a disk that now has larger ones. */
START_TEST(ptable_mbr__table_of_the_smaller_size_is_found)
{
	struct scene *sc = mbr_new();

	pdisk_entry(&sc->d, 0, 0, 0x83, 2048, SCENE_SECTORS - 2048);
	scene_read(sc, 4096);
	ck_assert_uint_eq(sc->t.sector, 512);
	ck_assert_uint_eq(sc->t.count, 1);
	scene_has(sc, 0, 1, 2048, SCENE_SECTORS - 2048);
	scene_free(sc);
}
END_TEST

START_TEST(ptable_mbr__disk_of_16_tib_has_all_of_32_bits)
{
	struct scene *sc = scene_new(UINT64_C(1) << 45);

	pdisk_mbr(&sc->d, 0);
	pdisk_entry(&sc->d, 0, 0, 0x83, UINT32_MAX, UINT32_MAX);
	scene_read(sc, 4096);
	scene_has(sc, 0, 1, UINT32_MAX, UINT32_MAX);
	scene_free(sc);
}
END_TEST

TEST_MAIN_ROWS("common/ptable_mbr",
	       ONCE(ptable_mbr__primaries_are_found),
	       ONCE(ptable_mbr__without_signature_is_none),
	       ONCE(ptable_mbr__empty_table_is_a_table),
	       ONCE(ptable_mbr__entries_without_sense_are_no_table),
	       ONCE(ptable_mbr__entries_off_the_disk_are_left_out),
	       ONCE(ptable_mbr__overlapping_entries_are_both_shown),
	       LOOP(ptable_mbr__logical_partitions_are_found, 3),
	       LOOP(ptable_mbr__loops_end, 3),
	       ONCE(ptable_mbr__links_outside_are_not_followed),
	       ONCE(ptable_mbr__container_at_sector_0_is_not_followed),
	       LOOP(ptable_mbr__depth_is_limited, 2),
	       ONCE(ptable_mbr__link_without_signature_ends_the_chain),
	       ONCE(ptable_mbr__numbers_count_what_is_left_out),
	       ONCE(ptable_mbr__rubbish_in_links_is_ignored),
	       ONCE(ptable_mbr__second_container_goes_on_counting),
	       ONCE(ptable_mbr__boot_flag_other_than_80_is_no_table),
	       LOOP(ptable_mbr__file_system_on_the_whole_disk_is_no_table, 5),
	       ONCE(ptable_mbr__sectors_of_4096_are_counted),
	       ONCE(ptable_mbr__table_of_the_smaller_size_is_found),
	       ONCE(ptable_mbr__disk_of_16_tib_has_all_of_32_bits))
