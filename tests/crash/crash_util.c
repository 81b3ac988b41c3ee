/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void crash_die(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: the test itself fails: %s\n", file, line,
		what);
	abort();
}

void crash_init(void)
{
	mallopt(M_MMAP_THRESHOLD, 256 << 20);
	mallopt(M_TRIM_THRESHOLD, 512 << 20);
}

void *crash_alloc(size_t n, size_t len)
{
	void *p = calloc(n ? n : 1, len);

	CRASH_NEED(p);
	return p;
}

void *crash_grow(void *old, size_t n, size_t len)
{
	void *p;

	CRASH_NEED(n && n <= SIZE_MAX / len);
	p = realloc(old, n * len);
	CRASH_NEED(p);
	return p;
}

bool crash_failed(const struct crash_failure *fail)
{
	return fail->text[0];
}

void crash_fail(struct crash_failure *fail, const char *fmt, ...)
{
	va_list ap;

	if (crash_failed(fail))
		return;
	va_start(ap, fmt);
	vsnprintf(fail->text, sizeof(fail->text), fmt, ap);
	va_end(ap);
}

void crash_context(struct crash_failure *fail, const char *fmt, ...)
{
	size_t len = strlen(fail->text);
	va_list ap;

	if (!len || len + 2 >= sizeof(fail->text))
		return;
	fail->text[len++] = '\n';
	fail->text[len++] = '\t';
	va_start(ap, fmt);
	vsnprintf(fail->text + len, sizeof(fail->text) - len, fmt, ap);
	va_end(ap);
}
