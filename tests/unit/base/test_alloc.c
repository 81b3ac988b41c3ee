/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/alloc.h"
#include "support/check_main.h"

#include <stdint.h>
#include <string.h>

static size_t refuse_at;	/* 0: never */
static size_t asked;

/* Replaces the library's. */
bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return ++asked != refuse_at;
}

static bool all_zero(const unsigned char *p, size_t len)
{
	while (len--) {
		if (*p++)
			return false;
	}
	return true;
}

START_TEST(alloc__memory_is_zeroed)
{
	unsigned char *a = vhd_alloc(1000);
	unsigned char *b = vhd_alloc_array(10, 100);

	ck_assert(a && all_zero(a, 1000));
	ck_assert(b && all_zero(b, 1000));
	vhd_free(a);
	vhd_free(b);
}
END_TEST

START_TEST(alloc__zero_bytes_are_not_a_failure)
{
	void *a = vhd_alloc(0);
	void *b = vhd_alloc_array(0, 8);
	void *c = vhd_alloc_aligned(64, 0);

	ck_assert(a && b && c);
	vhd_free(a);
	vhd_free(b);
	vhd_free(c);
	vhd_free(NULL);
}
END_TEST

START_TEST(alloc__a_product_that_overflows_is_refused)
{
	ck_assert_ptr_null(vhd_alloc_array(SIZE_MAX / 8 + 1, 8));
	ck_assert_ptr_null(vhd_alloc_array(SIZE_MAX, SIZE_MAX));
	ck_assert_ptr_null(vhd_alloc_aligned(4096, SIZE_MAX - 100));
}
END_TEST

START_TEST(alloc__alignment_is_kept_for_any_length)
{
	for (size_t align = sizeof(void *); align <= 65536; align *= 2) {
		for (size_t len = 1; len < 10000; len = len * 3 + 1) {
			unsigned char *p = vhd_alloc_aligned(align, len);

			ck_assert_ptr_nonnull(p);
			ck_assert_uint_eq((uintptr_t)p % align, 0);
			ck_assert(all_zero(p, len));
			memset(p, 0xff, len);
			vhd_free(p);
		}
	}
}
END_TEST

START_TEST(alloc__strdup_copies_all_of_a_string)
{
	const char *texts[] = { "", "a", "a longer one: \xc3\xa4" };

	for (size_t i = 0; i < 3; i++) {
		char *copy = vhd_strdup(texts[i]);

		ck_assert_ptr_nonnull(copy);
		ck_assert_ptr_ne(copy, texts[i]);
		ck_assert_str_eq(copy, texts[i]);
		vhd_free(copy);
	}
}
END_TEST

START_TEST(alloc__a_test_can_refuse_the_nth_allocation)
{
	void *p[4];

	for (refuse_at = 1; refuse_at <= 4; refuse_at++) {
		asked = 0;
		p[0] = vhd_alloc(1);
		p[1] = vhd_alloc_array(1, 1);
		p[2] = vhd_alloc_aligned(16, 1);
		p[3] = vhd_strdup("");
		for (size_t i = 0; i < 4; i++) {
			ck_assert_int_eq(p[i] == NULL, i + 1 == refuse_at);
			vhd_free(p[i]);
		}
	}
	refuse_at = 0;
}
END_TEST

TEST_MAIN("base/alloc", alloc__memory_is_zeroed,
	  alloc__zero_bytes_are_not_a_failure,
	  alloc__a_product_that_overflows_is_refused,
	  alloc__alignment_is_kept_for_any_length,
	  alloc__strdup_copies_all_of_a_string,
	  alloc__a_test_can_refuse_the_nth_allocation)
