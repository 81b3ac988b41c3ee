/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has Windows closed this volume?
 *
 * $Volume has flags; the first is set while the volume is mounted, or after
 * something went wrong.  $LogFile begins with two restart pages, and the one
 * with the larger sequence number counts: when it names a client and lacks the
 * "clean" flag, changes in the log are not in place yet.  Since Windows 8 a log
 * has version 2.0 while it is in use, and goes back to 1.1 when the volume is
 * closed for good, which a fast start does not do.
 */
#include "common/fs/ntfs.h"

#include <string.h>

enum {
	PAGE = 4096,		/* what a restart page has at least */
	NO_CLIENT = 0xffff,
	RESTART_CLEAN = 2,
	FLAG_DIRTY = 0x0001,
	FLAG_SLEEPY = 0xc03e	/* resize log, upgrade, chkdsk and the like */
};

static int volume_check(struct ntfs *n)
{
	struct ntfs_attr a;
	uint32_t flags;
	int rc = ntfs_record_load(n, NTFS_VOLUME, n->rec);

	if (!rc)
		rc = ntfs_attr_find(n, n->rec, NTFS_AT_VOLUME_NAME, "", &a);
	if (rc)
		return rc;
	if (a.type == NTFS_AT_VOLUME_NAME && a.resident)
		put_text16(n->v->part->label, sizeof(n->v->part->label),
			   a.value, a.value_len / 2);
	rc = ntfs_attr_find(n, n->rec, NTFS_AT_VOLUME_INFO, "", &a);
	if (rc)
		return rc;
	if (a.type != NTFS_AT_VOLUME_INFO || !a.resident || a.value_len < 12)
		return ntfs_damaged(n, "$Volume");
	if (a.value[8] != 3 && !(a.value[8] == 1 && a.value[9] == 2))
		return fs_left(n->v->part, "it is NTFS %u.%u, which is not "
			       "known here", a.value[8], a.value[9]);
	flags = le16(a.value + 10);
	if (flags & FLAG_DIRTY)
		return fs_left(n->v->part, "it was not unmounted cleanly: run "
					   "chkdsk");
	if (flags & FLAG_SLEEPY)
		return fs_left(n->v->part, "Windows has work to finish in it "
			       "(flags 0x%x): start and shut it down", flags);
	return FS_OK;
}

static bool all_ones(const uint8_t *p, size_t len)
{
	while (len && *p == 0xff) {
		p++;
		len--;
	}
	return !len;
}

/* One restart page: how old it is, and whether it says "clean". */
struct restart {
	bool valid;
	uint64_t lsn;
	bool clean;
	uint32_t major, minor;
	uint32_t page;		/* size of a system page: where the second is */
};

/* The fix-ups cover the whole page, which may be larger than what is here. */
static int restart_decode(struct ntfs *n, uint8_t *raw, struct restart *r)
{
	uint32_t area;

	memset(r, 0, sizeof(*r));
	if (memcmp(raw, "RSTR", 4))
		return FS_OK;
	r->page = le32(raw + 16);
	r->minor = le16(raw + 26);
	r->major = le16(raw + 28);
	area = le16(raw + 24);
	if (!is_pow2(r->page) || r->page < 512 || r->page > 65536 ||
	    area < 48 || area & 7 || area > 512 - 2 - 16)
		return ntfs_damaged(n, "$LogFile");
	r->valid = true;
	r->lsn = le64(raw + area);
	r->clean = le16(raw + area + 12) == NO_CLIENT ||
		   le16(raw + area + 14) & RESTART_CLEAN;
	return FS_OK;
}

static int log_judge(struct ntfs *n, const struct restart *first,
		     const struct restart *second)
{
	const struct restart *r = first;

	if (!r->valid || (second->valid && second->lsn > r->lsn))
		r = second;
	if (!r->valid)
		return ntfs_damaged(n, "$LogFile");
	if (r->major == 2)
		return fs_left(n->v->part, "Windows still has it open (fast "
			       "start): shut it down with shutdown /s /f /t 0");
	if (r->major != 1)
		return fs_left(n->v->part, "its log has version %u.%u, which "
			       "is not known here", r->major, r->minor);
	if (!r->clean)
		return fs_left(n->v->part, "its log has changes that are not in "
			       "place: start Windows and shut it down");
	return FS_OK;
}

static int log_check(struct ntfs *n)
{
	struct ntfs_runs r = { 0 };
	struct restart first, second = { 0 };
	uint8_t raw[PAGE];
	bool empty;
	int rc = ntfs_runs_load(n, NTFS_LOGFILE, NTFS_AT_DATA, "", &r);

	if (!rc && r.valid < 2 * 65536)
		rc = ntfs_damaged(n, "$LogFile");
	if (!rc)
		rc = ntfs_read(n, &r, raw, sizeof(raw), 0);
	/* What mkntfs and ntfs-3g leave: nothing but ones. */
	empty = !rc && all_ones(raw, sizeof(raw));
	if (!rc && !empty)
		rc = restart_decode(n, raw, &first);
	if (!rc && !empty) {
		rc = ntfs_read(n, &r, raw, sizeof(raw),
			       first.valid ? first.page : PAGE);
		if (!rc)
			rc = restart_decode(n, raw, &second);
		if (!rc)
			rc = log_judge(n, &first, &second);
	}
	ntfs_runs_free(&r);
	return rc;
}

int ntfs_state_check(struct ntfs *n)
{
	int rc = volume_check(n);

	return rc ? rc : log_check(n);
}
