/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sink.h"
#include "support/check_main.h"

#include <stdio.h>
#include <string.h>

struct seen {
	const struct vhd_rule *rule;
	uint64_t off;
	char msg[1024];
	int calls;
};

static void note(void *arg, const struct vhd_rule *rule, uint64_t off,
		 const char *msg)
{
	struct seen *seen = arg;

	seen->rule = rule;
	seen->off = off;
	snprintf(seen->msg, sizeof(seen->msg), "%s", msg);
	seen->calls++;
}

START_TEST(sink__a_finding_arrives_formatted)
{
	struct seen seen = { 0 };
	struct vhd_sink sink = { note, &seen };

	vhd_report(&sink, RULE_VHDX_LEAK, 1234, "%d of %s", 3, "four");
	ck_assert_int_eq(seen.calls, 1);
	ck_assert_str_eq(seen.rule->name, "VHDX_LEAK");
	ck_assert_uint_eq(seen.off, 1234);
	ck_assert_str_eq(seen.msg, "3 of four");
}
END_TEST

START_TEST(sink__without_a_listener_nothing_happens)
{
	struct vhd_sink sink = { NULL, NULL };

	vhd_report(NULL, RULE_VHDX_LEAK, 0, "x");
	vhd_report(&sink, RULE_VHDX_LEAK, 0, "x");
}
END_TEST

START_TEST(sink__a_long_message_is_cut)
{
	struct seen seen = { 0 };
	struct vhd_sink sink = { note, &seen };

	vhd_report(&sink, RULE_VHDX_LEAK, VHD_NO_OFFSET, "%2000d", 1);
	ck_assert_uint_eq(strlen(seen.msg),
			  sizeof(((struct vhd_error *)0)->msg) - 1);
}
END_TEST

TEST_MAIN("base/sink", sink__a_finding_arrives_formatted,
	  sink__without_a_listener_nothing_happens, sink__a_long_message_is_cut)
