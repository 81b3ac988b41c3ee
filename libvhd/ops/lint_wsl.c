/* SPDX-License-Identifier: BSD-2-Clause */
/* The Windows Subsystem for Linux, version 2 (VHDX-WIN-08). */
#include <string.h>

#include "base/ckd.h"
#include "io/path.h"
#include "ops/lint.h"

/* Magic number of an ext file system that fills the disk. */
#define EXT_MAGIC_OFF 1080

static bool fixed(struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHDX &&
	       v->info->type == VHD_TYPE_FIXED;
}

static bool other_block(struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHDX &&
	       v->info->block_size != MiB &&
	       vhd_lint_say(v, "%llu MiB",
			    (unsigned long long)(v->info->block_size / MiB));
}

static bool other_name(struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHDX &&
	       strcmp(vhd_path_base(vhd_layer_path(v->img, 0)), "ext4.vhdx");
}

static bool no_ext4(struct vhd_lint_view *v)
{
	uint8_t magic[2];

	if (v->info->virtual_size < EXT_MAGIC_OFF + sizeof(magic))
		return true;
	/* what cannot be read is no matter of taste */
	if (vhd_pread(v->img, magic, sizeof(magic), EXT_MAGIC_OFF, NULL))
		return false;
	return magic[0] != 0x53 || magic[1] != 0xef;
}

static const struct vhd_lint_row rows[] = {
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = vhd_lint_no_vhdx, .clause = "VHDX-WIN-08",
	  .msg = "WSL takes only VHDX, and this is @" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = vhd_lint_diff, .clause = "VHDX-WIN-08",
	  .msg = "WSL takes only disks that stand alone, and this one needs its "
		 "parent" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT,
	  .test = fixed, .clause = "VHDX-WIN-08",
	  .msg = "the disk of a distribution is dynamic, and this one is "
		 "fixed" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = vhd_lint_large_sector, .option = "--logical-sector 512",
	  .clause = "VHDX-WIN-08",
	  .msg = "WSL's disks have sectors of 512 bytes, and this one's have "
		 "@" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_CONVERT,
	  .test = other_block, .clause = "VHDX-WIN-02",
	  .msg = "blocks have @; with 1 MiB the file of a Linux disk stays "
		 "smaller" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_CONVERT,
	  .test = vhd_lint_part_mib, .clause = "VHDX-NEW-08",
	  .msg = "a VHDX for Windows should have whole MiB, and this disk has "
		 "@" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_RENAME,
	  .test = other_name, .option = "ext4.vhdx", .clause = "VHDX-WIN-08",
	  .msg = "the disk of a distribution is called ext4.vhdx" },
	{ .kind = VHD_ADVICE_TROUBLE, .test = no_ext4,
	  .clause = "VHDX-WIN-08",
	  .msg = "no ext4 file system fills the disk; WSL mounts the disk of a "
		 "distribution without looking for partitions" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_REPAIR,
	  .test = vhd_lint_pending, .rule = RULE_VHDX_LOG_PENDING,
	  .clause = "VHDX-WIN-08",
	  .msg = "the log holds changes: the distribution is running, or was "
		 "when the file was copied" },
};

const struct vhd_lint_table vhd_lint_wsl = {
	.target = "wsl", .ext = ".vhdx",
	.rows = rows, .count = sizeof(rows) / sizeof(rows[0]),
};
