/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_image.h"
#include "vhd1/vhd1.h"

static const struct vhd1_image_spec dynamic = VHD1_DYNAMIC;
static const struct vhd1_image_spec diff = VHD1_DIFF;
static const struct vhd1_image_spec fixed = VHD1_FIXED;
static const struct vhd1_image_spec xen = VHD1_XEN;
static const struct vhd1_image_spec three = {
	.type = VHD_TYPE_DYNAMIC, .size = 8 << 20, .blocks = 3
};

enum { BATMAP = 2048, MAP = BATMAP + 512 };

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

/* Breaches of the footer. */
static void features(struct vhd_io *io)
{
	FOOTER(io, f.features = 0x102);
}

static void features_none(struct vhd_io *io)
{
	FOOTER(io, f.features = 0);
}

static void data_off(struct vhd_io *io)
{
	FOOTER(io, f.data_off = UINT32_MAX);
}

static void time_future(struct vhd_io *io)
{
	FOOTER(io, f.timestamp = 0x2d000000 + 86400 + 1801);
}

/* The tests' "now" as seconds since 1970: some 30 years ahead. */
static void time_unix(struct vhd_io *io)
{
	FOOTER(io, f.timestamp = (uint32_t)(VHD1_EPOCH + 0x2d000000));
}

static void shrunk(struct vhd_io *io)
{
	FOOTER(io, f.original_size += MiB);
}

static void grown(struct vhd_io *io)
{
	FOOTER(io, f.original_size -= MiB);
}

static void geometry(struct vhd_io *io)
{
	FOOTER(io, f.geometry.heads--);
}

static void geometry_large(struct vhd_io *io)
{
	FOOTER(io, f.geometry.cylinders++);
}

static void geometry_zero(struct vhd_io *io)
{
	FOOTER(io, memset(&f.geometry, 0, sizeof(f.geometry)));
}

static void geometry_cuts(struct vhd_io *io)
{
	FOOTER(io, memcpy(f.creator_app, "vbox", 4));
}

static void id_null(struct vhd_io *io)
{
	FOOTER(io, memset(f.unique_id, 0, 16));
}

static void id_of_parent(struct vhd_io *io)
{
	HEADER(io, (void)0);
	FOOTER(io, memcpy(f.unique_id, h.parent_id, 16));
}

static void saved_state(struct vhd_io *io)
{
	FOOTER(io, f.saved_state = 1);
}

static void reserved(struct vhd_io *io)
{
	FOOTER(io, f.reserved[425] = 1);
}

static void hidden(struct vhd_io *io)
{
	FOOTER(io, f.hidden = 1);
}

static void azure(struct vhd_io *io)
{
	FOOTER(io, f.current_size -= 512; f.original_size -= 512;
	       f.geometry = vhd1_geometry_of(f.current_size));
}

static void slack(struct vhd_io *io)
{
	FOOTER(io, f.current_size -= MiB; f.original_size -= MiB;
	       f.geometry = vhd1_geometry_of(f.current_size));
}

static void lookalike(struct vhd_io *io)
{
	vhd1_image_put(io, "conectix", 8, 0);
}

static void huge(struct vhd_io *io)
{
	const uint64_t size = 2041 * GiB;

	vhd1_image_footer(io, &f);
	f.current_size = f.original_size = size;
	f.geometry = vhd1_geometry_of(size);
	vhd1_image_resize(io, size + 512);
	vhd1_image_set_footer(io, &f, VHD_COPY_SECOND);
}

/* Of the header and the table's surroundings. */
static void header_reserved(struct vhd_io *io)
{
	HEADER(io, h.reserved2[255] = 1);
}

static void table_long(struct vhd_io *io)
{
	HEADER(io, h.max_entries += 2);
}

static void padding(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x55, 4, 1536 + 16);
}

static void padding_zero(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 512 - 16, 1536 + 16);
}

static void parent_stray(struct vhd_io *io)
{
	HEADER(io, h.parent_id[0] = 1);
}

static void parent_null(struct vhd_io *io)
{
	HEADER(io, memset(h.parent_id, 0, 16));
}

static void parent_raw(struct vhd_io *io)
{
	parent_null(io);
	FOOTER(io, memcpy(f.creator_app, "tap", 4);
	       f.creator_version = VHD1_TAP_1_1);
}

static void no_names(struct vhd_io *io)
{
	HEADER(io, memset(h.locator, 0, sizeof(h.locator));
	       memset(h.parent_name, 0, sizeof(h.parent_name)));
}

static void locator_long(struct vhd_io *io)
{
	HEADER(io, h.locator[0].len = 514);
	vhd1_image_fill(io, 'x', 514, h.locator[0].off);
}

static void locator_no_space(struct vhd_io *io)
{
	HEADER(io, h.locator[0].space = 0);
}

static void locator_odd_space(struct vhd_io *io)
{
	HEADER(io, h.locator[0].space = 513);
}

