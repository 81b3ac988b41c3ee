/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_RESIZE_H
#define VHD_TOOLS_RESIZE_H

/* The verb `resize`: what it knows, decides and says. */

#include "cli_open.h"
#include "progress.h"
#include "common/ptable.h"

/**
 * struct resize_disk - what is on the disk
 *
 * @info:        of the image
 * @table:       its partitions
 * @fs_end:      without a table: end of the file system; 0: none is recognised
 * @fs_name:     and its name
 * @parent_size: of a VHD that has a parent: it is not made smaller than that
 * @gpt:         the first copy of a GPT is sound, so that it can be fixed
 * @gpt_ruin:    there is a GPT, and no copy of it is sound
 * @gpt_least:   smallest disk that it fits to
 * @backup_end:  end of its second copy
 * @fix:         for the new size it has to be written
 * @spare_off, @spare_len: its second copy, which then becomes zeros
 */
struct resize_disk {
	struct vhd_info info;
	struct ptable table;
	uint64_t fs_end;
	const char *fs_name;
	uint64_t parent_size;
	bool gpt;
	bool gpt_ruin;
	bool fix;
	uint64_t gpt_least;
	uint64_t backup_end;
	uint64_t spare_off, spare_len;
};

/**
 * struct resize_job - one run of the verb
 *
 * @old, @new: bytes of the disk
 * @least:     the smallest size that cuts nothing; 0 when not looked for
 * @fixed:     the GPT was written
 */
struct resize_job {
	struct cli *cli;
	struct cli_open open;
	struct progress pr;
	const char *path;
	bool to_min, fix_gpt, force, orphan, dry_run, json, no_progress;
	struct resize_disk disk;
	uint64_t old, new;
	uint64_t least;
	bool fixed;
	struct vhd_resize_result res;
	uint64_t chs_size;		/* after; a VHD's, else 0 */
	char creator[5];		/* after; a VHD's, else empty */
};

/* All of these return CLI_GO or the status to exit with, having said why. */

/* resize_look.c: reads what is on the disk. */
int resize_look(struct resize_job *j);
/* How small it may be as far as tables and file systems say. */
uint64_t resize_keep(const struct resize_job *j);
/* What would change in the GPT for the new size? */
int resize_look_gpt(struct resize_job *j);
/* Fits the GPT to the new size. */
int resize_fix_gpt(struct resize_job *j);

/* resize_next.c: what is left to do for the owner of the disk. */
enum { RESIZE_NEXT_MAX = 8, RESIZE_NEXT_LEN = 320 };

struct resize_next {
	size_t count;
	char text[RESIZE_NEXT_MAX][RESIZE_NEXT_LEN];
};

void resize_next(const struct resize_job *j, struct resize_next *n);

/* resize_size.c: "64G", "+8G", "-8G"; fills j->new. */
int resize_parse(struct resize_job *j, const char *text);
/* Does the new size cut something? */
int resize_allowed(struct resize_job *j);

/* resize_report.c */
int resize_report(struct resize_job *j);

#endif
