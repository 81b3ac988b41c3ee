/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of metadata items (VHDX-CHK-34 to 40).
 *
 * An item whose length is wrong is still there: its length is known, and if the
 * bytes make sense with it, that is what was meant.  Of items that are gone only
 * two can be made up without changing what is on the disk, its id and the
 * physical sector size; their being new is no reason for a new DataWriteGuid,
 * which would take the parent from all children.  The others are guessed at for
 * a copy that is only read (salvage).
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "vhdx/vhdx_repair_meta.h"
#include "vhdx/vhdx_update.h"

enum { ITEM_ROOM = 16 };	/* the longest of the small items */

static bool makes_sense(enum vhdx_item item, const uint8_t *bytes)
{
	const struct vhdx_params_disk *params = (const void *)bytes;
	const le32 *sector = (const void *)bytes;
	const le64 *size = (const void *)bytes;

	switch (item) {
	case VHDX_ITEM_PARAMS:
		return vhdx_block_size_ok(le32_get(params->block_size));
	case VHDX_ITEM_DISK_SIZE:
		return le64_get(*size) && vhdx_disk_size_ok(le64_get(*size),
							    512);
	case VHDX_ITEM_LOGICAL_SECTOR:
	case VHDX_ITEM_PHYSICAL_SECTOR:
		return vhdx_sector_size_ok(le32_get(*sector));
	case VHDX_ITEM_DISK_ID:
		return true;
	case VHDX_ITEM_LOCATOR:
	case VHDX_ITEM_COUNT:
		break;
	}
	return false;
}

/* The bytes of a small item, if it is there and makes sense. */
static int item_get(struct vhdx_fix_region *r, enum vhdx_item item,
		    uint8_t bytes[ITEM_ROOM], bool *there_out,
		    struct vhd_error *err)
{
	const struct vhdx_meta_ent_disk *ent = vhdx_fix_ent_find(r, item,
								 false);
	uint32_t len = vhdx_item_kind(item)->len;
	int rc;

	*there_out = false;
	if (!ent || le32_get(ent->len) != len || !vhdx_fix_ent_place_ok(r, ent))
		return 0;
	rc = vhd_io_read_padded(r->m->io, bytes, len,
				r->off + le32_get(ent->off), err);
	*there_out = !rc && makes_sense(item, bytes);
	return rc;
}

static int params_make(struct vhdx_fix_region *r, uint8_t *bytes,
		       struct vhd_error *err)
{
	struct vhdx_params_disk *params = (void *)bytes;
	uint32_t size = 0, flags = 0;
	int rc = vhdx_fix_guess_block_size(r->m, &size, err);

	if (vhdx_fix_ent_find(r, VHDX_ITEM_LOCATOR, false))
		flags = VHDX_PARAM_HAS_PARENT;
	params->block_size = le32_make(size);
	params->flags = le32_make(flags);
	return rc;
}

static int size_make(struct vhdx_fix_region *r, uint8_t *bytes,
		     struct vhd_error *err)
{
	uint64_t size = align_down(r->m->req->disk_size, 4096);
	uint8_t params[ITEM_ROOM], sector[ITEM_ROOM];
	uint32_t block = 32 << 20, lss = 512;
	const struct vhdx_params_disk *p = (const void *)params;
	const le32 *s = (const void *)sector;
	bool there;
	int rc = 0;

	if (!size || size > VHDX_DISK_SIZE_MAX) {
		rc = item_get(r, VHDX_ITEM_PARAMS, params, &there, err);
		if (!rc && there)
			block = le32_get(p->block_size);
		if (!rc)
			rc = item_get(r, VHDX_ITEM_LOGICAL_SECTOR, sector,
				      &there, err);
		if (!rc && there)
			lss = le32_get(*s);
		if (!rc)
			rc = vhdx_fix_guess_disk_size(r->m, block, lss, &size,
						      err);
	}
	*(le64 *)(void *)bytes = le64_make(size);
	return rc;
}

/* *@made_out false: it cannot be made up. */
static int value_make(struct vhdx_fix_region *r, enum vhdx_item item,
		      uint8_t bytes[ITEM_ROOM], bool *made_out,
		      struct vhd_error *err)
{
	struct vhd_guid id;
	int rc = 0;

