/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which rules make all of a disk doubtful: steps of a repair that are guesses
 * about where everything is, and findings that tell of a table that was hit
 * though it can be read.
 */
#include "ops/doubts.h"

static bool is_of(const struct vhd_rule *rule, const enum vhd_rule_idx *all,
		  size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (rule == vhd_rule_get(all[i]))
			return true;
	return false;
}

/*
 * Does what was assumed about this decide where all of the disk's bytes are, or
 * whether the newest of them are seen?
 */
bool vhd_doubt_by_step(const struct vhd_rule *rule)
{
	static const enum vhd_rule_idx all[] = {
		RULE_VHD1_HDR_CHECKSUM, RULE_VHDX_HDR_BOTH_BAD,
		RULE_VHDX_HDR_SEQ_TIE, RULE_VHDX_HDR_VERSION,
		RULE_VHDX_LOG_VERSION, RULE_VHDX_RGN_BOTH_BAD,
		RULE_VHDX_RGN_DIFFER, RULE_VHDX_RGN_COUNT,
		RULE_VHDX_RGN_DUPLICATE, RULE_VHDX_RGN_NO_BAT,
		RULE_VHDX_RGN_NO_METADATA, RULE_VHDX_RGN_PLACE,
		RULE_VHDX_RGN_OVERLAP, RULE_VHDX_META_SIGNATURE,
		RULE_VHDX_META_COUNT, RULE_VHDX_META_DUPLICATE,
		RULE_VHDX_META_PLACE, RULE_VHDX_META_OVERLAP,
		RULE_VHDX_BLOCK_SIZE, RULE_VHDX_LOGICAL_SECTOR,
		RULE_VHDX_BAT_SHORT, RULE_VHDX_HDR_NEWER_BAD,
		RULE_VHDX_LOG_GAP,
	};

	return is_of(rule, all, sizeof(all) / sizeof(all[0]));
}

/* No sound image of today's programs is like that. */
bool vhd_doubt_by_finding(const struct vhd_rule *rule)
{
	static const enum vhd_rule_idx all[] = {
		RULE_VHD1_TABLE_LOST, RULE_VHDX_TABLE_LOST,
		RULE_VHDX_NOT_INTERLEAVED, RULE_VHDX_QEMU_727,
	};

	return is_of(rule, all, sizeof(all) / sizeof(all[0]));
}

bool vhd_doubt_is_leak(const struct vhd_rule *rule)
{
	return rule == vhd_rule_get(RULE_VHD1_LEAK);
}

/* Space is left over where an entry leads elsewhere, which is told anyway. */
bool vhd_doubt_explains_leak(const struct vhd_rule *rule)
{
	static const enum vhd_rule_idx all[] = {
		RULE_VHD1_BLOCK_IN_META, RULE_VHD1_BLOCK_PAST_END,
		RULE_VHD1_BLOCK_OVERLAP, RULE_VHD1_BITMAP_IS_FOOTER,
	};

	return is_of(rule, all, sizeof(all) / sizeof(all[0]));
}
