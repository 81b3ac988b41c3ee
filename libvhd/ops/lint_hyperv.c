/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows: Hyper-V, Disk Management, what mounts images there. */
#include <string.h>
#include <strings.h>

#include "base/ckd.h"
#include "io/path.h"
#include "ops/lint.h"

static bool is_raw(struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_RAW;
}

/*
 * Holes reach NTFS only when whoever copies the file keeps them.  What a file
 * occupies is all that can be asked for here: space that is reserved and not
 * written yet reads as a hole, but is none to a program that copies.
 */
static bool holes(struct vhd_lint_view *v)
{
	const struct vhd_info *i = v->info;

	return i->format != VHD_FORMAT_RAW && i->disk_usage < i->file_size &&
	       vhd_lint_say(v, "it occupies %llu of its %llu bytes",
			    (unsigned long long)i->disk_usage,
			    (unsigned long long)i->file_size);
}

static bool tiny_vhdx(struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHDX &&
	       v->info->virtual_size < 3 * MiB &&
	       vhd_lint_say(v, "%llu bytes",
			    (unsigned long long)v->info->virtual_size);
}

static bool part_mib_vhdx(struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHDX && vhd_lint_part_mib(v);
}

/* VHDX-WIN-04 */
static bool false_avhdx(struct vhd_lint_view *v)
{
	const char *name = vhd_path_base(vhd_layer_path(v->img, v->layer));
	const char *dot = strrchr(name, '.');

	return v->info->format == VHD_FORMAT_VHDX && dot &&
	       !strcasecmp(dot, ".avhdx") && v->info->type != VHD_TYPE_DIFF;
}

/* VHD-L-13 */
static bool no_windows_name(struct vhd_lint_view *v)
{
	struct vhd_locator loc[16];
	size_t n, i;

	if (v->info->format != VHD_FORMAT_VHD ||
	    v->info->type != VHD_TYPE_DIFF)
		return false;
	n = vhd_layer_locators(v->img, v->layer, loc, 16);
	for (i = 0; i < n && i < 16; i++) {
		if (!strncmp(loc[i].code, "W2", 2))
			return false;
	}
	return true;
}

/* VHD-L-9 */
static bool bare_relative(struct vhd_lint_view *v)
{
	struct vhd_locator loc[16];
	size_t n = vhd_layer_locators(v->img, v->layer, loc, 16), i;

	for (i = 0; i < n && i < 16; i++) {
		if (!strcmp(loc[i].code, "W2ru") &&
		    strncmp(loc[i].text, ".\\", 2) &&
		    strncmp(loc[i].text, "..\\", 3))
			return vhd_lint_say(v, "\"%.100s\"", loc[i].text);
	}
	return false;
}

static const struct vhd_lint_row rows[] = {
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = is_raw, .ext = ".vhdx", .clause = "VHD-Q-45",
	  .msg = "Windows attaches no raw disk (0xC03A0004)" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_FILL, .every = true,
	  .test = holes, .clause = "VHD-A-13",
	  .msg = "the file has holes (@); copied with them to NTFS, Windows "
		 "refuses to attach it (0xC03A001A)" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = vhd_lint_vhd_over_2040g, .ext = ".vhdx",
	  .clause = "VHD-M-1",
	  .msg = "Windows takes no VHD above 2040 GiB, and this one has @" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT,
	  .test = tiny_vhdx, .option = "--size 3M", .clause = "VHDX-NEW-08",
	  .msg = "tools of Windows refuse a VHDX below 3 MiB, and this one has "
		 "@" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_CONVERT,
	  .test = part_mib_vhdx, .clause = "VHDX-NEW-08",
	  .msg = "a VHDX for Windows should have whole MiB, and this one has "
		 "@" },
	{ .kind = VHD_ADVICE_TROUBLE, .test = vhd_lint_large_sector,
	  .clause = "VHDX-WIN-03",
	  .msg = "the disk has sectors of @ bytes: machines of generation 1 "
		 "do not boot from it" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_RENAME,
	  .test = false_avhdx, .option = ".vhdx", .clause = "VHDX-WIN-04",
	  .msg = "the name says that this is a checkpoint, but the disk stands "
		 "alone" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_REPAIR, .every = true,
	  .test = vhd_lint_pending, .rule = RULE_VHDX_LOG_PENDING,
	  .clause = "VHDX-WIN-10",
	  .msg = "the log holds changes: Windows cannot attach the file where "
		 "it may not write to it" },
	{ .kind = VHD_ADVICE_NOTE, .rule = RULE_VHDX_SIDE_FILE,
	  .clause = "VHDX-WIN-05",
	  .msg = "a change tracking file lies beside the image; it does not "
		 "know what other programs than Hyper-V have written" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_CONVERT, .every = true,
	  .rule = RULE_VHD1_ALIGN_NONE, .clause = "VHD-A-1",
	  .msg = "no block is aligned to 4 KiB, or only by chance, which is slow "
		 "on today's disks" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_CONVERT, .every = true,
	  .rule = RULE_VHD1_ALIGN_MIXED, .clause = "VHD-A-1",
	  .msg = "some blocks are not aligned to 4 KiB, which is slow on "
		 "today's disks" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT, .every = true,
	  .rule = RULE_VHD1_BLOCK_SIZE_ODD, .clause = "VHD-H-5",
	  .msg = "Windows was tried with blocks of 512 KiB and 2 MiB only, and "
		 "this file has others" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT, .every = true,
	  .test = no_windows_name, .clause = "VHD-L-13",
	  .msg = "no name of the parent is one that Windows reads (W2ru, "
		 "W2ku)" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT, .every = true,
	  .test = bare_relative, .clause = "VHD-L-9",
	  .msg = "Windows wants relative names of parents to begin with .\\, "
		 "and this one is @" },
};

const struct vhd_lint_table vhd_lint_hyperv = {
	.target = "hyperv",
	.rows = rows, .count = sizeof(rows) / sizeof(rows[0]),
};
