/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/guid.h"
#include "base/zero.h"
#include "codec/vhdx_guids.h"
#include "codec/vhdx_region.h"

/*
 * A region table has at most 2047 entries, so comparing each with each is two
 * million steps at worst, and needs no memory.
 */

static const char regions_signature[4] = { 'r', 'e', 'g', 'i' };

static const struct vhdx_regions_hdr_disk *regions_hdr(const uint8_t *table)
{
	return (const void *)table;
}

static uint32_t ent_off(uint32_t idx)
{
	return (uint32_t)(sizeof(struct vhdx_regions_hdr_disk) +
			  idx * sizeof(struct vhdx_region_disk));
}

static uint32_t regions_crc(const uint8_t table[VHDX_REGIONS_LEN])
{
	static const uint8_t zeros[4];
	uint32_t crc = vhd_crc32c(0, table, 4);

	crc = vhd_crc32c(crc, zeros, 4);
	return vhd_crc32c(crc, table + 8, VHDX_REGIONS_LEN - 8);
}

bool vhdx_regions_sound(const uint8_t table[VHDX_REGIONS_LEN])
{
	return !memcmp(table, regions_signature, 4) &&
	       le32_get(regions_hdr(table)->checksum) == regions_crc(table);
}

enum vhd_rule_idx vhdx_region_pair_decode(
	const uint8_t first[VHDX_REGIONS_LEN],
	const uint8_t second[VHDX_REGIONS_LEN],
	struct vhdx_region_pair *out, struct vhdx_notes *notes)
{
	uint32_t ok = (vhdx_regions_sound(first) ? 1u : 0u) |
		      (vhdx_regions_sound(second) ? 2u : 0u);

	if (!ok)
		return vhdx_note_fatal(notes, RULE_VHDX_RGN_BOTH_BAD,
				       VHDX_REGIONS1_OFF, 0, NULL);
	if (ok == 1)
		vhdx_note_add(notes, RULE_VHDX_RGN_ONE_BAD, VHDX_REGIONS2_OFF,
			      0, NULL);
	else if (ok == 2)
		vhdx_note_add(notes, RULE_VHDX_RGN_ONE_BAD, VHDX_REGIONS1_OFF,
			      0, NULL);
	else if (memcmp(first, second, VHDX_REGIONS_LEN))
		vhdx_note_add(notes, RULE_VHDX_RGN_DIFFER, VHDX_REGIONS2_OFF,
			      0, NULL);
	out->ok = ok;
	out->use = ok == 2;	/* copy 1 on conflict (VHDX-RGN-07) */
	return VHD_RULE_NONE;
}

void vhdx_region_get(const uint8_t table[VHDX_REGIONS_LEN], uint32_t idx,
		     struct vhdx_region *out)
{
	const struct vhdx_region_disk *d = (const void *)(table + ent_off(idx));

	vhd_guid_from_mixed(d->guid, &out->guid);
	out->place.off = le64_get(d->off);
	out->place.len = le32_get(d->len);
	out->required = le32_get(d->required);
}

bool vhdx_region_is_other(const struct vhdx_region *region)
{
	return !vhd_guid_equal(&region->guid, &vhdx_guid_bat) &&
	       !vhd_guid_equal(&region->guid, &vhdx_guid_metadata);
}

static bool place_ok(const struct vhdx_place *p, uint64_t limit)
{
	return p->off >= MiB && !(p->off % MiB) && p->len && !(p->len % MiB) &&
	       range_in(p->off, p->len, limit);
}

static bool places_overlap(const struct vhdx_place *a,
			   const struct vhdx_place *b)
{
	return ranges_overlap(a->off, a->len, b->off, b->len);
}

/* Entry @idx against those before it, and the log. */
static enum vhd_rule_idx region_compare(const uint8_t *table, uint32_t idx,
					const struct vhdx_region *r,
					const struct vhdx_place *log,
					struct vhdx_notes *notes)
{
	struct vhdx_region prev;

	if (places_overlap(&r->place, log))
		return vhdx_note_fatal(notes, RULE_VHDX_RGN_OVERLAP,
				       ent_off(idx), r->place.off,
				       "with the log at");
	for (uint32_t i = 0; i < idx; i++) {
		vhdx_region_get(table, i, &prev);
		if (vhd_guid_equal(&r->guid, &prev.guid))
			return vhdx_note_fatal(notes, RULE_VHDX_RGN_DUPLICATE,
					       ent_off(idx), idx, "entry");
		if (places_overlap(&r->place, &prev.place))
			return vhdx_note_fatal(notes, RULE_VHDX_RGN_OVERLAP,
					       ent_off(idx), r->place.off,
					       "at");
	}
	return VHD_RULE_NONE;
}

