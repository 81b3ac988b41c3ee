/* SPDX-License-Identifier: BSD-2-Clause */
/* Editing the metadata table in memory, and writing it. */
#include <string.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "vhdx/vhdx_repair_meta.h"

enum { TOGETHER = 64 };		/* pages of items, beside 16 of the table */

static struct vhdx_meta_hdr_disk *table_hdr(const struct vhdx_fix_region *r)
{
	return (void *)r->table;
}

uint32_t vhdx_fix_ent_count(const struct vhdx_fix_region *r)
{
	return (uint32_t)min_u64(le16_get(table_hdr(r)->count), VHDX_META_MAX);
}

struct vhdx_meta_ent_disk *vhdx_fix_ent(struct vhdx_fix_region *r, uint32_t idx)
{
	struct vhdx_meta_ent_disk *ents = (void *)(table_hdr(r) + 1);

	return &ents[idx];
}

uint32_t vhdx_fix_ent_of_note(const struct vhdx_note *note)
{
	return (uint32_t)((note->off - sizeof(struct vhdx_meta_hdr_disk)) /
			  sizeof(struct vhdx_meta_ent_disk));
}

static bool ent_is(const struct vhdx_meta_ent_disk *ent, enum vhdx_item item,
		   bool user)
{
	struct vhd_guid guid;

	vhd_guid_from_mixed(ent->guid, &guid);
	return vhd_guid_equal(&guid, vhdx_item_kind(item)->guid) &&
	       !(le32_get(ent->flags) & VHDX_META_USER) == !user;
}

bool vhdx_fix_ent_is_other(struct vhdx_fix_region *r, uint32_t idx)
{
	for (int i = 0; i < VHDX_ITEM_COUNT; i++) {
		if (ent_is(vhdx_fix_ent(r, idx), (enum vhdx_item)i, false))
			return false;
	}
	return true;
}

struct vhdx_meta_ent_disk *vhdx_fix_ent_find(struct vhdx_fix_region *r,
					     enum vhdx_item item, bool user)
{
	uint32_t count = vhdx_fix_ent_count(r);

	for (uint32_t i = 0; i < count; i++) {
		if (ent_is(vhdx_fix_ent(r, i), item, user))
			return vhdx_fix_ent(r, i);
	}
	return NULL;
}

static void count_set(struct vhdx_fix_region *r, uint32_t count)
{
	table_hdr(r)->count = le16_make((uint16_t)count);
}

void vhdx_fix_ent_drop(struct vhdx_fix_region *r, uint32_t idx)
{
	uint32_t last = vhdx_fix_ent_count(r) - 1;
	struct vhdx_meta_ent_disk *ent = vhdx_fix_ent(r, idx);

	memmove(ent, ent + 1, (last - idx) * sizeof(*ent));
	memset(vhdx_fix_ent(r, last), 0, sizeof(*ent));
	count_set(r, last);
}

struct vhdx_meta_ent_disk *vhdx_fix_ent_add(struct vhdx_fix_region *r,
					    enum vhdx_item item)
{
	const struct vhdx_item_kind *kind = vhdx_item_kind(item);
	uint32_t count = vhdx_fix_ent_count(r);
	struct vhdx_meta_ent_disk *ent = vhdx_fix_ent(r, count);

	if (count == VHDX_META_MAX)
		return NULL;
	memset(ent, 0, sizeof(*ent));
	vhd_guid_to_mixed(kind->guid, ent->guid);
	ent->flags = le32_make(kind->flags);
	count_set(r, count + 1);
	return ent;
}

bool vhdx_fix_ent_place_ok(const struct vhdx_fix_region *r,
			   const struct vhdx_meta_ent_disk *ent)
{
	uint32_t off = le32_get(ent->off), len = le32_get(ent->len);

	if (!len)
		return !off;
	return len <= VHDX_META_ITEM_MAX && off >= VHDX_META_TABLE_LEN &&
	       range_in(off, len, r->len);
}

/* The end of an item that is in the way of [off, off + len), or @off. */
static uint64_t behind_items(struct vhdx_fix_region *r, uint64_t off,
			     uint32_t len,
			     const struct vhdx_meta_ent_disk *except)
{
	uint32_t count = vhdx_fix_ent_count(r);

	for (uint32_t i = 0; i < count; i++) {
		const struct vhdx_meta_ent_disk *ent = vhdx_fix_ent(r, i);
		uint64_t at = le32_get(ent->off), n = le32_get(ent->len);

		if (ent != except && ranges_overlap(off, len, at, n))
			return align_up(at + n, 8);
	}
	return off;
}

bool vhdx_fix_room(struct vhdx_fix_region *r, uint32_t from, uint32_t len,
		   const struct vhdx_meta_ent_disk *except, uint32_t *off_out)
{
	uint64_t off, next = align_up(from, 8);

	do {
		off = next;
		if (!range_in(off, len, r->len))
			return false;
		next = behind_items(r, off, len, except);
	} while (next != off);
	*off_out = (uint32_t)off;
	return true;
}

int vhdx_fix_meta_commit(struct vhdx_fix_region *r, struct vhd_pending *set,
			 struct vhd_error *err)
{
	int rc = 0;

	if (set->count >= TOGETHER) {
		rc = vhdx_fix_store(r->m, set, err);
		vhd_pending_clear(set);
	}
	if (!rc)
		rc = vhdx_fix_put(r->m, set, r->off, r->table,
				  VHDX_META_TABLE_LEN, err);
	return rc ? rc : vhdx_fix_store(r->m, set, err);
}

int vhdx_fix_meta_store(struct vhdx_fix_region *r, uint32_t off,
			const void *bytes, uint32_t len, struct vhd_error *err)
{
	struct vhd_pending set = { 0 };
	int rc = 0;

	if (len)
		rc = vhdx_fix_put(r->m, &set, r->off + off, bytes, len, err);
	if (!rc)
		rc = vhdx_fix_meta_commit(r, &set, err);
	vhd_pending_clear(&set);
	return rc;
}
