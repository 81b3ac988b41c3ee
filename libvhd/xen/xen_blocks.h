/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_XEN_BLOCKS_H
#define VHD_XEN_XEN_BLOCKS_H

#include "vhd/xen.h"

/*
 * Calls @fn for each block of the disk that has space in @img, in the order of
 * the disk, with its first byte and how many of its bytes the disk has.
 */
int vhd_xen_blocks(struct vhd_image *img,
		   int (*fn)(void *arg, uint64_t off, size_t len,
			     struct vhd_error *err),
		   void *arg, struct vhd_error *err);

/* What vhd_xen_fill() does, of an image that is open for it: VHD_OPEN_EXACT. */
int vhd_xen_fill_image(struct vhd_image *img, uint64_t off, uint64_t len,
		       uint32_t flags, struct vhd_error *err);

#endif
