/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "base/utf16.h"
#include "codec/vhdx_guids.h"
#include "codec/vhdx_locator.h"

/*
 * Strings may lie anywhere behind the table of the item, in any order, even
 * over each other (VHDX-PAR-03).  Keys that are known are found by comparing
 * their UTF-16 with the ASCII of their names; others are kept in the item and
 * not looked at further.
 */

enum { KEY_LEN_MAX = 256 };	/* of keys that are compared with each other */

static const char *const key_names[VHDX_KEY_COUNT] = {
	[VHDX_KEY_LINKAGE] = "parent_linkage",
	[VHDX_KEY_LINKAGE2] = "parent_linkage2",
	[VHDX_KEY_RELATIVE] = "relative_path",
	[VHDX_KEY_VOLUME] = "volume_path",
	[VHDX_KEY_ABSOLUTE] = "absolute_win32_path",
};

const char *vhdx_key_name(enum vhdx_key key)
{
	return key_names[key];
}

static uint32_t table_len(uint32_t count)
{
	return (uint32_t)(sizeof(struct vhdx_locator_hdr_disk) +
			  count * sizeof(struct vhdx_locator_ent_disk));
}

static const struct vhdx_locator_ent_disk *ent_disk(const uint8_t *item,
						    uint32_t idx)
{
	return (const void *)(item + table_len(idx));
}

void vhdx_locator_pair(const struct vhdx_locator *loc, uint32_t idx,
		       struct vhdx_locator_str *key_out,
		       struct vhdx_locator_str *value_out)
{
	const struct vhdx_locator_ent_disk *d = ent_disk(loc->item, idx);

	key_out->off = le32_get(d->key_off);
	key_out->len = le16_get(d->key_len);
	value_out->off = le32_get(d->value_off);
	value_out->len = le16_get(d->value_len);
}

/* Is the UTF-16 of @str the ASCII of @name? */
static bool str_is(const struct vhdx_locator *loc,
		   const struct vhdx_locator_str *str, const char *name)
{
	const uint8_t *p = loc->item + str->off;
	size_t len = strlen(name);

	if (str->len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (p[2 * i] != (uint8_t)name[i] || p[2 * i + 1])
			return false;
	}
	return true;
}

/* Is it that but for capitals? */
static bool str_is_nearly(const struct vhdx_locator *loc,
			  const struct vhdx_locator_str *str, const char *name)
{
	const uint8_t *p = loc->item + str->off;
	size_t len = strlen(name);

	if (str->len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = p[2 * i];

		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		if (c != (uint8_t)name[i] || p[2 * i + 1])
			return false;
	}
	return !str_is(loc, str, name);
}

/* Inside the item, whole units, no NUL among them (VHDX-PAR-02). */
static bool str_ok(const struct vhdx_locator *loc,
		   const struct vhdx_locator_str *str)
{
	const uint8_t *p = loc->item + str->off;

	if (!str->len || str->len % 2 || str->off < table_len(loc->count) ||
	    !range_in(str->off, str->len, loc->len))
		return false;
	for (uint32_t i = 0; i < str->len; i += 2) {
		if (!p[i] && !p[i + 1])
			return false;
	}
	return true;
}

/* Has a pair before @idx the same key? */
static bool key_is_again(const struct vhdx_locator *loc, uint32_t idx,
			 const struct vhdx_locator_str *key)
{
	struct vhdx_locator_str prev, value;

	if (key->len > KEY_LEN_MAX)
		return false;
	for (uint32_t i = 0; i < idx; i++) {
		vhdx_locator_pair(loc, i, &prev, &value);
		if (prev.len == key->len &&
		    !memcmp(loc->item + prev.off, loc->item + key->off,
			    key->len))
			return true;
	}
	return false;
}

static enum vhd_rule_idx pairs_decode(struct vhdx_locator *loc,
				      struct vhdx_notes *notes)
{
	struct vhdx_locator_str key, value;

