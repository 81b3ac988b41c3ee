/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ckd.h"
#include "codec/vhdx_meta.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"

#include <string.h>

#define OTHER "12345678-1234-1234-1234-123456789abc"

static struct vhdx_image img;
static struct vhdx_meta_table table;
static struct vhdx_meta meta;
static struct vhdx_notes notes;

static enum vhd_rule_idx decode_table(void)
{
	notes = (struct vhdx_notes)VHDX_NOTES_INIT;
	return vhdx_meta_table_decode((uint8_t *)vhdx_image_meta(&img), MiB,
				      &table, &notes);
}

/* Table and items: the whole way. */
static enum vhd_rule_idx decode(void)
{
	enum vhd_rule_idx rule = decode_table();
	struct vhdx_meta_items items;

	if (rule != VHD_RULE_NONE)
		return rule;
	for (int i = VHDX_ITEM_PARAMS; i < VHDX_ITEM_LOCATOR; i++)
		memcpy(vhdx_meta_item_slot(&items, (enum vhdx_item)i),
		       img.bytes + 2 * MiB + table.item[i].off,
		       table.item[i].len);
	return vhdx_meta_decode(&items, &table, &meta, &notes);
}

static void item32_set(uint32_t idx, size_t off, uint32_t value)
{
	le32 v = le32_make(value);

	memcpy(vhdx_image_item(&img, idx) + off, &v, 4);
}

static void item64_set(uint32_t idx, uint64_t value)
{
	le64 v = le64_make(value);

	memcpy(vhdx_image_item(&img, idx), &v, 8);
}

/* The rule that stops decoding, or the only note, or none. */
static enum vhd_rule_idx outcome(void)
{
	enum vhd_rule_idx rule = decode();

	if (rule == VHD_RULE_NONE && notes.count) {
		ck_assert_uint_eq(notes.count, 1);
		rule = notes.note[0].rule;
	}
	return rule;
}

