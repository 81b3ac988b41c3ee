/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XFS: unused is what the free space trees of the allocation groups hold.
 *
 * Each allocation group (AG) has a tree of its free extents ordered by place.
 * The sum of every tree must be what its AG counts, and all of them what the
 * superblock counts; the log must end with an unmount (xfs_log.c).
 */
#include "common/fs/xfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SUPER_LEN = 512,
	V4_KNOWN = 0xbdff,	/* bits of the version, that of sharing apart */
	V4_MORE_KNOWN = 0x39a,	/* and of the further ones */
	INCOMPAT_META_UUID = 0x4,
	INCOMPAT_REPAIR = 0x10,
	/* ftype, sparse inodes, meta uuid, bigtime, large extent counts,
	 * exchange, parent pointers */
	INCOMPAT_KNOWN = 0xef,
	/* finobt, rmapbt, reflink, inobt counts */
	RO_COMPAT_KNOWN = 0xf
};

int xfs_damaged(struct xfs *x, const char *what)
{
	return fs_left(x->v->part, "its %s is damaged: run xfs_repair", what);
}

bool xfs_crc_ok(uint8_t *raw, size_t len, size_t at)
{
	uint32_t want = le32(raw + at);

	memset(raw + at, 0, 4);
	return fs_crc32c_ok(raw, len, want);
}

static int version_check(struct xfs *x, const uint8_t *sb)
{
	uint32_t version = be16(sb + 100), number = version & 15;
	uint32_t in = be32(sb + 216), ro = be32(sb + 212);

	x->v5 = number == 5;
	if (number != 4 && number != 5)
		return fs_left(x->v->part, "its version %u is not known here",
			       number);
	if (version & ~(uint32_t)V4_KNOWN ||
	    (!x->v5 && version & 0x8000 &&
	     be32(sb + 200) & ~(uint32_t)V4_MORE_KNOWN))
		return fs_left(x->v->part, "it has features that are not known "
			       "here (0x%x, 0x%x)", version, be32(sb + 200));
	if (!x->v5)
		return FS_OK;
	if (in & INCOMPAT_REPAIR)
		return fs_left(x->v->part, "it needs xfs_repair");
	if (in & ~(uint32_t)INCOMPAT_KNOWN || ro & ~(uint32_t)RO_COMPAT_KNOWN)
		return fs_left(x->v->part, "it has features that are not known "
			       "here (0x%x, 0x%x)", in, ro);
	if (be32(sb + 220))
		return fs_left(x->v->part, "its log has to be recovered first: "
					   "mount and unmount it");
	return FS_OK;
}

static void fields_get(struct xfs *x, const uint8_t *sb)
{
	x->block = be32(sb + 4);
	x->blocks = be64(sb + 8);
	x->log_start = be64(sb + 48);
	x->root_ino = be64(sb + 56);
	x->ag_blocks = be32(sb + 84);
	x->ag_count = be32(sb + 88);
	x->log_blocks = be32(sb + 96);
	x->sector = be16(sb + 102);
	x->inode_log = sb[123];
	x->ag_log = sb[124];
	x->free_blocks = be64(sb + 144);
	memcpy(x->uuid, sb + 32, 16);
	memcpy(x->meta_uuid, sb + 32, 16);
	if (x->v5 && be32(sb + 216) & INCOMPAT_META_UUID)
		memcpy(x->meta_uuid, sb + 248, 16);
}

static int geometry_check(struct xfs *x)
{
	uint64_t last;

	if (!is_pow2(x->block) || x->block < 512 || x->block > XFS_BLOCK_MAX ||
	    !is_pow2(x->sector) || x->sector < 512 || x->sector > x->block ||
	    x->sector > 32768)
		return xfs_damaged(x, "superblock");
	x->v->part->block_size = x->block;
	if (x->blocks > x->v->len / x->block)
		return fs_left(x->v->part, "it is larger than its partition");
	if (x->ag_blocks < 64 || !x->ag_count || x->ag_log > 31 ||
	    x->ag_blocks > UINT32_C(1) << x->ag_log || x->inode_log > 8 ||
	    (uint64_t)(x->ag_count - 1) * x->ag_blocks >= x->blocks)
		return xfs_damaged(x, "superblock");
	last = x->blocks - (uint64_t)(x->ag_count - 1) * x->ag_blocks;
	if (last > x->ag_blocks)
		return xfs_damaged(x, "superblock");
	return FS_OK;
}

static int super_load(struct xfs *x)
{
	uint8_t sb[SUPER_LEN];
	uint32_t sector;
	int rc = vol_read(x->v, sb, sizeof(sb), 0);

	if (rc)
		return rc;
	put_text(x->v->part->label, sizeof(x->v->part->label), sb + 108, 12);
	put_uuid(x->v->part->uuid, sizeof(x->v->part->uuid), sb + 32);
	rc = version_check(x, sb);
	if (rc)
		return rc;
	fields_get(x, sb);
	rc = geometry_check(x);
	if (rc)
		return rc;
	if (sb[126])
		return fs_left(x->v->part, "mkfs.xfs or a copy of it has not "
					   "come to its end");
	sector = x->sector;
	rc = vol_read(x->v, x->buf, sector, 0);
	if (!rc && x->v5 && !xfs_crc_ok(x->buf, sector, 224))
		return xfs_damaged(x, "superblock");
	return rc;
}

static int scan(struct xfs *x)
{
	uint64_t free = 0;
	uint32_t ag;
	int rc = super_load(x);

	if (!rc)
		rc = xfs_log_check(x);
	for (ag = 0; ag < x->ag_count && !rc; ag++)
		rc = xfs_ag_walk(x, ag, &free);
	if (!rc && free != x->free_blocks)
		return fs_left(x->v->part, "its superblock counts %llu free "
			       "and its trees %llu: run xfs_repair",
			       (unsigned long long)x->free_blocks,
			       (unsigned long long)free);
	return rc;
}

int xfs_scan(struct fs_vol *v)
{
	struct xfs *x = calloc(1, sizeof(*x));
	int rc;

	if (!x)
		return -ENOMEM;
	x->v = v;
	rc = scan(x);
	free(x);
	return rc;
}
