/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/guid.h"
#include "support/base_rand.h"
#include "support/check_main.h"

#include <ctype.h>
#include <string.h>

static const char sample[] = "2dc27766-f623-4200-9d64-115e9bfd4a08";
static const struct vhd_guid sample_guid = { {
	0x2d, 0xc2, 0x77, 0x66, 0xf6, 0x23, 0x42, 0x00,
	0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08
} };

START_TEST(guid__text_is_in_the_order_of_the_bytes)
{
	struct vhd_guid g;
	char text[VHD_GUID_TEXT];

	vhd_guid_format(&sample_guid, text);
	ck_assert_str_eq(text, sample);
	ck_assert(vhd_guid_parse(sample, &g));
	ck_assert(vhd_guid_equal(&g, &sample_guid));
}
END_TEST

/* The BAT region's GUID as it stands in a VHDX. */
START_TEST(guid__mixed_form_turns_three_groups_round)
{
	static const uint8_t disk[16] = {
		0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
		0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08
	};
	uint8_t bytes[16];
	struct vhd_guid g;

	vhd_guid_from_mixed(disk, &g);		/* VHDX-GEN-02 */
	ck_assert(vhd_guid_equal(&g, &sample_guid));
	vhd_guid_to_mixed(&g, bytes);
	ck_assert_mem_eq(bytes, disk, 16);
	vhd_guid_to_mixed(&g, g.b);		/* in place */
	ck_assert_mem_eq(g.b, disk, 16);
}
END_TEST

START_TEST(guid__any_case_and_braces_are_read)
{
	static const char *const good[] = {
		"2DC27766-F623-4200-9D64-115E9BFD4A08",
		"{2dc27766-f623-4200-9d64-115e9bfd4a08}",
		"{2Dc27766-F623-4200-9d64-115e9bFD4a08}",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct vhd_guid g;

		ck_assert(vhd_guid_parse(good[i], &g));
		ck_assert(vhd_guid_equal(&g, &sample_guid));
	}
}
END_TEST

static const char *const junk[] = {
	"", "{", "{}", "-", "2",
	"2dc27766-f623-4200-9d64-115e9bfd4a0",
	"2dc27766-f623-4200-9d64-115e9bfd4a088",
	"2dc27766-f623-4200-9d64-115e9bfd4a08 ",
	" 2dc27766-f623-4200-9d64-115e9bfd4a08",
	"{2dc27766-f623-4200-9d64-115e9bfd4a08",
	"2dc27766-f623-4200-9d64-115e9bfd4a08}",
	"{2dc27766-f623-4200-9d64-115e9bfd4a08}x",
	"{{2dc27766-f623-4200-9d64-115e9bfd4a08}}",
	"{2dc27766-f623-4200-9d64-115e9bfd4a08)",
	"2dc27766f62342009d64115e9bfd4a08",
	"2dc27766-f6234200-9d64-115e9bfd4a08",
	"2dc2776-6f623-4200-9d64-115e9bfd4a08",
	"2dc27766_f623_4200_9d64_115e9bfd4a08",
	"2dc27766-f623-4200-9d64-115e9bfd4aog",
	"2dc27766-f623-4200-9d64-+15e9bfd4a08",
	"0xc27766-f623-4200-9d64-115e9bfd4a08",
	"2dc27766-f623-4200-9d64-115e9bfd4a\xc3\xa4",
};

START_TEST(guid__junk_is_rejected_and_nothing_written)
{
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		struct vhd_guid g = sample_guid;
		char *copy = strdup(junk[i]);

		g.b[0] = 0xee;
		if (vhd_guid_parse(copy, &g))
			ck_abort_msg("accepted: %s", junk[i]);
		ck_assert_uint_eq(g.b[0], 0xee);
		free(copy);
	}
}
END_TEST

