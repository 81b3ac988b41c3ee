/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told without mapping: parent, usage, layout. */
#include <string.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "support/check_main.h"
#include "support/vhdx_opened.h"
#include "vhdx/vhdx_engine.h"

static struct vhdx_image img;
static struct vhdx_opened o;

static void begin(void)
{
	vhdx_opened_begin(&o, &img);
	ck_assert_msg(!o.rc, "%s", o.err.msg);
}

static void end(void)
{
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}

/* A child with 1 MiB blocks and one block of each kind. */
static void make_mixed(bool has_parent)
{
	struct vhdx_image_spec spec = { .disk_size = 8 * GiB,
					.block_size = MiB,
					.has_parent = has_parent };

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 10 * MiB);
	vhdx_image_bat_set(&img, 0, 4 * MiB | 6);
	vhdx_image_bat_set(&img, 1, 5 * MiB | 7);
	vhdx_image_bat_set(&img, 2, 2);
	vhdx_image_bat_set(&img, 3, 6 * MiB | 3);
	vhdx_image_bat_set(&img, 4, 9 * MiB | 2);
	vhdx_image_bat_set(&img, 4096, 7 * MiB | 6);
	vhdx_image_bat_set(&img, 4097, 8 * MiB | 6);
}

START_TEST(vhdx_walk__parent_is_named_by_the_locator)
{
	struct vhdx_image_spec spec = { .has_parent = true };
	struct vhd_parent_ref ref;
	struct vhd_guid want;

	vhdx_image_init(&img, &spec);
	begin();
	ck_assert(vhdx_engine.parent(o.eng, &ref));
	ck_assert(vhd_guid_parse("66666666-7777-8888-9999-aaaaaaaaaaaa",
				 &want));
	ck_assert_uint_eq(ref.id_count, 1);
	ck_assert(vhd_guid_equal(&ref.ids[0], &want));
	ck_assert(!ref.raw);
	ck_assert_uint_eq(ref.locator_count, 1);
	ck_assert_int_eq(ref.locators[0].kind, VHD_LOCATOR_RELATIVE);
	ck_assert_str_eq(ref.locators[0].code, "relative_path");
	ck_assert_str_eq(ref.locators[0].text, ".\\g1.vhdx");
	end();
}
END_TEST

START_TEST(vhdx_walk__disk_without_parent_has_none)
{
	struct vhd_parent_ref ref;

	vhdx_image_init(&img, NULL);
	begin();
	ck_assert(!vhdx_engine.parent(o.eng, &ref));
	end();
}
END_TEST

/* VHDX-PATH-01: that path is not tried; the file is fine. */
START_TEST(vhdx_walk__path_with_a_lone_surrogate_is_left_out)
{
	struct vhdx_image_spec spec = { .has_parent = true };
	struct vhd_parent_ref ref;

	vhdx_image_init(&img, &spec);
	vhdx_image_item(&img, VHDX_IMAGE_LOCATOR)[174 + 5] = 0xdc;
	begin();
	ck_assert(vhdx_engine.parent(o.eng, &ref));
	ck_assert_uint_eq(ref.locator_count, 0);
	end();
}
END_TEST

/* Rewrites the locator: pairs of ASCII text, strings packed. */
static void locator_of(const char *const *text, size_t count)
{
	uint8_t *at = vhdx_image_item(&img, VHDX_IMAGE_LOCATOR);
	struct vhdx_locator_ent_disk *ent = (void *)(at + 20);
	uint32_t pos = 20 + 12 * (uint32_t)(count / 2);

	at[18] = (uint8_t)(count / 2);
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(text[i]);

		for (size_t k = 0; k < n; k++) {
			at[pos + 2 * k] = (uint8_t)text[i][k];
			at[pos + 2 * k + 1] = 0;
		}
		if (i % 2) {
			ent[i / 2].value_off = le32_make(pos);
			ent[i / 2].value_len = le16_make((uint16_t)(2 * n));
		} else {
			ent[i / 2].key_off = le32_make(pos);
			ent[i / 2].key_len = le16_make((uint16_t)(2 * n));
		}
		pos += (uint32_t)(2 * n);
	}
	vhdx_image_meta_ent(&img, VHDX_IMAGE_LOCATOR)->len = le32_make(pos);
}

/* VHDX-PAR-12, VHDX-PAR-14. */
START_TEST(vhdx_walk__paths_come_in_the_order_to_try_them)
{
	static const char *const text[] = {
		"parent_linkage", "{11111111-2222-3333-4444-555555555555}",
		"absolute_win32_path", "\\\\?\\C:\\a.vhdx",
		"relative_path", "a.vhdx",
		"volume_path", "\\\\?\\Volume{x}\\a.vhdx",
		"parent_linkage2", "{66666666-2222-3333-4444-555555555555}",
	};
	struct vhdx_image_spec spec = { .has_parent = true };
	struct vhd_parent_ref ref;

	vhdx_image_init(&img, &spec);
	locator_of(text, 10);
	begin();
	ck_assert_uint_eq(o.seen_count, 0);
	ck_assert(vhdx_engine.parent(o.eng, &ref));
	ck_assert_uint_eq(ref.id_count, 2);
	ck_assert_uint_eq(ref.ids[1].b[0], 0x66);
	ck_assert_uint_eq(ref.locator_count, 3);
	ck_assert_int_eq(ref.locators[0].kind, VHD_LOCATOR_RELATIVE);
	ck_assert_int_eq(ref.locators[1].kind, VHD_LOCATOR_VOLUME);
	ck_assert_int_eq(ref.locators[2].kind, VHD_LOCATOR_ABSOLUTE);
	ck_assert_str_eq(ref.locators[2].text, "\\\\?\\C:\\a.vhdx");
	end();
}
END_TEST