	*made_out = item == VHDX_ITEM_DISK_ID ||
		    item == VHDX_ITEM_PHYSICAL_SECTOR || r->m->req->salvage;
	if (!*made_out)
		return 0;
	switch (item) {
	case VHDX_ITEM_DISK_ID:
		rc = vhd_guid_fresh(&id, err);
		if (!rc)
			vhd_guid_to_mixed(&id, bytes);
		return rc;
	case VHDX_ITEM_PHYSICAL_SECTOR:
		*(le32 *)(void *)bytes = le32_make(4096);
		return 0;
	case VHDX_ITEM_LOGICAL_SECTOR:
		*(le32 *)(void *)bytes = le32_make(512);
		break;
	case VHDX_ITEM_PARAMS:
		rc = params_make(r, bytes, err);
		break;
	case VHDX_ITEM_DISK_SIZE:
		rc = size_make(r, bytes, err);
		break;
	case VHDX_ITEM_LOCATOR:
	case VHDX_ITEM_COUNT:
		break;
	}
	*made_out = makes_sense(item, bytes);
	return rc;
}

/* @ent gets a value of our making; NULL: a new entry. */
static int value_renew(struct vhdx_fix_region *r, enum vhd_rule_idx rule,
		       enum vhdx_item item, struct vhdx_meta_ent_disk *ent,
		       struct vhd_error *err)
{
	const struct vhdx_item_kind *kind = vhdx_item_kind(item);
	uint8_t bytes[ITEM_ROOM];
	uint32_t off;
	bool made;
	int rc = value_make(r, item, bytes, &made, err);

	if (rc || !made ||
	    !vhdx_fix_room(r, VHDX_META_TABLE_LEN, kind->len, ent, &off) ||
	    !vhdx_fix_may(r->m, rule, r->off, "item \"%s\" is made anew: %s",
			  kind->name,
			  item == VHDX_ITEM_DISK_ID ? "a random one" :
			  item == VHDX_ITEM_PHYSICAL_SECTOR ? "4096" :
			  "a guess"))
		return rc;
	if (item == VHDX_ITEM_PARAMS || item == VHDX_ITEM_LOGICAL_SECTOR)
		vhd_engine_doubt(r->m->req, 0, UINT64_MAX,
				 "how the disk is cut into blocks and sectors"
				 " is a guess");
	if (item == VHDX_ITEM_DISK_SIZE && !r->m->req->disk_size)
		vhd_engine_doubt(r->m->req, 0, UINT64_MAX,
				 "how large the disk was is a guess");
	if (!ent)
		ent = vhdx_fix_ent_add(r, item);
	if (!ent)
		return 0;
	ent->off = le32_make(off);
	ent->len = le32_make(kind->len);
	return vhdx_fix_meta_store(r, off, bytes, kind->len, err);
}

/* An entry with the GUID and the length of the item, marked as a user's. */
static int item_claim(struct vhdx_fix_region *r, enum vhdx_item item,
		      struct vhdx_meta_ent_disk *ent, struct vhd_error *err)
{
	const struct vhdx_item_kind *kind = vhdx_item_kind(item);

	if (!vhdx_fix_may(r->m, RULE_VHDX_META_MISSING,
			  r->off + (uint64_t)((uint8_t *)ent - r->table),
			  "item \"%s\", which is marked as a user's, is taken"
			  " for that of the disk", kind->name))
		return 0;
	ent->flags = le32_make(kind->flags);
	return vhdx_fix_meta_store(r, 0, NULL, 0, err);
}

int vhdx_fix_item_missing(struct vhdx_fix_region *r, struct vhd_error *err)
{
	struct vhdx_meta_ent_disk *twin;
	int i = VHDX_ITEM_PARAMS;

	while (i < VHDX_ITEM_LOCATOR &&
	       vhdx_fix_ent_find(r, (enum vhdx_item)i, false))
		i++;
	if (i == VHDX_ITEM_LOCATOR)
		return 0;
	twin = vhdx_fix_ent_find(r, (enum vhdx_item)i, true);
	if (twin && vhdx_fix_ent_place_ok(r, twin) &&
	    le32_get(twin->len) == vhdx_item_kind((enum vhdx_item)i)->len)
		return item_claim(r, (enum vhdx_item)i, twin, err);
	return value_renew(r, RULE_VHDX_META_MISSING, (enum vhdx_item)i, NULL,
			   err);
}

static enum vhdx_item item_of(struct vhdx_fix_region *r,
			      const struct vhdx_meta_ent_disk *ent)
{
	int i = VHDX_ITEM_PARAMS;

	while (i < VHDX_ITEM_COUNT &&
	       vhdx_fix_ent_find(r, (enum vhdx_item)i, false) != ent)
		i++;
	return (enum vhdx_item)i;
}

int vhdx_fix_item_length(struct vhdx_fix_region *r, uint32_t idx,
			 struct vhd_error *err)
{
	struct vhdx_meta_ent_disk *ent = vhdx_fix_ent(r, idx);
	enum vhdx_item item = item_of(r, ent);
	uint32_t found = le32_get(ent->len), len;
	uint8_t bytes[ITEM_ROOM];
	bool there;
	int rc;

