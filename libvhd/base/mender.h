/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_MENDER_H
#define VHD_BASE_MENDER_H

/*
 * How an engine that repairs a file asks whether it may mend something, and
 * says that it is about to.
 */

#include "base/rules.h"

struct vhd_mender {
	/*
	 * What the owner wants done about @rule: NULL is nothing, "" what is
	 * usual, else one of the words that the rule's repair knows.  Rules of
	 * VHD_REPAIR_AUTO always get at least "".
	 */
	const char *(*choice)(void *arg, const struct vhd_rule *rule);
	/*
	 * Told of a step: what is done at @off, as a sentence.  Not @granted:
	 * what could be done if the owner allowed it.  False: the plan is full;
	 * make no change, and none of the later ones either.
	 */
	bool (*step)(void *arg, const struct vhd_rule *rule, bool granted,
		     uint64_t off, const char *msg);
	void *arg;
};

/* NULL: not allowed. */
const char *vhd_mend_choice(const struct vhd_mender *m, enum vhd_rule_idx rule);

/*
 * Asks and tells in one.  True: the step is announced; what the engine writes
 * from now on, until it asks again, belongs to it.
 */
bool vhd_mend_may(const struct vhd_mender *m, enum vhd_rule_idx rule,
		  uint64_t off, const char *fmt, ...) VHD_PRINTF(4, 5);

#endif
