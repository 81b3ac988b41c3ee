/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_FIND_DATA_H
#define VHD_IO_FIND_DATA_H

#include "io/io.h"

/*
 * The first byte of [off, end) that is not zero, as far as looking at the start
 * of each MiB that is stored shows; @end when none is found.  *@budget is the
 * number of looks that may still be taken.
 */
int vhd_io_find_data(struct vhd_io *io, uint64_t off, uint64_t end,
		     uint64_t *budget, uint64_t *at_out,
		     struct vhd_error *err);

#endif
