/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_FS_EXT_H
#define VHD_COMMON_FS_EXT_H

/* ext2, ext3 and ext4: what the files ext*.c share. */

#include <ext2fs/ext2fs.h>

#include "common/fs/fs_priv.h"

/*
 * The superblock, before the library sees it: what it claims fits the volume,
 * every feature is known, and nothing waits to be recovered.
 */
int ext_super_check(struct fs_vol *v);

/* What the library reads through. */
struct ext_io {
	struct fs_vol *v;
	struct struct_io_channel channel;
	int rc;			/* of the read that failed, else 0 */
};

/* FS_OK: @fs_out is open for reading.  @io must live as long. */
int ext_open(struct fs_vol *v, struct ext_io *io, ext2_filsys *fs_out);

#endif
