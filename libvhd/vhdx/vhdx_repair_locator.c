/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a child says about its parent (VHDX-CHK-41, 42, 80 to 84).
 *
 * A locator is written anew as a whole, and only for a parent that the owner has
 * named: the new item goes where nothing else is, and the entry of the table
 * turns to it in the same entry of the log (VHDX-WR-41).  The file's identity
 * changes, its data's does not (VHDX-PAR-15).
 *
 * Whether a disk has a parent is one bit, so it may just as well be that bit
 * which is wrong: the owner can say so.  "alone" takes it away from a disk
 * without a locator, "child" gives it to a disk that has one.  Since guests read
 * something else then, so does the DataWriteGuid.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "codec/vhdx_locator.h"
#include "vhdx/vhdx_build_priv.h"
#include "vhdx/vhdx_repair_meta.h"
#include "vhdx/vhdx_update.h"

/* The item that the owner's parent would get. */
static int item_make(const struct vhdx_fix_region *r, uint8_t **item_out,
		     uint32_t *len_out, struct vhd_error *err)
{
	const struct vhd_engine_parent *p = r->m->req->parent;
	struct vhd_build what = { .parent_relative = "unknown parent" };
	int rc = 0;

	if (p) {
		what.parent_raw = p->raw;
		what.parent_id = p->id;
		what.parent_relative = p->relative;
		what.parent_windows = p->windows;
	} else {
		/* So that the file opens and says what only a parent has. */
		rc = vhd_guid_fresh(&what.parent_id, err);
	}
	return rc ? rc : vhdx_build_locator(&what, item_out, len_out, err);
}

int vhdx_fix_locator_put(struct vhdx_fix_region *r, const uint8_t *item,
			 uint32_t len, struct vhd_error *err)
{
	struct vhdx_meta_ent_disk *ent =
		vhdx_fix_ent_find(r, VHDX_ITEM_LOCATOR, false);
	uint32_t off;

	if (!vhdx_fix_room(r, VHDX_META_TABLE_LEN, len, NULL, &off))
		return vhd_fail(err, VHD_E_NOSPACE,
				"metadata has no room for a parent locator of"
				" %u bytes", len);
	if (!ent)
		ent = vhdx_fix_ent_add(r, VHDX_ITEM_LOCATOR);
	if (!ent)
		return vhd_fail(err, VHD_E_NOSPACE,
				"metadata table has no room for a parent"
				" locator");
	ent->off = le32_make(off);
	ent->len = le32_make(len);
	return vhdx_fix_meta_store(r, off, item, len, err);
}

/* For a @rule that only another locator cures. */
static int relocate(struct vhdx_fix_region *r, enum vhd_rule_idx rule,
		    const uint8_t *item, uint32_t len, const char *why,
		    struct vhd_error *err)
{
	const struct vhd_engine_parent *p = r->m->req->parent;

	if (!p && !r->m->req->salvage) {
		vhdx_fix_offer(r->m, rule, r->off,
			       "the parent is recorded anew, once it is named");
		return 0;
	}
	if (!vhdx_fix_may(r->m, rule, r->off, p ?
			  "\"%s\" is recorded as the parent%s" :
			  "an unknown parent is assumed",
			  p ? p->relative ? p->relative : p->windows : "",
			  why))
		return 0;
	return vhdx_fix_locator_put(r, item, len, err);
}

static int relocate_anew(struct vhdx_fix_region *r, enum vhd_rule_idx rule,
			 struct vhd_error *err)
{
	uint8_t *item = NULL;
	uint32_t len = 0;
	int rc = 0;

	if (r->m->req->parent || r->m->req->salvage)
		rc = item_make(r, &item, &len, err);
	if (!rc)
		rc = relocate(r, rule, item, len, "", err);
	vhd_free(item);
	return rc;
}

/* The bit of the file parameters that says whether there is a parent. */
static int params_turn(struct vhdx_fix_region *r, struct vhd_error *err)
{
	struct vhdx_meta_ent_disk *ent = vhdx_fix_ent_find(r, VHDX_ITEM_PARAMS,
							   false);
	struct vhdx_params_disk params;
	uint32_t off = le32_get(ent->off);
	int rc;

	rc = vhd_io_read_padded(r->m->io, &params, sizeof(params),
				r->off + off, err);
	if (rc)
		return rc;
	params.flags = le32_make(le32_get(params.flags) ^
				 VHDX_PARAM_HAS_PARENT);
	r->m->visible = true;
	return vhdx_fix_meta_store(r, off, &params, sizeof(params), err);
}

int vhdx_fix_locator_missing(struct vhdx_fix_region *r, struct vhd_error *err)
{
	const char *choice = vhd_mend_choice(&r->m->req->mender,
					     RULE_VHDX_LOCATOR_MISSING);

	if (!choice || strcmp(choice, "alone"))
		return relocate_anew(r, RULE_VHDX_LOCATOR_MISSING, err);
	if (!vhdx_fix_may(r->m, RULE_VHDX_LOCATOR_MISSING, r->off,
			  "the disk is no longer marked as one with a parent:"
			  " what only that held reads as zeros"))
		return 0;
	return params_turn(r, err);
}

