/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_QEMU_IMG_H
#define VHD_TOOLS_FOREIGN_QEMU_IMG_H

#include <vhd/vhd.h>

/*
 * qemu_img_create - make an empty image in a file that is open
 *
 * @driver: QEMU's word for the format
 * @fd:     to be given to the process; see process_fd()
 * @path:   what the file will be called; some formats record it
 *
 * Returns: 0, VHD_E_UNSUPPORTED, VHD_E_IO, VHD_E_NOMEM.
 */
int qemu_img_create(const char *driver, int fd, const char *path,
		    uint64_t size, struct vhd_error *err);

#endif
