/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_writing.h"
#include "vhd1/vhd1.h"

static const struct vhd1_image_spec dynamic = VHD1_DYNAMIC;
static struct vhd1_bench b;
static struct vhd_error err;
static char text[64];

/* Of the image with two blocks. */
enum { TAIL = 0x402000 };

static void nothing(struct vhd_io *io)
{
	(void)io;
}

static void tail_ones(struct vhd_io *io)
{
	vhd1_image_fill(io, 0xff, 512, TAIL);
}

static void tail_broken(struct vhd_io *io)
{
	vhd1_image_fill(io, 9, 1, TAIL + 30);
}

static void tail_cut(struct vhd_io *io)
{
	vhd1_image_resize(io, TAIL);
}

static void tail_lost_in_room(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 512, TAIL);
	vhd1_image_resize(io, TAIL + 8 * MiB + 512);
}

static void tail_511(struct vhd_io *io)
{
	vhd1_image_resize(io, TAIL + 511);
}

static void length_odd(struct vhd_io *io)
{
	vhd1_image_resize(io, TAIL + 512 + 100);
}

static void front_lost(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 512, 0);
}

static void front_lost_and_odd(struct vhd_io *io)
{
	front_lost(io);
	length_odd(io);
}

static const struct {
	void (*damage)(struct vhd_io *io);
	const char *trace;		/* of the first touch */
	uint64_t tail;
} mended[] = {
	{ nothing, "", TAIL },
	{ tail_ones, "WF", TAIL },
	{ tail_broken, "WF", TAIL },
	{ tail_cut, "WF", TAIL },
	{ tail_lost_in_room, "WF", TAIL + 8 * MiB },
	{ tail_511, "WF", TAIL },
	{ length_odd, "WF", TAIL + 1024 },
	{ front_lost, "WF", TAIL },
	{ front_lost_and_odd, "WFWF", TAIL + 1024 },
};

/* VHD-Y-1, VHD-Y-4, VHD-F-4, VHD-G-3 */
START_TEST(vhd1_mend__the_first_change_finds_two_footers)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);

	mended[_i].damage(io);
	vhd1_bench_new(&b, io);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "");
	ck_assert_int_eq(vhd_writer_ready(b.w, &err), 0);
	ck_assert_str_eq(vhd1_trace_next(&b, text), mended[_i].trace);
	ck_assert_uint_eq(b.v->tail_off, mended[_i].tail);
	ck_assert_uint_eq(vhd1_image_size(b.io), mended[_i].tail + 512);
	vhd1_file_sound(b.io);
	ck_assert_int_eq(vhd1_guest_write(&b, 5 * MiB, 7, 9000, &err), 0);
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), 0);
	vhd1_file_sound(b.io);
	ck_assert_int_eq(vhd1_bench_open(&b, &err), 0);
	vhd1_guest_expect(&b, 5 * MiB, 7, 9000);
	vhd1_guest_expect(&b, 0, 0xa0, 512);
	vhd1_guest_expect(&b, 2 * MiB, 0xa1, 512);
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-Y-21: a footer goes nowhere while the table is in doubt. */
START_TEST(vhd1_mend__a_damaged_table_stops_it)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);

	vhd1_image_set_entry(io, 3, vhd1_image_entry(io, 1) + 8);
	vhd1_image_resize(io, TAIL);
	vhd1_bench_new(&b, io);
	ck_assert_int_eq(vhd_writer_ready(b.w, &err), VHD_E_CORRUPT);
	ck_assert_str_eq(err.rule->name, "VHD1_BLOCK_PAST_END");
	ck_assert_str_eq(vhd1_trace_next(&b, text), "");
	ck_assert_int_eq(vhd_writer_ready(b.w, &err), VHD_E_POISONED);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_mend__a_full_disk_may_pass)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);

	tail_cut(io);
	vhd1_bench_new(&b, io);
	b.plan.limit = TAIL + 100;
	ck_assert_int_eq(vhd_writer_ready(b.w, &err), VHD_E_NOSPACE);
	b.plan.limit = 0;
	ck_assert_int_eq(vhd_writer_ready(b.w, &err), 0);
	vhd1_file_sound(b.io);
	vhd1_bench_end(&b);
}
END_TEST

TEST_MAIN_ROWS("vhd1/mend",
	LOOP(vhd1_mend__the_first_change_finds_two_footers,
	     (int)(sizeof(mended) / sizeof(mended[0]))),
	ONCE(vhd1_mend__a_damaged_table_stops_it),
	ONCE(vhd1_mend__a_full_disk_may_pass))
