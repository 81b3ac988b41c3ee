/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_LOCATOR_EDIT_H
#define VHD_CODEC_VHDX_LOCATOR_EDIT_H

#include "codec/vhdx_locator.h"

/* What a new pair takes at most, entry and strings. */
enum { VHDX_LOCATOR_PAIR_MAX = 160 };

/*
 * The item of @loc with the value of @key, one of the two linkages, set to @id;
 * all other bytes of keys and values stay (VHDX-PAR-12).  An item that has a
 * value of the usual length keeps its length too; else the pairs are packed anew,
 * with this one behind the others.  @room is at least loc->len +
 * VHDX_LOCATOR_PAIR_MAX.
 *
 * Returns: false when there is no room for one more pair.
 */
bool vhdx_locator_link(const struct vhdx_locator *loc, enum vhdx_key key,
		       const struct vhd_guid *id, uint8_t *buf, size_t room,
		       size_t *len_out);

#endif
