/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xen: tapdisk and libvhd, which use images, vhd-util check, which refuses more
 * than these, and XAPI and Xen Orchestra, which import and export.
 */
#include <string.h>

#include "base/ckd.h"
#include "ops/lint.h"

static bool is_vhd(const struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHD;
}

static bool vhdx(struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHDX;
}

static bool fixed(struct vhd_lint_view *v)
{
	return is_vhd(v) && v->info->type == VHD_TYPE_FIXED;
}

static bool other_block(struct vhd_lint_view *v)
{
	return is_vhd(v) && v->info->type != VHD_TYPE_FIXED &&
	       v->info->block_size != 2 * MiB &&
	       vhd_lint_say(v, "%llu bytes",
			    (unsigned long long)v->info->block_size);
}

static bool no_batmap(struct vhd_lint_view *v)
{
	return is_vhd(v) && v->info->type != VHD_TYPE_FIXED &&
	       strcmp(v->info->vhd.creator_app, "tap") &&
	       !v->info->vhd.has_batmap;
}

/* VHD-C-7: the packed geometry is compared as a number. */
static bool geometry_too_large(struct vhd_lint_view *v)
{
	return is_vhd(v) &&
	       v->info->vhd.chs_size > v->info->vhd.current_size;
}

static bool odd_size(struct vhd_lint_view *v)
{
	return v->info->virtual_size % (2 * MiB) &&
	       vhd_lint_say(v, "%llu bytes",
			    (unsigned long long)v->info->virtual_size);
}

/* A VHDX or a raw disk that no VHD for Xen can hold. */
static bool too_large(struct vhd_lint_view *v)
{
	return v->info->virtual_size > 2040 * GiB &&
	       vhd_lint_say(v, "%llu bytes",
			    (unsigned long long)v->info->virtual_size);
}

/* Locators of other codes are told by the library all the same. */
static bool foreign_text(struct vhd_lint_view *v)
{
	struct vhd_locator loc[16];
	size_t n = vhd_layer_locators(v->img, v->layer, loc, 16), i;

	if (!is_vhd(v))
		return false;
	for (i = 0; i < n && i < 16; i++) {
		const char *p = loc[i].text;

		while (*p > 0)
			p++;
		if (*p)
			return vhd_lint_say(v, "\"%.100s\"", loc[i].text);
	}
	return false;
}

/* VHD-Q-31 */
static bool no_macx(struct vhd_lint_view *v)
{
	struct vhd_locator loc[16];
	size_t n, i;

	if (!is_vhd(v) || v->info->type != VHD_TYPE_DIFF)
		return false;
	n = vhd_layer_locators(v->img, v->layer, loc, 16);
	for (i = 0; i < n && i < 16; i++) {
		if (!strcmp(loc[i].code, "MacX"))
			return false;
	}
	return true;
}

/* Nothing tells which time was meant. */
static bool future(struct vhd_lint_view *v)
{
	return vhd_lint_saw(v, RULE_VHD1_TIME_FUTURE) &&
	       !vhd_lint_saw(v, RULE_VHD1_TIME_UNIX);
}

