/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fail.h"
#include "support/check_main.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is left of an earlier use must not show. */
static struct vhd_error garbage(void)
{
	struct vhd_error err;

	memset(&err, 0x5a, sizeof(err));
	return err;
}

START_TEST(error__fail_fills_every_field)
{
	struct vhd_error err = garbage();

	ck_assert_int_eq(vhd_fail(&err, VHD_E_RANGE, "%d past %s", 5, "end"),
			 VHD_E_RANGE);
	ck_assert_int_eq(err.code, VHD_E_RANGE);
	ck_assert_int_eq(err.os_errno, 0);
	ck_assert_ptr_null(err.rule);
	ck_assert_uint_eq(err.off, VHD_NO_OFFSET);
	ck_assert_str_eq(err.file, "");
	ck_assert_str_eq(err.msg, "5 past end");
}
END_TEST

START_TEST(error__fail_rule_is_corrupt_and_names_the_rule)
{
	struct vhd_error err = garbage();

	ck_assert_int_eq(vhd_fail_rule(&err, RULE_VHDX_BAT_SHORT, 4096, "%u",
				       7u), VHD_E_CORRUPT);
	ck_assert_int_eq(err.code, VHD_E_CORRUPT);
	ck_assert_str_eq(err.rule->name, "VHDX_BAT_SHORT");
	ck_assert_uint_eq(err.off, 4096);
	ck_assert_str_eq(err.msg, "7");
}
END_TEST

START_TEST(error__fail_code_rule_keeps_the_code)
{
	struct vhd_error err = garbage();

	ck_assert_int_eq(vhd_fail_code_rule(&err, VHD_E_PARENT,
					    RULE_VHDX_PARENT_ID, VHD_NO_OFFSET,
					    "x"), VHD_E_PARENT);
	ck_assert_int_eq(err.code, VHD_E_PARENT);
	ck_assert_str_eq(err.rule->name, "VHDX_PARENT_ID");
}
END_TEST

START_TEST(error__errno_is_kept_and_spelled_out)
{
	struct vhd_error err = garbage();

	ck_assert_int_eq(vhd_fail_errno(&err, EIO, 512, "cannot read %d", 9),
			 VHD_E_IO);
	ck_assert_int_eq(err.os_errno, EIO);
	ck_assert_uint_eq(err.off, 512);
	ck_assert_str_eq(err.msg, "cannot read 9: Input/output error");
}
END_TEST

START_TEST(error__errno_decides_the_code)
{
	static const struct { int os_errno; int code; } want[] = {
		{ ENOSPC, VHD_E_NOSPACE }, { EDQUOT, VHD_E_NOSPACE },
		{ EFBIG, VHD_E_NOSPACE }, { EEXIST, VHD_E_EXISTS },
		{ ENOMEM, VHD_E_NOMEM }, { EACCES, VHD_E_IO },
		{ EAGAIN, VHD_E_IO }, { ENOENT, VHD_E_IO }, { 99999, VHD_E_IO },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct vhd_error err = garbage();

		ck_assert_int_eq(vhd_fail_errno(&err, want[i].os_errno, 0, "x"),
				 want[i].code);
		ck_assert_int_eq(err.code, want[i].code);
		ck_assert_int_eq(vhd_fail_errno(NULL, want[i].os_errno, 0, "x"),
				 want[i].code);
		ck_assert(strlen(err.msg) > strlen("x: "));
	}
}
END_TEST

START_TEST(error__no_object_is_fine)
{
	ck_assert_int_eq(vhd_fail(NULL, VHD_E_INVAL, "x"), VHD_E_INVAL);
	ck_assert_int_eq(vhd_fail_rule(NULL, RULE_VHDX_BAT_SHORT, 0, "x"),
			 VHD_E_CORRUPT);
	ck_assert_int_eq(vhd_fail_nomem(NULL), VHD_E_NOMEM);
	ck_assert_int_eq(vhd_err_file(NULL, VHD_E_IO, "f"), VHD_E_IO);
}
END_TEST

