/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_GUEST_H
#define TESTS_FUZZ_FUZZ_GUEST_H

/* What a guest can read of an image, in samples, to compare it later. */

#include "io/io.h"

/* What is wrong when an image does not even open. */
#define GUEST_SHUT "it does not open any more"

enum { GUEST_SAMPLES = 192, GUEST_SAMPLE_LEN = 512 };

struct guest {
	int open_rc;
	uint64_t size;
	bool unreadable;	/* some sample could not be read as CORRUPT */
	bool unsupported;
	unsigned count;
	struct guest_sample {
		uint64_t off;
		uint32_t len;
		uint32_t sum;
	} sample[GUEST_SAMPLES];
};

/* Opens the image in @io alone, which is closed, and takes samples of it. */
void guest_take(struct vhd_io *io, uint64_t salt, struct guest *g);

/*
 * Opens the image in @io, which is closed, and compares: NULL when all samples
 * of @g are there as they were, else what is different, at *off_out.
 */
const char *guest_compare(struct vhd_io *io, const struct guest *g,
			  uint64_t *off_out);

#endif
