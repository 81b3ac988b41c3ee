/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GPT: a header and an array of entries, once behind the MBR and once more
 * at the end of the disk.
 *
 * A copy counts when its header's checksum is right, it says of itself that it
 * is where it was found, the sectors it leaves to partitions are on the disk,
 * and the checksum of its array is right.  Copies are tried in this order:
 * first copy, in the disk's sector size and in the other; backup, likewise.
 * (First copies of the two sizes overwrite each other, so there is no more than
 * one; a backup of the wrong size may well be left over from older times.)
 *
 * The array is read once, in pieces, and its partitions are taken back when the
 * checksum turns out to be wrong: no memory depends on what the header says.
 */
#include "common/ptable_priv.h"

#include <string.h>
#include <zlib.h>

enum {
	HEADER_MIN = 92,
	ENTRY_MIN = 128,
	ENTRY_MAX = 4096,
	ARRAY_MAX = 1 << 20,
	PIECE = 16384,		/* a multiple of every size of an entry */
	NAME_OFF = 56,
	NAME_UNITS = 36
};

static uint32_t crc_add(uint32_t crc, const uint8_t *data, size_t len)
{
	return (uint32_t)crc32(crc, data, (uInt)len);
}

/* The checksum is made with its own field as 0. */
uint32_t gpt_header_crc(const uint8_t *raw, uint32_t len)
{
	static const uint8_t zero[4] = { 0 };
	uint32_t crc = crc_add(0, raw, 16);

	crc = crc_add(crc, zero, sizeof(zero));
	return crc_add(crc, raw + 20, len - 20);
}

uint32_t gpt_array_crc(const uint8_t *entries, size_t len)
{
	return crc_add(0, entries, len);
}

bool gpt_header_decode(const uint8_t *raw, uint32_t sector,
		       struct gpt_header *h)
{
	if (memcmp(raw, "EFI PART", 8))
		return false;
	h->len = get_le32(raw + 12);
	h->crc = get_le32(raw + 16);
	if (h->len < HEADER_MIN || h->len > sector ||
	    gpt_header_crc(raw, h->len) != h->crc)
		return false;
	h->self = get_le64(raw + 24);
	h->other = get_le64(raw + 32);
	h->first = get_le64(raw + 40);
	h->last = get_le64(raw + 48);
	h->array = get_le64(raw + 72);
	h->count = get_le32(raw + 80);
	h->entry_len = get_le32(raw + 84);
	h->array_crc = get_le32(raw + 88);
	return true;
}

bool gpt_header_fits(uint64_t size, uint32_t sector, uint64_t self,
		     const struct gpt_header *h)
{
	const struct ptable_scan s = { .size = size };
	uint64_t bytes = (uint64_t)h->count * h->entry_len;

	if (h->self != self || h->first > h->last ||
	    h->last >= size / sector)
		return false;
	if (h->entry_len < ENTRY_MIN || h->entry_len > ENTRY_MAX ||
	    h->entry_len & (h->entry_len - 1))
		return false;
	return bytes && bytes <= ARRAY_MAX && h->array &&
	       scan_holds(&s, sector, h->array, (bytes + sector - 1) / sector);
}

/* GUIDs have their first three fields in little endian. */
static struct vhd_guid guid_decode(const uint8_t *raw)
{
	static const uint8_t from[16] = { 3, 2, 1, 0, 5, 4, 7, 6,
					  8, 9, 10, 11, 12, 13, 14, 15 };
	struct vhd_guid guid;
	size_t i;

	for (i = 0; i < sizeof(from); i++)
		guid.b[i] = raw[from[i]];
	return guid;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

/* UTF-16LE up to its first 0; a surrogate without its mate is U+FFFD. */
static void name_decode(const uint8_t *raw, char *name)
{
	uint32_t unit[NAME_UNITS + 1] = { 0 };
	size_t i;

	for (i = 0; i < NAME_UNITS; i++)
		unit[i] = raw[2 * i] | (uint32_t)raw[2 * i + 1] << 8;
	for (i = 0; unit[i]; i++) {
		uint32_t c = unit[i];

		if (c >= 0xd800 && c < 0xdc00 && unit[i + 1] >= 0xdc00 &&
		    unit[i + 1] < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) +
			    (unit[++i] - 0xdc00);
		else if (c >= 0xd800 && c < 0xe000)
			c = 0xfffd;
		name = put_utf8(name, c);
	}
	*name = '\0';
}

static void add_entry(struct ptable_scan *s, uint32_t sector, uint32_t number,
		      const uint8_t *raw)
{
	static const uint8_t unused[16] = { 0 };
	uint64_t first = get_le64(raw + 32), last = get_le64(raw + 40);
	struct part *p;

	if (!memcmp(raw, unused, sizeof(unused)) || first > last || !first ||
	    last >= s->size / sector)
		return;
	p = scan_part(s, number, first * sector, (last - first + 1) * sector);
	if (!p)
		return;
	p->type = guid_decode(raw);
	p->id = guid_decode(raw + 16);
	name_decode(raw + NAME_OFF, p->name);
}

static int array_scan(struct ptable_scan *s, uint32_t sector,
		      const struct gpt_header *h, bool *sound)
{
	uint32_t crc = 0, number = 0, bytes = h->count * h->entry_len, at, i;
	uint8_t piece[PIECE];
	int rc;

	for (at = 0; at < bytes; at += PIECE) {
		uint32_t n = bytes - at < PIECE ? bytes - at : PIECE;

		rc = scan_read(s, piece, n, h->array * sector + at);
		if (rc)
			return rc;
		crc = crc_add(crc, piece, n);
		for (i = 0; i < n; i += h->entry_len)
			add_entry(s, sector, ++number, piece + i);
	}
	*sound = crc == h->array_crc;
	if (!*sound)
		s->out->count = 0;
	return 0;
}

/* One copy in one size; @sound when it is the answer. */
static int copy_scan(struct ptable_scan *s, uint32_t sector, bool backup,
		     bool *sound)
{
	uint64_t sectors = s->size / sector;
	uint64_t self = backup ? sectors - 1 : 1;
	uint8_t raw[PTABLE_LARGE];
	struct gpt_header h;
	int rc;

	/* MBR, both headers: a disk with less has no room for an array. */
	if (sectors < 4)
		return 0;
	rc = scan_read(s, raw, sector, self * sector);
	if (rc || !gpt_header_decode(raw, sector, &h) ||
	    !gpt_header_fits(s->size, sector, self, &h))
		return rc;
	rc = array_scan(s, sector, &h, sound);
	if (rc || !*sound)
		return rc;
	s->out->kind = PTABLE_GPT;
	s->out->sector = sector;
	s->out->backup = backup;
	return 0;
}

int gpt_scan(struct ptable_scan *s, uint32_t sector)
{
	bool sound = false;
	int rc = 0, i;

	for (i = 0; i < 4 && !rc && !sound; i++)
		rc = copy_scan(s, i & 1 ? other_sector(sector) : sector, i >= 2,
			       &sound);
	return rc;
}
