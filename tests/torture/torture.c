/* SPDX-License-Identifier: BSD-2-Clause */
#include "torture/torture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char context[400];

void torture_context(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
}

void torture_fail(const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", context, text);
	/* Other threads may be at work. */
	_exit(1);
}

void torture_ok(int rc, const char *what, const struct vhd_error *err)
{
	if (rc)
		torture_fail("%s fails: %s: %s", what, vhd_status_name(rc),
			     err->msg);
}

static _Noreturn void usage(const struct torture_option *opts, size_t count)
{
	fprintf(stderr, "options: --type NAME");
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, ", %s NUMBER", opts[i].name);
	fprintf(stderr, "\n");
	exit(2);
}

static bool number(const char *text, uint64_t *out)
{
	char *end;

	*out = strtoull(text, &end, 0);
	return *text && !*end;
}

void torture_options(int argc, char **argv, const struct torture_option *opts,
		     size_t count, const char **type_out)
{
	*type_out = NULL;
	for (int i = 1; i < argc; i += 2) {
		size_t k = 0;

		if (i + 1 == argc)
			usage(opts, count);
		if (!strcmp(argv[i], "--type")) {
			*type_out = argv[i + 1];
			continue;
		}
		while (k < count && strcmp(argv[i], opts[k].name))
			k++;
		if (k == count || !number(argv[i + 1], opts[k].value))
			usage(opts, count);
	}
}

void *torture_alloc(uint64_t len)
{
	void *p = calloc(1, (size_t)len);

	NEED(p);
	return p;
}

uint64_t torture_differ(const uint8_t *a, const uint8_t *b, uint64_t len)
{
	enum { PIECE = 4096 };
	uint64_t i;

	/* memcmp() is fast under sanitizers too. */
	for (i = 0; i + PIECE <= len && !memcmp(a + i, b + i, PIECE); i += PIECE)
		;
	while (i < len && a[i] == b[i])
		i++;
	return i;
}

bool torture_zeros(const uint8_t *p, uint64_t len)
{
	return !len || (!p[0] && !memcmp(p, p + 1, (size_t)len - 1));
}

double torture_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
