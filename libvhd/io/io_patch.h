/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_IO_PATCH_H
#define VHD_IO_IO_PATCH_H

/*
 * Changes to a file that are not made yet.
 *
 * A patch lies over a file that it only reads.  Through its views the file can
 * be written, zeroed, cut, extended and read back as if it were changed; what
 * was written is kept in memory, as the last content of each page between two
 * flushes.  In the end the changes are dropped, or saved() to know what they
 * overwrite and applied in that order.
 *
 * For one thread.
 */

#include "io/io.h"
#include "vhd/types.h"

struct vhd_patch;

/* @base stays the caller's and must outlive the patch. */
int vhd_patch_new(struct vhd_io *base, struct vhd_patch **patch_out,
		  struct vhd_error *err);
/* NULL is fine.  No view may be open. */
void vhd_patch_free(struct vhd_patch *p);

/* The file with all changes so far and to come; any number of views. */
int vhd_patch_view(struct vhd_patch *p, struct vhd_io **io_out,
		   struct vhd_error *err);

/*
 * [to, to + len), past the end of the view, becomes a copy of [from, from +
 * len), which must not be changed afterwards.  Takes no memory.
 */
int vhd_patch_copy(struct vhd_patch *p, uint64_t from, uint64_t to,
		   uint64_t len, struct vhd_error *err);

/* Memory that the changes take. */
uint64_t vhd_patch_bytes(const struct vhd_patch *p);
/* Is there any change? */
bool vhd_patch_dirty(const struct vhd_patch *p);

/* By how much the file becomes longer. */
uint64_t vhd_patch_growth(const struct vhd_patch *p);

/*
 * Every range of the base that a change overwrites or cuts off, once, ascending
 * and inside the present file: what an undo has to keep.
 */
int vhd_patch_each_old(const struct vhd_patch *p,
		       int (*fn)(void *arg, uint64_t off, uint64_t len,
				 struct vhd_error *err),
		       void *arg, struct vhd_error *err);

/* Is told how far vhd_patch_apply() is; what it answers does not matter. */
void vhd_patch_watch(struct vhd_patch *p, vhd_progress_fn progress, void *arg);

/*
 * Everything that a change writes, those between two flushes ascending, the
 * flushes in order.  @data is NULL for zeros.  @off and @len are multiples of
 * 512; what lies past the end of the file then is zeros.  Wherever applying is
 * interrupted, a sector that a change has is as it was or as one of its changes
 * leaves it, but for those of vhd_patch_each_edge().
 */
int vhd_patch_each_new(const struct vhd_patch *p,
		       int (*fn)(void *arg, uint64_t off, uint64_t len,
				 const uint8_t *data, struct vhd_error *err),
		       void *arg, struct vhd_error *err);

/* The sectors in whose midst the file ends at some time. */
int vhd_patch_each_edge(const struct vhd_patch *p,
			int (*fn)(void *arg, uint64_t off,
				  struct vhd_error *err),
			void *arg, struct vhd_error *err);

/* How short and how long the file may be in between. */
void vhd_patch_sizes(const struct vhd_patch *p, uint64_t *least_out,
		     uint64_t *most_out);

/* Makes the changes in @io, which is the base open for writing, in order, with
 * a flush where the views were flushed, and one at the end. */
int vhd_patch_apply(struct vhd_patch *p, struct vhd_io *io,
		    struct vhd_error *err);

#endif
