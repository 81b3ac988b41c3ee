/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sink.h"

#include <stdarg.h>
#include <stdio.h>

void vhd_report(const struct vhd_sink *sink, enum vhd_rule_idx rule,
		uint64_t off, const char *fmt, ...)
{
	char msg[sizeof(((struct vhd_error *)NULL)->msg)];
	va_list ap;

	if (!sink || !sink->fn)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	sink->fn(sink->arg, vhd_rule_get(rule), off, msg);
}
