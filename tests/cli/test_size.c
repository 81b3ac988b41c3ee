/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>

#include "common/size.h"

static void round_trip(uint64_t size)
{
	char text[SIZE_TEXT];
	uint64_t back = ~size;

	ck_assert_msg(size_parse(size_format(size, text), &back),
		      "'%s' is not read", text);
	ck_assert_msg(back == size, "'%s' is read as another size", text);
}

START_TEST(size__what_is_printed_is_read_back_to_the_byte)
{
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t size = UINT64_C(1) << bit;

		round_trip(size - 1);
		round_trip(size);
		round_trip(size + 1);
		round_trip(size + size / 2);
		round_trip(size + size / 8);
		round_trip(size / 10 * 7);
	}
	round_trip(UINT64_MAX);
}
END_TEST

START_TEST(size__random_sizes_round_trip)
{
	uint64_t state = 88172645463325252u;

	for (int i = 0; i < 200000; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		round_trip(state >> (state & 63));
	}
}
END_TEST

START_TEST(size__shortest_exact_text_is_printed)
{
	char text[SIZE_TEXT];

	ck_assert_str_eq(size_format(0, text), "0 bytes");
	ck_assert_str_eq(size_format(1023, text), "1023 bytes");
	ck_assert_str_eq(size_format(1536, text), "1.5 KiB");
	ck_assert_str_eq(size_format(UINT64_C(64) << 40, text), "64 TiB");
	ck_assert_str_eq(size_format(4212736, text), "4114 KiB");
	ck_assert_str_eq(size_human(4212736, text), "4.02 MiB");
}
END_TEST

START_TEST(size__refused_text_leaves_the_output_alone)
{
	static const char *const bad[] = {
		"", "G", "-1", "1GB", "1 ", "1.", "1.5", "16777216T", "1  K",
		"18446744073709551616", "1.0000000K", "0x10", "1K1",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t size = 42;

		ck_assert_msg(!size_parse(bad[i], &size), "'%s' is read",
			      bad[i]);
		ck_assert_uint_eq(size, 42);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("size");
	TCase *tc = tcase_create("size");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 50);
	tcase_add_test(tc, size__what_is_printed_is_read_back_to_the_byte);
	tcase_add_test(tc, size__random_sizes_round_trip);
	tcase_add_test(tc, size__shortest_exact_text_is_printed);
	tcase_add_test(tc, size__refused_text_leaves_the_output_alone);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
