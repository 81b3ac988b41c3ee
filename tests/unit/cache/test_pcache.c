/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/alloc.h"
#include "base/ckd.h"
#include "cache/pcache.h"
#include "support/base_rand.h"
#include "support/cache_backing.h"
#include "support/check_main.h"

#include <stdio.h>
#include <unistd.h>

static size_t refuse_at;	/* 0: never */
static size_t asked;

/* Replaces the library's. */
bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return ++asked != refuse_at;
}

static struct backing file;

START_TEST(pcache__a_page_is_fetched_once)
{
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	for (int round = 0; round < 3; round++) {
		for (uint64_t off = 0; off < 16 * PAGE; off += PAGE)
			backing_touch(pc, off);
	}
	ck_assert_uint_eq(file.fetches, 16);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache__any_byte_leads_to_its_page)
{
	struct vhd_page *a;
	struct vhd_page *b;
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	ck_assert_int_eq(vhd_pcache_get(pc, 2 * PAGE, &a, NULL), 0);
	ck_assert_int_eq(vhd_pcache_get(pc, 3 * PAGE - 1, &b, NULL), 0);
	ck_assert_ptr_eq(vhd_page_bytes(a), vhd_page_bytes(b));
	vhd_pcache_put(pc, a);
	vhd_pcache_put(pc, b);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache__offsets_reach_to_the_end_of_64_bits)
{
	static const uint64_t offs[] = { 64 * TiB, UINT64_C(1) << 63,
					 UINT64_MAX - PAGE + 1 };
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 3; i++)
			backing_touch(pc, offs[i]);
	}
	ck_assert_uint_eq(file.fetches, 3);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache__more_pages_than_the_budget_are_all_right)
{
	struct vhd_pcache *pc;
	uint64_t state = 7;

	backing_init(&file);
	pc = backing_cache(&file, 1);
	for (int i = 0; i < 20000; i++)
		backing_touch(pc, base_rand_below(&state, 4096) * PAGE);
	ck_assert_uint_gt(file.fetches, 15000);
	vhd_pcache_free(pc);
}
END_TEST

/* Offsets as far apart as sector bitmaps lie must not share one set. */
START_TEST(pcache__distant_pages_use_most_of_the_budget)
{
	static const uint64_t strides[] = { PAGE, MiB, 2 * MiB + PAGE,
					    32 * MiB, 4 * GiB };

	for (size_t s = 0; s < sizeof(strides) / sizeof(strides[0]); s++) {
		struct vhd_pcache *pc;

		backing_init(&file);
		pc = backing_cache(&file, MiB);
		for (int round = 0; round < 5; round++) {
			for (uint64_t i = 0; i < 128; i++)
				backing_touch(pc, GiB + i * strides[s]);
		}
		ck_assert_uint_lt(file.fetches, 128 + 64);
		vhd_pcache_free(pc);
	}
}
END_TEST

START_TEST(pcache__a_page_in_use_survives_a_scan)
{
	struct vhd_pcache *pc;
	size_t again;

	backing_init(&file);
	pc = backing_cache(&file, MiB);
	for (uint64_t i = 0; i < 2000; i++) {
		backing_touch(pc, 0);
		backing_touch(pc, 64 * MiB + i * PAGE);
	}
	again = file.fetches - 2000;
	ck_assert_uint_eq(again, 1);
	vhd_pcache_free(pc);
}
END_TEST

