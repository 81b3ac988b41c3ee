/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_VERIFY_H
#define TESTS_CRASH_CRASH_VERIFY_H

/* Holds a file that a power cut left against the promises. */

#include "crash/crash_disk.h"

/* What to expect of each sector. */
struct crash_want {
	const struct crash_model *model;
	const struct crash_cut *cut;
};

/*
 * Opens the file for reading, which must not change it; no finding of check is
 * an error; each sector holds what it may.  @found[sector] is what it holds.
 */
bool crash_verify(struct crash_file *f, const struct crash_setup *s,
		  const struct crash_parent *p, const struct crash_want *want,
		  uint32_t *found, struct crash_failure *fail);

/* The last part of it alone: an open image in @f. */
bool crash_read(struct vhd_image *img, struct crash_file *f,
		const struct crash_want *want, uint32_t *found,
		struct crash_failure *fail);

#endif
