/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From logical addresses to places on the device.
 *
 * The chunk tree maps all addresses, and the superblock has a copy of the few
 * of its items that say where the chunk tree is.  Nothing is kept of the tree
 * but the chunks that were asked for last.
 */
#include "common/fs/btrfs.h"

#include <string.h>

enum { KEY = 17, FIRST_CHUNK = 256 };

#define PROFILES UINT64_C(0x7f8)	/* all bits that say how it is spread */
#define PROFILE_DUP UINT64_C(0x20)

int btrfs_map_decode(struct btrfs *b, uint64_t logical, const uint8_t *item,
		     uint32_t len, struct btrfs_map *map)
{
	uint32_t i, want;

	if (len < BTRFS_CHUNK_HEAD)
		return btrfs_damaged(b, "chunk tree");
	map->logical = logical;
	map->len = le64(item);
	map->type = le64(item + 24);
	map->copies = le16(item + 44);
	want = map->type & PROFILES ? 2 : 1;
	if ((map->type & PROFILES) & ~PROFILE_DUP || map->copies != want)
		return fs_left(b->v->part, "its data is spread like that of "
			       "several devices (profile 0x%llx)",
			       (unsigned long long)(map->type & PROFILES));
	if (len != BTRFS_CHUNK_HEAD + want * BTRFS_STRIPE || !map->len ||
	    map->len % b->sector || logical % b->sector ||
	    logical + map->len < logical)
		return btrfs_damaged(b, "chunk tree");
	for (i = 0; i < want; i++) {
		const uint8_t *stripe = item + BTRFS_CHUNK_HEAD +
					i * BTRFS_STRIPE;

		map->place[i] = le64(stripe + 8);
		if (le64(stripe) != b->dev_id ||
		    !range_in(map->place[i], map->len, b->dev_len))
			return btrfs_damaged(b, "chunk tree");
	}
	return FS_OK;
}

static bool map_holds(const struct btrfs_map *map, uint64_t logical)
{
	return map->len && logical >= map->logical &&
	       logical - map->logical < map->len;
}

int btrfs_map_boot(struct btrfs *b, uint64_t logical, struct btrfs_map *map)
{
	uint32_t at = 0, len;
	int rc;

	while (b->array_len - at >= KEY + BTRFS_CHUNK_HEAD) {
		const uint8_t *p = b->array + at;

		len = BTRFS_CHUNK_HEAD +
		      (uint32_t)le16(p + KEY + 44) * BTRFS_STRIPE;
		if (p[8] != BTRFS_CHUNK_ITEM || len > b->array_len - at - KEY)
			break;
		rc = btrfs_map_decode(b, le64(p + 9), p + KEY, len, map);
		if (rc)
			return rc;
		if (map_holds(map, logical))
			return FS_OK;
		at += KEY + len;
	}
	return btrfs_damaged(b, "superblock");
}

/* Chunks do not overlap: the last that starts at or before it, or none. */
static int tree_find(struct btrfs *b, uint64_t logical, struct btrfs_map *map)
{
	struct btrfs_key key = { FIRST_CHUNK, BTRFS_CHUNK_ITEM, logical };
	struct btrfs_item item;
	int rc;

	b->chunk_at.root = b->chunk;
	rc = btrfs_floor(b, &b->chunk_at, &key, &item);
	if (rc)
		return rc;
	if (!item.data || item.key.object != FIRST_CHUNK ||
	    item.key.type != BTRFS_CHUNK_ITEM)
		return btrfs_damaged(b, "chunk tree");
	rc = btrfs_map_decode(b, item.key.off, item.data, item.len, map);
	if (!rc && !map_holds(map, logical))
		return btrfs_damaged(b, "chunk tree");
	return rc;
}

int btrfs_map_find(struct btrfs *b, uint64_t logical, struct btrfs_map *map)
{
	uint32_t i;
	int rc;

	for (i = 0; i < BTRFS_MAPS; i++) {
		if (map_holds(&b->map[i], logical)) {
			*map = b->map[i];
			return FS_OK;
		}
	}
	rc = tree_find(b, logical, map);
	if (!rc)
		b->map[b->map_at++ % BTRFS_MAPS] = *map;
	return rc;
}
