/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ckd.h"
#include "cache/pcache.h"
#include "support/base_rand.h"
#include "support/cache_backing.h"
#include "support/check_main.h"

static struct backing file;

static void write_u8(struct vhd_pcache *pc, uint64_t off, uint8_t x)
{
	ck_assert_int_eq(vhd_pcache_write(pc, off, &x, 1, NULL), 0);
}

static uint8_t read_u8(struct vhd_pcache *pc, uint64_t off)
{
	uint8_t x;

	ck_assert_int_eq(vhd_pcache_read(pc, off, &x, 1, NULL), 0);
	return x;
}

static uint8_t *file_byte(uint64_t off)
{
	return &file.bytes[off / PAGE][off % PAGE];
}

START_TEST(pcache_write__is_read_back_and_stored_by_commit)
{
	uint8_t was;
	struct vhd_pcache *pc;

	backing_init(&file);
	was = *file_byte(PAGE + 9);
	pc = backing_cache(&file, 0);
	write_u8(pc, PAGE + 9, (uint8_t)(was + 1));
	ck_assert_uint_eq(read_u8(pc, PAGE + 9), (uint8_t)(was + 1));
	ck_assert_uint_eq(*file_byte(PAGE + 9), was);
	ck_assert_uint_eq(vhd_pcache_dirty_count(pc), 1);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(*file_byte(PAGE + 9), (uint8_t)(was + 1));
	ck_assert_uint_eq(vhd_pcache_dirty_count(pc), 0);
	/* The page is clean: nothing more to store. */
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.stores, 1);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__commit_goes_up_the_file)
{
	static const uint64_t pages[] = { 77, 3, 500, 4, 0, 200, 199 };
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, MiB);
	for (size_t i = 0; i < 7; i++)
		write_u8(pc, pages[i] * PAGE, 1);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.stores, 7);
	for (size_t i = 1; i < 7; i++)
		ck_assert_uint_lt(file.stored[i - 1], file.stored[i]);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__a_page_is_dirty_once)
{
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	for (uint64_t i = 0; i < 100; i++)
		write_u8(pc, 8 * i, (uint8_t)i);
	ck_assert_uint_eq(vhd_pcache_dirty_count(pc), 1);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.stores, 1);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__at_most_half_of_the_budget_is_dirty)
{
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, MiB);		/* 256 pages */
	for (uint64_t i = 0; i < 400; i++) {
		write_u8(pc, i * PAGE, 7);
		ck_assert_uint_le(vhd_pcache_dirty_count(pc), 128);
	}
	ck_assert_uint_gt(file.stores, 0);
	for (uint64_t i = 0; i < 400; i++)
		ck_assert_uint_eq(read_u8(pc, i * PAGE), 7);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__readers_do_not_push_out_what_is_dirty)
{
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 64 * KiB);
	for (uint64_t i = 0; i < 8; i++)
		write_u8(pc, i * PAGE, (uint8_t)(i + 100));
	for (uint64_t i = 0; i < 300; i++)
		backing_touch(pc, GiB + i * PAGE);
	for (uint64_t i = 0; i < 8; i++)
		ck_assert_uint_eq(read_u8(pc, i * PAGE), i + 100);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__a_failed_store_keeps_the_rest_dirty)
{
	struct vhd_error err;
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	for (uint64_t i = 0; i < 10; i++)
		write_u8(pc, i * PAGE, 9);
	file.fail_store = 4 * PAGE;
	ck_assert_int_eq(vhd_pcache_commit(pc, &err), VHD_E_IO);
	ck_assert_str_eq(err.msg, "no room here");
	ck_assert_uint_eq(vhd_pcache_dirty_count(pc), 6);
	file.fail_store = 0;
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.stores, 10);
	for (uint64_t i = 0; i < 10; i++)
		ck_assert_uint_eq(*file_byte(i * PAGE), 9);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__a_failed_fetch_changes_nothing)
{
	uint8_t x = 1;
	struct vhd_error err;
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	file.fail_fetch = 4 * PAGE;
	ck_assert_int_eq(vhd_pcache_write(pc, 4 * PAGE, &x, 1, &err), VHD_E_IO);
	ck_assert_uint_eq(vhd_pcache_dirty_count(pc), 0);
	vhd_pcache_free(pc);
}
END_TEST

