/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "support/check_main.h"
#include "support/vhd1_writing.h"
#include "vhd1/vhd1.h"

static struct vhd1_bench b;
static struct vhd_error err;
static char text[64];

/* 64 MiB, 2 blocks: aligned, so that they end at 0x402000. */
static struct vhd1_image_spec spec_of(enum vhd_type type)
{
	return (struct vhd1_image_spec){
		.type = type, .size = 64 * MiB, .blocks = 2
	};
}

enum { TAIL = 0x402000, STRIDE = (2 << 20) + 512 };

static void start(void)
{
	struct vhd1_image_spec spec = spec_of(VHD_TYPE_DYNAMIC);

	vhd1_bench_new(&b, vhd1_image_new(&spec));
}

static void wrote(uint64_t off, uint8_t byte, uint64_t len)
{
	ck_assert_int_eq(vhd1_guest_write(&b, off, byte, len, &err), 0);
}

static void flushed(void)
{
	ck_assert_int_eq(vhd1_guest_flush(&b, &err), 0);
}

static struct vhd_place placed(void)
{
	struct vhd_place p;

	ck_assert_int_eq(vhd_writer_ready(b.w, &err), 0);
	ck_assert_int_eq(vhd1_writer_ops.place(b.v, 2, &p, &err), 0);
	return p;
}

static const struct vhd_trace_op *op(size_t i)
{
	return vhd_trace_op(b.trace, b.first + i);
}

/* VHD-A-2, VHD-W-3 */
START_TEST(vhd1_space__places_are_aligned_and_fresh)
{
	struct vhd_place p;

	start();
	p = placed();
	ck_assert_uint_eq(p.at, TAIL + 4096);
	ck_assert_uint_eq(p.off, TAIL + 4096 - 512);
	ck_assert_uint_eq(p.len, STRIDE);
	ck_assert_int_eq(p.kind, VHD_SPACE_FRESH);
	ck_assert_uint_eq(placed().at, p.at + 2 * MiB + 4096);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "WFW");
	ck_assert_uint_eq(placed().at, p.at + 2 * (2 * MiB + 4096));
	ck_assert_str_eq(vhd1_trace_next(&b, text), "WFW");
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-W-2 */
START_TEST(vhd1_space__the_old_footer_goes_after_the_new_one_is_durable)
{
	uint8_t raw[512], zeros[512] = { 0 };

	start();
	placed();
	vhd1_image_get(b.io, raw, 512, 0);
	ck_assert_uint_eq(op(0)->off, TAIL + 2 * (2 * MiB + 4096));
	ck_assert_mem_eq(op(0)->data, raw, 512);
	ck_assert_int_eq(op(1)->kind, VHD_TRACE_FLUSH);
	ck_assert_uint_eq(op(2)->off, TAIL);
	ck_assert_mem_eq(op(2)->data, zeros, 512);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_space__one_block_is_enough_on_a_full_disk)
{
	start();
	b.plan.limit = TAIL + 2 * MiB + 4096 + 512;
	ck_assert_uint_eq(placed().at, TAIL + 4096);
	ck_assert_uint_eq(b.v->tail_off, TAIL + 2 * MiB + 4096);
	vhd1_bench_end(&b);
}
END_TEST

/* A footer is written in part, taken back, and there later when there is room. */
START_TEST(vhd1_space__a_full_disk_leaves_the_file_in_order)
{
	start();
	b.plan.limit = TAIL + 2 * MiB + 4096 + 100;
	ck_assert_int_eq(vhd1_guest_write(&b, 4 * MiB, 7, 512, &err),
			 VHD_E_NOSPACE);
	ck_assert_uint_eq(vhd1_image_size(b.io), TAIL + 512);
	vhd1_file_sound(b.io);
	b.plan.limit = 0;
	wrote(4 * MiB, 7, 512);
	flushed();
	vhd1_file_sound(b.io);
	vhd1_bench_end(&b);
}
END_TEST

/* Zeros over the old footer fail: its place has a past then. */
START_TEST(vhd1_space__an_old_footer_may_stay)
{
	struct vhd_place p = { 0 };

	start();
	b.plan.kinds = VHD_FAULT_WRITE;
	b.plan.fail_at = 2;
	p = placed();
	ck_assert_int_eq(p.kind, VHD_SPACE_FRESH);
	ck_assert_uint_eq(b.v->write->space.ext[0].off, TAIL);
	ck_assert_int_eq(b.v->write->space.ext[0].kind, VHD_SPACE_DIRTY);
	vhd1_bench_end(&b);
}
END_TEST

/* A block goes to @at, the footer to @tail. */
static void move_block(struct vhd_io *io, uint32_t blk, uint64_t at,
		       uint64_t tail)
{
	struct vhd1_footer f;

	vhd1_image_footer(io, &f);
	vhd1_image_set_entry(io, blk, (uint32_t)(at / 512));
	vhd1_image_fill(io, 0xff, 512, at);
	vhd1_image_resize(io, tail + 512);
	vhd1_image_set_footer(io, &f, VHD_COPY_SECOND);
}

