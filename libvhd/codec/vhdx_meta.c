/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "base/zero.h"
#include "codec/vhdx_geom.h"
#include "codec/vhdx_guids.h"
#include "codec/vhdx_meta.h"

/*
 * The table names up to 2047 items by GUID and owner.  No checksum covers it,
 * so everything it says is held against the region and against itself.  The
 * order of entries and the flags of known items carry no meaning for a reader
 * (VHDX-META-06); wrong flags are noted because others refuse such files.
 */

static const char meta_signature[8] = { 'm', 'e', 't', 'a',
					'd', 'a', 't', 'a' };

static const struct vhdx_item_kind item_kinds[VHDX_ITEM_COUNT] = {
	[VHDX_ITEM_PARAMS] = {
		&vhdx_guid_params, "file parameters", 8,
		VHDX_META_REQUIRED, true },
	[VHDX_ITEM_DISK_SIZE] = {
		&vhdx_guid_disk_size, "virtual disk size", 8,
		VHDX_META_DISK | VHDX_META_REQUIRED, true },
	[VHDX_ITEM_LOGICAL_SECTOR] = {
		&vhdx_guid_logical_sector, "logical sector size", 4,
		VHDX_META_DISK | VHDX_META_REQUIRED, true },
	[VHDX_ITEM_PHYSICAL_SECTOR] = {
		&vhdx_guid_physical_sector, "physical sector size", 4,
		VHDX_META_DISK | VHDX_META_REQUIRED, true },
	[VHDX_ITEM_DISK_ID] = {
		&vhdx_guid_disk_id, "virtual disk id", 16,
		VHDX_META_DISK | VHDX_META_REQUIRED, true },
	[VHDX_ITEM_LOCATOR] = {
		&vhdx_guid_locator, "parent locator", 0,
		VHDX_META_REQUIRED, false },
};

const struct vhdx_item_kind *vhdx_item_kind(enum vhdx_item item)
{
	return &item_kinds[item];
}

/* An entry of the table, decoded. */
struct meta_ent {
	struct vhd_guid guid;
	uint32_t off;
	uint32_t len;
	uint32_t flags;
	uint32_t reserved;
	uint32_t ent_off;	/* place of the entry itself */
	bool user;
	enum vhdx_item item;	/* VHDX_ITEM_COUNT: none of the known */
};

static enum vhdx_item item_find(const struct vhd_guid *guid)
{
	for (size_t i = 0; i < VHDX_ITEM_COUNT; i++) {
		if (vhd_guid_equal(guid, item_kinds[i].guid))
			return (enum vhdx_item)i;
	}
	return VHDX_ITEM_COUNT;
}

static const struct vhdx_meta_ent_disk *ent_disk(const uint8_t *table,
						 uint32_t idx)
{
	return (const void *)(table + sizeof(struct vhdx_meta_hdr_disk) +
			      idx * sizeof(struct vhdx_meta_ent_disk));
}

static void ent_decode(const uint8_t *table, uint32_t idx,
		       struct meta_ent *out)
{
	const struct vhdx_meta_ent_disk *d = ent_disk(table, idx);

	vhd_guid_from_mixed(d->guid, &out->guid);
	out->off = le32_get(d->off);
	out->len = le32_get(d->len);
	out->flags = le32_get(d->flags);
	out->reserved = le32_get(d->reserved);
	out->ent_off = (uint32_t)((const uint8_t *)d - table);
	out->user = out->flags & VHDX_META_USER;
	out->item = item_find(&out->guid);
}

static bool ent_is_known(const struct meta_ent *e)
{
	return !e->user && e->item != VHDX_ITEM_COUNT;
}

static bool ent_place_ok(const struct meta_ent *e, uint64_t region_len)
{
	if (!e->len)
		return !e->off;
	return e->len <= VHDX_META_ITEM_MAX && e->off >= VHDX_META_TABLE_LEN &&
	       range_in(e->off, e->len, region_len);
}

