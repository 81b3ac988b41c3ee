/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_ENGINE_REPAIR_H
#define VHD_ENGINE_REPAIR_H

/*
 * What an engine is given to repair a file of its format.
 *
 * The engine never sees the file itself: @io is a view of it in which writes
 * are kept in memory, in the order of the flushes between them.  Whether they
 * ever reach the file, and that they can be taken back, is its caller's affair.
 * So an engine looks, asks (base/mender.h), writes and flushes as if the file
 * were its own: after each flush the file must be no worse than before, because
 * the power may fail there.
 *
 * It is called again until a call makes no granted step, each time on what the
 * call before has left: what hides behind one damage is found in the next call.
 * A step that is granted must therefore cure what it was made for.
 */

#include "base/mender.h"
#include "io/io.h"

/* The parent that the owner has named, to be recorded anew. */
struct vhd_engine_parent {
	bool raw;
	struct vhd_guid id;
	struct vhd_guid disk_id;	/* VHDX-ITEM-07; zero for VHD */
	int64_t timestamp;		/* Unix */
	const char *relative;		/* POSIX separators, no leading "./" */
	const char *windows;		/* or NULL */
	/* VHD: named as Xen's tools do it, whoever has made the image, and
	 * nothing of it behind a block, where they look for none. */
	bool xen;
	/* May be NULL: asked before each stage of recording it; false ends the
	 * call as a crash would. */
	bool (*step)(void *arg, const char *stage);
	void *step_arg;
};

struct vhd_engine_repair {
	struct vhd_io *io;	/* the caller's */
	int64_t now;		/* Unix time; 0: do not judge time stamps */
	/*
	 * Nobody will write this to the file: it is opened once to copy what
	 * can be had.  A guess is better than nothing.
	 */
	bool salvage;
	uint64_t disk_size;	/* what the owner says it is; 0: not said */
	struct vhd_mender mender;

	/*
	 * Makes [to, to + len) of the file, which lies past its end, a copy of
	 * [from, from + len).  The bytes do not pass through memory, and @from
	 * must not be written to afterwards.
	 */
	int (*copy)(void *arg, uint64_t from, uint64_t to, uint64_t len,
		    struct vhd_error *err);
	void *copy_arg;

	const struct vhd_engine_parent *parent;	/* NULL: as recorded */
	/* Blocks that the owner gives up: their table entries are cleared. */
	const uint64_t *drop;
	size_t drop_count;

	vhd_progress_fn progress;	/* may be NULL */
	void *progress_arg;

	/*
	 * For salvage: told of @len bytes of the disk at @off that are what a
	 * granted guess makes of them.  They may be told again, and reach past
	 * the end of the disk.  NULL: nobody wants to know.
	 */
	void (*doubt)(void *arg, uint64_t off, uint64_t len, const char *msg);
	void *doubt_arg;
};

static inline void vhd_engine_doubt(const struct vhd_engine_repair *req,
				    uint64_t off, uint64_t len,
				    const char *msg)
{
	if (req->doubt)
		req->doubt(req->doubt_arg, off, len, msg);
}

#endif
