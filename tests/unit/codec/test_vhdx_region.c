/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ckd.h"
#include "codec/vhdx_region.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"

#include <string.h>

#define OTHER "12345678-1234-1234-1234-123456789abc"

static struct vhdx_image img;
static struct vhdx_regions regions;
static struct vhdx_notes notes;

/* Checked fixtures run in processes of their own, so these start afresh. */
static void image_begin(void)
{
	vhdx_image_init(&img, NULL);
}

static enum vhd_rule_idx decode(void)
{
	struct vhdx_place log = { MiB, MiB };

	vhdx_image_reseal(&img);
	notes = (struct vhdx_notes)VHDX_NOTES_INIT;
	return vhdx_regions_decode((uint8_t *)vhdx_image_regions(&img, 0), &log,
				   img.len, &regions, &notes);
}

static enum vhd_rule_idx decode_pair(struct vhdx_region_pair *pair)
{
	notes = (struct vhdx_notes)VHDX_NOTES_INIT;
	return vhdx_region_pair_decode(
		(uint8_t *)vhdx_image_regions(&img, 0),
		(uint8_t *)vhdx_image_regions(&img, 1), pair, &notes);
}

/* The vector of vhdx.md 5. */
START_TEST(vhdx_region__encoding_gives_the_golden_table)
{
	static uint8_t table[VHDX_REGIONS_LEN];
	struct vhdx_regions rs = { .bat = { 3 * MiB, MiB },
				   .metadata = { 2 * MiB, MiB } };

	image_begin();
	vhdx_regions_encode(&rs, table);
	ck_assert_uint_eq(le32_get(((struct vhdx_regions_hdr_disk *)
				    table)->checksum), 0xc66b8cae);
	ck_assert_mem_eq(table, vhdx_image_regions(&img, 0), sizeof(table));
	ck_assert_int_eq(decode(), VHD_RULE_NONE);
	ck_assert_uint_eq(regions.bat.off, 3 * MiB);
	ck_assert_uint_eq(regions.metadata.off, 2 * MiB);
	ck_assert_uint_eq(regions.count, 2);
	ck_assert_uint_eq(notes.count, 0);
	vhdx_image_free(&img);
}
END_TEST

