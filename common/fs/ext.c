/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2, ext3, ext4.
 *
 * libext2fs says where things are and whether checksums are right.  Its bitmaps
 * in memory grow with the file system, so the bitmap of each group is read on
 * its own instead: one block at a time, whatever the size of the disk.
 *
 * A bitmap is believed when
 *
 * E1  its checksum and its descriptor's are right, where there are checksums;
 * E2  the bits that are 0 are as many as its descriptor says, and all together
 *     as many as the superblock says;
 * E3  the group's own superblock, descriptors, bitmaps and inode table are
 *     marked as used, in whichever group they lie.
 *
 * A group whose bitmap was never written is free but for what E3 names; where a
 * stranger's metadata lies in it, E3 fails for the stranger.
 */
#include "common/fs/ext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct walk {
	struct fs_vol *v;
	ext2_filsys fs;
	struct ext_io io;
	struct fs_bits bits;
	uint8_t *map;		/* of the group at hand; a block */
	uint8_t *other;		/* of group other_group */
	dgrp_t other_group;
	bool other_valid;
	uint64_t free;		/* clusters */
};

static int damaged(const struct walk *w, const char *what)
{
	return fs_left(w->v->part, "its %s are damaged: run e2fsck", what);
}

static uint64_t cluster_of(const struct walk *w, blk64_t blk)
{
	return (blk - w->fs->super->s_first_data_block) >>
	       w->fs->cluster_ratio_bits;
}

/* Clusters of a group; the last one may be shorter. */
static uint32_t group_clusters(const struct walk *w, dgrp_t group)
{
	uint64_t per = w->fs->super->s_clusters_per_group;
	uint64_t blocks = ext2fs_blocks_count(w->fs->super) -
			  w->fs->super->s_first_data_block;
	uint64_t all = (blocks + (1u << w->fs->cluster_ratio_bits) - 1) >>
		       w->fs->cluster_ratio_bits;
	uint64_t left = all - group * per;

	return (uint32_t)(left < per ? left : per);
}

static bool blocks_inside(const struct walk *w, blk64_t blk, blk64_t count)
{
	return blk >= w->fs->super->s_first_data_block &&
	       range_in(blk, count, ext2fs_blocks_count(w->fs->super));
}

/* A run of clusters of one group. */
struct piece {
	dgrp_t group;
	uint32_t first, count;
};

/* The first piece of the clusters [*c, end); moves *c behind it. */
static struct piece take_piece(const struct walk *w, uint64_t *c, uint64_t end)
{
	uint64_t per = w->fs->super->s_clusters_per_group;
	uint64_t stop = (*c / per + 1) * per;
	struct piece p = { (dgrp_t)(*c / per), (uint32_t)(*c % per), 0 };

	if (stop > end)
		stop = end;
	p.count = (uint32_t)(stop - *c);
	*c = stop;
	return p;
}

static bool bit_get(const uint8_t *map, uint32_t i)
{
	return map[i / 8] >> (i & 7) & 1;
}

static void fill(uint8_t *map, uint32_t i, uint32_t end)
{
	for (; i < end && i & 7; i++)
		map[i / 8] |= (uint8_t)(1 << (i & 7));
	if (end - i >= 8) {
		memset(map + i / 8, 0xff, (end - i) / 8);
		i = end & ~7u;
	}
	for (; i < end; i++)
		map[i / 8] |= (uint8_t)(1 << (i & 7));
}

static bool filled(const uint8_t *map, uint32_t i, uint32_t end)
{
	for (; i < end && i & 7; i++) {
		if (!bit_get(map, i))
			return false;
	}
	for (; end - i >= 8; i += 8) {
		if (map[i / 8] != 0xff)
			return false;
	}
	for (; i < end; i++) {
		if (!bit_get(map, i))
			return false;
	}
	return true;
}

/* Marks what lies in @group of the blocks. */
static void mark(const struct walk *w, uint8_t *map, dgrp_t group, blk64_t blk,
		 blk64_t count)
{
	uint64_t c, end;

	if (!count || !blocks_inside(w, blk, count))
		return;
	c = cluster_of(w, blk);
	end = cluster_of(w, blk + count - 1) + 1;
	while (c < end) {
		struct piece p = take_piece(w, &c, end);

		if (p.group == group)
			fill(map, p.first, p.first + p.count);
	}
}

