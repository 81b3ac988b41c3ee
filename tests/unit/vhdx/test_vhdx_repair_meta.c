/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhdx_breaking.h"

#define OTHER "10E1AE8A-4B7E-4169-A40F-CD70DE928393"
#define DISK_ID "BECA12AB-B2E6-4523-93EF-C309E000C746"

enum { IDX_NEXT = 5 };		/* of an entry that is added */

static void drop(struct vhdx_image *img, uint32_t idx)
{
	uint32_t count = le16_get(vhdx_image_meta(img)->count);

	*vhdx_image_meta_ent(img, idx) = *vhdx_image_meta_ent(img, count - 1);
	memset(vhdx_image_meta_ent(img, count - 1), 0, 32);
	vhdx_image_meta(img)->count = le16_make((uint16_t)(count - 1));
}

static void repeated(struct vhdx_image *img)
{
	vhdx_image_add_item(img, DISK_ID, 0x20000, 16, 6);
	memcpy(vhdx_image_item(img, IDX_NEXT),
	       vhdx_image_item(img, VHDX_IMAGE_DISK_ID), 16);
}

static void other_outside(struct vhdx_image *img)
{
	vhdx_image_add_item(img, OTHER, 0x100000 - 8, 16, 0);
}

static void others_outside(struct vhdx_image *img)
{
	vhdx_image_add_item(img, OTHER, 100, 16, 0);
	vhdx_image_add_item(img, OTHER, 0x20000, 2 << 20, 1);
	vhdx_image_add_item(img, DISK_ID, 0, 16, 1);
}

static void over_each_other(struct vhdx_image *img)
{
	struct vhdx_meta_ent_disk *ent =
		vhdx_image_meta_ent(img, VHDX_IMAGE_PHYSICAL);

	/* Both sector sizes are read from one place. */
	ent->off = vhdx_image_meta_ent(img, VHDX_IMAGE_LOGICAL)->off;
}

static void other_over(struct vhdx_image *img)
{
	vhdx_image_add_item(img, OTHER, 0x10010, 4096, 0);
}

/* No room to be moved to. */
static void large_over(struct vhdx_image *img)
{
	vhdx_image_add_item(img, OTHER, 0x10010, 0x90000, 0);
}

static void no_physical(struct vhdx_image *img)
{
	drop(img, VHDX_IMAGE_PHYSICAL);
}

static void no_disk_id(struct vhdx_image *img)
{
	drop(img, VHDX_IMAGE_DISK_ID);
}

static void users(struct vhdx_image *img)
{
	vhdx_image_meta_ent(img, VHDX_IMAGE_DISK_SIZE)->flags = le32_make(3);
}

static void size_long(struct vhdx_image *img)
{
	vhdx_image_meta_ent(img, VHDX_IMAGE_DISK_SIZE)->len =
		le32_make(8 + 4096);
}

static void id_empty(struct vhdx_image *img)
{
	vhdx_image_meta_ent(img, VHDX_IMAGE_DISK_ID)->len = le32_make(0);
	vhdx_image_meta_ent(img, VHDX_IMAGE_DISK_ID)->off = le32_make(0);
}

static void flags_odd(struct vhdx_image *img)
{
	vhdx_image_meta_ent(img, VHDX_IMAGE_PARAMS)->flags = le32_make(0x66);
	vhdx_image_meta_ent(img, VHDX_IMAGE_DISK_ID)->reserved = le32_make(1);
	vhdx_image_meta(img)->reserved2[7] = 1;
	vhdx_image_add_item(img, OTHER, 0, 0, 0x80);
	vhdx_image_add_item(img, DISK_ID, 0, 0, 5);
	vhdx_image_add_item(img, "00000000-0000-0000-0000-000000000000", 0, 0,
			    0);
}

static void physical_odd(struct vhdx_image *img)
{
	vhdx_image_item(img, VHDX_IMAGE_PHYSICAL)[1] = 0x11;
}

static void params_odd(struct vhdx_image *img)
{
	vhdx_image_item(img, VHDX_IMAGE_PARAMS)[5] = 0x80;
}

