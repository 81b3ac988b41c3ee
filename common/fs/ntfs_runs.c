/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the content of a file is.
 *
 * An attribute that is not resident has a list of runs: a length, and the place
 * as a difference to the one before.  When the lists get too long for a record,
 * an attribute list names further records, each with a part of the attribute
 * and in the order of the content.  Of the MFT itself the part that is known
 * already must hold the records for the rest.
 */
#include "common/fs/ntfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 256 << 10, LIST_ENTRY_MIN = 26 };

/* Of 2 MiB, which is the largest there is, so that bytes fit 63 bits. */
#define CLUSTERS_MAX (INT64_C(1) << 41)

void ntfs_runs_free(struct ntfs_runs *r)
{
	free(r->run);
	memset(r, 0, sizeof(*r));
}

static int64_t signed_get(const uint8_t *p, uint32_t bytes)
{
	uint64_t value = p[bytes - 1] & 0x80 ? UINT64_MAX : 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return (int64_t)value;
}

int ntfs_run_next(struct ntfs *n, const uint8_t **at, const uint8_t *end,
		  int64_t *lcn, struct ntfs_run *run)
{
	uint32_t len_bytes, lcn_bytes;
	int64_t len, step;

	run->len = 0;
	if (*at >= end || !**at)
		return FS_OK;
	len_bytes = **at & 15;
	lcn_bytes = **at >> 4;
	if (!len_bytes || len_bytes > 8 || lcn_bytes > 8 ||
	    (size_t)(end - *at) < 1 + len_bytes + lcn_bytes)
		return ntfs_damaged(n, "MFT");
	len = signed_get(*at + 1, len_bytes);
	step = lcn_bytes ? signed_get(*at + 1 + len_bytes, lcn_bytes) : 0;
	if (len <= 0 || len > CLUSTERS_MAX || __builtin_add_overflow(*lcn, step, lcn))
		return ntfs_damaged(n, "MFT");
	*at += 1 + len_bytes + lcn_bytes;
	run->len = (uint64_t)len;
	run->lcn = NTFS_NO_LCN;
	if (!lcn_bytes)
		return FS_OK;
	if (*lcn < 0 || !range_in((uint64_t)*lcn, run->len, n->clusters))
		return ntfs_damaged(n, "MFT");
	run->lcn = (uint64_t)*lcn;
	return FS_OK;
}

