/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_REGION_H
#define VHD_CODEC_VHDX_REGION_H

/* The region table and its copy (vhdx.md 5). */

#include "codec/vhdx_disk.h"
#include "codec/vhdx_note.h"
#include "vhd/types.h"

struct vhdx_place {
	uint64_t off;
	uint64_t len;
};

struct vhdx_region {
	struct vhd_guid guid;
	struct vhdx_place place;
	uint32_t required;		/* the field as found */
};

struct vhdx_regions {
	struct vhdx_place bat;
	struct vhdx_place metadata;
	uint32_t count;			/* entries of the table */
	uint32_t other_count;		/* of these: neither of the two */
};

/* Which of the two copies to use. */
struct vhdx_region_pair {
	uint32_t ok;			/* bit 0: first, bit 1: second */
	uint32_t use;			/* 0 or 1 */
};

/* Signature and checksum are right. */
bool vhdx_regions_sound(const uint8_t table[VHDX_REGIONS_LEN]);

/*
 * Returns: RULE_VHDX_RGN_BOTH_BAD or VHD_RULE_NONE.
 * Notes:   RULE_VHDX_RGN_ONE_BAD, RULE_VHDX_RGN_DIFFER.  Places count from the
 *          start of the file.
 */
enum vhd_rule_idx vhdx_region_pair_decode(
	const uint8_t first[VHDX_REGIONS_LEN],
	const uint8_t second[VHDX_REGIONS_LEN],
	struct vhdx_region_pair *out, struct vhdx_notes *notes);

/*
 * Decodes a sound table.  @log is where the header says the log lies (length 0:
 * nowhere), @file_size the length of the file after replay.
 *
 * Returns: RULE_VHDX_RGN_COUNT, _RGN_DUPLICATE, _RGN_PLACE, _RGN_REQUIRED,
 *          _RGN_OVERLAP, _RGN_NO_BAT, _RGN_NO_METADATA or VHD_RULE_NONE.
 * Notes:   RULE_VHDX_RGN_OPTIONAL, RULE_VHDX_RGN_FLAGS; places count from the
 *          start of the table.
 */
enum vhd_rule_idx vhdx_regions_decode(const uint8_t table[VHDX_REGIONS_LEN],
				      const struct vhdx_place *log,
				      uint64_t file_size,
				      struct vhdx_regions *out,
				      struct vhdx_notes *notes);

/* Entry @idx of a decoded table; @idx is below its count. */
void vhdx_region_get(const uint8_t table[VHDX_REGIONS_LEN], uint32_t idx,
		     struct vhdx_region *out);

/* Signature and checksum become right, whatever else is in the table. */
void vhdx_regions_seal(uint8_t table[VHDX_REGIONS_LEN]);

/*
 * Flags and reserved bytes of a decoded table become what they should be; the
 * regions stay (RULE_VHDX_RGN_FLAGS).
 */
void vhdx_regions_tidy(uint8_t table[VHDX_REGIONS_LEN]);

/* Neither the BAT nor the metadata region. */
bool vhdx_region_is_other(const struct vhdx_region *region);

/* A table of the two known regions, BAT first, both required (VHDX-NEW-01). */
void vhdx_regions_encode(const struct vhdx_regions *regions,
			 uint8_t table[VHDX_REGIONS_LEN]);

#endif
