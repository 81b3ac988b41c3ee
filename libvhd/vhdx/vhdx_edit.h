/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_EDIT_H
#define VHD_VHDX_EDIT_H

/*
 * Changes of metadata that are in the file together or not at all: bytes anywhere
 * in it are gathered as page images and become one entry of the log
 * (VHDX-LOG-46).  For the reshaping calls (engine/reshape.h), beside which nobody
 * uses the image.
 */

#include "vhdx/vhdx_write.h"

/* Pages that one entry holds (VHDX-LOG-61). */
enum { VHDX_EDIT_PAGES = 126 };

struct vhdx_edit {
	struct vhdx *x;
	struct vhd_pending set;
};

/*
 * Touches the file, and brings what was dirty before within reach of
 * vhdx_read().  Ends with vhdx_edit_end(), whatever it returned.
 */
int vhdx_edit_begin(struct vhdx_edit *e, struct vhdx *x,
		    struct vhd_error *err);
/* Pages that would not change are left out. */
int vhdx_edit_put(struct vhdx_edit *e, const void *bytes, size_t len,
		  uint64_t off, struct vhd_error *err);
/*
 * Durable on return, as are all writes before; the edit is empty then.  More
 * than VHDX_EDIT_PAGES pages are the caller's fault.
 */
int vhdx_edit_store(struct vhdx_edit *e, struct vhd_error *err);
void vhdx_edit_end(struct vhdx_edit *e);

/*
 * All metadata is in place, durably, and the log names none of it: holes of the
 * file are what they seem, and what has become free may be used (VHDX-LOG-45).
 */
int vhdx_settle(struct vhdx *x, struct vhd_error *err);

#endif
