/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_TORTURE_H
#define TESTS_TORTURE_TORTURE_H

/*
 * What the torture programs share.  Each draws its work from a seed; the first
 * thing that is wrong ends the program with a sentence and with what to run to
 * see it again.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhd/vhd.h"

#define TORTURE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* One option: a number. */
struct torture_option {
	const char *name;
	uint64_t *value;
};

/* Knows "--type NAME" as well; *@type_out stays NULL when it is not there. */
void torture_options(int argc, char **argv, const struct torture_option *opts,
		     size_t count, const char **type_out);

/* What is going on, for the message of torture_fail(); not thread-safe. */
void torture_context(const char *fmt, ...) TORTURE_PRINTF(1, 2);
_Noreturn void torture_fail(const char *fmt, ...) TORTURE_PRINTF(1, 2);
/* A call that has to work. */
void torture_ok(int rc, const char *what, const struct vhd_error *err);

#define NEED(cond)                                                           \
	do {                                                                 \
		if (!(cond))                                                 \
			torture_fail("%s:%d: %s", __FILE__, __LINE__, #cond); \
	} while (0)

void *torture_alloc(uint64_t len);
/* Where two pieces of memory differ first; @len when nowhere. */
uint64_t torture_differ(const uint8_t *a, const uint8_t *b, uint64_t len);
bool torture_zeros(const uint8_t *p, uint64_t len);
double torture_seconds(void);

#endif
