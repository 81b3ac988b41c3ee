/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhdx_breaking.h"
#include "vhdx/vhdx_engine.h"

/*
 * A copy that nobody keeps: whatever is wrong in front of the blocks, the file
 * opens afterwards, and where the blocks are is still known.
 */

#define OTHER "10E1AE8A-4B7E-4169-A40F-CD70DE928393"
#define UNFINISHED "71CC85F0-1B69-4E28-9558-C3BF83AE75D3"

static void ident_gone(struct vhdx_image *img)
{
	memset(img->bytes, 0xee, 65536);
}

static void version(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++)
		vhdx_image_header(img, i)->version = le16_make(9);
	vhdx_image_reseal(img);
}

static void log_version(struct vhdx_image *img)
{
	vhdx_image_set_pending(img);
	for (int i = 0; i < 2; i++)
		vhdx_image_header(img, i)->log_version = le16_make(9);
	vhdx_image_reseal(img);
}

static void tie(struct vhdx_image *img)
{
	*vhdx_image_header(img, 1) = *vhdx_image_header(img, 0);
	vhdx_image_header(img, 1)->log_guid[0] = 1;
	vhdx_image_reseal(img);
}

static void headers_gone(struct vhdx_image *img)
{
	memset(img->bytes + 65536, 0, 131072);
}

static void log_hostile(struct vhdx_image *img)
{
	struct vhdx_image_change c = { .file_off = MiB, .zero_len = 4096 };
	struct vhdx_image_entry e = { .seq = 1, .change = &c,
				      .change_count = 1 };

	vhdx_image_set_pending(img);
	vhdx_image_log_put(img, 0, &e);
}

static void log_torn(struct vhdx_image *img)
{
	log_hostile(img);
	img->bytes[MiB + 100] ^= 1;
}

static void log_lost(struct vhdx_image *img)
{
	vhdx_image_set_pending(img);
	vhdx_image_header(img, 0)->log_off = le64_make(77);
	vhdx_image_header(img, 1)->log_off = le64_make(77);
	vhdx_image_reseal(img);
}

/* The file is to be longer than any can be. */
static void log_boundless(struct vhdx_image *img)
{
	struct vhdx_image_entry e = { .seq = 1,
				      .flushed = UINT64_C(1) << 62 };

	vhdx_image_set_pending(img);
	vhdx_image_log_put(img, 0, &e);
}

static void region_required(struct vhdx_image *img)
{
	vhdx_image_add_region(img, OTHER, 64 * MiB, MiB, 1);
}

static void regions_many(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++)
		vhdx_image_regions(img, i)->count = le32_make(5000);
	vhdx_image_reseal(img);
}

static void regions_gone(struct vhdx_image *img)
{
	memset(img->bytes + VHDX_REGIONS1_OFF, 0, 131072);
}

static void log_over_table(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++)
		vhdx_image_header(img, i)->log_off = le64_make(3 * MiB);
	vhdx_image_reseal(img);
}

static void regions_differ(struct vhdx_image *img)
{
	vhdx_image_region(img, 0, 0)->off = le64_make(UINT64_C(1) << 40);
	vhdx_image_reseal_regions(img, 0);
}

static void item_required(struct vhdx_image *img)
{
	vhdx_image_add_item(img, OTHER, 0, 0, 4);
}

static void unfinished(struct vhdx_image *img)
{
	vhdx_image_add_item(img, UNFINISHED, 0, 0, 4);
}

static void unsigned_meta(struct vhdx_image *img)
{
	memset(vhdx_image_meta(img)->signature, 0, 8);
}

static void block_size(struct vhdx_image *img)
{
	vhdx_image_item(img, VHDX_IMAGE_PARAMS)[0] = 1;
}

static void sector_size(struct vhdx_image *img)
{
	vhdx_image_item(img, VHDX_IMAGE_LOGICAL)[2] = 1;
}

static void disk_size(struct vhdx_image *img)
{
	vhdx_image_item(img, VHDX_IMAGE_DISK_SIZE)[7] = 0x80;
}