/* Entry @idx against those before it. */
static enum vhd_rule_idx ent_compare(const uint8_t *table, uint32_t idx,
				     const struct meta_ent *e,
				     struct vhdx_notes *notes)
{
	const struct vhdx_meta_ent_disk *d = ent_disk(table, idx);

	for (uint32_t i = 0; i < idx; i++) {
		const struct vhdx_meta_ent_disk *p = ent_disk(table, i);
		uint32_t both = le32_get(p->flags) ^ e->flags;

		if (!memcmp(p->guid, d->guid, 16) && !(both & VHDX_META_USER))
			return vhdx_note_fatal(notes, RULE_VHDX_META_DUPLICATE,
					       e->ent_off, idx, "entry");
		if (ranges_overlap(e->off, e->len, le32_get(p->off),
				   le32_get(p->len)))
			vhdx_note_add(notes, RULE_VHDX_META_OVERLAP,
				      e->ent_off, e->off, "at");
	}
	return VHD_RULE_NONE;
}

static void ent_flags_check(const struct meta_ent *e, struct vhdx_notes *notes)
{
	bool odd = e->reserved || vhd_guid_is_zero(&e->guid) ||
		   e->flags & ~7u ||
		   (e->user && e->flags & VHDX_META_REQUIRED);

	if (ent_is_known(e) && e->flags != item_kinds[e->item].flags)
		odd = true;
	if (odd)
		vhdx_note_add(notes, RULE_VHDX_META_FLAGS, e->ent_off,
			      e->flags,
			      ent_is_known(e) ? item_kinds[e->item].name :
						"flags");
}

static enum vhd_rule_idx ent_check(const struct meta_ent *e,
				   uint64_t region_len,
				   struct vhdx_notes *notes)
{
	bool required = e->flags & VHDX_META_REQUIRED;

	if (required && e->item == VHDX_ITEM_COUNT) {
		bool unfinished = vhd_guid_equal(&e->guid,
						 &vhdx_guid_incomplete);

		return vhdx_note_fatal(notes,
				       unfinished ? RULE_VHDX_META_INCOMPLETE :
						    RULE_VHDX_META_REQUIRED,
				       e->ent_off, 0, NULL);
	}
	if (!ent_place_ok(e, region_len)) {
		if (ent_is_known(e))
			return vhdx_note_fatal(notes, RULE_VHDX_META_PLACE,
					       e->ent_off, e->off,
					       item_kinds[e->item].name);
		vhdx_note_add(notes, RULE_VHDX_META_PLACE_OPT, e->ent_off,
			      e->off, "offset");
	}
	if (ent_is_known(e) && item_kinds[e->item].len &&
	    e->len != item_kinds[e->item].len)
		return vhdx_note_fatal(notes, RULE_VHDX_META_LENGTH,
				       e->ent_off, e->len,
				       item_kinds[e->item].name);
	ent_flags_check(e, notes);
	return VHD_RULE_NONE;
}

static enum vhd_rule_idx table_hdr_check(const uint8_t *table,
					 uint32_t *count_out,
					 struct vhdx_notes *notes)
{
	const struct vhdx_meta_hdr_disk *hdr = (const void *)table;
	uint32_t count = le16_get(hdr->count);
	uint32_t users = 0;

	if (memcmp(hdr->signature, meta_signature, 8))
		return vhdx_note_fatal(notes, RULE_VHDX_META_SIGNATURE, 0, 0,
				       NULL);
	if (count > VHDX_META_MAX)
		return vhdx_note_fatal(notes, RULE_VHDX_META_COUNT, 10, count,
				       "entries");
	for (uint32_t i = 0; i < count; i++)
		users += le32_get(ent_disk(table, i)->flags) & VHDX_META_USER;
	if (users > VHDX_META_USER_MAX)
		return vhdx_note_fatal(notes, RULE_VHDX_META_COUNT, 10, users,
				       "entries of users");
	if (le16_get(hdr->reserved) ||
	    !vhd_is_zero(hdr->reserved2, sizeof(hdr->reserved2)))
		vhdx_note_add(notes, RULE_VHDX_META_FLAGS, 8, 0,
			      "reserved bytes of the table");
	*count_out = count;
	return VHD_RULE_NONE;
}

