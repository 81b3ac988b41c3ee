/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_RESIZE_H
#define VHD_VHDX_RESIZE_H

/* What the parts of a resize share; the story is told in vhdx_resize.c. */

#include "vhdx/vhdx_edit.h"

struct vhdx_resize {
	struct vhdx *x;
	const struct vhd_engine_resize *req;
	struct vhdx_edit edit;		/* what becomes true in one entry */
	struct vhdx_geom old, new;
	bool fixed;
	uint64_t fill_off;		/* fixed: where the first new block is */
	struct vhdx_place bat;		/* the table, where it will be */
};

/* vhdx_resize_table.c */

/*
 * The entries that only one of the two disks has.  In pages that hold none of
 * the other ones they are written past the log: nothing that counts reads them.
 * Others are put into @r->edit.
 */
int vhdx_resize_dead_pages(struct vhdx_resize *r, struct vhd_error *err);
int vhdx_resize_live_pages(struct vhdx_resize *r, struct vhd_error *err);
/* Is any of them not what it should be? */
int vhdx_resize_is_stale(struct vhdx_resize *r, bool *yes_out,
			 struct vhd_error *err);
/* The whole table at a new place, which reads as zeros. */
int vhdx_resize_copy_table(struct vhdx_resize *r, struct vhd_error *err);

/* vhdx_resize_tail.c: the part of the last block that the disk did not have. */
int vhdx_resize_open_tail(struct vhdx_resize *r, struct vhd_error *err);
/* The part that it has no more. */
int vhdx_resize_close_tail(struct vhdx_resize *r, struct vhd_error *err);

#endif
