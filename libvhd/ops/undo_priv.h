/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_UNDO_PRIV_H
#define VHD_OPS_UNDO_PRIV_H

/* What the parts of taking a repair back share. */

#include "ops/undo_file.h"

struct undo {
	struct undo_file file;
	struct vhd_io *image;
	uint64_t size;		/* of the image, before anything is done */
	uint64_t mark;		/* where the mark belongs */
	uint64_t at;		/* of the next digest in the undo file */
	bool restored;		/* all is as before the repair already */
	bool touched[UNDO_WITNESS_MAX];
};

/* The image has at @off what nobody can restore. */
int vhd_undo_fail_changed(const struct undo *u, uint64_t off,
			  struct vhd_error *err);

/* VHD_E_INVAL unless the image is what the repair has left (U3). */
int vhd_undo_check(struct undo *u, struct vhd_error *err);

/* U3 without an end: VHD_E_INVAL if a sector is anything else. */
int vhd_undo_sweep(struct undo *u, struct vhd_error *err);

#endif
