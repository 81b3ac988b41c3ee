/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does $Bitmap know of every file?
 *
 * NTFS keeps no count of free clusters to compare with, so all records of the
 * MFT are read, and every cluster that an attribute names must be marked.  All
 * attributes together cannot have more clusters than there are, which bounds
 * the time that the looking up takes.
 */
#include "common/fs/ntfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 << 10 };

#define MFT_LIMIT (UINT64_C(64) << 30)

static int window_load(struct ntfs *n, uint64_t byte)
{
	uint64_t off = byte / NTFS_WINDOW * NTFS_WINDOW, left;
	size_t len = NTFS_WINDOW;
	int rc;

	if (n->window_off == off)
		return FS_OK;
	left = n->bitmap.size - off;
	if (left < len)
		len = (size_t)left;
	n->window_off = UINT64_MAX;
	rc = ntfs_read(n, &n->bitmap, n->window, len, off);
	if (!rc)
		n->window_off = off;
	return rc;
}

/* Are the bits [from, end) of the window all 1? */
static bool all_set(const uint8_t *map, uint64_t from, uint64_t end)
{
	for (; from < end && from & 7; from++) {
		if (!(map[from / 8] >> (from & 7) & 1))
			return false;
	}
	for (; end - from >= 8; from += 8) {
		if (map[from / 8] != 0xff)
			return false;
	}
	for (; from < end; from++) {
		if (!(map[from / 8] >> (from & 7) & 1))
			return false;
	}
	return true;
}

static int run_check(struct ntfs *n, const struct ntfs_run *run)
{
	uint64_t at = run->lcn, end = run->lcn + run->len;

	while (at < end) {
		uint64_t base = at / (NTFS_WINDOW * 8) * (NTFS_WINDOW * 8);
		uint64_t stop = base + NTFS_WINDOW * 8;
		int rc = window_load(n, base / 8);

		if (rc)
			return rc;
		if (stop > end)
			stop = end;
		if (!all_set(n->window, at - base, stop - base))
			return fs_left(n->v->part, "its $Bitmap calls clusters "
				       "free that a file has: run chkdsk");
		at = stop;
	}
	return FS_OK;
}

static int attr_check(struct ntfs *n, const struct ntfs_attr *a,
		      uint64_t *clusters)
{
	const uint8_t *at = a->pairs, *end = a->pairs + a->pairs_len;
	struct ntfs_run run;
	int64_t lcn = 0;
	int rc;

	for (;;) {
		rc = ntfs_run_next(n, &at, end, &lcn, &run);
		if (rc || !run.len)
			return rc;
		if (run.lcn == NTFS_NO_LCN)
			continue;
		*clusters += run.len;
		if (*clusters > n->clusters)
			return fs_left(n->v->part, "clusters in it have more "
				       "than one owner: run chkdsk");
		rc = run_check(n, &run);
		if (rc)
			return rc;
	}
}

static int record_files(struct ntfs *n, uint8_t *rec, uint64_t *clusters)
{
	struct ntfs_attr a;
	uint32_t at = 0;
	bool in_use;
	int rc = ntfs_record_check(n, rec, &in_use);

	while (!rc && in_use) {
		rc = ntfs_attr_next(n, rec, &at, &a);
		if (rc || a.type == (uint32_t)NTFS_AT_END)
			break;
		if (!a.resident)
			rc = attr_check(n, &a, clusters);
	}
	return rc;
}

int ntfs_files_check(struct ntfs *n)
{
	uint64_t size = n->mft.size / n->record * n->record, at, clusters = 0;
	uint8_t *raw = malloc(CHUNK);
	int rc = raw ? FS_OK : -ENOMEM;

	n->window_off = UINT64_MAX;
	if (!rc && size > MFT_LIMIT)
		rc = fs_left(n->v->part, "its MFT is too large to look at");
	for (at = 0; at < size && !rc; at += CHUNK) {
		size_t len = size - at < CHUNK ? (size_t)(size - at) : CHUNK, i;

		rc = ntfs_read(n, &n->mft, raw, len, at);
		for (i = 0; i < len && !rc; i += n->record)
			rc = record_files(n, raw + i, &clusters);
	}
	free(raw);
	return rc;
}