static void locator_overlap(struct vhd_io *io)
{
	HEADER(io, h.locator[0].off = 1536 + 8);
}

static void locator_stray(struct vhd_io *io)
{
	HEADER(io, h.locator[3].off = 1);
}

/* Of the blocks. */
static void in_meta(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 0, 0);
}

static void on_locator(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 0, 4);
}

static void past_end(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 3, 0x00100000);
}

static void on_footer(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 1, vhd1_image_entry(io, 1) + 8);
}

static void cut(struct vhd_io *io)
{
	vhd1_image_resize(io, vhd1_image_size(io) - 4096);
}

static void limit(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 3, 0xfffffffe);
}

static void duplicate(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 3, vhd1_image_entry(io, 0));
}

static void overlap(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 1, vhd1_image_entry(io, 1) - 16);
}

static void beyond(struct vhd_io *io)
{
	FOOTER(io, f.current_size = f.original_size = 2 * MiB;
	       f.geometry = vhd1_geometry_of(2 * MiB));
}

static void gap(struct vhd_io *io)
{
	vhd1_image_footer(io, &f);
	vhd1_image_resize(io, vhd1_image_size(io) + MiB);
	vhd1_image_set_footer(io, &f, VHD_COPY_SECOND);
}

static void leak(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 1, VHD1_UNUSED);
}

static void align_none(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 0, vhd1_image_entry(io, 0) - 1);
	vhd1_image_set_entry(io, 1, vhd1_image_entry(io, 1) - 1);
	vhd1_image_set_entry(io, 2, vhd1_image_entry(io, 2) - 1);
	vhd1_image_fill(io, 0xff, 512,
			(uint64_t)vhd1_image_entry(io, 0) * 512);
}

static void align_mixed(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 2, vhd1_image_entry(io, 2) - 1);
}

static void bitmap_footer(struct vhd_io *io)
{
	uint8_t raw[512];

	vhd1_image_get(io, raw, sizeof(raw), 0);
	vhd1_image_put(io, raw, sizeof(raw),
		       (uint64_t)vhd1_image_entry(io, 1) * 512);
}

/* Of the batmap. */
static void batmap_sum(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 1, BATMAP + 27);
}

static void batmap_bit(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x10, 1, MAP);
	vhd1_image_fill(io, 0xef, 1, BATMAP + 27);
}

static void batmap_partial(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x80, 1, MAP);
	vhd1_image_fill(io, 0x7f, 1, BATMAP + 27);
	vhd1_image_fill(io, 0xfe, 1,
			(uint64_t)vhd1_image_entry(io, 0) * 512 + 511);
}

static const struct breach {
	const char *rule;
	const struct vhd1_image_spec *spec;
	void (*make)(struct vhd_io *io);
} breaches[] = {
	{ "VHD1_FEATURES", &dynamic, features },
	{ "VHD1_FEATURES", &fixed, features_none },
	{ "VHD1_FIXED_DATA_OFFSET", &fixed, data_off },
	{ "VHD1_TIME_FUTURE", &dynamic, time_future },
	{ "VHD1_TIME_UNIX", &dynamic, time_unix },
	{ "VHD1_SIZE_SHRUNK", &dynamic, shrunk },
	{ "VHD1_SIZE_GROWN", &dynamic, grown },
	{ "VHD1_GEOMETRY", &dynamic, geometry },
	{ "VHD1_GEOMETRY_LARGE", &dynamic, geometry_large },
	{ "VHD1_GEOMETRY_ZERO", &dynamic, geometry_zero },
	{ "VHD1_GEOMETRY_CUTS", &dynamic, geometry_cuts },
	{ "VHD1_ID_NULL", &dynamic, id_null },
	{ "VHD1_ID_OF_PARENT", &diff, id_of_parent },
	{ "VHD1_SAVED_STATE", &dynamic, saved_state },
	{ "VHD1_RESERVED", &fixed, reserved },
	{ "VHD1_HIDDEN", &xen, hidden },
	{ "VHD1_SIZE_AZURE", &dynamic, azure },
	{ "VHD1_SIZE_LIMIT", &fixed, huge },
	{ "VHD1_FIXED_SLACK", &fixed, slack },
	{ "VHD1_FIXED_LOOKALIKE", &fixed, lookalike },
	{ "VHD1_HDR_RESERVED", &dynamic, header_reserved },
	{ "VHD1_BAT_LONG", &dynamic, table_long },
	{ "VHD1_BAT_PADDING", &dynamic, padding },
	{ "VHD1_BAT_PADDING_ZERO", &dynamic, padding_zero },
	{ "VHD1_PARENT_STRAY", &dynamic, parent_stray },
	{ "VHD1_PARENT_NULL", &diff, parent_null },
	{ "VHD1_PARENT_RAW", &diff, parent_raw },
	{ "VHD1_LOCATOR_NONE", &diff, no_names },
	{ "VHD1_LOCATOR_PLACE", &diff, locator_long },
	{ "VHD1_LOCATOR_TEXT", &diff, locator_no_space },
	{ "VHD1_LOCATOR_TEXT", &diff, locator_odd_space },
	{ "VHD1_LOCATOR_OVERLAP", &diff, locator_overlap },
	{ "VHD1_LOCATOR_STRAY", &diff, locator_stray },
	{ "VHD1_LOCATOR_STRAY", &dynamic, locator_stray },
	{ "VHD1_BLOCK_IN_META", &dynamic, in_meta },
	{ "VHD1_BLOCK_IN_META", &diff, on_locator },
	{ "VHD1_BLOCK_PAST_END", &dynamic, past_end },
	{ "VHD1_BLOCK_PAST_END", &dynamic, on_footer },
	{ "VHD1_BLOCK_PAST_END", &dynamic, cut },
	{ "VHD1_BLOCK_LIMIT", &dynamic, limit },
	{ "VHD1_BLOCK_OVERLAP", &dynamic, duplicate },
	{ "VHD1_BLOCK_OVERLAP", &dynamic, overlap },
	{ "VHD1_BLOCK_BEYOND_DISK", &dynamic, beyond },
	{ "VHD1_FOOTER_GAP", &dynamic, gap },
	{ "VHD1_LEAK", &three, leak },
	{ "VHD1_ALIGN_NONE", &three, align_none },
	{ "VHD1_ALIGN_MIXED", &three, align_mixed },
	{ "VHD1_BITMAP_IS_FOOTER", &dynamic, bitmap_footer },
	{ "VHD1_BATMAP_CHECKSUM", &xen, batmap_sum },
	{ "VHD1_BATMAP_BIT", &xen, batmap_bit },
	{ "VHD1_BATMAP_BIT", &xen, batmap_partial },
};

