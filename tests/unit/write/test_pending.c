/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/alloc.h"
#include "base/ckd.h"
#include "support/base_rand.h"
#include "support/check_main.h"
#include "write/pending.h"

#include <string.h>

#define PAGE ((uint64_t)VHD_PAGE_SIZE)

static size_t refuse_at;	/* 0: never */
static size_t asked;

/* Replaces the library's. */
bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return ++asked != refuse_at;
}

static const uint8_t *filled(uint8_t value)
{
	static uint8_t page[VHD_PAGE_SIZE];

	memset(page, value, sizeof(page));
	return page;
}

static void put(struct vhd_pending *p, uint64_t off, uint8_t value,
		uint32_t mask)
{
	ck_assert_int_eq(vhd_pending_put(p, off, filled(value), mask, NULL), 0);
}

/* The byte that a set gives at @off, or @below. */
static uint8_t shown(const struct vhd_pending *p, uint64_t off, uint8_t below)
{
	vhd_pending_overlay_range(p, off, &below, 1);
	return below;
}

/* The parts of a page show these values, 0 where it has none. */
static void expect_parts(const struct vhd_pending *p, uint64_t off,
			 const uint8_t values[8])
{
	const struct vhd_pending_page *page = vhd_pending_find(p, off);

	ck_assert_ptr_nonnull(page);
	ck_assert_uint_eq(page->off, off);
	for (size_t i = 0; i < 8; i++) {
		ck_assert_uint_eq(page->mask >> i & 1, values[i] != 0);
		ck_assert_uint_eq(shown(p, off + 512 * i, 0), values[i]);
		ck_assert_uint_eq(shown(p, off + 512 * i + 511, 0), values[i]);
	}
}

START_TEST(pending__a_set_of_zeros_is_empty)
{
	struct vhd_pending p = { 0 };
	uint8_t page[VHD_PAGE_SIZE] = { 7 };

	ck_assert_ptr_null(vhd_pending_find(&p, 0));
	ck_assert(!vhd_pending_overlay(&p, 0, page));
	vhd_pending_overlay_range(&p, 0, page, sizeof(page));
	ck_assert_uint_eq(page[0], 7);
	vhd_pending_sort(&p);
	ck_assert_int_eq(vhd_pending_merge(&p, &p, NULL), 0);
	vhd_pending_clear(&p);
}
END_TEST

START_TEST(pending__parts_are_added_and_renewed)
{
	struct vhd_pending p = { 0 };

	put(&p, 3 * PAGE, 1, 0x03);
	expect_parts(&p, 3 * PAGE, (uint8_t[8]){ 1, 1 });
	put(&p, 3 * PAGE, 2, 0x82);
	expect_parts(&p, 3 * PAGE, (uint8_t[8]){ 1, 2, 0, 0, 0, 0, 0, 2 });
	ck_assert_uint_eq(p.count, 1);
	put(&p, 3 * PAGE, 3, VHD_PENDING_WHOLE);
	expect_parts(&p, 3 * PAGE, (uint8_t[8]){ 3, 3, 3, 3, 3, 3, 3, 3 });
	vhd_pending_clear(&p);
	ck_assert_ptr_null(vhd_pending_find(&p, 3 * PAGE));
}
END_TEST

START_TEST(pending__no_parts_make_no_page)
{
	struct vhd_pending p = { 0 };

	put(&p, PAGE, 1, 0);
	ck_assert_uint_eq(p.count, 0);
	ck_assert_ptr_null(vhd_pending_find(&p, PAGE));
	vhd_pending_clear(&p);
}
END_TEST

START_TEST(pending__an_overlay_copies_only_parts_that_count)
{
	struct vhd_pending p = { 0 };
	uint8_t page[VHD_PAGE_SIZE];

	put(&p, 0, 5, 0x12);
	memset(page, 9, sizeof(page));
	ck_assert(vhd_pending_overlay(&p, 0, page));
	for (size_t i = 0; i < PAGE; i++)
		ck_assert_uint_eq(page[i],
				  i / 512 == 1 || i / 512 == 4 ? 5 : 9);
	ck_assert(!vhd_pending_overlay(&p, PAGE, page));
	vhd_pending_clear(&p);
}
END_TEST

static const struct {
	size_t off, len;
} range_cases[] = {
	{ 0, 5 * VHD_PAGE_SIZE },	/* more pages than the set has */
	{ VHD_PAGE_SIZE, VHD_PAGE_SIZE },
	{ VHD_PAGE_SIZE + 511, 1 },
	{ VHD_PAGE_SIZE + 511, 2 },
	{ 2 * VHD_PAGE_SIZE - 1, 2 },
	{ 2 * VHD_PAGE_SIZE - 100, VHD_PAGE_SIZE },
	{ 3 * VHD_PAGE_SIZE, 77 },
	{ 7, 0 },
};