/* Superblock and descriptors of a group: where its copies are. */
struct copies {
	blk64_t super, desc, meta;
	uint32_t desc_count;
};

static int find_copies(const struct walk *w, dgrp_t group, struct copies *c)
{
	const struct ext2_super_block *sb = w->fs->super;
	blk_t used;

	memset(c, 0, sizeof(*c));
	if (ext2fs_super_and_bgd_loc2(w->fs, group, &c->super, &c->desc,
				      &c->meta, &used))
		return damaged(w, "block groups");
	if (!c->desc)
		return FS_OK;
	c->desc_count = ext2fs_has_feature_meta_bg(w->fs->super) ?
			sb->s_first_meta_bg :
			(uint32_t)w->fs->desc_blocks + sb->s_reserved_gdt_blocks;
	return FS_OK;
}

static int make_map(struct walk *w, dgrp_t group, uint8_t *map)
{
	struct copies c;
	int rc = find_copies(w, group, &c);

	if (rc)
		return rc;
	memset(map, 0, w->fs->blocksize);
	if (c.super || !group)
		mark(w, map, group, c.super, 1);
	mark(w, map, group, c.desc, c.desc_count);
	mark(w, map, group, c.meta, c.meta ? 1 : 0);
	mark(w, map, group, ext2fs_block_bitmap_loc(w->fs, group), 1);
	mark(w, map, group, ext2fs_inode_bitmap_loc(w->fs, group), 1);
	mark(w, map, group, ext2fs_inode_table_loc(w->fs, group),
	     w->fs->inode_blocks_per_group);
	return FS_OK;
}

static int load_map(struct walk *w, dgrp_t group, uint8_t *map)
{
	blk64_t at = ext2fs_block_bitmap_loc(w->fs, group);
	int rc;

	if (!ext2fs_group_desc_csum_verify(w->fs, group))
		return damaged(w, "group descriptors");
	if (!blocks_inside(w, at, 1))
		return damaged(w, "group descriptors");
	if (ext2fs_has_group_desc_csum(w->fs) &&
	    ext2fs_bg_flags_test(w->fs, group, EXT2_BG_BLOCK_UNINIT))
		return make_map(w, group, map);
	rc = vol_read(w->v, map, w->fs->blocksize, at * w->fs->blocksize);
	if (rc)
		return rc;
	if (!ext2fs_block_bitmap_csum_verify(
		    w->fs, group, (char *)map,
		    (int)(w->fs->super->s_clusters_per_group / 8)))
		return damaged(w, "block bitmaps");
	return FS_OK;
}

static int map_of(struct walk *w, dgrp_t group, dgrp_t wanted, uint8_t **map)
{
	int rc;

	*map = wanted == group ? w->map : w->other;
	if (wanted == group || (w->other_valid && w->other_group == wanted))
		return FS_OK;
	w->other_valid = false;
	rc = load_map(w, wanted, w->other);
	w->other_valid = !rc;
	w->other_group = wanted;
	return rc;
}

/* E3 for blocks that belong to @group, which is the one at hand. */
static int check_used(struct walk *w, dgrp_t group, blk64_t blk, blk64_t count)
{
	uint64_t c, end;
	uint8_t *map;
	int rc;

	if (!count || !blocks_inside(w, blk, count))
		return damaged(w, "group descriptors");
	c = cluster_of(w, blk);
	end = cluster_of(w, blk + count - 1) + 1;
	while (c < end) {
		struct piece p = take_piece(w, &c, end);

		rc = map_of(w, group, p.group, &map);
		if (rc)
			return rc;
		if (!filled(map, p.first, p.first + p.count))
			return fs_left(w->v->part, "its bitmaps call its own "
				       "metadata free: run e2fsck");
	}
	return FS_OK;
}

