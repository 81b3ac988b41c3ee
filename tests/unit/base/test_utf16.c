/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/utf16.h"
#include "support/base_rand.h"
#include "support/check_main.h"

#include <string.h>

enum { MAX_UNITS = 64 };

static const enum vhd_utf16_order orders[] = { VHD_UTF16_LE, VHD_UTF16_BE };

static void pack(const uint16_t *units, size_t n, enum vhd_utf16_order order,
		 uint8_t *out)
{
	for (size_t i = 0; i < n; i++) {
		bool le = order == VHD_UTF16_LE;

		out[2 * i + le] = (uint8_t)(units[i] >> 8);
		out[2 * i + !le] = (uint8_t)units[i];
	}
}

/* In both orders, from and into memory of exactly the promised size. */
static void expect_decode(const uint16_t *units, size_t n, const char *want,
			  bool clean)
{
	for (size_t i = 0; i < 2; i++) {
		uint8_t *in = malloc(2 * n + !n);
		char *out = malloc(VHD_UTF8_ROOM(n));

		ck_assert(in && out);
		pack(units, n, orders[i], in);
		ck_assert_int_eq(vhd_utf16_decode(in, n, orders[i], out),
				 clean);
		ck_assert_str_eq(out, want);
		free(in);
		free(out);
	}
}

#define DECODE(want, clean, ...)                                            \
	do {                                                                \
		const uint16_t units_[] = { __VA_ARGS__ };                  \
		expect_decode(units_, sizeof(units_) / 2, want, clean);     \
	} while (0)

START_TEST(utf16__text_of_every_width_is_decoded)
{
	DECODE("A", true, 'A');
	DECODE("\x7f", true, 0x7f);
	DECODE("\xc2\x80", true, 0x80);
	DECODE("\xdf\xbf", true, 0x7ff);
	DECODE("\xe0\xa0\x80", true, 0x800);
	DECODE("\xed\x9f\xbf", true, 0xd7ff);
	DECODE("\xee\x80\x80", true, 0xe000);
	DECODE("\xef\xbf\xbf", true, 0xffff);
	DECODE("\xf0\x90\x80\x80", true, 0xd800, 0xdc00);
	DECODE("\xf4\x8f\xbf\xbf", true, 0xdbff, 0xdfff);
	DECODE("a\xf0\x9f\x92\xbe" "b", true, 'a', 0xd83d, 0xdcbe, 'b');
}
END_TEST

START_TEST(utf16__decoding_stops_at_a_nul)
{
	DECODE("", true, 0);
	DECODE("ab", true, 'a', 'b', 0, 'c', 0xd800);
	expect_decode(NULL, 0, "", true);
}
END_TEST

START_TEST(utf16__text_without_a_nul_is_decoded_to_its_end)
{
	uint16_t units[256];
	char want[257];

	for (size_t i = 0; i < 256; i++)
		units[i] = 'x';
	memset(want, 'x', 256);
	want[256] = '\0';
	expect_decode(units, 256, want, true);	/* VHDX-FTI-04 */
	for (size_t i = 0; i < 256; i++)
		units[i] = 0xdc00;
	for (size_t i = 0; i < 2; i++) {
		uint8_t in[512];
		char out[VHD_UTF8_ROOM(256)];

		pack(units, 256, orders[i], in);
		ck_assert(!vhd_utf16_decode(in, 256, orders[i], out));
		ck_assert_uint_eq(strlen(out), 768);
	}
}
END_TEST

#define FFFD "\xef\xbf\xbd"

START_TEST(utf16__lone_surrogates_are_replaced_and_told)
{
	DECODE(FFFD, false, 0xd800);
	DECODE(FFFD, false, 0xdfff);
	DECODE("a" FFFD "b", false, 'a', 0xdbff, 'b');
	DECODE(FFFD "b", false, 0xdc00, 'b');
	DECODE(FFFD FFFD, false, 0xdc00, 0xd800);
	DECODE(FFFD "\xf0\x90\x80\x80", false, 0xd800, 0xd800, 0xdc00);
	DECODE("\xf0\x90\x80\x80" FFFD, false, 0xd800, 0xdc00, 0xdc00);
	DECODE(FFFD, false, 0xd800, 0);
	/* One that was there already is no replacement. */
	DECODE(FFFD, true, 0xfffd);
}
END_TEST

START_TEST(utf16__a_pair_cut_by_the_end_is_lone)
{
	const uint16_t units[] = { 'a', 0xd83d, 0xdcbe };

	expect_decode(units, 2, "a" FFFD, false);
	expect_decode(units, 3, "a\xf0\x9f\x92\xbe", true);
}
END_TEST

static void expect_encode(const char *in, const uint16_t *units, size_t n)
{
	for (size_t i = 0; i < 2; i++) {
		uint8_t want[2 * MAX_UNITS];
		uint8_t *out = malloc(2 * n + !n);
		size_t got = 999;

		pack(units, n, orders[i], want);
		ck_assert(vhd_utf16_encode(in, orders[i], out, n, &got));
		ck_assert_uint_eq(got, n);
		ck_assert_int_eq(memcmp(out, want, 2 * n), 0);
		/* One unit less and it does not fit. */
		got = 999;
		ck_assert(!n || !vhd_utf16_encode(in, orders[i], out, n - 1,
						  &got));
		ck_assert_uint_eq(n ? got : 999, 999);
		free(out);
	}
}