/* Every slot is pinned by a reader: the write goes through to the file. */
START_TEST(pcache_write__works_when_every_slot_is_pinned)
{
	enum { N = 64 };
	struct vhd_page *held[N];
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 64 * KiB);
	write_u8(pc, 400 * PAGE, 3);
	for (uint64_t i = 0; i < N; i++)
		held[i] = backing_get(pc, i * PAGE);
	for (uint64_t i = 300; i < 310; i++) {
		write_u8(pc, i * PAGE + i, 5);
		ck_assert_uint_eq(read_u8(pc, i * PAGE + i), 5);
	}
	for (uint64_t i = 0; i < N; i++)
		vhd_pcache_put(pc, held[i]);
	ck_assert_uint_eq(read_u8(pc, 400 * PAGE), 3);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	for (uint64_t i = 300; i < 310; i++) {
		ck_assert_uint_eq(*file_byte(i * PAGE + i), 5);
		ck_assert_uint_eq(read_u8(pc, i * PAGE + i), 5);
	}
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__a_dropped_page_is_not_stored)
{
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	for (uint64_t i = 0; i < 3; i++)
		write_u8(pc, i * PAGE, (uint8_t)~backing_byte(i * PAGE, 0));
	vhd_pcache_drop(pc, PAGE);
	ck_assert_uint_eq(vhd_pcache_dirty_count(pc), 2);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.stores, 2);
	backing_touch(pc, PAGE);
	vhd_pcache_free(pc);
}
END_TEST

static const struct {
	size_t at, len;
	uint32_t mask;
} mask_cases[] = {
	{ 0, 1, 0x01 },
	{ 511, 1, 0x01 },
	{ 511, 2, 0x03 },
	{ 512, 512, 0x02 },
	{ 512, 513, 0x06 },
	{ 1000, 2000, 0x3e },
	{ 4095, 1, 0x80 },
	{ 3583, 513, 0xc0 },
	{ 0, 4096, 0xff },
};

START_TEST(pcache_write__a_store_is_told_what_was_written)
{
	static const uint8_t buf[VHD_PAGE_SIZE];
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	ck_assert_int_eq(vhd_pcache_write(pc, 5 * PAGE + mask_cases[_i].at, buf,
					  mask_cases[_i].len, NULL), 0);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.stores, 1);
	ck_assert_uint_eq(file.masks[0], mask_cases[_i].mask);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__a_write_over_two_pages_marks_its_part_of_each)
{
	static const uint8_t buf[1024];
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	ck_assert_int_eq(vhd_pcache_write(pc, 2 * PAGE - 513, buf, 516, NULL),
			 0);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.stores, 2);
	ck_assert_uint_eq(file.masks[0], 0xc0);
	ck_assert_uint_eq(file.masks[1], 0x01);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__masks_add_up_until_the_page_is_stored)
{
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	write_u8(pc, 600, 1);
	write_u8(pc, 4000, 2);
	write_u8(pc, 601, 3);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.masks[0], 0x82);
	/* What is stored is over. */
	write_u8(pc, 2048, 4);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.stores, 2);
	ck_assert_uint_eq(file.masks[1], 0x10);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__a_failed_store_keeps_the_masks)
{
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	for (uint64_t i = 1; i < 4; i++)
		write_u8(pc, i * PAGE + 512 * i, 9);
	file.fail_store = 2 * PAGE;
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), VHD_E_IO);
	for (uint64_t i = 1; i < 4; i++)
		write_u8(pc, i * PAGE, 9);
	file.fail_store = 0;
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.stores, 4);
	/* Page 1 went the first time; the others keep what they had. */
	for (uint64_t i = 0; i < 4; i++) {
		static const uint32_t masks[4] = { 0x02, 0x01, 0x05, 0x09 };

		ck_assert_uint_eq(file.stored[i], (i ? i : 1) * PAGE);
		ck_assert_uint_eq(file.masks[i], masks[i]);
	}
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__a_page_without_a_slot_passes_its_mask)
{
	enum { N = 64 };
	struct vhd_page *held[N];
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 64 * KiB);
	for (uint64_t i = 0; i < N; i++)
		held[i] = backing_get(pc, i * PAGE);
	write_u8(pc, 300 * PAGE + 700, 5);
	ck_assert_uint_eq(vhd_pcache_dirty_count(pc), 0);
	ck_assert_uint_eq(file.stores, 1);
	ck_assert_uint_eq(file.masks[0], 0x02);
	ck_assert_uint_eq(*file_byte(300 * PAGE + 700), 5);
	for (uint64_t i = 0; i < N; i++)
		vhd_pcache_put(pc, held[i]);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__a_dropped_page_forgets_its_mask)
{
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 0);
	write_u8(pc, PAGE + 1024, 1);
	vhd_pcache_drop(pc, PAGE);
	write_u8(pc, PAGE, 1);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_uint_eq(file.stores, 1);
	ck_assert_uint_eq(file.masks[0], 0x01);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__nothing_is_stored_below_the_dirty_limit)
{
	struct vhd_pcache *pc;
	size_t limit;

	backing_init(&file);
	pc = backing_cache(&file, 64 * KiB);
	limit = vhd_pcache_dirty_limit(pc);
	ck_assert_uint_eq(limit, 8);
	for (uint64_t i = 0; i < limit; i++)
		write_u8(pc, i * PAGE, 1);
	ck_assert_uint_eq(file.stores, 0);
	ck_assert_uint_eq(vhd_pcache_dirty_count(pc), limit);
	write_u8(pc, limit * PAGE, 1);
	ck_assert_uint_eq(file.stores, limit);
	ck_assert_uint_eq(vhd_pcache_dirty_count(pc), 1);
	vhd_pcache_free(pc);
}
END_TEST

