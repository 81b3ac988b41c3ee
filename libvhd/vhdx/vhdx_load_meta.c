/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening, third part: metadata, and what follows from it. */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "vhdx/vhdx.h"

int vhdx_load_table(const struct vhdx *x, struct vhdx_meta_table *out,
		    const struct vhd_sink *sink, struct vhd_error *err)
{
	const struct vhdx_place *region = &x->regions.metadata;
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	uint8_t *table = vhd_alloc(VHDX_META_TABLE_LEN);
	int rc;

	if (!table)
		return vhd_fail_nomem(err);
	rc = vhdx_read(x, table, VHDX_META_TABLE_LEN, region->off, err);
	if (rc)
		goto out;
	if (vhdx_meta_table_decode(table, region->len, out, &notes) !=
	    VHD_RULE_NONE) {
		rc = vhdx_notes_fail(&notes, region->off, err);
		goto out;
	}
	vhdx_notes_report(&notes, sink, region->off);
out:
	vhd_free(table);
	return rc;
}

/* All items but the locator are small and there: the table was decoded. */
static int load_items(const struct vhdx *x, const struct vhdx_meta_table *table,
		      struct vhdx_meta *out, const struct vhd_sink *sink,
		      struct vhd_error *err)
{
	const struct vhdx_place *region = &x->regions.metadata;
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_meta_items items;

	for (int i = VHDX_ITEM_PARAMS; i < VHDX_ITEM_LOCATOR; i++) {
		enum vhdx_item item = (enum vhdx_item)i;
		int rc = vhdx_read(x, vhdx_meta_item_slot(&items, item),
				   table->item[item].len,
				   region->off + table->item[item].off, err);

		if (rc)
			return rc;
	}
	if (vhdx_meta_decode(&items, table, out, &notes) != VHD_RULE_NONE)
		return vhdx_notes_fail(&notes, region->off, err);
	vhdx_notes_report(&notes, sink, region->off);
	return 0;
}

/* Is the table as long as the disk needs it to be (VHDX-BAT-03)? */
static int measure_bat(struct vhdx *x, struct vhd_error *err)
{
	const struct vhdx_place *bat = &x->regions.bat;

	vhdx_geom_init(&x->geom, x->meta.disk_size, x->meta.block_size,
		       x->meta.logical_sector);
	x->bat_used = vhdx_geom_entries(&x->geom, x->meta.has_parent);
	x->bat_room = vhdx_bat_idx_of_off(bat->len);
	if (x->bat_used <= x->bat_room)
		return 0;
	return vhd_fail_rule(err, RULE_VHDX_BAT_SHORT, bat->off,
			     "block allocation table has room for %" PRIu64
			     " entries, a disk of 0x%" PRIx64 " bytes needs %"
			     PRIu64, x->bat_room, x->meta.disk_size,
			     x->bat_used);
}

int vhdx_load_meta(struct vhdx *x, const struct vhd_sink *sink,
		   struct vhd_error *err)
{
	struct vhdx_meta_table table;
	const struct vhdx_meta_place *loc = &table.item[VHDX_ITEM_LOCATOR];
	int rc;

	rc = vhdx_load_table(x, &table, sink, err);
	if (rc)
		return rc;
	rc = load_items(x, &table, &x->meta, sink, err);
	if (rc)
		return rc;
	rc = measure_bat(x, err);
	if (rc || !x->meta.has_parent)
		return rc;
	return vhdx_load_parent(x, x->regions.metadata.off + loc->off, loc->len,
				sink, err);
}
