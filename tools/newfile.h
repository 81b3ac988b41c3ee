/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_NEWFILE_H
#define VHD_TOOLS_NEWFILE_H

/*
 * A file of plain bytes that appears under its name only when it is complete:
 * until then it has none, or, where the file system knows no such files, is a
 * hidden neighbour, .vhd-util-PID.tmp.
 */

#include <stdbool.h>

struct vhd_image;
struct vhd_error;

/* newfile_none - a file that is not there; newfile_discard() is fine */
#define NEWFILE_NONE { .fd = -1 }

struct newfile {
	int fd;
	char *path;
	char *tmp;
	bool force;
	bool nameless;
	bool sync;	/* set before: commit waits until it is on the disk */
	bool orphan;	/* set before: the old file's children are given up */
	struct vhd_image *old;	/* the locked file that is replaced, or NULL */
};

/*
 * newfile_open - begin; @force: an existing file may be replaced
 *
 * A file of @img's chain is never replaced, nor one that another program has
 * open, a parent of other images only when @file->orphan says so.
 *
 * Returns: 0 or VHD_E_EXISTS, VHD_E_REFUSED, VHD_E_BUSY, VHD_E_NOTFILE, VHD_E_IO,
 * VHD_E_NOMEM.
 */
int newfile_open(struct newfile *file, const char *path, bool force,
		 const struct vhd_image *img, struct vhd_error *err);

/* newfile_commit - the bytes are there: give it its name */
int newfile_commit(struct newfile *file, struct vhd_error *err);

/* newfile_discard - release everything; leaves nothing unless committed */
void newfile_discard(struct newfile *file);

#endif
