/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ckd.h"
#include "base/guid.h"
#include "codec/vhdx_header.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"

#include <string.h>

static struct vhdx_header golden_header(uint64_t seq, bool pending)
{
	struct vhdx_header h = { .seq = seq, .version = 1, .log_len = 1 << 20,
				 .log_off = 1 << 20 };

	vhd_guid_parse("11111111-2222-3333-4444-555555555555",
		       &h.file_write_guid);
	vhd_guid_parse("66666666-7777-8888-9999-AAAAAAAAAAAA",
		       &h.data_write_guid);
	if (pending)
		vhd_guid_parse("00112233-4455-6677-8899-AABBCCDDEEFF",
			       &h.log_guid);
	return h;
}

static enum vhd_rule_idx decode_pair(struct vhdx_image *img,
				     struct vhdx_headers *out,
				     struct vhdx_notes *notes)
{
	*notes = (struct vhdx_notes)VHDX_NOTES_INIT;
	return vhdx_headers_decode((uint8_t *)vhdx_image_header(img, 0),
				   (uint8_t *)vhdx_image_header(img, 1), out,
				   notes);
}

/* Checks a header and returns the rule, or the first note, or none. */
static enum vhd_rule_idx check_rule(const struct vhdx_header *h, uint64_t size)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	enum vhd_rule_idx rule = vhdx_header_check(h, size, &notes);

	if (rule != VHD_RULE_NONE)
		ck_assert_int_eq(notes.fatal.rule, rule);
	else if (notes.count)
		rule = notes.note[0].rule;
	return rule;
}

/* The vectors of vhdx.md 4.3. */
START_TEST(vhdx_header__encoding_gives_the_golden_checksums)
{
	static const uint32_t sums[4] = { 0x22e46aa0, 0xa01cf6d7, 0xfe59482e,
					  0x7ca1d459 };
	uint8_t bytes[VHDX_HEADER_LEN];
	struct vhdx_header h, back;

	for (uint64_t seq = 0; seq < 4; seq++) {
		h = golden_header(seq, seq >= 2);
		vhdx_header_encode(&h, bytes);
		ck_assert_uint_eq(le32_get(((struct vhdx_header_disk *)
					    bytes)->checksum), sums[seq]);
		ck_assert(vhdx_header_decode(bytes, &back));
		ck_assert_uint_eq(back.seq, seq);
		ck_assert(vhd_guid_equal(&back.log_guid, &h.log_guid));
		ck_assert(!back.reserved_set);
	}
}
END_TEST

START_TEST(vhdx_header__any_changed_bit_makes_it_invalid)
{
	struct vhdx_header h = golden_header(7, true), out;
	uint8_t bytes[VHDX_HEADER_LEN];

	vhdx_header_encode(&h, bytes);
	for (size_t i = 0; i < sizeof(bytes); i += i < 96 ? 1 : 97) {
		bytes[i] ^= 0x10;
		ck_assert(!vhdx_header_decode(bytes, &out));
		bytes[i] ^= 0x10;
	}
	ck_assert(vhdx_header_decode(bytes, &out));
}
END_TEST