/* VHD-M-5: the gap below is used up, then there is no more. */
START_TEST(vhd1_space__a_file_ends_below_2_tib)
{
	struct vhd1_image_spec spec = spec_of(VHD_TYPE_DYNAMIC);
	struct vhd_io *io = vhd1_image_new(&spec);
	uint64_t tail = 2 * TiB - 3 * MiB;
	struct vhd_place p;

	move_block(io, 1, tail - STRIDE, tail);
	vhd1_bench_new(&b, io);
	ck_assert_uint_lt(placed().at, MiB * 8);
	vhd_space_clear(&b.v->write->space);
	/* Aligned, the rest of the disk would not fit: it is packed. */
	ck_assert_uint_eq(placed().at, tail + 512);
	ck_assert_int_eq(vhd1_writer_ops.place(b.v, 3, &p, &err),
			 VHD_E_NOSPACE);
	ck_assert_str_eq(err.rule->name, "VHD1_BLOCK_LIMIT");
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_space__what_packed_blocks_leave_is_used_again)
{
	struct vhd1_image_spec spec = spec_of(VHD_TYPE_DYNAMIC);
	struct vhd_io *io = vhd1_image_new(&spec);
	uint32_t first = vhd1_image_entry(io, 0);
	uint64_t at = first * UINT64_C(512);
	bool gone;

	move_block(io, 1, at + STRIDE, at + 3 * STRIDE);
	move_block(io, 2, at + 2 * STRIDE, at + 3 * STRIDE);
	vhd1_bench_new(&b, io);
	ck_assert_int_eq(vhd_writer_ready(b.w, &err), 0);
	ck_assert_int_eq(vhd_writer_unmap(b.w, 1, VHD_UNMAP_DISCARD, &gone,
					  &err), 0);
	ck_assert(gone);
	flushed();
	wrote(6 * MiB, 7, 100);
	flushed();
	ck_assert_uint_eq(vhd1_image_entry(b.io, 3), first + 4097);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_space__only_space_with_a_past_is_zeroed)
{
	struct vhd_place p = { .at = TAIL + 512, .off = TAIL, .len = STRIDE };

	start();
	p.kind = VHD_SPACE_FRESH;
	ck_assert_int_eq(vhd1_writer_ops.prepare(b.v, 2, &p, false, &err), 0);
	p.kind = VHD_SPACE_ZEROED;
	ck_assert_int_eq(vhd1_writer_ops.prepare(b.v, 2, &p, false, &err), 0);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "");
	p.kind = VHD_SPACE_DIRTY;
	ck_assert_int_eq(vhd1_writer_ops.prepare(b.v, 2, &p, false, &err), 0);
	ck_assert_int_eq(vhd1_writer_ops.prepare(b.v, 2, &p, true, &err), 0);
	/* By holes, which take no space. */
	ck_assert_str_eq(vhd1_trace_next(&b, text), "PP");
	ck_assert_uint_eq(op(0)->len, STRIDE);
	ck_assert_uint_eq(op(1)->len, 512);
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-W-22: footer, flush, cut, flush. */
START_TEST(vhd1_space__closing_cuts_what_hangs_over)
{
	start();
	wrote(4 * MiB, 7, 512);
	flushed();
	vhd1_trace_next(&b, text);
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), 0);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "FWFSF");
	ck_assert_uint_eq(vhd1_image_size(b.io), TAIL + 2 * MiB + 4096 + 512);
	vhd1_file_sound(b.io);
	ck_assert_int_eq(vhd1_bench_open(&b, &err), 0);
	vhd1_guest_expect(&b, 4 * MiB, 7, 512);
	vhd1_bench_end(&b);
}
END_TEST

/* Room that the file came with is not ours to cut. */
START_TEST(vhd1_space__closing_keeps_room_that_was_there)
{
	struct vhd1_image_spec spec = spec_of(VHD_TYPE_DYNAMIC);
	struct vhd_io *io = vhd1_image_new(&spec);
	struct vhd1_footer f;

	vhd1_image_footer(io, &f);
	vhd1_image_resize(io, 32 * MiB);
	vhd1_image_set_footer(io, &f, VHD_COPY_SECOND);
	vhd1_bench_new(&b, io);
	wrote(4 * MiB, 7, 512);
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), 0);
	ck_assert_uint_eq(vhd1_image_size(b.io), 32 * MiB);
	ck_assert_uint_eq(vhd1_image_entry(b.io, 2) * UINT64_C(512),
			  TAIL + 4096 - 512);
	vhd1_file_sound(b.io);
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-X-5: what Xen takes for full must not become partial. */
START_TEST(vhd1_space__a_marked_block_without_space_is_refused)
{
	struct vhd1_image_spec spec = spec_of(VHD_TYPE_DIFF);
	struct vhd_place p;
	struct vhd_io *io;

	spec.xen = true;
	io = vhd1_image_new(&spec);
	vhd1_image_fill(io, 0x20, 1, 1536 + 512 + 512);
	vhd1_bench_new(&b, io);
	ck_assert_int_eq(vhd1_writer_ops.place(b.v, 2, &p, &err),
			 VHD_E_CORRUPT);
	ck_assert_str_eq(err.rule->name, "VHD1_BATMAP_BIT");
	ck_assert_int_eq(vhd1_writer_ops.place(b.v, 3, &p, &err), 0);
	vhd1_bench_end(&b);
}
END_TEST

