/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_FS_XFS_H
#define VHD_COMMON_FS_XFS_H

/* XFS: what the files xfs*.c share.  Blocks are counted as the superblock does. */

#include "common/fs/fs_priv.h"

enum { XFS_BLOCK_MAX = 65536 };

struct xfs {
	struct fs_vol *v;
	bool v5;		/* metadata has checksums and says what it is */
	uint32_t block;		/* bytes */
	uint32_t sector;	/* bytes */
	uint64_t blocks;
	uint32_t ag_blocks, ag_count;
	uint32_t ag_log;	/* bits of a block number inside its AG */
	uint64_t log_start;	/* number of the block, as AG and offset */
	uint32_t log_blocks;
	uint64_t root_ino;
	uint32_t inode_log;	/* bits of an inode number inside its block */
	uint64_t free_blocks;	/* as the superblock counts */
	uint8_t uuid[16];	/* in the log */
	uint8_t meta_uuid[16];	/* in metadata */
	uint8_t buf[XFS_BLOCK_MAX];
};

int xfs_damaged(struct xfs *x, const char *what);

/* Is the checksum in @len bytes right, which lies at @at among them? */
bool xfs_crc_ok(uint8_t *raw, size_t len, size_t at);

/* Leaves the volume alone unless the log ends with an unmount. */
int xfs_log_check(struct xfs *x);

/* Names the free space of one AG; adds what the superblock counts as free. */
int xfs_ag_walk(struct xfs *x, uint32_t ag, uint64_t *free);

#endif
