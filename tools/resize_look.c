/* SPDX-License-Identifier: BSD-2-Clause */
/* What is on a disk that is to be resized, and moving the end of its GPT. */
#include <errno.h>
#include <string.h>

#include "errors.h"
#include "resize.h"
#include "common/fs_end.h"
#include "common/gpt_fix.h"

/* The disk, as the readers of tables see it; the last failure is kept. */
struct access {
	struct vhd_image *img;
	struct vhd_error err;
};

static int disk_read(void *arg, void *buf, size_t len, uint64_t off)
{
	struct access *a = arg;

	return vhd_pread(a->img, buf, len, off, &a->err) == 0 ? 0 : -EIO;
}

static int disk_write(void *arg, const void *buf, size_t len, uint64_t off)
{
	struct access *a = arg;

	return vhd_pwrite(a->img, buf, len, off, &a->err) == 0 ? 0 : -EIO;
}

static int disk_flush(void *arg)
{
	struct access *a = arg;

	return vhd_flush(a->img, &a->err) == 0 ? 0 : -EIO;
}

static int failed(const struct resize_job *j, struct access *a, int rc)
{
	if (rc == -ENOMEM || a->err.code == VHD_OK)
		return error_say(j->cli, j->path, NULL, "out of memory");
	return error_report(j->cli, &a->err, j->path);
}

static struct gpt_disk gpt_disk_of(const struct resize_job *j,
				   struct access *a)
{
	return (struct gpt_disk){
		.read = disk_read,
		.write = disk_write,
		.flush = disk_flush,
		.arg = a,
		.size = vhd_size(a->img),
		.sector = j->disk.table.sector,
	};
}

static int look_gpt(struct resize_job *j, struct access *a)
{
	struct gpt_disk disk = gpt_disk_of(j, a);
	struct gpt_fix *fix = NULL;
	int rc;

	j->disk.backup_end = vhd_size(a->img);
	if (j->disk.table.backup)
		return 0;
	rc = gpt_fix_load(&disk, &fix);
	j->disk.gpt = fix != NULL;
	if (fix != NULL) {
		j->disk.gpt_least = gpt_fix_least(fix);
		j->disk.backup_end = gpt_fix_backup_end(fix);
	}
	gpt_fix_free(fix);
	return rc;
}

/* Is there a header of a GPT, sound or not? */
static int look_ruin(struct resize_job *j, struct access *a)
{
	uint64_t off = j->disk.info.logical_sector;
	char mark[8];

	if (j->disk.table.kind != PTABLE_NONE || off + sizeof(mark) > j->old)
		return 0;
	if (vhd_pread(a->img, mark, sizeof(mark), off, &a->err) != 0)
		return -EIO;
	j->disk.gpt_ruin = memcmp(mark, "EFI PART", sizeof(mark)) == 0;
	return 0;
}

/* VHD-D-6 */
static int look_parent(struct resize_job *j, struct access *a)
{
	struct vhd_info info = { .size = sizeof(info) };

	if (j->disk.info.format != VHD_FORMAT_VHD || vhd_layers(a->img) < 2)
		return 0;
	if (vhd_layer_info(a->img, 1, &info, &a->err) != 0)
		return -EIO;
	j->disk.parent_size = info.virtual_size;
	return 0;
}

static int look(struct resize_job *j, struct access *a)
{
	struct resize_disk *d = &j->disk;
	int rc;

	d->info.size = sizeof(d->info);
	if (vhd_layer_info(a->img, 0, &d->info, &a->err) != 0)
		return -EIO;
	j->old = vhd_size(a->img);
	rc = look_parent(j, a);
	if (rc == 0)
		rc = ptable_read(disk_read, a, j->old, d->info.logical_sector,
				 &d->table);
	if (rc == 0 && d->table.kind == PTABLE_NONE)
		rc = fs_end(disk_read, a, j->old, &d->fs_end, &d->fs_name);
	if (rc == 0)
		rc = look_ruin(j, a);
	if (rc == 0 && d->table.kind == PTABLE_GPT)
		rc = look_gpt(j, a);
	/* What a guest wrote may be nonsense. */
	if (d->fs_end > j->old)
		d->fs_end = j->old;
	return rc;
}

static int with_image(struct resize_job *j, uint32_t flags,
		      int (*fn)(struct resize_job *j, struct access *a))
{
	struct access a = { .img = NULL };
	uint32_t kept = j->open.opts.flags;
	int rc, status = CLI_GO;

	j->open.opts.flags |= flags;
	rc = cli_open_image(&j->open, j->path, &a.img, &a.err);
	j->open.opts.flags = kept;
	if (rc != 0)
		return error_report(j->cli, &a.err, j->path);
	a.err.code = VHD_OK;
	rc = fn(j, &a);
	if (rc != 0)
		status = failed(j, &a, rc);
	if (vhd_close(&a.img, &a.err) != 0 && status == CLI_GO)
		status = error_report(j->cli, &a.err, j->path);
	return status;
}

int resize_look(struct resize_job *j)
{
	return with_image(j, 0, look);
}

uint64_t resize_keep(const struct resize_job *j)
{
	const struct resize_disk *d = &j->disk;

	switch (d->table.kind) {
	case PTABLE_GPT:
		return d->gpt && j->fix_gpt ? d->gpt_least : d->backup_end;
	case PTABLE_MBR:
		return ptable_end(&d->table);
	case PTABLE_NONE:
		break;
	}
	return d->fs_end;
}

/* Of the table on the disk as it is now, for the new size. */
static int needs_fix(struct resize_job *j, struct access *a)
{
	struct gpt_disk disk = gpt_disk_of(j, a);
	struct gpt_fix *fix = NULL;
	int rc = gpt_fix_load(&disk, &fix);

	if (rc == 0 && fix != NULL)
		rc = gpt_fix_old(fix, j->new, &j->disk.spare_off,
				 &j->disk.spare_len);
	if (rc == 0 && fix != NULL) {
		rc = gpt_fix_needed(fix, j->new);
		j->disk.fix = rc == 1;
		rc = rc > 0 ? 0 : rc;
	}
	gpt_fix_free(fix);
	return rc;
}

int resize_look_gpt(struct resize_job *j)
{
	j->disk.fix = false;
	j->disk.spare_len = 0;
	if (!j->fix_gpt || !j->disk.gpt)
		return CLI_GO;
	return with_image(j, 0, needs_fix);
}

static int apply(struct resize_job *j, struct access *a)
{
	struct gpt_disk disk = gpt_disk_of(j, a);
	struct gpt_fix *fix = NULL;
	int rc = gpt_fix_load(&disk, &fix);

	if (rc == 0 && fix != NULL)
		rc = gpt_fix_apply(fix, j->new);
	gpt_fix_free(fix);
	if (rc == 0)
		j->fixed = true;
	return rc;
}

int resize_fix_gpt(struct resize_job *j)
{
	return with_image(j, VHD_OPEN_RDWR, apply);
}
