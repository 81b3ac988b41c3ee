/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_PRIME_H
#define VHDFUSE_PRIME_H

#include "fs.h"

/*
 * prime - have the kernel know size and time of a file that is the mount point
 *
 * Waits until the first request is answered.  With a writeback cache the kernel
 * believes what it knew when it first saw a file, and of a root it knew nothing:
 * the disk would be empty.  So the last page is handed to it, which makes the
 * file as long as it is.
 *
 * Returns: 0, or -1 with the reason logged.
 */
int prime(struct fs *fs, const char *mountpoint);

#endif
