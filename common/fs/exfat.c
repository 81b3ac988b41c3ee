/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exFAT: unused is what the allocation bitmap does not mark.
 *
 * The bitmap is a file that an entry of the root directory names; both are
 * chains of clusters in the FAT.  The first twelve sectors have a checksum.  The
 * clusters of bitmap, upcase table and root directory must be marked.
 */
#include "common/fs/fs_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST = 2,
	ENTRY = 32,
	BOOT_SECTORS = 11,
	CHUNK = 64 << 10,
	ROOT_LIMIT = 16 << 20,	/* bytes of the root directory */
	STEP_LIMIT = 1 << 21,	/* entries of the FAT that are looked up */
	TYPE_END = 0x00,
	TYPE_BITMAP = 0x81,
	TYPE_UPCASE = 0x82,
	TYPE_LABEL = 0x83
};

struct exfat {
	struct fs_vol *v;
	uint32_t sector;	/* bytes */
	uint32_t cluster;	/* bytes */
	uint32_t clusters;
	uint64_t fat_off;
	uint64_t data_off;
	uint32_t root;
	uint32_t bitmap;	/* first cluster; 0: not found */
	uint32_t upcase;
	uint64_t bitmap_len, upcase_len;
	uint32_t steps;
	uint32_t seek_idx;	/* cluster of the bitmap that was found last */
	uint32_t seek;
	uint8_t buf[CHUNK];
};

static int damaged(struct exfat *x, const char *what)
{
	return fs_left(x->v->part, "its %s is damaged: run fsck.exfat or "
		       "chkdsk", what);
}

static int places(struct exfat *x, const uint8_t *raw)
{
	uint64_t sectors = le64(raw + 72), fat = le32(raw + 80);
	uint64_t fat_len = le32(raw + 84), heap = le32(raw + 88);
	uint32_t per = 1u << raw[109];

	x->clusters = le32(raw + 92);
	x->root = le32(raw + 96);
	if (sectors > x->v->len / x->sector)
		return fs_left(x->v->part, "it is larger than its partition");
	if (!x->clusters || x->clusters > UINT32_MAX - 10 || fat < 24 ||
	    fat + fat_len > heap || heap > sectors ||
	    x->clusters > (sectors - heap) / per ||
	    ((uint64_t)x->clusters + FIRST) * 4 > fat_len * x->sector)
		return damaged(x, "boot sector");
	if (x->root < FIRST || x->root - FIRST >= x->clusters)
		return damaged(x, "boot sector");
	x->fat_off = fat * x->sector;
	x->data_off = heap * x->sector;
	return FS_OK;
}

/* Flags and percentage change without a new checksum. */
static int checksum_check(struct exfat *x)
{
	uint32_t len = BOOT_SECTORS * x->sector, sum = 0, i;
	int rc = vol_read(x->v, x->buf, len + x->sector, 0);

	if (rc)
		return rc;
	for (i = 0; i < len; i++) {
		if (i != 106 && i != 107 && i != 112)
			sum = (sum << 31 | sum >> 1) + x->buf[i];
	}
	for (i = 0; i < x->sector; i += 4) {
		if (le32(x->buf + len + i) != sum)
			return damaged(x, "boot region");
	}
	return FS_OK;
}

static int boot_load(struct exfat *x)
{
	struct fs_part *p = x->v->part;
	uint8_t raw[512];
	uint32_t flags;
	int rc = vol_read(x->v, raw, sizeof(raw), 0);

	if (rc)
		return rc;
	if (raw[510] != 0x55 || raw[511] != 0xaa || raw[108] < 9 ||
	    raw[108] > 12 || raw[109] > 25 - raw[108])
		return damaged(x, "boot sector");
	x->sector = 1u << raw[108];
	x->cluster = x->sector << raw[109];
	p->block_size = x->cluster;
	snprintf(p->uuid, sizeof(p->uuid), "%04X-%04X", le16(raw + 102),
		 le16(raw + 100));
	flags = le16(raw + 106);
	if (raw[105] != 1 || raw[110] != 1 || flags & 1)
		return fs_left(p, "its version of exFAT is not known here");
	if (flags & 2)
		return fs_left(p, "it was not unmounted cleanly: run "
				  "fsck.exfat or chkdsk");
	if (flags & 4)
		return fs_left(p, "it has had read or write errors: run "
				  "fsck.exfat or chkdsk");
	rc = places(x, raw);
	return rc ? rc : checksum_check(x);
}

static uint64_t place(const struct exfat *x, uint32_t cluster)
{
	return x->data_off + (uint64_t)(cluster - FIRST) * x->cluster;
}

/* The cluster after @cluster; 0 at the end of the chain. */
static int next_cluster(struct exfat *x, uint32_t cluster, uint32_t *next)
{
	uint8_t raw[4];
	int rc;

	if (++x->steps > STEP_LIMIT)
		return fs_left(x->v->part, "its metadata is in too many pieces");
	rc = vol_read(x->v, raw, sizeof(raw),
		      x->fat_off + (uint64_t)cluster * 4);

	if (rc)
		return rc;
	*next = le32(raw);
	if (*next == UINT32_MAX) {
		*next = 0;
		return FS_OK;
	}
	if (*next < FIRST || *next - FIRST >= x->clusters)
		return damaged(x, "file allocation table");
	return FS_OK;
}

