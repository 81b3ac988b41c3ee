/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_BASES_H
#define TESTS_FUZZ_FUZZ_BASES_H

/*
 * Sound images of every kind, made by the library's own builders and, where
 * those make no such thing (partial blocks, states without data, a pending
 * log), by its encoders.  They are what mutation starts from and what the
 * corpora are made of.
 */

#include "fuzz/fuzz_file.h"
#include "vhd/types.h"

enum { FUZZ_BASES = 16 };

const char *fuzz_base_name(unsigned which);
enum vhd_format fuzz_base_format(unsigned which);
/* The base that is its parent, a lower number; -1: none. */
int fuzz_base_parent(unsigned which);

struct fuzz_base *fuzz_base_make(unsigned which);
void fuzz_base_free(struct fuzz_base *base);

#endif
