/* SPDX-License-Identifier: BSD-2-Clause */
/* Salvage, and what the owner of an image can ask of a repair. */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_repairing.h"
#include "vhd1/vhd1.h"

static const struct vhd1_image_spec dynamic = {
	.type = VHD_TYPE_DYNAMIC, .size = 4 << 20, .block_size = 512 << 10,
	.blocks = 3
};
static const struct vhd1_image_spec diff = {
	.type = VHD_TYPE_DIFF, .size = 4 << 20, .block_size = 512 << 10,
	.blocks = 2
};
static const struct vhd1_image_spec fixed = {
	.type = VHD_TYPE_FIXED, .size = 1 << 20
};
static const struct vhd1_image_spec xen = {
	.type = VHD_TYPE_DYNAMIC, .size = 8 << 20, .blocks = 2, .xen = true
};

enum { MAP = 2048 + 512 };

static struct vhd1_footer f;
static struct vhd1_header h;

#define FOOTER(io, change) do {                                               \
		vhd1_image_footer(io, &f);                                    \
		change;                                                       \
		vhd1_image_set_footer(io, &f, f.type == 2 ? VHD_COPY_SECOND   \
							  : 3);               \
	} while (0)
#define HEADER(io, change) do {                                               \
		vhd1_image_header(io, &h);                                    \
		change;                                                       \
		vhd1_image_set_header(io, &h);                                \
	} while (0)

static uint64_t tail(struct vhd_io *io)
{
	return vhd1_image_size(io) - 512;
}

static void in_meta(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 1, 1);
}

static void past_end(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 5, 0x00100000);
}

static void cut(struct vhd_io *io)
{
	vhd1_image_resize(io, vhd1_image_size(io) - 4096);
}

static void no_footers(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x11, 512, 0);
	vhd1_image_fill(io, 0x11, 512, tail(io));
}

START_TEST(vhd1_repair_asked__salvage_makes_up_a_footer)
{
	static const struct vhd1_image_spec *const specs[] = { &dynamic,
							       &diff };
	struct vhd_io *io = vhd1_image_new(specs[_i]);
	struct vhd1_disk *before = vhd1_disk_read(io), *after;
	struct vhd1_owner o = { .allow = { "all" } };

	no_footers(io);
	vhd1_repair_all(io, &o);
	ck_assert_uint_eq(o.granted, 0);
	o.salvage = true;
	vhd1_repair_all(io, &o);
	ck_assert_str_eq(o.first, "VHD1_FOOTERS_BAD");
	after = vhd1_disk_read(io);
	ck_assert(vhd1_disk_kept(before, after));
	vhd1_disk_free(before);
	vhd1_disk_free(after);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_repair_asked__salvage_goes_by_the_size_that_is_said)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);
	struct vhd1_owner o = { .allow = { "all" }, .salvage = true,
				.disk_size = 3 * MiB };
	struct vhd1_disk *after;

	no_footers(io);
	vhd1_repair_all(io, &o);
	after = vhd1_disk_read(io);
	ck_assert_ptr_nonnull(after);
	ck_assert_uint_eq(after->sectors, 3 * MiB / 512);
	vhd1_disk_free(after);
	vhd_io_close(&io, NULL);
}
END_TEST

/* What is lost has to be told as lost, not to read as zeros. */
START_TEST(vhd1_repair_asked__salvage_makes_up_no_data)
{
	static void (*const make[])(struct vhd_io *) = { in_meta, past_end,
							 cut };
	struct vhd_io *io = vhd1_image_new(&dynamic);
	struct vhd1_owner o = { .allow = { "all" }, .salvage = true };
	struct vhd1_disk *d;
	uint64_t i, lost = 0;

	make[_i](io);
	vhd1_repair_all(io, &o);
	d = vhd1_disk_read(io);
	ck_assert_ptr_nonnull(d);
	for (i = 0; i < d->sectors; i++)
		lost += d->kind[i] == VHD1_DISK_LOST;
	ck_assert_uint_gt(lost, 0);
	vhd1_disk_free(d);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_repair_asked__salvage_takes_the_rest_for_a_fixed_disk)
{
	struct vhd_io *io = vhd1_image_new(&fixed);
	struct vhd1_owner o = { .allow = { "all" }, .salvage = true };
	struct vhd1_disk *after;

	vhd1_image_fill(io, 0x42, 512, 4096);
	vhd1_image_resize(io, MiB);
	vhd1_repair_all(io, &o);
	ck_assert_str_eq(o.first, "VHD1_FOOTERS_BAD");
	after = vhd1_disk_read(io);
	ck_assert_uint_eq(after->sectors, MiB / 512);
	ck_assert_uint_eq(after->data[4096], 0x42);
	vhd1_disk_free(after);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_repair_asked__blocks_are_given_up_on_request_only)
{
	static const uint64_t drop[] = { 1 };
	struct vhd_io *io = vhd1_image_new(&dynamic);
	struct vhd1_owner o = { .drop = drop, .drop_count = 1 };

	vhd1_repair_all(io, &o);
	ck_assert_uint_eq(o.granted, 1);
	ck_assert_uint_eq(vhd1_image_entry(io, 1), VHD1_UNUSED);
	ck_assert_uint_ne(vhd1_image_entry(io, 0), VHD1_UNUSED);
	vhd1_repair_all(io, &o);
	ck_assert_uint_eq(o.granted, 0);
	vhd_io_close(&io, NULL);
}
END_TEST