	for (uint32_t i = 0; i < loc->count; i++) {
		vhdx_locator_pair(loc, i, &key, &value);
		if (!str_ok(loc, &key) || !str_ok(loc, &value))
			return vhdx_note_fatal(notes, RULE_VHDX_LOCATOR_FORM,
					       table_len(i), 0,
					       "place or length of a string");
		if (key_is_again(loc, i, &key))
			return vhdx_note_fatal(notes, RULE_VHDX_LOCATOR_FORM,
					       table_len(i), i,
					       "the same key twice, entry");
		for (size_t k = 0; k < VHDX_KEY_COUNT; k++) {
			if (str_is(loc, &key, key_names[k]))
				loc->value[k] = value;
			else if (str_is_nearly(loc, &key, key_names[k]))
				vhdx_note_add(notes, RULE_VHDX_LOCATOR_STYLE,
					      key.off, 0,
					      "a key has capital letters");
		}
	}
	return VHD_RULE_NONE;
}

/* A GUID in text; false when there is none or it is none. */
static bool linkage_decode(const struct vhdx_locator *loc, enum vhdx_key key,
			   struct vhd_guid *out)
{
	char text[VHD_UTF8_ROOM(40)];
	const struct vhdx_locator_str *str = &loc->value[key];

	return str->len && str->len <= 80 &&
	       vhdx_locator_text(loc, str, text) && vhd_guid_parse(text, out);
}

/* "{", 36 characters in lower case, "}" (VHDX-PAR-10). */
static bool linkage_is_plain(const struct vhdx_locator *loc, enum vhdx_key key)
{
	const struct vhdx_locator_str *str = &loc->value[key];
	const uint8_t *p = loc->item + str->off;

	if (str->len != 76 || p[0] != '{')
		return false;
	for (uint32_t i = 0; i < str->len; i += 2) {
		if (p[i] >= 'A' && p[i] <= 'F')
			return false;
	}
	return true;
}

static bool absolute_is_extended(const struct vhdx_locator *loc)
{
	static const uint8_t prefix[8] = { '\\', 0, '\\', 0, '?', 0, '\\', 0 };
	const struct vhdx_locator_str *str = &loc->value[VHDX_KEY_ABSOLUTE];

	return str->len >= 8 && !memcmp(loc->item + str->off, prefix, 8);
}

static void style_check(struct vhdx_locator *loc, struct vhdx_notes *notes)
{
	const struct vhdx_locator_str *l2 = &loc->value[VHDX_KEY_LINKAGE2];
	const struct vhdx_locator_str *abs = &loc->value[VHDX_KEY_ABSOLUTE];

	if (l2->len && !linkage_decode(loc, VHDX_KEY_LINKAGE2, &loc->linkage2))
		vhdx_note_add(notes, RULE_VHDX_LOCATOR_STYLE, l2->off, 0,
			      "parent_linkage2 is no GUID");
	else if (l2->len && vhd_guid_is_zero(&loc->linkage2))
		vhdx_note_add(notes, RULE_VHDX_LOCATOR_STYLE, l2->off, 0,
			      "parent_linkage2 is zero");
	else if (l2->len && !linkage_is_plain(loc, VHDX_KEY_LINKAGE2))
		vhdx_note_add(notes, RULE_VHDX_LOCATOR_STYLE, l2->off, 0,
			      "parent_linkage2 is not in lower case in braces");
	if (!linkage_is_plain(loc, VHDX_KEY_LINKAGE))
		vhdx_note_add(notes, RULE_VHDX_LOCATOR_STYLE,
			      loc->value[VHDX_KEY_LINKAGE].off, 0,
			      "parent_linkage is not in lower case in braces");
	if (abs->len && !absolute_is_extended(loc))
		vhdx_note_add(notes, RULE_VHDX_LOCATOR_STYLE, abs->off, 0,
			      "absolute path without \\\\?\\");
	if (!abs->len && !loc->value[VHDX_KEY_RELATIVE].len &&
	    !loc->value[VHDX_KEY_VOLUME].len)
		vhdx_note_add(notes, RULE_VHDX_PARENT_NO_PATH, 0, 0, NULL);
}

