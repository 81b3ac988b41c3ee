/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_FS_END_H
#define VHD_COMMON_FS_END_H

/*
 * How many bytes a file system says it has, for disks without a partition table
 * (WSL's, for one): the disk must not become smaller than that, however many
 * zeros are at its end.
 */

#include "common/ptable.h"

/**
 * fs_end - the size of the file system at the beginning of a disk
 *
 * @read:     as for ptable_read()
 * @size:     of the disk, bytes
 * @end_out:  bytes from the beginning of the disk; 0 when none is recognised.
 *            A guest wrote that: it may be more than the disk has. UINT64_MAX
 *            when all of the disk has to be taken as used.
 * @name_out: "ext4", "NTFS", ...; lives for ever
 *
 * Returns: 0, or what @read returned (negative errno).
 * Threads: any.
 */
int fs_end(ptable_read_fn read, void *arg, uint64_t size, uint64_t *end_out,
	   const char **name_out);

#endif
