/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_MERGE_COPY_H
#define VHD_OPS_MERGE_COPY_H

/* What some upper layers answer, written through to one disk. */

#include "image/image_priv.h"

struct vhd_merge_copy {
	struct vhd_image *up;		/* its upper layers are copied, */
	uint32_t layers;		/* so many of them */
	struct vhd_image *into;		/* open for writing; NULL: just count */
	uint64_t from;			/* the disk up to here has been done */
	uint32_t threads;		/* all of them; 0 is 1 */
	/* @into is to have all that the layers mark, also where it shows zeros
	 * without. */
	bool exact;
	/*
	 * What the layers say, run by run: the answers are those of
	 * vhd_image_upper_run(), and NULL is that.
	 */
	int (*look)(void *arg, uint64_t off, uint64_t len,
		    struct vhd_run *run_out, uint32_t *layer_out,
		    struct vhd_error *err);
	void *look_arg;

	/* [0, pos) is durable in @into; told every @every bytes or so, and
	 * every few seconds.  May be NULL. */
	int (*reached)(void *arg, uint64_t pos, struct vhd_error *err);
	void *reached_arg;
	uint64_t every;			/* 0: a default */

	vhd_progress_fn progress;	/* may be NULL; counts bytes of the disk */
	void *progress_arg;

	uint64_t data_bytes;		/* out: bytes of data, */
	uint64_t zero_bytes;		/* and of zeros, that the layers hold */
};

/*
 * Does @c->into hold what was done up to @c->from?  Samples of every piece are
 * compared: an older ancestor may have been put in its place, and times do not
 * always tell.
 */
bool vhd_merge_holds(const struct vhd_merge_copy *c);

/* What was copied is durable on success. */
int vhd_merge_copy_run(struct vhd_merge_copy *c, struct vhd_error *err);

/*
 * The whole of a merge that happens in the ancestor @c->into: it has the
 * identity @work while it changes, and @last when all is there and durable.
 * @work NULL: an identity stays when the image is written to; @last NULL: and
 * stays in the end.  Calling it again on what an interruption has left finishes
 * the work.
 */
int vhd_merge_write(struct vhd_merge_copy *c, const struct vhd_guid *work,
		    const struct vhd_guid *last, struct vhd_error *err);

#endif
