/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_UNMOUNT_H
#define VHDFUSE_UNMOUNT_H

/*
 * unmount_and_wait - vhdfuse -u
 *
 * The kernel takes a mount away before its server has closed the image; who
 * goes on with the image wants to wait for that.
 *
 * Returns: the status to exit with, the reason on stderr.
 */
int unmount_and_wait(const char *path);

#endif
