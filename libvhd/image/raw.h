/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_RAW_H
#define VHD_IMAGE_RAW_H

#include "engine/engine.h"

/* A raw disk: guest offset and file offset are the same. */
extern const struct vhd_engine vhd_raw_engine;

#endif
