/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole disks with a FAT that is built here, byte by byte. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fs/fs_priv.h"
#include "support/check_main.h"
#include "support/ptable_disk.h"

enum {
	SECTOR = 512,
	SIZE = 8 << 20,
	PART = 1 << 20,		/* where the partition starts */
	PART_LEN = 4 << 20,
	PER_FAT = 64,		/* sectors */
	ROOT = 32,		/* sectors of the root directory */
	DATA = 1 + 2 * PER_FAT + ROOT
};

struct seen {
	struct pdisk d;
	struct fs_report rep;
	unsigned ranges;
	uint64_t sum, first, end;
	unsigned stop_at;
};

static bool emit(void *arg, uint64_t off, uint64_t len)
{
	struct seen *s = arg;

	ck_assert_uint_gt(len, 0);
	ck_assert(!s->ranges || off > s->end);
	if (!s->ranges++)
		s->first = off;
	s->end = off + len;
	s->sum += len;
	return s->ranges != s->stop_at;
}

static struct seen *seen_new(void)
{
	struct seen *s = calloc(1, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	pdisk_init(&s->d, SIZE);
	return s;
}

static void seen_free(struct seen *s)
{
	pdisk_free(&s->d);
	free(s);
}

static int look(struct seen *s)
{
	struct fs_disk disk = { pdisk_read, &s->d, SIZE, SECTOR };

	s->ranges = 0;
	s->sum = s->end = 0;
	s->d.reads = 0;
	return fs_unused(&disk, emit, s, &s->rep);
}

static void put_u16(struct seen *s, uint64_t off, uint32_t v)
{
	pdisk_put_u8(&s->d, off, (uint8_t)v);
	pdisk_put_u8(&s->d, off + 1, (uint8_t)(v >> 8));
}

/* Both copies of an entry of the FAT16. */
static void put_entry(struct seen *s, uint64_t base, uint32_t i, uint32_t v)
{
	put_u16(s, base + SECTOR + 2 * i, v);
	put_u16(s, base + SECTOR * (1 + PER_FAT) + 2 * i, v);
}

/* An empty FAT16 of one sector for each cluster. */
static void put_fat(struct seen *s, uint64_t base, uint64_t len)
{
	static const uint8_t head[] = "\xeb\x3c\x90mkfs.fat\0\2\1\1\0\2";

	pdisk_put(&s->d, base, head, sizeof(head) - 1);
	put_u16(s, base + 17, ROOT * SECTOR / 32);
	put_u16(s, base + 19, (uint32_t)(len / SECTOR));
	pdisk_put_u8(&s->d, base + 21, 0xf8);
	put_u16(s, base + 22, PER_FAT);
	put_u16(s, base + 510, 0xaa55);
	put_entry(s, base, 0, 0xfff8);
	put_entry(s, base, 1, 0xffff);
}

static uint32_t clusters(uint64_t len)
{
	return (uint32_t)(len / SECTOR - DATA);
}

static struct seen *one_partition(void)
{
	struct seen *s = seen_new();