START_TEST(vhdx_header__the_higher_sequence_number_is_current)
{
	struct vhdx_image img;
	struct vhdx_headers hs;
	struct vhdx_notes notes;

	vhdx_image_init(&img, NULL);
	ck_assert_int_eq(decode_pair(&img, &hs, &notes), VHD_RULE_NONE);
	ck_assert_uint_eq(hs.current, 1);
	ck_assert_uint_eq(hs.ok, 3);
	ck_assert_uint_eq(notes.count, 0);
	vhdx_image_header(&img, 0)->seq = le64_make(UINT64_MAX);
	vhdx_image_reseal_header(&img, 0);
	ck_assert_int_eq(decode_pair(&img, &hs, &notes), VHD_RULE_NONE);
	ck_assert_uint_eq(hs.current, 0);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_header__a_damaged_one_leaves_the_other_current)
{
	struct vhdx_image img;
	struct vhdx_headers hs;
	struct vhdx_notes notes;

	for (int n = 0; n < 2; n++) {
		vhdx_image_init(&img, NULL);
		vhdx_image_header(&img, n)->reserved[99] ^= 1;
		ck_assert_int_eq(decode_pair(&img, &hs, &notes),
				 VHD_RULE_NONE);
		ck_assert_uint_eq(hs.current, n ? 0 : 1);
		ck_assert_uint_eq(hs.ok, n ? 1 : 2);
		ck_assert(vhdx_notes_have(&notes, RULE_VHDX_HDR_ONE_BAD));
		ck_assert_uint_eq(notes.note[0].off, n ? 131072 : 65536);
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_header__two_damaged_ones_are_refused)
{
	struct vhdx_image img;
	struct vhdx_headers hs;
	struct vhdx_notes notes;
	struct vhd_error err;

	vhdx_image_init(&img, NULL);
	vhdx_image_header(&img, 0)->seq = le64_make(5);
	vhdx_image_header(&img, 1)->signature[0] = 'H';
	vhdx_image_reseal_header(&img, 1);
	ck_assert_int_eq(decode_pair(&img, &hs, &notes),
			 RULE_VHDX_HDR_BOTH_BAD);
	ck_assert_int_eq(vhdx_notes_fail(&notes, 0, &err), VHD_E_CORRUPT);
	ck_assert_str_eq(err.rule->name, "VHDX_HDR_BOTH_BAD");
	vhdx_image_free(&img);
}
END_TEST

/* VHDX-HDR-02: identical twins are tolerated, others are not. */
START_TEST(vhdx_header__equal_numbers_need_equal_headers)
{
	struct vhdx_image img;
	struct vhdx_headers hs;
	struct vhdx_notes notes;

	vhdx_image_init(&img, NULL);
	memcpy(vhdx_image_header(&img, 1), vhdx_image_header(&img, 0), 4096);
	ck_assert_int_eq(decode_pair(&img, &hs, &notes), VHD_RULE_NONE);
	ck_assert(vhdx_notes_have(&notes, RULE_VHDX_HDR_TWINS));
	vhdx_image_header(&img, 1)->data_write_guid[3] ^= 1;
	vhdx_image_reseal_header(&img, 1);
	ck_assert_int_eq(decode_pair(&img, &hs, &notes),
			 RULE_VHDX_HDR_SEQ_TIE);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_header__a_difference_between_the_two_is_noted)
{
	struct vhdx_image img;
	struct vhdx_headers hs;
	struct vhdx_notes notes;

	vhdx_image_init(&img, NULL);
	vhdx_image_header(&img, 0)->data_write_guid[3] ^= 1;
	vhdx_image_reseal_header(&img, 0);
	ck_assert_int_eq(decode_pair(&img, &hs, &notes), VHD_RULE_NONE);
	ck_assert_uint_eq(notes.count, 1);
	ck_assert_int_eq(notes.note[0].rule, RULE_VHDX_HDR_DIFFER);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_header__another_version_is_not_supported)
{
	struct vhdx_header h = golden_header(1, false);
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhd_error err;

	ck_assert_int_eq(check_rule(&h, 4 << 20), VHD_RULE_NONE);
	h.version = 2;
	ck_assert_int_eq(vhdx_header_check(&h, 4 << 20, &notes),
			 RULE_VHDX_HDR_VERSION);
	ck_assert_int_eq(vhdx_notes_fail(&notes, 65536, &err),
			 VHD_E_UNSUPPORTED);
	ck_assert_uint_eq(err.off, 65536 + 66);
	ck_assert_ptr_nonnull(strstr(err.msg, "version 0x2"));
}
END_TEST

/* VHDX-HDR-04 */
START_TEST(vhdx_header__log_version_matters_only_with_a_pending_log)
{
	struct vhdx_header h = golden_header(1, true);

	h.log_version = 1;
	ck_assert_int_eq(check_rule(&h, 4 << 20), RULE_VHDX_LOG_VERSION);
	h.log_guid = (struct vhd_guid){ { 0 } };
	ck_assert_int_eq(check_rule(&h, 4 << 20), RULE_VHDX_LOG_VERSION_IDLE);
}
END_TEST

/* VHDX-HDR-05 */
START_TEST(vhdx_header__a_pending_log_lies_on_mib_borders_in_the_file)
{
	static const struct { uint64_t off; uint32_t len; } bad[] = {
		{ 0, 1 << 20 }, { 4096, 1 << 20 }, { 3 << 20, 2 << 20 },
		{ 1 << 20, 0 }, { 1 << 20, 4096 }, { 1 << 20, 1u << 31 },
		{ UINT64_MAX - MiB + 1, 1 << 20 },
		{ UINT64_MAX - 4 * MiB + 1, 8 << 20 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct vhdx_header h = golden_header(1, true);

		h.log_off = bad[i].off;
		h.log_len = bad[i].len;
		ck_assert_int_eq(check_rule(&h, 4 << 20), RULE_VHDX_LOG_PLACE);
	}
}
END_TEST

START_TEST(vhdx_header__an_empty_log_in_a_wrong_place_is_noted)
{
	struct vhdx_header h = golden_header(1, false);

	h.log_off = 4096;
	ck_assert_int_eq(check_rule(&h, 4 << 20), RULE_VHDX_LOG_PLACE_IDLE);
	h.log_off = 0;
	h.log_len = 0;
	ck_assert_int_eq(check_rule(&h, 4 << 20), RULE_VHDX_LOG_PLACE_IDLE);
	h.log_off = 4 << 20;
	h.log_len = 1 << 20;
	ck_assert_int_eq(check_rule(&h, 5 << 20), VHD_RULE_NONE);
	ck_assert_int_eq(check_rule(&h, 4 << 20), RULE_VHDX_LOG_PLACE_IDLE);
}
END_TEST

START_TEST(vhdx_header__reserved_bytes_and_null_guids_are_noted)
{
	struct vhdx_header h = golden_header(1, false);

	h.reserved_set = true;
	ck_assert_int_eq(check_rule(&h, 4 << 20), RULE_VHDX_HDR_RESERVED);
	h.reserved_set = false;
	h.file_write_guid = (struct vhd_guid){ { 0 } };
	ck_assert_int_eq(check_rule(&h, 4 << 20), RULE_VHDX_HDR_GUID_ZERO);
	h = golden_header(1, false);
	h.data_write_guid = (struct vhd_guid){ { 0 } };
	ck_assert_int_eq(check_rule(&h, 4 << 20), RULE_VHDX_HDR_GUID_ZERO);
}
END_TEST

START_TEST(vhdx_header__reserved_bytes_are_seen)
{
	struct vhdx_image img;
	struct vhdx_header h;

	vhdx_image_init(&img, NULL);
	vhdx_image_header(&img, 0)->reserved[4015] = 1;
	vhdx_image_reseal_header(&img, 0);
	ck_assert(vhdx_header_decode((uint8_t *)vhdx_image_header(&img, 0),
				     &h));
	ck_assert(h.reserved_set);
	vhdx_image_free(&img);
}
END_TEST

/* VHDX-FTI-04 */
START_TEST(vhdx_header__creator_may_fill_its_field_and_be_broken)
{
	static uint8_t bytes[VHDX_IDENT_LEN];
	char text[VHDX_CREATOR_ROOM];

	vhdx_ident_encode("libvhd 0.1.0", bytes);
	ck_assert(vhdx_ident_ok(bytes));
	ck_assert(vhdx_creator_decode(bytes, text));
	ck_assert_str_eq(text, "libvhd 0.1.0");
	for (size_t i = 8; i < 520; i += 2) {
		bytes[i] = 'x';
		bytes[i + 1] = 0;
	}
	ck_assert(vhdx_creator_decode(bytes, text));
	ck_assert_uint_eq(strlen(text), 256);
	bytes[9] = 0xd8;
	ck_assert(!vhdx_creator_decode(bytes, text));
	bytes[7] = 'f';
	ck_assert(!vhdx_ident_ok(bytes));
}
END_TEST

TEST_MAIN("codec/vhdx_header",
	  vhdx_header__encoding_gives_the_golden_checksums,
	  vhdx_header__any_changed_bit_makes_it_invalid,
	  vhdx_header__the_higher_sequence_number_is_current,
	  vhdx_header__a_damaged_one_leaves_the_other_current,
	  vhdx_header__two_damaged_ones_are_refused,
	  vhdx_header__equal_numbers_need_equal_headers,
	  vhdx_header__a_difference_between_the_two_is_noted,
	  vhdx_header__another_version_is_not_supported,
	  vhdx_header__log_version_matters_only_with_a_pending_log,
	  vhdx_header__a_pending_log_lies_on_mib_borders_in_the_file,
	  vhdx_header__an_empty_log_in_a_wrong_place_is_noted,
	  vhdx_header__reserved_bytes_and_null_guids_are_noted,
	  vhdx_header__reserved_bytes_are_seen,
	  vhdx_header__creator_may_fill_its_field_and_be_broken)