/* 64 TiB, for which the table has no room. */
static void table_short(struct vhdx_image *img)
{
	vhdx_image_item(img, VHDX_IMAGE_DISK_SIZE)[5] = 0x40;
	vhdx_image_item(img, VHDX_IMAGE_DISK_SIZE)[3] = 0;
}

static void items_misplaced(struct vhdx_image *img)
{
	for (uint32_t i = 0; i < 5; i++)
		vhdx_image_meta_ent(img, i)->off = le32_make(0xfffffff0u);
}

static void items_none(struct vhdx_image *img)
{
	vhdx_image_meta(img)->count = le16_make(0);
}

static void locator_type(struct vhdx_image *img)
{
	vhdx_image_item(img, VHDX_IMAGE_LOCATOR)[0] ^= 1;
}

static void locator_none(struct vhdx_image *img)
{
	vhdx_image_meta(img)->count = le16_make(5);
}

static void everything(struct vhdx_image *img)
{
	regions_gone(img);
	ident_gone(img);
	vhdx_image_header(img, 0)->reserved[0] = 1;
	tie(img);
	log_lost(img);
}

struct salvage_row {
	void (*damage)(struct vhdx_image *img);
	bool has_parent;
};

static const struct salvage_row damages[] = {
	{ ident_gone, false }, { version, false }, { log_version, false },
	{ tie, false }, { headers_gone, false }, { log_hostile, false },
	{ log_torn, false }, { log_lost, false }, { log_boundless, false },
	{ region_required, false }, { regions_many, false },
	{ regions_gone, false }, { log_over_table, false },
	{ regions_differ, false }, { item_required, false },
	{ unfinished, false }, { unsigned_meta, false },
	{ block_size, false }, { sector_size, false }, { disk_size, false },
	{ table_short, false }, { items_misplaced, false }, { items_none, false },
	{ locator_type, true }, { locator_none, true },
	{ everything, false },
};
enum { DAMAGES = sizeof(damages) / sizeof(damages[0]) };

START_TEST(vhdx_repair__salvage_makes_it_open)
{
	struct breaking row = { .has_parent = damages[_i].has_parent };
	struct vhdx_mending m;
	struct vhdx_image img;
	struct vhdx_opened o = { .deep = false };

	breaking_image(&img, &row);
	damages[_i].damage(&img);
	vhdx_mending_begin(&m, &img);
	m.salvage = true;
	ck_assert_msg(!vhdx_mending_run(&m), "%s", m.err.msg);
	vhdx_opened_begin_io(&o, vhdx_mending_copy(&m));
	ck_assert_msg(!o.rc, "%s", o.err.msg);
	breaking_reads(&o, &row);
	if (row.has_parent)
		ck_assert_int_eq(vhdx_opened_map(&o, MiB, 512).kind,
				 VHD_RUN_PARENT);
	vhdx_opened_end(&o);
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_repair__salvage_believes_the_owner_about_the_size)
{
	struct breaking row = { .has_parent = false };
	struct vhd_info info = { 0 };
	struct vhdx_mending m;
	struct vhdx_image img;
	struct vhdx_opened o = { .deep = false };

	breaking_image(&img, &row);
	disk_size(&img);
	vhdx_mending_begin(&m, &img);
	m.salvage = true;
	m.disk_size = _i ? 40 * MiB : 0;
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	vhdx_opened_begin_io(&o, vhdx_mending_copy(&m));
	ck_assert_int_eq(o.rc, 0);
	vhdx_engine.info(o.eng, &info);
	ck_assert_uint_eq(info.virtual_size, _i ? 40 * MiB : 6 * MiB);
	vhdx_opened_end(&o);
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN_ROWS("vhdx/repair_salvage",
	       LOOP(vhdx_repair__salvage_makes_it_open, DAMAGES),
	       LOOP(vhdx_repair__salvage_believes_the_owner_about_the_size, 2))
