/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_locator.h"

#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"

static char text[VHD1_LOC_ROOM(4096)];
static enum vhd_locator_kind kind;
static uint32_t flaws;

static bool decode(uint32_t code, const char *bytes, size_t len)
{
	/* A copy of the exact length, so that overruns are caught. */
	uint8_t *copy = malloc(len ? len : 1);
	bool ok;

	memcpy(copy, bytes, len);
	ok = vhd1_locator_decode(code, copy, len, text, &kind, &flaws);
	free(copy);
	return ok;
}

#define DECODE(code, bytes) decode(code, bytes, sizeof(bytes) - 1)

START_TEST(vhd1_locator__windows_paths_decode)
{
	ck_assert(DECODE(VHD1_LOC_W2RU, ".\0\\\0b\0\xfc\0"));
	ck_assert_str_eq(text, ".\\b\xc3\xbc");
	ck_assert_int_eq(kind, VHD_LOCATOR_RELATIVE);
	ck_assert_uint_eq(flaws, 0);
	ck_assert(DECODE(VHD1_LOC_W2KU, "C\0:\0\\\0b\0"));
	ck_assert_str_eq(text, "C:\\b");
	ck_assert_int_eq(kind, VHD_LOCATOR_ABSOLUTE);
	/* Xen records the relative path here too, VHD-L-8. */
	ck_assert(DECODE(VHD1_LOC_W2KU, ".\0\\\0b\0"));
	ck_assert_int_eq(kind, VHD_LOCATOR_RELATIVE);
}
END_TEST

/* VHD-L-1, VHD-L-2 */
START_TEST(vhd1_locator__flaws_of_utf16_are_told)
{
	ck_assert(DECODE(VHD1_LOC_W2RU, "\0.\0\\\0b"));
	ck_assert_str_eq(text, ".\\b");
	ck_assert_uint_eq(flaws, VHD1_TEXT_BIG_ENDIAN);
	ck_assert(DECODE(VHD1_LOC_W2RU, "b\0\0\0\0\0"));
	ck_assert_str_eq(text, "b");
	ck_assert_uint_eq(flaws, VHD1_TEXT_NUL);
	ck_assert(DECODE(VHD1_LOC_W2RU, "b\0c"));
	ck_assert_str_eq(text, "b");
	ck_assert_uint_eq(flaws, VHD1_TEXT_ODD);
	ck_assert(DECODE(VHD1_LOC_W2RU, "b\0\x00\xd8"));
	ck_assert_str_eq(text, "b\xef\xbf\xbd");
	ck_assert_uint_eq(flaws, VHD1_TEXT_REPLACED);
	ck_assert(DECODE(VHD1_LOC_W2RU, "\xff\xfe" "b\0"));
	ck_assert_str_eq(text, "b");
}
END_TEST

START_TEST(vhd1_locator__urls_become_paths)
{
	static const struct {
		const char *url, *path;
		enum vhd_locator_kind kind;
	} row[] = {
		{ "file://./p.vhd", "./p.vhd", VHD_LOCATOR_RELATIVE },
		{ "file://../d/p.vhd", "../d/p.vhd", VHD_LOCATOR_RELATIVE },
		{ "file:///d/p.vhd", "/d/p.vhd", VHD_LOCATOR_ABSOLUTE },
		{ "file://localhost/d/p.vhd", "/d/p.vhd",
		  VHD_LOCATOR_ABSOLUTE },
		{ "file:p.vhd", "p.vhd", VHD_LOCATOR_RELATIVE },
		{ "p.vhd", "p.vhd", VHD_LOCATOR_RELATIVE },
		{ "file:///a%20b%C3%bc", "/a b\xc3\xbc",
		  VHD_LOCATOR_ABSOLUTE },
		{ "file:///100%", "/100%", VHD_LOCATOR_ABSOLUTE },
		{ "file:///%zz%0", "/%zz%0", VHD_LOCATOR_ABSOLUTE },
		{ "file:///a%00b", "/a%00b", VHD_LOCATOR_ABSOLUTE },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		ck_assert(decode(VHD1_LOC_MACX, row[i].url,
				 strlen(row[i].url)));
		ck_assert_str_eq(text, row[i].path);
		ck_assert_int_eq(kind, row[i].kind);
		ck_assert_uint_eq(flaws, 0);
	}
}
END_TEST

