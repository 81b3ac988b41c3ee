/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_WALK_H
#define TESTS_FUZZ_FUZZ_WALK_H

/*
 * Everything a reader can do with an image, within bounds, through the public
 * interface; and what must hold whatever the image says:
 *
 *	W1  a failure has a code, a sentence, and leaves outputs alone
 *	W2  extents follow each other from the first byte on, without gaps or
 *	    overlaps, inside the disk, and neighbours are merged
 *	W3  what is read is what the extent says: zeros, or the bytes of the file
 *	W4  descriptions agree with each other and their texts end
 *	W5  reading takes a bounded number of calls and a bounded memory
 */

#include "fuzz/fuzz_file.h"
#include "vhd/image.h"

struct fuzz_walk {
	uint32_t flags;			/* VHD_OPEN_* */
	uint64_t cache_bytes;
	enum vhd_size_rule size_rule;
	const char *const *parents;
	uint32_t resolve_calls;		/* at most so many */
	uint64_t read_bytes;		/* at most so many */
	uint64_t salt;			/* chooses what is read */
	/* Results. */
	int open_rc;
	int read_rc;			/* first failure after opening */
	uint64_t size;
	uint64_t extents;
	uint64_t memory;		/* bytes the library asked for */
};

void fuzz_walk(struct fuzz_file *f, struct fuzz_walk *w);

#endif
