/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/crc32c.h"
#include "support/base_rand.h"
#include "support/check_main.h"

#include <string.h>

typedef uint32_t (*crc_fn)(uint32_t crc, const void *buf, size_t len);

static const crc_fn both[] = { vhd_crc32c, vhd_crc32c_table };

START_TEST(crc32c__golden_vectors_of_vhdx_gen_03)
{
	static const uint8_t zeros[65536];
	uint8_t bytes[32];

	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(both[i](0, "", 0), 0);
		ck_assert_uint_eq(both[i](0, "123456789", 9), 0xe3069283);
		ck_assert_uint_eq(both[i](0, zeros, 4096), 0x98f94189);
		ck_assert_uint_eq(both[i](0, zeros, 65536), 0x72c0c4a4);
		/* RFC 3720, appendix B.4 */
		ck_assert_uint_eq(both[i](0, zeros, 32), 0x8a9136aa);
		memset(bytes, 0xff, sizeof(bytes));
		ck_assert_uint_eq(both[i](0, bytes, 32), 0x62a8ab43);
		for (size_t k = 0; k < 32; k++)
			bytes[k] = (uint8_t)k;
		ck_assert_uint_eq(both[i](0, bytes, 32), 0x46dd794e);
	}
}
END_TEST

/* By the definition: a bit at a time. */
static uint32_t naive(uint32_t crc, const uint8_t *p, size_t len)
{
	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* Past the lengths at which one, two and three streams begin. */
START_TEST(crc32c__every_length_and_alignment_agrees_with_the_definition)
{
	static uint8_t buf[13000];
	uint64_t state = 3;

	base_rand_fill(&state, buf, sizeof(buf));
	for (size_t len = 0; len < 1100; len++) {
		uint32_t crc = (uint32_t)base_rand(&state);
		const uint8_t *p = buf + len % 9;
		uint32_t want = naive(crc, p, len);

		ck_assert_uint_eq(vhd_crc32c(crc, p, len), want);
		ck_assert_uint_eq(vhd_crc32c_table(crc, p, len), want);
	}
	for (size_t len = 4000; len < 12900; len += 41) {
		const uint8_t *p = buf + len % 8;

		ck_assert_uint_eq(vhd_crc32c(0, p, len), naive(0, p, len));
	}
}
END_TEST

START_TEST(crc32c__pieces_give_the_same_as_the_whole)
{
	static uint8_t buf[10000];
	uint64_t state = 4;
	uint32_t whole;

	base_rand_fill(&state, buf, sizeof(buf));
	whole = vhd_crc32c(0, buf, sizeof(buf));
	for (int i = 0; i < 300; i++) {
		size_t a = base_rand_below(&state, sizeof(buf));
		size_t b = a + base_rand_below(&state, sizeof(buf) - a);
		uint32_t crc = vhd_crc32c(0, buf, a);

		crc = vhd_crc32c_table(crc, buf + a, b - a);
		crc = vhd_crc32c(crc, buf + b, sizeof(buf) - b);
		ck_assert_uint_eq(crc, whole);
	}
}
END_TEST

START_TEST(crc32c__any_changed_bit_changes_the_result)
{
	uint8_t buf[600] = { 0 };
	uint32_t crc = vhd_crc32c(0, buf, sizeof(buf));

	for (size_t bit = 0; bit < 8 * sizeof(buf); bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_uint_ne(vhd_crc32c(0, buf, sizeof(buf)), crc);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

TEST_MAIN("base/crc32c", crc32c__golden_vectors_of_vhdx_gen_03,
	  crc32c__every_length_and_alignment_agrees_with_the_definition,
	  crc32c__pieces_give_the_same_as_the_whole,
	  crc32c__any_changed_bit_changes_the_result)
