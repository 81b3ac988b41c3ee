/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/rules.h"

static const struct vhd_rule rules[] = {
#define R(name_, id_, severity_, repair_, clause_, sentence_) \
	[RULE_##name_] = {                                    \
		.name = #name_,                               \
		.id = id_,                                    \
		.clause = clause_,                            \
		.sentence = sentence_,                        \
		.severity = VHD_SEV_##severity_,              \
		.repair = VHD_REPAIR_##repair_,               \
	},
#include "base/rules.def"
#undef R
};

const struct vhd_rule *vhd_rule_get(enum vhd_rule_idx idx)
{
	return (unsigned)idx < VHD_RULE_COUNT ? &rules[idx] : NULL;
}

const struct vhd_rule *vhd_rules(size_t *count_out)
{
	if (count_out)
		*count_out = VHD_RULE_COUNT;
	return rules;
}
