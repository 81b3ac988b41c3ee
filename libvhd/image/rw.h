/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_RW_H
#define VHD_IMAGE_RW_H

#include "image/image_priv.h"

/* vhd_resolve(); @moving: the caller will read what he is told of, so that holes
 * of the file need not be found. */
int vhd_image_resolve(struct vhd_image *img, bool moving, uint64_t off,
		      uint64_t len, struct vhd_extent *ext, size_t max,
		      size_t *n_out, struct vhd_error *err);

/*
 * The first extent of a range.  When it cannot be had, ext_out->len is how many
 * bytes have the same fate, or 0 when that is not known.
 */
int vhd_image_look(struct vhd_image *img, uint64_t off, uint64_t len,
		   struct vhd_extent *ext_out, struct vhd_error *err);

/* @len bytes at @off, as layer @layer answers. */
void vhd_extent_set(struct vhd_extent *ext, uint64_t off, uint64_t len,
		    uint32_t layer, const struct vhd_run *run);

/*
 * What lies below all layers that leave a range to their parents, the last of
 * them that was asked being the one above @i: zeros, unless the chain is cut off
 * there.  Sets ext_out->len in any case.
 */
int vhd_image_bottom(const struct vhd_image *img, uint32_t i, uint64_t off,
		     uint64_t len, struct vhd_extent *ext_out,
		     struct vhd_error *err);

/* VHD_E_RANGE unless [off, off + len) lies inside the disk. */
int vhd_image_range(const struct vhd_image *img, uint64_t off, uint64_t len,
		    struct vhd_error *err);

/* What the disk would show without its top layer: the extent at @off, as far as
 * the layers answer in one look, and its bytes.  [off, off + len) lies inside
 * the disk. */
int vhd_image_map_below(struct vhd_image *img, uint64_t off, uint64_t len,
			struct vhd_extent *ext_out, struct vhd_error *err);
int vhd_image_read_below(struct vhd_image *img, void *buf, size_t len,
			 uint64_t off, struct vhd_error *err);

#endif
