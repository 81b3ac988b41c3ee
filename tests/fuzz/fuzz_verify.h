/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_VERIFY_H
#define TESTS_FUZZ_FUZZ_VERIFY_H

/*
 * Opens a file alone, below the public interface, and lets its engine check it.
 * What must hold:
 *
 *	V1  every finding has a rule and a sentence
 *	V2  a check that finds nothing of severity error says the truth: every
 *	    block can then be mapped
 *	V3  it takes a bounded number of calls and a bounded memory
 */

#include "fuzz/fuzz_file.h"
#include "vhd/error.h"

struct fuzz_verify {
	bool deep;
	int open_rc;
	int check_rc;
	uint64_t found[VHD_SEV_FATAL + 1];	/* findings by severity */
	uint64_t blocks;
	uint64_t memory;
};

/* @deep: look into bitmaps and data too. */
void fuzz_verify(struct fuzz_file *f, bool deep, struct fuzz_verify *v);

#endif
