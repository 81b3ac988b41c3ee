/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_LOCK_H
#define VHD_IO_LOCK_H

#include "vhd/io.h"

/*
 * Changes the lock on @fd from @from, which is held, to @to.  The descriptor
 * must be open for reading.
 *
 * Returns 0, -EAGAIN when another holds a conflicting lock, or -errno; on
 * failure @from is still held.  File systems without locks: 0.
 */
int vhd_lock_fd(int fd, enum vhd_lock_mode from, enum vhd_lock_mode to);

#endif
