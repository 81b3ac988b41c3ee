/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_CROSS_CHECK_H
#define TEST_CROSS_CHECK_H

/*
 * As much of the interface of the library "check" as the unit tests use, so that
 * they run unchanged where that library is not: on other processors.  All tests
 * of a program run in one process, and the first failure ends it.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct TTest {
	const char *name;
	void (*fn)(int _i);
} TTest;

typedef struct TCase {
	const TTest *test[256];
	int loops[256];
	int count;
	const char *name;
} TCase, Suite, SRunner;

#define CK_ENV 0

#define START_TEST(id)                                                       \
	static void id##_fn(int _i);                                         \
	static const TTest id##_ttest = { #id, id##_fn };                    \
	static const TTest *const id = &id##_ttest;                          \
	static void id##_fn(int _i __attribute__((unused)))
#define END_TEST

#define ck_abort_msg(...)                                                    \
	do {                                                                 \
		printf("%s:%d: ", __FILE__, __LINE__);                       \
		printf(__VA_ARGS__);                                         \
		puts("");                                                    \
		exit(EXIT_FAILURE);                                          \
	} while (0)
#define ck_assert_msg(what, ...)                                             \
	do {                                                                 \
		if (!(what))                                                 \
			ck_abort_msg(__VA_ARGS__);                           \
	} while (0)
#define ck_assert(what) ck_assert_msg(what, "%s", #what)

#define CK_NUMBERS(type, fmt, a, op, b)                                      \
	do {                                                                 \
		type ck_a = (a), ck_b = (b);                                 \
		ck_assert_msg(ck_a op ck_b, "%s " #op " %s: %" fmt           \
			      ", %" fmt, #a, #b, ck_a, ck_b);                \
	} while (0)
#define ck_assert_int_eq(a, b) CK_NUMBERS(intmax_t, PRIdMAX, a, ==, b)
#define ck_assert_int_ne(a, b) CK_NUMBERS(intmax_t, PRIdMAX, a, !=, b)
#define ck_assert_int_lt(a, b) CK_NUMBERS(intmax_t, PRIdMAX, a, <, b)
#define ck_assert_int_le(a, b) CK_NUMBERS(intmax_t, PRIdMAX, a, <=, b)
#define ck_assert_int_gt(a, b) CK_NUMBERS(intmax_t, PRIdMAX, a, >, b)
#define ck_assert_int_ge(a, b) CK_NUMBERS(intmax_t, PRIdMAX, a, >=, b)
#define ck_assert_uint_eq(a, b) CK_NUMBERS(uintmax_t, PRIuMAX, a, ==, b)
#define ck_assert_uint_ne(a, b) CK_NUMBERS(uintmax_t, PRIuMAX, a, !=, b)
#define ck_assert_uint_lt(a, b) CK_NUMBERS(uintmax_t, PRIuMAX, a, <, b)
#define ck_assert_uint_le(a, b) CK_NUMBERS(uintmax_t, PRIuMAX, a, <=, b)
#define ck_assert_uint_gt(a, b) CK_NUMBERS(uintmax_t, PRIuMAX, a, >, b)
#define ck_assert_uint_ge(a, b) CK_NUMBERS(uintmax_t, PRIuMAX, a, >=, b)

#define ck_assert_ptr_eq(a, b) ck_assert((const void *)(a) == (const void *)(b))
#define ck_assert_ptr_ne(a, b) ck_assert((const void *)(a) != (const void *)(b))
#define ck_assert_ptr_null(a) ck_assert((const void *)(a) == NULL)
#define ck_assert_ptr_nonnull(a) ck_assert((const void *)(a) != NULL)
#define ck_assert_mem_eq(a, b, len) ck_assert(memcmp(a, b, len) == 0)
#define ck_assert_mem_ne(a, b, len) ck_assert(memcmp(a, b, len) != 0)
#define ck_assert_str_eq(a, b)                                               \
	do {                                                                 \
		const char *ck_a = (a), *ck_b = (b);                         \
		ck_assert_msg(strcmp(ck_a, ck_b) == 0, "\"%s\", \"%s\"",     \
			      ck_a, ck_b);                                   \
	} while (0)
#define ck_assert_str_ne(a, b) ck_assert(strcmp(a, b) != 0)

static inline Suite *suite_create(const char *name)
{
	Suite *s = calloc(1, sizeof(*s));

	if (s == NULL)
		exit(EXIT_FAILURE);
	s->name = name;
	return s;
}

/* A program has one case in one suite. */
static inline TCase *tcase_create(const char *name)
{
	return suite_create(name);
}

static inline void tcase_set_timeout(TCase *tc, int seconds)
{
	(void)tc;
	(void)seconds;
}

static inline void tcase_add_loop_test(TCase *tc, const TTest *test, int from,
				       int end)
{
	if (from || tc->count == 256)
		exit(EXIT_FAILURE);
	tc->test[tc->count] = test;
	tc->loops[tc->count++] = end;
}

static inline void tcase_add_test(TCase *tc, const TTest *test)
{
	tcase_add_loop_test(tc, test, 0, 1);
}

static inline void suite_add_tcase(Suite *suite, TCase *tc)
{
	*suite = *tc;
	free(tc);
}

static inline SRunner *srunner_create(Suite *suite)
{
	return suite;
}

static inline void srunner_run_all(SRunner *sr, int how)
{
	(void)how;
	for (int i = 0; i < sr->count; i++) {
		printf("%s\n", sr->test[i]->name);
		fflush(stdout);
		for (int k = 0; k < sr->loops[i]; k++)
			sr->test[i]->fn(k);
	}
}

static inline int srunner_ntests_failed(SRunner *sr)
{
	(void)sr;
	return 0;
}

static inline void srunner_free(SRunner *sr)
{
	free(sr);
}

#endif
