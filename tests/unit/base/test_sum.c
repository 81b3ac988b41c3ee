/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/sum.h"
#include "support/base_rand.h"
#include "support/check_main.h"

enum { LEN = 4096 };

static uint64_t seed = 4;
static uint8_t bytes[LEN];

static void fill(void)
{
	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (uint8_t)base_rand(&seed);
}

/* However it is cut, and in whatever order the parts are added. */
START_TEST(sum__is_the_sum_of_its_parts)
{
	fill();
	for (int i = 0; i < 2000; i++) {
		uint64_t off = base_rand(&seed) % 100000;
		size_t a = (size_t)(base_rand(&seed) % LEN);
		size_t b = a + (size_t)(base_rand(&seed) % (LEN - a + 1));

		ck_assert_uint_eq(vhd_sum(bytes, LEN, off),
				  vhd_sum(bytes + b, LEN - b, off + b) +
					  vhd_sum(bytes, a, off) +
					  vhd_sum(bytes + a, b - a, off + a));
	}
}
END_TEST

START_TEST(sum__zeros_count_nothing)
{
	memset(bytes, 0, LEN);
	for (uint64_t off = 0; off < 100; off++)
		ck_assert_uint_eq(vhd_sum(bytes, LEN - 7, off), 0);
}
END_TEST

START_TEST(sum__any_other_byte_or_place_makes_another_sum)
{
	uint64_t all, off = 12345;

	fill();
	all = vhd_sum(bytes, LEN, off);
	for (size_t i = 0; i < LEN; i++) {
		uint8_t was = bytes[i];

		bytes[i] = (uint8_t)(was ^ (1 + base_rand(&seed) % 255));
		ck_assert_uint_ne(vhd_sum(bytes, LEN, off), all);
		bytes[i] = was;
	}
	for (uint64_t by = 1; by < 100; by++)
		ck_assert_uint_ne(vhd_sum(bytes, LEN, off + by), all);
	for (size_t i = 0; i + 1024 <= LEN; i += 1024) {
		uint8_t swap[512];

		memcpy(swap, bytes + i, 512);
		memcpy(bytes + i, bytes + i + 512, 512);
		memcpy(bytes + i + 512, swap, 512);
		ck_assert_uint_ne(vhd_sum(bytes, LEN, off), all);
		memcpy(bytes + i + 512, bytes + i, 512);
		memcpy(bytes + i, swap, 512);
	}
}
END_TEST

/* The same bit in two places, as a line of a memory that is stuck makes it. */
START_TEST(sum__two_flips_of_one_bit_are_told)
{
	uint64_t all, off = 1 << 20;

	fill();
	all = vhd_sum(bytes, LEN, off);
	for (int i = 0; i < 20000; i++) {
		size_t a = base_rand(&seed) % LEN, b = base_rand(&seed) % LEN;
		uint8_t bit = (uint8_t)(1 << base_rand(&seed) % 8);

		b = b / 8 * 8 + a % 8;
		if (a == b)
			continue;
		bytes[a] ^= bit;
		bytes[b] ^= bit;
		ck_assert_uint_ne(vhd_sum(bytes, LEN, off), all);
		bytes[a] ^= bit;
		bytes[b] ^= bit;
	}
}
END_TEST

TEST_MAIN("base/sum", sum__is_the_sum_of_its_parts, sum__zeros_count_nothing,
	  sum__any_other_byte_or_place_makes_another_sum,
	  sum__two_flips_of_one_bit_are_told)
