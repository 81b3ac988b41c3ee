/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_OVERLAY_H
#define VHDFUSE_OVERLAY_H

#include "options.h"

/*
 * overlay_open - a child of the image, open for writing
 *
 * @o:        overlay: its file, made if it does not exist; snapshot: a file
 *            that has no name any more when this returns
 * @base:     how the image itself is opened; for reading
 * @img_out:  the child with its chain
 * @name_out: its file, to be freed; the image's when it has no name
 *
 * Returns: as vhd_create() and vhd_open().
 */
int overlay_open(const struct options *o, const struct vhd_open_opts *base,
		 struct vhd_image **img_out, char **name_out,
		 struct vhd_error *err);

#endif
