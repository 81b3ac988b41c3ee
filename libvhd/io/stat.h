/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_STAT_H
#define VHD_IO_STAT_H

/* Facts about files that are not about their bytes. */

#include "io/io_posix.h"

/* Modification time in Unix seconds; 0 when not known. */
int64_t vhd_io_mtime(const struct vhd_io *io);

/* A block device: it is as long as it is, and never longer. */
bool vhd_io_is_device(const struct vhd_io *io);

/* Identity of the file that @path leads to; not known when there is none. */
void vhd_path_file_id(const char *path, struct vhd_file_id *out);

/* True when both are known and the same. */
bool vhd_file_id_same(const struct vhd_file_id *a, const struct vhd_file_id *b);

#endif
