/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records of the MFT and the attributes in them.
 *
 * The last two bytes of each 512 are replaced by a sequence number when a record
 * is written, and the true ones kept in its head: a record that was written in
 * part has differing numbers.
 */
#include "common/fs/ntfs.h"

#include <string.h>

enum { STRIDE = 512, FLAG_IN_USE = 1 };

int ntfs_damaged(struct ntfs *n, const char *what)
{
	return fs_left(n->v->part, "its %s is damaged or not understood: run "
		       "chkdsk", what);
}

int ntfs_fixup(struct ntfs *n, uint8_t *raw, uint32_t len)
{
	uint32_t off = le16(raw + 4), count = le16(raw + 6), i;

	if (len % STRIDE || count != len / STRIDE + 1 || off & 1 ||
	    off < 8 || off + count * 2 > STRIDE - 2)
		return ntfs_damaged(n, "MFT or an index");
	for (i = 1; i < count; i++) {
		uint8_t *last = raw + i * STRIDE - 2;

		if (memcmp(last, raw + off, 2))
			return fs_left(n->v->part, "a record of its MFT or an "
				       "index was written in part: run chkdsk");
		memcpy(last, raw + off + 2 * i, 2);
	}
	return FS_OK;
}

int ntfs_record_check(struct ntfs *n, uint8_t *rec, bool *in_use_out)
{
	uint32_t attrs, used;
	int rc;

	*in_use_out = false;
	if (memcmp(rec, "FILE", 4)) {
		/* Never used, or given up by chkdsk: "BAAD". */
		if (!memcmp(rec, "\0\0\0\0", 4))
			return FS_OK;
		return ntfs_damaged(n, "MFT");
	}
	rc = ntfs_fixup(n, rec, n->record);
	if (rc)
		return rc;
	attrs = le16(rec + 20);
	used = le32(rec + 24);
	if (attrs < 42 || attrs & 7 || used > n->record || used < attrs + 8)
		return ntfs_damaged(n, "MFT");
	*in_use_out = le16(rec + 22) & FLAG_IN_USE;
	return FS_OK;
}

int ntfs_record_load(struct ntfs *n, uint64_t number, uint8_t *rec)
{
	bool in_use;
	int rc;

	if (number >= n->mft.size / n->record)
		return ntfs_damaged(n, "MFT");
	rc = ntfs_read(n, &n->mft, rec, n->record, number * n->record);
	if (!rc)
		rc = ntfs_record_check(n, rec, &in_use);
	if (!rc && !in_use)
		return ntfs_damaged(n, "MFT");
	return rc;
}

static int resident_decode(struct ntfs *n, struct ntfs_attr *a)
{
	uint32_t off;

	a->value_len = le32(a->raw + 16);
	off = le16(a->raw + 20);
	if (!range_in(off, a->value_len, a->len))
		return ntfs_damaged(n, "MFT");
	a->value = a->raw + off;
	return FS_OK;
}

static int mapped_decode(struct ntfs *n, struct ntfs_attr *a)
{
	uint32_t off;

	if (a->len < 64)
		return ntfs_damaged(n, "MFT");
	a->first_vcn = le64(a->raw + 16);
	off = le16(a->raw + 32);
	if (off < 64 || off >= a->len)
		return ntfs_damaged(n, "MFT");
	a->pairs = a->raw + off;
	a->pairs_len = a->len - off;
	return FS_OK;
}

int ntfs_attr_next(struct ntfs *n, const uint8_t *rec, uint32_t *at,
		   struct ntfs_attr *attr)
{
	uint32_t used = le32(rec + 24), name;

	if (!*at)
		*at = le16(rec + 20);
	memset(attr, 0, sizeof(*attr));
	attr->type = (uint32_t)NTFS_AT_END;
	if (!range_in(*at, 4, used))
		return ntfs_damaged(n, "MFT");
	attr->raw = rec + *at;
	if (le32(attr->raw) == (uint32_t)NTFS_AT_END)
		return FS_OK;
	if (!range_in(*at, 24, used))
		return ntfs_damaged(n, "MFT");
	attr->len = le32(attr->raw + 4);
	if (attr->len < 24 || attr->len & 7 || !range_in(*at, attr->len, used))
		return ntfs_damaged(n, "MFT");
	name = le16(attr->raw + 10);
	if (attr->raw[9] && !range_in(name, attr->raw[9] * 2u, attr->len))
		return ntfs_damaged(n, "MFT");
	attr->type = le32(attr->raw);
	attr->resident = !attr->raw[8];
	*at += attr->len;
	return attr->resident ? resident_decode(n, attr) :
				mapped_decode(n, attr);
}

static bool name_is(const struct ntfs_attr *a, const char *name)
{
	const uint8_t *raw = a->raw + le16(a->raw + 10);
	size_t len = strlen(name), i;

	if (a->raw[9] != len)
		return false;
	for (i = 0; i < len; i++) {
		if (le16(raw + 2 * i) != (uint8_t)name[i])
			return false;
	}
	return true;
}

int ntfs_attr_find(struct ntfs *n, const uint8_t *rec, uint32_t type,
		   const char *name, struct ntfs_attr *attr)
{
	uint32_t at = 0;
	int rc;

	do {
		rc = ntfs_attr_next(n, rec, &at, attr);
		if (rc || attr->type == (uint32_t)NTFS_AT_END)
			return rc;
	} while (attr->type != type || !name_is(attr, name));
	return FS_OK;
}
