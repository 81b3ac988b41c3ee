/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/ptable_disk.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void pdisk_init(struct pdisk *d, uint64_t size)
{
	memset(d, 0, sizeof(*d));
	d->size = size;
}

void pdisk_free(struct pdisk *d)
{
	while (d->count)
		free(d->piece[--d->count].data);
}

void pdisk_put(struct pdisk *d, uint64_t off, const void *data, size_t len)
{
	struct pdisk_piece *p = &d->piece[d->count];

	if (off >= d->size || d->count == PDISK_PIECES)
		return;
	if (len > d->size - off)
		len = (size_t)(d->size - off);
	*p = (struct pdisk_piece){ off, len, malloc(len ? len : 1) };
	if (!p->data)
		abort();
	memcpy(p->data, data, len);
	d->count++;
}

void pdisk_put_u8(struct pdisk *d, uint64_t off, uint8_t v)
{
	pdisk_put(d, off, &v, 1);
}

static void put_le(struct pdisk *d, uint64_t off, uint64_t v, size_t len)
{
	uint8_t raw[8];
	size_t i;

	for (i = 0; i < len; i++)
		raw[i] = (uint8_t)(v >> 8 * i);
	pdisk_put(d, off, raw, len);
}

void pdisk_put_u32(struct pdisk *d, uint64_t off, uint32_t v)
{
	put_le(d, off, v, 4);
}

void pdisk_put_u64(struct pdisk *d, uint64_t off, uint64_t v)
{
	put_le(d, off, v, 8);
}

static uint64_t get_le(const struct pdisk *d, uint64_t off, size_t len)
{
	uint8_t raw[8] = { 0 };
	uint64_t v = 0;

	pdisk_get(d, off, raw, len);
	while (len--)
		v = v << 8 | raw[len];
	return v;
}

static void copy_piece(const struct pdisk_piece *p, uint64_t off, uint8_t *buf,
		       size_t len)
{
	uint64_t from = off > p->off ? off : p->off;
	uint64_t end = off + len, p_end = p->off + p->len;

	if (end > p_end)
		end = p_end;
	if (from < end)
		memcpy(buf + (from - off), p->data + (from - p->off),
		       (size_t)(end - from));
}

void pdisk_get(const struct pdisk *d, uint64_t off, void *buf, size_t len)
{
	size_t i;

	memset(buf, 0, len);
	for (i = 0; i < d->count; i++)
		copy_piece(&d->piece[i], off, buf, len);
}

/* Changes what does not lie in the ranges of d->keep. */
static void spoil(const struct pdisk *d, uint64_t off, uint8_t *buf, size_t len)
{
	const struct ptable *t = d->keep;
	size_t i;

	/* Most reads lie in one of them as a whole. */
	for (i = 0; i < t->range_count; i++) {
		const struct ptable_range *r = &t->ranges[i];

		if (off >= r->off && off - r->off < r->len &&
		    len <= r->len - (off - r->off))
			return;
	}
	for (i = 0; i < len; i++) {
		if (!ptable_touched(t, off + i, 1))
			buf[i] ^= 0xff;
	}
}

int pdisk_read(void *arg, void *buf, size_t len, uint64_t off)
{
	struct pdisk *d = arg;

	d->bytes += len;
	if (!len || len > d->size || off > d->size - len) {
		d->outside = true;
		memset(buf, 0, len);
		return 0;
	}
	if (++d->reads == d->fail_at)
		return d->fail_with;
	pdisk_get(d, off, buf, len);
	if (d->keep)
		spoil(d, off, buf, len);
	return 0;
}

void pdisk_mbr(struct pdisk *d, uint64_t off)
{
	static const uint8_t signature[2] = { 0x55, 0xaa };

	pdisk_put(d, off + 510, signature, sizeof(signature));
}

void pdisk_entry(struct pdisk *d, uint64_t off, unsigned idx, uint8_t type,
		 uint32_t start, uint32_t count)
{
	uint64_t at = off + 446 + 16 * (uint64_t)idx;

	pdisk_put_u8(d, at + 4, type);
	pdisk_put_u32(d, at + 8, start);
	pdisk_put_u32(d, at + 12, count);
}

/* Sectors of the array that pdisk_gpt() makes. */
static uint64_t array_sectors(uint32_t sector)
{
	return PDISK_GPT_ENTRIES * PDISK_GPT_ENTRY / sector;
}

uint64_t pdisk_gpt_header(const struct pdisk *d, uint32_t sector,
			  unsigned copy)
{
	return copy == PDISK_PRIMARY ? sector :
				       (d->size / sector - 1) * sector;
}

uint64_t pdisk_gpt_entry(const struct pdisk *d, uint32_t sector, unsigned copy,
			 unsigned idx)
{
	uint64_t array = 2;

	if (copy == PDISK_BACKUP)
		array = d->size / sector - 1 - array_sectors(sector);
	return array * sector + (uint64_t)idx * PDISK_GPT_ENTRY;
}

