/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_TABLE_H
#define VHD_VHDX_TABLE_H

/* Another place, or length, for the block allocation table (VHDX-RSZ-05). */

#include "vhdx/vhdx_edit.h"

/*
 * Both region tables name @bat, in @e; the other regions stay what they are, and
 * a copy of the region table that was damaged is whole again (VHDX-RGN-06).
 */
int vhdx_table_turn(struct vhdx_edit *e, const struct vhdx_place *bat,
		    struct vhd_error *err);
/*
 * After that is stored, and, if the table has moved, a whole copy before: the
 * engine uses the new one, and what the old one took beside it is free.
 */
int vhdx_table_turned(struct vhdx *x, const struct vhdx_place *bat,
		      struct vhd_error *err);
/*
 * Moves the table into free space that ends before @limit, where it lies behind
 * it and such space is there.  All that was logged is in place.
 */
int vhdx_table_lower(struct vhdx *x, uint64_t limit, struct vhd_error *err);

#endif
