/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_BATENT_H
#define VHD_CODEC_VHDX_BATENT_H

/* Entries of the block allocation table (vhdx.md 8, 9, 10). */

#include <stdbool.h>

#include "base/bytes.h"

/* States of a payload block; 0 and 6 are also those of a sector bitmap. */
enum vhdx_state {
	VHDX_NOT_PRESENT = 0,	/* the parent's, or zeros */
	VHDX_UNDEFINED = 1,	/* zeros; may keep its space */
	VHDX_ZERO = 2,		/* zeros */
	VHDX_UNMAPPED = 3,	/* zeros; may keep its space */
	VHDX_RESERVED_4 = 4,	/* an error */
	VHDX_UNMAPPED_DRAFT = 5,	/* as 3 (VHDX-PBS-08) */
	VHDX_FULLY_PRESENT = 6,
	VHDX_PARTIALLY_PRESENT = 7
};

struct vhdx_batent {
	uint64_t file_off;	/* multiple of 1 MiB */
	enum vhdx_state state;
	bool reserved_set;	/* bits 3-19 (VHDX-BAT-07) */
};

static inline struct vhdx_batent vhdx_batent_unpack(uint64_t raw)
{
	return (struct vhdx_batent){
		.file_off = raw & ~UINT64_C(0xfffff),
		.state = (enum vhdx_state)(raw & 7),
		.reserved_set = (raw & UINT64_C(0xffff8)) != 0,
	};
}

/* @file_off is a multiple of 1 MiB. */
static inline uint64_t vhdx_batent_pack(enum vhdx_state state,
					uint64_t file_off)
{
	return file_off | (uint64_t)state;
}

static inline struct vhdx_batent vhdx_batent_decode(le64 raw)
{
	return vhdx_batent_unpack(le64_get(raw));
}

static inline le64 vhdx_batent_encode(enum vhdx_state state, uint64_t file_off)
{
	return le64_make(vhdx_batent_pack(state, file_off));
}

/* A payload block in this state has its data in the file. */
static inline bool vhdx_state_has_data(enum vhdx_state state)
{
	return state == VHDX_FULLY_PRESENT || state == VHDX_PARTIALLY_PRESENT;
}

/* It has none, but its space is still kept for it (VHDX-PBS-01). */
static inline bool vhdx_batent_is_anchor(const struct vhdx_batent *ent)
{
	return ent->file_off && (ent->state == VHDX_UNDEFINED ||
				 ent->state == VHDX_UNMAPPED ||
				 ent->state == VHDX_UNMAPPED_DRAFT);
}

#endif
