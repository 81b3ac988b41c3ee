/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_QEMU_CHECK_H
#define VHD_TOOLS_FOREIGN_QEMU_CHECK_H

#include "foreign/qemu_graph.h"

/*
 * qemu_check - is all of the image there?
 *
 * Behind the end of a file QEMU reads zeros, so one that was cut off, while it
 * was fetched, say, would be a disk with zeros in it.  Only its own tables and
 * the length of the file can tell; those of files behind it are not looked at.
 *
 * Returns: 0; VHD_E_CORRUPT, VHD_E_IO, VHD_E_UNSUPPORTED when there is no
 *          qemu-img, VHD_E_CANCELLED.
 */
int qemu_check(const struct qemu_graph *graph, const char *name,
	       struct vhd_error *err);

#endif
