/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_REPAIR_H
#define VHD_VHDX_REPAIR_H

#include "engine/repair.h"

/*
 * The engine's repair() (engine/repair.h).  What lies in front of the table is
 * mended here, the table by vhdx_repair_table() (vhdx_repair_bat.h) once the
 * file can be opened.
 */
int vhdx_repair(const struct vhd_engine_repair *req, struct vhd_error *err);

#endif
