/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks of another size: VHD-R-1 to VHD-R-9, VHD-W-20. */
#include <errno.h>
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/stride.h"
#include "support/vhd1_mark.h"
#include "support/vhd1_reshaping.h"
#include "vhd1/vhd1.h"

static struct vhd1_shape s;
static struct vhd_error err;

static const struct vhd1_image_spec shapes[] = {
	{ .type = VHD_TYPE_FIXED, .size = 3 * MiB },
	{ .type = VHD_TYPE_DYNAMIC, .size = 1 * MiB, .block_size = 4096 },
	{ .type = VHD_TYPE_DYNAMIC, .size = 8 * MiB, .block_size = 64 * KiB,
	  .blocks = 3 },
	{ .type = VHD_TYPE_DYNAMIC, .size = 8 * MiB, .blocks = 2 },
	{ .type = VHD_TYPE_DIFF, .size = 1 * MiB, .block_size = 4096 },
	{ .type = VHD_TYPE_DIFF, .size = 4 * MiB, .block_size = 64 * KiB,
	  .blocks = 3 },
	{ .type = VHD_TYPE_DYNAMIC, .size = 8 * MiB, .blocks = 2,
	  .xen = true },
	{ .type = VHD_TYPE_DIFF, .size = 8 * MiB, .xen = true },
};
enum { SHAPES = sizeof(shapes) / sizeof(*shapes), SEEDS = 12 / STRIDE };

/* Sizes at and beside borders of blocks, sometimes far away. */
static uint64_t draw_size(void)
{
	uint64_t blocks = div_ceil(s.size, s.block), size;
	uint64_t far = s.block < MiB ? 600 : 300;

	if (base_rand_below(&s.rng, 3) == 0)
		blocks = 1 + base_rand_below(&s.rng, far);
	else
		blocks = 1 + base_rand_below(&s.rng, 2 * blocks);
	size = blocks * s.block;
	if (base_rand_below(&s.rng, 2))
		size -= 512 * base_rand_below(&s.rng, s.block / 512);
	return size;
}