#define ENCODE(in, ...)                                                     \
	do {                                                                \
		const uint16_t units_[] = { __VA_ARGS__ };                  \
		expect_encode(in, units_, sizeof(units_) / 2);              \
	} while (0)

START_TEST(utf16__text_of_every_width_is_encoded)
{
	expect_encode("", NULL, 0);
	ENCODE("A", 'A');
	ENCODE("\x7f", 0x7f);
	ENCODE("\xc2\x80", 0x80);
	ENCODE("\xdf\xbf", 0x7ff);
	ENCODE("\xe0\xa0\x80", 0x800);
	ENCODE("\xed\x9f\xbf", 0xd7ff);
	ENCODE("\xee\x80\x80", 0xe000);
	ENCODE("\xef\xbf\xbf", 0xffff);
	ENCODE("\xf0\x90\x80\x80", 0xd800, 0xdc00);
	ENCODE("\xf4\x8f\xbf\xbf", 0xdbff, 0xdfff);
	ENCODE("a\xf0\x9f\x92\xbe" "b", 'a', 0xd83d, 0xdcbe, 'b');
}
END_TEST

static const char *const not_utf8[] = {
	"\x80", "\xbf", "a\x80",		/* continuation alone */
	"\xc2", "\xe0\xa0", "\xf0\x90\x80", "\xf0\x90", "\xe1",	/* cut short */
	"\xc2" "a", "\xe1\x80" "a", "\xf1\x80\x80" "a",	/* not continued */
	"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",	/* longer than needed */
	"\xf0\x8f\xbf\xbf", "\xf0\x80\x80\x80",
	"\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\xbd\xed\xb2\xbe", /* surrogates */
	"\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf",	/* past U+10FFFF */
	"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xfe", "\xff",
};

START_TEST(utf16__what_is_not_utf8_is_refused)
{
	for (size_t i = 0; i < sizeof(not_utf8) / sizeof(not_utf8[0]); i++) {
		char *copy = strdup(not_utf8[i]);
		uint8_t out[2 * MAX_UNITS];
		size_t got = 999;

		if (vhd_utf16_encode(copy, VHD_UTF16_LE, out, MAX_UNITS, &got))
			ck_abort_msg("row %zu was accepted", i);
		ck_assert_uint_eq(got, 999);
		free(copy);
	}
}
END_TEST

START_TEST(utf16__every_character_makes_the_round_trip)
{
	for (uint32_t c = 1; c < 0x110000; c++) {
		bool wide = c >= 0x10000;
		uint16_t units[2] = { (uint16_t)c, 0 };
		uint8_t in[4];
		uint8_t out[4];
		char text[VHD_UTF8_ROOM(2)];
		size_t n = 0;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		if (wide) {
			units[0] = (uint16_t)(0xd7c0 + (c >> 10));
			units[1] = (uint16_t)(0xdc00 | (c & 0x3ff));
		}
		pack(units, 2, orders[c & 1], in);
		if (!vhd_utf16_decode(in, wide ? 2 : 1, orders[c & 1], text) ||
		    !vhd_utf16_encode(text, orders[c & 1], out, 2, &n) ||
		    n != (wide ? 2 : 1) || memcmp(in, out, 2 * n))
			ck_abort_msg("U+%04X is lost", (unsigned int)c);
	}
}
END_TEST

START_TEST(utf16__any_units_decode_to_what_can_be_encoded)
{
	uint64_t state = 6;

	for (int i = 0; i < 20000; i++) {
		size_t n = base_rand_below(&state, 20);
		uint8_t in[40];
		uint8_t out[40];
		char text[VHD_UTF8_ROOM(20)];
		size_t got;

		base_rand_fill(&state, in, sizeof(in));
		for (size_t k = 0; k < n; k++) {
			if (base_rand_below(&state, 2))
				in[2 * k + 1] = (uint8_t)
					(0xd8 + base_rand_below(&state, 8));
		}
		vhd_utf16_decode(in, n, VHD_UTF16_LE, text);
		ck_assert(vhd_utf16_encode(text, VHD_UTF16_LE, out, n, &got));
		ck_assert_uint_le(got, n);
	}
}
END_TEST

TEST_MAIN("base/utf16", utf16__text_of_every_width_is_decoded,
	  utf16__decoding_stops_at_a_nul,
	  utf16__text_without_a_nul_is_decoded_to_its_end,
	  utf16__lone_surrogates_are_replaced_and_told,
	  utf16__a_pair_cut_by_the_end_is_lone,
	  utf16__text_of_every_width_is_encoded,
	  utf16__what_is_not_utf8_is_refused,
	  utf16__every_character_makes_the_round_trip,
	  utf16__any_units_decode_to_what_can_be_encoded)