static const struct vhd_engine_parent other = {
	.id = { { 7, 7 } }, .timestamp = VHD1_EPOCH + 0x2d000010,
	.relative = "elsewhere/other.vhd", .windows = "C:\\x\\other.vhd"
};

START_TEST(vhd1_repair_asked__another_parent_takes_the_right_consent)
{
	struct vhd_io *io = vhd1_image_new(&diff);
	struct vhd1_owner o = { .allow = { "VHD1_PARENT_MISSING" },
				.parent = &other };
	struct vhd_parent_ref ref;
	struct vhd1_seen seen;
	void *eng;

	vhd1_repair_all(io, &o);
	ck_assert_uint_eq(o.granted, 0);
	ck_assert_uint_eq(o.possible, 1);
	o.allow[0] = "VHD1_PARENT_ID";
	vhd1_repair_all(io, &o);
	ck_assert_uint_eq(o.granted, 1);
	ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, NULL), 0);
	ck_assert(vhd1_engine.parent(eng, &ref));
	ck_assert_mem_eq(&ref.ids[0], &other.id, 16);
	ck_assert_int_eq(ref.timestamp, other.timestamp);
	ck_assert_str_eq(ref.locators[0].text, ".\\elsewhere\\other.vhd");
	vhd1_engine.close(eng);
	ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
	ck_assert_msg(!seen.count, "%s", seen.last);
	vhd1_repair_all(io, &o);
	ck_assert_uint_eq(o.granted, 0);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHD1_LOCATOR_NONE, VHD1_LOCATOR_ABSOLUTE, VHD1_PARENT_NAME, _TIME. */
START_TEST(vhd1_repair_asked__names_need_a_parent_that_is_named)
{
	static const char *const rules[] = {
		"VHD1_LOCATOR_NONE", "VHD1_LOCATOR_ABSOLUTE",
		"VHD1_PARENT_NAME", "VHD1_PARENT_TIME",
	};
	struct vhd_io *io = vhd1_image_new(&diff);
	struct vhd_engine_parent same = other;
	struct vhd1_owner o = { .allow = { rules[_i] } };

	HEADER(io, h.locator[0].code = _i == 1 ? VHD1_LOC_W2KU : 0;
	       if (_i == 0)
		       memset(h.parent_name, 0, sizeof(h.parent_name)));
	memcpy(same.id.b, h.parent_id, 16);
	vhd1_repair_all(io, &o);
	ck_assert(!o.first || strcmp(o.first, rules[_i]));
	o.parent = &same;
	vhd1_repair_all(io, &o);
	ck_assert_str_eq(o.first, rules[_i]);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHD-K-57: our builder refuses such a size, libvhd does not. */
START_TEST(vhd1_repair_asked__a_disk_grows_out_of_the_rounding_defect)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = 8 * GiB + 16 * MiB,
		.xen = true, .blocks = 1
	};
	struct vhd_io *io = vhd1_image_new(&spec);
	struct vhd1_owner o = { .allow = { "VHD1_BATMAP_ROUNDING" } };
	struct vhd1_seen seen;

	HEADER(io, h.max_entries -= 7);
	FOOTER(io, f.current_size = f.original_size = 8 * GiB + 2 * MiB;
	       f.geometry = vhd1_geometry_of(f.current_size));
	vhd1_repair_all(io, &o);
	ck_assert_str_eq(o.first, "VHD1_BAT_PADDING");
	ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_BATMAP_ROUNDING"), 0);
	ck_assert_int_lt(seen.worst, VHD_SEV_WARNING);
	vhd1_image_footer(io, &f);
	ck_assert_uint_eq(f.current_size, 8 * GiB + 16 * MiB);
	vhd_io_close(&io, NULL);
}
END_TEST

/* A guest may have written what looks like bits: VHD-X-9. */
START_TEST(vhd1_repair_asked__a_block_on_the_batmap_is_not_touched)
{
	struct vhd_io *io = vhd1_image_new(&xen);
	struct vhd1_disk *before, *after;
	struct vhd1_owner o = { .allow = { NULL } };

	vhd1_image_set_entry(io, 3, MAP / 512 - 1);
	vhd1_image_fill(io, 0xff, 512, MAP - 512);
	before = vhd1_disk_read(io);
	vhd1_repair_all(io, &o);
	after = vhd1_disk_read(io);
	ck_assert(vhd1_disk_kept(before, after));
	vhd1_disk_free(before);
	vhd1_disk_free(after);
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN_ROWS("vhd1/repair_asked",
	       LOOP(vhd1_repair_asked__salvage_makes_up_a_footer, 2),
	       ONCE(vhd1_repair_asked__salvage_goes_by_the_size_that_is_said),
	       LOOP(vhd1_repair_asked__salvage_makes_up_no_data, 3),
	       ONCE(vhd1_repair_asked__salvage_takes_the_rest_for_a_fixed_disk),
	       ONCE(vhd1_repair_asked__blocks_are_given_up_on_request_only),
	       ONCE(vhd1_repair_asked__another_parent_takes_the_right_consent),
	       LOOP(vhd1_repair_asked__names_need_a_parent_that_is_named, 4),
	       ONCE(vhd1_repair_asked__a_disk_grows_out_of_the_rounding_defect),
	       ONCE(vhd1_repair_asked__a_block_on_the_batmap_is_not_touched))