static int check_metadata(struct walk *w, dgrp_t group)
{
	struct copies c;
	int rc = find_copies(w, group, &c);

	if (!rc && (c.super || !group))
		rc = check_used(w, group,
				c.super ? c.super :
				w->fs->super->s_first_data_block, 1);
	if (!rc && c.desc_count)
		rc = check_used(w, group, c.desc, c.desc_count);
	if (!rc && c.meta)
		rc = check_used(w, group, c.meta, 1);
	if (!rc)
		rc = check_used(w, group,
				ext2fs_block_bitmap_loc(w->fs, group), 1);
	if (!rc)
		rc = check_used(w, group,
				ext2fs_inode_bitmap_loc(w->fs, group), 1);
	if (!rc)
		rc = check_used(w, group,
				ext2fs_inode_table_loc(w->fs, group),
				w->fs->inode_blocks_per_group);
	return rc;
}

static uint32_t count_zeros(const uint8_t *map, uint32_t bits)
{
	uint32_t zeros = 0, i;

	for (i = 0; i < bits / 8; i++)
		zeros += 8u - (uint32_t)__builtin_popcount(map[i]);
	for (i = bits & ~7u; i < bits; i++)
		zeros += !bit_get(map, i);
	return zeros;
}

static int walk_group(struct walk *w, dgrp_t group)
{
	uint32_t clusters = group_clusters(w, group), zeros;
	int rc = load_map(w, group, w->map);

	if (rc)
		return rc;
	zeros = count_zeros(w->map, clusters);
	if (zeros != ext2fs_bg_free_blocks_count(w->fs, group))
		return fs_left(w->v->part, "a block group counts %u free and "
			       "its bitmap %u: run e2fsck",
			       ext2fs_bg_free_blocks_count(w->fs, group), zeros);
	w->free += zeros;
	rc = check_metadata(w, group);
	if (rc)
		return rc;
	return bits_take(w->v, &w->bits, w->map, (clusters + 7) / 8);
}

/* A last cluster that is cut by the end of the file system counts as used. */
static void bits_begin(struct walk *w)
{
	const struct ext2_super_block *sb = w->fs->super;
	uint64_t first = sb->s_first_data_block;

	w->bits.unit = (uint64_t)w->fs->blocksize << w->fs->cluster_ratio_bits;
	w->bits.base = first * w->fs->blocksize;
	w->bits.count = (ext2fs_blocks_count(w->fs->super) - first) >>
			w->fs->cluster_ratio_bits;
}

/* Bounds the time that E3 takes, too. */
static bool tables_fit(const struct walk *w)
{
	return w->fs->inode_blocks_per_group &&
	       w->fs->inode_blocks_per_group <= w->fs->super->s_blocks_per_group &&
	       w->fs->super->s_reserved_gdt_blocks <= w->fs->blocksize / 4;
}

static int walk_all(struct walk *w)
{
	uint64_t want = ext2fs_free_blocks_count(w->fs->super) >>
			w->fs->cluster_ratio_bits;
	dgrp_t group;
	int rc = FS_OK;

	if (!tables_fit(w))
		return fs_left(w->v->part, "its superblock is damaged (tables)");
	bits_begin(w);
	for (group = 0; group < w->fs->group_desc_count && !rc; group++)
		rc = walk_group(w, group);
	if (rc)
		return rc;
	if (w->free != want)
		return fs_left(w->v->part, "its superblock counts %llu free "
			       "and its bitmaps %llu: run e2fsck",
			       (unsigned long long)want,
			       (unsigned long long)w->free);
	return bits_end(w->v, &w->bits);
}

static int walk_new(struct fs_vol *v, struct walk **w_out)
{
	struct walk *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	*w_out = w;
	w->v = v;
	rc = ext_open(v, &w->io, &w->fs);
	if (rc)
		return rc;
	w->map = malloc(w->fs->blocksize);
	w->other = malloc(w->fs->blocksize);
	return w->map && w->other ? FS_OK : -ENOMEM;
}

int ext_scan(struct fs_vol *v)
{
	struct walk *w = NULL;
	int rc = ext_super_check(v);

	if (rc)
		return rc;
	rc = walk_new(v, &w);
	if (!rc)
		rc = walk_all(w);
	if (w) {
		if (w->fs)
			ext2fs_free(w->fs);
		free(w->map);
		free(w->other);
		free(w);
	}
	return rc;
}
