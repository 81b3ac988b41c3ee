/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/guid.h"
#include "base/zero.h"
#include "codec/vhdx_header.h"

/*
 * Two headers stand 64 KiB apart and are written in turn, so that one is whole
 * at any time.  The one with the larger sequence number counts; the other is a
 * spare.  A header whose checksum fails says nothing at all, not even its
 * version (VHDX-HDR-07).
 */

static const char ident_signature[8] = { 'v', 'h', 'd', 'x',
					 'f', 'i', 'l', 'e' };
static const char header_signature[4] = { 'h', 'e', 'a', 'd' };

bool vhdx_ident_ok(const uint8_t bytes[8])
{
	return memcmp(bytes, ident_signature, 8) == 0;
}

bool vhdx_creator_decode(const uint8_t bytes[520],
			 char creator_out[VHDX_CREATOR_ROOM])
{
	return vhd_utf16_decode(bytes + 8, 256, VHD_UTF16_LE, creator_out);
}

void vhdx_ident_encode(const char *creator, uint8_t bytes[VHDX_IDENT_LEN])
{
	size_t units;

	memset(bytes, 0, VHDX_IDENT_LEN);
	memcpy(bytes, ident_signature, 8);
	if (!vhd_utf16_encode(creator, VHD_UTF16_LE, bytes + 8, 256, &units))
		memset(bytes + 8, 0, 512);
}

/* CRC-32C with the checksum, at offset 4 everywhere, taken as zero. */
static uint32_t header_crc(const uint8_t bytes[VHDX_HEADER_LEN])
{
	static const uint8_t zeros[4];
	uint32_t crc = vhd_crc32c(0, bytes, 4);

	crc = vhd_crc32c(crc, zeros, 4);
	return vhd_crc32c(crc, bytes + 8, VHDX_HEADER_LEN - 8);
}

void vhdx_header_peek(const uint8_t bytes[VHDX_HEADER_LEN],
		      struct vhdx_header *out)
{
	const struct vhdx_header_disk *d = (const void *)bytes;

	out->seq = le64_get(d->seq);
	vhd_guid_from_mixed(d->file_write_guid, &out->file_write_guid);
	vhd_guid_from_mixed(d->data_write_guid, &out->data_write_guid);
	vhd_guid_from_mixed(d->log_guid, &out->log_guid);
	out->log_version = le16_get(d->log_version);
	out->version = le16_get(d->version);
	out->log_len = le32_get(d->log_len);
	out->log_off = le64_get(d->log_off);
	out->reserved_set = !vhd_is_zero(d->reserved, sizeof(d->reserved));
}

bool vhdx_header_decode(const uint8_t bytes[VHDX_HEADER_LEN],
			struct vhdx_header *out)
{
	const struct vhdx_header_disk *d = (const void *)bytes;

	if (memcmp(d->signature, header_signature, 4) ||
	    le32_get(d->checksum) != header_crc(bytes))
		return false;
	vhdx_header_peek(bytes, out);
	return true;
}

void vhdx_header_encode(const struct vhdx_header *h,
			uint8_t bytes[VHDX_HEADER_LEN])
{
	struct vhdx_header_disk *d = (void *)bytes;

	memset(bytes, 0, VHDX_HEADER_LEN);
	memcpy(d->signature, header_signature, 4);
	d->seq = le64_make(h->seq);
	vhd_guid_to_mixed(&h->file_write_guid, d->file_write_guid);
	vhd_guid_to_mixed(&h->data_write_guid, d->data_write_guid);
	vhd_guid_to_mixed(&h->log_guid, d->log_guid);
	d->log_version = le16_make(h->log_version);
	d->version = le16_make(h->version);
	d->log_len = le32_make(h->log_len);
	d->log_off = le64_make(h->log_off);
	d->checksum = le32_make(header_crc(bytes));
}

/* In everything but sequence number and checksum. */
static bool headers_differ(const uint8_t *a, const uint8_t *b)
{
	size_t from = offsetof(struct vhdx_header_disk, file_write_guid);

	return memcmp(a + from, b + from, VHDX_HEADER_LEN - from) != 0;
}

enum vhd_rule_idx vhdx_headers_decode(const uint8_t first[VHDX_HEADER_LEN],
				      const uint8_t second[VHDX_HEADER_LEN],
				      struct vhdx_headers *out,
				      struct vhdx_notes *notes)
{
	struct vhdx_headers h = { 0 };

