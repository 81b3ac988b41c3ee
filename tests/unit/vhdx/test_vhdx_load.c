/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening: region tables, metadata, the parent locator.  Each row breaks one
 * rule of a valid image; checksums are made anew, so that nothing else is
 * wrong.
 */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhdx_opened.h"
#include "vhdx/vhdx_engine.h"

static struct vhdx_image img;
static struct vhdx_opened o;

#define STRANGE "01234567-89ab-cdef-0123-456789abcdef"

struct breakage {
	enum vhd_rule_idx rule;
	int code;		/* 0: opening works and reports the rule */
	void (*poke)(void);
};

/* Both copies of a field of region @idx. */
static void region_set(uint32_t idx, uint64_t off, uint32_t len)
{
	for (int n = 0; n < 2; n++) {
		struct vhdx_region_disk *r = vhdx_image_region(&img, n, idx);

		r->off = le64_make(off);
		r->len = le32_make(len);
	}
}

static void item_set32(uint32_t item, uint32_t at, uint32_t value)
{
	le32 v = le32_make(value);

	memcpy(vhdx_image_item(&img, item) + at, &v, sizeof(v));
}

static void item_set64(uint32_t item, uint64_t value)
{
	le64 v = le64_make(value);

	memcpy(vhdx_image_item(&img, item), &v, sizeof(v));
}

/* Region tables. */

static void rgn_both_bad(void)
{
	vhdx_image_regions(&img, 0)->signature[0] = 0;
	vhdx_image_regions(&img, 1)->signature[0] = 0;
}

static void rgn_differ(void)
{
	vhdx_image_region(&img, 1, 1)->required = le32_make(0);
}

static void rgn_count(void)
{
	vhdx_image_regions(&img, 0)->count = le32_make(2048);
	vhdx_image_regions(&img, 1)->count = le32_make(2048);
}

static void rgn_duplicate(void)
{
	vhdx_image_resize(&img, 6 * MiB);
	vhdx_image_add_region(&img, "2DC27766-F623-4200-9D64-115E9BFD4A08",
			      5 * MiB, MiB, 1);
}

static void rgn_lost(uint32_t idx)
{
	for (int n = 0; n < 2; n++) {
		struct vhdx_region_disk *r = vhdx_image_region(&img, n, idx);

		r->guid[0] ^= 0xff;
		r->required = le32_make(0);
	}
}

static void rgn_no_bat(void)
{
	rgn_lost(0);
}

static void rgn_no_metadata(void)
{
	rgn_lost(1);
}

static void rgn_place_odd(void)
{
	region_set(0, 3 * MiB + 4096, MiB);
}

static void rgn_place_past_end(void)
{
	region_set(0, 4 * MiB, MiB);
}

static void rgn_place_empty(void)
{
	region_set(0, 3 * MiB, 0);
}

static void rgn_required(void)
{
	vhdx_image_add_region(&img, STRANGE, 5 * MiB, MiB, 1);
}

static void rgn_optional(void)
{
	vhdx_image_add_region(&img, STRANGE, 5 * MiB, MiB, 0);
}

/* What QEMU writes (VHDX-TST-12, VHDX-BUG-Q11). */
static void rgn_flags(void)
{
	for (int n = 0; n < 2; n++) {
		vhdx_image_region(&img, n, 0)->required = le32_make(0);
		vhdx_image_region(&img, n, 1)->required = le32_make(0);
	}
}

static void rgn_overlap(void)
{
	region_set(0, 2 * MiB, MiB);
}

static void rgn_overlap_log(void)
{
	region_set(0, MiB, MiB);
}

/* Metadata. */

static void meta_signature(void)
{
	vhdx_image_meta(&img)->signature[7] = 'b';
}

static void meta_count(void)
{
	vhdx_image_meta(&img)->count = le16_make(2048);
}

static void meta_duplicate(void)
{
	vhdx_image_add_item(&img, "BECA12AB-B2E6-4523-93EF-C309E000C746",
			    0x20000, 16, 6);
}