START_TEST(pending__a_range_gets_its_share_and_nothing_outside)
{
	const size_t off = range_cases[_i].off, len = range_cases[_i].len;
	struct vhd_pending p = { 0 };
	static uint8_t buf[6 * VHD_PAGE_SIZE], want[sizeof(buf)];

	put(&p, PAGE, 1, 0x81);
	put(&p, 2 * PAGE, 2, 0x0f);
	memset(buf, 9, sizeof(buf));
	memset(want, 9, sizeof(want));
	for (size_t i = off; i < off + len; i++) {
		uint32_t mask = i / PAGE == 1 ? 0x81 : i / PAGE == 2 ? 0x0f : 0;

		if (mask >> (i % PAGE / 512) & 1)
			want[i] = (uint8_t)(i / PAGE);
	}
	vhd_pending_overlay_range(&p, off, buf + off, len);
	ck_assert_int_eq(memcmp(buf, want, sizeof(buf)), 0);
	vhd_pending_clear(&p);
}
END_TEST

START_TEST(pending__the_newer_set_wins_a_merge)
{
	struct vhd_pending to = { 0 }, from = { 0 };

	put(&to, 0, 1, 0x0f);
	put(&to, PAGE, 1, 0xff);
	put(&from, 0, 2, 0x3c);
	put(&from, PAGE, 2, 0xff);
	put(&from, 9 * PAGE, 2, 0x40);
	ck_assert_int_eq(vhd_pending_merge(&to, &from, NULL), 0);
	ck_assert_uint_eq(to.count, 3);
	expect_parts(&to, 0, (uint8_t[8]){ 1, 1, 1, 1, 2, 2 });
	expect_parts(&to, PAGE, (uint8_t[8]){ 1, 1, 1, 1, 1, 1, 1, 1 });
	expect_parts(&to, 9 * PAGE, (uint8_t[8]){ 0, 0, 0, 0, 0, 0, 2 });
	/* The older one is as it was. */
	expect_parts(&from, 0, (uint8_t[8]){ 0, 0, 2, 2, 2, 2 });
	vhd_pending_clear(&to);
	vhd_pending_clear(&from);
}
END_TEST

START_TEST(pending__lookups_work_after_sorting)
{
	struct vhd_pending p = { 0 };
	uint64_t state = 4;

	for (size_t i = 0; i < 500; i++)
		put(&p, base_rand_below(&state, 1 << 20) * PAGE,
		    (uint8_t)(i | 1), VHD_PENDING_WHOLE);
	vhd_pending_sort(&p);
	for (size_t i = 0; i < p.count; i++) {
		ck_assert(!i || p.pages[i - 1].off < p.pages[i].off);
		ck_assert_ptr_eq(vhd_pending_find(&p, p.pages[i].off),
				 &p.pages[i]);
	}
	vhd_pending_clear(&p);
}
END_TEST

/* Plain memory to compare with: bytes and one mask a page. */
enum { MODEL_PAGES = 96 };

struct model {
	uint8_t bytes[MODEL_PAGES][VHD_PAGE_SIZE];
	uint32_t mask[MODEL_PAGES];
};

static void model_put(struct model *m, size_t idx, const uint8_t *bytes,
		      uint32_t mask)
{
	for (size_t i = 0; i < 8; i++) {
		if (mask >> i & 1)
			memcpy(m->bytes[idx] + 512 * i, bytes + 512 * i, 512);
	}
	m->mask[idx] |= mask;
}

static void compare(const struct vhd_pending *p, const struct model *m)
{
	size_t count = 0;

	for (size_t i = 0; i < MODEL_PAGES; i++) {
		const struct vhd_pending_page *page =
			vhd_pending_find(p, i * PAGE);

		if ((page ? page->mask : 0) != m->mask[i])
			ck_abort_msg("the mask of page %zu is wrong", i);
		count += page != NULL;
		for (size_t k = 0; k < 8; k++) {
			if (m->mask[i] >> k & 1 &&
			    memcmp(page->bytes + 512 * k,
				   m->bytes[i] + 512 * k, 512))
				ck_abort_msg("part %zu of page %zu is wrong",
					     k, i);
		}
	}
	ck_assert_uint_eq(p->count, count);
}

static void compare_range(const struct vhd_pending *p, const struct model *m,
			  size_t off, size_t len)
{
	static uint8_t buf[MODEL_PAGES * VHD_PAGE_SIZE];

	memset(buf, 0xee, len);
	vhd_pending_overlay_range(p, off, buf, len);
	for (size_t i = 0; i < len; i++) {
		size_t at = off + i;
		bool has = m->mask[at / PAGE] >> (at % PAGE / 512) & 1;

		if (buf[i] != (has ? m->bytes[at / PAGE][at % PAGE] : 0xee))
			ck_abort_msg("byte %zu is wrong", at);
	}
}

/* Puts the pages of one set below those of another, as a merge does. */
static void model_merge(struct model *to, const struct model *from)
{
	for (size_t i = 0; i < MODEL_PAGES; i++)
		model_put(to, i, from->bytes[i], from->mask[i] & ~to->mask[i]);
}

