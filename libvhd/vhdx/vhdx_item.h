/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_ITEM_H
#define VHD_VHDX_ITEM_H

/* Changing items of the metadata region (vhdx.md 17.1). */

#include "vhdx/vhdx_edit.h"

/* Where the items are, as of now. */
int vhdx_item_table(const struct vhdx *x, struct vhdx_meta_table *out,
		    struct vhd_error *err);
/* New bytes for an item whose length is fixed (VHDX-WR-40); not stored yet. */
int vhdx_item_set(struct vhdx_edit *e, enum vhdx_item item, const void *bytes,
		  struct vhd_error *err);
/*
 * New bytes of any length, up to VHDX_META_ITEM_MAX, for an item that is there:
 * at its place if they fit there, else in free space of the region (VHDX-WR-41).
 * Durable on return, together with what else was in @e.
 */
int vhdx_item_replace(struct vhdx_edit *e, enum vhdx_item item,
		      const uint8_t *bytes, uint32_t len,
		      struct vhd_error *err);

#endif