START_TEST(vhd1_check__breaches_are_found)
{
	size_t i;

	for (i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
		struct vhd_io *io = vhd1_image_new(breaches[i].spec);
		struct vhd1_seen seen;
		struct vhd_error err = { 0 };

		breaches[i].make(io);
		ck_assert_msg(!vhd1_image_check(io, &seen, &err), "%s: %s",
			      breaches[i].rule, err.msg);
		ck_assert_msg(vhd1_seen_count(&seen, breaches[i].rule) == 1,
			      "%s was reported %u times among %u",
			      breaches[i].rule,
			      vhd1_seen_count(&seen, breaches[i].rule),
			      seen.count);
		vhd_io_close(&io, NULL);
	}
}
END_TEST

START_TEST(vhd1_check__sound_images_are_sound)
{
	const struct vhd1_image_spec *all[] = { &dynamic, &diff, &fixed, &xen,
						&three };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct vhd_io *io = vhd1_image_new(all[i]);
		struct vhd1_seen seen;

		ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
		ck_assert_msg(!seen.count, "%s", seen.last);
		vhd_io_close(&io, NULL);
	}
}
END_TEST

/* VHD-X-7; our builder refuses such a size, libvhd does not. */
START_TEST(vhd1_check__rounding_defect_of_the_batmap_is_found)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = 8 * GiB + 16 * MiB,
		.xen = true
	};
	struct vhd_io *io = vhd1_image_new(&spec);
	struct vhd1_seen seen;

	FOOTER(io, f.current_size = 8 * GiB + 2 * MiB);
	ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_BATMAP_ROUNDING"), 1);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_BATMAP_CHECKSUM"), 0);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_check__repeats_are_summed_up)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = 200 * MiB
	};
	struct vhd_io *io = vhd1_image_new(&spec);
	struct vhd1_seen seen;
	uint32_t i;

	for (i = 0; i < 100; i++)
		vhd1_image_set_entry(io, i, 0);
	ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_BLOCK_IN_META"), 21);
	ck_assert_str_eq(seen.last, "and 80 more like the ones before");
	vhd_io_close(&io, NULL);
}
END_TEST

static bool count_then_stop(void *arg, uint64_t done, uint64_t total)
{
	uint64_t *left = arg;

	ck_assert_uint_le(done, total);
	return (*left)-- > 1;
}

START_TEST(vhd1_check__can_be_cancelled)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);
	uint64_t left = 2;
	struct vhd_engine_check req = {
		.progress = count_then_stop, .progress_arg = &left
	};
	void *eng;

	ck_assert_int_eq(vhd1_image_open(io, &eng, NULL, NULL), 0);
	ck_assert_int_eq(vhd1_engine.check(eng, &req, NULL), VHD_E_CANCELLED);
	left = 100;
	ck_assert_int_eq(vhd1_engine.check(eng, &req, NULL), 0);
	ck_assert_uint_eq(req.blocks, 4);
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN("vhd1/check",
	  vhd1_check__breaches_are_found,
	  vhd1_check__sound_images_are_sound,
	  vhd1_check__rounding_defect_of_the_batmap_is_found,
	  vhd1_check__repeats_are_summed_up,
	  vhd1_check__can_be_cancelled)
