/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_VHD1_DAMAGES_H
#define TEST_VHD1_DAMAGES_H

/* Sound images, and one thing to break in each that a repair can mend. */

#include "support/vhd1_image.h"

enum {
	VHD1_DEEP = 1,		/* takes a deep check to see */
	VHD1_LESS = 2		/* what a guest reads changes, by consent */
};

struct vhd1_damage {
	const char *rule;
	const struct vhd1_image_spec *spec;
	void (*make)(struct vhd_io *io);
	const char *allow;	/* NULL: the rule */
	unsigned flags;
};

extern const struct vhd1_damage vhd1_damages[];
extern const size_t vhd1_damage_count;

#endif
