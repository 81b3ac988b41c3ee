/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_MAP_H
#define VHD_TOOLS_MAP_H

#include "cli.h"

/* Called for each run of guest bytes, merged with its neighbours; true goes on. */
typedef bool (*map_extent_fn)(void *arg, const struct vhd_extent *ext);

/*
 * map_walk - all extents of a guest range, in order, merged as far as possible
 *
 * Returns: 0 or what vhd_resolve() returned; 0 when @fn ended the walk.
 */
int map_walk(struct vhd_image *img, uint64_t off, uint64_t len,
	     map_extent_fn fn, void *arg, struct vhd_error *err);

/*
 * map_picture - draw what the file of a layer holds, as rows of cells
 *
 * Memory depends on the size of the terminal only.
 *
 * Returns: 0 or what vhd_layer_layout() returned.
 */
int map_picture(struct vhd_image *img, uint32_t layer, struct vhd_error *err);

#endif
