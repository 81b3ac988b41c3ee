/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FAT12, FAT16, FAT32: unused are the clusters whose entry is 0.
 *
 * A FAT has no checksum and its only count of free clusters is a hint, so what
 * can be tested is tested: the copies are the same, the first two entries say
 * that the volume was closed, and every entry is free, an end, bad, or names a
 * cluster that exists.
 */
#include "common/fs/fs_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BOOT_LEN = 512,
	CHUNK = 96 << 10,	/* whole entries of 12, 16 and 32 bits */
	FIRST = 2		/* number of the first cluster */
};

struct fat {
	struct fs_vol *v;
	uint32_t bits;		/* of an entry: 12, 16 or 32 */
	uint32_t clusters;
	uint64_t cluster;	/* bytes */
	uint64_t data_off;	/* of the first cluster */
	uint64_t fat_off, fat_len;
	uint32_t copies;
	uint32_t active;	/* the copy that counts when they differ */
	bool mirrored;
	uint32_t root;		/* FAT32: its first cluster */
	uint8_t buf[CHUNK];
	uint8_t copy[CHUNK];
};

static int damaged(struct fat *f, const char *what)
{
	return fs_left(f->v->part, "its %s is damaged: run fsck.fat or chkdsk",
		       what);
}

/* The places, from the boot sector; all in sectors until here. */
static int layout(struct fat *f, const uint8_t *raw)
{
	uint64_t sector = le16(raw + 11), reserved = le16(raw + 14);
	uint64_t roots = le16(raw + 17), total = le16(raw + 19);
	uint64_t per_fat = le16(raw + 22), data, clusters;
	bool wide = !per_fat;

	f->copies = raw[16];
	if (!is_pow2(sector) || sector < 512 || sector > 4096 ||
	    !is_pow2(raw[13]) || !reserved || !f->copies)
		return damaged(f, "boot sector");
	if (!total)
		total = le32(raw + 32);
	if (wide)
		per_fat = le32(raw + 36);
	f->cluster = sector * raw[13];
	data = reserved + f->copies * per_fat +
	       (roots * 32 + sector - 1) / sector;
	if (!per_fat || f->copies > 2 || wide != !roots || data >= total)
		return damaged(f, "boot sector");
	if (total > f->v->len / sector)
		return fs_left(f->v->part, "it is larger than its partition");
	clusters = (total - data) / raw[13];
	f->bits = wide ? 32 : clusters < 4085 ? 12 : 16;
	f->fat_off = reserved * sector;
	f->fat_len = per_fat * sector;
	f->data_off = data * sector;
	if (!clusters || (!wide && clusters >= 65525) ||
	    clusters > 0x0ffffff5 ||
	    (clusters + FIRST) * f->bits > f->fat_len * 8)
		return damaged(f, "boot sector");
	f->clusters = (uint32_t)clusters;
	return FS_OK;
}

static void describe(struct fat *f, const uint8_t *raw)
{
	const uint8_t *ext = raw + (f->bits == 32 ? 66 : 38);
	struct fs_part *p = f->v->part;
	uint8_t label[11];
	size_t len = sizeof(label);

	p->block_size = (uint32_t)f->cluster;
	if (ext[0] != 0x28 && ext[0] != 0x29)
		return;
	snprintf(p->uuid, sizeof(p->uuid), "%04X-%04X", le16(ext + 3),
		 le16(ext + 1));
	if (ext[0] == 0x28)
		return;
	memcpy(label, ext + 5, sizeof(label));
	while (len && label[len - 1] == ' ')
		len--;
	if (len && memcmp(label, "NO NAME", 7))
		put_text(p->label, sizeof(p->label), label, len);
}

static int wide_decode(struct fat *f, const uint8_t *raw)
{
	uint32_t flags = le16(raw + 40);

	f->root = le32(raw + 44);
	f->mirrored = !(flags & 0x80);
	f->active = f->mirrored ? 0 : flags & 15;
	if (le16(raw + 42))
		return fs_left(f->v->part, "its version of FAT32 is not known "
					   "here");
	if (f->active >= f->copies || f->root < FIRST ||
	    f->root - FIRST >= f->clusters)
		return damaged(f, "boot sector");
	return FS_OK;
}

