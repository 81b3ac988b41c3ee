/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_UNDO_PEN_H
#define VHD_OPS_UNDO_PEN_H

/* Writing the records of an undo file. */

#include "io/io_patch.h"
#include "ops/undo_file.h"

struct undo_pen {
	struct vhd_io *out;
	struct vhd_io *image;
	uint64_t pos;		/* in @out */
	uint64_t records;	/* of what will be overwritten */
};

/* All records of the part for @patch. */
int vhd_undo_pen_part(struct undo_pen *p, const struct vhd_patch *patch,
		      struct vhd_error *err);

#endif
