/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "ptable_scene.h"
#include "support/base_rand.h"
#include "support/check_main.h"

START_TEST(ptable__empty_disk_has_none)
{
	struct scene *sc = scene_new(SCENE_SIZE);

	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_NONE);
	ck_assert_uint_eq(sc->t.count, 0);
	ck_assert_uint_eq(sc->t.sector, 512);
	/* A table may be written there. */
	ck_assert(ptable_touched(&sc->t, 0, 512));
	ck_assert(!ptable_touched(&sc->t, 512, UINT64_MAX - 512));
	scene_free(sc);
}
END_TEST

START_TEST(ptable__disk_without_a_sector_is_not_read)
{
	struct scene *sc = scene_new(511);

	scene_read(sc, 512);
	ck_assert_int_eq(sc->t.kind, PTABLE_NONE);
	ck_assert_uint_eq(sc->d.reads, 0);
	ck_assert(!ptable_touched(&sc->t, 0, 511));
	scene_free(sc);
}
END_TEST

START_TEST(ptable__smallest_disks_are_fine)
{
	uint64_t size;

	for (size = 512; size <= 5 * 4096; size += 512) {
		struct scene *sc = scene_new(size);

		pdisk_mbr(&sc->d, 0);
		pdisk_entry(&sc->d, 0, 0, 0xee, 1, 1);
		scene_read(sc, 512);
		ck_assert_int_eq(sc->t.kind, PTABLE_NONE);
		scene_read(sc, 4096);
		ck_assert_int_eq(sc->t.kind, PTABLE_NONE);
		scene_free(sc);
	}
}
END_TEST

START_TEST(ptable__odd_sector_counts_as_512)
{
	struct scene *sc = scene_new(SCENE_SIZE);

	pdisk_mbr(&sc->d, 0);
	pdisk_entry(&sc->d, 0, 0, 0x83, 2048, 4096);
	scene_read(sc, 520);
	scene_has(sc, 0, 1, 2048, 4096);
	ck_assert_uint_eq(sc->t.sector, 512);
	scene_free(sc);
}
END_TEST

START_TEST(ptable__touched_knows_the_borders)
{
	struct ptable *t = calloc(1, sizeof(*t));

	ck_assert_ptr_nonnull(t);
	t->range_count = 2;
	t->ranges[0] = (struct ptable_range){ 1024, 512 };
	t->ranges[1] = (struct ptable_range){ UINT64_MAX - 9, 9 };
	ck_assert(!ptable_touched(t, 0, 1024));
	ck_assert(ptable_touched(t, 0, 1025));
	ck_assert(!ptable_touched(t, 1023, 1));
	ck_assert(ptable_touched(t, 1023, 2));
	ck_assert(ptable_touched(t, 1100, 1));
	ck_assert(ptable_touched(t, 1535, 100));
	ck_assert(!ptable_touched(t, 1536, 100));
	ck_assert(!ptable_touched(t, 1100, 0));
	ck_assert(ptable_touched(t, 0, UINT64_MAX));
	ck_assert(ptable_touched(t, UINT64_MAX - 5, 3));
	ck_assert(!ptable_touched(t, 2000, UINT64_MAX - 9 - 2000));
	free(t);
}
END_TEST

START_TEST(ptable__kinds_have_names)
{
	ck_assert_str_eq(ptable_kind_name(PTABLE_NONE), "none");
	ck_assert_str_eq(ptable_kind_name(PTABLE_MBR), "mbr");
	ck_assert_str_eq(ptable_kind_name(PTABLE_GPT), "gpt");
	ck_assert_str_eq(ptable_kind_name((enum ptable_kind)77), "none");
}
END_TEST

