/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_SINK_H
#define VHD_BASE_SINK_H

/*
 * Where engines report what is wrong but not fatal: to the log callback while
 * an image is opened, to the list of findings while it is checked.
 */

#include "base/rules.h"

struct vhd_sink {
	void (*fn)(void *arg, const struct vhd_rule *rule, uint64_t off,
		   const char *msg);
	void *arg;
};

/* Formats one finding.  Does nothing when @sink or its function is NULL. */
void vhd_report(const struct vhd_sink *sink, enum vhd_rule_idx rule,
		uint64_t off, const char *fmt, ...) VHD_PRINTF(4, 5);

#endif