static void meta_place(void)
{
	vhdx_image_meta_ent(&img, VHDX_IMAGE_DISK_ID)->off =
		le32_make(MiB - 8);
}

static void meta_place_opt(void)
{
	vhdx_image_add_item(&img, STRANGE, MiB - 8, 16, 0);
}

static void meta_overlap(void)
{
	vhdx_image_add_item(&img, STRANGE, 0x10004, 8, 0);
}

static void meta_required(void)
{
	vhdx_image_add_item(&img, STRANGE, 0x20000, 8, 4);
}

static void meta_incomplete(void)
{
	vhdx_image_add_item(&img, "71CC85F0-1B69-4E28-9558-C3BF83AE75D3", 0, 0,
			    4);
}

static void meta_missing(void)
{
	vhdx_image_meta(&img)->count = le16_make(4);
}

static void meta_length(void)
{
	vhdx_image_meta_ent(&img, VHDX_IMAGE_PHYSICAL)->len = le32_make(8);
}

static void meta_flags(void)
{
	vhdx_image_meta_ent(&img, VHDX_IMAGE_DISK_SIZE)->flags = le32_make(4);
}

/* The items themselves. */

static void block_size_odd(void)
{
	item_set32(VHDX_IMAGE_PARAMS, 0, 3 * MiB);
}

static void block_size_large(void)
{
	item_set32(VHDX_IMAGE_PARAMS, 0, 512 * MiB);
}

static void logical_sector(void)
{
	item_set32(VHDX_IMAGE_LOGICAL, 0, 1024);
}

static void physical_sector(void)
{
	item_set32(VHDX_IMAGE_PHYSICAL, 0, 520);
}

static void disk_size_odd(void)
{
	item_set64(VHDX_IMAGE_DISK_SIZE, 10 * GiB + 1);
}

static void disk_size_large(void)
{
	item_set64(VHDX_IMAGE_DISK_SIZE, 64 * TiB + 512);
}

static void disk_empty(void)
{
	item_set64(VHDX_IMAGE_DISK_SIZE, 0);
}

static void param_flags(void)
{
	item_set32(VHDX_IMAGE_PARAMS, 4, 0x10);
}

static void locator_missing(void)
{
	item_set32(VHDX_IMAGE_PARAMS, 4, VHDX_PARAM_HAS_PARENT);
}

static void bat_short(void)
{
	item_set32(VHDX_IMAGE_PARAMS, 0, MiB);
	item_set64(VHDX_IMAGE_DISK_SIZE, 64 * TiB);
}

