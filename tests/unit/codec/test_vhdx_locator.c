/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhdx_locator.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"

#include <string.h>

#define LINKAGE "{66666666-7777-8888-9999-aaaaaaaaaaaa}"

static uint8_t item[4096];
static size_t item_len;
static struct vhdx_locator loc;
static struct vhdx_notes notes;

/* The locator of vhdx.md 18.2, as the image builder writes it. */
static void item_golden(void)
{
	struct vhdx_image_spec spec = { .has_parent = true };
	struct vhdx_image img;

	vhdx_image_init(&img, &spec);
	item_len = 192;
	memcpy(item, vhdx_image_item(&img, VHDX_IMAGE_LOCATOR), item_len);
	vhdx_image_free(&img);
}

static void item_make(const struct vhdx_locator_kv *kv, size_t count)
{
	memset(item, 0, sizeof(item));
	ck_assert(vhdx_locator_encode(kv, count, item, sizeof(item),
				      &item_len));
}

/* In memory of exactly the length, so that a look past the end is caught. */
static enum vhd_rule_idx decode(void)
{
	uint8_t *exact = malloc(item_len ? item_len : 1);
	enum vhd_rule_idx rule;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, item, item_len);
	notes = (struct vhdx_notes)VHDX_NOTES_INIT;
	rule = vhdx_locator_decode(exact, item_len, &loc, &notes);
	loc.item = item;
	free(exact);
	return rule;
}

static struct vhdx_locator_ent_disk *ent(int i)
{
	return (struct vhdx_locator_ent_disk *)(item + 20) + i;
}

START_TEST(vhdx_locator__encoding_gives_the_golden_item)
{
	static const struct vhdx_locator_kv kv[] = {
		{ "parent_linkage", LINKAGE },
		{ "relative_path", ".\\g1.vhdx" },
	};
	uint8_t golden[192];

	item_golden();
	memcpy(golden, item, sizeof(golden));
	item_make(kv, 2);
	ck_assert_uint_eq(item_len, 192);
	ck_assert_mem_eq(item, golden, 192);
}
END_TEST

START_TEST(vhdx_locator__known_values_are_found)
{
	char text[200], guid[VHD_GUID_TEXT];
	struct vhdx_locator_str *path = &loc.value[VHDX_KEY_RELATIVE];

	item_golden();
	ck_assert_int_eq(decode(), VHD_RULE_NONE);
	ck_assert_uint_eq(notes.count, 0);
	vhd_guid_format(&loc.linkage, guid);
	ck_assert_str_eq(guid, "66666666-7777-8888-9999-aaaaaaaaaaaa");
	ck_assert_uint_le(vhdx_locator_room(path), sizeof(text));
	ck_assert(vhdx_locator_text(&loc, path, text));
	ck_assert_str_eq(text, ".\\g1.vhdx");
	ck_assert_uint_eq(loc.value[VHDX_KEY_ABSOLUTE].len, 0);
}
END_TEST

/* The five keys that Windows writes (VHDX-PAR-17); two deviate. */
START_TEST(vhdx_locator__what_windows_writes_is_read)
{
	static const struct vhdx_locator_kv kv[] = {
		{ "parent_linkage", LINKAGE },
		{ "absolute_win32_path", "C:\\vm\\p.vhdx" },
		{ "relative_path", ".\\p.vhdx" },
		{ "volume_path", "\\\\?\\Volume{0}\\vm\\p.vhdx" },
		{ "parent_linkage2",
		  "{00000000-0000-0000-0000-000000000000}" },
	};
	struct vhdx_locator_str key, value;

	item_make(kv, 5);
	ck_assert_uint_eq(le32_get(ent(0)->key_off), 80);
	ck_assert_uint_eq(le32_get(ent(0)->value_off), 108);
	ck_assert_uint_eq(le32_get(ent(1)->key_off), 184);
	ck_assert_int_eq(decode(), VHD_RULE_NONE);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(notes.note[0].rule, RULE_VHDX_LOCATOR_STYLE);
	ck_assert_int_eq(notes.note[1].rule, RULE_VHDX_LOCATOR_STYLE);
	vhdx_locator_pair(&loc, 3, &key, &value);
	ck_assert_uint_eq(key.len, 22);
	ck_assert_uint_eq(loc.value[VHDX_KEY_VOLUME].off, value.off);
}
END_TEST

START_TEST(vhdx_locator__another_type_is_not_supported)
{
	struct vhd_error err;

	item_golden();
	item[0] ^= 1;
	ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_TYPE);
	ck_assert_int_eq(vhdx_notes_fail(&notes, 0, &err),
			 VHD_E_UNSUPPORTED);
}
END_TEST

START_TEST(vhdx_locator__counts_beyond_limit_or_item_are_refused)
{
	item_golden();
	item[18] = 1;
	item[19] = 1;
	ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_COUNT);
	item[18] = 200;
	item[19] = 0;
	ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_FORM);
	item_len = 19;
	ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_FORM);
	item_len = 0;
	ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_FORM);
}
END_TEST

