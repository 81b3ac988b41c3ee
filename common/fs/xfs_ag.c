/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The free space of one allocation group.
 *
 * The AG's second sector names the root of the tree.  Its leaves are linked, so
 * one descent along the left edge finds the first and the links all others.
 * Extents ascend from leaf to leaf and no leaf is empty but a lone root, so a
 * loop of links cannot go on.
 */
#include "common/fs/xfs.h"

#include <string.h>

enum {
	NO_BLOCK = 0xffffffff,
	LEVELS_MAX = 9,
	V4_HEAD = 16,
	V5_HEAD = 56
};

struct agf {
	uint32_t ag;
	uint32_t len;		/* blocks of this AG */
	uint32_t root, level;
	uint32_t free;		/* blocks in the tree */
	uint32_t longest;
	uint32_t list;		/* blocks kept for the trees */
	uint32_t tree;		/* blocks of the trees, without their roots */
	/* What was found. */
	uint64_t next;		/* the least block that may be free */
	uint64_t sum;
	uint32_t max;
};

static uint64_t ag_off(const struct xfs *x, uint32_t ag)
{
	return (uint64_t)ag * x->ag_blocks * x->block;
}

static int agf_load(struct xfs *x, uint32_t ag, struct agf *a)
{
	uint8_t *raw = x->buf;
	int rc = vol_read(x->v, raw, x->sector, ag_off(x, ag) + x->sector);

	if (rc)
		return rc;
	memset(a, 0, sizeof(*a));
	a->ag = ag;
	a->len = ag + 1 < x->ag_count ? x->ag_blocks :
		 (uint32_t)(x->blocks - (uint64_t)ag * x->ag_blocks);
	if (memcmp(raw, "XAGF", 4) || be32(raw + 4) != 1 ||
	    be32(raw + 8) != ag || be32(raw + 12) != a->len)
		return xfs_damaged(x, "AGF");
	if (x->v5 && (memcmp(raw + 64, x->meta_uuid, 16) ||
		      !xfs_crc_ok(raw, x->sector, 216)))
		return xfs_damaged(x, "AGF");
	a->root = be32(raw + 16);
	a->level = be32(raw + 28);
	a->list = be32(raw + 48);
	a->free = be32(raw + 52);
	a->longest = be32(raw + 56);
	a->tree = be32(raw + 60);
	if (!a->level || a->level > LEVELS_MAX || a->free > a->len)
		return xfs_damaged(x, "AGF");
	return FS_OK;
}

/* Reads a block of the tree at @level, which counts from 0 at the leaves. */
static int block_load(struct xfs *x, const struct agf *a, uint32_t blk,
		      uint32_t level, uint32_t *records)
{
	uint32_t head = x->v5 ? V5_HEAD : V4_HEAD;
	uint32_t each = level ? 12 : 8;
	uint8_t *raw = x->buf;
	uint64_t off;
	int rc;

	if (!blk || blk >= a->len)
		return xfs_damaged(x, "tree of free space");
	off = ag_off(x, a->ag) + (uint64_t)blk * x->block;
	rc = vol_read(x->v, raw, x->block, off);
	if (rc)
		return rc;
	*records = be16(raw + 6);
	if (memcmp(raw, x->v5 ? "AB3B" : "ABTB", 4) ||
	    be16(raw + 4) != level || *records > (x->block - head) / each)
		return xfs_damaged(x, "tree of free space");
	if (!*records && (level || a->level > 1))
		return xfs_damaged(x, "tree of free space");
	if (x->v5 && (be64(raw + 16) != off / 512 || be32(raw + 48) != a->ag ||
		      memcmp(raw + 32, x->meta_uuid, 16) ||
		      !xfs_crc_ok(raw, x->block, 52)))
		return xfs_damaged(x, "tree of free space");
	return FS_OK;
}

/* Blocks that are never free: the AG's headers, the log, the first inodes. */
static bool is_fixed(const struct xfs *x, const struct agf *a, uint32_t blk,
		     uint32_t count)
{
	uint32_t heads = (4 * x->sector + x->block - 1) / x->block;
	uint32_t mask = (UINT32_C(1) << x->ag_log) - 1;
	uint32_t log = (uint32_t)x->log_start & mask;
	uint64_t ino = x->root_ino >> x->inode_log;

	if (blk < heads)
		return true;
	if (x->log_start >> x->ag_log == a->ag && blk < log + x->log_blocks &&
	    log < blk + count)
		return true;
	return ino >> x->ag_log == a->ag && (ino & mask) >= blk &&
	       (ino & mask) - blk < count;
}

static int leaf_take(struct xfs *x, struct agf *a, uint32_t records)
{
	const uint8_t *rec = x->buf + (x->v5 ? V5_HEAD : V4_HEAD);
	uint32_t i;
	int rc = FS_OK;

	for (i = 0; i < records && !rc; i++, rec += 8) {
		uint32_t blk = be32(rec), count = be32(rec + 4);

		if (!count || !range_in(blk, count, a->len) || blk < a->next ||
		    is_fixed(x, a, blk, count))
			return xfs_damaged(x, "tree of free space");
		a->next = (uint64_t)blk + count;
		a->sum += count;
		if (count > a->max)
			a->max = count;
		rc = vol_unused(x->v, ag_off(x, a->ag) +
				(uint64_t)blk * x->block,
				(uint64_t)count * x->block);
	}
	return rc;
}

/* The leaf at the left edge. */
static int descend(struct xfs *x, const struct agf *a, uint32_t *leaf)
{
	uint32_t head = x->v5 ? V5_HEAD : V4_HEAD;
	uint32_t room = (x->block - head) / 12, level, records;
	int rc = FS_OK;

	*leaf = a->root;
	for (level = a->level - 1; level && !rc; level--) {
		rc = block_load(x, a, *leaf, level, &records);
		*leaf = be32(x->buf + head + room * 8);
	}
	return rc;
}

int xfs_ag_walk(struct xfs *x, uint32_t ag, uint64_t *free)
{
	uint32_t leaf, records;
	struct agf a;
	int rc = agf_load(x, ag, &a);

	if (!rc)
		rc = descend(x, &a, &leaf);
	while (!rc && leaf != NO_BLOCK) {
		rc = block_load(x, &a, leaf, 0, &records);
		leaf = be32(x->buf + 12);
		if (!rc && leaf != NO_BLOCK && a.level == 1)
			rc = xfs_damaged(x, "tree of free space");
		if (!rc)
			rc = leaf_take(x, &a, records);
	}
	if (rc)
		return rc;
	if (a.sum != a.free || a.max != a.longest)
		return fs_left(x->v->part, "an allocation group counts %u free "
			       "and its tree %llu: run xfs_repair", a.free,
			       (unsigned long long)a.sum);
	*free += a.sum + a.list + a.tree;
	return FS_OK;
}
