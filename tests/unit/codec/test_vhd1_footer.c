/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_footer.h"

#include <string.h>

#include "support/check_main.h"

/* vhd.md 16.1 */
static const uint8_t golden[VHD1_FOOTER_LEN] = {
	0x63, 0x6f, 0x6e, 0x65, 0x63, 0x74, 0x69, 0x78,
	0x00, 0x00, 0x00, 0x02, 0x00, 0x01, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00,
	0x2d, 0x00, 0x00, 0x00, 0x77, 0x69, 0x6e, 0x20,
	0x00, 0x0a, 0x00, 0x00, 0x57, 0x69, 0x32, 0x6b,
	0x00, 0x00, 0x00, 0x02, 0x80, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x02, 0x80, 0x00, 0x00, 0x00,
	0x51, 0x45, 0x10, 0x3f, 0x00, 0x00, 0x00, 0x03,
	0xff, 0xff, 0xf7, 0x37, 0x00, 0x01, 0x02, 0x03,
	0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
	0x0c, 0x0d, 0x0e, 0x0f,
};

START_TEST(vhd1_footer__recipe_decodes_and_encodes)
{
	struct vhd1_footer f;
	uint8_t raw[VHD1_FOOTER_LEN];

	ck_assert_int_eq(vhd1_footer_seal(golden), VHD1_SEAL_OK);
	vhd1_footer_decode(golden, &f);
	ck_assert_uint_eq(f.current_size, UINT64_C(10737418240));
	ck_assert_uint_eq(f.geometry.cylinders, 20805);
	ck_assert_uint_eq(f.type, VHD1_TYPE_DYNAMIC);
	ck_assert_int_eq(vhd1_time_to_unix(f.timestamp), 1701659520);
	ck_assert_int_eq(vhd1_footer_judge(&f), VHD_RULE_NONE);
	ck_assert(vhd1_footer_plausible(&f));
	vhd1_footer_encode(&f, raw);
	ck_assert_mem_eq(raw, golden, sizeof(raw));
}
END_TEST

START_TEST(vhd1_footer__any_bytes_survive_a_round_trip)
{
	uint64_t seed = 1;
	int i;

	for (i = 0; i < 200; i++) {
		uint8_t raw[VHD1_FOOTER_LEN], again[VHD1_FOOTER_LEN];
		struct vhd1_footer f;
		size_t j;

		for (j = 0; j < sizeof(raw); j++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			raw[j] = (uint8_t)(seed >> 56);
		}
		vhd1_footer_decode(raw, &f);
		(void)vhd1_footer_judge(&f);
		(void)vhd1_footer_plausible(&f);
		vhd1_footer_encode(&f, again);
		ck_assert_int_eq(vhd1_footer_seal(again), VHD1_SEAL_OK);
		/* cookie and checksum are the encoder's */
		memcpy(raw, again, 8);
		memcpy(raw + 64, again + 64, 4);
		ck_assert_mem_eq(raw, again, sizeof(raw));
	}
}
END_TEST

START_TEST(vhd1_footer__every_changed_byte_breaks_the_seal)
{
	size_t i;

	for (i = 0; i < VHD1_FOOTER_LEN; i++) {
		uint8_t raw[VHD1_FOOTER_LEN];

		memcpy(raw, golden, sizeof(raw));
		raw[i] ^= 0x40;
		ck_assert_int_eq(vhd1_footer_seal(raw),
				 i < 8 ? VHD1_SEAL_NONE : VHD1_SEAL_BROKEN);
	}
}
END_TEST

/* VHD-F-32 */
START_TEST(vhd1_footer__old_xen_hidden_flag_needs_no_checksum)
{
	struct vhd1_footer f;
	uint8_t raw[VHD1_FOOTER_LEN];

	vhd1_footer_decode(golden, &f);
	memcpy(f.creator_app, "tap", 4);
	f.creator_version = VHD1_TAP_1_1;
	vhd1_footer_encode(&f, raw);
	raw[85] = 1;
	ck_assert_int_eq(vhd1_footer_seal(raw), VHD1_SEAL_OK_HIDDEN);
	f.creator_version = VHD1_TAP_1_3;
	vhd1_footer_encode(&f, raw);
	raw[85] = 1;
	ck_assert_int_eq(vhd1_footer_seal(raw), VHD1_SEAL_BROKEN);
}
END_TEST

/* VHD-F-4: the missing byte is zero and changes no sum. */
START_TEST(vhd1_footer__byte_511_does_not_count_when_zero)
{
	uint8_t raw[VHD1_FOOTER_LEN] = { 0 };

	memcpy(raw, golden, VHD1_FOOTER_LEN_OLD);
	ck_assert_int_eq(vhd1_footer_seal(raw), VHD1_SEAL_OK);
}
END_TEST

START_TEST(vhd1_footer__poison_is_recognised)
{
	uint8_t raw[VHD1_FOOTER_LEN];

	memcpy(raw, golden, sizeof(raw));
	memcpy(raw, "v_poison", 8);
	ck_assert_int_eq(vhd1_footer_seal(raw), VHD1_SEAL_POISON);
}
END_TEST

/* VHD-C-15 */
START_TEST(vhd1_footer__size_follows_the_rule)
{
	struct vhd1_footer f;

	vhd1_footer_decode(golden, &f);
	ck_assert_uint_eq(vhd1_footer_size(&f, VHD_SIZE_CURRENT),
			  UINT64_C(10737418240));
	ck_assert_uint_eq(vhd1_footer_size(&f, VHD_SIZE_CHS),
			  UINT64_C(10737377280));
	ck_assert_uint_eq(vhd1_footer_size(&f, VHD_SIZE_AUTO),
			  UINT64_C(10737418240));
	memcpy(f.creator_app, "vpc ", 4);
	ck_assert_uint_eq(vhd1_footer_size(&f, VHD_SIZE_AUTO),
			  UINT64_C(10737377280));
	f.geometry = (struct vhd1_geometry){ 65535, 16, 255 };
	ck_assert_uint_eq(vhd1_footer_size(&f, VHD_SIZE_AUTO), f.current_size);
	f.geometry = (struct vhd1_geometry){ 0, 0, 0 };
	ck_assert_uint_eq(vhd1_footer_size(&f, VHD_SIZE_CHS), f.current_size);
}
END_TEST

START_TEST(vhd1_footer__times_are_clamped)
{
	ck_assert_int_eq(vhd1_time_to_unix(0), 0);
	ck_assert_uint_eq(vhd1_time_from_unix(0), 0);
	ck_assert_uint_eq(vhd1_time_from_unix(INT64_MIN), 0);
	ck_assert_uint_eq(vhd1_time_from_unix(INT64_MAX), UINT32_MAX);
	ck_assert_uint_eq(vhd1_time_from_unix(1701659520), 0x2d000000);
	ck_assert_int_eq(vhd1_time_to_unix(UINT32_MAX), 5241652095);
}
END_TEST

TEST_MAIN("codec/vhd1_footer",
	  vhd1_footer__recipe_decodes_and_encodes,
	  vhd1_footer__any_bytes_survive_a_round_trip,
	  vhd1_footer__every_changed_byte_breaks_the_seal,
	  vhd1_footer__old_xen_hidden_flag_needs_no_checksum,
	  vhd1_footer__byte_511_does_not_count_when_zero,
	  vhd1_footer__poison_is_recognised,
	  vhd1_footer__size_follows_the_rule,
	  vhd1_footer__times_are_clamped)
