/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MUTATE_SPILL_H
#define TESTS_MUTATE_SPILL_H

#include "fuzz/fuzz_file.h"

/* Makes the file @path a sparse copy of @f. */
void spill(const struct fuzz_file *f, const char *path);

/* The same under a new name: @path ends in XXXXXX, which are replaced. */
void spill_new(const struct fuzz_file *f, char *path);

#endif
