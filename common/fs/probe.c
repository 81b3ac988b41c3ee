/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a volume is.
 *
 * Formatting leaves much of what was there before, so every signature is looked
 * for, and a volume that has those of two kinds is left alone: which of them is
 * in use only its owner knows.  What has a signature and no reader is named.
 */
#include "common/fs/fs_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEAD = 72 << 10,	/* all signatures but those of ZFS and md */
	ZFS_OFF = 128 << 10,	/* ring of the first label */
	ZFS_LEN = 128 << 10
};

/* A signature at a fixed place, of something that is left alone. */
struct sign {
	const char *type;
	uint32_t off;
	uint32_t len;
	const char *bytes;
};

#define SIGN(type, off, bytes) { type, off, sizeof(bytes) - 1, bytes }

static const struct sign signs[] = {
	SIGN("LUKS", 0, "LUKS\xba\xbe"),
	SIGN("LUKS", 0x4000, "SKUL\xba\xbe"),
	SIGN("BitLocker", 3, "-FVE-FS-"),
	SIGN("BitLocker", 0x1a8,
	     "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01"),
	SIGN("BitLocker", 0xa0,
	     "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01"),
	SIGN("ReFS", 3, "ReFS\0\0\0\0"),
	SIGN("LVM", 0, "LABELONE"), SIGN("LVM", 512, "LABELONE"),
	SIGN("LVM", 1024, "LABELONE"), SIGN("LVM", 1536, "LABELONE"),
	SIGN("LVM", 0, "HM\1\0"),
	SIGN("md", 0, "\xfc\x4e\x2b\xa9"),
	SIGN("md", 4096, "\xfc\x4e\x2b\xa9"),
	SIGN("bcache", 4096 + 24,
	     "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"),
	SIGN("bcachefs", 4096 + 24,
	     "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"),
	SIGN("VDO", 0, "dmvdo001"),
	SIGN("Oracle ASM", 32, "ORCLDISK"),
	SIGN("Stratis", 512 + 4, "!Stra0tis\x86\xff\x02^\x41rh"),
	SIGN("dm-verity", 0, "verity\0\0"),
	SIGN("dm-integrity", 0, "integrt\0"),
	SIGN("APFS", 32, "NXSB"),
	SIGN("HFS+", 1024, "H+\0\4"), SIGN("HFS+", 1024, "HX\0\5"),
	SIGN("HFS", 1024, "BD"),
	SIGN("F2FS", 1024, "\x10\x20\xf5\xf2"),
	SIGN("EROFS", 1024, "\xe2\xe1\xf5\xe0"),
	SIGN("NILFS2", 1024 + 6, "\x34\x34"),
	SIGN("JFS", 32768, "JFS1"),
	SIGN("ISO 9660", 32769, "CD001"),
	SIGN("UDF", 32769, "BEA01"),
	SIGN("GFS2", 65536, "\x01\x16\x19\x70"),
	SIGN("ReiserFS", 65536 + 52, "ReIsEr"),
	SIGN("ReiserFS", 8192 + 52, "ReIsEr"),
	SIGN("Reiser4", 65536, "ReIsEr4"),
	SIGN("UFS", 8192 + 1372, "\x54\x19\x01\x00"),
	SIGN("UFS", 8192 + 1372, "\x19\x01\x54\x19"),
	SIGN("UFS", 65536 + 1372, "\x19\x01\x54\x19"),
	SIGN("SquashFS", 0, "hsqs"),
	SIGN("OCFS2", 8192, "OCFSV2"), SIGN("OCFS2", 4096, "OCFSV2"),
	SIGN("OCFS2", 2048, "OCFSV2"), SIGN("OCFS2", 1024, "OCFSV2"),
	SIGN("dm-snapshot", 0, "SnAp"),
	SIGN("Btrfs seed", 0, "\0\xff""btrfs-seed"),
};

/* What the probes have in front of them. */
struct head {
	uint8_t raw[HEAD];	/* zeros past the end of the volume */
	const char *type;	/* what was found until now */
	const char *other;	/* something else that was found */
	fs_scan_fn scan;
	bool hibernated;
};

static void found(struct head *h, const char *type, fs_scan_fn scan)
{
	if (!h->type) {
		h->type = type;
		h->scan = scan;
	} else if (strcmp(h->type, type)) {
		h->other = type;
	}
}

/* Two bytes are no proof: the fields beside them must be possible as well. */
static bool is_ext(const uint8_t *raw)
{
	const uint8_t *sb = raw + 1024;

	return le16(sb + 56) == 0xef53 && le32(sb + 24) <= 6 &&
	       le32(sb + 32) && le32(sb + 40) && le32(sb + 76) <= 1;
}

static bool is_fat(const uint8_t *raw)
{
	uint32_t bytes = le16(raw + 11);

	if ((raw[0] != 0xeb && raw[0] != 0xe9) || raw[510] != 0x55 ||
	    raw[511] != 0xaa)
		return false;
	return is_pow2(bytes) && bytes >= 512 && bytes <= 4096 &&
	       is_pow2(raw[13]) && le16(raw + 14) && raw[16] && raw[16] <= 4 &&
	       (raw[21] == 0xf0 || raw[21] >= 0xf8);
}

