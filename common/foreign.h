/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_FOREIGN_H
#define VHD_COMMON_FOREIGN_H

/*
 * Files that are neither a VHD nor a VHDX, and no raw disk either.
 *
 * Whatever is not recognised may be a raw disk.  An image of another program or
 * a packed file that is taken for one makes a new image that holds nothing of
 * use, and looks as if all had gone well.
 */

#include <stdbool.h>
#include <stddef.h>

#include <vhd/vhd.h>

/**
 * foreign_file - is a file one that is certainly no raw disk?
 *
 * @path: a regular file or a device; anything else is not looked at
 * @err:  if so, VHD_E_UNSUPPORTED and what it is
 *
 * Threads: any.
 */
bool foreign_file(const char *path, struct vhd_error *err);

/* The same about the first @len bytes, 512 of them if there are, of @name. */
bool foreign_bytes(const unsigned char *head, size_t len, const char *name,
		   struct vhd_error *err);

/**
 * foreign_explain - what is no image of ours may be one of somebody else's
 *
 * @err:  of opening a file; when that was not recognised, it says from here on
 *        what it is instead
 * @path: the file, where @err does not name it; may be NULL
 */
void foreign_explain(struct vhd_error *err, const char *path);

/**
 * foreign_driver - what QEMU calls the format of a file
 *
 * @head: its first bytes, 512 if there are as many
 *
 * Returns: a name that lives for ever; NULL when QEMU does not know it.
 */
const char *foreign_driver(const unsigned char *head, size_t len);

/* foreign_tar - is it a tar file, from its first bytes? */
bool foreign_tar(const unsigned char *head, size_t len);

/**
 * foreign_way - how to get at the disk in such a file
 *
 * Returns: a command with "%f" for the file; NULL when @err is about something
 *          else. It lives for ever.
 */
const char *foreign_way(const struct vhd_error *err);

#endif
