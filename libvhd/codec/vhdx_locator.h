/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_LOCATOR_H
#define VHD_CODEC_VHDX_LOCATOR_H

/*
 * The parent locator: a list of keys and values (vhdx.md 12).  A decoded
 * locator borrows the bytes of its item; texts are taken out one at a time, so
 * that no buffer is sized by what a hostile item claims as a whole.
 */

#include "codec/vhdx_disk.h"
#include "codec/vhdx_note.h"
#include "vhd/types.h"

/* Keys that are known, the paths in the order to try them (VHDX-PAR-14). */
enum vhdx_key {
	VHDX_KEY_LINKAGE,		/* "parent_linkage" */
	VHDX_KEY_LINKAGE2,		/* "parent_linkage2" */
	VHDX_KEY_RELATIVE,		/* "relative_path" */
	VHDX_KEY_VOLUME,		/* "volume_path" */
	VHDX_KEY_ABSOLUTE,		/* "absolute_win32_path" */
	VHDX_KEY_COUNT
};

enum { VHDX_LOCATOR_PAIRS_MAX = 256 };	/* VHDX-PAR-04 */

struct vhdx_locator_str {
	uint32_t off;			/* in the item */
	uint32_t len;			/* bytes of UTF-16LE; 0: not there */
};

struct vhdx_locator {
	const uint8_t *item;
	size_t len;
	uint32_t count;			/* pairs */
	struct vhdx_locator_str value[VHDX_KEY_COUNT];
	struct vhd_guid linkage;
	struct vhd_guid linkage2;	/* zero: absent (VHDX-PAR-12) */
};

/* The name of a key, such as "relative_path"; lives for ever. */
const char *vhdx_key_name(enum vhdx_key key);

/*
 * Decodes an item; @out borrows @item.
 *
 * Returns: RULE_VHDX_LOCATOR_TYPE, _LOCATOR_FORM, _LOCATOR_COUNT, _LINKAGE or
 *          VHD_RULE_NONE.
 * Notes:   RULE_VHDX_PARENT_NO_PATH, RULE_VHDX_LOCATOR_STYLE.  Places count
 *          from the start of the item.
 */
enum vhd_rule_idx vhdx_locator_decode(const uint8_t *item, size_t len,
				      struct vhdx_locator *out,
				      struct vhdx_notes *notes);

/* Key and value of pair @idx, which is below the locator's count. */
void vhdx_locator_pair(const struct vhdx_locator *loc, uint32_t idx,
		       struct vhdx_locator_str *key_out,
		       struct vhdx_locator_str *value_out);

/* Bytes of UTF-8, NUL included, that vhdx_locator_text() needs at most. */
size_t vhdx_locator_room(const struct vhdx_locator_str *str);

/*
 * The text of a string of the locator.  False when it had to be mended; a path
 * is then not to be tried (VHDX-PATH-01).
 */
bool vhdx_locator_text(const struct vhdx_locator *loc,
		       const struct vhdx_locator_str *str, char *buf);

/* A pair to be encoded: UTF-8. */
struct vhdx_locator_kv {
	const char *key;
	const char *value;
};

/*
 * Encodes pairs in the given order, strings packed behind the table as Windows
 * does (VHDX-PAR-17).  @count is at most VHDX_LOCATOR_PAIRS_MAX.
 *
 * Returns: false when a text is empty, is not UTF-8, or does not fit.
 */
bool vhdx_locator_encode(const struct vhdx_locator_kv *kv, size_t count,
			 uint8_t *buf, size_t room, size_t *len_out);

#endif