bool fs_sleep_mark(const uint8_t *at)
{
	static const char marks[][11] = { "S1SUSPEND", "S2SUSPEND",
					  "ULSUSPEND", "LINHIB0001",
					  "TuxOnIce" };
	size_t i;

	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (!memcmp(at, marks[i], strlen(marks[i])))
			return true;
	}
	return false;
}

/* A swap area says what it is at the end of a page of the machine's. */
static void probe_swap(struct head *h)
{
	uint32_t page;

	for (page = 4096; page <= 65536; page *= 2) {
		const uint8_t *at = h->raw + page - 10;

		if (!memcmp(at, "SWAPSPACE2", 10) || !memcmp(at, "SWAP-SPACE", 10))
			found(h, "swap", NULL);
		if (fs_sleep_mark(at)) {
			found(h, "swap", NULL);
			h->hibernated = true;
		}
	}
}

static void probe_head(struct head *h)
{
	size_t i;

	if (is_ext(h->raw))
		found(h, "ext4", ext_scan);
	if (!memcmp(h->raw + 3, "NTFS    ", 8))
		found(h, "ntfs", ntfs_scan);
	if (!memcmp(h->raw + 3, "EXFAT   ", 8))
		found(h, "exfat", exfat_scan);
	if (is_fat(h->raw))
		found(h, "vfat", fat_scan);
	if (!memcmp(h->raw, "XFSB", 4))
		found(h, "xfs", xfs_scan);
	if (!memcmp(h->raw + 65536 + 64, "_BHRfS_M", 8))
		found(h, "btrfs", btrfs_scan);
	probe_swap(h);
	for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (!memcmp(h->raw + signs[i].off, signs[i].bytes, signs[i].len))
			found(h, signs[i].type, NULL);
	}
}

/* A RAID member may have its superblock behind the data. */
static int probe_md(struct fs_vol *v, struct head *h)
{
	static const uint8_t magic[4] = { 0xfc, 0x4e, 0x2b, 0xa9 };
	uint64_t at[2];
	uint8_t raw[4];
	int rc = 0, i;

	if (v->len < 128 << 10)
		return 0;
	at[0] = v->len / 65536 * 65536 - 65536;		/* version 0.90 */
	at[1] = (v->len / 512 - 16) / 8 * 8 * 512;	/* version 1.0 */
	for (i = 0; i < 2 && !rc; i++) {
		rc = vol_read(v, raw, sizeof(raw), at[i]);
		if (!rc && !memcmp(raw, magic, sizeof(magic)))
			found(h, "md", NULL);
	}
	return rc;
}

/* FreeBSD's encryption, mirrors and labels keep theirs in the last sector. */
static int probe_geom(struct fs_vol *v, struct head *h)
{
	uint32_t sector;
	uint8_t raw[6];
	int rc = 0;

	for (sector = 512; sector <= 4096 && !rc; sector *= 8) {
		if (v->len < sector)
			break;
		rc = vol_read(v, raw, sizeof(raw), v->len - sector);
		if (!rc && !memcmp(raw, "GEOM::", sizeof(raw)))
			found(h, "GEOM", NULL);
	}
	return rc;
}

/* In either byte order, at any of the places of the ring. */
static bool is_zfs(const uint8_t *ring)
{
	size_t at;

	for (at = 0; at < ZFS_LEN; at += 1024) {
		if (le64(ring + at) == 0x00bab10c || be64(ring + at) == 0x00bab10c)
			return true;
	}
	return false;
}

static int probe_zfs(struct fs_vol *v, struct head *h)
{
	uint8_t *ring;
	int rc;

	if (v->len < ZFS_OFF + ZFS_LEN)
		return 0;
	ring = malloc(ZFS_LEN);
	if (!ring)
		return -ENOMEM;
	rc = vol_read(v, ring, ZFS_LEN, ZFS_OFF);
	if (!rc && is_zfs(ring))
		found(h, "ZFS", NULL);
	free(ring);
	return rc;
}

static int judge(struct fs_vol *v, const struct head *h)
{
	struct fs_part *p = v->part;

	if (h->type) {
		strncpy(p->type, h->type, sizeof(p->type) - 1);
		p->type[sizeof(p->type) - 1] = '\0';
	}
	if (h->other)
		return fs_left(p, "it has the signatures of both %s and %s",
			       h->type, h->other);
	if (!h->type)
		return fs_left(p, "no file system is recognised in it");
	if (!h->scan && !strcmp(h->type, "swap"))
		return fs_left(p, h->hibernated ?
			       "a system sleeps in this swap space" :
			       "it is swap space");
	if (!h->scan)
		return fs_left(p, "the inside of %s is not read", h->type);
	return FS_OK;
}

int fs_probe(struct fs_vol *v, fs_scan_fn *scan_out)
{
	struct head *h = calloc(1, sizeof(*h));
	size_t len = v->len < HEAD ? (size_t)v->len : HEAD;
	int rc;

	if (!h)
		return -ENOMEM;
	rc = vol_read(v, h->raw, len, 0);
	if (!rc) {
		probe_head(h);
		rc = probe_md(v, h);
	}
	if (!rc)
		rc = probe_geom(v, h);
	if (!rc)
		rc = probe_zfs(v, h);
	if (!rc)
		rc = judge(v, h);
	*scan_out = h->scan;
	v->asleep = h->hibernated;
	free(h);
	return rc;
}
