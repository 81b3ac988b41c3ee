/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_REPAIR_BAT_H
#define VHD_VHDX_REPAIR_BAT_H

#include "engine/repair.h"
#include "vhdx/vhdx.h"

/*
 * Mends the table and what it maps (VHDX-CHK-50 to 79).  @x is open on
 * req->io for reading, and no log is pending.  Part of the engine's repair():
 * called again, with @x opened anew, until a call makes no granted step.
 *
 * Returns: 0, whatever remains wrong; VHD_E_IO, VHD_E_NOMEM, VHD_E_CANCELLED,
 *          and what req->io and req->copy return.
 */
int vhdx_repair_table(const struct vhd_engine_repair *req, struct vhdx *x,
		      struct vhd_error *err);

#endif
