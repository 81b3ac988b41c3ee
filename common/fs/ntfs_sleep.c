/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does Windows sleep on this volume?
 *
 * A Windows that hibernates, or "shuts down" with a fast start, keeps its view
 * of the volumes in hiberfil.sys.  The file lies in the root directory, whose
 * index is read as a list of all its blocks, sorted or not: a block that is not
 * in use any more can only name a file that is then not there.
 */
#include "common/fs/ntfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ENTRY_MIN = 16,
	ENTRY_LAST = 2,
	NAME_LEN = 12,
	INDEX_LIMIT = 64 << 20,
	HEADER = 4096
};

/* Does the entry name the file?  Windows tells no letters' sizes apart. */
static bool is_hiberfil(const uint8_t *key, uint32_t len)
{
	static const char name[] = "hiberfil.sys";
	size_t i;

	if (len < 66 + 2 * NAME_LEN || key[64] != NAME_LEN)
		return false;
	for (i = 0; i < NAME_LEN; i++) {
		uint32_t c = le16(key + 66 + 2 * i);

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (c != (uint8_t)name[i])
			return false;
	}
	return true;
}

/* Looks through entries from @head, an index header, on; 0: no such file. */
static int entries_search(struct ntfs *n, const uint8_t *head, uint32_t len,
			  uint64_t *ref)
{
	uint32_t at, end;

	if (len < 16)
		return ntfs_damaged(n, "root directory");
	at = le32(head);
	end = le32(head + 4);
	if (end > len || at < 16 || at > end)
		return ntfs_damaged(n, "root directory");
	while (end - at >= ENTRY_MIN) {
		const uint8_t *e = head + at;
		uint32_t step = le16(e + 8), key = le16(e + 10);

		if (le16(e + 12) & ENTRY_LAST)
			return FS_OK;
		if (step < ENTRY_MIN || step > end - at ||
		    key > step - ENTRY_MIN)
			return ntfs_damaged(n, "root directory");
		if (is_hiberfil(e + ENTRY_MIN, key))
			*ref = le64(e);
		at += step;
	}
	return ntfs_damaged(n, "root directory");
}

static int block_search(struct ntfs *n, uint8_t *raw, uint32_t len,
			uint64_t *ref)
{
	int rc;

	if (memcmp(raw, "INDX", 4))
		return FS_OK;		/* was never in use */
	rc = ntfs_fixup(n, raw, len);
	return rc ? rc : entries_search(n, raw + 24, len - 24, ref);
}

static int blocks_search(struct ntfs *n, uint32_t len, uint64_t *ref)
{
	struct ntfs_runs r = { 0 };
	uint8_t *raw = malloc(len);
	uint64_t at;
	int rc = raw ? FS_OK : -ENOMEM;

	if (!rc)
		rc = ntfs_runs_load(n, NTFS_ROOT, NTFS_AT_INDEX, "$I30", &r);
	if (!rc && r.valid > INDEX_LIMIT)
		rc = fs_left(n->v->part, "its root directory is too large to "
					 "look for a hibernated system");
	for (at = 0; !rc && r.valid - at >= len; at += len) {
		rc = ntfs_read(n, &r, raw, len, at);
		if (!rc)
			rc = block_search(n, raw, len, ref);
	}
	ntfs_runs_free(&r);
	free(raw);
	return rc;
}

static int root_search(struct ntfs *n, uint64_t *ref)
{
	struct ntfs_attr a;
	uint32_t len;
	int rc = ntfs_record_load(n, NTFS_ROOT, n->rec);

	if (!rc)
		rc = ntfs_attr_find(n, n->rec, NTFS_AT_INDEX_ROOT, "$I30", &a);
	if (rc)
		return rc;
	if (a.type != NTFS_AT_INDEX_ROOT || !a.resident || a.value_len < 32)
		return ntfs_damaged(n, "root directory");
	len = le32(a.value + 8);
	if (!is_pow2(len) || len < 512 || len > NTFS_INDEX_MAX)
		return ntfs_damaged(n, "root directory");
	rc = entries_search(n, a.value + 16, a.value_len - 16, ref);
	if (rc || !(a.value[16 + 12] & 1))
		return rc;
	return blocks_search(n, len, ref);
}

/* Only a header that says so, or none, is taken for being awake. */
static int header_judge(struct ntfs *n, const uint8_t *raw, size_t len)
{
	size_t i;

	if (len >= 4 && (!memcmp(raw, "wake", 4) || !memcmp(raw, "WAKE", 4)))
		return FS_OK;
	for (i = 0; i < len && !raw[i]; i++)
		;
	if (i == len)
		return FS_OK;
	n->v->asleep = true;
	return fs_left(n->v->part, "Windows is hibernated or was shut down for "
		       "a fast start: shut it down with shutdown /s /f /t 0");
}

static int file_judge(struct ntfs *n, uint64_t number)
{
	struct ntfs_runs r = { 0 };
	struct ntfs_attr a;
	uint8_t raw[HEADER] = { 0 };
	size_t len = sizeof(raw);
	int rc;

	rc = ntfs_attr_find(n, n->rec, NTFS_AT_DATA, "", &a);
	if (rc)
		return rc;
	if (a.type == NTFS_AT_DATA && a.resident)
		return header_judge(n, a.value, a.value_len);
	rc = ntfs_runs_load(n, number, NTFS_AT_DATA, "", &r);
	if (!rc && r.valid < len)
		len = (size_t)r.valid;
	if (!rc)
		rc = ntfs_read(n, &r, raw, len, 0);
	ntfs_runs_free(&r);
	return rc ? rc : header_judge(n, raw, len);
}

int ntfs_sleep_check(struct ntfs *n)
{
	uint64_t ref = 0, number;
	bool in_use = false;
	int rc = root_search(n, &ref);

	if (rc || !ref)
		return rc;
	number = ref & 0xffffffffffff;
	if (number >= n->mft.size / n->record)
		return ntfs_damaged(n, "root directory");
	rc = ntfs_read(n, &n->mft, n->rec, n->record, number * n->record);
	if (!rc)
		rc = ntfs_record_check(n, n->rec, &in_use);
	/* An old block of the index may name what is another file by now. */
	if (rc || !in_use || le16(n->rec + 16) != ref >> 48)
		return rc;
	return file_judge(n, number);
}
