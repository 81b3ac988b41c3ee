/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_BUILD_PRIV_H
#define VHD_VHDX_BUILD_PRIV_H

/* The parent's side of a new image. */

#include "engine/engine.h"

/*
 * Makes the parent locator of a differencing image.  *item_out is freed with
 * vhd_free().  VHD_E_INVAL with a sentence when a path cannot be expressed.
 */
int vhdx_build_locator(const struct vhd_build *what, uint8_t **item_out,
		       uint32_t *len_out, struct vhd_error *err);

#endif
