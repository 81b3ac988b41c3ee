/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_BITMAP_H
#define VHD_VHDX_BITMAP_H

#include "vhdx/vhdx_bat.h"

/*
 * The place of a chunk's sector bitmap.
 *
 * Returns: 0; VHD_E_CORRUPT with RULE_VHDX_BITMAP_MISSING or _BITMAP_STATE;
 *          VHD_E_IO, VHD_E_NOMEM.
 */
int vhdx_bitmap_find(struct vhdx *x, uint64_t chunk, uint64_t *file_off_out,
		     struct vhd_error *err);

/*
 * How many bits from @first on, before @end, are alike, and what they are, in
 * the bitmap at @map_off.  VHD_E_CORRUPT when the file ends before them.
 */
int vhdx_bitmap_count(struct vhdx *x, uint64_t map_off, uint64_t first,
		      uint64_t end, bool *value_out, uint64_t *count_out,
		      struct vhd_error *err);

/*
 * The run at guest byte @off of a partially present block whose space is at
 * @blk_file_off: as the engine's map().
 */
int vhdx_bitmap_run(struct vhdx *x, uint64_t blk_file_off, uint64_t off,
		    uint64_t len, struct vhd_run *out, struct vhd_error *err);

#endif