START_TEST(vhd1_locator__bytes_that_are_no_text_are_kept_as_latin1)
{
	ck_assert(DECODE(VHD1_LOC_MACX, "file:///\xff\xe4%ff\xc3\xbc"));
	ck_assert_str_eq(text, "/\xc3\xbf\xc3\xa4\xc3\xbf\xc3\xbc");
	ck_assert_uint_eq(flaws, VHD1_TEXT_REPLACED);
	ck_assert(DECODE(VHD1_LOC_WI2R, ".\\\xfc\0junk"));
	ck_assert_str_eq(text, ".\\\xc3\xbc");
	ck_assert_uint_eq(flaws, VHD1_TEXT_NUL);
	ck_assert(DECODE(VHD1_LOC_WI2K, "C:\\p"));
	ck_assert_int_eq(kind, VHD_LOCATOR_ABSOLUTE);
}
END_TEST

START_TEST(vhd1_locator__empty_and_foreign_payloads_have_no_text)
{
	char zeros[512] = { 0 };

	ck_assert(!decode(VHD1_LOC_MACX, zeros, sizeof(zeros)));
	ck_assert_uint_eq(flaws, VHD1_TEXT_NUL | VHD1_TEXT_EMPTY);
	ck_assert(!decode(VHD1_LOC_W2RU, zeros, sizeof(zeros)));
	ck_assert(!decode(VHD1_LOC_W2RU, zeros, 0));
	ck_assert_uint_eq(flaws, VHD1_TEXT_EMPTY);
	ck_assert(!DECODE(VHD1_LOC_MAC, "alias"));
	ck_assert_uint_eq(flaws, 0);
	ck_assert(!DECODE(UINT32_C(0x41414141), "text"));
	ck_assert(!vhd1_locator_known(UINT32_C(0x41414141)));
}
END_TEST

START_TEST(vhd1_locator__random_payloads_stay_in_their_room)
{
	static const uint32_t codes[] = { VHD1_LOC_W2RU, VHD1_LOC_MACX,
					  VHD1_LOC_WI2R };
	uint64_t seed = 3;
	size_t i, j, len;

	for (i = 0; i < 600; i++) {
		uint8_t in[64];
		char *out;

		len = i % (sizeof(in) + 1);
		for (j = 0; j < len; j++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			in[j] = (uint8_t)(seed >> 56) | (uint8_t)(i % 3 << 6);
		}
		out = malloc(VHD1_LOC_ROOM(len));
		vhd1_locator_decode(codes[i % 3], in, len, out, &kind, &flaws);
		ck_assert_uint_lt(strlen(out), VHD1_LOC_ROOM(len));
		free(out);
	}
}
END_TEST

/* VHD-L-3, VHD-L-4 */
START_TEST(vhd1_locator__small_space_counts_sectors)
{
	static const uint32_t in[] = { 0, 1, 2, 511, 512, 513, 1024, 4096 };
	static const uint64_t out[] = { 0, 512, 1024, 261632, 512, 513, 1024,
					4096 };
	size_t i;

	for (i = 0; i < 8; i++) {
		struct vhd1_locator loc = { .space = in[i] };

		ck_assert_uint_eq(vhd1_locator_space(&loc), out[i]);
	}
}
END_TEST

/* vhd.md 16.2; VHD-L-9 */
START_TEST(vhd1_locator__relative_paths_get_their_prefix)
{
	uint8_t out[64];
	size_t len;

	ck_assert(vhd1_locator_encode_relative(VHD1_LOC_W2RU, "base.vhd", out,
					       sizeof(out), &len));
	ck_assert_uint_eq(len, 20);
	ck_assert_mem_eq(out, ".\0\\\0b\0a\0s\0e\0.\0v\0h\0d\0", 20);
	ck_assert(vhd1_locator_encode_relative(VHD1_LOC_W2RU, "../d/p", out,
					       sizeof(out), &len));
	ck_assert_mem_eq(out, ".\0.\0\\\0d\0\\\0p\0", len);
	ck_assert(vhd1_locator_encode_relative(VHD1_LOC_MACX, "d/p", out,
					       sizeof(out), &len));
	ck_assert_uint_eq(len, 12);
	ck_assert_mem_eq(out, "file://./d/p", 12);
	ck_assert(!vhd1_locator_encode_relative(VHD1_LOC_W2RU, "base.vhd", out,
						18, &len));
	ck_assert(!vhd1_locator_encode_relative(VHD1_LOC_MACX, "base.vhd", out,
						16, &len));
	ck_assert(!vhd1_locator_encode("\xff", out, sizeof(out), &len));
}
END_TEST

TEST_MAIN("codec/vhd1_locator",
	  vhd1_locator__windows_paths_decode,
	  vhd1_locator__flaws_of_utf16_are_told,
	  vhd1_locator__urls_become_paths,
	  vhd1_locator__bytes_that_are_no_text_are_kept_as_latin1,
	  vhd1_locator__empty_and_foreign_payloads_have_no_text,
	  vhd1_locator__random_payloads_stay_in_their_room,
	  vhd1_locator__small_space_counts_sectors,
	  vhd1_locator__relative_paths_get_their_prefix)
