/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_IO_LENIENT_H
#define VHD_IO_IO_LENIENT_H

/*
 * A file on a failing disk, for who would rather read zeros than nothing: while
 * *@lenient is true, sectors that cannot be read are zeros.  Read-only.
 */

#include "io/io.h"

/* @inner stays the caller's; it and @lenient must live longer. */
int vhd_io_open_lenient(struct vhd_io *inner, const bool *lenient,
			struct vhd_io **io_out, struct vhd_error *err);

#endif
