/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second name that a child has for its parent, while the parent is between
 * two identities (VHDX-MRG-02).  Windows leaves room for it in every locator;
 * where there is none the item is written anew, a little longer, elsewhere in the
 * region (VHDX-WR-41).  Either way it is one entry of the log: a cut leaves the
 * old locator or the new one.  The child's data keeps its identity.
 */
#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "codec/vhdx_locator_edit.h"
#include "vhdx/vhdx_item.h"

/* The locator as it is; *item_out is freed with vhd_free(). */
static int load(const struct vhdx *x, uint8_t **item_out,
		struct vhdx_locator *out, struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_meta_table table;
	const struct vhdx_meta_place *at = &table.item[VHDX_ITEM_LOCATOR];
	uint64_t off;
	uint8_t *item;
	int rc = vhdx_item_table(x, &table, err);

	if (rc)
		return rc;
	off = x->regions.metadata.off + at->off;
	/* At most VHDX_META_ITEM_MAX: the table was decoded. */
	item = vhd_alloc(at->len ? at->len : 1);
	if (!item)
		return vhd_fail_nomem(err);
	rc = vhdx_read(x, item, at->len, off, err);
	if (!rc && vhdx_locator_decode(item, at->len, out, &notes) !=
		   VHD_RULE_NONE)
		rc = vhdx_notes_fail(&notes, off, err);
	if (rc)
		vhd_free(item);
	else
		*item_out = item;
	return rc;
}

static int store(struct vhdx *x, const struct vhdx_locator *loc,
		 const struct vhd_guid *id, struct vhd_error *err)
{
	size_t room = loc->len + VHDX_LOCATOR_PAIR_MAX, len;
	uint8_t *item = vhd_alloc(room);
	struct vhdx_edit e;
	int rc;

	if (!item)
		return vhd_fail_nomem(err);
	if (!vhdx_locator_link(loc, VHDX_KEY_LINKAGE2, id, item, room, &len) ||
	    len > VHDX_META_ITEM_MAX) {
		vhd_free(item);
		return vhd_fail(err, VHD_E_NOSPACE,
				"the parent locator has no room for a second"
				" name of the parent");
	}
	if (x->write)
		vhdx_log_keep(x->write->log);
	rc = vhdx_edit_begin(&e, x, err);
	if (!rc)
		rc = vhdx_item_replace(&e, VHDX_ITEM_LOCATOR, item,
				       (uint32_t)len, err);
	vhdx_edit_end(&e);
	vhd_free(item);
	return rc;
}

int vhdx_link2(void *eng, const struct vhd_guid *id, struct vhd_error *err)
{
	struct vhdx *x = eng;
	struct vhdx_locator loc;
	uint8_t *item = NULL;
	int rc;

	if (!x->meta.has_parent)
		return vhd_fail(err, VHD_E_INVAL, "the image has no parent, and"
				" so no name for one");
	rc = load(x, &item, &loc, err);
	if (rc)
		return rc;
	if (!vhd_guid_equal(&loc.linkage2, id))
		rc = store(x, &loc, id, err);
	vhd_free(item);
	if (rc)
		return rc;
	x->parent_ids[1] = *id;
	x->parent_id_count = vhd_guid_is_zero(id) ? 1 : 2;
	return 0;
}
