/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_VHD1_H
#define VHD_VHD1_VHD1_H

#include "engine/engine.h"

/* The engine for VHD 1.0: fixed, dynamic and differencing files. */
extern const struct vhd_engine vhd1_engine;

#endif
