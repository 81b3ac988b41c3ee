/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another parent for a differencing disk.
 *
 * The locator is written anew as a whole: what an old one says beside the
 * linkage and the relative path (places on another machine, a second linkage)
 * is about the parent of before.  The new item goes where nothing else is, and
 * one entry of the log brings it and the table to the file, so that a cut leaves
 * the old locator or the new one (VHDX-WR-41).  The file's identity changes, its
 * data's does not: children stay valid (VHDX-PAR-15).
 */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "vhdx/vhdx_build_priv.h"
#include "vhdx/vhdx_repair_meta.h"
#include "vhdx/vhdx_write.h"

static int item_make(const struct vhd_engine_parent *p, uint8_t **item_out,
		     uint32_t *len_out, struct vhd_error *err)
{
	const struct vhd_build what = {
		.parent_raw = p->raw,
		.parent_id = p->id,
		.parent_relative = p->relative,
		.parent_windows = p->windows,
	};

	return vhdx_build_locator(&what, item_out, len_out, err);
}

/* Is that what the file has? */
static int item_same(const struct vhdx *x, const struct vhdx_meta_place *place,
		     const uint8_t *item, uint32_t len, bool *same_out,
		     struct vhd_error *err)
{
	uint8_t *have;
	int rc;

	*same_out = false;
	if (place->len != len)
		return 0;
	have = vhd_alloc(len);
	if (!have)
		return vhd_fail_nomem(err);
	rc = vhdx_read(x, have, len, x->regions.metadata.off + place->off, err);
	*same_out = !rc && !memcmp(have, item, len);
	vhd_free(have);
	return rc;
}

static int table_load(const struct vhdx *x, struct vhdx_fix_region *r,
		      struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	int rc = vhdx_read(x, r->table, VHDX_META_TABLE_LEN, r->off, err);

	if (!rc && vhdx_meta_table_decode(r->table, r->len, &r->places,
					  &notes) != VHD_RULE_NONE)
		rc = vhdx_notes_fail(&notes, r->off, err);
	return rc;
}

/* The writer of @x has done nothing: its log knows of no entry, and this one
 * begins and ends its own. */
static int put(struct vhdx *x, struct vhdx_fix_region *r, const uint8_t *item,
	       uint32_t len, struct vhd_error *err)
{
	struct vhd_engine_repair none = { .io = x->io };
	struct vhdx_fix m = {
		.req = &none,
		.io = x->io,
		.file_size = x->file_size,
		.headers = x->headers,
		.log = x->log,
		.regions = x->regions,
	};

	if (!x->write || vhdx_write_begun(x))
		return vhd_fail(err, VHD_E_INVAL,
				"the image is not open for a new parent");
	r->m = &m;
	return vhdx_fix_locator_put(r, item, len, err);
}

int vhdx_reparent(void *eng, const struct vhd_engine_parent *parent, bool dry,
		  bool *changed_out, struct vhd_error *err)
{
	struct vhdx *x = eng;
	struct vhdx_fix_region r = {
		.off = x->regions.metadata.off,
		.len = (uint32_t)x->regions.metadata.len,
	};
	uint8_t *item = NULL;
	uint32_t len = 0;
	bool same = false;
	int rc;

	if (!x->meta.has_parent)
		return vhd_fail(err, VHD_E_INVAL, "the image has no parent "
				"that could be another one");
	rc = item_make(parent, &item, &len, err);
	if (rc)
		return rc;
	r.table = vhd_alloc(VHDX_META_TABLE_LEN);
	rc = r.table ? table_load(x, &r, err) : vhd_fail_nomem(err);
	if (!rc)
		rc = item_same(x, &r.places.item[VHDX_ITEM_LOCATOR], item, len,
			       &same, err);
	if (!rc && !same && !dry)
		rc = put(x, &r, item, len, err);
	if (!rc)
		*changed_out = !same;
	vhd_free(r.table);
	vhd_free(item);
	return rc;
}
