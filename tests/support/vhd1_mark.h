/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_VHD1_MARK_H
#define TEST_VHD1_MARK_H

#include "io/io.h"

/*
 * Xen's batmap of an image as Xen leaves it: a bit for each block whose sector
 * bitmap is full, and the checksum.  The structures lie where our builder puts
 * them.  Returns the number of bits; 0 when there is no batmap.
 */
unsigned vhd1_mark_full(struct vhd_io *io);

#endif