START_TEST(vhdx_walk__zero_linkage2_and_bare_paths_are_reported)
{
	static const char *const text[] = {
		"parent_linkage", "11111111-2222-3333-4444-555555555555",
		"absolute_win32_path", "C:\\a.vhdx",
		"parent_linkage2", "{00000000-0000-0000-0000-000000000000}",
	};
	struct vhdx_image_spec spec = { .has_parent = true };
	struct vhd_parent_ref ref;

	vhdx_image_init(&img, &spec);
	locator_of(text, 6);
	begin();
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_LOCATOR_STYLE), 3);
	ck_assert(vhdx_engine.parent(o.eng, &ref));
	ck_assert_uint_eq(ref.id_count, 1);
	end();
}
END_TEST

START_TEST(vhdx_walk__usage_counts_by_state)
{
	struct vhd_usage u;

	make_mixed(true);
	begin();
	ck_assert_int_eq(vhdx_engine.usage(o.eng, MiB, &u, NULL), 0);
	ck_assert(u.complete);
	ck_assert_uint_eq(u.blocks_data, 3);
	ck_assert_uint_eq(u.blocks_partial, 1);
	ck_assert_uint_eq(u.blocks_zero, 3);
	ck_assert_uint_eq(u.data_bytes, 3 * MiB);
	end();
}
END_TEST

START_TEST(vhdx_walk__usage_stops_at_its_budget)
{
	struct vhd_usage u;

	make_mixed(true);
	begin();
	ck_assert_int_eq(vhdx_engine.usage(o.eng, 4096, &u, NULL), 0);
	ck_assert(!u.complete);
	end();
}
END_TEST

struct told {
	uint64_t off[16], block[16];
	enum vhd_region_kind kind[16];
	size_t count, stop;
};

static bool tell(void *arg, enum vhd_region_kind kind, uint64_t file_off,
		 uint64_t len, uint64_t block)
{
	struct told *t = arg;

	ck_assert_uint_eq(len, MiB);
	ck_assert_uint_lt(t->count, 16);
	t->kind[t->count] = kind;
	t->off[t->count] = file_off / MiB;
	t->block[t->count++] = block;
	return t->count != t->stop;
}

START_TEST(vhdx_walk__layout_names_what_has_space)
{
	static const struct {
		enum vhd_region_kind kind;
		uint64_t mib, block;
	} want[] = {
		{ VHD_REGION_HEADER, 0, VHD_NO_OFFSET },
		{ VHD_REGION_LOG, 1, VHD_NO_OFFSET },
		{ VHD_REGION_METADATA, 2, VHD_NO_OFFSET },
		{ VHD_REGION_BAT, 3, VHD_NO_OFFSET },
		{ VHD_REGION_DATA, 4, 0 },
		{ VHD_REGION_DATA, 5, 1 },
		{ VHD_REGION_RESERVED, 6, 3 },
		{ VHD_REGION_BITMAP, 7, 0 },
		{ VHD_REGION_DATA, 8, 4096 },
	};
	struct told t = { .count = 0 };

	make_mixed(true);
	begin();
	ck_assert_int_eq(vhdx_engine.layout(o.eng, tell, &t, NULL), 0);
	ck_assert_uint_eq(t.count, 9);
	for (size_t i = 0; i < 9; i++) {
		ck_assert_int_eq(t.kind[i], want[i].kind);
		ck_assert_uint_eq(t.off[i], want[i].mib);
		ck_assert_uint_eq(t.block[i], want[i].block);
	}
	end();
}
END_TEST

START_TEST(vhdx_walk__layout_ends_when_told_to)
{
	for (size_t stop = 1; stop < 9; stop++) {
		struct told t = { .stop = stop };

		make_mixed(true);
		begin();
		ck_assert_int_eq(vhdx_engine.layout(o.eng, tell, &t, NULL), 0);
		ck_assert_uint_eq(t.count, stop);
		end();
	}
}
END_TEST

/* VHDX-BAT-11: what stands in the slot of a bitmap is nobody's space. */
START_TEST(vhdx_walk__layout_without_parent_has_no_bitmaps)
{
	struct told t = { .count = 0 };

	make_mixed(false);
	begin();
	ck_assert_int_eq(vhdx_engine.layout(o.eng, tell, &t, NULL), 0);
	ck_assert_uint_eq(t.count, 8);
	ck_assert_int_eq(t.kind[7], VHD_REGION_DATA);
	end();
}
END_TEST

TEST_MAIN("vhdx/walk",
	  vhdx_walk__parent_is_named_by_the_locator,
	  vhdx_walk__disk_without_parent_has_none,
	  vhdx_walk__path_with_a_lone_surrogate_is_left_out,
	  vhdx_walk__paths_come_in_the_order_to_try_them,
	  vhdx_walk__zero_linkage2_and_bare_paths_are_reported,
	  vhdx_walk__usage_counts_by_state,
	  vhdx_walk__usage_stops_at_its_budget,
	  vhdx_walk__layout_names_what_has_space,
	  vhdx_walk__layout_ends_when_told_to,
	  vhdx_walk__layout_without_parent_has_no_bitmaps)
