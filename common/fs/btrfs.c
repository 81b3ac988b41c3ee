/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Btrfs on one device.
 *
 * The device is handed out in pieces, which the device tree lists by place; what
 * no piece covers is unused.  Each piece holds a chunk of logical addresses (or
 * one of its two copies), and what the extent tree has no extent for in these
 * addresses is unused as well.  It is believed when
 *
 * B1  the pieces are as many bytes as the device's own count says, and the chunk
 *     tree knows of as many;
 * B2  the extents of a chunk are as many bytes as its block group says;
 * B3  all block groups together have what the superblock says.
 *
 * The first MiB and the superblock's copies belong to nobody and stay.
 *
 * Being mounted leaves no trace.  A system that sleeps in a swap file does: the
 * file's first page says so, and begins a large extent.
 */
#include "common/fs/btrfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_CHUNK = 256,
	COPY_LEN = 65536,
	GROUP_LEN = 24,
	GROUP_DATA = 1,
	SWAP_LEAST = 1 << 20	/* bytes of a swap file's first extent */
};

static const struct {
	uint64_t off, len;
} kept[] = {
	{ 0, 1 << 20 },
	{ UINT64_C(64) << 20, COPY_LEN },
	{ UINT64_C(256) << 30, COPY_LEN },
};

struct walk {
	struct btrfs *b;
	struct btrfs_cursor dev, extent, group;
	uint64_t end;		/* of the last piece */
	uint64_t pieces;	/* bytes of all pieces */
	uint64_t used;		/* logical bytes */
};

/* Names a range without what is kept. */
static int unused(struct walk *w, uint64_t off, uint64_t end)
{
	size_t i;
	int rc = FS_OK;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]) && !rc; i++) {
		uint64_t stop = kept[i].off + kept[i].len;

		if (off >= stop || end <= kept[i].off)
			continue;
		if (off < kept[i].off)
			rc = vol_unused(w->b->v, off, kept[i].off - off);
		off = stop;
	}
	return rc || off >= end ? rc : vol_unused(w->b->v, off, end - off);
}

/* What the block group of a chunk says that is in use. */
static int group_used(struct walk *w, const struct btrfs_map *map,
		      uint64_t *used)
{
	struct btrfs_key key = { map->logical, BTRFS_GROUP_ITEM, map->len };
	struct btrfs_item item;
	int rc;

	w->group.root = w->b->group_tree ? w->b->group : w->b->extent;
	rc = btrfs_search(w->b, &w->group, &key);
	if (!rc)
		rc = btrfs_next(w->b, &w->group, &item);
	if (rc)
		return rc;
	if (!item.data || item.key.object != key.object ||
	    item.key.type != key.type || item.key.off != key.off ||
	    item.len < GROUP_LEN || le64(item.data + 16) != map->type)
		return btrfs_damaged(w->b, "tree of block groups");
	*used = le64(item.data);
	return FS_OK;
}

/* The next extent from the cursor on; @len 0: none in the chunk. */
static int extent_next(struct walk *w, const struct btrfs_map *map,
		       uint64_t *logical, uint64_t *len)
{
	struct btrfs_item item;
	int rc;

	*len = 0;
	do {
		rc = btrfs_next(w->b, &w->extent, &item);
		if (rc || !item.data ||
		    item.key.object - map->logical >= map->len)
			return rc;
	} while (item.key.type != BTRFS_EXTENT_ITEM &&
		 item.key.type != BTRFS_METADATA_ITEM);
	*logical = item.key.object;
	*len = item.key.type == BTRFS_EXTENT_ITEM ? item.key.off : w->b->node;
	if (!*len || *len % w->b->sector || *logical % w->b->sector ||
	    !range_in(*logical - map->logical, *len, map->len))
		return btrfs_damaged(w->b, "extent tree");
	return FS_OK;
}

/* Does a system sleep in the extent at @place, as the start of a swap file? */
static int sleep_check(struct walk *w, uint64_t place)
{
	static const uint32_t pages[] = { 4096, 16384, 65536 };
	struct fs_vol *v = w->b->v;
	uint8_t raw[10];
	size_t i;
	int rc;

	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		rc = vol_read(v, raw, sizeof(raw),
			      place + pages[i] - sizeof(raw));
		if (rc)
			return rc;
		if (!fs_sleep_mark(raw))
			continue;
		v->asleep = true;
		return fs_left(v->part, "a system sleeps in a swap file of it "
			       "(hibernation): start it and shut it down");
	}
	return FS_OK;
}

