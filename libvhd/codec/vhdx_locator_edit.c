/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhdx_locator_edit.h"

#include <stdio.h>
#include <string.h>

#include "base/guid.h"
#include "base/utf16.h"

enum {
	LINK_UNITS = 38,		/* "{8-4-4-4-12}" (VHDX-PAR-10) */
	LINK_LEN = 2 * LINK_UNITS
};

static void link_encode(const struct vhd_guid *id, uint8_t bytes[LINK_LEN])
{
	char text[VHD_GUID_TEXT], braced[VHD_GUID_TEXT + 2];
	size_t units;

	vhd_guid_format(id, text);
	snprintf(braced, sizeof(braced), "{%s}", text);
	/* ASCII of that length always fits. */
	vhd_utf16_encode(braced, VHD_UTF16_LE, bytes, LINK_UNITS, &units);
}

/* Appends a string of UTF-16. */
static void str_put(uint8_t *buf, size_t *pos, const uint8_t *from, size_t len,
		    le32 *off_out, le16 *len_out)
{
	memcpy(buf + *pos, from, len);
	*off_out = le32_make((uint32_t)*pos);
	*len_out = le16_make((uint16_t)len);
	*pos += len;
}

/* A key as it is in the item. */
struct name {
	uint8_t bytes[64];
	size_t len;
};

static bool is_named(const struct vhdx_locator *loc,
		     const struct vhdx_locator_str *key,
		     const struct name *name)
{
	return key->len == name->len &&
	       !memcmp(loc->item + key->off, name->bytes, name->len);
}

/* The pairs but that of @name, as far as @room. */
static bool pairs_copy(const struct vhdx_locator *loc, const struct name *name,
		       struct vhdx_locator_ent_disk *ent, uint8_t *buf,
		       size_t room, size_t *pos)
{
	for (uint32_t i = 0; i < loc->count; i++) {
		struct vhdx_locator_str k, v;

		vhdx_locator_pair(loc, i, &k, &v);
		if (is_named(loc, &k, name))
			continue;
		/* Strings may share bytes: apart they may be longer. */
		if (room - *pos < (size_t)k.len + v.len)
			return false;
		str_put(buf, pos, loc->item + k.off, k.len, &ent->key_off,
			&ent->key_len);
		str_put(buf, pos, loc->item + v.off, v.len, &ent->value_off,
			&ent->value_len);
		ent++;
	}
	return true;
}

static bool repack(const struct vhdx_locator *loc, enum vhdx_key key,
		   const uint8_t link[LINK_LEN], uint8_t *buf, size_t room,
		   size_t *len_out)
{
	struct vhdx_locator_hdr_disk *hdr = (void *)buf;
	struct vhdx_locator_ent_disk *ents = (void *)(hdr + 1);
	uint32_t count = loc->count + !loc->value[key].len;
	size_t pos = sizeof(*hdr) + (size_t)count * sizeof(*ents);
	struct vhdx_locator_ent_disk *last = &ents[count - 1];
	struct name name;

	if (count > VHDX_LOCATOR_PAIRS_MAX ||
	    room < pos + VHDX_LOCATOR_PAIR_MAX ||
	    !vhd_utf16_encode(vhdx_key_name(key), VHD_UTF16_LE, name.bytes,
			      sizeof(name.bytes) / 2, &name.len))
		return false;
	name.len *= 2;
	memcpy(buf, loc->item, sizeof(*hdr));
	memset(ents, 0, count * sizeof(*ents));
	hdr->count = le16_make((uint16_t)count);
	if (!pairs_copy(loc, &name, ents, buf, room - name.len - LINK_LEN,
			&pos))
		return false;
	str_put(buf, &pos, name.bytes, name.len, &last->key_off,
		&last->key_len);
	str_put(buf, &pos, link, LINK_LEN, &last->value_off, &last->value_len);
	*len_out = pos;
	return true;
}

/* Does anything else of the item lie in those bytes? */
static bool is_shared(const struct vhdx_locator *loc,
		      const struct vhdx_locator_str *str)
{
	uint32_t hits = 0;

	for (uint32_t i = 0; i < loc->count; i++) {
		struct vhdx_locator_str kv[2];

		vhdx_locator_pair(loc, i, &kv[0], &kv[1]);
		for (int n = 0; n < 2; n++)
			hits += kv[n].off < str->off + str->len &&
				str->off < kv[n].off + kv[n].len;
	}
	/* Itself is one. */
	return hits > 1;
}

bool vhdx_locator_link(const struct vhdx_locator *loc, enum vhdx_key key,
		       const struct vhd_guid *id, uint8_t *buf, size_t room,
		       size_t *len_out)
{
	const struct vhdx_locator_str *have = &loc->value[key];
	uint8_t link[LINK_LEN];

	link_encode(id, link);
	if (have->len != LINK_LEN || is_shared(loc, have))
		return repack(loc, key, link, buf, room, len_out);
	memcpy(buf, loc->item, loc->len);
	memcpy(buf + have->off, link, LINK_LEN);
	*len_out = loc->len;
	return true;
}
