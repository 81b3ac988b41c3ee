/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Btrfs's trees.
 *
 * All have one form, and live at logical addresses.  A node is believed when its
 * checksum is right, it says of itself that it is at the address, level and tree
 * it was looked for, of the generation that its parent names, its first key is
 * the parent's, and its keys ascend.  So no walk along keys visits a leaf twice.
 */
#include "common/fs/btrfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 101, PTR = 33, ITEM = 25 };

int btrfs_damaged(struct btrfs *b, const char *what)
{
	return fs_left(b->v->part, "its %s is damaged: run btrfs check", what);
}

static struct btrfs_key key_get(const uint8_t *p)
{
	return (struct btrfs_key){ le64(p), p[8], le64(p + 9) };
}

static int key_cmp(const struct btrfs_key *x, const struct btrfs_key *y)
{
	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

static uint32_t count_of(const uint8_t *node)
{
	return le32(node + 96);
}

static struct btrfs_key key_at(const uint8_t *node, uint32_t i)
{
	return key_get(node + HEAD + (size_t)i * (node[100] ? PTR : ITEM));
}

static bool node_ok(const struct btrfs *b, const struct btrfs_cursor *c,
		    const uint8_t *raw, uint64_t logical, uint32_t level)
{
	uint32_t count = count_of(raw), i;

	if (!fs_crc32c_ok(raw + 32, b->node - 32, le32(raw)) ||
	    memcmp(raw + 32, b->fsid, 16) || le64(raw + 48) != logical ||
	    le64(raw + 88) != c->root.id || raw[100] != level)
		return false;
	if (count > (b->node - HEAD) / (level ? PTR : ITEM) ||
	    (!count && level))
		return false;
	for (i = 1; i < count; i++) {
		struct btrfs_key x = key_at(raw, i - 1), y = key_at(raw, i);

		if (key_cmp(&x, &y) >= 0)
			return false;
	}
	return true;
}

static int node_read(struct btrfs *b, struct btrfs_cursor *c, uint64_t logical,
		     uint32_t level)
{
	struct btrfs_map map;
	int rc;

	if (c->node[level] && c->logical[level] == logical)
		return FS_OK;
	rc = c->root.id == BTRFS_CHUNK_TREE ?
	     btrfs_map_boot(b, logical, &map) :
	     btrfs_map_find(b, logical, &map);
	if (rc)
		return rc;
	if (!range_in(logical - map.logical, b->node, map.len))
		return btrfs_damaged(b, "tree");
	if (!c->node[level])
		c->node[level] = malloc(b->node);
	if (!c->node[level])
		return -ENOMEM;
	c->logical[level] = UINT64_MAX;
	rc = vol_read(b->v, c->node[level], b->node,
		      map.place[0] + (logical - map.logical));
	if (rc)
		return rc;
	if (!node_ok(b, c, c->node[level], logical, level))
		return btrfs_damaged(b, "tree");
	c->logical[level] = logical;
	return FS_OK;
}

/* The last child whose first key is not behind @key; the first if all are. */
static uint32_t child_find(const uint8_t *node, const struct btrfs_key *key)
{
	uint32_t low = 0, high = count_of(node);

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;
		struct btrfs_key at = key_at(node, mid);

		if (key_cmp(&at, key) <= 0)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Reads the child at @slot of the node at @level, and holds it against it. */
static int child_read(struct btrfs *b, struct btrfs_cursor *c, uint32_t level,
		      uint32_t slot)
{
	const uint8_t *ptr = c->node[level] + HEAD + (size_t)slot * PTR;
	struct btrfs_key want = key_get(ptr), have;
	int rc = node_read(b, c, le64(ptr + 17), level - 1);

	if (rc)
		return rc;
	if (!count_of(c->node[level - 1]) ||
	    le64(c->node[level - 1] + 80) != le64(ptr + 25))
		return btrfs_damaged(b, "tree");
	have = key_at(c->node[level - 1], 0);
	return key_cmp(&want, &have) ? btrfs_damaged(b, "tree") : FS_OK;
}

static int descend(struct btrfs *b, struct btrfs_cursor *c,
		   const struct btrfs_key *key)
{
	uint32_t level, slot;
	int rc;

	if (c->root.level >= BTRFS_LEVELS)
		return btrfs_damaged(b, "tree");
	c->more = false;
	rc = node_read(b, c, c->root.logical, c->root.level);
	if (!rc && le64(c->node[c->root.level] + 80) != c->root.generation)
		rc = btrfs_damaged(b, "tree");
	for (level = c->root.level; level && !rc; level--) {
		slot = child_find(c->node[level], key);
		if (slot + 1 < count_of(c->node[level])) {
			struct btrfs_key next = key_at(c->node[level], slot + 1);

			/* Else this child reaches past the one beside it. */
			if (c->more && key_cmp(&next, &c->next) >= 0)
				return btrfs_damaged(b, "tree");
			c->more = true;
			c->next = next;
		}
		rc = child_read(b, c, level, slot);
	}
	return rc;
}

/* Nor may a leaf reach past the first key of the one behind it. */
static int leaf_check(struct btrfs *b, struct btrfs_cursor *c)
{
	uint32_t count = count_of(c->node[0]);
	struct btrfs_key last;

	if (!count || !c->more)
		return FS_OK;
	last = key_at(c->node[0], count - 1);
	return key_cmp(&last, &c->next) < 0 ? FS_OK : btrfs_damaged(b, "tree");
}

/* The first item of the leaf at hand that is not before @key. */
static uint32_t slot_find(const struct btrfs_cursor *c,
			  const struct btrfs_key *key)
{
	uint32_t count = count_of(c->node[0]), slot;

	for (slot = 0; slot < count; slot++) {
		struct btrfs_key at = key_at(c->node[0], slot);

		if (key_cmp(&at, key) >= 0)
			break;
	}
	return slot;
}

int btrfs_search(struct btrfs *b, struct btrfs_cursor *c,
		 const struct btrfs_key *key)
{
	int rc = descend(b, c, key);

	if (!rc)
		rc = leaf_check(b, c);
	if (!rc)
		c->slot = slot_find(c, key);
	return rc;
}

static int item_get(struct btrfs *b, const struct btrfs_cursor *c,
		    uint32_t slot, struct btrfs_item *item)
{
	const uint8_t *raw = c->node[0] + HEAD + (size_t)slot * ITEM;
	uint32_t off = le32(raw + 17);

	item->len = le32(raw + 21);
	if (!range_in(off, item->len, b->node - HEAD))
		return btrfs_damaged(b, "tree");
	item->key = key_get(raw);
	item->data = c->node[0] + HEAD + off;
	return FS_OK;
}

int btrfs_next(struct btrfs *b, struct btrfs_cursor *c, struct btrfs_item *item)
{
	int rc;

	item->data = NULL;
	if (c->slot >= count_of(c->node[0])) {
		struct btrfs_key next = c->next;

		if (!c->more)
			return FS_OK;
		rc = btrfs_search(b, c, &next);
		if (rc)
			return rc;
	}
	return item_get(b, c, c->slot++, item);
}

int btrfs_floor(struct btrfs *b, struct btrfs_cursor *c,
		const struct btrfs_key *key, struct btrfs_item *item)
{
	struct btrfs_key at;
	int rc = btrfs_search(b, c, key);

	item->data = NULL;
	if (rc)
		return rc;
	if (c->slot < count_of(c->node[0])) {
		at = key_at(c->node[0], c->slot);
		if (!key_cmp(&at, key))
			return item_get(b, c, c->slot, item);
	}
	return c->slot ? item_get(b, c, c->slot - 1, item) : FS_OK;
}

void btrfs_cursor_free(struct btrfs_cursor *c)
{
	size_t i;

	for (i = 0; i < BTRFS_LEVELS; i++)
		free(c->node[i]);
	memset(c, 0, sizeof(*c));
}
