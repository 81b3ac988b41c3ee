/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/*
 * What all drivers share: the entry point of libFuzzer, and how a broken
 * promise ends the program.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhd/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* Like assert(), but in every build, and without a locale or a buffer. */
#define FUZZ_CHECK(cond)                                                       \
	((cond) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #cond))

/* Fills @err with what a call that fails has to replace. */
void fuzz_error_arm(struct vhd_error *err);

/*
 * A call that was given an armed @err returned @rc: it is 0 and @err is as it
 * was, or a code with a sentence.  Codes that no input may cause (out of
 * memory, a bug in the driver) are a broken promise too.
 */
void fuzz_error_ok(int rc, const struct vhd_error *err);

/* A failure that may not be; says which. */
void fuzz_no_error(int rc, const struct vhd_error *err);

/* One sentence without a newline. */
bool fuzz_sentence(const char *msg);

/*
 * The library's allocations since fuzz_memory_reset().  An allocation above
 * FUZZ_ALLOC_MAX, or a sum above FUZZ_ALLOC_SUM, ends the program: nothing that
 * an image says may make the library ask for so much.  (A check of a large
 * sparse file takes memory for the map of what is where.)
 */
#define FUZZ_ALLOC_MAX ((size_t)32 << 20)
#define FUZZ_ALLOC_SUM ((uint64_t)64 << 20)

void fuzz_memory_reset(void);
/* Until then no sum: for who takes memory and gives it back many times. */
void fuzz_memory_unsummed(void);
uint64_t fuzz_memory_sum(void);

#endif
