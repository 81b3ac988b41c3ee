/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The metadata region (VHDX-CHK-30 to 42): its table here, the values of items
 * and the parent locator elsewhere.
 *
 * No checksum covers any of it, so little is certain.  An item that shares bytes
 * with another one gets a copy of what it reads now; what is dropped are entries
 * that say nothing, or that the owner gives up.
 */
#include "vhdx/vhdx_repair_meta.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"

static int sign(struct vhdx_fix_region *r, struct vhd_error *err)
{
	if (!r->m->req->salvage ||
	    !vhdx_fix_may(r->m, RULE_VHDX_META_SIGNATURE, r->off,
			  "what is at 0x%" PRIx64 " is read as the metadata"
			  " table without its signature", r->off))
		return 0;
	memcpy(r->table, "metadata", 8);
	return vhdx_fix_meta_store(r, 0, NULL, 0, err);
}

/* The table cannot be decoded. */
static int table_refused(struct vhdx_fix_region *r, enum vhd_rule_idx rule,
			 const struct vhdx_notes *notes, struct vhd_error *err)
{
	uint32_t idx = vhdx_fix_ent_of_note(&notes->fatal);

	r->m->next = VHDX_FIX_STOP;
	if (rule == RULE_VHDX_META_SIGNATURE)
		return sign(r, err);
	if (rule == RULE_VHDX_META_DUPLICATE)
		return vhdx_fix_ents_repeated(r, err);
	if (rule == RULE_VHDX_META_LENGTH)
		return vhdx_fix_item_length(r, idx, err);
	if (rule == RULE_VHDX_META_MISSING)
		return vhdx_fix_item_missing(r, err);
	return rule == RULE_VHDX_META_COUNT ? 0 :
	       vhdx_fix_ents_unknown(r, rule, err);
}

static void ents_tidy(struct vhdx_fix_region *r)
{
	for (uint32_t i = vhdx_fix_ent_count(r); i-- > 0;) {
		struct vhdx_meta_ent_disk *ent = vhdx_fix_ent(r, i);
		uint32_t flags = le32_get(ent->flags) &
				 (VHDX_META_USER | VHDX_META_DISK |
				  VHDX_META_REQUIRED);
		struct vhd_guid guid;

		vhd_guid_from_mixed(ent->guid, &guid);
		if (vhd_guid_is_zero(&guid)) {
			vhdx_fix_ent_drop(r, i);
			continue;
		}
		if (flags & VHDX_META_USER)
			flags &= ~(uint32_t)VHDX_META_REQUIRED;
		ent->flags = le32_make(flags);
		ent->reserved = le32_make(0);
	}
	for (int i = 0; i < VHDX_ITEM_COUNT; i++) {
		enum vhdx_item item = (enum vhdx_item)i;
		struct vhdx_meta_ent_disk *ent =
			vhdx_fix_ent_find(r, item, false);

		if (ent)
			ent->flags = le32_make(vhdx_item_kind(item)->flags);
	}
}

static int tidy(struct vhdx_fix_region *r, const struct vhdx_notes *notes,
		struct vhd_error *err)
{
	struct vhdx_meta_hdr_disk *hdr = (void *)r->table;

	if (!vhdx_notes_have(notes, RULE_VHDX_META_FLAGS) ||
	    !vhdx_fix_may(r->m, RULE_VHDX_META_FLAGS, r->off,
			  "flags and reserved bytes of the metadata table"
			  " become what they should be"))
		return 0;
	ents_tidy(r);
	hdr->reserved = le16_make(0);
	memset(hdr->reserved2, 0, sizeof(hdr->reserved2));
	return vhdx_fix_meta_store(r, 0, NULL, 0, err);
}

static int table_notes(struct vhdx_fix_region *r,
		       const struct vhdx_notes *notes, struct vhd_error *err)
{
	int rc = vhdx_fix_ents_misplaced(r, err);

	if (!rc && r->m->next == VHDX_FIX_ON &&
	    (notes->dropped || vhdx_notes_have(notes, RULE_VHDX_META_OVERLAP)))
		rc = vhdx_fix_ents_shared(r, err);
	if (rc || r->m->next != VHDX_FIX_ON)
		return rc;
	return tidy(r, notes, err);
}

static int items_load(struct vhdx_fix_region *r, struct vhdx_meta_items *items,
		      struct vhd_error *err)
{
	int rc = 0;

	for (int i = VHDX_ITEM_PARAMS; i < VHDX_ITEM_LOCATOR && !rc; i++) {
		enum vhdx_item item = (enum vhdx_item)i;
		const struct vhdx_meta_place *p = &r->places.item[item];

		rc = vhd_io_read_padded(r->m->io,
					vhdx_meta_item_slot(items, item),
					p->len, r->off + p->off, err);
	}
	return rc;
}

static int items_mend(struct vhdx_fix_region *r, struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_meta_items items;
	enum vhd_rule_idx rule;
	int rc = items_load(r, &items, err);

	if (rc)
		return rc;
	rule = vhdx_meta_decode(&items, &r->places, &r->meta, &notes);
	if (rule == RULE_VHDX_LOCATOR_MISSING)
		rc = vhdx_fix_locator_missing(r, err);
	else if (rule != VHD_RULE_NONE)
		rc = vhdx_fix_item_value(r, rule, err);
	if (!rc && rule != VHD_RULE_NONE && r->m->next == VHDX_FIX_ON)
		r->m->next = VHDX_FIX_STOP;
	if (!rc && r->m->next == VHDX_FIX_ON)
		rc = vhdx_fix_item_notes(r, &notes, err);
	if (!rc && r->m->next == VHDX_FIX_ON)
		rc = vhdx_fix_item_fit(r, err);
	if (!rc && r->m->next == VHDX_FIX_ON &&
	    vhdx_notes_have(&notes, RULE_VHDX_LOCATOR_STRAY))
		rc = vhdx_fix_locator_stray(r, err);
	if (!rc && r->m->next == VHDX_FIX_ON && r->meta.has_parent)
		rc = vhdx_fix_locator(r, err);
	return rc;
}

static int mend(struct vhdx_fix_region *r, struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	enum vhd_rule_idx rule;
	int rc = vhd_io_read_padded(r->m->io, r->table, VHDX_META_TABLE_LEN,
				    r->off, err);

	if (rc)
		return rc;
	rule = vhdx_meta_table_decode(r->table, r->len, &r->places, &notes);
	if (rule != VHD_RULE_NONE)
		return table_refused(r, rule, &notes, err);
	rc = table_notes(r, &notes, err);
	/* What is written to one of two items that share bytes changes both. */
	if (rc || r->m->next != VHDX_FIX_ON ||
	    vhdx_notes_have(&notes, RULE_VHDX_META_OVERLAP))
		return rc;
	return items_mend(r, err);
}

int vhdx_fix_meta(struct vhdx_fix *m, struct vhd_error *err)
{
	struct vhdx_fix_region r = {
		.m = m, .off = m->regions.metadata.off,
		.len = (uint32_t)m->regions.metadata.len,
		.table = vhd_alloc(VHDX_META_TABLE_LEN),
	};
	int rc;

	if (!r.table)
		return vhd_fail_nomem(err);
	rc = mend(&r, err);
	vhd_free(r.table);
	return rc;
}