static void random_put(struct vhd_pending *p, struct model *m, uint64_t *state)
{
	uint8_t bytes[VHD_PAGE_SIZE];
	size_t idx = base_rand_below(state, MODEL_PAGES);
	uint32_t mask = (uint32_t)base_rand_below(state, 256);

	base_rand_fill(state, bytes, sizeof(bytes));
	model_put(m, idx, bytes, mask);
	ck_assert_int_eq(vhd_pending_put(p, idx * PAGE, bytes, mask, NULL), 0);
}

static void random_step(struct vhd_pending *p, struct model *m,
			uint64_t *state)
{
	size_t idx = base_rand_below(state, MODEL_PAGES);
	size_t len = base_rand_below(state, PAGE * (MODEL_PAGES - idx));

	switch (base_rand_below(state, 8)) {
	case 0: case 1:
		vhd_pending_sort(p);
		break;
	case 2: case 3:
		compare_range(p, m, idx * PAGE + len % 7,
			      len > 7 ? len - 7 : 0);
		break;
	default:
		random_put(p, m, state);
	}
}

START_TEST(pending__random_work_agrees_with_plain_memory)
{
	static struct model model, older;
	struct vhd_pending p = { 0 }, from = { 0 };
	uint64_t state = (uint64_t)_i + 1;

	for (int i = 0; i < 800; i++) {
		random_step(&p, &model, &state);
		if (i % 5 == 0)
			random_put(&from, &older, &state);
		if (i % 100 == 99) {
			model_merge(&model, &older);
			ck_assert_int_eq(vhd_pending_merge(&p, &from, NULL), 0);
			memset(older.mask, 0, sizeof(older.mask));
			vhd_pending_clear(&from);
		}
		compare(&p, &model);
	}
	vhd_pending_clear(&p);
	vhd_pending_clear(&from);
}
END_TEST

/* Every allocation fails once; what was there stays. */
START_TEST(pending__without_memory_a_set_is_as_it_was)
{
	size_t failures = 0;
	struct vhd_pending p = { 0 };

	for (uint64_t i = 0; i < 200; i++) {
		size_t n = 0;
		struct vhd_error err;
		int rc;

		do {
			ck_assert_uint_eq(p.count, i);
			for (uint64_t k = 0; k < i; k++)
				ck_assert_uint_eq(shown(&p, k * PAGE, 0), k + 1);
			ck_assert_ptr_null(vhd_pending_find(&p, i * PAGE));
			asked = 0;
			refuse_at = ++n;
			rc = vhd_pending_put(&p, i * PAGE,
					     filled((uint8_t)(i + 1)), 1, &err);
			refuse_at = 0;
			ck_assert(!rc || rc == VHD_E_NOMEM);
			failures += rc != 0;
		} while (rc);
	}
	/* One for each page, two for each time the tables grew. */
	ck_assert_uint_eq(failures, 200 + 2 * 5);
	vhd_pending_clear(&p);
}
END_TEST

START_TEST(pending__a_failed_merge_can_be_done_again)
{
	struct vhd_pending to = { 0 }, from = { 0 };
	size_t n = 0;
	int rc;

	for (uint64_t i = 0; i < 60; i++) {
		put(&from, i * PAGE, 1, 0x03);
		if (i % 2)
			put(&to, i * PAGE, 2, 0x06);
	}
	do {
		asked = 0;
		refuse_at = ++n;
		rc = vhd_pending_merge(&to, &from, NULL);
		refuse_at = 0;
		for (uint64_t i = 1; i < 60; i += 2) {
			ck_assert_uint_eq(shown(&to, i * PAGE + 512, 0), 2);
			ck_assert_uint_eq(shown(&to, i * PAGE + 1024, 0), 2);
		}
	} while (rc);
	ck_assert_uint_eq(to.count, 60);
	for (uint64_t i = 0; i < 60; i++)
		expect_parts(&to, i * PAGE, i % 2 ? (uint8_t[8]){ 1, 2, 2 } :
						    (uint8_t[8]){ 1, 1 });
	vhd_pending_clear(&to);
	vhd_pending_clear(&from);
}
END_TEST

TEST_MAIN_ROWS("write/pending",
	       ONCE(pending__a_set_of_zeros_is_empty),
	       ONCE(pending__parts_are_added_and_renewed),
	       ONCE(pending__no_parts_make_no_page),
	       ONCE(pending__an_overlay_copies_only_parts_that_count),
	       LOOP(pending__a_range_gets_its_share_and_nothing_outside,
		    sizeof(range_cases) / sizeof(*range_cases)),
	       ONCE(pending__the_newer_set_wins_a_merge),
	       ONCE(pending__lookups_work_after_sorting),
	       LOOP(pending__random_work_agrees_with_plain_memory, 4),
	       ONCE(pending__without_memory_a_set_is_as_it_was),
	       ONCE(pending__a_failed_merge_can_be_done_again))