/*
 * Cutting the power.  All calls before flush number @epoch happened, of those
 * behind it the ones in @subset, in this order or the other way round.
 */
struct cut {
	size_t from, to;	/* calls of the epoch */
	uint64_t subset;
	bool backwards;
};

static struct vhd_io *file_after(const struct cut *c)
{
	struct vhd_io *io = vhd1_image_copy(b.start);
	size_t i, n = c->to - c->from;

	for (i = b.first; i < c->from; i++)
		vhd_trace_apply(vhd_trace_op(b.trace, i), io, NULL);
	for (i = 0; i < n; i++) {
		size_t k = c->backwards ? n - 1 - i : i;

		if (c->subset >> k & 1)
			vhd_trace_apply(vhd_trace_op(b.trace, c->from + k), io,
					NULL);
	}
	return io;
}

static void cut_is_sound(const struct cut *c)
{
	struct vhd_io *io = file_after(c);
	struct vhd1_bench again;

	vhd1_file_sound(io);
	/* And it can be written to. */
	vhd1_bench_new(&again, io);
	ck_assert_int_eq(vhd1_guest_write(&again, 20 * MiB, 3, 512, &err), 0);
	ck_assert_int_eq(vhd1_bench_shut(&again, &err), 0);
	vhd1_file_sound(again.io);
	vhd1_bench_end(&again);
}

static void epoch_is_sound(struct cut *c, uint64_t *rnd)
{
	uint64_t all = (UINT64_C(1) << (c->to - c->from)) - 1;
	int i;

	for (i = 0; i < 12; i++) {
		c->subset = i ? base_rand(rnd) & all : all;
		if (all < 12)
			c->subset = min_u64((uint64_t)i, all);
		c->backwards = false;
		cut_is_sound(c);
		c->backwards = true;
		cut_is_sound(c);
	}
}

static void trace_is_sound(void)
{
	uint64_t rnd = 42;
	size_t count = vhd_trace_count(b.trace);
	struct cut c = { .from = b.first };

	for (c.to = b.first; c.to <= count; c.to++) {
		const struct vhd_trace_op *at = vhd_trace_op(b.trace, c.to);

		if (at && at->kind != VHD_TRACE_FLUSH &&
		    c.to - c.from < 62)
			continue;
		epoch_is_sound(&c, &rnd);
		c.from = c.to + 1;
	}
}

/* Growth, reuse and trimming, for both types of disk. */
START_TEST(vhd1_space__a_power_cut_leaves_a_sound_file)
{
	struct vhd1_image_spec spec = spec_of(_i ? VHD_TYPE_DIFF
						 : VHD_TYPE_DYNAMIC);
	bool gone;

	vhd1_bench_new(&b, vhd1_image_new(&spec));
	wrote(5 * MiB - 4096, 7, 2 * MiB);
	flushed();
	wrote(8 * MiB, 8, 512);
	ck_assert_int_eq(vhd_writer_unmap(b.w, 1, VHD_UNMAP_DISCARD, &gone,
					  &err), 0);
	ck_assert_int_eq(gone, !_i);
	ck_assert_int_eq(vhd_writer_commit(b.w, VHD_COMMIT_LAZY, &err), 0);
	wrote(12 * MiB + 100, 9, 512);
	flushed();
	wrote(16 * MiB, 10, 2 * MiB);
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), 0);
	vhd1_file_sound(b.io);
	trace_is_sound();
	vhd1_bench_end(&b);
}
END_TEST

TEST_MAIN_ROWS("vhd1/space",
	ONCE(vhd1_space__places_are_aligned_and_fresh),
	ONCE(vhd1_space__the_old_footer_goes_after_the_new_one_is_durable),
	ONCE(vhd1_space__one_block_is_enough_on_a_full_disk),
	ONCE(vhd1_space__a_full_disk_leaves_the_file_in_order),
	ONCE(vhd1_space__an_old_footer_may_stay),
	ONCE(vhd1_space__a_file_ends_below_2_tib),
	ONCE(vhd1_space__what_packed_blocks_leave_is_used_again),
	ONCE(vhd1_space__only_space_with_a_past_is_zeroed),
	ONCE(vhd1_space__closing_cuts_what_hangs_over),
	ONCE(vhd1_space__closing_keeps_room_that_was_there),
	ONCE(vhd1_space__a_marked_block_without_space_is_refused),
	LOOP(vhd1_space__a_power_cut_leaves_a_sound_file, 2))
