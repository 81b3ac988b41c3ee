/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/mender.h"

#include <stdarg.h>
#include <stdio.h>

const char *vhd_mend_choice(const struct vhd_mender *m, enum vhd_rule_idx rule)
{
	return m->choice(m->arg, vhd_rule_get(rule));
}

bool vhd_mend_may(const struct vhd_mender *m, enum vhd_rule_idx rule,
		  uint64_t off, const char *fmt, ...)
{
	bool granted = vhd_mend_choice(m, rule);
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return m->step(m->arg, vhd_rule_get(rule), granted, off, msg) &&
	       granted;
}
