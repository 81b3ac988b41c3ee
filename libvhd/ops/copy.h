/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_COPY_H
#define VHD_OPS_COPY_H

/*
 * The one engine that moves the bytes of disks.
 *
 *	feed -> extents -> cutter -> pieces -> read, scan -> sink
 *
 * A feed says which extents there are; by default those of a disk, front to
 * back.  The cutter leaves out the holes of the files below and makes pieces
 * that fit a processor's cache.  Pieces are read, scanned for zeros and handed
 * to the sink in the order of the feed, by one thread or by several.
 *
 * A sink takes data in one of two ways: data() gets the bytes, one call at a
 * time, in order; or place() only says, in order, where they are to go in the
 * file @into, and the engine writes them there, several pieces at once, or has
 * the file system share them.
 */

#include "vhd/image.h"
#include "vhd/ops.h"

struct vhd_io;
struct vhd_trail;

struct vhd_copy_feed {
	/*
	 * Up to @max extents of @src, none of them empty; *@n_out 0: there are no
	 * more.  Called by one thread at a time.
	 */
	int (*next)(void *arg, struct vhd_extent *ext, size_t max,
		    size_t *n_out, struct vhd_error *err);
	void *arg;
};

struct vhd_copy {
	struct vhd_image *src;
	const struct vhd_copy_feed *feed;	/* NULL: all of the disk */

	/* @len bytes of data at guest offset @off. */
	int (*data)(void *arg, const void *buf, uint64_t len, uint64_t off,
		    struct vhd_error *err);
	/* Or: guest bytes from @off on, *@len_out of them or more, have their
	 * place in @into at *@file_off_out. */
	int (*place)(void *arg, uint64_t off, uint64_t *file_off_out,
		     uint64_t *len_out, struct vhd_error *err);
	struct vhd_io *into;
	bool place_writes;	/* place() itself writes to @into */
	/* @len zeros at @off, in order; NULL: nobody wants to know. */
	int (*zero)(void *arg, uint64_t len, uint64_t off,
		    struct vhd_error *err);
	/*
	 * @len bytes at @off that cannot be had because of @why, and the walk
	 * goes on behind them.  NULL: the first failure ends it.
	 */
	int (*lost)(void *arg, uint64_t len, uint64_t off,
		    const struct vhd_error *why, struct vhd_error *err);
	void *arg;
	/*
	 * With @lost: length of the file of layer 0 before anybody made it
	 * longer.  What lies behind that and is not stored was never there.
	 */
	uint64_t real_end;

	bool whole;		/* zeros among data are data, not zeros */
	bool stored_once;	/* the source can be read once, in order */
	bool share;		/* with @into: try what vhd_io_share() can do */
	bool reserve;		/* with @into: ask for space ahead of data */
	bool digest;		/* see struct vhd_copy_result */
	uint32_t threads;	/* all of them; 0 is 1 */
	struct vhd_trail *trail;	/* told what was written to @into; or NULL */
	bool forget;		/* drop what was read from the system's cache */

	vhd_progress_fn progress;	/* may be NULL; one call at a time */
	void *progress_arg;
};

struct vhd_copy_result {
	uint64_t data_bytes;	/* that were handed to the sink */
	uint64_t zero_bytes;
	uint64_t shared_bytes;	/* of the data */
	uint64_t missing_bytes;	/* past the end of their file, taken as zeros */
	uint64_t digest;	/* vhd_sum() over all data */
};

/* @result_out may be NULL. */
int vhd_copy_run(const struct vhd_copy *copy,
		 struct vhd_copy_result *result_out, struct vhd_error *err);

#endif
