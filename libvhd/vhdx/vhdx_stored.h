/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_STORED_H
#define VHD_VHDX_STORED_H

#include "vhdx/vhdx.h"

/*
 * The first run in [off, end) of the file after replay that may hold something
 * but zeros; both outputs are @end when there is none.  @off is a multiple of 8,
 * and so are the outputs.  A file that is being written to has no holes: what
 * waits in memory may fill them.
 */
int vhdx_next_stored(const struct vhdx *x, uint64_t off, uint64_t end,
		     uint64_t *start_out, uint64_t *stop_out,
		     struct vhd_error *err);
/* The same for the file without what waits to be written. */
int vhdx_next_in_file(const struct vhdx *x, uint64_t off, uint64_t end,
		      uint64_t *start_out, uint64_t *stop_out,
		      struct vhd_error *err);

#endif