	pdisk_mbr(&s->d, 0);
	pdisk_entry(&s->d, 0, 0, 0x06, PART / SECTOR, PART_LEN / SECTOR);
	put_fat(s, PART, PART_LEN);
	return s;
}

START_TEST(fs__empty_fat_is_all_unused)
{
	struct seen *s = one_partition();
	const struct fs_part *p = &s->rep.part[0];

	ck_assert_int_eq(look(s), 0);
	ck_assert_str_eq(s->rep.why, "");
	ck_assert_uint_eq(s->rep.count, 1);
	ck_assert_str_eq(p->why, "");
	ck_assert(p->understood);
	ck_assert_str_eq(p->type, "vfat");
	ck_assert_uint_eq(p->number, 1);
	ck_assert_uint_eq(s->ranges, 1);
	ck_assert_uint_eq(s->first, PART + DATA * SECTOR);
	ck_assert_uint_eq(s->end, PART + PART_LEN);
	ck_assert_uint_eq(p->unused, clusters(PART_LEN) * (uint64_t)SECTOR);
	ck_assert_uint_eq(p->used + p->unused, p->len);
	seen_free(s);
}
END_TEST

START_TEST(fs__clusters_in_use_split_the_range)
{
	struct seen *s = one_partition();

	put_entry(s, PART, 2, 3);
	put_entry(s, PART, 3, 0xffff);
	put_entry(s, PART, 100, 0xfff7);	/* bad */
	ck_assert_int_eq(look(s), 0);
	ck_assert_uint_eq(s->ranges, 2);
	ck_assert_uint_eq(s->first, PART + (DATA + 2) * SECTOR);
	ck_assert_uint_eq(s->sum,
			  (clusters(PART_LEN) - 3) * (uint64_t)SECTOR);
	seen_free(s);
}
END_TEST

START_TEST(fs__whole_disk_needs_no_table)
{
	struct seen *s = seen_new();

	put_fat(s, 0, SIZE - SECTOR);
	ck_assert_int_eq(look(s), 0);
	ck_assert_int_eq(s->rep.table, PTABLE_NONE);
	ck_assert_uint_eq(s->rep.part[0].number, 0);
	ck_assert(s->rep.part[0].understood);
	ck_assert_uint_eq(s->sum,
			  clusters(SIZE - SECTOR) * (uint64_t)SECTOR);
	seen_free(s);
}
END_TEST

START_TEST(fs__sleeper_beside_it_leaves_all_alone)
{
	struct seen *s = one_partition();

	pdisk_entry(&s->d, 0, 1, 0x82, 6 << 11, 2048);
	pdisk_put(&s->d, (6 << 20) + 4086, "S1SUSPEND", 9);
	ck_assert_int_eq(look(s), 0);
	ck_assert_str_ne(s->rep.why, "");
	ck_assert_uint_eq(s->ranges, 0);
	ck_assert(!s->rep.part[0].understood);
	ck_assert_uint_eq(s->rep.part[0].unused, 0);
	ck_assert_str_eq(s->rep.part[0].why, s->rep.why);
	ck_assert_str_eq(s->rep.part[1].type, "swap");
	seen_free(s);
}
END_TEST

START_TEST(fs__one_bad_partition_leaves_the_other)
{
	struct seen *s = one_partition();

	pdisk_entry(&s->d, 0, 1, 0x06, 6 << 11, 2048);
	pdisk_put(&s->d, 6 << 20, "LUKS\xba\xbe", 6);
	ck_assert_int_eq(look(s), 0);
	ck_assert_str_eq(s->rep.why, "");
	ck_assert(s->rep.part[0].understood && !s->rep.part[1].understood);
	ck_assert_str_eq(s->rep.part[1].type, "LUKS");
	ck_assert_uint_eq(s->rep.part[1].used, s->rep.part[1].len);
	seen_free(s);
}
END_TEST

START_TEST(fs__part_of_a_dynamic_disk_is_left_alone)
{
	struct seen *s = one_partition();

	pdisk_entry(&s->d, 0, 0, 0x42, PART / SECTOR, PART_LEN / SECTOR);
	ck_assert_int_eq(look(s), 0);
	ck_assert(!s->rep.part[0].understood);
	ck_assert_uint_eq(s->ranges, 0);
	seen_free(s);
}
END_TEST

START_TEST(fs__caller_may_end_the_walk)
{
	struct seen *s = one_partition();

	put_entry(s, PART, 100, 0xffff);
	put_entry(s, PART, 200, 0xffff);
	s->stop_at = 2;
	ck_assert_int_eq(look(s), 0);
	ck_assert_uint_eq(s->ranges, 2);
	ck_assert(s->rep.part[0].understood);
	seen_free(s);
}
END_TEST

START_TEST(fs__every_read_may_fail)
{
	struct seen *s = one_partition();
	unsigned all, at;

	ck_assert_int_eq(look(s), 0);
	all = s->d.reads;
	ck_assert_uint_gt(all, 4);
	s->d.fail_with = -ENXIO;
	for (at = 1; at <= all; at++) {
		s->d.fail_at = at;
		ck_assert_int_eq(look(s), -ENXIO);
		ck_assert_uint_eq(s->d.reads, at);
	}
	seen_free(s);
}
END_TEST

START_TEST(fs__empty_disk_has_nothing)
{
	struct fs_disk disk = { pdisk_read, NULL, 0, SECTOR };
	struct seen *s = seen_new();

	ck_assert_int_eq(look(s), 0);
	ck_assert_uint_eq(s->rep.count, 1);
	ck_assert(!s->rep.part[0].understood);
	disk.arg = &s->d;
	ck_assert_int_eq(fs_unused(&disk, NULL, NULL, &s->rep), 0);
	ck_assert_uint_eq(s->rep.count, 0);
	seen_free(s);
}
END_TEST

TEST_MAIN("common/fs", fs__empty_fat_is_all_unused,
	  fs__clusters_in_use_split_the_range, fs__whole_disk_needs_no_table,
	  fs__sleeper_beside_it_leaves_all_alone,
	  fs__one_bad_partition_leaves_the_other,
	  fs__part_of_a_dynamic_disk_is_left_alone, fs__caller_may_end_the_walk,
	  fs__every_read_may_fail, fs__empty_disk_has_nothing)