static void put_header(struct pdisk *d, uint32_t sector, unsigned copy)
{
	uint64_t at = pdisk_gpt_header(d, sector, copy);
	uint64_t last = d->size / sector - 1;

	pdisk_put(d, at, "EFI PART", 8);
	pdisk_put_u32(d, at + 8, 0x10000);
	pdisk_put_u32(d, at + 12, 92);
	pdisk_put_u64(d, at + 24, at / sector);
	pdisk_put_u64(d, at + 32, copy == PDISK_PRIMARY ? last : 1);
	pdisk_put_u64(d, at + 40, 2 + array_sectors(sector));
	pdisk_put_u64(d, at + 48, last - 1 - array_sectors(sector));
	pdisk_put(d, at + 56, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 16);
	pdisk_put_u64(d, at + 72, pdisk_gpt_entry(d, sector, copy, 0) / sector);
	pdisk_put_u32(d, at + 80, PDISK_GPT_ENTRIES);
	pdisk_put_u32(d, at + 84, PDISK_GPT_ENTRY);
}

void pdisk_gpt(struct pdisk *d, uint32_t sector, unsigned copies)
{
	uint64_t rest = d->size / sector - 1;

	pdisk_mbr(d, 0);
	pdisk_entry(d, 0, 0, 0xee, 1,
		    rest > UINT32_MAX ? UINT32_MAX : (uint32_t)rest);
	if (copies & PDISK_PRIMARY)
		put_header(d, sector, PDISK_PRIMARY);
	if (copies & PDISK_BACKUP)
		put_header(d, sector, PDISK_BACKUP);
	pdisk_reseal(d);
}

static void put_part(struct pdisk *d, uint64_t at, unsigned idx, uint64_t first,
		     uint64_t last, const char *name)
{
	static const uint8_t linux_data[16] = {
		0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47,
		0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4
	};
	uint8_t wide[72] = { 0 };
	size_t i;

	for (i = 0; i < 36 && name[i]; i++)
		wide[2 * i] = (uint8_t)name[i];
	pdisk_put(d, at, linux_data, sizeof(linux_data));
	pdisk_put_u32(d, at + 16, 0x44332211);
	pdisk_put_u32(d, at + 28, idx + 1);
	pdisk_put_u64(d, at + 32, first);
	pdisk_put_u64(d, at + 40, last);
	pdisk_put(d, at + 56, wide, sizeof(wide));
}

void pdisk_gpt_part(struct pdisk *d, uint32_t sector, unsigned idx,
		    uint64_t first, uint64_t last, const char *name)
{
	unsigned copy;

	for (copy = PDISK_PRIMARY; copy <= PDISK_BACKUP; copy++) {
		if (get_le(d, pdisk_gpt_header(d, sector, copy), 1) == 'E')
			put_part(d, pdisk_gpt_entry(d, sector, copy, idx), idx,
				 first, last, name);
	}
	pdisk_reseal(d);
}

static uint32_t crc_of(const struct pdisk *d, uint64_t off, uint64_t len)
{
	uint8_t buf[4096];
	uLong crc = crc32(0, NULL, 0);

	while (len) {
		size_t n = len < sizeof(buf) ? (size_t)len : sizeof(buf);

		pdisk_get(d, off, buf, n);
		crc = crc32(crc, buf, (uInt)n);
		off += n;
		len -= n;
	}
	return (uint32_t)crc;
}

static void reseal_header(struct pdisk *d, uint32_t sector, uint64_t at)
{
	uint64_t array = get_le(d, at + 72, 8), len = get_le(d, at + 12, 4);
	uint64_t bytes = get_le(d, at + 80, 4) * get_le(d, at + 84, 4);
	char magic[8];

	pdisk_get(d, at, magic, sizeof(magic));
	if (memcmp(magic, "EFI PART", sizeof(magic)))
		return;
	if (bytes <= 1 << 20 && array < d->size / sector &&
	    bytes <= d->size - array * sector)
		pdisk_put_u32(d, at + 88, crc_of(d, array * sector, bytes));
	pdisk_put_u32(d, at + 16, 0);
	if (len <= sector)
		pdisk_put_u32(d, at + 16, crc_of(d, at, len));
}

void pdisk_reseal(struct pdisk *d)
{
	uint32_t sector;

	for (sector = 512; sector <= 4096; sector *= 8) {
		if (d->size / sector < 2)
			continue;
		reseal_header(d, sector,
			      pdisk_gpt_header(d, sector, PDISK_PRIMARY));
		reseal_header(d, sector,
			      pdisk_gpt_header(d, sector, PDISK_BACKUP));
	}
}
