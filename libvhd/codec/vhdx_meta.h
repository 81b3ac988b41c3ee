/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_META_H
#define VHD_CODEC_VHDX_META_H

/*
 * The metadata region (vhdx.md 6, 7), in two steps: the table says where the
 * items lie; the caller reads those it wants; the five small ones make the
 * description of the disk.
 */

#include "codec/vhdx_disk.h"
#include "codec/vhdx_note.h"
#include "vhd/types.h"

/* The items that are known, in the order Windows writes them. */
enum vhdx_item {
	VHDX_ITEM_PARAMS,
	VHDX_ITEM_DISK_SIZE,
	VHDX_ITEM_LOGICAL_SECTOR,
	VHDX_ITEM_PHYSICAL_SECTOR,
	VHDX_ITEM_DISK_ID,
	VHDX_ITEM_LOCATOR,
	VHDX_ITEM_COUNT
};

/* What the entry of an item should say. */
struct vhdx_item_kind {
	const struct vhd_guid *guid;
	const char *name;
	uint32_t len;		/* exact; 0: any */
	uint32_t flags;
	bool mandatory;
};

const struct vhdx_item_kind *vhdx_item_kind(enum vhdx_item item);

struct vhdx_meta_place {
	uint32_t off;		/* from the start of the region */
	uint32_t len;
	bool present;
};

struct vhdx_meta_table {
	struct vhdx_meta_place item[VHDX_ITEM_COUNT];
	uint32_t count;		/* entries of the table */
};

/*
 * Decodes the table.  When VHD_RULE_NONE is returned, all five small items are
 * present with their exact lengths, and every present item lies inside
 * [64 KiB, @region_len).
 *
 * Returns: RULE_VHDX_META_SIGNATURE, _META_COUNT, _META_DUPLICATE, _META_PLACE,
 *          _META_REQUIRED, _META_INCOMPLETE, _META_MISSING, _META_LENGTH or
 *          VHD_RULE_NONE.
 * Notes:   RULE_VHDX_META_PLACE_OPT, _META_OVERLAP, _META_FLAGS.  Places count
 *          from the start of the region.
 */
enum vhd_rule_idx vhdx_meta_table_decode(
	const uint8_t table[VHDX_META_TABLE_LEN], uint64_t region_len,
	struct vhdx_meta_table *out, struct vhdx_notes *notes);

/* The five small items as they lie on disk. */
struct vhdx_meta_items {
	struct vhdx_params_disk params;
	le64	disk_size;
	le32	logical_sector;
	le32	physical_sector;
	uint8_t	disk_id[16];
};
_Static_assert(sizeof(struct vhdx_meta_items) == 40, "Windows packs them so");

struct vhdx_meta {
	uint64_t disk_size;
	uint32_t block_size;
	uint32_t logical_sector;
	uint32_t physical_sector;	/* as found (VHDX-TOL-12) */
	struct vhd_guid disk_id;
	bool leave_allocated;
	bool has_parent;
};

/* Where the bytes of a small item go in @items. */
void *vhdx_meta_item_slot(struct vhdx_meta_items *items, enum vhdx_item item);

/*
 * Decodes the small items.
 *
 * Returns: RULE_VHDX_BLOCK_SIZE, _LOGICAL_SECTOR, _DISK_SIZE,
 *          _LOCATOR_MISSING or VHD_RULE_NONE.
 * Notes:   RULE_VHDX_PHYSICAL_SECTOR, _DISK_EMPTY, _PARAM_FLAGS, _PARAM_BOTH,
 *          _LOCATOR_STRAY.  Places count from the start of the region.
 */
enum vhd_rule_idx vhdx_meta_decode(const struct vhdx_meta_items *items,
				   const struct vhdx_meta_table *table,
				   struct vhdx_meta *out,
				   struct vhdx_notes *notes);

/* Place of the first item in regions of our making (VHDX-ITEM-11). */
enum { VHDX_META_ITEMS_OFF = 65536, VHDX_META_LOCATOR_OFF = 0x10028 };

/*
 * Table and small items of a new region.  @locator_len is 0 or the length of a
 * parent locator, which goes to VHDX_META_LOCATOR_OFF.
 */
void vhdx_meta_encode(const struct vhdx_meta *meta, uint32_t locator_len,
		      uint8_t table[VHDX_META_TABLE_LEN],
		      struct vhdx_meta_items *items_out);

#endif
