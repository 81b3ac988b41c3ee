/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_DEST_QEMU_H
#define VHD_TOOLS_FOREIGN_DEST_QEMU_H

#include "dest.h"

/* Writes a file of the format that QEMU calls @driver. */
int dest_qemu_write(const struct dest_how *how, const char *driver,
		    struct vhd_convert_result *result, struct vhd_error *err);

#endif