static enum vhd_rule_idx region_check(const struct vhdx_region *r, bool other,
				      uint32_t off, uint64_t file_size,
				      struct vhdx_notes *notes)
{
	if (other && r->required & 1)
		return vhdx_note_fatal(notes, RULE_VHDX_RGN_REQUIRED, off, 0,
				       NULL);
	if (!place_ok(&r->place, other ? UINT64_MAX : file_size))
		return vhdx_note_fatal(notes, RULE_VHDX_RGN_PLACE, off,
				       r->place.off, "offset");
	if (other)
		vhdx_note_add(notes, RULE_VHDX_RGN_OPTIONAL, off, r->place.off,
			      "at");
	if (other ? r->required != 0 : r->required != 1)
		vhdx_note_add(notes, RULE_VHDX_RGN_FLAGS, off, r->required,
			      "required field");
	return VHD_RULE_NONE;
}

static void table_flags_check(const uint8_t *table, uint32_t count,
			      struct vhdx_notes *notes)
{
	uint32_t end_off = ent_off(count);

	if (le32_get(regions_hdr(table)->reserved))
		vhdx_note_add(notes, RULE_VHDX_RGN_FLAGS, 12,
			      le32_get(regions_hdr(table)->reserved),
			      "reserved field");
	if (!vhd_is_zero(table + end_off, VHDX_REGIONS_LEN - end_off))
		vhdx_note_add(notes, RULE_VHDX_RGN_FLAGS, end_off, 0,
			      "bytes after the last entry");
}

enum vhd_rule_idx vhdx_regions_decode(const uint8_t table[VHDX_REGIONS_LEN],
				      const struct vhdx_place *log,
				      uint64_t file_size,
				      struct vhdx_regions *out,
				      struct vhdx_notes *notes)
{
	struct vhdx_regions rs = { .count = le32_get(regions_hdr(table)->count) };
	enum vhd_rule_idx rule;

	if (rs.count > VHDX_REGIONS_MAX)
		return vhdx_note_fatal(notes, RULE_VHDX_RGN_COUNT, 8, rs.count,
				       "entries");
	for (uint32_t i = 0; i < rs.count; i++) {
		struct vhdx_region r;
		bool other;

		vhdx_region_get(table, i, &r);
		other = vhdx_region_is_other(&r);
		rule = region_check(&r, other, ent_off(i), file_size, notes);
		if (rule == VHD_RULE_NONE)
			rule = region_compare(table, i, &r, log, notes);
		if (rule != VHD_RULE_NONE)
			return rule;
		if (other)
			rs.other_count++;
		else if (vhd_guid_equal(&r.guid, &vhdx_guid_bat))
			rs.bat = r.place;
		else
			rs.metadata = r.place;
	}
	if (!rs.bat.len)
		return vhdx_note_fatal(notes, RULE_VHDX_RGN_NO_BAT, 0, 0, NULL);
	if (!rs.metadata.len)
		return vhdx_note_fatal(notes, RULE_VHDX_RGN_NO_METADATA, 0, 0,
				       NULL);
	table_flags_check(table, rs.count, notes);
	*out = rs;
	return VHD_RULE_NONE;
}

void vhdx_regions_seal(uint8_t table[VHDX_REGIONS_LEN])
{
	struct vhdx_regions_hdr_disk *hdr = (void *)table;

	memcpy(hdr->signature, regions_signature, 4);
	hdr->checksum = le32_make(regions_crc(table));
}

/* Unknown regions of a decoded table are optional ones. */
void vhdx_regions_tidy(uint8_t table[VHDX_REGIONS_LEN])
{
	struct vhdx_regions_hdr_disk *hdr = (void *)table;
	uint32_t count = le32_get(hdr->count);
	struct vhdx_region r;

	for (uint32_t i = 0; i < count; i++) {
		struct vhdx_region_disk *d = (void *)(table + ent_off(i));

		vhdx_region_get(table, i, &r);
		d->required = le32_make(vhdx_region_is_other(&r) ? 0 : 1);
	}
	hdr->reserved = le32_make(0);
	memset(table + ent_off(count), 0, VHDX_REGIONS_LEN - ent_off(count));
	vhdx_regions_seal(table);
}

static void region_put(uint8_t *table, uint32_t idx,
		       const struct vhd_guid *guid,
		       const struct vhdx_place *place)
{
	struct vhdx_region_disk *d = (void *)(table + ent_off(idx));

	vhd_guid_to_mixed(guid, d->guid);
	d->off = le64_make(place->off);
	d->len = le32_make((uint32_t)place->len);
	d->required = le32_make(1);
}

void vhdx_regions_encode(const struct vhdx_regions *regions,
			 uint8_t table[VHDX_REGIONS_LEN])
{
	struct vhdx_regions_hdr_disk *hdr = (void *)table;

	memset(table, 0, VHDX_REGIONS_LEN);
	hdr->count = le32_make(2);
	region_put(table, 0, &vhdx_guid_bat, &regions->bat);
	region_put(table, 1, &vhdx_guid_metadata, &regions->metadata);
	vhdx_regions_seal(table);
}
