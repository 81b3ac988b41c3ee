/* SPDX-License-Identifier: BSD-2-Clause */
/* Which size it is to be, and whether something would be cut off. */
#include <inttypes.h>
#include <string.h>

#include "errors.h"
#include "resize.h"
#include "common/size.h"
#include "common/text.h"

/* Azure and Hyper-V want whole MiB. */
static const uint64_t mib = UINT64_C(1) << 20;

int resize_parse(struct resize_job *j, const char *text)
{
	char sign = text[0];
	bool relative = sign == '+' || sign == '-';
	char old[SIZE_TEXT];
	uint64_t value;

	if (!size_parse(text + (relative ? 1 : 0), &value))
		return cli_usage(j->cli, "'%s' is not a size such as 64G, +8G "
				 "or -512M (units are K, M, G and T: powers of "
				 "1024)", text);
	if (!relative)
		j->new = value;
	else if (j->old == 0)
		return CLI_GO;	/* only looked at so far */
	else if (sign == '-' ? value >= j->old :
			       value > INT64_MAX - j->old)
		return cli_usage(j->cli, "'%s' is too much: the disk has %s",
				 text, size_format(j->old, old));
	else
		j->new = sign == '-' ? j->old - value : j->old + value;
	return CLI_GO;
}

/* A size that can be given back to us as one word. */
static const char *word(uint64_t size, char text[SIZE_TEXT])
{
	char *to = text;

	if (size <= INT64_MAX && size % mib != 0)
		size += mib - size % mib;
	size_format(size, text);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != ' ')
			*to++ = *p;
	}
	*to = '\0';
	return text;
}

/* The sizes in a refusal are bytes, so that they can be given back to us. */
static int refuse(const struct resize_job *j, const char *what, uint64_t end,
		  const char *hint)
{
	return error_say(j->cli, j->path, hint, "%s ends at byte %" PRIu64
			 ", and the disk would end at %" PRIu64, what, end,
			 j->new);
}

static const struct part *first_cut(const struct resize_job *j)
{
	const struct ptable *t = &j->disk.table;

	for (size_t i = 0; i < t->count; i++) {
		if (t->parts[i].off + t->parts[i].len > j->new)
			return &t->parts[i];
	}
	return NULL;
}

static int refuse_part(const struct resize_job *j, const struct part *p)
{
	char what[32], hint[256], least[SIZE_TEXT];
	uint64_t keep = resize_keep(j);
	bool fix = j->disk.gpt && !j->fix_gpt;

	if (fix)
		keep = j->disk.gpt_least;
	snprintf(what, sizeof(what), "partition %" PRIu32, p->number);
	snprintf(hint, sizeof(hint), "the smallest size that keeps all "
		 "partitions is %s%s; make the partition smaller in the guest "
		 "first, or cut it with --force", word(keep, least),
		 fix ? ", with --fix-gpt" : "");
	return refuse(j, what, p->off + p->len, hint);
}

static int refuse_backup(const struct resize_job *j)
{
	char hint[128], least[SIZE_TEXT];

	if (!j->disk.gpt)
		return refuse(j, "the only sound copy of the partition table",
			      j->disk.backup_end,
			      "mend the table in the guest first");
	if (!j->fix_gpt)
		return refuse(j, "the backup of the partition table",
			      j->disk.backup_end, "--fix-gpt moves it");
	snprintf(hint, sizeof(hint), "with its backup, the partition table "
		 "needs a disk of %s",
		 word(j->disk.gpt_least, least));
	return refuse(j, "what the partition table needs", j->disk.gpt_least,
		      hint);
}

static int refuse_fs(const struct resize_job *j)
{
	char what[64];

	snprintf(what, sizeof(what), "the %s on the disk", j->disk.fs_name);
	return refuse(j, what, j->disk.fs_end,
		      "make the file system smaller in the guest first, or "
		      "cut it with --force");
}

/* What tables and file systems say. */
static int keep_allowed(const struct resize_job *j)
{
	const struct part *p = first_cut(j);

	if (j->fix_gpt && j->disk.gpt && j->new < j->disk.gpt_least)
		return p != NULL ? refuse_part(j, p) : refuse_backup(j);
	if (j->force || j->new >= j->old || j->new >= resize_keep(j))
		return CLI_GO;
	if (p != NULL)
		return refuse_part(j, p);
	if (j->disk.table.kind == PTABLE_GPT)
		return refuse_backup(j);
	if (j->disk.table.kind == PTABLE_MBR)
		return refuse(j, "the extended partition",
			      j->disk.table.box_end,
			      "make it smaller in the guest first, or cut it "
			      "with --force");
	return refuse_fs(j);
}

/* The library's view of what would be done; nothing is written. */
static int try(struct resize_job *j, uint64_t size)
{
	struct vhd_resize_opts opts = VHD_RESIZE_OPTS_INIT;
	struct vhd_error err = { .code = VHD_OK };
	int rc;

	opts.flags = VHD_CHANGE_DRY_RUN | VHD_CHANGE_CUT |
		     (j->orphan ? VHD_CHANGE_ORPHAN : 0);
	opts.open = &j->open.opts;
	opts.progress = progress_step;
	opts.progress_arg = &j->pr;
	opts.spare_off = j->disk.spare_off;
	opts.spare_len = j->disk.spare_len;
	progress_begin(&j->pr, !j->no_progress, true);
	rc = vhd_resize(j->path, size, &opts, &j->res, &err);
	progress_end(&j->pr);
	return rc != 0 ? error_report(j->cli, &err, j->path) : CLI_GO;
}

/* Up, to what sectors and MiB demand, but not above what it is. */
static uint64_t rounded(const struct resize_job *j, uint64_t size)
{
	if (size > j->old - j->old % mib)
		return j->old;
	return size % mib != 0 ? size + mib - size % mib : size;
}

static int find_min(struct resize_job *j)
{
	uint64_t least = resize_keep(j);
	int status;

	if (least < mib)
		least = mib;
	if (least < j->disk.parent_size)
		least = j->disk.parent_size;
	if (least > j->old)
		least = j->old;
	j->new = rounded(j, least);
	/* Where the copy of the GPT is now depends on where it will be. */
	status = resize_look_gpt(j);
	if (status == CLI_GO)
		status = try(j, j->new);
	if (status != CLI_GO)
		return status;
	if (!j->force && j->res.used_end > j->new)
		j->new = rounded(j, j->res.used_end);
	j->least = j->new;
	return CLI_GO;
}

static int refuse_used(const struct resize_job *j)
{
	char hint[256], least[SIZE_TEXT];

	snprintf(hint, sizeof(hint), "the smallest size that cuts nothing is "
		 "%s; --force cuts all the same",
		 word(j->res.used_end, least));
	return refuse(j, "what is stored on the disk", j->res.used_end, hint);
}

int resize_allowed(struct resize_job *j)
{
	int status = j->to_min ? find_min(j) : CLI_GO;

	if (status == CLI_GO)
		status = keep_allowed(j);
	if (status == CLI_GO)
		status = resize_look_gpt(j);
	if (status == CLI_GO)
		status = try(j, j->new);
	if (status == CLI_GO && !j->force && j->res.used_end > j->new)
		status = refuse_used(j);
	return status;
}