static int add_run(struct ntfs *n, struct ntfs_runs *r, struct ntfs_run *run)
{
	size_t room = r->room ? r->room * 2 : 16;
	struct ntfs_run *more;

	run->vcn = r->clusters;
	r->clusters += run->len;
	if (r->clusters > (uint64_t)CLUSTERS_MAX)
		return ntfs_damaged(n, "MFT");
	if (r->count == NTFS_RUNS_MAX)
		return fs_left(n->v->part, "one of its own files is in more "
			       "than %d pieces", NTFS_RUNS_MAX);
	if (r->count == r->room) {
		more = realloc(r->run, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->run = more;
		r->room = room;
	}
	r->run[r->count++] = *run;
	return FS_OK;
}

/* The runs of one record; they must go on where the last ones ended. */
static int add_part(struct ntfs *n, struct ntfs_runs *r,
		    const struct ntfs_attr *a)
{
	const uint8_t *at = a->pairs, *end;
	struct ntfs_run run;
	int64_t lcn = 0;
	int rc;

	if (a->resident || a->first_vcn != r->clusters)
		return ntfs_damaged(n, "MFT");
	end = a->pairs + a->pairs_len;
	if (!a->first_vcn) {
		/* Compressed or encrypted: none of the files read here is. */
		if (le16(a->raw + 12) & 0x40ff)
			return ntfs_damaged(n, "MFT");
		r->size = le64(a->raw + 48);
		r->valid = le64(a->raw + 56);
		if (r->size > INT64_MAX || r->valid > r->size)
			return ntfs_damaged(n, "MFT");
	}
	for (;;) {
		rc = ntfs_run_next(n, &at, end, &lcn, &run);
		if (rc || !run.len)
			return rc;
		rc = add_run(n, r, &run);
		if (rc)
			return rc;
	}
}

/* The content of an attribute list, in memory of the caller's to free. */
static int list_load(struct ntfs *n, const struct ntfs_attr *a, uint8_t **out,
		     uint32_t *len_out)
{
	struct ntfs_runs r = { 0 };
	int rc = FS_OK;

	if (a->resident) {
		*len_out = a->value_len;
	} else {
		rc = add_part(n, &r, a);
		if (!rc && r.size > LIST_MAX)
			rc = ntfs_damaged(n, "MFT");
		*len_out = (uint32_t)r.size;
	}
	if (!rc) {
		*out = malloc(*len_out ? *len_out : 1);
		rc = *out ? FS_OK : -ENOMEM;
	}
	if (!rc && a->resident)
		memcpy(*out, a->value, *len_out);
	else if (!rc)
		rc = ntfs_read(n, &r, *out, *len_out, 0);
	ntfs_runs_free(&r);
	return rc;
}

/* The part of the attribute that starts where the runs end, in n->more. */
static int add_from(struct ntfs *n, uint64_t ref, uint32_t type,
		    const char *name, struct ntfs_runs *r)
{
	struct ntfs_attr a;
	uint32_t at = 0;
	int rc = ntfs_record_load(n, ref, n->more);

	while (!rc) {
		struct ntfs_attr one;

		rc = ntfs_attr_next(n, n->more, &at, &a);
		if (rc)
			break;
		if (a.type == (uint32_t)NTFS_AT_END)
			return ntfs_damaged(n, "MFT");
		if (a.type != type || a.resident || a.first_vcn != r->clusters)
			continue;
		/* The name is compared by the finder, of this one alone. */
		rc = ntfs_attr_find(n, n->more, type, name, &one);
		if (!rc && one.raw == a.raw)
			return add_part(n, r, &a);
	}
	return rc;
}

/* What is known of the MFT has to do for finding the rest. */
static void lend_mft(struct ntfs *n, const struct ntfs_runs *r)
{
	if (!n->booting || !r->clusters)
		return;
	n->mft = *r;
	n->mft.size = r->clusters * n->cluster;
	if (n->mft.size > r->size)
		n->mft.size = r->size;
}

/* Entries are sorted by type, name and place in the content. */
static int follow_list(struct ntfs *n, const uint8_t *list, uint32_t len,
		       uint32_t type, const char *name, struct ntfs_runs *r)
{
	uint32_t at = 0;
	int rc = FS_OK;

	while (len - at >= LIST_ENTRY_MIN && !rc) {
		const uint8_t *e = list + at;
		uint32_t step = le16(e + 4);

		if (step < LIST_ENTRY_MIN || step > len - at)
			return ntfs_damaged(n, "MFT");
		/* The first part may be taken already. */
		if (le32(e) == type && e[6] == strlen(name) &&
		    le64(e + 8) == r->clusters) {
			lend_mft(n, r);
			rc = add_from(n, le64(e + 16) & 0xffffffffffff, type,
				      name, r);
		}
		at += step;
	}
	return rc;
}

static int runs_of_list(struct ntfs *n, const struct ntfs_attr *a,
			uint32_t type, const char *name, struct ntfs_runs *r)
{
	uint8_t *list = NULL;
	uint32_t len = 0;
	int rc = list_load(n, a, &list, &len);

	if (!rc)
		rc = follow_list(n, list, len, type, name, r);
	free(list);
	return rc;
}

int ntfs_runs_load(struct ntfs *n, uint64_t number, uint32_t type,
		   const char *name, struct ntfs_runs *r)
{
	struct ntfs_attr a, list;
	int rc = ntfs_record_load(n, number, n->rec);

	if (!rc)
		rc = ntfs_attr_find(n, n->rec, type, name, &a);
	if (!rc && a.type == type)
		rc = add_part(n, r, &a);
	if (!rc)
		rc = ntfs_attr_find(n, n->rec, NTFS_AT_LIST, "", &list);
	if (!rc && list.type == NTFS_AT_LIST)
		rc = runs_of_list(n, &list, type, name, r);
	if (!rc && r->clusters < (r->size + n->cluster - 1) / n->cluster)
		return ntfs_damaged(n, "MFT");
	return rc;
}

/* The run that holds a cluster of the content; NULL past the last. */
static const struct ntfs_run *run_find(const struct ntfs_runs *r, uint64_t vcn)
{
	size_t low = 0, high = r->count;

	if (vcn >= r->clusters)
		return NULL;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (r->run[mid].vcn <= vcn)
			low = mid;
		else
			high = mid;
	}
	return &r->run[low];
}

int ntfs_read(struct ntfs *n, const struct ntfs_runs *r, void *buf, size_t len,
	      uint64_t off)
{
	uint8_t *to = buf;
	int rc = FS_OK;

	while (len && !rc) {
		const struct ntfs_run *run = run_find(r, off / n->cluster);
		uint64_t in, piece;

		if (!run)
			return ntfs_damaged(n, "MFT");
		in = off - run->vcn * n->cluster;
		piece = run->len * n->cluster - in;
		if (piece > len)
			piece = len;
		if (run->lcn == NTFS_NO_LCN)
			memset(to, 0, (size_t)piece);
		else
			rc = vol_read(n->v, to, (size_t)piece,
				      run->lcn * n->cluster + in);
		to += piece;
		off += piece;
		len -= (size_t)piece;
	}
	return rc;
}
