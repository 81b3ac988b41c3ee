/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left to do for the owner of the disk. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "resize.h"
#include "common/size.h"

/* VHD-C-3: the largest geometry stands for "more than that". */
static const uint64_t chs_most = UINT64_C(136899993600);
static const uint64_t mib = UINT64_C(1) << 20, mbr_reach = UINT64_C(2) << 40;

static void add(struct resize_next *n, const char *fmt, ...) VHD_PRINTF(2, 3);

static void add(struct resize_next *n, const char *fmt, ...)
{
	va_list ap;

	if (n->count == RESIZE_NEXT_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(n->text[n->count++], RESIZE_NEXT_LEN, fmt, ap);
	va_end(ap);
}

static const struct part *last_part(const struct ptable *t)
{
	const struct part *last = NULL;

	for (size_t i = 0; i < t->count; i++) {
		if (last == NULL || t->parts[i].off > last->off)
			last = &t->parts[i];
	}
	return last;
}

static void next_partitions(const struct resize_job *j, struct resize_next *n)
{
	const struct part *last = last_part(&j->disk.table);

	if (last != NULL)
		add(n, "make the last partition and its file system larger in "
		    "the guest; Linux: growpart /dev/sda %" PRIu32 ", then "
		    "resize2fs or xfs_growfs; Windows: diskpart, select "
		    "volume, extend", last->number);
}

static void next_grown(const struct resize_job *j, struct resize_next *n)
{
	const struct resize_disk *d = &j->disk;

	if (d->table.kind == PTABLE_GPT && !d->fix && !j->fixed &&
	    !j->fix_gpt && j->new != d->backup_end)
		add(n, "the backup of the partition table is no longer at the "
		    "end of the disk: the same command with --fix-gpt moves "
		    "it, as does sgdisk -e in the guest");
	if (d->table.kind != PTABLE_NONE)
		next_partitions(j, n);
	else if (d->fs_end != 0 && strcmp(d->fs_name, "NTFS") == 0)
		add(n, "make the file system larger in the guest: diskpart, "
		    "select volume, extend");
	else if (d->fs_end != 0)
		add(n, "make the file system larger in the guest; ext4, WSL's "
		    "too: resize2fs /dev/sdX with the device of the disk");
	if (d->table.kind == PTABLE_MBR && d->info.logical_sector == 512 &&
	    j->new > mbr_reach)
		add(n, "an MBR reaches up to 2 TiB; for what lies behind, make "
		    "it a GPT in the guest (sgdisk -g)");
}

/* VHD-C-11, VHD-C-12: who goes by the geometry. */
static const char *chs_readers(const char *app)
{
	static const char *const current[] = { "win ", "qem2", "d2v ", "CTXS",
					       "tap" };

	if (strcmp(app, "vpc ") == 0 || strcmp(app, "qemu") == 0)
		return "QEMU and Virtual PC go";
	for (size_t i = 0; i < sizeof(current) / sizeof(current[0]); i++) {
		if (strncmp(app, current[i], strlen(current[i])) == 0)
			return NULL;
	}
	return "QEMU up to 9.2 and Virtual PC go";
}

static void next_vhd(const struct resize_job *j, struct resize_next *n)
{
	const struct vhd_info *info = &j->disk.info;
	const char *who = chs_readers(j->creator);
	char size[SIZE_TEXT];

	if (info->type == VHD_TYPE_FIXED && j->new % mib != 0)
		add(n, "Azure takes disks of whole MiB only");
	if (who == NULL || j->chs_size == 0 || j->chs_size == chs_most ||
	    j->chs_size >= j->new)
		return;
	add(n, "%s by the geometry of this VHD and show %s of the disk only; "
	    "vhd-util set --creator \"win \" makes QEMU show all of it", who,
	    size_format(j->chs_size, size));
}

/* Cut with --force: what was lost, and what it means for the table. */
static void next_cut(const struct resize_job *j, struct resize_next *n)
{
	const struct ptable *t = &j->disk.table;
	char end[SIZE_TEXT];

	for (size_t i = 0; i < t->count && n->count < RESIZE_NEXT_MAX / 2; i++) {
		const struct part *p = &t->parts[i];

		if (p->off + p->len <= j->new)
			continue;
		add(n, "partition %" PRIu32 " reached up to %s and was cut "
		    "off: delete it in the guest, or restore it from a copy",
		    p->number, size_format(p->off + p->len, end));
	}
	if (t->kind != PTABLE_GPT || j->fix_gpt || j->new >= j->disk.backup_end)
		return;
	if (n->count == 0)
		add(n, "the backup of the partition table was cut off: the "
		    "same command with --fix-gpt makes another, as does "
		    "sgdisk -e in the guest");
	else
		add(n, "the GPT is void until it fits the disk again: sgdisk "
		    "or gdisk in the guest, or the same command with the old "
		    "size");
}

/* "Make it larger" is not what somebody wants to hear who asked for less. */
static void next_least(const struct resize_job *j, struct resize_next *n)
{
	const struct resize_disk *d = &j->disk;
	const struct part *last = last_part(&d->table);
	char end[SIZE_TEXT];

	if (d->gpt && !j->fix_gpt && d->gpt_least / mib < j->new / mib) {
		add(n, "it is the backup of the partition table that reaches "
		    "so far: the same command with --fix-gpt moves it; the "
		    "partitions need %s", size_format(d->gpt_least, end));
		return;
	}
	if (j->new != j->old)
		return;
	if (d->table.kind == PTABLE_NONE && d->fs_end != 0)
		add(n, "the %s on it ends at %s: make that smaller in the "
		    "guest first (ext4: resize2fs, NTFS: diskpart, shrink)",
		    d->fs_name, size_format(d->fs_end, end));
	else if (last != NULL)
		add(n, "partition %" PRIu32 " ends at %s: make it smaller in "
		    "the guest first", last->number,
		    size_format(last->off + last->len, end));
}

void resize_next(const struct resize_job *j, struct resize_next *n)
{
	n->count = 0;
	if (j->to_min)
		next_least(j, n);
	else if (j->new > j->old ||
		 (j->new == j->old && !j->fixed && !j->dry_run))
		next_grown(j, n);
	else if (j->new < j->old)
		next_cut(j, n);
	if (j->disk.info.format == VHD_FORMAT_VHD)
		next_vhd(j, n);
}
