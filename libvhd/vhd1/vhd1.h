/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_VHD1_H
#define VHD_VHD1_VHD1_H

#include "engine/engine.h"

/* The engine for VHD 1.0: fixed, dynamic and differencing files. */
extern const struct vhd_engine vhd1_engine;

/*
 * For the probe: does the file end in a sound footer of a fixed disk that fills
 * all of the file in front of it?
 */
int vhd1_ends_fixed(struct vhd_io *io, bool *yes_out, struct vhd_error *err);

/* The same for the last 512 bytes of @end: the length of that footer, or 0. */
size_t vhd1_fixed_trailer(const uint8_t last[512], uint64_t end);

#endif
