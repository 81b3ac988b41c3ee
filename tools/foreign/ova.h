/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_OVA_H
#define VHD_TOOLS_FOREIGN_OVA_H

/* The disks of a virtual appliance: a tar file with a description (.ovf). */

#include "foreign/tar.h"

enum { OVA_DISKS = 64 };

/**
 * struct ova_disk - a disk that the description names
 *
 * @packed: its bytes are compressed as a file
 * @there:  the tar file has it
 */
struct ova_disk {
	struct tar_member file;
	bool packed;
	bool there;
};

struct ova {
	struct ova_disk disk[OVA_DISKS];
	unsigned count;
};

/*
 * ova_read - find the disks, in the order of the description
 *
 * Returns: 0; VHD_E_UNSUPPORTED when it is no appliance, has no disk,
 *          or is damaged; VHD_E_IO, VHD_E_NOMEM.
 */
int ova_read(int fd, const char *path, struct ova *ova, struct vhd_error *err);

/* The same from the text of a description alone; places are not known. */
void ova_parse(const char *ovf, struct ova *ova);

#endif
