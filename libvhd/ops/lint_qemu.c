/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU, the versions 2.6 to 9.2: what it refuses, and worse, what it takes and
 * shows wrongly.  Tested with 7.2 by a script beside the other tests of the
 * programs.
 */
#include <string.h>

#include "base/ckd.h"
#include "ops/lint.h"

static bool is_vhd(const struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHD;
}

static bool fixed_vhd(struct vhd_lint_view *v)
{
	return is_vhd(v) && v->info->type == VHD_TYPE_FIXED;
}

static bool diff_vhd(struct vhd_lint_view *v)
{
	return is_vhd(v) && vhd_lint_diff(v);
}

static bool diff_vhdx(struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHDX && vhd_lint_diff(v);
}

/* Cylinders, heads and sectors at their limit (VHD-C-3). */
#define CHS_MAX UINT64_C(136899993600)

/* VHD-C-11; NULs at the end are not shown. */
static bool sized_by_chs(const struct vhd_lint_view *v)
{
	static const char *const exact[] = {
		"win ", "qem2", "d2v ", "CTXS", "tap"
	};
	size_t i;

	for (i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
		if (!strcmp(v->info->vhd.creator_app, exact[i]))
			return false;
	}
	return v->info->vhd.chs_size != CHS_MAX;
}

/* VHD-C-8, VHD-C-14 */
static bool geometry_exceeds(struct vhd_lint_view *v)
{
	uint64_t room = v->info->vhd.current_size;

	if (!is_vhd(v) || !sized_by_chs(v))
		return false;
	if (v->info->type != VHD_TYPE_FIXED)
		room = v->info->vhd.bat_entries * v->info->block_size;
	return v->info->vhd.chs_size > room;
}

/* VHD-X-9: with blocks behind it the batmap is safe. */
static bool batmap_in_danger(struct vhd_lint_view *v)
{
	struct vhd_usage usage;

	if (!is_vhd(v) || !v->info->vhd.has_batmap)
		return false;
	if (vhd_layer_usage(v->img, v->layer, 64 * MiB, &usage, NULL))
		return false;
	return usage.complete && !usage.blocks_data;
}

/* Only the first of the region tables is read. */
static bool first_table_bad(struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHDX &&
	       !(v->info->vhdx.region_tables_ok & VHD_COPY_FIRST);
}

static const struct vhd_lint_row rows[] = {
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = diff_vhd, .clause = "VHD-S-8",
	  .msg = "QEMU opens a differencing VHD without its parent and shows "
		 "zeros where the parent has data; what it writes hides the "
		 "parent for good" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = diff_vhdx, .clause = "VHDX-NEW-06",
	  .msg = "QEMU opens no differencing VHDX" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT,
	  .test = fixed_vhd, .clause = "VHD-Q-7",
	  .msg = "QEMU does not recognise a fixed VHD: without -f vpc it takes "
		 "the footer for the last sector of a raw disk" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .rule = RULE_VHD1_FIXED_LOOKALIKE, .clause = "VHD-F-51",
	  .msg = "the disk begins like a footer, and QEMU takes it for one of a "
		 "dynamic VHD" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = vhd_lint_vhd_over_2040g, .clause = "VHD-Q-7",
	  .msg = "QEMU takes no VHD above 2040 GiB, and this one has @" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_REPAIR,
	  .rule = RULE_VHD1_GEOMETRY_CUTS, .clause = "VHD-C-11",
	  .msg = "QEMU up to 9.2 goes by the geometry and leaves out the end of "
		 "the disk" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = geometry_exceeds, .clause = "VHD-C-14",
	  .msg = "QEMU up to 9.2 goes by the geometry, which is larger than the "
		 "disk: a dynamic one is refused, a fixed one shows its footer "
		 "to the guest" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR,
	  .rule = RULE_VHD1_COPY_MISSING, .clause = "VHD-Q-1",
	  .msg = "QEMU reads only the copy of the footer at the start, and that "
		 "is missing" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT,
	  .test = batmap_in_danger, .clause = "VHD-Q-6",
	  .msg = "QEMU would write the first block over Xen's batmap" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = vhd_lint_large_sector, .option = "--logical-sector 512",
	  .clause = "VHDX-BUG",
	  .msg = "QEMU opens no VHDX with sectors of @ bytes; with others a "
		 "guest does not find its partitions" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_REPAIR,
	  .test = vhd_lint_pending, .rule = RULE_VHDX_LOG_PENDING,
	  .clause = "VHDX-BUG-Q2",
	  .msg = "the log holds changes: QEMU refuses to open the file for "
		 "reading only" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR,
	  .rule = RULE_VHDX_LOCATOR_STRAY, .clause = "VHDX-CHK-42",
	  .msg = "there is a parent locator in a disk without a parent, which "
		 "QEMU refuses" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR,
	  .test = first_table_bad, .rule = RULE_VHDX_RGN_ONE_BAD,
	  .clause = "VHDX-BUG-Q15",
	  .msg = "QEMU reads only the first region table, and that is "
		 "damaged" },
};

const struct vhd_lint_table vhd_lint_qemu = {
	.target = "qemu", .ext = ".vhdx",
	.rows = rows, .count = sizeof(rows) / sizeof(rows[0]),
};
