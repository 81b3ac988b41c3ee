/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhdx_breaking.h"

#define OTHER "10E1AE8A-4B7E-4169-A40F-CD70DE928393"

static uint8_t *table(struct vhdx_image *img, int n)
{
	return img->bytes + (n ? VHDX_REGIONS2_OFF : VHDX_REGIONS1_OFF);
}

static void first_bad(struct vhdx_image *img)
{
	memset(table(img, 0), 0, VHDX_REGIONS_LEN);
}

static void second_bad(struct vhdx_image *img)
{
	table(img, 1)[60000] ^= 1;
}

/* The second says that the BAT is elsewhere. */
static void second_wrong(struct vhdx_image *img)
{
	vhdx_image_region(img, 1, 0)->off = le64_make(4 * MiB);
	vhdx_image_reseal_regions(img, 1);
}

static void first_wrong(struct vhdx_image *img)
{
	vhdx_image_region(img, 0, 0)->off = le64_make(4 * MiB);
	vhdx_image_reseal_regions(img, 0);
}

static void both_unsealed(struct vhdx_image *img)
{
	table(img, 0)[4] ^= 1;
	table(img, 1)[4] ^= 1;
}

static void both_gone(struct vhdx_image *img)
{
	first_bad(img);
	memset(table(img, 1), 0xff, VHDX_REGIONS_LEN);
}

static void flags_odd(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++) {
		vhdx_image_region(img, i, 0)->required = le32_make(0);
		vhdx_image_regions(img, i)->reserved = le32_make(7);
		table(img, i)[5000] = 1;
	}
	vhdx_image_reseal(img);
}

/* What is lost of the table was zero. */
static void table_cut(struct vhdx_image *img)
{
	vhdx_image_resize(img, 4 * MiB - 8192);
}

static const struct breaking damages[] = {
	BREAK("first", RULE_VHDX_RGN_ONE_BAD, NULL, first_bad),
	BREAK("second", RULE_VHDX_RGN_ONE_BAD, NULL, second_bad),
	BREAK("differ", RULE_VHDX_RGN_DIFFER, NULL, second_wrong),
	BREAK("keep the first", RULE_VHDX_RGN_DIFFER, "first", second_wrong),
	{ .name = "keep the second", .rule = RULE_VHDX_RGN_DIFFER,
	  .choice = "second", .damage = first_wrong, .reads = true },
	BREAK("both unsealed", RULE_VHDX_RGN_BOTH_BAD, NULL, both_unsealed),
	BREAK("both gone", RULE_VHDX_RGN_BOTH_BAD, NULL, both_gone),
	{ .name = "both unsealed, empty", .rule = RULE_VHDX_RGN_BOTH_BAD,
	  .damage = both_unsealed, .blank = true },
	BREAK("flags", RULE_VHDX_RGN_FLAGS, NULL, flags_odd),
	{ .name = "table cut", .rule = RULE_VHDX_RGN_PLACE,
	  .damage = table_cut, .blank = true },
};
enum { DAMAGES = sizeof(damages) / sizeof(damages[0]) };

START_TEST(vhdx_repair__mends_region_tables)
{
	breaking_run(&damages[_i]);
}
END_TEST

START_TEST(vhdx_repair__knows_only_two_tables)
{
	struct vhdx_mending m;
	struct vhdx_image img;

	breaking_image(&img, &damages[0]);
	second_wrong(&img);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, RULE_VHDX_RGN_DIFFER, "third");
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(vhdx_mending_granted(&m), 0);
	ck_assert(vhdx_mending_is(&m, &img));
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* Regions of others stay where they are. */
START_TEST(vhdx_repair__keeps_unknown_regions)
{
	struct vhdx_mending m;
	struct vhdx_image img;
	struct vhdx_opened o = { .deep = false };

	breaking_image(&img, &damages[0]);
	vhdx_image_add_region(&img, OTHER, 64 * MiB, MiB, 0);
	flags_odd(&img);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, RULE_VHDX_RGN_FLAGS, "");
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(vhdx_mending_steps(&m, RULE_VHDX_RGN_FLAGS, true),
			  1);
	vhdx_opened_begin_io(&o, vhdx_mending_copy(&m));
	ck_assert_int_eq(o.rc, 0);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_RGN_OPTIONAL), 1);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_RGN_FLAGS), 0);
	breaking_reads(&o, &damages[0]);
	vhdx_opened_end(&o);
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* Nothing in the file looks like a table with blocks in it. */
START_TEST(vhdx_repair__does_not_make_up_a_table)
{
	struct vhdx_mending m;
	struct vhdx_image img;

	breaking_image(&img, &damages[0]);
	both_gone(&img);
	if (_i)
		memset(img.bytes + 2 * MiB, 0, 8);
	else
		memset(img.bytes + 3 * MiB, 0x5a, MiB);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, RULE_VHDX_RGN_BOTH_BAD, "");
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(m.step_count, 0);
	ck_assert(vhdx_mending_is(&m, &img));
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* Without a log, in place: one table is whole at any time. */
START_TEST(vhdx_repair__needs_no_log_for_tables)
{
	struct breaking row = damages[_i];
	struct vhdx_image img;

	breaking_image(&img, &row);
	for (int i = 0; i < 2; i++)
		vhdx_image_header(&img, i)->log_len = le32_make(0);
	row.damage(&img);
	vhdx_image_reseal_header(&img, 0);
	vhdx_image_reseal_header(&img, 1);
	row.also = RULE_VHDX_LOG_PLACE_IDLE;
	breaking_mends(&img, &row, true);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_repair__mends_tables_in_place_if_there_is_no_log)
{
	struct vhdx_mending m;
	struct vhdx_image img;
	struct vhdx_opened o = { .deep = false };

	breaking_image(&img, &damages[0]);
	for (int i = 0; i < 2; i++)
		vhdx_image_header(&img, i)->log_len = le32_make(0);
	vhdx_image_reseal(&img);
	first_bad(&img);
	vhdx_mending_begin(&m, &img);
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(vhdx_mending_granted(&m), 1);
	vhdx_opened_begin_io(&o, vhdx_mending_copy(&m));
	ck_assert_int_eq(o.rc, 0);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_RGN_ONE_BAD), 0);
	breaking_reads(&o, &damages[0]);
	vhdx_opened_end(&o);
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN_ROWS("vhdx/repair_region",
	       LOOP(vhdx_repair__mends_region_tables, DAMAGES),
	       ONCE(vhdx_repair__knows_only_two_tables),
	       ONCE(vhdx_repair__keeps_unknown_regions),
	       LOOP(vhdx_repair__does_not_make_up_a_table, 2),
	       LOOP(vhdx_repair__needs_no_log_for_tables, 2),
	       ONCE(vhdx_repair__mends_tables_in_place_if_there_is_no_log))
