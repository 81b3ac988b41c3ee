/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NTFS: unused is what $Bitmap does not mark.
 *
 * The boot sector names the first record of the MFT, which says where the rest
 * of it is.  The volume must have been closed by Windows (ntfs_state.c), which
 * must not sleep (ntfs_sleep.c) or have shadow copies (ntfs_vss.c), and every
 * file's clusters must be marked (ntfs_files.c).  The copy of the boot sector
 * lies behind the last cluster.
 */
#include "common/fs/ntfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BOOT_LEN = 512, CHUNK = 64 << 10 };

/* A size in clusters, or as the power of two that a negative number names. */
static uint64_t size_decode(uint8_t raw, uint32_t cluster)
{
	int8_t n = (int8_t)raw;

	if (n > 0)
		return (uint64_t)n * cluster;
	return n < -31 || !n ? 0 : UINT64_C(1) << -n;
}

static uint32_t cluster_decode(uint8_t raw, uint32_t sector)
{
	uint64_t n = raw;

	if (raw > 128)
		n = raw < 244 ? 0 : UINT64_C(1) << (256 - raw);
	n *= sector;
	return is_pow2(n) && n <= 2 << 20 ? (uint32_t)n : 0;
}

static int boot_decode(struct ntfs *n, const uint8_t *raw, uint64_t *mft_lcn)
{
	struct fs_part *p = n->v->part;
	uint32_t sector = le16(raw + 11);
	uint64_t sectors = le64(raw + 40), record;
	char text[20] = { 0 };
	int i;

	if (raw[510] != 0x55 || raw[511] != 0xaa || !is_pow2(sector) ||
	    sector < 256 || sector > 4096)
		return ntfs_damaged(n, "boot sector");
	n->cluster = cluster_decode(raw[13], sector);
	if (!n->cluster)
		return ntfs_damaged(n, "boot sector");
	record = size_decode(raw[64], n->cluster);
	if (!is_pow2(record) || record < 512 || record > NTFS_RECORD_MAX)
		return ntfs_damaged(n, "boot sector");
	n->record = (uint32_t)record;
	p->block_size = n->cluster;
	for (i = 0; i < 8; i++)
		text[2 * i] = "0123456789ABCDEF"[raw[72 + 7 - i] >> 4],
		text[2 * i + 1] = "0123456789ABCDEF"[raw[72 + 7 - i] & 15];
	memcpy(p->uuid, text, sizeof(text));
	if (sectors > n->v->len / sector)
		return fs_left(p, "it is larger than its partition");
	n->clusters = sectors / (n->cluster / sector);
	*mft_lcn = le64(raw + 48);
	/* Windows's own limit; it bounds the bitmap as well. */
	if (!n->clusters || n->clusters > UINT32_MAX || *mft_lcn >= n->clusters)
		return ntfs_damaged(n, "boot sector");
	return FS_OK;
}

/* The first record is found by the boot sector, all others by this one. */
static int mft_load(struct ntfs *n, uint64_t mft_lcn)
{
	struct ntfs_run first = { 0, mft_lcn, 1 };
	struct ntfs_runs r = { 0 };
	int rc;

	if (n->cluster < n->record)
		first.len = n->record / n->cluster;
	if (!range_in(first.lcn, first.len, n->clusters))
		return ntfs_damaged(n, "boot sector");
	n->mft = (struct ntfs_runs){ .count = 1, .run = &first,
				     .clusters = first.len, .size = n->record };
	n->booting = true;
	rc = ntfs_runs_load(n, NTFS_MFT, NTFS_AT_DATA, "", &r);
	n->booting = false;
	n->mft = (struct ntfs_runs){ 0 };
	if (rc) {
		ntfs_runs_free(&r);
		return rc;
	}
	n->mft = r;
	n->mft.size = r.valid;
	return FS_OK;
}

static int bitmap_load(struct ntfs *n)
{
	size_t i;
	int rc = ntfs_runs_load(n, NTFS_BITMAP, NTFS_AT_DATA, "", &n->bitmap);

	if (rc)
		return rc;
	if (n->bitmap.valid != n->bitmap.size ||
	    n->bitmap.size < (n->clusters + 7) / 8)
		return ntfs_damaged(n, "$Bitmap");
	for (i = 0; i < n->bitmap.count; i++) {
		if (n->bitmap.run[i].lcn == NTFS_NO_LCN)
			return ntfs_damaged(n, "$Bitmap");
	}
	return FS_OK;
}

static int bitmap_walk(struct ntfs *n)
{
	struct fs_bits bits = { .unit = n->cluster, .count = n->clusters };
	uint64_t size = (n->clusters + 7) / 8, at;
	int rc = FS_OK;

	for (at = 0; at < size && !rc; at += CHUNK) {
		size_t len = size - at < CHUNK ? (size_t)(size - at) : CHUNK;

		rc = ntfs_read(n, &n->bitmap, n->window, len, at);
		if (!rc)
			rc = bits_take(n->v, &bits, n->window, len);
	}
	return rc ? rc : bits_end(n->v, &bits);
}

static int scan(struct ntfs *n)
{
	uint8_t raw[BOOT_LEN];
	uint64_t mft_lcn = 0;
	int rc = vol_read(n->v, raw, sizeof(raw), 0);

	if (!rc)
		rc = boot_decode(n, raw, &mft_lcn);
	if (!rc)
		rc = ntfs_vss_check(n);
	if (!rc)
		rc = mft_load(n, mft_lcn);
	if (!rc)
		rc = ntfs_state_check(n);
	if (!rc)
		rc = ntfs_sleep_check(n);
	if (!rc)
		rc = bitmap_load(n);
	/* Once is enough: nothing changes between the two runs. */
	if (!rc && !n->v->sink)
		rc = ntfs_files_check(n);
	return rc ? rc : bitmap_walk(n);
}

int ntfs_scan(struct fs_vol *v)
{
	struct ntfs *n = calloc(1, sizeof(*n));
	int rc;

	if (!n)
		return -ENOMEM;
	n->v = v;
	rc = scan(n);
	ntfs_runs_free(&n->mft);
	ntfs_runs_free(&n->bitmap);
	free(n);
	return rc;
}