START_TEST(vhd1_resize__keeps_what_is_in_both)
{
	const struct vhd1_image_spec *spec = &shapes[_i % SHAPES];
	unsigned i;

	vhd1_shape_new(&s, spec, (uint64_t)_i);
	for (i = 0; i < 6; i++) {
		vhd1_shape_scribble(&s, 12);
		vhd1_shape_close(&s);
		if (spec->xen)
			vhd1_mark_full(s.b.io);
		vhd1_shape_open(&s);
		vhd1_shape_resize(&s, draw_size());
	}
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

/* VHD-R-2: a table that grows over blocks, a batmap and names. */
START_TEST(vhd1_resize__the_table_grows_over_what_is_behind)
{
	const struct vhd1_image_spec *spec = &shapes[_i];
	struct vhd1_header h;

	if (spec->type == VHD_TYPE_FIXED)
		return;
	vhd1_shape_new(&s, spec, 99);
	vhd1_shape_scribble(&s, 30);
	vhd1_shape_resize(&s, 700 * s.block);
	vhd1_image_header(s.b.io, &h);
	ck_assert_uint_eq(h.max_entries, 700);
	ck_assert_uint_eq(h.table_off, 1536);
	ck_assert_uint_eq(s.b.v->footer.data_off, 512);
	ck_assert(s.b.v->has_batmap == spec->xen);
	ck_assert_uint_eq(vhd1_shape_says(&s, "VHD1_DATA_OFFSET_ODD"), 0);
	vhd1_shape_scribble(&s, 10);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

/* The new table is longer than all of the file. */
START_TEST(vhd1_resize__an_empty_file_becomes_long_enough)
{
	struct vhd1_image_spec spec = shapes[_i];

	if (spec.type == VHD_TYPE_FIXED)
		return;
	spec.blocks = 0;
	vhd1_shape_new(&s, &spec, 5);
	vhd1_shape_resize(&s, 2000 * s.block);
	vhd1_shape_scribble(&s, 10);
	vhd1_shape_resize(&s, 3000 * s.block);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

/* A few blocks near the old end of the file, all of them in the way. */
START_TEST(vhd1_resize__blocks_do_not_move_into_the_way)
{
	struct vhd1_image_spec spec = shapes[_i];

	if (spec.type == VHD_TYPE_FIXED)
		return;
	spec.blocks = 1;
	vhd1_shape_new(&s, &spec, 6);
	vhd1_shape_resize(&s, 2 * s.block);
	vhd1_shape_resize(&s, 4000 * s.block);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

static int resize_to(uint64_t size, uint64_t below, vhd_progress_fn progress)
{
	const struct vhd_engine_resize req = {
		.size = size, .below = below, .progress = progress
	};

	return vhd1_engine.resize(s.b.v, &req, &err);
}

/* VHD-M-1, VHD-F-17 */
START_TEST(vhd1_resize__refuses_what_the_format_does_not_allow)
{
	static const uint64_t bad[] = { 0, 513, 2040 * GiB + 512, UINT64_MAX };
	struct vhd_attrs saved = VHD_ATTRS_INIT;
	size_t i;

	vhd1_shape_new(&s, &shapes[3], 1);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_int_eq(resize_to(bad[i], 0, NULL), VHD_E_INVAL);
	saved.mask = VHD_ATTR_SAVED_STATE;
	saved.saved_state = 1;
	ck_assert_int_eq(vhd1_engine.set(s.b.v, &saved, &err), 0);
	ck_assert_int_eq(resize_to(16 * MiB, 0, NULL), VHD_E_REFUSED);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

/* VHD-M-3: the longest table there is. */
START_TEST(vhd1_resize__grows_to_the_limit)
{
	uint64_t was;

	vhd1_shape_new(&s, &shapes[_i ? 6 : 3], 1);
	was = s.size;
	ck_assert_int_eq(resize_to(2040 * GiB, 0, NULL), 0);
	ck_assert_int_eq(vhd1_bench_shut(&s.b, &err), 0);
	vhd1_file_sound(s.b.io);
	vhd1_shape_open(&s);
	ck_assert_uint_eq(s.b.v->hdr.max_entries, 1044480);
	ck_assert_int_eq(resize_to(was, 0, NULL), 0);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

/* VHD-S-14: zeros over a parent have to be stored. */
START_TEST(vhd1_resize__a_longer_parent_does_not_show)
{
	uint64_t size;

	vhd1_shape_new(&s, &shapes[4 + (_i & 1)], 1);
	size = s.size / 2 + (_i & 2 ? 512 : 0);
	vhd1_shape_scribble(&s, 10);
	vhd1_shape_resize(&s, size);
	vhd1_shape_resize(&s, 2 * size);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

START_TEST(vhd1_resize__too_much_of_a_parent_is_refused)
{
	vhd1_shape_new(&s, &shapes[4], 1);
	ck_assert_int_eq(resize_to(64 * MiB, 64 * MiB, NULL),
			 VHD_E_UNSUPPORTED);
	ck_assert(strstr(err.msg, "flatten"));
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

static bool stop_at_third(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	return done < 3 && done <= total;
}

START_TEST(vhd1_resize__cancelling_leaves_the_old_disk)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = MiB, .block_size = 4096,
		.blocks = 200
	};

	vhd1_shape_new(&s, &spec, 1);
	ck_assert_int_eq(resize_to(64 * MiB, 0, stop_at_third),
			 VHD_E_CANCELLED);
	vhd1_shape_close(&s);
	vhd1_shape_open(&s);
	vhd1_shape_resize(&s, 64 * MiB);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

/* Entries behind the disk, which some program left, do not come to light. */
START_TEST(vhd1_resize__what_was_behind_the_end_stays_hidden)
{
	struct vhd1_footer f;
	struct vhd_io *io;

	vhd1_shape_new(&s, &shapes[2], 1);
	vhd1_shape_write(&s, 0, s.size, 0x33);
	vhd1_shape_close(&s);
	io = vhd1_image_copy(s.b.io);
	s.size = 5 * MiB + 512;
	vhd1_image_footer(io, &f);
	f.current_size = s.size;
	vhd1_image_set_footer(io, &f, VHD_COPY_FIRST | VHD_COPY_SECOND);
	vhd1_bench_end(&s.b);
	vhd1_bench_new(&s.b, io);
	vhd1_shape_resize(&s, 7 * MiB);
	ck_assert_uint_eq(vhd1_shape_says(&s, "VHD1_BLOCK_BEYOND_DISK"), 0);
	vhd1_shape_close(&s);
	vhd1_shape_end(&s);
}
END_TEST

/* The image breaks off at the @n-th call on its file; false when it ends first. */
static bool breaks_at(const struct vhd1_image_spec *spec, uint64_t to,
		      unsigned n)
{
	struct vhd_fault_plan *plan;
	bool reached;

	vhd1_shape_new(&s, spec, 4);
	vhd1_shape_scribble(&s, 10);
	ck_assert_int_eq(vhd1_guest_flush(&s.b, &err), 0);
	plan = &s.b.plan;
	plan->kinds = VHD_FAULT_WRITE | VHD_FAULT_FLUSH | VHD_FAULT_SIZE |
		      VHD_FAULT_ZERO;
	plan->sticky = n % 2;
	plan->os_errno = n % 3 ? EIO : ENOSPC;
	plan->fail_at = plan->calls + n;
	resize_to(to, s.below, NULL);
	vhd1_bench_shut(&s.b, NULL);
	reached = plan->calls >= plan->fail_at;
	*plan = (struct vhd_fault_plan){ 0 };
	vhd1_file_sound(s.b.io);
	return reached;
}

/* Then the same call finishes the work. */
START_TEST(vhd1_resize__a_failure_leaves_before_or_after)
{
	const struct vhd1_image_spec *spec = &shapes[_i / 3];
	uint64_t was = spec->size, to = 300 * max_u64(65536, spec->block_size);
	bool reached = true;
	unsigned n;

	if (_i % 3)
		to = _i % 3 == 1 ? was / 2 : was + 3 * 4096;
	for (n = 1; reached; n += STRIDE) {
		reached = breaks_at(spec, to, n);
		vhd1_shape_open(&s);
		vhd1_shape_resize(&s, to);
		vhd1_shape_close(&s);
		vhd1_shape_end(&s);
	}
	ck_assert_uint_gt(n, 4);
}
END_TEST

TEST_MAIN_ROWS("vhd1/resize",
	       LOOP(vhd1_resize__keeps_what_is_in_both, SHAPES * SEEDS),
	       LOOP(vhd1_resize__the_table_grows_over_what_is_behind, SHAPES),
	       LOOP(vhd1_resize__an_empty_file_becomes_long_enough, SHAPES),
	       LOOP(vhd1_resize__blocks_do_not_move_into_the_way, SHAPES),
	       ONCE(vhd1_resize__refuses_what_the_format_does_not_allow),
	       LOOP(vhd1_resize__grows_to_the_limit, 2),
	       LOOP(vhd1_resize__a_longer_parent_does_not_show, 4),
	       ONCE(vhd1_resize__too_much_of_a_parent_is_refused),
	       ONCE(vhd1_resize__cancelling_leaves_the_old_disk),
	       ONCE(vhd1_resize__what_was_behind_the_end_stays_hidden),
	       LOOP(vhd1_resize__a_failure_leaves_before_or_after,
		    3 * SHAPES))
