/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_CHECK_MAIN_H
#define TEST_CHECK_MAIN_H

/*
 * The frame of a unit test program:
 *
 *	TEST_MAIN("image/rw", rw__reads_back, rw__refuses_ranges)
 *
 * or, where tests run for several values of _i:
 *
 *	TEST_MAIN_ROWS("ops/create", LOOP(create__opens, 7), ONCE(create__big))
 */
#include <check.h>
#include <stdlib.h>

struct test_row {
	const TTest *test;
	int loops;		/* 0: once */
};
#define ONCE(test) { test, 0 }
#define LOOP(test, loops) { test, loops }

static inline int test_run(const char *name, const struct test_row *rows,
			   size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *sr;
	size_t i;
	int failed;

	tcase_set_timeout(tc, 600);
	for (i = 0; i < count; i++) {
		if (rows[i].loops)
			tcase_add_loop_test(tc, rows[i].test, 0, rows[i].loops);
		else
			tcase_add_test(tc, rows[i].test);
	}
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int test_run_list(const char *name, const TTest *const *tests,
				size_t count)
{
	struct test_row rows[256];
	size_t i;

	for (i = 0; i < count && i < 256; i++)
		rows[i] = (struct test_row)ONCE(tests[i]);
	return test_run(name, rows, i);
}

#define TEST_MAIN_ROWS(name, ...)                                            \
	int main(void)                                                       \
	{                                                                    \
		const struct test_row rows[] = { __VA_ARGS__ };              \
		return test_run(name, rows, sizeof(rows) / sizeof(*rows));   \
	}

#define TEST_MAIN(name, ...)                                                 \
	int main(void)                                                       \
	{                                                                    \
		const TTest *const tests[] = { __VA_ARGS__ };                \
		return test_run_list(name, tests,                            \
				     sizeof(tests) / sizeof(*tests));        \
	}

#endif
