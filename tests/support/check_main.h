/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_CHECK_MAIN_H
#define TEST_CHECK_MAIN_H

/*
 * The frame of a unit test program:
 *
 *	TEST_MAIN("image/rw", rw__reads_back, rw__refuses_ranges)
 */
#include <check.h>
#include <stdlib.h>

static inline int test_run(const char *name, const TTest *const *tests,
			   size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *sr;
	size_t i;
	int failed;

	tcase_set_timeout(tc, 120);
	for (i = 0; i < count; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define TEST_MAIN(name, ...)                                                  \
	int main(void)                                                        \
	{                                                                     \
		const TTest *const tests[] = { __VA_ARGS__ };                 \
		return test_run(name, tests, sizeof(tests) / sizeof(*tests)); \
	}

#endif
