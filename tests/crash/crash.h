/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_H
#define TESTS_CRASH_CRASH_H

/* What the files of the crash tests share. */

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The test itself is broken, or the machine has no memory: says so and ends. */
_Noreturn void crash_die(const char *file, int line, const char *what);
#define CRASH_NEED(ok) \
	((ok) ? (void)0 : crash_die(__FILE__, __LINE__, #ok))

/* Once, at the start: memory that is freed is kept for the next state. */
void crash_init(void);

/* Zeroed; never NULL. */
void *crash_alloc(size_t n, size_t len);
/* As realloc() of an array; never NULL. */
void *crash_grow(void *old, size_t n, size_t len);

enum { CRASH_TEXT = 4000 };

/* What broke: the first failure of a run, empty when there is none. */
struct crash_failure {
	char text[CRASH_TEXT];
};

bool crash_failed(const struct crash_failure *fail);
/* Keeps the first sentence; later ones add their context to it. */
void crash_fail(struct crash_failure *fail, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void crash_context(struct crash_failure *fail, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
