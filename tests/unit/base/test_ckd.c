/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ckd.h"
#include "support/check_main.h"

/* Numbers around every border of range arithmetic. */
static const uint64_t edges[] = {
	0, 1, 2, 511, 512, 513, INT64_MAX - UINT64_C(1), INT64_MAX,
	INT64_MAX + UINT64_C(1), UINT64_MAX - 2, UINT64_MAX - 1, UINT64_MAX
};

enum { EDGES = sizeof(edges) / sizeof(edges[0]) };

START_TEST(ckd__overflow_is_told)
{
	uint64_t x;
	uint32_t y;

	ck_assert(!ckd_add(&x, UINT64_MAX - 1, 1));
	ck_assert_uint_eq(x, UINT64_MAX);
	ck_assert(ckd_add(&x, UINT64_MAX, UINT64_C(1)));
	ck_assert(ckd_sub(&x, UINT64_C(1), UINT64_C(2)));
	ck_assert(ckd_mul(&x, UINT64_MAX / 2 + 1, 2));
	ck_assert(!ckd_mul(&x, UINT64_MAX / 2, 2));
	ck_assert(ckd_add(&y, UINT32_MAX, 1));
	ck_assert(ckd_mul(&y, UINT64_C(1) << 32, UINT64_C(1)));
}
END_TEST

/* In 128 bits nothing overflows. */
__extension__ typedef unsigned __int128 wide;

START_TEST(ckd__range_in_is_right_at_every_edge)
{
	for (int i = 0; i < EDGES; i++) {
		for (int j = 0; j < EDGES; j++) {
			for (int k = 0; k < EDGES; k++) {
				bool in = (wide)edges[i] + edges[j] <=
					  edges[k];

				ck_assert_int_eq(range_in(edges[i], edges[j],
							  edges[k]), in);
			}
		}
	}
}
END_TEST

static bool naive_overlap(uint64_t a, uint64_t a_len, uint64_t b,
			  uint64_t b_len)
{
	return a_len && b_len && (wide)a < (wide)b + b_len &&
	       (wide)b < (wide)a + a_len;
}

START_TEST(ckd__ranges_overlap_is_right_at_every_edge)
{
	for (int n = 0; n < EDGES * EDGES * EDGES * EDGES; n++) {
		uint64_t a = edges[n % EDGES];
		uint64_t a_len = edges[n / EDGES % EDGES];
		uint64_t b = edges[n / EDGES / EDGES % EDGES];
		uint64_t b_len = edges[n / EDGES / EDGES / EDGES];

		if (ranges_overlap(a, a_len, b, b_len) !=
		    naive_overlap(a, a_len, b, b_len))
			ck_abort_msg("%#jx+%#jx %#jx+%#jx", (uintmax_t)a,
				     (uintmax_t)a_len, (uintmax_t)b,
				     (uintmax_t)b_len);
	}
}
END_TEST

START_TEST(ckd__powers_of_two_have_one_bit)
{
	ck_assert(!is_pow2(0));
	for (unsigned int i = 0; i < 64; i++) {
		uint64_t x = UINT64_C(1) << i;

		ck_assert(is_pow2(x));
		ck_assert(i == 0 || !is_pow2(x | 1));
		ck_assert(i < 2 || !is_pow2(x - 1));
	}
}
END_TEST

START_TEST(ckd__division_rounds_up_without_overflow)
{
	ck_assert_uint_eq(div_ceil(0, 7), 0);
	ck_assert_uint_eq(div_ceil(1, 7), 1);
	ck_assert_uint_eq(div_ceil(7, 7), 1);
	ck_assert_uint_eq(div_ceil(8, 7), 2);
	ck_assert_uint_eq(div_ceil(UINT64_MAX, 2), UINT64_C(1) << 63);
	ck_assert_uint_eq(div_ceil(UINT64_MAX, UINT64_MAX), 1);
}
END_TEST

START_TEST(ckd__alignment_moves_to_the_next_multiple)
{
	for (uint64_t align = 1; align <= 1 * MiB; align *= 2) {
		ck_assert_uint_eq(align_up(0, align), 0);
		ck_assert_uint_eq(align_up(1, align), align);
		ck_assert_uint_eq(align_up(align, align), align);
		ck_assert_uint_eq(align_up(align + 1, align),
				  align == 1 ? 2 : 2 * align);
		ck_assert_uint_eq(align_down(2 * align - 1, align), align);
		ck_assert_uint_eq(align_down(align, align), align);
		ck_assert_uint_eq(align_down(align - 1, align), 0);
	}
	ck_assert_uint_eq(align_down(UINT64_MAX, 1 * GiB), UINT64_MAX - GiB + 1);
}
END_TEST

START_TEST(ckd__min_max_and_units_are_what_they_say)
{
	ck_assert_uint_eq(min_u64(1, UINT64_MAX), 1);
	ck_assert_uint_eq(min_u64(UINT64_MAX, 1), 1);
	ck_assert_uint_eq(max_u64(1, UINT64_MAX), UINT64_MAX);
	ck_assert_uint_eq(max_u64(UINT64_MAX, 1), UINT64_MAX);
	ck_assert_uint_eq(KiB * KiB, MiB);
	ck_assert_uint_eq(MiB * KiB, GiB);
	ck_assert_uint_eq(GiB * KiB, TiB);
}
END_TEST

TEST_MAIN("base/ckd", ckd__overflow_is_told, ckd__range_in_is_right_at_every_edge,
	  ckd__ranges_overlap_is_right_at_every_edge,
	  ckd__powers_of_two_have_one_bit,
	  ckd__division_rounds_up_without_overflow,
	  ckd__alignment_moves_to_the_next_multiple,
	  ckd__min_max_and_units_are_what_they_say)