START_TEST(pcache_write__a_pinned_page_shows_what_is_written_to_it)
{
	struct vhd_pcache *pc;
	struct vhd_page *page;
	uint8_t buf[16];

	backing_init(&file);
	pc = backing_cache(&file, 0);
	page = backing_get(pc, PAGE);
	for (size_t at = 3; at < PAGE; at += 509) {
		size_t len = at + 16 <= PAGE ? 16 : PAGE - at;

		write_u8(pc, PAGE + at, 0xa5);
		vhd_page_read(page, at, buf, len);
		ck_assert_uint_eq(buf[0], 0xa5);
		for (size_t i = 1; i < len; i++)
			ck_assert_uint_eq(buf[i], backing_byte(PAGE, at + i));
	}
	vhd_page_read(page, PAGE, buf, 0);
	vhd_pcache_put(pc, page);
	vhd_pcache_free(pc);
}
END_TEST

static void compare_all(struct vhd_pcache *pc, const uint8_t *model)
{
	static uint8_t buf[BACKING_LEN];

	ck_assert_int_eq(vhd_pcache_read(pc, 0, buf, sizeof(buf), NULL), 0);
	ck_assert_int_eq(memcmp(buf, model, sizeof(buf)), 0);
}

START_TEST(pcache_write__random_work_agrees_with_plain_memory)
{
	static uint8_t model[BACKING_LEN];
	static uint8_t buf[3 * VHD_PAGE_SIZE];
	struct vhd_pcache *pc;
	uint64_t state = 9;

	backing_init(&file);
	memcpy(model, file.bytes, sizeof(model));
	pc = backing_cache(&file, 128 * KiB);
	for (int i = 0; i < 5000; i++) {
		size_t len = base_rand_below(&state, i % 5 ? 20 : sizeof(buf));
		uint64_t off = base_rand_below(&state, BACKING_LEN - len);

		if (base_rand_below(&state, 100) == 0)
			ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
		if (i & 1) {
			base_rand_fill(&state, buf, len);
			memcpy(model + off, buf, len);
			ck_assert_int_eq(vhd_pcache_write(pc, off, buf, len,
							  NULL), 0);
		} else {
			ck_assert_int_eq(vhd_pcache_read(pc, off, buf, len,
							 NULL), 0);
			ck_assert_int_eq(memcmp(buf, model + off, len), 0);
		}
	}
	compare_all(pc, model);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	ck_assert_int_eq(memcmp(file.bytes, model, sizeof(model)), 0);
	vhd_pcache_free(pc);
}
END_TEST

TEST_MAIN_ROWS("cache/pcache_write",
	       ONCE(pcache_write__is_read_back_and_stored_by_commit),
	       ONCE(pcache_write__commit_goes_up_the_file),
	       ONCE(pcache_write__a_page_is_dirty_once),
	       ONCE(pcache_write__at_most_half_of_the_budget_is_dirty),
	       ONCE(pcache_write__readers_do_not_push_out_what_is_dirty),
	       ONCE(pcache_write__a_failed_store_keeps_the_rest_dirty),
	       ONCE(pcache_write__a_failed_fetch_changes_nothing),
	       ONCE(pcache_write__works_when_every_slot_is_pinned),
	       ONCE(pcache_write__a_dropped_page_is_not_stored),
	       LOOP(pcache_write__a_store_is_told_what_was_written,
		    sizeof(mask_cases) / sizeof(*mask_cases)),
	       ONCE(pcache_write__a_write_over_two_pages_marks_its_part_of_each),
	       ONCE(pcache_write__masks_add_up_until_the_page_is_stored),
	       ONCE(pcache_write__a_failed_store_keeps_the_masks),
	       ONCE(pcache_write__a_page_without_a_slot_passes_its_mask),
	       ONCE(pcache_write__a_dropped_page_forgets_its_mask),
	       ONCE(pcache_write__nothing_is_stored_below_the_dirty_limit),
	       ONCE(pcache_write__a_pinned_page_shows_what_is_written_to_it),
	       ONCE(pcache_write__random_work_agrees_with_plain_memory))
