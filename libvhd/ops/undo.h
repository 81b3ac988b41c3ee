/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_UNDO_H
#define VHD_OPS_UNDO_H

/*
 * The undo file of a repair: what the image had where it is about to be
 * changed.  See undo_disk.h for its form and undo.c for how it is used.
 */

#include "io/io_patch.h"

struct vhd_undo;

/*
 * A new file @path with what @patch overwrites in @io, the image.  It is durable
 * when this returns; when it fails there is none.
 */
int vhd_undo_new(const char *path, const char *image, struct vhd_io *io,
		 const struct vhd_patch *patch, struct vhd_undo **undo_out,
		 struct vhd_error *err);

/* The same for one more patch, made after the first was applied. */
int vhd_undo_append(struct vhd_undo *u, struct vhd_io *io,
		    const struct vhd_patch *patch, struct vhd_error *err);

/* All is applied: notes what the image has there now. */
int vhd_undo_complete(struct vhd_undo *u, struct vhd_io *io,
		      struct vhd_error *err);

/* vhd_repair_undo() of open files, without a lock. */
int vhd_undo_io(struct vhd_io *undo, struct vhd_io *image, bool force,
		struct vhd_error *err);

/*
 * Is @path the undo file of a repair of @image that was interrupted, and not
 * taken back since?  What is no such file, or cannot be read, is none.
 */
bool vhd_undo_is_unfinished(const char *path, struct vhd_io *image);

/* NULL is fine. */
void vhd_undo_free(struct vhd_undo *u);

#endif
