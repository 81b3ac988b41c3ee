/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_MERGE_H
#define VHD_OPS_MERGE_H

/* A merge: what is known of the chain before anything is changed. */

#include "image/image_priv.h"
#include "ops/merge_copy.h"
#include "ops/merge_mark.h"
#include "vhd/chain.h"

/* One file on the path of the merge. */
struct vhd_merge_layer {
	char *path;			/* without links */
	struct vhd_file_id file;
	struct vhd_guid id;
	uint64_t size;			/* of its disk */
	uint64_t file_size;
	int64_t mtime_ns;
	enum vhd_format format;
	/* What a guest sees beside the bytes (VHDX-MRG-04), and Xen's mark. */
	struct vhd_guid disk_id;
	uint32_t physical_sector;
	bool hidden;
};

/* Names that were found. */
struct vhd_merge_names {
	char **name;
	size_t count, room;
};

struct vhd_merge {
	struct vhd_merge_opts opts;	/* complete */
	struct vhd_open_opts open;	/* complete, for reading */
	struct vhd_merge_result result;
	const char *path;		/* as the caller has it */

	/* [0] is the merged image; [into] the ancestor.  Of a merge that only
	 * has to be tidied up after, layers between may be gone. */
	struct vhd_merge_layer *layer;
	uint32_t layers;		/* into + 1 */
	uint32_t into;
	/* What the layer above the ancestor records of it. */
	struct vhd_guid link[2];
	size_t links;
	bool raw;			/* the ancestor is a raw disk */
	bool done;			/* all is in the ancestor already, */
	bool gone;			/* and what was merged is removed */
	uint64_t from;			/* the disk up to here is */

	struct vhd_merge_names children;	/* of the merged image */
	struct vhd_mark mark;
};

/* Everything that is to know; refuses what cannot be or must not be done. */
int vhd_merge_look(struct vhd_merge *m, struct vhd_error *err);
void vhd_merge_free(struct vhd_merge *m);

/* Of the first @count layers' files: differs, with luck, if one was changed. */
uint64_t vhd_merge_digest(const struct vhd_merge *m, uint32_t count);

/*
 * Looks whether the same merge was interrupted, and how far it had come; another
 * one that was is VHD_E_REFUSED.
 */
int vhd_merge_read_mark(struct vhd_merge *m, struct vhd_error *err);

/*
 * The merged image is not there.  An ancestor that has its identity, or is as the
 * merge has left it, and a mark that was to be removed next, are what a merge has
 * left that was cut off at its last step: m->gone.  Else the error says what is
 * known.
 */
int vhd_merge_look_gone(struct vhd_merge *m, struct vhd_error *err);

/* Was the image @child merged into layer @idx, without a trace in that one? */
bool vhd_merge_is_spent(const struct vhd_merge *m, uint32_t idx,
			const char *child);

/* How to open layer @idx and what is below it. */
void vhd_merge_open_opts(const struct vhd_merge *m, uint32_t idx,
			 struct vhd_open_opts *out);
/* Opens it; VHD_E_BUSY when it is not the file that was looked at. */
int vhd_merge_open(const struct vhd_merge *m, uint32_t idx, uint32_t flags,
		   struct vhd_image **img_out, struct vhd_error *err);
/* Layers [0, count) as one image without what is below them. */
int vhd_merge_open_upper(const struct vhd_merge *m, uint32_t count,
			 struct vhd_image **img_out, struct vhd_error *err);

void vhd_merge_note(const struct vhd_merge *m, const char *file,
		    const char *fmt, ...) VHD_PRINTF(3, 4);

/* Children of the merged image, spent layers: when all is in the ancestor. */
int vhd_merge_tidy(struct vhd_merge *m, struct vhd_error *err);

/* The children of @img that are no layers of @m, into @out. */
int vhd_merge_children(const struct vhd_merge *m, struct vhd_image *img,
		       struct vhd_merge_names *out, struct vhd_error *err);
void vhd_merge_names_free(struct vhd_merge_names *names);

#endif
