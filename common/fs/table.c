/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The partitions of a disk, and whether the table can be believed.
 *
 * common/ptable.c finds partitions for people to look at, and leaves out what
 * cannot be right.  Here bytes will be destroyed: a table that is not right in
 * every way that can be tested leaves the whole disk alone.
 */
#include "common/fs/fs_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MBR_LEN = 512, ENTRIES = 446, ENTRY_LEN = 16, TYPE_GPT = 0xee };

/* The whole disk is left alone; the first reason counts. */
static void refuse(struct fs_report *rep, const char *why)
{
	if (!rep->why[0])
		strncpy(rep->why, why, sizeof(rep->why) - 1);
}

static int by_place(const void *a, const void *b)
{
	const struct fs_part *x = a, *y = b;

	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void check_overlap(struct fs_report *rep)
{
	size_t i;

	for (i = 1; i < rep->count; i++) {
		if (rep->part[i].off - rep->part[i - 1].off <
		    rep->part[i - 1].len)
			refuse(rep, "partitions overlap");
	}
}

/* Does a partition cover sectors of the table, or of its links? */
static void check_covered(struct fs_report *rep, const struct ptable *t)
{
	size_t i, k;

	for (i = 0; i < t->count; i++) {
		for (k = 0; k < t->range_count; k++) {
			const struct ptable_range *r = &t->ranges[k];
			const struct part *p = &t->parts[i];

			if (r->off < p->off ? p->off - r->off < r->len :
					      r->off - p->off < p->len)
				refuse(rep, "a partition covers part of the "
					    "partition table");
		}
	}
}

/* What the first sector itself says, for a disk with or without a table. */
static void check_mbr(struct fs_report *rep, const struct fs_disk *disk,
		      const struct ptable *t, const uint8_t *raw)
{
	uint64_t sectors = disk->size / t->sector;
	bool gpt = false, others = false, outside = false;
	int i;

	if (raw[510] != 0x55 || raw[511] != 0xaa)
		return;
	for (i = 0; i < 4; i++) {
		const uint8_t *e = raw + ENTRIES + i * ENTRY_LEN;
		uint64_t start = le32(e + 8), count = le32(e + 12);

		if (e[4] == TYPE_GPT) {
			gpt = true;
		} else if (e[4] || count) {
			others = true;
			outside = outside || !start ||
				  !range_in(start, count, sectors);
		}
	}
	switch (t->kind) {
	case PTABLE_NONE:
		if (gpt)
			refuse(rep, "the GPT is damaged");
		break;
	case PTABLE_MBR:
		if (outside)
			refuse(rep, "a partition reaches past the end of the "
				    "disk");
		if (!t->count)
			refuse(rep, "the partition table is empty");
		break;
	case PTABLE_GPT:
		if (others)
			refuse(rep, "the partition table is a hybrid of MBR "
				    "and GPT");
		break;
	}
}

static void list_parts(struct fs_report *rep, const struct ptable *t)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		const struct part *p = &t->parts[i];
		const char *owner = fs_owner(p);

		rep->part[i].number = p->number;
		rep->part[i].off = p->off;
		rep->part[i].len = p->len;
		if (owner)
			fs_left(&rep->part[i], "by its partition type it "
				"belongs to %s", owner);
	}
	rep->count = t->count;
	qsort(rep->part, rep->count, sizeof(rep->part[0]), by_place);
}

static void whole_disk(struct fs_report *rep, const struct fs_disk *disk)
{
	rep->part[0].len = disk->size;
	rep->count = disk->size ? 1 : 0;
}

/* Something that fills the disk, although it has a table, and is older or not. */
static int check_whole(struct fs_report *rep, const struct fs_disk *disk)
{
	struct fs_part part = { .len = disk->size };
	struct fs_vol v = { .disk = disk, .part = &part, .len = disk->size };
	fs_scan_fn scan;
	int rc = fs_probe(&v, &scan);

	if (rc < 0)
		return rc;
	if (part.type[0])
		refuse(rep, "it has both a partition table and the signature of "
			    "something that fills the disk");
	return 0;
}

static int judge(const struct fs_disk *disk, struct fs_report *rep,
		 struct ptable *t)
{
	uint8_t raw[MBR_LEN];
	int rc;

	rc = ptable_read(disk->read, disk->arg, disk->size, disk->sector, t);
	if (rc || disk->size < sizeof(raw))
		return rc;
	rc = disk->read(disk->arg, raw, sizeof(raw), 0);
	if (rc)
		return rc;
	rep->table = t->kind;
	check_mbr(rep, disk, t, raw);
	if (t->kind == PTABLE_NONE) {
		whole_disk(rep, disk);
		return 0;
	}
	if (t->backup)
		refuse(rep, "the first copy of the GPT is damaged");
	if (t->count == PTABLE_MAX)
		refuse(rep, "there are too many partitions");
	list_parts(rep, t);
	check_overlap(rep);
	check_covered(rep, t);
	return check_whole(rep, disk);
}

int fs_table(const struct fs_disk *disk, struct fs_report *rep)
{
	struct ptable *t = malloc(sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	rc = judge(disk, rep, t);
	free(t);
	return rc;
}
