/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_STORED_H
#define VHD_VHDX_STORED_H

#include "vhdx/vhdx.h"

/*
 * The first run in [off, end) of the file after replay that may hold something
 * but zeros; both outputs are @end when there is none.  @off is a multiple of 8,
 * and so are the outputs.
 */
int vhdx_next_stored(const struct vhdx *x, uint64_t off, uint64_t end,
		     uint64_t *start_out, uint64_t *stop_out,
		     struct vhd_error *err);

#endif
