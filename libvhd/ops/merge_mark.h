/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_MERGE_MARK_H
#define VHD_OPS_MERGE_MARK_H

/*
 * The file beside an ancestor, named like it with ".merge" added, that says
 * what is being merged into it and how far that is.  It is there from before
 * the first change until nothing is left to do; where no identity tells that the
 * merged image is spent, it says so as long as that one is there.
 */

#include "io/io.h"
#include "vhd/types.h"

enum vhd_mark_stage {
	VHD_MARK_COPY,		/* bytes before the position are in place */
	VHD_MARK_DONE		/* all of them, and the last identity */
};

/* What it says. */
struct vhd_mark_facts {
	enum vhd_mark_stage stage;
	uint64_t pos;
	struct vhd_guid top;	/* id of the merged image */
	struct vhd_guid into;	/* of the ancestor, while it is worked on */
	uint64_t top_birth;	/* which file that is: vhd_path_birth() */
	uint64_t top_state;	/* digest of its file's size and time */
	uint64_t layers;	/* the same, of all files that are merged */
	uint64_t into_birth;	/* the ancestor: vhd_path_birth(), */
	uint64_t into_state;	/* vhd_path_state(), */
	int64_t into_mtime;	/* vhd_path_mtime_ns(), when this was written */
	int64_t time;		/* when it was written */
};

/*
 * Is @path the file that the mark was made for, and no older: was it not restored
 * from a backup since?
 */
bool vhd_mark_fits(const struct vhd_mark_facts *f, const char *path);

/* The file, open; all zeros: there is none. */
struct vhd_mark {
	char *path;
	struct vhd_io *io;
	uint64_t serial;
};

/*
 * The mark beside the image @path, if it has a sound one: *@found_out.  Nothing
 * is changed.  A file of that name that is none of ours is left alone.
 */
int vhd_mark_find(const char *path, struct vhd_mark_facts *out,
		  bool *found_out, struct vhd_error *err);

/*
 * Makes the mark, or takes over the one that is there; @like: who may read that
 * file may read this one.  Durable on return.
 */
int vhd_mark_begin(struct vhd_mark *mark, const char *path,
		   const struct vhd_io *like,
		   const struct vhd_mark_facts *facts, struct vhd_error *err);
/* Durable on return. */
int vhd_mark_write(struct vhd_mark *mark, const struct vhd_mark_facts *facts,
		   struct vhd_error *err);
/* Lets go of it; the file stays. */
void vhd_mark_close(struct vhd_mark *mark);

/* Removes the mark beside the image @path, if it is ours. */
void vhd_mark_remove(const char *path);

#endif