/* VHDX-RGN-06, VHDX-RGN-07 */
START_TEST(vhdx_region__the_sound_copy_is_used)
{
	struct vhdx_region_pair pair;

	image_begin();
	ck_assert_int_eq(decode_pair(&pair), VHD_RULE_NONE);
	ck_assert_uint_eq(pair.ok, 3);
	ck_assert_uint_eq(pair.use, 0);
	vhdx_image_regions(&img, 1)->reserved = le32_make(1);
	ck_assert_int_eq(decode_pair(&pair), VHD_RULE_NONE);
	ck_assert_uint_eq(pair.ok, 1);
	ck_assert_uint_eq(notes.note[0].off, VHDX_REGIONS2_OFF);
	vhdx_image_reseal(&img);
	ck_assert_int_eq(decode_pair(&pair), VHD_RULE_NONE);
	ck_assert(vhdx_notes_have(&notes, RULE_VHDX_RGN_DIFFER));
	vhdx_image_regions(&img, 0)->signature[0] = 'x';
	ck_assert_int_eq(decode_pair(&pair), VHD_RULE_NONE);
	ck_assert(vhdx_notes_have(&notes, RULE_VHDX_RGN_ONE_BAD));
	ck_assert_uint_eq(pair.use, 1);
	vhdx_image_regions(&img, 1)->signature[0] = 'x';
	ck_assert_int_eq(decode_pair(&pair), RULE_VHDX_RGN_BOTH_BAD);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_region__too_many_entries_are_refused)
{
	image_begin();
	vhdx_image_regions(&img, 0)->count = le32_make(2048);
	ck_assert_int_eq(decode(), RULE_VHDX_RGN_COUNT);
	vhdx_image_regions(&img, 0)->count = le32_make(UINT32_MAX);
	ck_assert_int_eq(decode(), RULE_VHDX_RGN_COUNT);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_region__the_same_guid_twice_is_refused)
{
	image_begin();
	vhdx_image_add_region(&img, "2DC27766-F623-4200-9D64-115E9BFD4A08",
			      MiB * 2, 1 << 20, 1);
	vhdx_image_region(&img, 0, 1)->off = le64_make(10 * MiB);
	vhdx_image_resize(&img, 16 << 20);
	ck_assert_int_eq(decode(), RULE_VHDX_RGN_DUPLICATE);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_region__both_known_ones_are_needed)
{
	image_begin();
	vhdx_image_regions(&img, 0)->count = le32_make(1);
	ck_assert_int_eq(decode(), RULE_VHDX_RGN_NO_METADATA);
	*vhdx_image_region(&img, 0, 0) = *vhdx_image_region(&img, 0, 1);
	ck_assert_int_eq(decode(), RULE_VHDX_RGN_NO_BAT);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_region__a_known_one_lies_on_mib_borders_in_the_file)
{
	static const struct { uint64_t off; uint32_t len; } bad[] = {
		{ 0, 1 << 20 }, { 3 * MiB + 4096, 1 << 20 }, { 3 * MiB, 0 },
		{ 3 * MiB, 4096 }, { 3 * MiB, 2 << 20 }, { 4 * MiB, 1 << 20 },
		{ UINT64_MAX - MiB + 1, 1 << 20 }, { 3 * MiB, 0xfff00000 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		image_begin();
		vhdx_image_region(&img, 0, 0)->off = le64_make(bad[i].off);
		vhdx_image_region(&img, 0, 0)->len = le32_make(bad[i].len);
		ck_assert_int_eq(decode(), RULE_VHDX_RGN_PLACE);
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_region__an_unknown_one_counts_by_its_required_bit)
{
	struct vhd_error err;

	image_begin();
	vhdx_image_add_region(&img, OTHER, 8 * MiB, 1 << 20, 1);
	ck_assert_int_eq(decode(), RULE_VHDX_RGN_REQUIRED);
	ck_assert_int_eq(vhdx_notes_fail(&notes, 196608, &err),
			 VHD_E_UNSUPPORTED);
	vhdx_image_region(&img, 0, 2)->required = le32_make(0);
	ck_assert_int_eq(decode(), VHD_RULE_NONE);
	ck_assert_uint_eq(notes.count, 1);
	ck_assert_int_eq(notes.note[0].rule, RULE_VHDX_RGN_OPTIONAL);
	ck_assert_uint_eq(regions.other_count, 1);
	vhdx_image_free(&img);
}
END_TEST

/* VHDX-RGN-04 */
START_TEST(vhdx_region__overlaps_are_refused)
{
	image_begin();
	vhdx_image_region(&img, 0, 0)->off = le64_make(2 * MiB);
	ck_assert_int_eq(decode(), RULE_VHDX_RGN_OVERLAP);
	vhdx_image_region(&img, 0, 0)->off = le64_make(1 * MiB);
	ck_assert_int_eq(decode(), RULE_VHDX_RGN_OVERLAP);
	vhdx_image_region(&img, 0, 0)->off = le64_make(3 * MiB);
	ck_assert_int_eq(decode(), VHD_RULE_NONE);
	vhdx_image_add_region(&img, OTHER, MiB, 8 << 20, 0);
	ck_assert_int_eq(decode(), RULE_VHDX_RGN_OVERLAP);
	vhdx_image_free(&img);
}
END_TEST

/* VHDX-RGN-03: QEMU's 0 and mkimg's junk are read, and noted. */
START_TEST(vhdx_region__odd_flags_and_reserved_bytes_are_noted)
{
	image_begin();
	vhdx_image_region(&img, 0, 0)->required = le32_make(0);
	vhdx_image_region(&img, 0, 1)->required = le32_make(0xdeadbeef);
	vhdx_image_regions(&img, 0)->reserved = le32_make(1);
	((uint8_t *)vhdx_image_regions(&img, 0))[65535] = 1;
	ck_assert_int_eq(decode(), VHD_RULE_NONE);
	ck_assert_uint_eq(notes.count, 4);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(notes.note[i].rule, RULE_VHDX_RGN_FLAGS);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_region__a_full_table_is_read)
{
	image_begin();
	for (uint32_t i = 2; i < VHDX_REGIONS_MAX; i++) {
		struct vhdx_region_disk *r = vhdx_image_region(&img, 0, i);

		memcpy(r->guid, &i, sizeof(i));
		r->off = le64_make((4 + (uint64_t)i) * MiB);
		r->len = le32_make(1 << 20);
	}
	vhdx_image_regions(&img, 0)->count = le32_make(VHDX_REGIONS_MAX);
	ck_assert_int_eq(decode(), VHD_RULE_NONE);
	ck_assert_uint_eq(regions.other_count, VHDX_REGIONS_MAX - 2);
	ck_assert_uint_eq(notes.count + notes.dropped, VHDX_REGIONS_MAX - 2);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN("codec/vhdx_region", vhdx_region__encoding_gives_the_golden_table,
	  vhdx_region__the_sound_copy_is_used,
	  vhdx_region__too_many_entries_are_refused,
	  vhdx_region__the_same_guid_twice_is_refused,
	  vhdx_region__both_known_ones_are_needed,
	  vhdx_region__a_known_one_lies_on_mib_borders_in_the_file,
	  vhdx_region__an_unknown_one_counts_by_its_required_bit,
	  vhdx_region__overlaps_are_refused,
	  vhdx_region__odd_flags_and_reserved_bytes_are_noted,
	  vhdx_region__a_full_table_is_read)