/* The gaps between the extents of a chunk, of which a copy is at @place. */
static int chunk_walk(struct walk *w, const struct btrfs_map *map,
		      uint64_t place, uint64_t *sum)
{
	struct btrfs_key key = { map->logical, 0, 0 };
	uint64_t at = 0, logical = 0, len = 0;
	int rc;

	*sum = 0;
	w->extent.root = w->b->extent;
	rc = btrfs_search(w->b, &w->extent, &key);
	while (!rc) {
		rc = extent_next(w, map, &logical, &len);
		if (rc || !len)
			break;
		logical -= map->logical;
		if (logical < at)
			return btrfs_damaged(w->b, "extent tree");
		rc = unused(w, place + at, place + logical);
		/* Once is enough: nothing changes between the two runs. */
		if (!rc && !w->b->v->sink && map->type & GROUP_DATA &&
		    len >= SWAP_LEAST)
			rc = sleep_check(w, place + logical);
		at = logical + len;
		*sum += len;
	}
	return rc ? rc : unused(w, place + at, place + map->len);
}

static int piece_walk(struct walk *w, uint64_t place, uint64_t logical,
		      uint64_t len)
{
	struct btrfs_map map;
	uint64_t sum = 0, used = 0;
	int rc = btrfs_map_find(w->b, logical, &map);

	if (rc)
		return rc;
	if (map.logical != logical || map.len != len ||
	    (place != map.place[0] &&
	     (map.copies < 2 || place != map.place[1])))
		return btrfs_damaged(w->b, "device tree");
	rc = group_used(w, &map, &used);
	if (!rc)
		rc = chunk_walk(w, &map, place, &sum);
	if (rc)
		return rc;
	if (sum != used)
		return fs_left(w->b->v->part, "a block group counts %llu bytes "
			       "and its extents %llu: run btrfs check",
			       (unsigned long long)used,
			       (unsigned long long)sum);
	if (place == map.place[0])
		w->used += used;
	return FS_OK;
}

/* One item of the device tree. */
static int piece_take(struct walk *w, const struct btrfs_item *item)
{
	uint64_t place = item->key.off, logical, len;
	int rc;

	if (item->len < 32)
		return btrfs_damaged(w->b, "device tree");
	logical = le64(item->data + 16);
	len = le64(item->data + 24);
	if (place < w->end || !len || place % w->b->sector ||
	    !range_in(place, len, w->b->dev_len))
		return btrfs_damaged(w->b, "device tree");
	rc = unused(w, w->end, place);
	if (!rc)
		rc = piece_walk(w, place, logical, len);
	w->end = place + len;
	w->pieces += len;
	return rc;
}

static int device_walk(struct walk *w)
{
	struct btrfs *b = w->b;
	struct btrfs_key key = { b->dev_id, BTRFS_DEV_EXTENT, 0 };
	struct btrfs_item item;
	int rc;

	w->dev.root = b->dev;
	rc = btrfs_search(b, &w->dev, &key);
	while (!rc) {
		rc = btrfs_next(b, &w->dev, &item);
		if (rc || !item.data || item.key.object != b->dev_id ||
		    item.key.type != BTRFS_DEV_EXTENT)
			break;
		rc = piece_take(w, &item);
	}
	return rc ? rc : unused(w, w->end, b->dev_len / b->sector * b->sector);
}

/* B1 of the chunk tree. */
static int chunks_sum(struct btrfs *b, uint64_t *sum)
{
	struct btrfs_key key = { FIRST_CHUNK, BTRFS_CHUNK_ITEM, 0 };
	struct btrfs_cursor *c = &b->chunk_at;
	struct btrfs_item item;
	struct btrfs_map map;
	int rc;

	c->root = b->chunk;
	rc = btrfs_search(b, c, &key);
	for (*sum = 0; !rc;) {
		rc = btrfs_next(b, c, &item);
		if (rc || !item.data || item.key.object != FIRST_CHUNK ||
		    item.key.type != BTRFS_CHUNK_ITEM)
			break;
		rc = btrfs_map_decode(b, item.key.off, item.data, item.len,
				      &map);
		if (!rc)
			*sum += map.len * map.copies;
	}
	return rc;
}

static int scan(struct btrfs *b)
{
	struct walk w = { .b = b };
	uint64_t chunks = 0;
	int rc = btrfs_super_load(b);

	if (!rc)
		rc = chunks_sum(b, &chunks);
	if (!rc)
		rc = device_walk(&w);
	if (!rc && (w.pieces != b->dev_used || w.pieces != chunks))
		rc = fs_left(b->v->part, "its device and chunk trees disagree: "
					 "run btrfs check");
	if (!rc && w.used != b->used)
		rc = fs_left(b->v->part, "its superblock counts %llu bytes and "
			     "its block groups %llu: run btrfs check",
			     (unsigned long long)b->used,
			     (unsigned long long)w.used);
	btrfs_cursor_free(&w.dev);
	btrfs_cursor_free(&w.extent);
	btrfs_cursor_free(&w.group);
	return rc;
}

int btrfs_scan(struct fs_vol *v)
{
	struct btrfs *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return -ENOMEM;
	b->v = v;
	rc = scan(b);
	btrfs_cursor_free(&b->chunk_at);
	free(b);
	return rc;
}
