/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_RULES_H
#define VHD_BASE_RULES_H

#include "vhd/error.h"

/* The rows of rules.def, by name: VHD1_FOOTER_MISSING, VHDX_LOG_NO_SEQUENCE, ... */
enum vhd_rule_idx {
#define R(name, id, severity, repair, clause, sentence) RULE_##name,
#include "base/rules.def"
#undef R
	VHD_RULE_COUNT
};

/* No rule; what pure functions return when all is well. */
#define VHD_RULE_NONE VHD_RULE_COUNT

/* NULL for VHD_RULE_NONE. */
const struct vhd_rule *vhd_rule_get(enum vhd_rule_idx idx);

#endif
