/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_DIRECT_H
#define VHD_IO_DIRECT_H

#include "io/io.h"

/*
 * Opens as vhd_io_open_posix() does, for reading; a block device is read past the
 * system's cache.
 *
 * Each device has a cache of its own: what was written to a logical volume, or by
 * another host, does not show in that of the disk below for as long as somebody
 * has the disk open, and with LVM somebody always has.  Where the system cannot
 * do it, the device is read as files are.
 */
int vhd_io_open_direct(const char *path, struct vhd_io **io_out,
		       struct vhd_error *err);

#endif
