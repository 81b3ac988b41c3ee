/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_ATTR_H
#define VHD_IO_ATTR_H

/*
 * Extended attributes of the file: small values beside its content, where a
 * file system has them.  They do not follow a copy of the file.
 */

#include <stdbool.h>

#include "io/io.h"

/* The value of @name, if there is one and it has exactly @len bytes. */
bool vhd_io_attr_get(const struct vhd_io *io, const char *name, void *buf,
		     size_t len);

/* Gives @name this value; VHD_E_IO with the errno, ENOTSUP for files without. */
int vhd_io_attr_set(struct vhd_io *io, const char *name, const void *buf,
		    size_t len, struct vhd_error *err);

#endif