static const struct breaking damages[] = {
	BREAK("repeated", RULE_VHDX_META_DUPLICATE, NULL, repeated),
	BREAK("outside", RULE_VHDX_META_PLACE_OPT, NULL, other_outside),
	BREAK("three outside", RULE_VHDX_META_PLACE_OPT, NULL, others_outside),
	{ .name = "over each other", .rule = RULE_VHDX_META_OVERLAP,
	  .damage = over_each_other },
	BREAK("another over", RULE_VHDX_META_OVERLAP, NULL, other_over),
	BREAK("a large one over", RULE_VHDX_META_OVERLAP, NULL, large_over),
	BREAK("no physical sector", RULE_VHDX_META_MISSING, NULL, no_physical),
	BREAK("no disk id", RULE_VHDX_META_MISSING, NULL, no_disk_id),
	BREAK("a user's", RULE_VHDX_META_MISSING, NULL, users),
	BREAK("size too long", RULE_VHDX_META_LENGTH, NULL, size_long),
	BREAK("empty disk id", RULE_VHDX_META_LENGTH, NULL, id_empty),
	BREAK("flags", RULE_VHDX_META_FLAGS, NULL, flags_odd),
	BREAK("physical sector", RULE_VHDX_PHYSICAL_SECTOR, NULL, physical_odd),
	BREAK("parameters", RULE_VHDX_PARAM_FLAGS, NULL, params_odd),
};
enum { DAMAGES = sizeof(damages) / sizeof(damages[0]) };

START_TEST(vhdx_repair__mends_metadata)
{
	breaking_run(&damages[_i]);
}
END_TEST

static void repeated_otherwise(struct vhdx_image *img)
{
	repeated(img);
	vhdx_image_item(img, IDX_NEXT)[3] ^= 1;
}

static void no_size(struct vhdx_image *img)
{
	drop(img, VHDX_IMAGE_DISK_SIZE);
}

static void size_empty(struct vhdx_image *img)
{
	struct vhdx_meta_ent_disk *ent =
		vhdx_image_meta_ent(img, VHDX_IMAGE_DISK_SIZE);

	ent->len = le32_make(0);
	ent->off = le32_make(0);
}

static void needed_by_others(struct vhdx_image *img)
{
	vhdx_image_add_item(img, OTHER, 0, 0, 4);
}

static void block_size_odd(struct vhdx_image *img)
{
	vhdx_image_item(img, VHDX_IMAGE_PARAMS)[0] = 1;
}

static void not_metadata(struct vhdx_image *img)
{
	vhdx_image_meta(img)->signature[0] = 'M';
}

/* Whatever is allowed: what is not known is not made up. */
static void (*const hopeless[])(struct vhdx_image *img) = {
	repeated_otherwise, no_size, size_empty, needed_by_others,
	block_size_odd, not_metadata,
};
enum { HOPELESS = sizeof(hopeless) / sizeof(hopeless[0]) };

START_TEST(vhdx_repair__makes_up_no_metadata)
{
	struct vhdx_mending m;
	struct vhdx_image img;

	breaking_image(&img, &damages[0]);
	hopeless[_i](&img);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, RULE_VHDX_META_DUPLICATE, "");
	vhdx_mending_allow(&m, RULE_VHDX_META_MISSING, "");
	vhdx_mending_allow(&m, RULE_VHDX_META_LENGTH, "");
	vhdx_mending_allow(&m, RULE_VHDX_META_REQUIRED, "");
	vhdx_mending_allow(&m, RULE_VHDX_BLOCK_SIZE, "");
	vhdx_mending_allow(&m, RULE_VHDX_META_SIGNATURE, "");
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(m.step_count, 0);
	ck_assert(vhdx_mending_is(&m, &img));
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* Items of others are neither lost nor changed when the table is tidied. */
START_TEST(vhdx_repair__keeps_items_of_others)
{
	struct vhdx_mending m;
	struct vhdx_image img;
	uint8_t bytes[16], want[16];

	breaking_image(&img, &damages[0]);
	vhdx_image_add_item(&img, OTHER, 0x30000, 16, 0);
	memset(vhdx_image_item(&img, IDX_NEXT), 0x77, 16);
	memset(want, 0x77, 16);
	params_odd(&img);
	flags_odd(&img);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, RULE_VHDX_META_FLAGS, "");
	vhdx_mending_allow(&m, RULE_VHDX_PARAM_FLAGS, "");
	vhdx_mending_allow(&m, RULE_VHDX_META_DUPLICATE, "");
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_int_eq(vhd_io_read(m.io, bytes, 16, 2 * MiB + 0x30000,
				     NULL), 0);
	ck_assert_mem_eq(bytes, want, 16);
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN_ROWS("vhdx/repair_meta",
	       LOOP(vhdx_repair__mends_metadata, DAMAGES),
	       LOOP(vhdx_repair__makes_up_no_metadata, HOPELESS),
	       ONCE(vhdx_repair__keeps_items_of_others))
