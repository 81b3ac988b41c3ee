/* SPDX-License-Identifier: BSD-2-Clause */
/* Finer points of the invariants, and what a deep check adds. */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_image.h"

static const struct vhd1_image_spec dynamic = VHD1_DYNAMIC;
static const struct vhd1_image_spec diff = VHD1_DIFF;
static const struct vhd1_image_spec xen = VHD1_XEN;
static const struct vhd1_image_spec empty = {
	.type = VHD_TYPE_DYNAMIC, .size = 64 << 20
};
static const struct vhd1_image_spec giant = {
	.type = VHD_TYPE_DYNAMIC, .size = 2040 * GiB, .block_size = 128 << 20
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

static void saved_state_odd(struct vhd_io *io)
{
	FOOTER(io, f.saved_state = 2);
}

static void hidden_odd(struct vhd_io *io)
{
	FOOTER(io, f.hidden = 2);
}

static void geometry_past(struct vhd_io *io)
{
	FOOTER(io, memcpy(f.creator_app, "xo  ", 4);
	       f.geometry.cylinders += 100);
}

static void block_size_small(struct vhd_io *io)
{
	const uint64_t size = 64 * KiB;

	FOOTER(io, f.current_size = f.original_size = size;
	       f.geometry = vhd1_geometry_of(size));
	HEADER(io, h.block_size = 2048; h.max_entries = 32);
}

static void huge_dynamic(struct vhd_io *io)
{
	/* In blocks of twice the size the table reaches further. */
	HEADER(io, h.block_size = 256 << 20; h.max_entries = 8196);
	FOOTER(io, f.current_size = f.original_size = 2049 * GiB;
	       f.geometry = vhd1_geometry_of(f.current_size));
}

static void next_off_xen(struct vhd_io *io)
{
	HEADER(io, h.next_off = 512);
}

static void parent_future(struct vhd_io *io)
{
	HEADER(io, h.parent_timestamp = 0xf0000000);
}

static void absolute_only(struct vhd_io *io)
{
	vhd1_image_header(io, &h);
	h.locator[0].code = 0x57326b75;
	vhd1_image_put(io, "C\0:\0\\\0", 6, h.locator[0].off);
	vhd1_image_set_header(io, &h);
}

static void table_long(struct vhd_io *io)
{
	HEADER(io, h.max_entries += 2);
}

static void batmap_packed(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 1, vhd1_image_entry(io, 1) - 4);
	vhd1_image_fill(io, 0xff, 512,
			(uint64_t)vhd1_image_entry(io, 1) * 512);
	vhd1_image_fill(io, 0x40, 1, MAP);
	vhd1_image_fill(io, 0xbf, 1, BATMAP + 27);
}

static void batmap_on_table(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x06, 1, BATMAP + 14);
}

static const struct breach {
	const char *rule;
	const struct vhd1_image_spec *spec;
	void (*make)(struct vhd_io *io);
} breaches[] = {
	{ "VHD1_BATMAP_PACKED", &xen, batmap_packed },
	{ "VHD1_BATMAP_BAD", &xen, batmap_on_table },
	{ "VHD1_SAVED_STATE_ODD", &dynamic, saved_state_odd },
	{ "VHD1_HIDDEN_ODD", &xen, hidden_odd },
	{ "VHD1_GEOMETRY_PAST_TABLE", &dynamic, geometry_past },
	{ "VHD1_SIZE_LIMIT_BLOCKS", &giant, huge_dynamic },
	{ "VHD1_BLOCK_SIZE_SMALL", &empty, block_size_small },
	{ "VHD1_BAT_SPARE", &xen, table_long },
	{ "VHD1_HDR_NEXT_XEN", &xen, next_off_xen },
	{ "VHD1_PARENT_TIME_FUTURE", &diff, parent_future },
	{ "VHD1_LOCATOR_ABSOLUTE", &diff, absolute_only },
};

enum { BREACHES = sizeof(breaches) / sizeof(breaches[0]) };

START_TEST(vhd1_check_finer__breaches_are_found)
{
	const struct breach *b = &breaches[_i];
	struct vhd_io *io = vhd1_image_new(b->spec);
	struct vhd1_seen seen;
	struct vhd_error err = { 0 };

	b->make(io);
	ck_assert_msg(!vhd1_image_check(io, &seen, &err), "%s: %s", b->rule,
		      err.msg);
	ck_assert_msg(vhd1_seen_count(&seen, b->rule) == 1, "%s was reported "
		      "%u times among %u", b->rule,
		      vhd1_seen_count(&seen, b->rule), seen.count);
	vhd_io_close(&io, NULL);
}
END_TEST

static void blank(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 512,
			(uint64_t)vhd1_image_entry(io, 1) * 512 + 512);
}

static void under_clear(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x7f, 1,
			(uint64_t)vhd1_image_entry(io, 1) * 512);
}

/* Bits that are set and cleared in one byte. */
static void partial(struct vhd_io *io)
{
	vhd1_image_fill(io, 0xa0, 1,
			(uint64_t)vhd1_image_entry(io, 1) * 512 + 7);
}

static const struct breach deep[] = {
	{ "VHD1_BLOCK_ZERO", &dynamic, blank },
	{ "VHD1_DATA_UNDER_CLEAR_BIT", &dynamic, under_clear },
	{ "VHD1_BITMAP_PARTIAL", &diff, partial },
};

START_TEST(vhd1_check_finer__what_lies_inside_is_found_when_asked_for)
{
	struct vhd_io *io = vhd1_image_new(deep[_i].spec);
	struct vhd1_seen seen;

	ck_assert_int_eq(vhd1_image_check_as(io, true, &seen, NULL), 0);
	ck_assert_msg(!seen.count, "%s", seen.last);
	deep[_i].make(io);
	ck_assert_int_eq(vhd1_image_check_as(io, false, &seen, NULL), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, deep[_i].rule), 0);
	ck_assert_int_eq(vhd1_image_check_as(io, true, &seen, NULL), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, deep[_i].rule), 1);
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN_ROWS("vhd1/check_finer",
	       LOOP(vhd1_check_finer__breaches_are_found, BREACHES),
	       LOOP(vhd1_check_finer__what_lies_inside_is_found_when_asked_for,
		    3))