START_TEST(error__a_long_message_is_cut_and_terminated)
{
	char text[2 * sizeof(((struct vhd_error *)0)->msg)];
	struct vhd_error err = garbage();

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	vhd_fail(&err, VHD_E_INVAL, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
	vhd_fail_errno(&err, EIO, 0, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
}
END_TEST

/* Names come from images. */
START_TEST(error__a_message_is_one_line)
{
	char text[sizeof(((struct vhd_error *)0)->msg) - 1];
	struct vhd_error err = garbage();

	vhd_fail(&err, VHD_E_INVAL, "no %s", "a\nb\x1b[2J\x7f \xc2\x85\xc3\xa9");
	ck_assert_str_eq(err.msg, "no a\\x0ab\\x1b[2J\\x7f \\x85\xc3\xa9");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[sizeof(text) - 3] = '\n';
	vhd_fail(&err, VHD_E_INVAL, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), sizeof(text) - 3);
	memset(text, '\n', sizeof(text) - 1);
	vhd_fail(&err, VHD_E_INVAL, "%s", text);
	ck_assert_uint_ge(strlen(err.msg), sizeof(text) - 4);
	ck_assert_ptr_null(strchr(err.msg, '\n'));
}
END_TEST

/* All of @s is characters of UTF-8, and none of them steers a terminal. */
static bool is_clean(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

		if (*p < 0x20 || (*p >= 0x7f && *p < 0xc2) || *p > 0xf4 ||
		    (*p == 0xc2 && p[1] < 0xa0))
			return false;
		for (size_t i = 1; i < n; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return false;
		}
		p += n;
	}
	return true;
}

static const struct {
	const char *from, *to;
} odd[] = {
	{ "\xc3\xa9", "\xc3\xa9" },
	{ "\xe2\x82\xac", "\xe2\x82\xac" },
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	{ "\xc2\xa0", "\xc2\xa0" },
	{ "\xc2\x85", "\\x85" },
	/* Alone, where a terminal is not one of UTF-8. */
	{ "\x9b" "2J", "\\x9b2J" },
	{ "\x80\xbf", "\\x80\\xbf" },
	{ "\xe9t\xe9", "\\xe9t\\xe9" },
	/* Not whole. */
	{ "\xe2\x82", "\\xe2\\x82" },
	{ "\xc3", "\\xc3" },
	{ "\xf0\x9f\x98z", "\\xf0\\x9f\\x98z" },
	{ "\xc3\n", "\\xc3\\x0a" },
	/* Longer than need be, half of a pair, past the end. */
	{ "\xc0\x9b", "\\xc0\\x9b" },
	{ "\xe0\x80\x9b", "\\xe0\\x80\\x9b" },
	{ "\xf0\x80\x80\x9b", "\\xf0\\x80\\x80\\x9b" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
	{ "\xff", "\\xff" },
};

START_TEST(error__what_is_no_character_is_spelled_out)
{
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct vhd_error err = garbage();
		char want[64];

		snprintf(want, sizeof(want), "no \"%s\"", odd[i].to);
		vhd_fail(&err, VHD_E_INVAL, "no \"%s\"", odd[i].from);
		ck_assert_str_eq(err.msg, want);
		want[strlen(want) - 1] = '\0';
		vhd_fail(&err, VHD_E_INVAL, "no \"%s", odd[i].from);
		ck_assert_str_eq(err.msg, want);
	}
}
END_TEST

/*
 * The end may be anywhere in what is put there, with and without an escape ahead
 * that makes the message longer.  What came before the cut stays as it is.
 */
START_TEST(error__a_message_is_not_cut_inside_a_character)
{
	enum { ROOM = sizeof(((struct vhd_error *)0)->msg), AHEAD = 16 };
	char text[ROOM + AHEAD], want[ROOM + 4 * AHEAD];

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
	for (size_t lines = 0; lines < 3; lines++)
	for (size_t fill = ROOM - AHEAD; fill <= ROOM; fill++) {
		struct vhd_error err = garbage();
		size_t got;

		memset(text, 'x', fill);
		memset(text, '\n', lines);
		snprintf(text + fill, sizeof(text) - fill, "%s|", odd[i].from);
		snprintf(want, sizeof(want), "%.*s%.*s%s|", (int)lines * 4,
			 "\\x0a\\x0a", (int)(fill - lines), text + lines,
			 odd[i].to);
		vhd_fail(&err, VHD_E_INVAL, "%s", text);
		got = strlen(err.msg);
		ck_assert(is_clean(err.msg));
		/* A character or an escape has no more than four bytes. */
		ck_assert_uint_ge(got, strlen(want) < ROOM ? strlen(want) :
							     ROOM - 4);
		ck_assert_int_eq(strncmp(err.msg, want, got), 0);
		vhd_fail_errno(&err, EIO, 0, "%s", text);
		ck_assert(is_clean(err.msg));
	}
}
END_TEST

