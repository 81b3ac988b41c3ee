/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/guid.h"
#include "codec/vhdx_header.h"
#include "support/vhdx_breaking.h"
#include "vhdx/vhdx_engine.h"

/* The golden parent's DataWriteGuid, and another one. */
static const struct vhd_engine_parent parent = {
	.id = { { 0x66, 0x66, 0x66, 0x66, 0x77, 0x77, 0x88, 0x88, 0x99, 0x99,
		  0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa } },
	.relative = "../moved/g1.vhdx", .windows = "C:\\moved\\g1.vhdx",
};
static const struct vhd_engine_parent stranger = {
	.id = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } },
	.relative = "other.vhdx",
};

static void none(struct vhdx_image *img)
{
	vhdx_image_meta(img)->count = le16_make(5);
	memset(vhdx_image_meta_ent(img, VHDX_IMAGE_LOCATOR), 0, 32);
}

static void stray(struct vhdx_image *img)
{
	vhdx_image_item(img, VHDX_IMAGE_PARAMS)[4] &= 0xfd;
}

static struct vhdx_locator_ent_disk *pair(struct vhdx_image *img, int idx)
{
	return (struct vhdx_locator_ent_disk *)(void *)(
		       vhdx_image_item(img, VHDX_IMAGE_LOCATOR) + 20) + idx;
}

static uint8_t *key(struct vhdx_image *img, int idx)
{
	return vhdx_image_item(img, VHDX_IMAGE_LOCATOR) +
	       le32_get(pair(img, idx)->key_off);
}

static void no_linkage(struct vhdx_image *img)
{
	key(img, 0)[0] = 'q';
}

static void linkage_odd(struct vhdx_image *img)
{
	vhdx_image_item(img, VHDX_IMAGE_LOCATOR)
		[le32_get(pair(img, 0)->value_off) + 4] = 'z';
}

static void no_path(struct vhdx_image *img)
{
	key(img, 1)[0] = 'q';
}

static void malformed(struct vhdx_image *img)
{
	pair(img, 1)->value_len = le16_make(7);
}

static void nothing(struct vhdx_image *img)
{
	(void)img;
}

#define CHILD(n, r, d, p) { .name = (n), .rule = (r), .damage = (d), \
			    .parent = (p), .has_parent = true }

static const struct breaking damages[] = {
	CHILD("no locator", RULE_VHDX_LOCATOR_MISSING, none, &parent),
	CHILD("no linkage", RULE_VHDX_LINKAGE, no_linkage, &parent),
	CHILD("odd linkage", RULE_VHDX_LINKAGE, linkage_odd, &stranger),
	CHILD("no path", RULE_VHDX_PARENT_NO_PATH, no_path, &parent),
	CHILD("malformed", RULE_VHDX_LOCATOR_FORM, malformed, &parent),
	CHILD("another parent", RULE_VHDX_PARENT_ID, nothing, &stranger),
	CHILD("elsewhere", RULE_VHDX_PARENT_MISSING, nothing, &parent),
	CHILD("stale", RULE_VHDX_PATH_STALE, nothing, &parent),
	{ .name = "alone", .rule = RULE_VHDX_LOCATOR_MISSING,
	  .choice = "alone", .damage = none, .has_parent = true },
	{ .name = "stray", .rule = RULE_VHDX_LOCATOR_STRAY, .damage = stray,
	  .has_parent = true },
	{ .name = "child", .rule = RULE_VHDX_LOCATOR_STRAY,
	  .choice = "child", .damage = stray, .has_parent = true },
};
enum { DAMAGES = sizeof(damages) / sizeof(damages[0]) };

/* Which rule is offered without consent is a matter of taste: see "stale". */
static bool is_stale(const struct breaking *row)
{
	return row->rule == RULE_VHDX_PATH_STALE;
}

START_TEST(vhdx_repair__mends_parent_locators)
{
	struct breaking row = damages[_i];

	row.also_auto = is_stale(&row);
	breaking_run(&row);
}
END_TEST