static const struct vhd_lint_row rows[] = {
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = vhdx, .clause = "VHD-Q-14",
	  .msg = "Xen's tapdisk reads VHD, not VHDX" },
	{ .kind = VHD_ADVICE_REFUSED, .test = too_large, .clause = "VHD-M-1",
	  .msg = "Xen's VHDs end at 2040 GiB, and this disk has @" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT, .every = true,
	  .test = other_block, .clause = "VHD-H-5",
	  .msg = "libvhd takes blocks for 2 MiB, and these have @: it reads the "
		 "wrong places" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT,
	  .test = fixed, .clause = "VHD-Q-31",
	  .msg = "XAPI and Xen Orchestra import no fixed VHD" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_CONVERT,
	  .test = no_batmap, .clause = "VHD-X-1",
	  .msg = "the image has no batmap, which Xen's own ones have" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR, .every = true,
	  .rule = RULE_VHD1_BATMAP_BAD, .clause = "VHD-X-1",
	  .msg = "the batmap is missing or malformed: tapdisk does not open the "
		 "image for writing" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR, .every = true,
	  .rule = RULE_VHD1_BATMAP_CHECKSUM, .clause = "VHD-X-8",
	  .msg = "the batmap's checksum is wrong: tapdisk does not open the "
		 "image for writing" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_REPAIR, .every = true,
	  .rule = RULE_VHD1_BATMAP_PACKED, .clause = "VHD-X-12",
	  .msg = "blocks are packed and the batmap shows some of them full: "
		 "tapdisk would overwrite the end of others" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT, .every = true,
	  .rule = RULE_VHD1_BATMAP_ROUNDING, .clause = "VHD-X-7",
	  .msg = "libvhd reads a sector of the batmap too little at this size" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR, .every = true,
	  .rule = RULE_VHD1_LOCATOR_CODE, .clause = "VHD-L-11",
	  .msg = "a parent locator has a code that libvhd does not know: it "
		 "does not open the file" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT, .every = true,
	  .test = foreign_text, .clause = "VHD-L-10",
	  .msg = "libvhd reads names of parents in ASCII only, and this one is "
		 "@" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT, .every = true,
	  .test = no_macx, .clause = "VHD-Q-31",
	  .msg = "XAPI reads only locators of the kind MacX, and there is "
		 "none" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR, .every = true,
	  .rule = RULE_VHD1_HDR_NEXT_XEN, .clause = "VHD-H-2",
	  .msg = "the header of Xen's own image names a next structure, which "
		 "libvhd refuses" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR, .every = true,
	  .rule = RULE_VHD1_HDR_NEXT, .clause = "VHD-H-2",
	  .msg = "the header's data offset is not all ones, which libvhd "
		 "demands" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT, .every = true,
	  .rule = RULE_VHD1_DATA_OFFSET_ODD, .clause = "VHD-Q-31",
	  .msg = "the header does not lie at 512, where XAPI and Xen Orchestra "
		 "look" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT, .every = true,
	  .rule = RULE_VHD1_BAT_UNALIGNED, .clause = "VHD-H-9",
	  .msg = "the table is not aligned to 512 bytes: Xen's check fails" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR, .every = true,
	  .rule = RULE_VHD1_TIME_UNIX, .clause = "VHD-F-12",
	  .msg = "the creation time was recorded as Unix time and lies in the "
		 "future: Xen's check fails" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT, .every = true,
	  .test = future, .clause = "VHD-Q-13",
	  .msg = "the creation time lies in the future: Xen's check fails" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_CONVERT,
	  .test = geometry_too_large, .clause = "VHD-Q-13",
	  .msg = "the geometry is larger than the disk: Xen's check fails" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR, .every = true,
	  .rule = RULE_VHD1_RESERVED, .clause = "VHD-Q-13",
	  .msg = "reserved bytes of the footer are not zero: Xen's check "
		 "fails" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR, .every = true,
	  .rule = RULE_VHD1_HDR_RESERVED, .clause = "VHD-Q-13",
	  .msg = "reserved bytes of the header are not zero: Xen's check "
		 "fails" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR, .every = true,
	  .rule = RULE_VHD1_FEATURES, .clause = "VHD-F-6",
	  .msg = "the features are not those that Xen's check knows" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_REPAIR,
	  .rule = RULE_VHD1_ID_NULL, .clause = "VHD-F-36",
	  .msg = "the image has no id: Xen's check fails, and no snapshot can be "
		 "made of it" },
	{ .kind = VHD_ADVICE_TROUBLE, .mend = VHD_MEND_CONVERT,
	  .rule = RULE_VHD1_HIDDEN, .clause = "VHD-X-2",
	  .msg = "the image is marked hidden: Xen shows it to nobody and may "
		 "delete it" },
	{ .kind = VHD_ADVICE_REFUSED, .mend = VHD_MEND_RELINK, .every = true,
	  .rule = RULE_VHD1_PARENT_NAME, .clause = "VHD-Q-13",
	  .msg = "the recorded name is not the one of the parent's file: Xen's "
		 "check fails" },
	{ .kind = VHD_ADVICE_NOTE, .mend = VHD_MEND_CONVERT,
	  .test = odd_size, .clause = "VHD-F-15",
	  .msg = "Xen's disks have whole multiples of 2 MiB, and this one has "
		 "@" },
	{ .kind = VHD_ADVICE_NOTE, .rule = RULE_VHD1_KEYHASH,
	  .clause = "VHD-X-15",
	  .msg = "the image is encrypted; Xen needs the key, which is not in "
		 "it" },
};

const struct vhd_lint_table vhd_lint_xen = {
	.target = "xen", .ext = ".vhd",
	.rows = rows, .count = sizeof(rows) / sizeof(rows[0]),
};