static const struct breakage alone[] = {
	{ RULE_VHDX_RGN_BOTH_BAD, VHD_E_CORRUPT, rgn_both_bad },
	{ RULE_VHDX_RGN_DIFFER, 0, rgn_differ },
	{ RULE_VHDX_RGN_COUNT, VHD_E_CORRUPT, rgn_count },
	{ RULE_VHDX_RGN_DUPLICATE, VHD_E_CORRUPT, rgn_duplicate },
	{ RULE_VHDX_RGN_NO_BAT, VHD_E_CORRUPT, rgn_no_bat },
	{ RULE_VHDX_RGN_NO_METADATA, VHD_E_CORRUPT, rgn_no_metadata },
	{ RULE_VHDX_RGN_PLACE, VHD_E_CORRUPT, rgn_place_odd },
	{ RULE_VHDX_RGN_PLACE, VHD_E_CORRUPT, rgn_place_past_end },
	{ RULE_VHDX_RGN_PLACE, VHD_E_CORRUPT, rgn_place_empty },
	{ RULE_VHDX_RGN_REQUIRED, VHD_E_UNSUPPORTED, rgn_required },
	{ RULE_VHDX_RGN_OPTIONAL, 0, rgn_optional },
	{ RULE_VHDX_RGN_FLAGS, 0, rgn_flags },
	{ RULE_VHDX_RGN_OVERLAP, VHD_E_CORRUPT, rgn_overlap },
	{ RULE_VHDX_RGN_OVERLAP, VHD_E_CORRUPT, rgn_overlap_log },
	{ RULE_VHDX_META_SIGNATURE, VHD_E_CORRUPT, meta_signature },
	{ RULE_VHDX_META_COUNT, VHD_E_CORRUPT, meta_count },
	{ RULE_VHDX_META_DUPLICATE, VHD_E_CORRUPT, meta_duplicate },
	{ RULE_VHDX_META_PLACE, VHD_E_CORRUPT, meta_place },
	{ RULE_VHDX_META_PLACE_OPT, 0, meta_place_opt },
	{ RULE_VHDX_META_OVERLAP, 0, meta_overlap },
	{ RULE_VHDX_META_REQUIRED, VHD_E_UNSUPPORTED, meta_required },
	{ RULE_VHDX_META_INCOMPLETE, VHD_E_UNSUPPORTED, meta_incomplete },
	{ RULE_VHDX_META_MISSING, VHD_E_CORRUPT, meta_missing },
	{ RULE_VHDX_META_LENGTH, VHD_E_CORRUPT, meta_length },
	{ RULE_VHDX_META_FLAGS, 0, meta_flags },
	{ RULE_VHDX_BLOCK_SIZE, VHD_E_CORRUPT, block_size_odd },
	{ RULE_VHDX_BLOCK_SIZE, VHD_E_CORRUPT, block_size_large },
	{ RULE_VHDX_LOGICAL_SECTOR, VHD_E_CORRUPT, logical_sector },
	{ RULE_VHDX_PHYSICAL_SECTOR, 0, physical_sector },
	{ RULE_VHDX_DISK_SIZE, VHD_E_CORRUPT, disk_size_odd },
	{ RULE_VHDX_DISK_SIZE, VHD_E_CORRUPT, disk_size_large },
	{ RULE_VHDX_DISK_EMPTY, 0, disk_empty },
	{ RULE_VHDX_PARAM_FLAGS, 0, param_flags },
	{ RULE_VHDX_LOCATOR_MISSING, VHD_E_CORRUPT, locator_missing },
	{ RULE_VHDX_BAT_SHORT, VHD_E_CORRUPT, bat_short },
};

/* Of a child: the image of vhdx.md 18.2, keys and values where that says. */

enum { KEY_LINKAGE = 44, VALUE_LINKAGE = 72, KEY_PATH = 148 };

static uint8_t *locator(void)
{
	return vhdx_image_item(&img, VHDX_IMAGE_LOCATOR);
}

static void param_both(void)
{
	item_set32(VHDX_IMAGE_PARAMS, 4, 3);
}

static void locator_stray(void)
{
	item_set32(VHDX_IMAGE_PARAMS, 4, 0);
}

static void locator_type(void)
{
	locator()[0] ^= 1;
}

static void locator_form_odd(void)
{
	locator()[20 + 8] = 27;
}

static void locator_form_outside(void)
{
	locator()[20 + 12 + 7] = 1;
}

static void locator_form_empty(void)
{
	vhdx_image_meta_ent(&img, VHDX_IMAGE_LOCATOR)->len = le32_make(16);
}

static void locator_count(void)
{
	locator()[19] = 2;
}

static void linkage_key(void)
{
	locator()[KEY_LINKAGE] = 'q';
}

static void linkage_value(void)
{
	locator()[VALUE_LINKAGE + 4] = 'x';
}

static void no_path(void)
{
	locator()[KEY_PATH] = 'q';
}

