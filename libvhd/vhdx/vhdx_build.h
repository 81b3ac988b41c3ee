/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_BUILD_H
#define VHD_VHDX_BUILD_H

/* Making new images: functions of the engine's table (engine/engine.h). */

#include "engine/engine.h"

int vhdx_build(struct vhd_io *io, const struct vhd_build *what, void **bld_out,
	       struct vhd_error *err);
int vhdx_build_place(void *bld, uint64_t off, uint64_t *file_off_out,
		     uint64_t *len_out, struct vhd_error *err);
int vhdx_build_finish(void *bld, struct vhd_error *err);
void vhdx_build_discard(void *bld);

#endif
