/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Btrfs's superblock, and the roots of the trees that are walked.
 *
 * Every commit leaves a file system that is whole, so nothing has to be closed
 * but the tree of what was synced since.  The other copies are older or the same
 * and do not count.
 */
#include "common/fs/btrfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SUPER_OFF = 65536,
	ARRAY_OFF = 811,
	COMPAT_RO_GROUP_TREE = 8,
	/* free space tree and that it is valid, verity, block group tree */
	COMPAT_RO_KNOWN = 0xf,
	INCOMPAT_META_UUID = 0x400,
	/* all up to the metadata uuid but RAID 5 and 6; simple quotas */
	INCOMPAT_KNOWN = 0x1077f
};

static int features_check(struct btrfs *b, const uint8_t *sb)
{
	uint64_t flags = le64(sb + 56), in = le64(sb + 188);
	uint64_t ro = le64(sb + 180);
	struct fs_part *p = b->v->part;

	if (le16(sb + 196))
		return fs_left(p, "its kind of checksums is not known here");
	if (!fs_crc32c_ok(sb + 32, BTRFS_SUPER_LEN - 32, le32(sb)) ||
	    le64(sb + 48) != SUPER_OFF)
		return btrfs_damaged(b, "superblock");
	if (flags & ~UINT64_C(3) || in & ~(uint64_t)INCOMPAT_KNOWN ||
	    ro & ~(uint64_t)COMPAT_RO_KNOWN)
		return fs_left(p, "it has features that are not known here "
			       "(0x%llx, 0x%llx, 0x%llx)",
			       (unsigned long long)flags,
			       (unsigned long long)in, (unsigned long long)ro);
	if (le64(sb + 136) != 1)
		return fs_left(p, "it has more than one device");
	if (le64(sb + 96))
		return fs_left(p, "its log has to be replayed first: mount and "
				  "unmount it");
	b->group_tree = ro & COMPAT_RO_GROUP_TREE;
	memcpy(b->fsid, sb + (in & INCOMPAT_META_UUID ? 571 : 32), 16);
	return FS_OK;
}

static int fields_get(struct btrfs *b, const uint8_t *sb)
{
	struct fs_part *p = b->v->part;

	b->sector = le32(sb + 144);
	b->node = le32(sb + 148);
	b->used = le64(sb + 120);
	b->dev_id = le64(sb + 201);
	b->dev_len = le64(sb + 209);
	b->dev_used = le64(sb + 217);
	b->array_len = le32(sb + 160);
	if (!is_pow2(b->sector) || b->sector < 512 || b->sector > 65536 ||
	    !is_pow2(b->node) || b->node < b->sector || b->node < 4096 ||
	    b->node > BTRFS_NODE_MAX || b->array_len > BTRFS_ARRAY_MAX)
		return btrfs_damaged(b, "superblock");
	p->block_size = b->sector;
	if (b->dev_len > b->v->len)
		return fs_left(p, "it is larger than its partition");
	memcpy(b->array, sb + ARRAY_OFF, b->array_len);
	b->roots = (struct btrfs_root){ BTRFS_ROOT_TREE, le64(sb + 80),
					le64(sb + 72), sb[198] };
	b->chunk = (struct btrfs_root){ BTRFS_CHUNK_TREE, le64(sb + 88),
					le64(sb + 164), sb[199] };
	return FS_OK;
}

/* Where a tree is, from the tree of trees. */
static int root_find(struct btrfs *b, struct btrfs_cursor *c, uint64_t id,
		     struct btrfs_root *root)
{
	struct btrfs_key key = { id, BTRFS_ROOT_ITEM, 0 };
	struct btrfs_item item;
	int rc;

	c->root = b->roots;
	rc = btrfs_search(b, c, &key);
	if (!rc)
		rc = btrfs_next(b, c, &item);
	if (rc)
		return rc;
	if (!item.data || item.key.object != id ||
	    item.key.type != BTRFS_ROOT_ITEM || item.len < 239)
		return btrfs_damaged(b, "tree of trees");
	*root = (struct btrfs_root){ id, le64(item.data + 176),
				     le64(item.data + 160), item.data[238] };
	return FS_OK;
}

static int roots_load(struct btrfs *b)
{
	struct btrfs_cursor c = { 0 };
	int rc = root_find(b, &c, BTRFS_DEV_TREE, &b->dev);

	if (!rc)
		rc = root_find(b, &c, BTRFS_EXTENT_TREE, &b->extent);
	if (!rc && b->group_tree)
		rc = root_find(b, &c, BTRFS_GROUP_TREE, &b->group);
	btrfs_cursor_free(&c);
	return rc;
}

int btrfs_super_load(struct btrfs *b)
{
	uint8_t sb[BTRFS_SUPER_LEN];
	struct fs_part *p = b->v->part;
	int rc = vol_read(b->v, sb, sizeof(sb), SUPER_OFF);

	if (rc)
		return rc;
	put_uuid(p->uuid, sizeof(p->uuid), sb + 32);
	put_text(p->label, sizeof(p->label), sb + 299, 256);
	rc = features_check(b, sb);
	if (!rc)
		rc = fields_get(b, sb);
	return rc ? rc : roots_load(b);
}