START_TEST(vhdx_meta__the_golden_region_says_what_it_should)
{
	char text[VHD_GUID_TEXT];

	vhdx_image_init(&img, NULL);
	ck_assert_int_eq(outcome(), VHD_RULE_NONE);
	ck_assert_uint_eq(meta.disk_size, 10 * GiB);
	ck_assert_uint_eq(meta.block_size, 32 << 20);
	ck_assert_uint_eq(meta.logical_sector, 512);
	ck_assert_uint_eq(meta.physical_sector, 4096);
	vhd_guid_format(&meta.disk_id, text);
	ck_assert_str_eq(text, "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");
	ck_assert(!meta.has_parent && !meta.leave_allocated);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__encoding_gives_the_golden_region)
{
	static uint8_t bytes[VHDX_META_TABLE_LEN];
	struct vhdx_image_spec spec = { .has_parent = true,
					.block_size = 2 << 20 };
	struct vhdx_meta_items items;

	for (int diff = 0; diff < 2; diff++) {
		vhdx_image_init(&img, diff ? &spec : NULL);
		ck_assert_int_eq(outcome(), VHD_RULE_NONE);
		vhdx_meta_encode(&meta, diff ? 192 : 0, bytes, &items);
		ck_assert_mem_eq(bytes, vhdx_image_meta(&img), sizeof(bytes));
		ck_assert_mem_eq(&items, img.bytes + 2 * MiB + 0x10000, 40);
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_meta__order_and_place_of_items_do_not_matter)
{
	struct vhdx_meta_ent_disk t;

	vhdx_image_init(&img, NULL);
	t = *vhdx_image_meta_ent(&img, 0);
	*vhdx_image_meta_ent(&img, 0) = *vhdx_image_meta_ent(&img, 4);
	*vhdx_image_meta_ent(&img, 4) = t;
	memmove(img.bytes + 2 * MiB + 0xfffe0, img.bytes + 2 * MiB + 0x10008,
		8);
	vhdx_image_meta_ent(&img, 1)->off = le32_make(0xfffe0);
	ck_assert_int_eq(outcome(), VHD_RULE_NONE);
	ck_assert_uint_eq(meta.disk_size, 10 * GiB);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__signature_and_counts_are_checked)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_meta(&img)->signature[7] = 'b';
	ck_assert_int_eq(outcome(), RULE_VHDX_META_SIGNATURE);
	vhdx_image_meta(&img)->signature[7] = 'a';
	vhdx_image_meta(&img)->count = le16_make(2048);
	ck_assert_int_eq(outcome(), RULE_VHDX_META_COUNT);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__more_than_1024_user_items_are_refused)
{
	vhdx_image_init(&img, NULL);
	for (uint32_t i = 5; i < 5 + 1025; i++) {
		struct vhdx_meta_ent_disk *e = vhdx_image_meta_ent(&img, i);

		memcpy(e->guid, &i, sizeof(i));
		e->flags = le32_make(VHDX_META_USER);
	}
	vhdx_image_meta(&img)->count = le16_make(5 + 1024);
	ck_assert_int_eq(outcome(), VHD_RULE_NONE);
	vhdx_image_meta(&img)->count = le16_make(5 + 1025);
	ck_assert_int_eq(outcome(), RULE_VHDX_META_COUNT);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__an_item_named_twice_is_refused)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_add_item(&img, OTHER, 0, 0, 0);
	vhdx_image_add_item(&img, OTHER, 0, 0, VHDX_META_USER);
	ck_assert_int_eq(outcome(), VHD_RULE_NONE);
	vhdx_image_add_item(&img, OTHER, 0, 0, VHDX_META_USER);
	ck_assert_int_eq(outcome(), RULE_VHDX_META_DUPLICATE);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__a_known_item_lies_inside_the_region)
{
	static const uint32_t bad[] = { 0, 0xffff, 0xffff9, 0x100000,
					0xfffffff8, 0xffffffff };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		vhdx_image_init(&img, NULL);
		vhdx_image_meta_ent(&img, 1)->off = le32_make(bad[i]);
		ck_assert_int_eq(outcome(), RULE_VHDX_META_PLACE);
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_meta__an_optional_item_out_of_place_is_noted)
{
	static const struct { uint32_t off, len; } bad[] = {
		{ 0x20000, 0 }, { 0x1000, 8 }, { 0xffff0, 0x100 },
		{ 0x10000, 0x100001 }, { 0xfffffff0, 0xfffffff0 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		vhdx_image_init(&img, NULL);
		vhdx_image_add_item(&img, OTHER, bad[i].off, bad[i].len, 0);
		ck_assert_int_eq(decode(), VHD_RULE_NONE);
		ck_assert(vhdx_notes_have(&notes, RULE_VHDX_META_PLACE_OPT));
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_meta__overlapping_items_are_noted)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_add_item(&img, OTHER, 0x10027, 8, 0);
	ck_assert_int_eq(outcome(), RULE_VHDX_META_OVERLAP);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__an_unknown_required_item_is_refused)
{
	struct vhd_error err;

	vhdx_image_init(&img, NULL);
	vhdx_image_add_item(&img, OTHER, 0x20000, 8, VHDX_META_REQUIRED);
	ck_assert_int_eq(outcome(), RULE_VHDX_META_REQUIRED);
	ck_assert_int_eq(vhdx_notes_fail(&notes, 2 * MiB, &err),
			 VHD_E_UNSUPPORTED);
	vhdx_image_meta_ent(&img, 5)->flags = le32_make(0);
	ck_assert_int_eq(outcome(), VHD_RULE_NONE);
	vhdx_image_free(&img);
}
END_TEST

/* VHDX-ITEM-09 */
START_TEST(vhdx_meta__an_unfinished_image_is_refused)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_add_item(&img, "71CC85F0-1B69-4E28-9558-C3BF83AE75D3", 0, 0,
			    VHDX_META_REQUIRED);
	ck_assert_int_eq(outcome(), RULE_VHDX_META_INCOMPLETE);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__each_mandatory_item_is_needed)
{
	for (uint32_t i = 0; i < 5; i++) {
		vhdx_image_init(&img, NULL);
		*vhdx_image_meta_ent(&img, i) = *vhdx_image_meta_ent(&img, 4);
		vhdx_image_meta(&img)->count = le16_make(4);
		ck_assert_int_eq(outcome(), RULE_VHDX_META_MISSING);
		ck_assert_ptr_nonnull(notes.fatal.what);
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_meta__each_small_item_has_its_length)
{
	for (uint32_t i = 0; i < 5; i++) {
		vhdx_image_init(&img, NULL);
		vhdx_image_meta_ent(&img, i)->len = le32_make(12);
		ck_assert_int_eq(outcome(), RULE_VHDX_META_LENGTH);
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_meta__odd_flags_and_reserved_bytes_are_noted)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_meta_ent(&img, 1)->flags = le32_make(4);
	ck_assert_int_eq(outcome(), RULE_VHDX_META_FLAGS);
	vhdx_image_meta_ent(&img, 1)->flags = le32_make(6);
	vhdx_image_meta_ent(&img, 1)->reserved = le32_make(1);
	ck_assert_int_eq(outcome(), RULE_VHDX_META_FLAGS);
	vhdx_image_meta_ent(&img, 1)->reserved = le32_make(0);
	vhdx_image_meta(&img)->reserved2[19] = 1;
	ck_assert_int_eq(outcome(), RULE_VHDX_META_FLAGS);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__block_size_is_a_power_of_two_in_range)
{
	static const uint32_t bad[] = { 0, 1, 1 << 19, 3 << 20, 1 << 29,
					(1 << 20) + 1, 1u << 31 };

	vhdx_image_init(&img, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		item32_set(VHDX_IMAGE_PARAMS, 0, bad[i]);
		ck_assert_int_eq(outcome(), RULE_VHDX_BLOCK_SIZE);
	}
	item32_set(VHDX_IMAGE_PARAMS, 0, 1 << 28);
	ck_assert_int_eq(outcome(), VHD_RULE_NONE);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__sector_sizes_are_512_or_4096)
{
	vhdx_image_init(&img, NULL);
	item32_set(VHDX_IMAGE_LOGICAL, 0, 1024);
	ck_assert_int_eq(outcome(), RULE_VHDX_LOGICAL_SECTOR);
	item32_set(VHDX_IMAGE_LOGICAL, 0, 0);
	ck_assert_int_eq(outcome(), RULE_VHDX_LOGICAL_SECTOR);
	item32_set(VHDX_IMAGE_LOGICAL, 0, 4096);
	ck_assert_int_eq(outcome(), VHD_RULE_NONE);
	item32_set(VHDX_IMAGE_PHYSICAL, 0, 512);
	ck_assert_int_eq(outcome(), RULE_VHDX_PHYSICAL_SECTOR);
	item32_set(VHDX_IMAGE_PHYSICAL, 0, 8192);
	ck_assert_int_eq(outcome(), RULE_VHDX_PHYSICAL_SECTOR);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__disk_size_is_at_most_64_tib_and_whole_sectors)
{
	vhdx_image_init(&img, NULL);
	item64_set(VHDX_IMAGE_DISK_SIZE, 64 * TiB + 512);
	ck_assert_int_eq(outcome(), RULE_VHDX_DISK_SIZE);
	item64_set(VHDX_IMAGE_DISK_SIZE, UINT64_MAX & ~UINT64_C(511));
	ck_assert_int_eq(outcome(), RULE_VHDX_DISK_SIZE);
	item64_set(VHDX_IMAGE_DISK_SIZE, 513);
	ck_assert_int_eq(outcome(), RULE_VHDX_DISK_SIZE);
	item64_set(VHDX_IMAGE_DISK_SIZE, 64 * TiB);
	ck_assert_int_eq(outcome(), VHD_RULE_NONE);
	item64_set(VHDX_IMAGE_DISK_SIZE, 0);
	ck_assert_int_eq(outcome(), RULE_VHDX_DISK_EMPTY);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_meta__parameter_flags_are_noted)
{
	struct vhdx_image_spec spec = { .has_parent = true };

	vhdx_image_init(&img, &spec);
	item32_set(VHDX_IMAGE_PARAMS, 4, 3);
	ck_assert_int_eq(outcome(), RULE_VHDX_PARAM_BOTH);
	item32_set(VHDX_IMAGE_PARAMS, 4, 6);
	ck_assert_int_eq(outcome(), RULE_VHDX_PARAM_FLAGS);
	vhdx_image_free(&img);
}
END_TEST

/* VHDX-ITEM-03 */
START_TEST(vhdx_meta__a_locator_belongs_to_a_parent)
{
	struct vhdx_image_spec spec = { .has_parent = true };

	vhdx_image_init(&img, &spec);
	ck_assert_int_eq(outcome(), VHD_RULE_NONE);
	ck_assert_uint_eq(table.item[VHDX_ITEM_LOCATOR].len, 192);
	item32_set(VHDX_IMAGE_PARAMS, 4, 0);
	ck_assert_int_eq(outcome(), RULE_VHDX_LOCATOR_STRAY);
	vhdx_image_meta(&img)->count = le16_make(5);
	item32_set(VHDX_IMAGE_PARAMS, 4, 2);
	ck_assert_int_eq(outcome(), RULE_VHDX_LOCATOR_MISSING);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN("codec/vhdx_meta", vhdx_meta__the_golden_region_says_what_it_should,
	  vhdx_meta__encoding_gives_the_golden_region,
	  vhdx_meta__order_and_place_of_items_do_not_matter,
	  vhdx_meta__signature_and_counts_are_checked,
	  vhdx_meta__more_than_1024_user_items_are_refused,
	  vhdx_meta__an_item_named_twice_is_refused,
	  vhdx_meta__a_known_item_lies_inside_the_region,
	  vhdx_meta__an_optional_item_out_of_place_is_noted,
	  vhdx_meta__overlapping_items_are_noted,
	  vhdx_meta__an_unknown_required_item_is_refused,
	  vhdx_meta__an_unfinished_image_is_refused,
	  vhdx_meta__each_mandatory_item_is_needed,
	  vhdx_meta__each_small_item_has_its_length,
	  vhdx_meta__odd_flags_and_reserved_bytes_are_noted,
	  vhdx_meta__block_size_is_a_power_of_two_in_range,
	  vhdx_meta__sector_sizes_are_512_or_4096,
	  vhdx_meta__disk_size_is_at_most_64_tib_and_whole_sectors,
	  vhdx_meta__parameter_flags_are_noted,
	  vhdx_meta__a_locator_belongs_to_a_parent)