static void parents_of(struct vhdx_mending *m, struct vhd_parent_ref *out,
		       struct vhdx_opened *o)
{
	vhdx_opened_begin_io(o, vhdx_mending_copy(m));
	ck_assert_int_eq(o->rc, 0);
	ck_assert(vhdx_engine.parent(o->eng, out));
}

START_TEST(vhdx_repair__records_the_parent_that_is_named)
{
	const struct breaking *row = &damages[_i];
	struct vhd_parent_ref ref;
	struct vhdx_mending m;
	struct vhdx_image img;
	struct vhdx_opened o = { .deep = false };

	breaking_image(&img, row);
	row->damage(&img);
	vhdx_mending_begin(&m, &img);
	breaking_allow(&m, row);
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	parents_of(&m, &ref, &o);
	ck_assert(vhd_guid_equal(&ref.ids[0], &row->parent->id));
	if (row->parent == &stranger) {
		ck_assert_uint_eq(ref.locator_count, 1);
		ck_assert_str_eq(ref.locators[0].text, ".\\other.vhdx");
	} else {
		ck_assert_uint_eq(ref.locator_count, 2);
		ck_assert_str_eq(ref.locators[0].text, "..\\moved\\g1.vhdx");
		ck_assert_str_eq(ref.locators[1].text,
				 "\\\\?\\C:\\moved\\g1.vhdx");
	}
	vhdx_opened_end(&o);
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

static struct vhd_guid data_guid(struct vhd_io *io)
{
	static uint8_t buf[2][VHDX_HEADER_LEN];
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_headers hs;

	ck_assert_int_eq(vhd_io_read(io, buf[0], 4096, VHDX_HEADER1_OFF, NULL),
			 0);
	ck_assert_int_eq(vhd_io_read(io, buf[1], 4096, VHDX_HEADER2_OFF, NULL),
			 0);
	ck_assert_int_eq(vhdx_headers_decode(buf[0], buf[1], &hs, &notes),
			 VHD_RULE_NONE);
	return hs.hdr[hs.current].data_write_guid;
}

/* VHDX-PAR-15; VHDX-HDR-12 where the guest reads something else. */
START_TEST(vhdx_repair__new_data_guid_only_for_new_content)
{
	const struct breaking *row = &damages[_i];
	struct vhd_guid before, after;
	struct vhdx_mending m;
	struct vhdx_image img;

	breaking_image(&img, row);
	row->damage(&img);
	vhdx_mending_begin(&m, &img);
	before = data_guid(m.io);
	breaking_allow(&m, row);
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	after = data_guid(m.io);
	ck_assert_int_eq(vhd_guid_equal(&before, &after), !row->choice);
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* A name that Windows has no word for, or a disk that nobody can recognise. */
START_TEST(vhdx_repair__says_what_cannot_be_a_parent)
{
	struct vhd_engine_parent odd = parent;
	struct vhdx_mending m;
	struct vhdx_image img;

	if (_i)
		odd.raw = true;
	else
		odd.relative = "a:b.vhdx";
	breaking_image(&img, &damages[0]);
	none(&img);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, RULE_VHDX_LOCATOR_MISSING, "");
	m.parent = &odd;
	ck_assert_int_eq(vhdx_mending_run(&m), VHD_E_INVAL);
	ck_assert(vhdx_mending_is(&m, &img));
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* Without a name there is nothing to record, whatever is allowed. */
START_TEST(vhdx_repair__asks_for_the_name)
{
	struct vhdx_mending m;
	struct vhdx_image img;

	breaking_image(&img, &damages[_i]);
	damages[_i].damage(&img);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, damages[_i].rule, "");
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(vhdx_mending_granted(&m), 0);
	ck_assert_uint_eq(vhdx_mending_steps(&m, damages[_i].rule, false), 1);
	ck_assert(vhdx_mending_is(&m, &img));
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN_ROWS("vhdx/repair_locator",
	       LOOP(vhdx_repair__mends_parent_locators, DAMAGES),
	       LOOP(vhdx_repair__records_the_parent_that_is_named, 8),
	       LOOP(vhdx_repair__new_data_guid_only_for_new_content, 9),
	       LOOP(vhdx_repair__says_what_cannot_be_a_parent, 2),
	       LOOP(vhdx_repair__asks_for_the_name, 5))