static const struct breakage child[] = {
	{ RULE_VHDX_PARAM_BOTH, 0, param_both },
	{ RULE_VHDX_LOCATOR_STRAY, 0, locator_stray },
	{ RULE_VHDX_LOCATOR_TYPE, VHD_E_UNSUPPORTED, locator_type },
	{ RULE_VHDX_LOCATOR_FORM, VHD_E_CORRUPT, locator_form_odd },
	{ RULE_VHDX_LOCATOR_FORM, VHD_E_CORRUPT, locator_form_outside },
	{ RULE_VHDX_LOCATOR_FORM, VHD_E_CORRUPT, locator_form_empty },
	{ RULE_VHDX_LOCATOR_COUNT, VHD_E_UNSUPPORTED, locator_count },
	{ RULE_VHDX_LINKAGE, VHD_E_CORRUPT, linkage_key },
	{ RULE_VHDX_LINKAGE, VHD_E_CORRUPT, linkage_value },
	{ RULE_VHDX_PARENT_NO_PATH, 0, no_path },
};

static void breaks(const struct breakage *b, bool has_parent)
{
	struct vhdx_image_spec spec = { .has_parent = has_parent };
	const char *name = vhd_rule_get(b->rule)->name;

	vhdx_image_init(&img, &spec);
	b->poke();
	vhdx_image_reseal(&img);
	vhdx_opened_begin(&o, &img);
	ck_assert_msg(o.rc == b->code, "%s: %d, %s", name, o.rc,
		      o.rc ? o.err.msg : "");
	if (b->code) {
		ck_assert_str_eq(o.err.rule->name, name);
	} else {
		ck_assert_msg(vhdx_opened_saw(&o, b->rule), "%s", name);
		ck_assert_uint_eq(vhdx_opened_saw(&o, b->rule), o.seen_count);
	}
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}

START_TEST(vhdx_load__each_broken_rule_is_named)
{
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
		breaks(&alone[i], false);
}
END_TEST

START_TEST(vhdx_load__each_broken_rule_of_a_child_is_named)
{
	for (size_t i = 0; i < sizeof(child) / sizeof(child[0]); i++)
		breaks(&child[i], true);
}
END_TEST

START_TEST(vhdx_load__either_region_table_will_do)
{
	for (int n = 0; n < 2; n++) {
		struct vhd_info info;

		vhdx_image_init(&img, NULL);
		memset(vhdx_image_regions(&img, n), 0x77, 200);
		vhdx_opened_begin(&o, &img);
		ck_assert_int_eq(o.rc, 0);
		ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_RGN_ONE_BAD),
				  1);
		vhdx_engine.info(o.eng, &info);
		ck_assert_uint_eq(info.vhdx.region_tables_ok,
				  n ? VHD_COPY_FIRST : VHD_COPY_SECOND);
		ck_assert_uint_eq(info.vhdx.bat_off, 3 * MiB);
		vhdx_opened_end(&o);
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_load__physical_sector_is_never_below_the_logical_one)
{
	struct vhdx_image_spec spec = { .logical_sector = 4096,
					.physical_sector = 512 };
	struct vhd_info info;

	vhdx_image_init(&img, &spec);
	vhdx_opened_begin(&o, &img);
	ck_assert_int_eq(o.rc, 0);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_PHYSICAL_SECTOR), 1);
	vhdx_engine.info(o.eng, &info);
	ck_assert_uint_eq(info.logical_sector, 4096);
	ck_assert_uint_eq(info.physical_sector, 4096);
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_load__opening_does_not_read_the_table)
{
	struct vhdx_image_spec spec = { .disk_size = 1 * TiB,
					.block_size = MiB };
	struct vhd_io_stats stats;

	vhdx_image_init(&img, &spec);
	vhdx_opened_begin(&o, &img);
	ck_assert_int_eq(o.rc, 0);
	vhd_io_stats(o.io, &stats);
	ck_assert_uint_lt(stats.read_bytes, 256 * KiB);
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN("vhdx/load",
	  vhdx_load__each_broken_rule_is_named,
	  vhdx_load__each_broken_rule_of_a_child_is_named,
	  vhdx_load__either_region_table_will_do,
	  vhdx_load__physical_sector_is_never_below_the_logical_one,
	  vhdx_load__opening_does_not_read_the_table)
