/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Azure takes the file as it is and reads its last 512 bytes: fixed VHDs of
 * whole MiB and nothing else (vhd.md 8).  Tools that upload convert what they
 * can, so much of this shows only when they are not used.
 */
#include <string.h>

#include "base/ckd.h"
#include "ops/lint.h"

static bool is_vhd(const struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHD;
}

static bool dynamic(struct vhd_lint_view *v)
{
	return is_vhd(v) && v->info->type == VHD_TYPE_DYNAMIC;
}

static bool too_small(struct vhd_lint_view *v)
{
	return v->info->virtual_size < 20 * MiB &&
	       vhd_lint_say(v, "%llu bytes",
			    (unsigned long long)v->info->virtual_size);
}

static bool too_large(struct vhd_lint_view *v)
{
	return v->info->virtual_size > 32 * TiB &&
	       vhd_lint_say(v, "%llu bytes",
			    (unsigned long long)v->info->virtual_size);
}

static bool over_4095g(struct vhd_lint_view *v)
{
	return v->info->virtual_size > 4095 * GiB &&
	       v->info->virtual_size <= 32 * TiB;
}

static bool other_creator(struct vhd_lint_view *v)
{
	return is_vhd(v) && strcmp(v->info->vhd.creator_app, "win ") &&
	       vhd_lint_say(v, "\"%.4s\"", v->info->vhd.creator_app);
}

static bool other_original(struct vhd_lint_view *v)
{
	return is_vhd(v) &&
	       v->info->vhd.original_size != v->info->vhd.current_size;
}

static const struct vhd_lint_row rows[] = {
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = vhd_lint_no_vhd, .clause = "VHD-A-10",
	  .msg = "Azure takes only fixed VHDs, and this is @" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = dynamic, .clause = "VHD-A-10",
	  .msg = "Azure takes only fixed VHDs, and this one is dynamic" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = vhd_lint_diff, .clause = "VHD-A-10",
	  .msg = "Azure takes only disks that stand alone, and this one needs "
		 "its parent" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = vhd_lint_part_mib, .clause = "VHD-A-10",
	  .msg = "Azure takes only disks of whole MiB, and this one has @" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = too_small, .clause = "VHD-A-10", .option = "--size 20M",
	  .msg = "Azure takes no disk below 20 MiB, and this one has @" },
	{ .kind = VHD_ADVICE_REFUSED, .test = too_large, .clause = "VHD-A-10",
	  .msg = "Azure takes no disk above 32 TiB, and this one has @" },
	{ .kind = VHD_ADVICE_NOTE, .test = over_4095g, .clause = "VHD-A-10",
	  .msg = "storage accounts of the old kind take no disk above 4095 GiB; "
		 "managed disks do" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .rule = RULE_VHD1_FOOTER_511, .clause = "VHD-A-10",
	  .msg = "Azure looks for the footer in the last 512 bytes, and this "
		 "one has 511" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .rule = RULE_VHD1_FIXED_SLACK, .clause = "VHD-A-10",
	  .msg = "Azure wants a file that is 512 bytes longer than the disk, "
		 "and this one is longer than that" },
	{ .kind = VHD_ADVICE_TROUBLE, .test = vhd_lint_large_sector,
	  .clause = "VHDX-WIN-03",
	  .msg = "a VHD has sectors of 512 bytes, and this disk's have @: the "
		 "guest will not find its partitions" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_SET,
	  .test = other_creator, .option = "--creator 'win '",
	  .clause = "VHD-A-12",
	  .msg = "the footer names @ as its maker; \"win \" is what Azure sees "
		 "from Windows" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_SET,
	  .test = other_original, .option = "--original-size @",
	  .clause = "VHD-A-12",
	  .msg = "the footer records another original size than the present "
		 "one" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_REPAIR,
	  .rule = RULE_VHD1_FIXED_DATA_OFFSET, .clause = "VHD-A-12",
	  .msg = "the footer of a fixed disk points at a header" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_CONVERT,
	  .rule = RULE_VHD1_GEOMETRY, .clause = "VHD-A-11",
	  .msg = "the geometry is not the one of the size; Azure goes by the "
		 "size" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_CONVERT,
	  .rule = RULE_VHD1_GEOMETRY_LARGE, .clause = "VHD-A-11",
	  .msg = "the geometry is larger than the size; Azure goes by the "
		 "size" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_CONVERT,
	  .rule = RULE_VHD1_GEOMETRY_ZERO, .clause = "VHD-A-11",
	  .msg = "the geometry is not set; Azure goes by the size" },
};

const struct vhd_lint_table vhd_lint_azure = {
	.target = "azure", .ext = ".vhd",
	.rows = rows, .count = sizeof(rows) / sizeof(rows[0]),
};