static enum vhd_rule_idx items_missing(const struct vhdx_meta_table *t,
				       struct vhdx_notes *notes)
{
	for (size_t i = 0; i < VHDX_ITEM_COUNT; i++) {
		if (item_kinds[i].mandatory && !t->item[i].present)
			return vhdx_note_fatal(notes, RULE_VHDX_META_MISSING,
					       0, 0, item_kinds[i].name);
	}
	return VHD_RULE_NONE;
}

enum vhd_rule_idx vhdx_meta_table_decode(
	const uint8_t table[VHDX_META_TABLE_LEN], uint64_t region_len,
	struct vhdx_meta_table *out, struct vhdx_notes *notes)
{
	struct vhdx_meta_table t = { 0 };
	enum vhd_rule_idx rule;

	rule = table_hdr_check(table, &t.count, notes);
	if (rule != VHD_RULE_NONE)
		return rule;
	for (uint32_t i = 0; i < t.count; i++) {
		struct meta_ent e;

		ent_decode(table, i, &e);
		rule = ent_check(&e, region_len, notes);
		if (rule == VHD_RULE_NONE)
			rule = ent_compare(table, i, &e, notes);
		if (rule != VHD_RULE_NONE)
			return rule;
		if (ent_is_known(&e))
			t.item[e.item] = (struct vhdx_meta_place){
				.off = e.off, .len = e.len, .present = true,
			};
	}
	rule = items_missing(&t, notes);
	if (rule == VHD_RULE_NONE)
		*out = t;
	return rule;
}

void *vhdx_meta_item_slot(struct vhdx_meta_items *items, enum vhdx_item item)
{
	switch (item) {
	case VHDX_ITEM_PARAMS:
		return &items->params;
	case VHDX_ITEM_DISK_SIZE:
		return &items->disk_size;
	case VHDX_ITEM_LOGICAL_SECTOR:
		return &items->logical_sector;
	case VHDX_ITEM_PHYSICAL_SECTOR:
		return &items->physical_sector;
	case VHDX_ITEM_DISK_ID:
		return items->disk_id;
	case VHDX_ITEM_LOCATOR:
	case VHDX_ITEM_COUNT:
		break;
	}
	return NULL;
}

static void params_check(uint32_t flags, const struct vhdx_meta *m,
			 const struct vhdx_meta_table *table,
			 struct vhdx_notes *notes)
{
	uint32_t params_off = table->item[VHDX_ITEM_PARAMS].off;
	const struct vhdx_meta_place *loc = &table->item[VHDX_ITEM_LOCATOR];

	if (flags & ~(uint32_t)(VHDX_PARAM_LEAVE_ALLOCATED |
				VHDX_PARAM_HAS_PARENT))
		vhdx_note_add(notes, RULE_VHDX_PARAM_FLAGS, params_off, flags,
			      "flags");
	if (m->has_parent && m->leave_allocated)
		vhdx_note_add(notes, RULE_VHDX_PARAM_BOTH, params_off, flags,
			      "flags");
	if (!m->has_parent && loc->present)
		vhdx_note_add(notes, RULE_VHDX_LOCATOR_STRAY, loc->off, 0,
			      NULL);
	if (!vhdx_sector_size_ok(m->physical_sector) ||
	    m->physical_sector < m->logical_sector)
		vhdx_note_add(notes, RULE_VHDX_PHYSICAL_SECTOR,
			      table->item[VHDX_ITEM_PHYSICAL_SECTOR].off,
			      m->physical_sector, "size");
	if (!m->disk_size)
		vhdx_note_add(notes, RULE_VHDX_DISK_EMPTY,
			      table->item[VHDX_ITEM_DISK_SIZE].off, 0, NULL);
}

