/* SPDX-License-Identifier: BSD-2-Clause */
/* Damages of the table and of what it maps, through what every repair keeps. */
#include "support/vhdx_breaking.h"

static void put(struct vhdx_image *img, uint64_t idx, uint64_t mib,
		unsigned state)
{
	vhdx_image_bat_set(img, idx, mib * MiB | state);
}

static uint64_t end_mib(const struct vhdx_image *img)
{
	return img->len / MiB;
}

static void reserved(struct vhdx_image *img)
{
	put(img, 7, 0, 2 | 0x80);
}

static void draft(struct vhdx_image *img)
{
	put(img, 7, 0, 5);
}

static void no_place(struct vhdx_image *img)
{
	put(img, 7, 0, 6);
}

static void past_end(struct vhdx_image *img)
{
	put(img, 7, end_mib(img) + 9, 6);
}

static void zero_with_place(struct vhdx_image *img)
{
	put(img, 7, 100, 2);
}

static void alone(struct vhdx_image *img)
{
	uint64_t off = vhdx_image_add_block(img, 7, 7, 0x77);

	(void)off;
}

static void cut(struct vhdx_image *img)
{
	vhdx_image_add_block(img, 7, 6, 0x77);
	vhdx_image_resize(img, img->len - MiB / 2);
}

/* What block 3 has, block 7 has as well. */
static void overlap(struct vhdx_image *img)
{
	vhdx_image_bat_set(img, 7, vhdx_image_bat_get(img, 3));
}

static void in_meta(struct vhdx_image *img)
{
	put(img, 7, 2, 6);
}

static void kept_in_use(struct vhdx_image *img)
{
	vhdx_image_bat_set(img, 7, (vhdx_image_bat_get(img, 3) & ~UINT64_C(7)) |
				   3);
}

static void tail(struct vhdx_image *img)
{
	put(img, 1000, 0, 2);
}

static void no_bitmap(struct vhdx_image *img)
{
	vhdx_image_add_block(img, 7, 7, 0x77);
}

static void bitmap_state(struct vhdx_image *img)
{
	put(img, 4096, 0, 3);
}

static void fixed(struct vhdx_image *img)
{
	struct vhdx_params_disk *p =
		(void *)vhdx_image_item(img, VHDX_IMAGE_PARAMS);

	p->flags = le32_make(VHDX_PARAM_LEAVE_ALLOCATED);
}

static const struct breaking damages[] = {
	BREAK("reserved bits", RULE_VHDX_BAT_RESERVED, NULL, reserved),
	BREAK("state 5", RULE_VHDX_STATE_5, NULL, draft),
	BREAK("no place", RULE_VHDX_BLOCK_NO_PLACE, NULL, no_place),
	BREAK("past the end", RULE_VHDX_BLOCK_PAST_END, NULL, past_end),
	BREAK("zero with a place", RULE_VHDX_ZERO_WITH_PLACE, NULL,
	      zero_with_place),
	BREAK("partial, no parent", RULE_VHDX_PARTIAL_ALONE, NULL, alone),
	BREAK("cut", RULE_VHDX_BLOCK_SHORT, NULL, cut),
	BREAK("overlap, copied", RULE_VHDX_BLOCK_OVERLAP, NULL, overlap),
	BREAK("overlap, the first", RULE_VHDX_BLOCK_OVERLAP, "first", overlap),
	BREAK("in the metadata", RULE_VHDX_BLOCK_IN_META, NULL, in_meta),
	BREAK("kept, in use", RULE_VHDX_ANCHOR_OVERLAP, NULL, kept_in_use),
	BREAK("behind the last", RULE_VHDX_BAT_TAIL, NULL, tail),
	BREAK("fixed, cleared", RULE_VHDX_FIXED_HOLES, "clear", fixed),
	{ .name = "bitmap missing", .rule = RULE_VHDX_BITMAP_MISSING,
	  .choice = "file", .damage = no_bitmap, .has_parent = true },
	{ .name = "bitmap missing, parent's", .choice = "parent",
	  .rule = RULE_VHDX_BITMAP_MISSING, .damage = no_bitmap,
	  .has_parent = true },
	{ .name = "bitmap state", .rule = RULE_VHDX_BITMAP_STATE,
	  .damage = bitmap_state, .has_parent = true },
};

enum { DAMAGES = sizeof(damages) / sizeof(damages[0]) };

START_TEST(vhdx_repair_blocks__are_mended_and_no_cut_harms)
{
	breaking_run(&damages[_i]);
}
END_TEST

TEST_MAIN_ROWS("vhdx/repair_blocks",
	       LOOP(vhdx_repair_blocks__are_mended_and_no_cut_harms, DAMAGES))