/* Far more pins than slots: neither an error nor a page that moves. */
START_TEST(pcache__pinned_pages_stay_where_they_are)
{
	enum { N = 300 };
	static struct vhd_page *held[N];
	static const uint8_t *bytes[N];
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 64 * KiB);
	for (size_t i = 0; i < N; i++) {
		held[i] = backing_get(pc, i * PAGE);
		bytes[i] = vhd_page_bytes(held[i]);
	}
	for (size_t i = 0; i < N; i++) {
		ck_assert_ptr_eq(vhd_page_bytes(held[i]), bytes[i]);
		for (size_t k = 0; k < VHD_PAGE_SIZE; k += 63)
			ck_assert_uint_eq(bytes[i][k],
					  backing_byte(i * PAGE, k));
		vhd_pcache_put(pc, held[i]);
	}
	backing_touch(pc, 0);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache__a_failed_fetch_is_told_and_tried_again)
{
	struct vhd_page *page = (void *)&file;
	struct vhd_error err;
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	file.fail_fetch = 5 * PAGE;
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(vhd_pcache_get(pc, 5 * PAGE, &page, &err),
				 VHD_E_IO);
		ck_assert_str_eq(err.msg, "no page here");
	}
	ck_assert_ptr_eq(page, &file);
	file.fail_fetch = 0;
	backing_touch(pc, 5 * PAGE);
	ck_assert_uint_eq(file.fetches, 21);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache__a_dropped_page_is_fetched_again)
{
	struct vhd_page *old;
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	old = backing_get(pc, PAGE);
	vhd_pcache_drop(pc, PAGE + 17);
	vhd_pcache_drop(pc, 9 * PAGE);		/* never fetched */
	backing_touch(pc, PAGE);
	ck_assert_uint_eq(file.fetches, 2);
	/* Who had it keeps it. */
	ck_assert_uint_eq(vhd_page_bytes(old)[5], backing_byte(PAGE, 5));
	vhd_pcache_put(pc, old);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache__reads_cross_pages)
{
	static uint8_t buf[5 * VHD_PAGE_SIZE];
	struct vhd_pcache *pc;
	uint64_t state = 8;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	for (int i = 0; i < 500; i++) {
		uint64_t off = base_rand_below(&state, BACKING_LEN / 2);
		size_t len = base_rand_below(&state, sizeof(buf));

		ck_assert_int_eq(vhd_pcache_read(pc, off, buf, len, NULL), 0);
		ck_assert_int_eq(memcmp(buf, &file.bytes[0][0] + off, len), 0);
	}
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache__every_refused_allocation_is_an_error_without_a_leak)
{
	struct vhd_page *pages[64];
	size_t passed = 0;

	backing_init(&file);
	for (refuse_at = 1; passed < 64; refuse_at++) {
		struct vhd_pcache *pc = NULL;
		struct vhd_error err;

		asked = 0;
		passed = 0;
		if (vhd_pcache_new(&backing_ops, &file, 1, &pc, &err)) {
			ck_assert_int_eq(err.code, VHD_E_NOMEM);
			ck_assert_ptr_null(pc);
			continue;
		}
		while (passed < 64 &&
		       !vhd_pcache_get(pc, passed * PAGE, &pages[passed], &err))
			passed++;
		ck_assert(passed == 64 || err.code == VHD_E_NOMEM);
		for (size_t i = 0; i < passed; i++)
			vhd_pcache_put(pc, pages[i]);
		backing_touch(pc, 100 * PAGE);
		vhd_pcache_free(pc);
	}
	refuse_at = 0;
}
END_TEST

static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long total = 0;
	unsigned long pages = 0;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%lu %lu", &total, &pages), 2);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

START_TEST(pcache__memory_is_taken_as_it_is_used)
{
	struct vhd_pcache *pc;
	size_t before;

	backing_init(&file);
	before = resident();
	pc = backing_cache(&file, 64 * MiB);
	backing_touch(pc, 0);
	ck_assert_uint_lt(resident() - before, 2 * MiB);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache__freeing_nothing_is_fine)
{
	vhd_pcache_free(NULL);
}
END_TEST

TEST_MAIN("cache/pcache", pcache__a_page_is_fetched_once,
	  pcache__any_byte_leads_to_its_page,
	  pcache__offsets_reach_to_the_end_of_64_bits,
	  pcache__more_pages_than_the_budget_are_all_right,
	  pcache__distant_pages_use_most_of_the_budget,
	  pcache__a_page_in_use_survives_a_scan,
	  pcache__pinned_pages_stay_where_they_are,
	  pcache__a_failed_fetch_is_told_and_tried_again,
	  pcache__a_dropped_page_is_fetched_again, pcache__reads_cross_pages,
	  pcache__every_refused_allocation_is_an_error_without_a_leak,
	  pcache__memory_is_taken_as_it_is_used,
	  pcache__freeing_nothing_is_fine)
