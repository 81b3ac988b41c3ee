/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bitmap.h"
#include "support/base_rand.h"
#include "support/check_main.h"

#include <string.h>

enum { BITS = 700, BYTES = (BITS + 7) / 8 };

static const enum vhd_bit_order orders[] = { VHD_MSB_FIRST, VHD_LSB_FIRST };

START_TEST(bitmap__vhd_counts_from_the_most_significant_bit)
{
	uint8_t map[2] = { 0 };

	vhd_bit_set(map, 0, VHD_MSB_FIRST);	/* VHD-S-2 */
	vhd_bit_set(map, 15, VHD_MSB_FIRST);
	ck_assert_uint_eq(map[0], 0x80);
	ck_assert_uint_eq(map[1], 0x01);
}
END_TEST

START_TEST(bitmap__vhdx_counts_from_the_least_significant_bit)
{
	uint8_t map[2] = { 0 };

	vhd_bit_set(map, 0, VHD_LSB_FIRST);	/* VHDX-SB-01 */
	vhd_bit_set(map, 15, VHD_LSB_FIRST);
	ck_assert_uint_eq(map[0], 0x01);
	ck_assert_uint_eq(map[1], 0x80);
}
END_TEST

START_TEST(bitmap__set_and_clear_change_one_bit)
{
	for (size_t o = 0; o < 2; o++) {
		for (uint64_t bit = 0; bit < 24; bit++) {
			uint8_t map[3] = { 0 };

			vhd_bit_set(map, bit, orders[o]);
			for (uint64_t i = 0; i < 24; i++)
				ck_assert_int_eq(
					vhd_bit_get(map, i, orders[o]),
					i == bit);
			memset(map, 0xff, sizeof(map));
			vhd_bit_clear(map, bit, orders[o]);
			for (uint64_t i = 0; i < 24; i++)
				ck_assert_int_eq(
					vhd_bit_get(map, i, orders[o]),
					i != bit);
		}
	}
}
END_TEST

static uint64_t naive_run(const uint8_t *map, uint64_t from, uint64_t limit,
			  enum vhd_bit_order order)
{
	bool first = vhd_bit_get(map, from, order);
	uint64_t n = 1;

	while (from + n < limit && vhd_bit_get(map, from + n, order) == first)
		n++;
	return n;
}

/* In memory of its own, so that a look past the last byte is caught. */
static void compare_runs(const uint8_t *bytes, uint64_t limit)
{
	size_t len = (size_t)(limit + 7) / 8;
	uint8_t *map = malloc(len);

	ck_assert_ptr_nonnull(map);
	memcpy(map, bytes, len);
	for (size_t o = 0; o < 2; o++) {
		for (uint64_t from = 0; from < limit; from++)
			ck_assert_uint_eq(
				vhd_bit_run(map, from, limit, orders[o]),
				naive_run(map, from, limit, orders[o]));
	}
	free(map);
}

START_TEST(bitmap__runs_are_those_of_a_naive_loop)
{
	uint8_t map[BYTES];
	uint64_t state = 1;

	for (unsigned int round = 0; round < 60; round++) {
		uint64_t pos = 0;
		uint64_t longest = round % 3 == 0 ? 6 : 300;

		memset(map, round % 2 ? 0xff : 0, sizeof(map));
		while (pos < BITS) {
			uint64_t run = 1 + base_rand_below(&state, longest);

			for (; run && pos < BITS; run--, pos++) {
				if (round % 2)
					vhd_bit_clear(map, pos, orders[0]);
				else
					vhd_bit_set(map, pos, orders[0]);
			}
			pos += 1 + base_rand_below(&state, longest);
		}
		compare_runs(map, 1 + base_rand_below(&state, BITS));
	}
}
END_TEST

START_TEST(bitmap__runs_of_uniform_maps_reach_every_limit)
{
	uint8_t map[32];

	for (unsigned int fill = 0; fill < 256; fill += 255) {
		memset(map, (int)fill, sizeof(map));
		for (uint64_t limit = 1; limit <= 8 * sizeof(map); limit++)
			compare_runs(map, limit);
	}
}
END_TEST

START_TEST(bitmap__a_run_ends_at_each_single_bit)
{
	uint8_t map[32];

	for (size_t o = 0; o < 2; o++) {
		for (uint64_t bit = 1; bit < 256; bit++) {
			memset(map, 0, sizeof(map));
			vhd_bit_set(map, bit, orders[o]);
			ck_assert_uint_eq(vhd_bit_run(map, 0, 256, orders[o]),
					  bit);
			ck_assert_uint_eq(vhd_bit_run(map, bit, 256, orders[o]),
					  1);
		}
	}
}
END_TEST

TEST_MAIN("base/bitmap", bitmap__vhd_counts_from_the_most_significant_bit,
	  bitmap__vhdx_counts_from_the_least_significant_bit,
	  bitmap__set_and_clear_change_one_bit,
	  bitmap__runs_are_those_of_a_naive_loop,
	  bitmap__runs_of_uniform_maps_reach_every_limit,
	  bitmap__a_run_ends_at_each_single_bit)
