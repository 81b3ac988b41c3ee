/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_OUTFILE_H
#define VHD_IO_OUTFILE_H

/*
 * A new file that appears under its name only when it is complete.
 *
 * Where the file system can, it is built without any name (O_TMPFILE) and
 * linked at the end, so that even a killed process leaves nothing; elsewhere it
 * has a temporary name beside the target.
 */

#include "io/io.h"

struct vhd_outfile;

/*
 * VHD_E_EXISTS when @path exists and @replace is false.  A @path that exists
 * and is no regular file is VHD_E_NOTFILE, whatever @replace says.  A symbolic
 * link is replaced at its target.  VHD_E_BUSY when someone has the file to be
 * replaced open, by the locks of io_lock.h.  Owner, group and mode stay those of
 * the file that is replaced.
 */
int vhd_outfile_new(const char *path, bool replace, struct vhd_outfile **out,
		    struct vhd_error *err);

/*
 * The same for a file that tells what not everybody may read: VHD_E_EXISTS when
 * @path exists, whatever it is, also as a link that leads nowhere; and nobody
 * but its owner may open it, until vhd_outfile_like().
 */
int vhd_outfile_new_private(const char *path, struct vhd_outfile **out,
			    struct vhd_error *err);

/*
 * Who may read or write @io may do so with the new file, nobody else: group,
 * owner and mode are the same, as far as the system lets us.
 */
int vhd_outfile_like(struct vhd_outfile *of, const struct vhd_io *io,
		     struct vhd_error *err);

/*
 * The same with the file @name in @dir_fd, which is to be replaced; there need
 * not be any.  vhd_outfile_new() has done it.
 */
int vhd_outfile_like_old(struct vhd_outfile *of, int dir_fd, const char *name,
			 struct vhd_error *err);

/* The file once more; this one outlives the outfile, and is the caller's. */
int vhd_outfile_keep(struct vhd_outfile *of, struct vhd_io **io_out,
		     struct vhd_error *err);

/* The file, open for reading and writing; belongs to the outfile. */
struct vhd_io *vhd_outfile_io(struct vhd_outfile *of);

/*
 * Gives the file its name and releases @of.  With @sync, file and directory
 * are durable when it returns.  On failure nothing is left behind.
 */
int vhd_outfile_commit(struct vhd_outfile **of, bool sync,
		       struct vhd_error *err);

/* Removes every trace and releases.  NULL is fine. */
void vhd_outfile_abandon(struct vhd_outfile **of);

#endif