static int entry_take(struct exfat *x, const uint8_t *e)
{
	switch (e[0]) {
	case TYPE_BITMAP:
		if (x->bitmap || e[1] & 1)
			return damaged(x, "root directory");
		x->bitmap = le32(e + 20);
		x->bitmap_len = le64(e + 24);
		break;
	case TYPE_UPCASE:
		x->upcase = le32(e + 20);
		x->upcase_len = le64(e + 24);
		break;
	case TYPE_LABEL:
		if (e[1] <= 11)
			put_text16(x->v->part->label,
				   sizeof(x->v->part->label), e + 2, e[1]);
		break;
	default:
		break;
	}
	return FS_OK;
}

/* One cluster of the root directory; @last when its entries end in it. */
static int root_take(struct exfat *x, uint32_t cluster, bool *last)
{
	uint32_t at, i, len;
	int rc = FS_OK;

	for (at = 0; at < x->cluster && !rc && !*last; at += CHUNK) {
		len = x->cluster - at < CHUNK ? x->cluster - at : CHUNK;
		rc = vol_read(x->v, x->buf, len, place(x, cluster) + at);
		for (i = 0; i < len && !rc && !*last; i += ENTRY) {
			*last = x->buf[i] == TYPE_END;
			rc = entry_take(x, x->buf + i);
		}
	}
	return rc;
}

static int root_load(struct exfat *x)
{
	uint32_t cluster = x->root, left = ROOT_LIMIT / x->cluster + 1;
	bool last = false;
	int rc = FS_OK;

	while (cluster && !last && !rc) {
		if (!left--)
			return damaged(x, "root directory");
		rc = root_take(x, cluster, &last);
		if (!rc)
			rc = next_cluster(x, cluster, &cluster);
	}
	if (rc)
		return rc;
	if (x->bitmap < FIRST || x->bitmap - FIRST >= x->clusters ||
	    x->upcase < FIRST || x->upcase - FIRST >= x->clusters ||
	    x->bitmap_len != ((uint64_t)x->clusters + 7) / 8 ||
	    !x->upcase_len || x->upcase_len > 1 << 20)
		return damaged(x, "root directory");
	return FS_OK;
}

/* The cluster of the bitmap at @idx in its chain; 0: it is too short. */
static int bitmap_seek(struct exfat *x, uint32_t idx, uint32_t *cluster)
{
	int rc = FS_OK;

	if (!x->seek || x->seek_idx > idx) {
		x->seek = x->bitmap;
		x->seek_idx = 0;
	}
	while (x->seek && x->seek_idx < idx && !rc) {
		rc = next_cluster(x, x->seek, &x->seek);
		x->seek_idx++;
	}
	*cluster = x->seek;
	return rc;
}

static int is_marked(struct exfat *x, uint32_t cluster)
{
	uint32_t unit = cluster - FIRST, at = 0;
	uint8_t byte = 0;
	int rc = bitmap_seek(x, unit / 8 / x->cluster, &at);

	if (!rc && !at)
		return damaged(x, "allocation bitmap");
	if (!rc)
		rc = vol_read(x->v, &byte, 1,
			      place(x, at) + unit / 8 % x->cluster);
	if (!rc && !(byte >> (unit & 7) & 1))
		return fs_left(x->v->part, "its bitmap calls its own metadata "
			       "free: run fsck.exfat or chkdsk");
	return rc;
}

/* The clusters of a chain, of @len bytes or to its end, must be marked. */
static int chain_check(struct exfat *x, uint32_t cluster, uint64_t len)
{
	uint64_t left = len ? (len + x->cluster - 1) / x->cluster :
			      ROOT_LIMIT / x->cluster + 1;
	int rc = FS_OK;

	while (cluster && left-- && !rc) {
		rc = is_marked(x, cluster);
		if (!rc)
			rc = next_cluster(x, cluster, &cluster);
	}
	return rc;
}

static int walk(struct exfat *x)
{
	struct fs_bits b = { .unit = x->cluster, .base = x->data_off,
			     .count = x->clusters };
	uint64_t left = x->bitmap_len;
	uint32_t cluster = x->bitmap, at;
	int rc = FS_OK;

	while (left && !rc) {
		if (!cluster)
			return damaged(x, "allocation bitmap");
		for (at = 0; at < x->cluster && left && !rc; at += CHUNK) {
			uint64_t len = x->cluster - at;

			len = len < CHUNK ? len : CHUNK;
			len = len < left ? len : left;
			rc = vol_read(x->v, x->buf, (size_t)len,
				      place(x, cluster) + at);
			if (!rc)
				rc = bits_take(x->v, &b, x->buf, (size_t)len);
			left -= len;
		}
		if (!rc)
			rc = next_cluster(x, cluster, &cluster);
	}
	return rc ? rc : bits_end(x->v, &b);
}

int exfat_scan(struct fs_vol *v)
{
	struct exfat *x = calloc(1, sizeof(*x));
	int rc;

	if (!x)
		return -ENOMEM;
	x->v = v;
	rc = boot_load(x);
	if (!rc)
		rc = root_load(x);
	if (!rc)
		rc = chain_check(x, x->root, 0);
	if (!rc)
		rc = chain_check(x, x->upcase, x->upcase_len);
	if (!rc)
		rc = chain_check(x, x->bitmap, x->bitmap_len);
	if (!rc)
		rc = walk(x);
	free(x);
	return rc;
}
