/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/zero.h"
#include "support/check_main.h"

/* Both versions have to agree. */
static bool is_zero(const void *buf, size_t len)
{
	bool zero = vhd_is_zero(buf, len);

	ck_assert_int_eq(vhd_is_zero_portable(buf, len), zero);
	return zero;
}

START_TEST(zero__nothing_is_zero)
{
	ck_assert(is_zero(NULL, 0));
	ck_assert(is_zero("x", 0));
}
END_TEST

/* In memory of exactly the length, so that a look past the end is caught. */
START_TEST(zero__one_byte_anywhere_is_seen)
{
	for (size_t len = 1; len < 1400; len += len < 600 ? 1 : 37) {
		unsigned char *buf = calloc(1, len);

		ck_assert_ptr_nonnull(buf);
		ck_assert(is_zero(buf, len));
		for (size_t i = 0; i < len; i++) {
			buf[i] = (unsigned char)(1u << i % 8);
			if (is_zero(buf, len))
				ck_abort_msg("byte %zu of %zu", i, len);
			buf[i] = 0;
		}
		free(buf);
	}
}
END_TEST

START_TEST(zero__bytes_around_the_buffer_do_not_matter)
{
	unsigned char buf[1200];

	for (size_t from = 1; from < 70; from++) {
		for (size_t len = 0; len < 1100; len += 61) {
			for (size_t i = 0; i < sizeof(buf); i++)
				buf[i] = i < from || i >= from + len;
			ck_assert(is_zero(buf + from, len));
			ck_assert(!is_zero(buf + from - 1, len + 1));
			ck_assert(!is_zero(buf + from, len + 1));
		}
	}
}
END_TEST

START_TEST(zero__a_large_buffer_is_scanned_to_its_end)
{
	size_t len = 2 << 20;
	unsigned char *buf = calloc(1, len);

	ck_assert_ptr_nonnull(buf);
	ck_assert(is_zero(buf, len));
	buf[len - 300] = 1;
	ck_assert(!is_zero(buf, len));
	free(buf);
}
END_TEST

TEST_MAIN("base/zero", zero__nothing_is_zero, zero__one_byte_anywhere_is_seen,
	  zero__bytes_around_the_buffer_do_not_matter,
	  zero__a_large_buffer_is_scanned_to_its_end)