/* A chain of three links, and a GPT that only its backup can save. */
static void busy_disk(struct pdisk *d, int which)
{
	uint32_t at;

	if (which) {
		pdisk_gpt(d, 512, PDISK_PRIMARY | PDISK_BACKUP);
		pdisk_gpt_part(d, 512, 0, 2048, 4095, "one");
		pdisk_put_u8(d, pdisk_gpt_entry(d, 512, PDISK_PRIMARY, 5), 1);
		return;
	}
	pdisk_mbr(d, 0);
	pdisk_entry(d, 0, 0, 0x83, 64, 64);
	pdisk_entry(d, 0, 1, 0x05, 2048, 8192);
	for (at = 0; at < 3072; at += 1024) {
		uint64_t off = (2048 + at) * UINT64_C(512);

		pdisk_mbr(d, off);
		pdisk_entry(d, off, 0, 0x83, 64, 512);
		if (at < 2048)
			pdisk_entry(d, off, 1, 0x05, at + 1024, 1024);
	}
}

START_TEST(ptable__failed_read_is_the_answer)
{
	struct scene *sc = scene_new(SCENE_SIZE);
	unsigned reads, i;

	busy_disk(&sc->d, _i);
	scene_read(sc, 512);
	ck_assert_uint_eq(sc->t.count, _i ? 1 : 4);
	ck_assert(sc->t.backup == (_i == 1));
	reads = sc->d.reads / 2;
	ck_assert_uint_ge(reads, 4);
	for (i = 1; i <= reads; i++) {
		sc->d.reads = 0;
		sc->d.fail_at = i;
		sc->d.fail_with = -ENODATA;
		ck_assert_int_eq(ptable_read(pdisk_read, &sc->d, sc->d.size,
					     512, &sc->t), -ENODATA);
	}
	scene_free(sc);
}
END_TEST

/* A few changes where tables keep what matters. */
static void damage(struct pdisk *d, uint64_t *state)
{
	static const uint64_t place[] = { 440, 510, 512, 1024, 4096, 8192 };
	uint64_t n = 1 + base_rand_below(state, 12);

	while (n--) {
		uint64_t off = base_rand_below(state, 7);
		uint64_t v = base_rand(state);

		off = off == 6 ? d->size - base_rand_below(state, 20480) - 1 :
				 place[off] + base_rand_below(state, 160);
		if (v & 1)
			pdisk_put_u8(d, off, (uint8_t)(v >> 8));
		else if (v & 2)
			pdisk_put_u32(d, off, (uint32_t)(v >> 32) >> (v & 31));
		else
			pdisk_put_u64(d, off & ~UINT64_C(7), v >> (v >> 3 & 63));
	}
	if (base_rand_below(state, 4))
		pdisk_reseal(d);
}

START_TEST(ptable__whatever_the_bytes_partitions_are_on_the_disk)
{
	uint64_t state = 4711;
	unsigned i, found = 0;

	for (i = 0; i < 3000; i++) {
		struct scene *sc = scene_new(SCENE_SIZE - i % 3 * 512);

		if (i & 1)
			busy_disk(&sc->d, i & 2);
		else
			pdisk_gpt(&sc->d, i & 2 ? 512 : 4096, i & 4 ? 3 : 2);
		pdisk_gpt_part(&sc->d, 512, 3, 100, 9000, "x");
		pdisk_gpt_part(&sc->d, 4096, 7, 1000, 1999, "y");
		damage(&sc->d, &state);
		scene_read(sc, i & 8 ? 512 : 4096);
		found += sc->t.count > 0;
		scene_free(sc);
	}
	ck_assert_uint_gt(found, 500);
}
END_TEST

TEST_MAIN_ROWS("common/ptable",
	       ONCE(ptable__empty_disk_has_none),
	       ONCE(ptable__disk_without_a_sector_is_not_read),
	       ONCE(ptable__smallest_disks_are_fine),
	       ONCE(ptable__odd_sector_counts_as_512),
	       ONCE(ptable__touched_knows_the_borders),
	       ONCE(ptable__kinds_have_names),
	       LOOP(ptable__failed_read_is_the_answer, 2),
	       ONCE(ptable__whatever_the_bytes_partitions_are_on_the_disk))
