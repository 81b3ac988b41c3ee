/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_SALVAGE_H
#define VHD_OPS_SALVAGE_H

#include "io/io.h"
#include "vhd/repair.h"

/* vhd_salvage() of an open file, which is taken over. */
int vhd_salvage_io(struct vhd_io *io, const char *dst,
		   const struct vhd_salvage_opts *opts,
		   struct vhd_salvage_result *result_out,
		   struct vhd_error *err);

#endif
