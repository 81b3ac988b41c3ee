/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_STATUS_H
#define VHD_COMMON_STATUS_H

#include <vhd/error.h>

/**
 * status_errno - the errno that tells another program what went wrong
 *
 * @err: as a call of the library that failed left it
 *
 * For servers that can hand on a number only (FUSE, NBD).  Never a number that
 * means something else to a kernel or a client than to us: ENOSYS, EINTR and
 * EAGAIN of a system call become EIO.
 *
 * Returns: a positive errno; 0 for VHD_OK.
 * Threads: any.
 */
int status_errno(const struct vhd_error *err);

#endif
