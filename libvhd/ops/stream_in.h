/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_STREAM_IN_H
#define VHD_OPS_STREAM_IN_H

#include "vhd/stream.h"

/*
 * Reads what is left of the stream of @img and looks whether it ends as an image
 * of its kind has to: nothing was cut off, and the end says what the beginning
 * said.
 */
int vhd_stream_in_end(struct vhd_image *img, struct vhd_error *err);

/* The same for a stream that was stored in the file of @img. */
int vhd_stream_in_whole(struct vhd_image *img, struct vhd_error *err);

#endif