START_TEST(guid__every_prefix_is_rejected)
{
	struct vhd_guid g;

	for (size_t len = 0; len < strlen(sample); len++) {
		char *copy = strndup(sample, len);

		ck_assert(!vhd_guid_parse(copy, &g));
		free(copy);
	}
}
END_TEST

START_TEST(guid__format_and_parse_are_inverse)
{
	uint64_t state = 5;

	for (int i = 0; i < 1000; i++) {
		struct vhd_guid a;
		struct vhd_guid b;
		char text[VHD_GUID_TEXT];

		base_rand_fill(&state, &a, sizeof(a));
		vhd_guid_format(&a, text);
		ck_assert(vhd_guid_parse(text, &b));
		ck_assert(vhd_guid_equal(&a, &b));
		for (char *c = text; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		ck_assert(vhd_guid_parse(text, &b));
		ck_assert(vhd_guid_equal(&a, &b));
	}
}
END_TEST

START_TEST(guid__only_zero_is_zero)
{
	struct vhd_guid g = { { 0 } };

	ck_assert(vhd_guid_is_zero(&g));
	for (size_t i = 0; i < 16; i++) {
		g.b[i] = 1;
		ck_assert(!vhd_guid_is_zero(&g));
		g.b[i] = 0;
	}
}
END_TEST

static bool is_v4(const struct vhd_guid *g)
{
	return g->b[6] >> 4 == 4 && g->b[8] >> 6 == 2;
}

START_TEST(guid__random_ones_differ_and_are_version_4)
{
	struct vhd_guid a;
	struct vhd_guid b;

	for (int i = 0; i < 100; i++) {
		ck_assert(vhd_guid_random(&a));
		ck_assert_int_eq(vhd_guid_fresh(&b, NULL), 0);
		ck_assert(is_v4(&a) && is_v4(&b));
		ck_assert(!vhd_guid_equal(&a, &b));
	}
}
END_TEST

START_TEST(guid__the_zeroth_derived_one_is_the_seed)
{
	struct vhd_guid g;

	vhd_guid_derive(&sample_guid, 0, &g);
	ck_assert(vhd_guid_equal(&g, &sample_guid));
}
END_TEST

START_TEST(guid__derived_ones_differ_and_are_version_4)
{
	enum { N = 300 };
	static struct vhd_guid all[N];

	for (uint32_t i = 0; i < N; i++) {
		struct vhd_guid seed = { { 0 } };

		seed.b[15] = (uint8_t)(i / 100);
		vhd_guid_derive(&seed, 1 + i % 100, &all[i]);
		ck_assert(is_v4(&all[i]));
		for (uint32_t j = 0; j < i; j++)
			ck_assert(!vhd_guid_equal(&all[i], &all[j]));
	}
}
END_TEST

/* Reproducible images depend on it: these values may never change. */
START_TEST(guid__derived_ones_are_the_same_for_ever)
{
	char text[VHD_GUID_TEXT];
	struct vhd_guid g;

	vhd_guid_derive(&sample_guid, 1, &g);
	vhd_guid_format(&g, text);
	ck_assert_str_eq(text, "b01516a7-1842-48d4-8559-41a2fb4ae424");
	g = sample_guid;
	vhd_guid_derive(&g, UINT32_MAX, &g);	/* in place */
	vhd_guid_format(&g, text);
	ck_assert_str_eq(text, "4518e2be-9155-48bb-ad21-dc94c670a21b");
}
END_TEST

TEST_MAIN("base/guid", guid__text_is_in_the_order_of_the_bytes,
	  guid__mixed_form_turns_three_groups_round,
	  guid__any_case_and_braces_are_read,
	  guid__junk_is_rejected_and_nothing_written,
	  guid__every_prefix_is_rejected, guid__format_and_parse_are_inverse,
	  guid__only_zero_is_zero, guid__random_ones_differ_and_are_version_4,
	  guid__the_zeroth_derived_one_is_the_seed,
	  guid__derived_ones_differ_and_are_version_4,
	  guid__derived_ones_are_the_same_for_ever)
