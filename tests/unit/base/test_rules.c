/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/rules.h"
#include "support/check_main.h"

#include <ctype.h>
#include <string.h>

START_TEST(rules__names_are_unique)
{
	size_t count;
	const struct vhd_rule *rules = vhd_rules(&count);

	ck_assert_uint_gt(count, 100);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(rules[i].name, rules[j].name);
	}
}
END_TEST

START_TEST(rules__no_field_is_empty)
{
	size_t count;
	const struct vhd_rule *rules = vhd_rules(&count);

	for (size_t i = 0; i < count; i++) {
		ck_assert(rules[i].name && *rules[i].name);
		ck_assert(rules[i].id && *rules[i].id);
		ck_assert(rules[i].clause && *rules[i].clause);
		ck_assert(rules[i].sentence && *rules[i].sentence);
		ck_assert_uint_le(rules[i].severity, VHD_SEV_FATAL);
		ck_assert_uint_le(rules[i].repair, VHD_REPAIR_ASK);
	}
}
END_TEST

START_TEST(rules__name_invariant_and_clause_are_of_one_format)
{
	size_t count;
	const struct vhd_rule *rules = vhd_rules(&count);

	for (size_t i = 0; i < count; i++) {
		const struct vhd_rule *r = &rules[i];

		if (!strncmp(r->name, "VHD1_", 5)) {
			ck_assert_int_eq(strncmp(r->id, "VHD-K-", 6), 0);
			ck_assert_int_eq(strncmp(r->clause, "VHD-", 4), 0);
		} else {
			ck_assert_int_eq(strncmp(r->name, "VHDX_", 5), 0);
			ck_assert_int_eq(strncmp(r->id, "VHDX-CHK-", 9), 0);
			ck_assert_int_eq(strncmp(r->clause, "VHDX-", 5), 0);
		}
	}
}
END_TEST

START_TEST(rules__sentences_fit_a_line_of_a_report)
{
	size_t count;
	const struct vhd_rule *rules = vhd_rules(&count);

	for (size_t i = 0; i < count; i++) {
		const char *s = rules[i].sentence;
		size_t len = strlen(s);

		ck_assert_uint_lt(len, 100);
		ck_assert_ptr_null(strchr(s, '\n'));
		ck_assert(s[len - 1] != '.' && !isspace(s[len - 1]));
	}
}
END_TEST

START_TEST(rules__an_index_leads_to_its_row)
{
	const struct vhd_rule *all = vhd_rules(NULL);

	ck_assert_str_eq(vhd_rule_get(RULE_VHD1_FILE_LENGTH)->name,
			 "VHD1_FILE_LENGTH");
	ck_assert_str_eq(vhd_rule_get(RULE_VHDX_IS_VHDS)->name,
			 "VHDX_IS_VHDS");
	ck_assert_str_eq(vhd_rule_get(RULE_VHDX_LOG_NO_SEQUENCE)->id,
			 "VHDX-CHK-13");
	ck_assert_int_eq(vhd_rule_get(RULE_VHDX_LOG_NO_SEQUENCE)->severity,
			 VHD_SEV_FATAL);
	ck_assert_int_eq(vhd_rule_get(RULE_VHDX_LOG_NO_SEQUENCE)->repair,
			 VHD_REPAIR_ASK);
	for (int i = 0; i < VHD_RULE_COUNT; i++)
		ck_assert_ptr_eq(vhd_rule_get((enum vhd_rule_idx)i), &all[i]);
}
END_TEST

START_TEST(rules__no_rule_has_no_row)
{
	ck_assert_ptr_null(vhd_rule_get(VHD_RULE_NONE));
}
END_TEST

TEST_MAIN("base/rules", rules__names_are_unique, rules__no_field_is_empty,
	  rules__name_invariant_and_clause_are_of_one_format,
	  rules__sentences_fit_a_line_of_a_report,
	  rules__an_index_leads_to_its_row, rules__no_rule_has_no_row)
