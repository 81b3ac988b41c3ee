/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_RESERVE_H
#define VHD_IO_RESERVE_H

#include "io/io.h"

/*
 * Asks the file system for the space of [off, off + len), which is about to be
 * written, in one go; the file may become longer, and reads as zeros there.
 * False where that cannot be had, or brings nothing: nobody needs to know why.
 */
bool vhd_io_reserve(struct vhd_io *io, uint64_t len, uint64_t off);

/*
 * XFS gives a file more space than is written behind its end, and keeps what is
 * passed over on the way to the next place.  To be asked once: it is a call of the
 * system.
 */
bool vhd_io_overdoes(const struct vhd_io *io);

/*
 * There, to be called before a place that ends at @end is written for the first
 * time: the file is made long enough.
 */
int vhd_io_reach(struct vhd_io *io, uint64_t end, struct vhd_error *err);

#endif
