/* SPDX-License-Identifier: BSD-2-Clause */
/* What the footer says beside the size: VHD-W-10. */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_reshaping.h"
#include "vhd1/vhd1.h"
#include "vhd1/vhd1_reshape.h"

static struct vhd1_shape s;
static struct vhd_error err;
static char text[64];

static const struct vhd1_image_spec kinds[] = {
	VHD1_FIXED, VHD1_DYNAMIC, VHD1_DIFF, VHD1_XEN
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static const struct vhd_guid id = { { 0xaa, 0xbb, 3, 4, 5, 6, 7, 8, 9, 10, 11,
				      12, 13, 14, 15, 16 } };

static void start(unsigned kind)
{
	vhd1_shape_new(&s, &kinds[kind], 1);
}

static struct vhd1_footer closed(void)
{
	struct vhd1_footer f;

	vhd1_shape_close(&s);
	vhd1_image_footer(s.b.io, &f);
	return f;
}

START_TEST(vhd1_attrs__identify_changes_both_footers)
{
	uint8_t front[512], tail[512];

	start((unsigned)_i);
	vhd1_trace_next(&s.b, text);
	ck_assert_int_eq(vhd1_engine.identify(s.b.v, &id, &err), 0);
	/* What waited is durable before: trailing footer, copy. */
	ck_assert(strstr(vhd1_trace_next(&s.b, text),
			 _i ? "WFWF" : "WF"));
	/* Once is enough. */
	ck_assert_int_eq(vhd1_engine.identify(s.b.v, &id, &err), 0);
	ck_assert_str_eq(vhd1_trace_next(&s.b, text), "");
	/* The image goes on being one that is written to. */
	vhd1_shape_scribble(&s, 5);
	ck_assert(!memcmp(closed().unique_id, id.b, 16));
	vhd1_image_get(s.b.io, tail, 512, vhd1_image_size(s.b.io) - 512);
	vhd1_image_get(s.b.io, front, 512, 0);
	ck_assert(!_i || !memcmp(front, tail, 512));
	vhd1_shape_end(&s);
}
END_TEST

/* A cut between the two: opened for writing, and whole after a change. */
START_TEST(vhd1_attrs__a_step_is_finished_by_the_next_change)
{
	struct vhd1_footer f;
	struct vhd_io *io = vhd1_image_new(&kinds[1 + _i % 3]);
	uint8_t front[512], tail[512];

	vhd1_image_footer(io, &f);
	memcpy(f.unique_id, id.b, 16);
	f.hidden = 1;
	vhd1_image_set_footer(io, &f, VHD_COPY_SECOND);
	vhd1_bench_new(&s.b, io);
	if (_i < 3)
		ck_assert_int_eq(vhd1_guest_write(&s.b, 0, 7, 512, &err), 0);
	else
		ck_assert_int_eq(vhd1_engine.identify(s.b.v, &id, &err), 0);
	ck_assert_int_eq(vhd1_bench_shut(&s.b, &err), 0);
	vhd1_image_get(s.b.io, tail, 512, vhd1_image_size(s.b.io) - 512);
	vhd1_image_get(s.b.io, front, 512, 0);
	ck_assert(!memcmp(front, tail, 512));
	ck_assert(!memcmp(front + 68, id.b, 16));
	vhd1_bench_end(&s.b);
}
END_TEST

START_TEST(vhd1_attrs__set_changes_what_is_named)
{
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd1_footer f;

	start((unsigned)_i);
	vhd1_shape_scribble(&s, 3);
	a.mask = VHD_ATTR_ID | VHD_ATTR_CREATOR | VHD_ATTR_HIDDEN |
		 VHD_ATTR_SAVED_STATE | VHD_ATTR_ORIGINAL_SIZE |
		 VHD_ATTR_TIMESTAMP;
	a.id = id;
	a.creator = "ab";
	a.hidden = a.saved_state = 1;
	a.original_size = 512;
	a.timestamp = 946684800 + 77;
	ck_assert_int_eq(vhd1_engine.set(s.b.v, &a, &err), 0);
	f = closed();
	ck_assert(!memcmp(f.unique_id, id.b, 16));
	ck_assert(!memcmp(f.creator_app, "ab  ", 4));
	ck_assert_uint_eq(f.hidden, 1);
	ck_assert_uint_eq(f.saved_state, 1);
	ck_assert_uint_eq(f.original_size, 512);
	ck_assert_uint_eq(f.timestamp, 77);
	ck_assert_uint_eq(f.current_size, s.size);
	vhd1_shape_end(&s);
}
END_TEST

START_TEST(vhd1_attrs__nothing_new_writes_nothing)
{
	struct vhd_attrs a = VHD_ATTRS_INIT;

	start((unsigned)_i);
	a.mask = VHD_ATTR_HIDDEN | VHD_ATTR_SAVED_STATE;
	vhd1_trace_next(&s.b, text);
	ck_assert_int_eq(vhd1_engine.set(s.b.v, &a, &err), 0);
	ck_assert_str_eq(vhd1_trace_next(&s.b, text), "");
	closed();
	vhd1_shape_end(&s);
}
END_TEST

/* One flush, and the other footer is written as well. */
START_TEST(vhd1_attrs__hidden_costs_one_flush)
{
	struct vhd_attrs a = VHD_ATTRS_INIT;

	a.mask = VHD_ATTR_HIDDEN;
	a.hidden = 255;
	vhd1_bench_new(&s.b, vhd1_image_new(&kinds[1 + _i]));
	vhd1_trace_next(&s.b, text);
	ck_assert_int_eq(vhd1_engine.set(s.b.v, &a, &err), 0);
	ck_assert_int_eq(vhd1_bench_shut(&s.b, &err), 0);
	ck_assert_str_eq(vhd1_trace_next(&s.b, text), "WWF");
	vhd1_bench_end(&s.b);
}
END_TEST

START_TEST(vhd1_attrs__hidden_needs_no_space_for_the_footer)
{
	struct vhd_io *io = vhd1_image_new(&kinds[1 + _i]);
	struct vhd_attrs a = VHD_ATTRS_INIT;
	uint8_t hidden = 0;
	uint64_t size;

	a.mask = VHD_ATTR_HIDDEN;
	a.hidden = 1;
	/* The file ends with its last block. */
	size = vhd1_image_size(io) - 512;
	ck_assert_int_eq(vhd_io_set_size(io, size, &err), 0);
	vhd1_bench_new(&s.b, io);
	s.b.plan = (struct vhd_fault_plan){ .limit = size };
	if (vhd1_engine.set(s.b.v, &a, &err))
		ck_abort_msg("%s", err.msg);
	/* Nothing else does without it. */
	a.mask |= VHD_ATTR_SAVED_STATE;
	a.saved_state = 1;
	ck_assert_int_eq(vhd1_engine.set(s.b.v, &a, &err), VHD_E_NOSPACE);
	s.b.plan.limit = 0;
	vhd1_bench_shut(&s.b, NULL);
	vhd1_image_get(s.b.io, &hidden, 1, 85);
	ck_assert_uint_eq(hidden, 1);
	vhd1_bench_end(&s.b);
}
END_TEST

static const struct {
	struct vhd_attrs a;
	const char *says;
} bad[] = {
	{ { .mask = VHD_ATTR_PHYSICAL_SECTOR, .physical_sector = 512 },
	  "physical" },
	{ { .mask = VHD_ATTR_CREATOR, .creator = "" }, "1 to 4" },
	{ { .mask = VHD_ATTR_CREATOR, .creator = "fives" }, "1 to 4" },
	{ { .mask = VHD_ATTR_CREATOR, .creator = "\x01x" }, "ASCII" },
	{ { .mask = VHD_ATTR_CREATOR, .creator = "tap" }, "tap" },
	{ { .mask = VHD_ATTR_SAVED_STATE, .saved_state = 9 }, "saved" },
	{ { .mask = VHD_ATTR_ORIGINAL_SIZE, .original_size = 0 }, "original" },
	{ { .mask = VHD_ATTR_ORIGINAL_SIZE, .original_size = 513 },
	  "original" },
	{ { .mask = VHD_ATTR_ORIGINAL_SIZE, .original_size = 1 << 30 },
	  "original" },
	{ { .mask = VHD_ATTR_TIMESTAMP, .timestamp = 946684799 }, "2000" },
	{ { .mask = VHD_ATTR_TIMESTAMP, .timestamp = INT64_MAX }, "2136" },
	{ { .mask = VHD_ATTR_ID | VHD_ATTR_IDENTITY, .id = { { 1 } } },
	  "one id" },
};

START_TEST(vhd1_attrs__what_a_vhd_does_not_have_is_refused)
{
	start(1);
	vhd1_trace_next(&s.b, text);
	ck_assert_int_eq(vhd1_engine.set(s.b.v, &bad[_i].a, &err),
			 VHD_E_INVAL);
	ck_assert_msg(strstr(err.msg, bad[_i].says), "%s", err.msg);
	ck_assert_str_eq(vhd1_trace_next(&s.b, text), "");
	closed();
	vhd1_shape_end(&s);
}
END_TEST

/* VHD-C-12, VHD-C-15: names that make the geometry count change no size. */
START_TEST(vhd1_attrs__a_creator_does_not_cut_the_disk)
{
	static const char *const names[] = { "qemu", "vpc ", "win ", "vbox" };
	struct vhd_attrs a = VHD_ATTRS_INIT;

	start((unsigned)_i / 4);
	a.mask = VHD_ATTR_CREATOR;
	a.creator = names[_i % 4];
	ck_assert_int_eq(vhd1_engine.set(s.b.v, &a, &err), 0);
	ck_assert_uint_eq(closed().current_size, s.size);
	vhd1_shape_open(&s);
	vhd1_shape_scribble(&s, 3);
	vhd1_shape_resize(&s, s.size + 3 * 4096);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

TEST_MAIN_ROWS("vhd1/attrs",
	       LOOP(vhd1_attrs__identify_changes_both_footers, KINDS),
	       LOOP(vhd1_attrs__a_step_is_finished_by_the_next_change, 6),
	       LOOP(vhd1_attrs__set_changes_what_is_named, KINDS),
	       LOOP(vhd1_attrs__nothing_new_writes_nothing, KINDS),
	       LOOP(vhd1_attrs__hidden_costs_one_flush, KINDS - 1),
	       LOOP(vhd1_attrs__hidden_needs_no_space_for_the_footer,
		    KINDS - 1),
	       LOOP(vhd1_attrs__what_a_vhd_does_not_have_is_refused,
		    sizeof(bad) / sizeof(*bad)),
	       LOOP(vhd1_attrs__a_creator_does_not_cut_the_disk, 4 * KINDS))
