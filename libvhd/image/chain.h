/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_CHAIN_H
#define VHD_IMAGE_CHAIN_H

#include "image/image_priv.h"

/*
 * Opens all parents below the one layer that @img has.  @how is how the top
 * layer was opened; parents are opened alike.
 */
int vhd_chain_open(struct vhd_image *img, const struct vhd_open_opts *opts,
		   const struct vhd_layer_open *how, struct vhd_error *err);

#endif
