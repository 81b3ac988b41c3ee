/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All file systems of a disk.
 *
 * First every partition is judged: its reader walks all of it and only counts.
 * One look at all of them together follows, because a system that sleeps on one
 * partition still has the others in use.  Only then ranges are reported, by the
 * same walk over what did not change meanwhile.
 */
#include "common/fs/fs_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is true of one partition and counts for others. */
struct found {
	bool asleep;		/* a system sleeps */
	bool verity;		/* checksums of all bytes of another one */
	bool open;		/* one may be mounted */
};

static struct fs_vol volume(const struct fs_disk *disk, struct fs_part *p,
			    struct fs_sink *sink)
{
	return (struct fs_vol){ .disk = disk, .part = p, .sink = sink,
				.len = p->len };
}

/*
 * Is it one of those that show for sure whether they are closed?  Btrfs looks the
 * same on the disk, be it mounted or not, and Windows takes the mark off FAT and
 * exFAT whenever it has nothing to write.
 */
static bool shows_open(fs_scan_fn scan)
{
	return scan == ext_scan || scan == ntfs_scan || scan == xfs_scan;
}

static int judge_part(const struct fs_disk *disk, struct fs_part *p,
		      fs_scan_fn *scan, struct found *found)
{
	struct fs_vol v = volume(disk, p, NULL);
	char why[sizeof(p->why)];
	int rc;

	p->used = p->len;
	memcpy(why, p->why, sizeof(why));
	rc = fs_probe(&v, scan);
	if (rc < 0)
		return rc;
	if (why[0])		/* for its type: then its content does not count */
		memcpy(p->why, why, sizeof(why));
	else if (!rc)
		rc = (*scan)(&v);
	found->asleep = found->asleep || v.asleep;
	found->verity = found->verity || !strcmp(p->type, "dm-verity");
	if (rc < 0)
		return rc;
	if (rc == FS_LEFT || p->why[0]) {
		found->open = found->open || (!why[0] && shows_open(*scan));
		return 0;
	}
	p->understood = true;
	p->unused = v.unused;
	p->used = p->len - v.unused;
	return 0;
}

static void leave(struct fs_part *p, const char *why)
{
	p->understood = false;
	p->used = p->len;
	p->unused = 0;
	snprintf(p->why, sizeof(p->why), "%s", why);
}

/* All of the disk. */
static void refuse(struct fs_report *rep, bool condition, const char *why)
{
	if (condition && !rep->why[0])
		snprintf(rep->why, sizeof(rep->why), "%s", why);
}

static void judge_all(struct fs_report *rep, const fs_scan_fn *scan,
		      const struct found *found)
{
	size_t i;

	refuse(rep, found->asleep, "a system sleeps on this disk (hibernation)"
				   ": start it and shut it down");
	refuse(rep, found->verity, "a partition holds checksums of every byte "
				   "of another one (dm-verity)");
	for (i = 0; rep->why[0] && i < rep->count; i++) {
		if (rep->part[i].understood || !rep->part[i].why[0])
			leave(&rep->part[i], rep->why);
	}
	for (i = 0; found->open && i < rep->count; i++) {
		if (rep->part[i].understood && !shows_open(scan[i]))
			leave(&rep->part[i], "it does not show for sure whether "
			      "it is in use, and another partition is not "
			      "closed or not understood: see to that one first");
	}
}

static int report_part(const struct fs_disk *disk, struct fs_part *p,
		       fs_scan_fn scan, struct fs_sink *sink)
{
	struct fs_part copy = *p;
	struct fs_vol v = volume(disk, &copy, sink);
	int rc = scan(&v);

	if (rc == FS_LEFT || (rc == FS_OK && v.unused != p->unused))
		return -EIO;
	return rc;
}

static int report_all(const struct fs_disk *disk, struct fs_report *rep,
		      fs_scan_fn *scan, fs_emit_fn emit, void *emit_arg)
{
	struct fs_sink sink = { .emit = emit, .arg = emit_arg };
	int rc = FS_OK;
	size_t i;

	for (i = 0; i < rep->count && !rc; i++) {
		if (rep->part[i].understood)
			rc = report_part(disk, &rep->part[i], scan[i], &sink);
	}
	if (!rc)
		rc = sink_flush(&sink);
	return rc == FS_ENDED ? 0 : rc;
}

int fs_unused(const struct fs_disk *disk, fs_emit_fn emit, void *emit_arg,
	      struct fs_report *report)
{
	fs_scan_fn scan[PTABLE_MAX];
	struct found found = { 0 };
	size_t i;
	int rc;

	memset(report, 0, sizeof(*report));
	rc = fs_table(disk, report);
	for (i = 0; i < report->count && !rc; i++)
		rc = judge_part(disk, &report->part[i], &scan[i], &found);
	if (rc)
		return rc;
	judge_all(report, scan, &found);
	return emit ? report_all(disk, report, scan, emit, emit_arg) : 0;
}
