/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_PTABLE_H
#define TESTS_FUZZ_FUZZ_PTABLE_H

/* Flags of an input of the driver `ptable`. */
enum {
	FUZZ_PTABLE_RESEAL = 1,	/* make the checksums right before reading */
	FUZZ_PTABLE_4096 = 2	/* the disk has sectors of 4096 bytes */
};

/* More pieces than this are not looked at. */
enum { FUZZ_PTABLE_PIECES = 256 };

#endif