enum vhd_rule_idx vhdx_meta_decode(const struct vhdx_meta_items *items,
				   const struct vhdx_meta_table *table,
				   struct vhdx_meta *out,
				   struct vhdx_notes *notes)
{
	const struct vhdx_meta_place *at = table->item;
	uint32_t flags = le32_get(items->params.flags);
	struct vhdx_meta m = {
		.disk_size = le64_get(items->disk_size),
		.block_size = le32_get(items->params.block_size),
		.logical_sector = le32_get(items->logical_sector),
		.physical_sector = le32_get(items->physical_sector),
		.leave_allocated = flags & VHDX_PARAM_LEAVE_ALLOCATED,
		.has_parent = flags & VHDX_PARAM_HAS_PARENT,
	};

	vhd_guid_from_mixed(items->disk_id, &m.disk_id);
	if (!vhdx_block_size_ok(m.block_size))
		return vhdx_note_fatal(notes, RULE_VHDX_BLOCK_SIZE,
				       at[VHDX_ITEM_PARAMS].off, m.block_size,
				       "size");
	if (!vhdx_sector_size_ok(m.logical_sector))
		return vhdx_note_fatal(notes, RULE_VHDX_LOGICAL_SECTOR,
				       at[VHDX_ITEM_LOGICAL_SECTOR].off,
				       m.logical_sector, "size");
	if (!vhdx_disk_size_ok(m.disk_size, m.logical_sector))
		return vhdx_note_fatal(notes, RULE_VHDX_DISK_SIZE,
				       at[VHDX_ITEM_DISK_SIZE].off, m.disk_size,
				       "size");
	if (m.has_parent && !at[VHDX_ITEM_LOCATOR].present)
		return vhdx_note_fatal(notes, RULE_VHDX_LOCATOR_MISSING, 0, 0,
				       NULL);
	params_check(flags, &m, table, notes);
	*out = m;
	return VHD_RULE_NONE;
}

static void items_encode(const struct vhdx_meta *meta,
			 struct vhdx_meta_items *out)
{
	uint32_t flags = 0;

	if (meta->leave_allocated)
		flags |= VHDX_PARAM_LEAVE_ALLOCATED;
	if (meta->has_parent)
		flags |= VHDX_PARAM_HAS_PARENT;
	out->params.block_size = le32_make(meta->block_size);
	out->params.flags = le32_make(flags);
	out->disk_size = le64_make(meta->disk_size);
	out->logical_sector = le32_make(meta->logical_sector);
	out->physical_sector = le32_make(meta->physical_sector);
	vhd_guid_to_mixed(&meta->disk_id, out->disk_id);
}

void vhdx_meta_encode(const struct vhdx_meta *meta, uint32_t locator_len,
		      uint8_t table[VHDX_META_TABLE_LEN],
		      struct vhdx_meta_items *items_out)
{
	struct vhdx_meta_hdr_disk *hdr = (void *)table;
	uint32_t count = locator_len ? VHDX_ITEM_COUNT : VHDX_ITEM_LOCATOR;
	struct vhdx_meta_ent_disk *ent = (void *)(hdr + 1);
	uint32_t off = VHDX_META_ITEMS_OFF;

	memset(table, 0, VHDX_META_TABLE_LEN);
	memcpy(hdr->signature, meta_signature, 8);
	hdr->count = le16_make((uint16_t)count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t len = item_kinds[i].len ? item_kinds[i].len
						 : locator_len;

		vhd_guid_to_mixed(item_kinds[i].guid, ent[i].guid);
		ent[i].off = le32_make(off);
		ent[i].len = le32_make(len);
		ent[i].flags = le32_make(item_kinds[i].flags);
		off += len;
	}
	items_encode(meta, items_out);
}
