/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_FS_BTRFS_H
#define VHD_COMMON_FS_BTRFS_H

/* Btrfs: what the files btrfs*.c share. */

#include "common/fs/fs_priv.h"

enum {
	BTRFS_LEVELS = 8,
	BTRFS_NODE_MAX = 65536,
	BTRFS_SUPER_LEN = 4096,
	BTRFS_ARRAY_MAX = 2048,
	BTRFS_MAPS = 16,
	BTRFS_CHUNK_HEAD = 48,
	BTRFS_STRIPE = 32
};

/* Trees. */
enum {
	BTRFS_ROOT_TREE = 1,
	BTRFS_EXTENT_TREE = 2,
	BTRFS_CHUNK_TREE = 3,
	BTRFS_DEV_TREE = 4,
	BTRFS_GROUP_TREE = 11
};

/* Types of items. */
enum {
	BTRFS_ROOT_ITEM = 132,
	BTRFS_EXTENT_ITEM = 168,
	BTRFS_METADATA_ITEM = 169,
	BTRFS_GROUP_ITEM = 192,
	BTRFS_DEV_EXTENT = 204,
	BTRFS_CHUNK_ITEM = 228
};

struct btrfs_key {
	uint64_t object;
	uint8_t type;
	uint64_t off;
};

/* An item of a leaf; gone when the cursor moves on. */
struct btrfs_item {
	struct btrfs_key key;
	const uint8_t *data;
	uint32_t len;
};

/* A chunk: a range of logical bytes, and the one or two places it has. */
struct btrfs_map {
	uint64_t logical, len, type;
	uint32_t copies;
	uint64_t place[2];
};

struct btrfs_root {
	uint64_t id;
	uint64_t logical;
	uint64_t generation;
	uint32_t level;
};

/*
 * A place in a tree.  One node of each level is kept, so that going on to the
 * next leaf reads little more than that leaf.
 */
struct btrfs_cursor {
	struct btrfs_root root;
	uint8_t *node[BTRFS_LEVELS];	/* by level; NULL: not read yet */
	uint64_t logical[BTRFS_LEVELS];	/* that the node was read from */
	uint32_t slot;			/* in node[0] */
	bool more;			/* there is a leaf behind this one */
	struct btrfs_key next;		/* its first key */
};

struct btrfs {
	struct fs_vol *v;
	uint32_t node, sector;		/* bytes */
	uint64_t dev_id, dev_len, dev_used;
	uint64_t used;			/* logical bytes, as the superblock says */
	bool group_tree;
	uint8_t fsid[16];		/* in metadata */
	uint8_t array[BTRFS_ARRAY_MAX];	/* where the chunk tree is */
	uint32_t array_len;
	struct btrfs_root roots, chunk, dev, extent, group;
	struct btrfs_map map[BTRFS_MAPS];	/* looked up last */
	uint32_t map_at;
	struct btrfs_cursor chunk_at;
};

int btrfs_damaged(struct btrfs *b, const char *what);

/* Goes to the first item that is not before @key, if there is one. */
int btrfs_search(struct btrfs *b, struct btrfs_cursor *c,
		 const struct btrfs_key *key);
void btrfs_cursor_free(struct btrfs_cursor *c);

/* The item at the cursor, which moves on; data is NULL at the end of the tree. */
int btrfs_next(struct btrfs *b, struct btrfs_cursor *c, struct btrfs_item *item);

/* The last item that is not behind @key; data is NULL when there is none. */
int btrfs_floor(struct btrfs *b, struct btrfs_cursor *c,
		const struct btrfs_key *key, struct btrfs_item *item);

/* A chunk item; leaves the volume alone when it is spread over places. */
int btrfs_map_decode(struct btrfs *b, uint64_t logical, const uint8_t *item,
		     uint32_t len, struct btrfs_map *map);

/* The chunk that holds a logical address. */
int btrfs_map_find(struct btrfs *b, uint64_t logical, struct btrfs_map *map);

/* The same for the chunk tree itself, from the superblock's array. */
int btrfs_map_boot(struct btrfs *b, uint64_t logical, struct btrfs_map *map);

/* Reads the superblock. */
int btrfs_super_load(struct btrfs *b);

#endif
