/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_STAT_H
#define VHD_IO_STAT_H

/* Facts about files that are not about their bytes. */

#include "io/io_posix.h"

/* Modification time in Unix seconds; 0 when not known. */
int64_t vhd_io_mtime(const struct vhd_io *io);
/* The same in nanoseconds. */
int64_t vhd_io_mtime_ns(const struct vhd_io *io);

/* A block device: it is as long as it is, and never longer. */
bool vhd_io_is_device(const struct vhd_io *io);

/* The file belongs to this user, to root, or to the owner of the file that
 * @beside leads to: it was not put there by anybody else. */
bool vhd_io_is_ours(const struct vhd_io *io, const char *beside);

/* Does @path lead to a block device? */
bool vhd_path_is_device(const char *path);

/* Identity of the file that @path leads to; not known when there is none. */
void vhd_path_file_id(const char *path, struct vhd_file_id *out);

/*
 * A number for the file that @path leads to, another one for every other file,
 * with luck: one that takes the place of a removed one was made at another time.
 * It stays when the file is changed or moved.  0: there is none.
 */
uint64_t vhd_path_birth(const char *path);

/* Its modification time in nanoseconds; 0: there is none. */
int64_t vhd_path_mtime_ns(const char *path);

/* The same for its state: another one, with luck, when it was changed. */
uint64_t vhd_path_state(const char *path);

/* True when both are known and the same. */
bool vhd_file_id_same(const struct vhd_file_id *a, const struct vhd_file_id *b);

#endif