	h.ok = (vhdx_header_decode(first, &h.hdr[0]) ? 1u : 0u) |
	       (vhdx_header_decode(second, &h.hdr[1]) ? 2u : 0u);
	if (!h.ok)
		return vhdx_note_fatal(notes, RULE_VHDX_HDR_BOTH_BAD,
				       VHDX_HEADER1_OFF, 0, NULL);
	if (h.ok != 3) {
		h.current = h.ok - 1;
		vhdx_note_add(notes, RULE_VHDX_HDR_ONE_BAD,
			      h.current ? VHDX_HEADER1_OFF : VHDX_HEADER2_OFF,
			      0, NULL);
	} else if (h.hdr[0].seq == h.hdr[1].seq) {
		if (memcmp(first, second, VHDX_HEADER_LEN))
			return vhdx_note_fatal(notes, RULE_VHDX_HDR_SEQ_TIE,
					       VHDX_HEADER1_OFF, h.hdr[0].seq,
					       "sequence number");
		vhdx_note_add(notes, RULE_VHDX_HDR_TWINS, VHDX_HEADER1_OFF,
			      h.hdr[0].seq, "sequence number");
	} else {
		h.current = h.hdr[1].seq > h.hdr[0].seq;
		if (headers_differ(first, second))
			vhdx_note_add(notes, RULE_VHDX_HDR_DIFFER,
				      VHDX_HEADER1_OFF, 0, NULL);
	}
	*out = h;
	return VHD_RULE_NONE;
}

static bool log_place_ok(const struct vhdx_header *h)
{
	return h->log_off >= MiB && !(h->log_off % MiB) &&
	       !(h->log_len % MiB) &&
	       range_in(h->log_off, h->log_len, UINT64_MAX);
}

static enum vhd_rule_idx log_check(const struct vhdx_header *h,
				   uint64_t file_size,
				   struct vhdx_notes *notes)
{
	const uint32_t version_off = offsetof(struct vhdx_header_disk,
					      log_version);
	const uint32_t place_off = offsetof(struct vhdx_header_disk, log_len);

	if (vhd_guid_is_zero(&h->log_guid)) {
		if (h->log_version)
			vhdx_note_add(notes, RULE_VHDX_LOG_VERSION_IDLE,
				      version_off, h->log_version, "version");
		/* Harmless for readers; nobody can write to the file, though. */
		if (!h->log_len || !log_place_ok(h) ||
		    !range_in(h->log_off, h->log_len, file_size))
			vhdx_note_add(notes, RULE_VHDX_LOG_PLACE_IDLE,
				      place_off, h->log_off, "offset");
		return VHD_RULE_NONE;
	}
	if (h->log_version)
		return vhdx_note_fatal(notes, RULE_VHDX_LOG_VERSION,
				       version_off, h->log_version, "version");
	if (!h->log_len || !log_place_ok(h) ||
	    !range_in(h->log_off, h->log_len, file_size))
		return vhdx_note_fatal(notes, RULE_VHDX_LOG_PLACE, place_off,
				       h->log_off, "offset");
	return VHD_RULE_NONE;
}

enum vhd_rule_idx vhdx_header_check(const struct vhdx_header *h,
				    uint64_t file_size,
				    struct vhdx_notes *notes)
{
	enum vhd_rule_idx rule;

	if (h->version != 1)
		return vhdx_note_fatal(
			notes, RULE_VHDX_HDR_VERSION,
			offsetof(struct vhdx_header_disk, version), h->version,
			"version");
	rule = log_check(h, file_size, notes);
	if (rule != VHD_RULE_NONE)
		return rule;
	if (h->reserved_set)
		vhdx_note_add(notes, RULE_VHDX_HDR_RESERVED,
			      offsetof(struct vhdx_header_disk, reserved), 0,
			      NULL);
	if (vhd_guid_is_zero(&h->file_write_guid) ||
	    vhd_guid_is_zero(&h->data_write_guid))
		vhdx_note_add(notes, RULE_VHDX_HDR_GUID_ZERO,
			      offsetof(struct vhdx_header_disk,
				       file_write_guid), 0, NULL);
	return VHD_RULE_NONE;
}
