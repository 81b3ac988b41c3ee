/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_DOUBTS_H
#define VHD_OPS_DOUBTS_H

/*
 * Ranges of a disk of which nobody can say whether they are what they were.
 *
 * There may be as many as blocks; so many are kept apart, and then the nearest
 * ones become one: to doubt too much does no harm.
 */

#include "base/rules.h"

enum { VHD_DOUBTS_MAX = 256, VHD_DOUBT_MSG = 192 };

struct vhd_doubt {
	uint64_t off, end;
	char msg[VHD_DOUBT_MSG];
};

/* Apart from each other, ascending. */
struct vhd_doubts {
	size_t count;
	struct vhd_doubt d[VHD_DOUBTS_MAX];
};

/* @len is at least 1; @off + @len is cut to what a number can hold. */
void vhd_doubts_add(struct vhd_doubts *all, uint64_t off, uint64_t len,
		    const char *msg);

/* Does a granted step about @rule, or a finding, make all of it doubtful? */
bool vhd_doubt_by_step(const struct vhd_rule *rule);
bool vhd_doubt_by_finding(const struct vhd_rule *rule);
/* Space without an owner does, unless another finding explains it. */
bool vhd_doubt_is_leak(const struct vhd_rule *rule);
bool vhd_doubt_explains_leak(const struct vhd_rule *rule);

#endif