enum vhd_rule_idx vhdx_locator_decode(const uint8_t *item, size_t len,
				      struct vhdx_locator *out,
				      struct vhdx_notes *notes)
{
	const struct vhdx_locator_hdr_disk *hdr = (const void *)item;
	struct vhdx_locator loc = { .item = item, .len = len };
	enum vhd_rule_idx rule;
	struct vhd_guid type;

	if (len < sizeof(*hdr))
		return vhdx_note_fatal(notes, RULE_VHDX_LOCATOR_FORM, 0, len,
				       "length");
	vhd_guid_from_mixed(hdr->type, &type);
	if (!vhd_guid_equal(&type, &vhdx_guid_locator_type))
		return vhdx_note_fatal(notes, RULE_VHDX_LOCATOR_TYPE, 0, 0,
				       NULL);
	loc.count = le16_get(hdr->count);
	if (loc.count > VHDX_LOCATOR_PAIRS_MAX)
		return vhdx_note_fatal(notes, RULE_VHDX_LOCATOR_COUNT, 18,
				       loc.count, "entries");
	if (table_len(loc.count) > len)
		return vhdx_note_fatal(notes, RULE_VHDX_LOCATOR_FORM, 18,
				       loc.count, "entries");
	rule = pairs_decode(&loc, notes);
	if (rule != VHD_RULE_NONE)
		return rule;
	if (!linkage_decode(&loc, VHDX_KEY_LINKAGE, &loc.linkage))
		return vhdx_note_fatal(notes, RULE_VHDX_LINKAGE,
				       loc.value[VHDX_KEY_LINKAGE].off, 0,
				       NULL);
	style_check(&loc, notes);
	*out = loc;
	return VHD_RULE_NONE;
}

size_t vhdx_locator_room(const struct vhdx_locator_str *str)
{
	return VHD_UTF8_ROOM(str->len / 2);
}

bool vhdx_locator_text(const struct vhdx_locator *loc,
		       const struct vhdx_locator_str *str, char *buf)
{
	return vhd_utf16_decode(loc->item + str->off, str->len / 2,
				VHD_UTF16_LE, buf);
}

/* Appends a string; false when it is empty, no UTF-8 or too long. */
static bool str_encode(const char *text, uint8_t *buf, size_t room,
		       size_t *pos, le32 *off_out, le16 *len_out)
{
	size_t max = min_u64((room - *pos) / 2, UINT16_MAX / 2);
	size_t units;

	if (!vhd_utf16_encode(text, VHD_UTF16_LE, buf + *pos, max, &units) ||
	    !units)
		return false;
	*off_out = le32_make((uint32_t)*pos);
	*len_out = le16_make((uint16_t)(2 * units));
	*pos += 2 * units;
	return true;
}

bool vhdx_locator_encode(const struct vhdx_locator_kv *kv, size_t count,
			 uint8_t *buf, size_t room, size_t *len_out)
{
	struct vhdx_locator_hdr_disk *hdr = (void *)buf;
	struct vhdx_locator_ent_disk *ent = (void *)(hdr + 1);
	size_t pos;

	if (count > VHDX_LOCATOR_PAIRS_MAX || room > UINT32_MAX ||
	    room < table_len((uint32_t)count))
		return false;
	pos = table_len((uint32_t)count);
	memset(buf, 0, pos);
	vhd_guid_to_mixed(&vhdx_guid_locator_type, hdr->type);
	hdr->count = le16_make((uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		if (!str_encode(kv[i].key, buf, room, &pos, &ent[i].key_off,
				&ent[i].key_len) ||
		    !str_encode(kv[i].value, buf, room, &pos,
				&ent[i].value_off, &ent[i].value_len))
			return false;
	}
	*len_out = pos;
	return true;
}
