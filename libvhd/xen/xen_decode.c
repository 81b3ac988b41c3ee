/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen/xen_decode.h"

#include <string.h>

#include "base/utf16.h"
#include "base/zero.h"
#include "codec/vhd1_batmap.h"
#include "codec/vhd1_checksum.h"
#include "codec/vhd1_header.h"
#include "codec/vhd1_locator.h"

_Static_assert(sizeof(((struct vhd_xen_header *)0)->parent_name) >=
	       VHD_UTF8_ROOM(VHD1_NAME_LEN / 2), "room for any name");

bool vhd_xen_footer_sound(const struct vhd_xen_footer *f)
{
	return f->checksum == f->sum &&
	       (!memcmp(f->cookie, VHD1_COOKIE, sizeof(f->cookie)) ||
		!memcmp(f->cookie, VHD1_COOKIE_POISON, sizeof(f->cookie)));
}

bool vhd_xen_header_sound(const struct vhd_xen_header *h)
{
	return h->checksum == h->sum &&
	       !memcmp(h->cookie, VHD1_COOKIE_HEADER, sizeof(h->cookie));
}

void vhd_xen_footer_decode(const uint8_t raw[VHD1_FOOTER_LEN],
			   struct vhd_xen_footer *out)
{
	const size_t sum_at = offsetof(struct vhd1_footer_disk, checksum);
	struct vhd1_footer_disk d;
	be32 os;

	memcpy(&d, raw, sizeof(d));
	memcpy(&os, d.creator_os, sizeof(os));
	*out = (struct vhd_xen_footer){
		.features = be32_get(d.features),
		.version = be32_get(d.version),
		.data_off = be64_get(d.data_off),
		.timestamp = VHD1_EPOCH + be32_get(d.timestamp),
		.creator_version = be32_get(d.creator_version),
		.creator_os = be32_get(os),
		.original_size = be64_get(d.original_size),
		.current_size = be64_get(d.current_size),
		.cylinders = be16_get(d.cylinders),
		.heads = d.heads,
		.sectors = d.sectors,
		.type = be32_get(d.type),
		.checksum = be32_get(d.checksum),
		.sum = vhd1_checksum(raw, VHD1_FOOTER_LEN, sum_at),
		.saved_state = d.saved_state,
		.hidden = d.hidden,
		.blank = vhd_is_zero(d.reserved, sizeof(d.reserved)),
	};
	memcpy(out->cookie, d.cookie, sizeof(out->cookie));
	memcpy(out->creator_app, d.creator_app, sizeof(out->creator_app));
	memcpy(out->id.b, d.unique_id, sizeof(out->id.b));
}

void vhd_xen_header_decode(const uint8_t raw[VHD1_HEADER_LEN],
			   struct vhd_xen_header *out)
{
	const size_t sum_at = offsetof(struct vhd1_header_disk, checksum);
	struct vhd1_header_disk d;
	struct vhd1_header h;
	size_t i;

	memcpy(&d, raw, sizeof(d));
	vhd1_header_decode(raw, &h);
	*out = (struct vhd_xen_header){
		.data_off = h.next_off,
		.table_off = h.table_off,
		.version = h.version,
		.max_entries = h.max_entries,
		.block_size = h.block_size,
		.checksum = be32_get(d.checksum),
		.sum = vhd1_checksum(raw, VHD1_HEADER_LEN, sum_at),
		.parent_timestamp = VHD1_EPOCH + h.parent_timestamp,
		.blank = vhd1_header_reserved_clean(&h),
	};
	memcpy(out->cookie, d.cookie, sizeof(out->cookie));
	out->reserved = (uint32_t)d.reserved1[0] << 24 |
			(uint32_t)d.reserved1[1] << 16 |
			(uint32_t)d.reserved1[2] << 8 | d.reserved1[3];
	memcpy(out->parent_id.b, h.parent_id, sizeof(out->parent_id.b));
	out->name_readable = vhd_utf16_decode(h.parent_name, VHD1_NAME_LEN / 2,
					      VHD_UTF16_BE, out->parent_name);
	for (i = 0; i < VHD1_LOCATORS; i++) {
		const struct vhd1_locator *from = &h.locator[i];
		struct vhd_xen_locator *to = &out->locator[i];

		to->code = from->code;
		to->space = from->space;
		to->len = from->len;
		to->reserved = from->reserved;
		to->off = from->off;
	}
}

bool vhd_xen_batmap_decode(const uint8_t raw[VHD1_BATMAP_LEN],
			   struct vhd_xen_batmap *out)
{
	struct vhd1_batmap b;

	if (!vhd1_batmap_decode(raw, &b))
		return false;
	*out = (struct vhd_xen_batmap){
		.map_off = b.map_off,
		.map_sectors = b.map_sectors,
		.version = b.version,
		.checksum = b.checksum,
		.marker = b.marker,
		.key_cookie = b.key_cookie,
	};
	memcpy(out->key_nonce, b.key_nonce, sizeof(out->key_nonce));
	memcpy(out->key_hash, b.key_hash, sizeof(out->key_hash));
	return true;
}

static void replace(char *text, size_t len, char from, char to)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == from)
			text[i] = to;
	}
}

/*
 * Xen's tools escape nothing in a URL (VHD-L-10): a "%" is one, and not to be
 * looked at.  Meanwhile it is a byte that no name has.
 */
enum { PERCENT = 0x01 };

/* VHD-L-21: Xen's tools know three kinds. */
static bool kind_known(uint32_t code)
{
	return code == VHD1_LOC_MACX || code == VHD1_LOC_W2KU ||
	       code == VHD1_LOC_W2RU;
}

void vhd_xen_locator_text(struct vhd_xen_locator *loc, uint8_t *payload,
			  size_t len, char *scratch)
{
	const bool url = loc->code == VHD1_LOC_MACX;
	enum vhd_locator_kind kind;
	uint32_t flaws;
	size_t got;

	if (!kind_known(loc->code))
		return;
	if (url)
		replace((char *)payload, len, '%', PERCENT);
	if (!vhd1_locator_decode(loc->code, payload, len, scratch, &kind,
				 &flaws))
		return;
	got = strlen(scratch);
	replace(scratch, got, url ? PERCENT : '\\', url ? '%' : '/');
	if (got >= sizeof(loc->text))
		return;
	memcpy(loc->text, scratch, got + 1);
	loc->readable = !(flaws & VHD1_TEXT_REPLACED);
}
