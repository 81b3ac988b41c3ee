/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_VHD1_UNCOVER_H
#define VHD_VHD1_VHD1_UNCOVER_H

#include "vhd1/vhd1_priv.h"

/*
 * Sectors that a differencing image held show what is below it again, durably
 * when it is closed; blocks keep their space.  After vhd1_uncover_begin() nothing
 * but these and closing is allowed.
 */
int vhd1_uncover_begin(struct vhd1 *v, struct vhd_error *err);
/* [off, off + len) lies inside the disk and, but for its end, on sectors. */
int vhd1_uncover(struct vhd1 *v, uint64_t off, uint64_t len,
		 struct vhd_error *err);

#endif
