/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "common/fs_end.h"
#include "ptable_scene.h"
#include "support/check_main.h"

/* The mark of a kind of content, what says its size, and the answer. */
static const struct row {
	const char *name;
	uint64_t off;
	const char *mark;
	size_t mark_len;
	uint64_t at[2];
	uint32_t value[2];
	uint64_t end;
} kinds[] = {
	{ "ext4", 1024 + 56, "\x53\xef", 2, { 1024 + 4, 1024 + 24 },
	  { 1000, 2 }, 4096000 },
	{ "XFS", 0, "XFSB", 4, { 4, 12 }, { 0x00100000, 0x64000000 },
	  409600 },
	{ "NTFS", 3, "NTFS    ", 8, { 11, 40 }, { 512, 99 }, 51200 },
	{ "exFAT", 3, "EXFAT   ", 8, { 72, 108 }, { 100, 9 }, 51200 },
	{ "BitLocker", 3, "-FVE-FS-", 8, { 200, 204 }, { 0, 0 }, UINT64_MAX },
	{ "ReFS", 3, "ReFS\0\0\0\0", 8, { 24, 32 }, { 100, 512 }, 51200 },
	{ "LUKS", 0, "LUKS\xba\xbe", 6, { 200, 204 }, { 0, 0 }, UINT64_MAX },
	{ "LVM", 512, "LABELONE", 8, { 512 + 20, 512 + 64 }, { 32, 51200 },
	  51200 },
	{ "FAT", 82, "FAT32", 5, { 11, 32 }, { 512, 100 }, 51200 },
	{ "swap", 4086, "SWAPSPACE2", 10, { 1028, 1032 }, { 9, 0 }, 40960 },
	{ "Btrfs", 65536 + 0x40, "_BHRfS_M", 8,
	  { 65536 + 0xd1, 65536 + 0xd9 }, { 51200, 0 }, 51200 },
};
enum { ROWS = sizeof(kinds) / sizeof(kinds[0]) };

static uint64_t end_of(struct scene *sc, const char **name)
{
	uint64_t end = 1;

	ck_assert_int_eq(fs_end(pdisk_read, &sc->d, sc->d.size, &end, name),
			 0);
	ck_assert(!sc->d.outside);
	return end;
}

START_TEST(fs_end__is_what_the_file_system_says)
{
	const struct row *row = &kinds[_i];
	struct scene *sc = scene_new(SCENE_SIZE);
	const char *name = "";

	for (int i = 0; i < 2; i++)
		pdisk_put_u32(&sc->d, row->at[i], row->value[i]);
	pdisk_put(&sc->d, row->off, row->mark, row->mark_len);
	if (!strcmp(row->name, "LVM"))
		pdisk_put(&sc->d, 512 + 24, "LVM2 001", 8);
	ck_assert_uint_eq(end_of(sc, &name), row->end);
	ck_assert_str_eq(name, row->name);
	scene_free(sc);
}
END_TEST

START_TEST(fs_end__of_nothing_is_nothing)
{
	static const uint64_t sizes[] = { 0, 512, 4095, 4096, 65536, 69632 };
	const char *name = "";

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct scene *sc = scene_new(sizes[i]);

		ck_assert_uint_eq(end_of(sc, &name), 0);
		scene_free(sc);
	}
}
END_TEST

START_TEST(fs_end__large_numbers_do_not_wrap)
{
	struct scene *sc = scene_new(SCENE_SIZE);
	const char *name;

	pdisk_put(&sc->d, 1024 + 56, "\x53\xef", 2);
	pdisk_put_u32(&sc->d, 1024 + 4, UINT32_MAX);
	pdisk_put_u32(&sc->d, 1024 + 24, 6);
	pdisk_put_u32(&sc->d, 1024 + 96, 0x80);
	pdisk_put_u32(&sc->d, 1024 + 336, UINT32_MAX);
	ck_assert_uint_eq(end_of(sc, &name), UINT64_MAX);
	scene_free(sc);
}
END_TEST

START_TEST(fs_end__failures_are_handed_on)
{
	struct scene *sc = scene_new(SCENE_SIZE);
	const char *name;
	uint64_t end;

	sc->d.fail_at = (unsigned)_i + 1;
	sc->d.fail_with = -EIO;
	ck_assert_int_eq(fs_end(pdisk_read, &sc->d, sc->d.size, &end, &name),
			 -EIO);
	scene_free(sc);
}
END_TEST

TEST_MAIN_ROWS("common/fs_end",
	LOOP(fs_end__is_what_the_file_system_says, ROWS),
	ONCE(fs_end__of_nothing_is_nothing),
	ONCE(fs_end__large_numbers_do_not_wrap),
	LOOP(fs_end__failures_are_handed_on, 2))