/* VHDX-PAR-02: none is zero or odd, all lie in the item behind the table. */
START_TEST(vhdx_locator__strings_lie_inside_the_item)
{
	static const uint32_t bad_off[] = { 0, 43, 174, 192, UINT32_MAX,
					    0xfffffffe };
	static const uint16_t bad_len[] = { 0, 27, 0xfffe, 0xffff };

	for (size_t i = 0; i < sizeof(bad_off) / sizeof(*bad_off); i++) {
		item_golden();
		ent(0)->key_off = le32_make(bad_off[i]);
		ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_FORM);
		item_golden();
		ent(0)->value_off = le32_make(bad_off[i]);
		ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_FORM);
	}
	for (size_t i = 0; i < sizeof(bad_len) / sizeof(*bad_len); i++) {
		item_golden();
		ent(1)->key_len = le16_make(bad_len[i]);
		ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_FORM);
		item_golden();
		ent(1)->value_len = le16_make(bad_len[i]);
		ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_FORM);
	}
}
END_TEST

START_TEST(vhdx_locator__a_nul_in_a_string_is_refused)
{
	item_golden();
	item[le32_get(ent(1)->value_off) + 4] = 0;
	ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_FORM);
}
END_TEST

START_TEST(vhdx_locator__the_same_key_twice_is_refused)
{
	static const struct vhdx_locator_kv kv[] = {
		{ "parent_linkage", LINKAGE },
		{ "relative_path", ".\\a" },
		{ "relative_path", ".\\b" },
	};

	item_make(kv, 3);
	ck_assert_int_eq(decode(), RULE_VHDX_LOCATOR_FORM);
}
END_TEST

/* VHDX-PAR-10 */
START_TEST(vhdx_locator__a_linkage_that_is_a_guid_is_needed)
{
	struct vhdx_locator_kv kv[] = {
		{ "relative_path", ".\\a" },
		{ "parent_linkage", "{6666}" },
	};

	item_make(kv, 1);
	ck_assert_int_eq(decode(), RULE_VHDX_LINKAGE);
	item_make(kv, 2);
	ck_assert_int_eq(decode(), RULE_VHDX_LINKAGE);
	kv[1].value = "66666666-7777-8888-9999-AAAAAAAAAAAA";
	item_make(kv, 2);
	ck_assert_int_eq(decode(), VHD_RULE_NONE);
	kv[1].key = "Parent_linkage";
	item_make(kv, 2);
	ck_assert_int_eq(decode(), RULE_VHDX_LINKAGE);
}
END_TEST

START_TEST(vhdx_locator__a_locator_without_a_path_is_noted)
{
	static const struct vhdx_locator_kv kv[] = {
		{ "parent_linkage", LINKAGE },
		{ "something_else", "x" },
	};

	item_make(kv, 2);
	ck_assert_int_eq(decode(), VHD_RULE_NONE);
	ck_assert(vhdx_notes_have(&notes, RULE_VHDX_PARENT_NO_PATH));
}
END_TEST

/* VHDX-PATH-01 */
START_TEST(vhdx_locator__a_lone_surrogate_spoils_only_its_text)
{
	char text[200];

	item_golden();
	item[le32_get(ent(1)->value_off) + 5] = 0xd8;
	ck_assert_int_eq(decode(), VHD_RULE_NONE);
	ck_assert(!vhdx_locator_text(&loc, &loc.value[VHDX_KEY_RELATIVE],
				     text));
}
END_TEST

START_TEST(vhdx_locator__what_does_not_fit_is_not_encoded)
{
	struct vhdx_locator_kv kv[] = { { "parent_linkage", LINKAGE } };
	size_t len = 0;

	for (size_t room = 0; room < 32 + 28 + 76; room++)
		ck_assert(!vhdx_locator_encode(kv, 1, item, room, &len));
	ck_assert(vhdx_locator_encode(kv, 1, item, 32 + 28 + 76, &len));
	kv[0].value = "";
	ck_assert(!vhdx_locator_encode(kv, 1, item, sizeof(item), &len));
	kv[0].value = "\xff";
	ck_assert(!vhdx_locator_encode(kv, 1, item, sizeof(item), &len));
}
END_TEST

TEST_MAIN("codec/vhdx_locator", vhdx_locator__encoding_gives_the_golden_item,
	  vhdx_locator__known_values_are_found,
	  vhdx_locator__what_windows_writes_is_read,
	  vhdx_locator__another_type_is_not_supported,
	  vhdx_locator__counts_beyond_limit_or_item_are_refused,
	  vhdx_locator__strings_lie_inside_the_item,
	  vhdx_locator__a_nul_in_a_string_is_refused,
	  vhdx_locator__the_same_key_twice_is_refused,
	  vhdx_locator__a_linkage_that_is_a_guid_is_needed,
	  vhdx_locator__a_locator_without_a_path_is_noted,
	  vhdx_locator__a_lone_surrogate_spoils_only_its_text,
	  vhdx_locator__what_does_not_fit_is_not_encoded)
