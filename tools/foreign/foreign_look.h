/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_LOOK_H
#define VHD_TOOLS_FOREIGN_LOOK_H

/*
 * What has to be known of another program's image before QEMU may open it:
 * whether it is what it seems, and whether it names other files.
 */

#include <vhd/vhd.h>

enum { FOREIGN_NAME = 300 };

/**
 * struct foreign_look - what the first bytes of an image say
 *
 * @driver:     QEMU's word for its format; NULL: none
 * @encrypted:  its data cannot be read without a key
 * @outside:    a part of its disk is in another file
 * @descriptor: it is the text that names the files of a VMDK
 * @elsewhere:  what it has of its disk is in another file
 * @dirty:      it was not closed by who wrote it last
 * @other:      the other file's name, if that is known
 */
struct foreign_look {
	const char *driver;
	bool encrypted;
	bool outside;
	bool descriptor;
	bool elsewhere;
	bool dirty;
	char other[FOREIGN_NAME];
};

/*
 * foreign_look - at an image of @len bytes that begins at @off
 *
 * Returns: 0, or VHD_E_IO. Nothing it finds is a failure.
 */
int foreign_look(int fd, uint64_t off, uint64_t len, const char *name,
		 struct foreign_look *out, struct vhd_error *err);

#endif
