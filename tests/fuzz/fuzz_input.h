/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_INPUT_H
#define TESTS_FUZZ_FUZZ_INPUT_H

/*
 * Sparse files as small inputs.
 *
 * A VHDX is never smaller than 4 MiB, nearly all of it zeros.  An input of the
 * drivers that take whole images is a list of pieces instead; numbers are
 * little-endian:
 *
 *	0	1	flags, FUZZ_INPUT_*
 *	1	1	number of pieces, n (a larger one than FUZZ_INPUT_PIECES
 *			counts as that)
 *	2	2	bytes that a read returns at most; 0: all
 *	4	8	size of the file; the top bit is ignored
 *	12	12 * n	pieces: offset (8) and length (4)
 *	...		their bytes, one after the other
 *
 * Whatever is not there is zero: an input that ends in its head is filled up,
 * a piece whose bytes end is cut off.  Bytes of pieces that lie past the end of
 * the file are lost, and later pieces win over earlier ones.  So every input is
 * some file.  Flat files have 64 MiB at most, else the flag does not count; no
 * read returns less than 256 bytes because of the number at 2.
 */

#include "fuzz/fuzz_file.h"

enum {
	FUZZ_INPUT_RESEAL = 1 << 0,	/* fresh checksums: fuzz_reseal() */
	FUZZ_INPUT_FLAT = 1 << 1,	/* do not tell where holes are */
	FUZZ_INPUT_CHS = 1 << 2,	/* VHD_SIZE_CHS */
	FUZZ_INPUT_AUTO = 1 << 3,	/* VHD_SIZE_AUTO */
	FUZZ_INPUT_TINY_CACHE = 1 << 4,	/* the smallest metadata cache */
	FUZZ_INPUT_DEEP = 1 << 5	/* VHD_CHECK_DEEP */
};

enum { FUZZ_INPUT_PIECES = 128, FUZZ_INPUT_HEAD = 12, FUZZ_INPUT_PIECE = 12 };

/* @f becomes the file that the input describes; returns the flags. */
uint32_t fuzz_input_load(const uint8_t *data, size_t len, struct fuzz_file *f);

/*
 * The input that describes @f, in memory from malloc().  When there are more
 * pieces than an input can have, the last ones are missing.
 */
uint8_t *fuzz_input_make(const struct fuzz_file *f, uint32_t flags,
			 size_t *len_out);

#endif