static int boot_load(struct fat *f)
{
	uint8_t raw[BOOT_LEN];
	int rc = vol_read(f->v, raw, sizeof(raw), 0);

	f->mirrored = true;
	if (!rc)
		rc = layout(f, raw);
	if (rc)
		return rc;
	describe(f, raw);
	/* Linux and Windows note here that it is mounted, or was not closed. */
	if (raw[f->bits == 32 ? 65 : 37] & 1)
		return fs_left(f->v->part, "it was not unmounted cleanly: run "
					   "fsck.fat or chkdsk");
	return f->bits == 32 ? wide_decode(f, raw) : FS_OK;
}

/* Entry @i of the bytes at hand; FAT12 has two in three bytes. */
static uint32_t entry(const struct fat *f, const uint8_t *raw, uint32_t i)
{
	if (f->bits == 32)
		return le32(raw + 4 * (size_t)i);
	if (f->bits == 16)
		return le16(raw + 2 * (size_t)i);
	raw += i / 2 * 3;
	return i & 1 ? raw[1] >> 4 | (uint32_t)raw[2] << 4 :
		       raw[0] | (uint32_t)(raw[1] & 15) << 8;
}

/* Entries 0 and 1: the kind of medium, and whether all is well. */
static int head_check(struct fat *f)
{
	uint32_t one = entry(f, f->buf, 1);

	if ((entry(f, f->buf, 0) & 0xff) < 0xf0)
		return damaged(f, "file allocation table");
	if ((f->bits == 16 && !(one & 0x8000)) ||
	    (f->bits == 32 && !(one & 0x08000000)))
		return fs_left(f->v->part, "it was not unmounted cleanly: run "
					   "fsck.fat or chkdsk");
	if ((f->bits == 16 && !(one & 0x4000)) ||
	    (f->bits == 32 && !(one & 0x04000000)))
		return fs_left(f->v->part, "it has had read or write errors: "
					   "run fsck.fat or chkdsk");
	return FS_OK;
}

static bool entry_ok(const struct fat *f, uint32_t value)
{
	uint32_t ends = f->bits == 12 ? 0xff7 : f->bits == 16 ? 0xfff7 :
								0x0ffffff7;

	return value >= ends ||
	       (value >= FIRST && value - FIRST < f->clusters);
}

/* The entries of the bytes at hand, of which @first is the first. */
static int take(struct fat *f, struct fs_bits *b, uint32_t first,
		uint32_t count)
{
	uint32_t i;
	int rc = FS_OK;

	for (i = 0; i < count && !rc; i++) {
		uint32_t value = entry(f, f->buf, i);

		if (f->bits == 32)
			value &= 0x0fffffff;
		if (first + i < FIRST)
			continue;
		if (value && !entry_ok(f, value))
			return damaged(f, "file allocation table");
		if (f->bits == 32 && first + i == f->root && !value)
			return damaged(f, "file allocation table");

		rc = bits_one(f->v, b, value != 0);
	}
	return rc;
}

/* Reads a piece of the table that counts and compares the other copy. */
static int piece_load(struct fat *f, uint64_t at, size_t len)
{
	uint64_t off = f->fat_off + f->active * f->fat_len;
	int rc = vol_read(f->v, f->buf, len, off + at);

	if (rc || !f->mirrored || f->copies < 2)
		return rc;
	rc = vol_read(f->v, f->copy, len, f->fat_off + f->fat_len + at);
	if (!rc && memcmp(f->buf, f->copy, len))
		return fs_left(f->v->part, "the copies of its file allocation "
			       "table differ: run fsck.fat or chkdsk");
	return rc;
}

static int walk(struct fat *f)
{
	struct fs_bits b = { .unit = f->cluster, .base = f->data_off,
			     .count = f->clusters };
	uint32_t per = CHUNK * 8 / f->bits, total = f->clusters + FIRST, at;
	int rc = FS_OK;

	for (at = 0; at < total && !rc; at += per) {
		uint32_t n = total - at < per ? total - at : per;
		size_t len = ((size_t)n * f->bits + 7) / 8;

		rc = piece_load(f, (uint64_t)at * f->bits / 8, len);
		if (!rc && !at)
			rc = head_check(f);
		if (!rc)
			rc = take(f, &b, at, n);
	}
	return rc ? rc : bits_end(f->v, &b);
}

int fat_scan(struct fs_vol *v)
{
	struct fat *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return -ENOMEM;
	f->v = v;
	rc = boot_load(f);
	if (!rc)
		rc = walk(f);
	free(f);
	return rc;
}
