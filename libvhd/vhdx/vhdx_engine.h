/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_ENGINE_H
#define VHD_VHDX_ENGINE_H

#include "engine/engine.h"

extern const struct vhd_engine vhdx_engine;

/* For the probe: "vhdxfile" at the front; at least one sound header. */
int vhdx_ident_there(struct vhd_io *io, bool *yes_out, struct vhd_error *err);
int vhdx_header_there(struct vhd_io *io, bool *yes_out, struct vhd_error *err);

#endif