int vhdx_fix_locator_stray(struct vhdx_fix_region *r, struct vhd_error *err)
{
	const struct vhdx_meta_ent_disk *ent =
		vhdx_fix_ent_find(r, VHDX_ITEM_LOCATOR, false);
	uint64_t at = (uint64_t)((const uint8_t *)ent - r->table);
	const char *choice = vhd_mend_choice(&r->m->req->mender,
					     RULE_VHDX_LOCATOR_STRAY);

	if (choice && !strcmp(choice, "child")) {
		if (!vhdx_fix_may(r->m, RULE_VHDX_LOCATOR_STRAY, r->off + at,
				  "the disk is marked as one with the parent"
				  " that its locator names"))
			return 0;
		return params_turn(r, err);
	}
	if (!vhdx_fix_may(r->m, RULE_VHDX_LOCATOR_STRAY, r->off + at,
			  "the parent locator of a disk without a parent is"
			  " dropped"))
		return 0;
	vhdx_fix_ent_drop(r, (uint32_t)((at - sizeof(struct vhdx_meta_hdr_disk))
					/ sizeof(*ent)));
	return vhdx_fix_meta_store(r, 0, NULL, 0, err);
}

/* Does the locator in the file say all that the new one says of a path? */
static bool path_same(const struct vhdx_locator *have,
		      const struct vhdx_locator *want, enum vhdx_key key)
{
	const struct vhdx_locator_str *a = &have->value[key];
	const struct vhdx_locator_str *b = &want->value[key];

	return !b->len || (a->len == b->len &&
			   !memcmp(have->item + a->off, want->item + b->off,
				   a->len));
}

/* Two rules have the same cure: the owner has consented to one of them. */
static enum vhd_rule_idx path_rule(const struct vhdx_fix_region *r)
{
	const struct vhd_mender *mender = &r->m->req->mender;

	return !vhd_mend_choice(mender, RULE_VHDX_PARENT_MISSING) &&
	       vhd_mend_choice(mender, RULE_VHDX_PATH_STALE) ?
		       RULE_VHDX_PATH_STALE : RULE_VHDX_PARENT_MISSING;
}

/*
 * The parent that the owner names may be the one that is recorded; the rule that
 * is broken otherwise is what a check of the chain finds.
 */
static int rename_parent(struct vhdx_fix_region *r,
			 const struct vhdx_locator *have, struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_locator want;
	uint8_t *item;
	uint32_t len;
	int rc = item_make(r, &item, &len, err);

	if (rc)
		return rc;
	if (vhdx_locator_decode(item, len, &want, &notes) != VHD_RULE_NONE) {
		rc = vhdx_notes_fail(&notes, r->off, err);
	} else if (!vhd_guid_equal(&have->linkage, &want.linkage) &&
		   !vhd_guid_equal(&have->linkage2, &want.linkage)) {
		rc = relocate(r, RULE_VHDX_PARENT_ID, item, len, ", though it"
			      " is not the one this disk was made for, or has"
			      " changed since: what is read may be wrong", err);
	} else if (!path_same(have, &want, VHDX_KEY_RELATIVE) ||
		   !path_same(have, &want, VHDX_KEY_ABSOLUTE)) {
		rc = relocate(r, path_rule(r), item, len, "", err);
	}
	vhd_free(item);
	return rc;
}

static int locator_mend(struct vhdx_fix_region *r, const uint8_t *item,
			uint32_t len, struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_locator loc;
	enum vhd_rule_idx rule = vhdx_locator_decode(item, len, &loc, &notes);
	bool known = rule == RULE_VHDX_LINKAGE ||
		     rule == RULE_VHDX_LOCATOR_FORM;
	int rc = 0;

	if (rule != VHD_RULE_NONE) {
		/* One of an unknown type may be sound. */
		if (known || r->m->req->salvage)
			rc = relocate_anew(r, rule, err);
		if (r->m->next == VHDX_FIX_ON)
			r->m->next = VHDX_FIX_STOP;
		return rc;
	}
	if (vhdx_notes_have(&notes, RULE_VHDX_PARENT_NO_PATH) &&
	    !r->m->req->salvage)
		return relocate_anew(r, RULE_VHDX_PARENT_NO_PATH, err);
	return r->m->req->parent ? rename_parent(r, &loc, err) : 0;
}

int vhdx_fix_locator(struct vhdx_fix_region *r, struct vhd_error *err)
{
	const struct vhdx_meta_place *p = &r->places.item[VHDX_ITEM_LOCATOR];
	/* At most VHDX_META_ITEM_MAX: the table was decoded. */
	uint8_t *item = vhd_alloc(p->len ? p->len : 1);
	int rc;

	if (!item)
		return vhd_fail_nomem(err);
	rc = vhd_io_read_padded(r->m->io, item, p->len, r->off + p->off, err);
	if (!rc)
		rc = locator_mend(r, item, p->len, err);
	vhd_free(item);
	return rc;
}