	if (item >= VHDX_ITEM_LOCATOR)
		return 0;
	len = vhdx_item_kind(item)->len;
	ent->len = le32_make(len);
	rc = item_get(r, item, bytes, &there, err);
	if (rc)
		return rc;
	if (!there)
		return value_renew(r, RULE_VHDX_META_LENGTH, item, ent, err);
	if (!vhdx_fix_may(r->m, RULE_VHDX_META_LENGTH,
			  r->off + (uint64_t)((uint8_t *)ent - r->table),
			  "length of item \"%s\" becomes %" PRIu32
			  " instead of %" PRIu32, vhdx_item_kind(item)->name,
			  len, found))
		return 0;
	return vhdx_fix_meta_store(r, 0, NULL, 0, err);
}

/* In its place: a value that no disk can have. */
int vhdx_fix_item_value(struct vhdx_fix_region *r, enum vhd_rule_idx rule,
			struct vhd_error *err)
{
	enum vhdx_item item = rule == RULE_VHDX_BLOCK_SIZE ? VHDX_ITEM_PARAMS :
			      rule == RULE_VHDX_DISK_SIZE ?
				      VHDX_ITEM_DISK_SIZE :
				      VHDX_ITEM_LOGICAL_SECTOR;
	struct vhdx_meta_ent_disk *ent = vhdx_fix_ent_find(r, item, false);

	if (!r->m->req->salvage || !ent)
		return 0;
	return value_renew(r, rule, item, ent, err);
}

static int sector_mend(struct vhdx_fix_region *r, struct vhd_error *err)
{
	uint32_t off = r->places.item[VHDX_ITEM_PHYSICAL_SECTOR].off;
	le32 size = le32_make(4096);

	if (!vhdx_fix_may(r->m, RULE_VHDX_PHYSICAL_SECTOR, r->off + off,
			  "physical sector size becomes 4096 instead of %"
			  PRIu32, r->meta.physical_sector))
		return 0;
	return vhdx_fix_meta_store(r, off, &size, sizeof(size), err);
}

static int flags_mend(struct vhdx_fix_region *r, struct vhd_error *err)
{
	uint32_t off = r->places.item[VHDX_ITEM_PARAMS].off;
	struct vhdx_params_disk params = {
		.block_size = le32_make(r->meta.block_size),
		.flags = le32_make((r->meta.leave_allocated ?
					    VHDX_PARAM_LEAVE_ALLOCATED : 0u) |
				   (r->meta.has_parent ?
					    VHDX_PARAM_HAS_PARENT : 0u)),
	};

	if (!vhdx_fix_may(r->m, RULE_VHDX_PARAM_FLAGS, r->off + off,
			  "reserved bits of the file parameters become zero"))
		return 0;
	return vhdx_fix_meta_store(r, off, &params, sizeof(params), err);
}

int vhdx_fix_item_notes(struct vhdx_fix_region *r,
			const struct vhdx_notes *notes, struct vhd_error *err)
{
	int rc = 0;

	if (vhdx_notes_have(notes, RULE_VHDX_PHYSICAL_SECTOR))
		rc = sector_mend(r, err);
	if (!rc && r->m->next == VHDX_FIX_ON &&
	    vhdx_notes_have(notes, RULE_VHDX_PARAM_FLAGS))
		rc = flags_mend(r, err);
	return rc;
}

/* Whole blocks, as many as a table with @room entries has room for. */
static uint64_t blocks_in(const struct vhdx_geom *g, uint64_t room,
			  bool has_parent)
{
	uint64_t chunks = room / ((uint64_t)g->chunk_ratio + 1);

	return has_parent ? chunks * g->chunk_ratio : room - chunks;
}

int vhdx_fix_item_fit(struct vhdx_fix_region *r, struct vhd_error *err)
{
	const struct vhdx_place *bat = &r->m->regions.bat;
	uint64_t room = vhdx_bat_idx_of_off(bat->len);
	struct vhdx_geom g;
	le64 size;

	vhdx_geom_init(&g, r->meta.disk_size, r->meta.block_size,
		       r->meta.logical_sector);
	if (!r->m->req->salvage ||
	    vhdx_geom_entries(&g, r->meta.has_parent) <= room)
		return 0;
	size = le64_make(blocks_in(&g, room, r->meta.has_parent) *
			 g.block_size);
	if (!vhdx_fix_may(r->m, RULE_VHDX_BAT_SHORT, bat->off,
			  "disk is taken to have 0x%" PRIx64 " bytes instead"
			  " of 0x%" PRIx64 ": its table has no room for more",
			  le64_get(size), r->meta.disk_size))
		return 0;
	return vhdx_fix_meta_store(r, r->places.item[VHDX_ITEM_DISK_SIZE].off,
				   &size, sizeof(size), err);
}
