/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_COMPACT_H
#define VHD_OPS_COMPACT_H

#include "image/image_priv.h"
#include "vhd/change.h"

/*
 * The work of vhd_compact() on an image that nobody else uses.  @opts is
 * complete; its @open is not looked at.  With VHD_CHANGE_DRY_RUN the image may
 * be open for reading, and res->new_file and res->new_usage are what is to be
 * expected.  Otherwise it is open for writing, and these two can be seen once it
 * is closed: until then they are what they were.
 */
int vhd_compact_image(struct vhd_image *img,
		      const struct vhd_compact_opts *opts,
		      struct vhd_compact_result *res, struct vhd_error *err);

#endif
