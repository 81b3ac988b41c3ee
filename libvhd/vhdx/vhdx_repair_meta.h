/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_REPAIR_META_H
#define VHD_VHDX_REPAIR_META_H

/*
 * The metadata region while it is mended: its table as it will be written, and
 * what its items say.
 */

#include "vhdx/vhdx_repair_priv.h"

struct vhdx_fix_region {
	struct vhdx_fix *m;
	uint64_t off;			/* in the file */
	uint32_t len;
	uint8_t *table;			/* VHDX_META_TABLE_LEN, to be changed */
	struct vhdx_meta_table places;	/* once the table decodes */
	struct vhdx_meta meta;		/* once the items do */
};

uint32_t vhdx_fix_ent_count(const struct vhdx_fix_region *r);
struct vhdx_meta_ent_disk *vhdx_fix_ent(struct vhdx_fix_region *r,
					uint32_t idx);
/* The entry that a decoder's note is about. */
uint32_t vhdx_fix_ent_of_note(const struct vhdx_note *note);
/* Not one of the items that are known, or a user's. */
bool vhdx_fix_ent_is_other(struct vhdx_fix_region *r, uint32_t idx);
/* The entry of a known item; NULL when there is none. */
struct vhdx_meta_ent_disk *vhdx_fix_ent_find(struct vhdx_fix_region *r,
					     enum vhdx_item item, bool user);
void vhdx_fix_ent_drop(struct vhdx_fix_region *r, uint32_t idx);
/* A further entry, with the GUID and the flags of @item.  NULL: no room. */
struct vhdx_meta_ent_disk *vhdx_fix_ent_add(struct vhdx_fix_region *r,
					    enum vhdx_item item);

/* Lies the item of the entry inside the region (VHDX-META-02)? */
bool vhdx_fix_ent_place_ok(const struct vhdx_fix_region *r,
			   const struct vhdx_meta_ent_disk *ent);
/*
 * A place for @len bytes, not before @from, that no item has; an item of @except
 * (may be NULL) does not count.  False when there is none.
 */
bool vhdx_fix_room(struct vhdx_fix_region *r, uint32_t from, uint32_t len,
		   const struct vhdx_meta_ent_disk *except, uint32_t *off_out);

/*
 * Writes the table and, if @len is not 0, @len bytes at @off of the region: all
 * or nothing when these are less than 64 pages, else the bytes first.
 */
int vhdx_fix_meta_store(struct vhdx_fix_region *r, uint32_t off,
			const void *bytes, uint32_t len,
			struct vhd_error *err);
/* The same, with the pages of several items. */
int vhdx_fix_meta_commit(struct vhdx_fix_region *r, struct vhd_pending *set,
			 struct vhd_error *err);

/*
 * Entries that repeat others, that keep the table from being understood (for a
 * copy that is only read), that lie nowhere, that share bytes with others: each
 * one step for all of them.
 */
int vhdx_fix_ents_repeated(struct vhdx_fix_region *r, struct vhd_error *err);
int vhdx_fix_ents_unknown(struct vhdx_fix_region *r, enum vhd_rule_idx rule,
			  struct vhd_error *err);
int vhdx_fix_ents_misplaced(struct vhdx_fix_region *r, struct vhd_error *err);
int vhdx_fix_ents_shared(struct vhdx_fix_region *r, struct vhd_error *err);

/*
 * A rule that keeps the table (then @note is its place) or the items from being
 * decoded.
 */
int vhdx_fix_item_missing(struct vhdx_fix_region *r, struct vhd_error *err);
int vhdx_fix_item_length(struct vhdx_fix_region *r, uint32_t idx,
			 struct vhd_error *err);
int vhdx_fix_item_value(struct vhdx_fix_region *r, enum vhd_rule_idx rule,
			struct vhd_error *err);
/* What is odd about the values of items. */
int vhdx_fix_item_notes(struct vhdx_fix_region *r,
			const struct vhdx_notes *notes, struct vhd_error *err);

/* For a copy that is only read: a disk that its table is too short for. */
int vhdx_fix_item_fit(struct vhdx_fix_region *r, struct vhd_error *err);

/* HasParent without a parent locator; a locator without HasParent. */
int vhdx_fix_locator_missing(struct vhdx_fix_region *r, struct vhd_error *err);
int vhdx_fix_locator_stray(struct vhdx_fix_region *r, struct vhd_error *err);
/* Writes a parent locator, beside the one there is, and turns the table to it. */
int vhdx_fix_locator_put(struct vhdx_fix_region *r, const uint8_t *item,
			 uint32_t len, struct vhd_error *err);
/* The parent locator of a differencing disk. */
int vhdx_fix_locator(struct vhdx_fix_region *r, struct vhd_error *err);

/*
 * For a copy that is only read, what the disk probably was: sizes as the table
 * of blocks shows them.
 */
int vhdx_fix_guess_block_size(struct vhdx_fix *m, uint32_t *size_out,
			      struct vhd_error *err);
int vhdx_fix_guess_disk_size(struct vhdx_fix *m, uint32_t block_size,
			     uint32_t sector, uint64_t *size_out,
			     struct vhd_error *err);

#endif
