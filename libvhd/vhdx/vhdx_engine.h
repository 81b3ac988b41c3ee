/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_ENGINE_H
#define VHD_VHDX_ENGINE_H

#include "engine/engine.h"

extern const struct vhd_engine vhdx_engine;

#endif