START_TEST(error__a_message_may_quote_the_one_it_replaces)
{
	struct vhd_error err;

	vhd_fail(&err, VHD_E_IO, "inner");
	vhd_fail(&err, VHD_E_PARENT, "parent: %s", err.msg);
	ck_assert_str_eq(err.msg, "parent: inner");
}
END_TEST

START_TEST(error__the_innermost_file_wins)
{
	struct vhd_error err;
	int rc = vhd_fail(&err, VHD_E_IO, "x");

	ck_assert_int_eq(vhd_err_file(&err, rc, "inner"), VHD_E_IO);
	ck_assert_int_eq(vhd_err_file(&err, rc, "outer"), VHD_E_IO);
	ck_assert_str_eq(err.file, "inner");
}
END_TEST

START_TEST(error__success_names_no_file)
{
	struct vhd_error err = { 0 };

	ck_assert_int_eq(vhd_err_file(&err, 0, "file"), 0);
	ck_assert_str_eq(err.file, "");
}
END_TEST

START_TEST(error__a_long_file_name_keeps_its_end)
{
	char name[400];
	struct vhd_error err;

	for (size_t len = 250; len < 399; len++) {
		size_t kept;

		for (size_t i = 0; i < len; i++)
			name[i] = (char)('a' + i % 26);
		name[len] = '\0';
		vhd_fail(&err, VHD_E_IO, "x");
		vhd_err_file(&err, VHD_E_IO, name);
		kept = strlen(err.file);
		if (len < sizeof(err.file)) {
			ck_assert_str_eq(err.file, name);
			continue;
		}
		ck_assert_uint_eq(kept, sizeof(err.file) - 1);
		ck_assert_int_eq(strncmp(err.file, "...", 3), 0);
		ck_assert_str_eq(err.file + 3, name + len - (kept - 3));
	}
}
END_TEST

START_TEST(error__a_file_name_is_not_cut_inside_a_character)
{
	char name[602];
	struct vhd_error err;

	for (size_t i = 0; i < 600; i += 2)
		memcpy(name + i, "\xc3\xa4", 2);
	strcpy(name + 600, "x");
	vhd_fail(&err, VHD_E_IO, "x");
	vhd_err_file(&err, VHD_E_IO, name);
	ck_assert_int_eq(strncmp(err.file, "...\xc3\xa4", 5), 0);
	ck_assert_str_eq(err.file + strlen(err.file) - 3, "\xc3\xa4x");
	vhd_fail(&err, VHD_E_IO, "x");
	vhd_err_file(&err, VHD_E_IO, name + 1);
	ck_assert_int_eq(strncmp(err.file, "...\xc3\xa4", 5), 0);
}
END_TEST

START_TEST(error__codes_have_names)
{
	ck_assert_str_eq(vhd_status_name(0), "VHD_OK");
	ck_assert_str_eq(vhd_status_name(VHD_E_CORRUPT), "VHD_E_CORRUPT");
	ck_assert_str_eq(vhd_status_name(-16), "VHD_E_NOTFILE");
	ck_assert_str_eq(vhd_status_name(-17), "VHD_E_REFUSED");
	ck_assert_str_eq(vhd_status_name(-18), "unknown");
	ck_assert_str_eq(vhd_status_name(1), "unknown");
	for (int i = 0; i >= VHD_E_REFUSED; i--)
		ck_assert_int_eq(strncmp(vhd_status_name(i), "VHD_", 4), 0);
}
END_TEST

START_TEST(error__severities_have_names)
{
	ck_assert_str_eq(vhd_severity_name(VHD_SEV_INFO), "info");
	ck_assert_str_eq(vhd_severity_name(VHD_SEV_WARNING), "warning");
	ck_assert_str_eq(vhd_severity_name(VHD_SEV_ERROR), "error");
	ck_assert_str_eq(vhd_severity_name(VHD_SEV_FATAL), "fatal");
}
END_TEST

TEST_MAIN("base/error", error__fail_fills_every_field,
	  error__fail_rule_is_corrupt_and_names_the_rule,
	  error__fail_code_rule_keeps_the_code,
	  error__errno_is_kept_and_spelled_out, error__errno_decides_the_code,
	  error__no_object_is_fine, error__a_long_message_is_cut_and_terminated,
	  error__a_message_is_one_line,
	  error__what_is_no_character_is_spelled_out,
	  error__a_message_is_not_cut_inside_a_character,
	  error__a_message_may_quote_the_one_it_replaces,
	  error__the_innermost_file_wins, error__success_names_no_file,
	  error__a_long_file_name_keeps_its_end,
	  error__a_file_name_is_not_cut_inside_a_character,
	  error__codes_have_names, error__severities_have_names)
