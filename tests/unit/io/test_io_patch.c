/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/zero.h"
#include "io/io_mem.h"
#include "io/io_patch.h"
#include "io/io_record.h"
#include "support/io_tmp.h"

enum { MODEL_MAX = 512 * 1024, STEPS = 250, PAGE = 4096, SNAPS = 64 };

/* Allocation number so many fails; 0: none does. */
static unsigned int fail_alloc;

bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return !fail_alloc || --fail_alloc;
}

/* What the view has to look like: bytes and a length. */
struct model {
	uint8_t bytes[MODEL_MAX];
	uint64_t size;
};

struct scene {
	struct model base, now;
	struct model snaps[SNAPS];	/* at each flush */
	size_t snap_count;
	struct vhd_io *io;		/* the base */
	struct vhd_patch *patch;
	struct vhd_io *view, *other;	/* two views of one patch */
	uint64_t rnd;
};

static uint64_t random_of(struct scene *s)
{
	return io_tmp_random(&s->rnd);
}

static uint64_t pick(struct scene *s, uint64_t limit)
{
	static const uint64_t units[] = { 1, 512, PAGE, 64 * 1024 };
	uint64_t unit = units[random_of(s) % 4];
	uint64_t x = random_of(s) % (limit + 1) / unit * unit;

	return min_u64(x + (random_of(s) % 3 ? 0 : random_of(s) % 3), limit);
}

static void fill(struct scene *s, uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)random_of(s);
}

static struct vhd_io *mem_of(const struct model *m)
{
	struct vhd_io *io = NULL;

	ck_assert_int_eq(vhd_io_open_mem(m->bytes, m->size, &io, NULL), 0);
	return io;
}

static struct scene *begin(uint64_t seed)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->rnd = seed * 77 + 1;
	s->base.size = pick(s, MODEL_MAX);
	/* Data, and holes between. */
	for (int i = 0; i < 6 && s->base.size; i++) {
		uint64_t off = pick(s, s->base.size - 1);
		uint64_t len = min_u64(pick(s, 100000), s->base.size - off);

		fill(s, s->base.bytes + off, len);
	}
	s->now = s->base;
	s->io = mem_of(&s->base);
	ck_assert_int_eq(vhd_patch_new(s->io, &s->patch, NULL), 0);
	ck_assert_int_eq(vhd_patch_view(s->patch, &s->view, NULL), 0);
	ck_assert_int_eq(vhd_patch_view(s->patch, &s->other, NULL), 0);
	return s;
}

static void finish(struct scene *s)
{
	vhd_io_close(&s->view, NULL);
	vhd_io_close(&s->other, NULL);
	vhd_patch_free(s->patch);
	vhd_io_close(&s->io, NULL);
	free(s);
}

static void grow(struct model *m, uint64_t end)
{
	m->size = max_u64(m->size, end);
}

static void step_write(struct scene *s, uint64_t off, uint64_t len)
{
	static uint8_t buf[MODEL_MAX];

	memcpy(buf, s->now.bytes + off, len);
	/* Now and then what is there already, or nearly. */
	if (random_of(s) % 3)
		fill(s, buf, len);
	else if (len)
		buf[random_of(s) % len] ^= (uint8_t)random_of(s);
	ck_assert_int_eq(vhd_io_write(s->view, buf, len, off, NULL), 0);
	memcpy(s->now.bytes + off, buf, len);
	if (len)
		grow(&s->now, off + len);
}

static void step_size(struct scene *s, uint64_t size)
{
	ck_assert_int_eq(vhd_io_set_size(s->view, size, NULL), 0);
	memset(s->now.bytes + size, 0, MODEL_MAX - size);
	s->now.size = size;
}

static void step_copy(struct scene *s)
{
	uint64_t to = s->now.size + pick(s, MODEL_MAX - s->now.size);
	uint64_t from = pick(s, s->now.size);
	uint64_t len = min_u64(pick(s, 200000), MODEL_MAX - to);

	len = min_u64(len, s->now.size - from);
	ck_assert_int_eq(vhd_patch_copy(s->patch, from, to, len, NULL), 0);
	memcpy(s->now.bytes + to, s->now.bytes + from, len);
	if (len)
		grow(&s->now, to + len);
}

static void step_flush(struct scene *s)
{
	ck_assert_int_eq(vhd_io_flush(s->view, NULL), 0);
	if (s->snap_count < SNAPS)
		s->snaps[s->snap_count++] = s->now;
}

static void check_read(struct scene *s, uint64_t off, uint64_t len)
{
	static uint8_t buf[MODEL_MAX];

	len = off < s->now.size ? min_u64(len, s->now.size - off) : 0;
	ck_assert_int_eq(vhd_io_read(s->other, buf, len, off, NULL), 0);
	ck_assert(!memcmp(buf, s->now.bytes + off, len));
}

static void check_size(struct scene *s)
{
	uint64_t size = 0;

	ck_assert_int_eq(vhd_io_size(s->other, &size, NULL), 0);
	ck_assert_uint_eq(size, s->now.size);
}

/* What is not said to be data is zero, and data lies inside the file. */
static void check_holes(struct scene *s)
{
	uint64_t at = 0, start, stop;

	while (at < MODEL_MAX) {
		ck_assert_int_eq(vhd_io_next_data(s->other, at, MODEL_MAX,
						  &start, &stop, NULL), 0);
		ck_assert(vhd_is_zero(s->now.bytes + at, start - at));
		if (start == MODEL_MAX)
			break;
		ck_assert(start < stop && stop <= s->now.size);
		at = stop;
	}
}

static void random_step(struct scene *s)
{
	uint64_t off = pick(s, MODEL_MAX);
	uint64_t len = min_u64(pick(s, random_of(s) % 2 ? 3000 : 200000),
			       MODEL_MAX - off);

	switch (random_of(s) % 12) {
	case 0: case 1: case 2: case 3:
		step_write(s, off, len);
		break;
	case 4:
		ck_assert_int_eq(vhd_io_zero(s->view, len, off, NULL), 0);
		memset(s->now.bytes + off, 0, len);
		if (len)
			grow(&s->now, off + len);
		break;
	case 5:
		ck_assert_int_eq(vhd_io_punch(s->view, len, off, NULL), 0);
		memset(s->now.bytes + off, 0, len);
		break;
	case 6:
		step_size(s, off);
		break;
	case 7:
		step_copy(s);
		break;
	case 8:
		step_flush(s);
		break;
	default:
		check_read(s, off, len);
		break;
	}
}

/* The ranges that an undo keeps, as a mark for each byte of the base. */
struct olds {
	const struct scene *s;
	uint64_t end;
	uint8_t mark[MODEL_MAX];
};

static int on_old(void *arg, uint64_t off, uint64_t len,
		  struct vhd_error *err)
{
	struct olds *o = arg;
	(void)err;

	ck_assert(len > 0 && (off > o->end || !o->end));
	ck_assert(range_in(off, len, o->s->base.size));
	memset(o->mark + off, 1, len);
	o->end = off + len;
	return 0;
}

static void check_same(const struct model *m, struct vhd_io *io)
{
	static uint8_t buf[MODEL_MAX];
	uint64_t size = 0;

	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, m->size);
	ck_assert_int_eq(vhd_io_read(io, buf, size, 0, NULL), 0);
	ck_assert(!memcmp(buf, m->bytes, size));
}

/* Nothing is touched that the undo does not have, ever. */
static void check_op(const struct vhd_trace_op *op, const struct olds *o)
{
	uint64_t end = op->off + op->len;

	if (op->kind == VHD_TRACE_FLUSH)
		return;
	if (op->kind == VHD_TRACE_SIZE)
		end = o->s->base.size;
	end = min_u64(end, o->s->base.size);
	if (op->off < end)
		ck_assert(!memchr(o->mark + op->off, 0, end - op->off));
}

/*
 * Applied, the file is what the view was; and after each flush on the way it is
 * what the view was at one of its flushes, in their order.
 */
static void check_apply(struct scene *s)
{
	struct vhd_trace *trace = vhd_trace_new();
	struct vhd_io *io = NULL, *copy = mem_of(&s->base);
	static struct olds o;
	size_t snap = 0;
	void *mem = vhd_mem_new(s->base.bytes, s->base.size);

	memset(&o, 0, sizeof(o));
	o.s = s;
	ck_assert_int_eq(vhd_patch_each_old(s->patch, on_old, &o, NULL), 0);
	mem = vhd_record_new(&vhd_mem_ops, mem, trace);
	ck_assert_int_eq(vhd_io_new(&vhd_record_ops, mem, "t", &io, NULL), 0);
	step_flush(s);
	ck_assert_int_eq(vhd_patch_apply(s->patch, io, NULL), 0);
	check_same(&s->now, io);
	for (size_t i = 0; i < vhd_trace_count(trace); i++) {
		const struct vhd_trace_op *op = vhd_trace_op(trace, i);
		static uint8_t buf[MODEL_MAX];
		uint64_t size = 0;

		check_op(op, &o);
		vhd_trace_apply(op, copy, NULL);
		if (op->kind != VHD_TRACE_FLUSH || s->snap_count == SNAPS)
			continue;
		vhd_io_size(copy, &size, NULL);
		vhd_io_read(copy, buf, size, 0, NULL);
		/* Copies begin epochs of their own, between two snapshots. */
		for (size_t j = snap; j < s->snap_count; j++) {
			if (s->snaps[j].size == size &&
			    !memcmp(s->snaps[j].bytes, buf, size)) {
				snap = j;
				break;
			}
		}
	}
	if (s->snap_count < SNAPS && vhd_patch_dirty(s->patch))
		check_same(&s->snaps[snap], copy);
	vhd_io_close(&io, NULL);
	vhd_io_close(&copy, NULL);
	vhd_trace_free(trace);
}

START_TEST(io_patch__views_and_the_file_agree_with_a_model)
{
	struct scene *s = begin((uint64_t)_i + 1);

	for (int i = 0; i < STEPS; i++) {
		random_step(s);
		check_size(s);
	}
	check_read(s, 0, MODEL_MAX);
	check_holes(s);
	check_same(&s->base, s->io);
	check_apply(s);
	finish(s);
}
END_TEST

/* Each flush of the view is one of the file, and none is there twice. */
START_TEST(io_patch__flushes_order_the_changes)
{
	struct scene *s = begin(5);
	struct vhd_trace *trace = vhd_trace_new();
	struct vhd_io *io = NULL;
	void *mem;
	int flushes = 0;

	step_size(s, 0);
	for (int i = 0; i < 5; i++) {
		step_write(s, (uint64_t)i * 100000, 700);
		step_flush(s);
		step_flush(s);
	}
	mem = vhd_record_new(&vhd_mem_ops,
			     vhd_mem_new(s->base.bytes, s->base.size), trace);
	ck_assert_int_eq(vhd_io_new(&vhd_record_ops, mem, "t", &io, NULL), 0);
	ck_assert_int_eq(vhd_patch_apply(s->patch, io, NULL), 0);
	for (size_t i = 0; i < vhd_trace_count(trace); i++)
		flushes += vhd_trace_op(trace, i)->kind == VHD_TRACE_FLUSH;
	ck_assert_int_eq(flushes, 5);
	vhd_io_close(&io, NULL);
	vhd_trace_free(trace);
	finish(s);
}
END_TEST

START_TEST(io_patch__writing_what_is_there_changes_nothing)
{
	struct scene *s = begin(9);

	ck_assert(!vhd_patch_dirty(s->patch));
	ck_assert_int_eq(vhd_io_write(s->view, s->base.bytes, s->base.size, 0,
				      NULL), 0);
	ck_assert_int_eq(vhd_io_set_size(s->view, s->base.size, NULL), 0);
	step_flush(s);
	ck_assert(!vhd_patch_dirty(s->patch));
	ck_assert_uint_eq(vhd_patch_bytes(s->patch), 0);
	ck_assert_uint_eq(vhd_patch_growth(s->patch), 0);
	finish(s);
}
END_TEST

/* A change of one byte overwrites one sector and not a page. */
START_TEST(io_patch__only_changed_sectors_are_overwritten)
{
	struct scene *s = begin(11);
	static struct olds o;
	size_t marks = 0;

	memset(&o, 0, sizeof(o));
	o.s = s;
	ck_assert_uint_gt(s->base.size, 20000);
	s->now.bytes[10000] ^= 1;
	ck_assert_int_eq(vhd_io_write(s->view, s->now.bytes, 20000, 0, NULL),
			 0);
	ck_assert_int_eq(vhd_patch_each_old(s->patch, on_old, &o, NULL), 0);
	for (size_t i = 0; i < MODEL_MAX; i++)
		marks += o.mark[i];
	ck_assert_uint_eq(marks, 512);
	ck_assert_uint_eq(o.mark[10000], 1);
	finish(s);
}
END_TEST

START_TEST(io_patch__far_offsets_and_large_ranges_cost_nothing)
{
	struct scene *s = begin(13);
	const uint64_t far = (uint64_t)INT64_MAX - 5000;
	uint8_t buf[6000];
	uint64_t start, stop, size = 0;

	memset(buf, 1, sizeof(buf));
	step_size(s, 300000);
	ck_assert_int_eq(vhd_io_zero(s->view, 3 * TiB, 100000, NULL), 0);
	ck_assert_int_eq(vhd_io_write(s->view, buf, 5000, far, NULL), 0);
	ck_assert_int_eq(vhd_io_write(s->view, buf, 6000, far, NULL),
			 VHD_E_NOSPACE);
	ck_assert_int_eq(vhd_io_zero(s->view, 6000, far, NULL),
			 VHD_E_NOSPACE);
	ck_assert_int_eq(vhd_patch_copy(s->patch, 0, far, 6000, NULL),
			 VHD_E_NOSPACE);
	ck_assert_int_eq(vhd_io_read(s->view, buf, 5000, far, NULL), 0);
	ck_assert_uint_eq(buf[0], 1);
	ck_assert_int_eq(vhd_io_next_data(s->view, TiB, INT64_MAX, &start,
					  &stop, NULL), 0);
	ck_assert_uint_eq(start, far / PAGE * PAGE);
	ck_assert_uint_eq(stop, far + 5000);
	ck_assert_int_eq(vhd_io_punch(s->view, INT64_MAX, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_set_size(s->view, 200000, NULL), 0);
	ck_assert_int_eq(vhd_patch_copy(s->patch, 0, 4 * TiB, 150000, NULL),
			 0);
	ck_assert_int_eq(vhd_io_size(s->view, &size, NULL), 0);
	ck_assert_uint_eq(size, 4 * TiB + 150000);
	ck_assert_uint_lt(vhd_patch_bytes(s->patch), MiB);
	finish(s);
}
END_TEST

START_TEST(io_patch__copies_are_references)
{
	struct vhd_io *base = NULL, *view = NULL;
	struct vhd_patch *p = NULL;
	uint8_t a[1000], b[1000];
	struct vhd_error e;

	ck_assert_int_eq(vhd_io_open_mem("x", 1, &base, NULL), 0);
	memset(a, 7, sizeof(a));
	vhd_io_write(base, a, sizeof(a), GiB + 12345, NULL);
	vhd_io_set_size(base, 2 * GiB, NULL);
	ck_assert_int_eq(vhd_patch_new(base, &p, NULL), 0);
	ck_assert_int_eq(vhd_patch_view(p, &view, NULL), 0);
	ck_assert_int_eq(vhd_patch_copy(p, 100, 3 * GiB + 512, 2 * GiB - 100,
					NULL), 0);
	ck_assert_int_eq(vhd_io_read(view, b, sizeof(b),
				     3 * GiB + 512 + GiB + 12345 - 100, NULL),
			 0);
	ck_assert(!memcmp(a, b, sizeof(a)));
	ck_assert_uint_lt(vhd_patch_bytes(p), MiB);
	/* Not into what is there, and not onto itself. */
	ck_assert_int_eq(vhd_patch_copy(p, 0, GiB, 512, &e), VHD_E_IO);
	ck_assert_int_eq(vhd_patch_copy(p, 5 * GiB, 5 * GiB, 512, &e),
			 VHD_E_IO);
	ck_assert_int_eq(vhd_patch_apply(p, base, NULL), 0);
	ck_assert_int_eq(vhd_io_read(base, b, sizeof(b),
				     3 * GiB + 512 + GiB + 12345 - 100, NULL),
			 0);
	ck_assert(!memcmp(a, b, sizeof(a)));
	vhd_io_close(&view, NULL);
	vhd_patch_free(p);
	vhd_io_close(&base, NULL);
}
END_TEST

START_TEST(io_patch__memory_has_an_end)
{
	struct scene *s = begin(17);
	uint8_t page[PAGE] = { 9 };
	struct vhd_error e = { .code = 0 };
	uint64_t i;
	int rc = 0;

	for (i = 0; !rc && i < 100000; i++)
		rc = vhd_io_write(s->view, page, PAGE, i * 7 * PAGE, &e);
	ck_assert_int_eq(rc, VHD_E_NOSPACE);
	ck_assert_uint_gt(vhd_patch_bytes(s->patch), 256 * MiB);
	ck_assert_uint_lt(vhd_patch_bytes(s->patch), 257 * MiB);
	/* What is there can still be read. */
	ck_assert_int_eq(vhd_io_read(s->view, page, PAGE, (i / 2) * 7 * PAGE,
				     NULL), 0);
	ck_assert_uint_eq(page[0], 9);
	finish(s);
}
END_TEST

/* A call that fails for want of memory changes nothing. */
START_TEST(io_patch__failed_allocations_leave_the_view_as_it_was)
{
	struct scene *s = begin(19);
	uint8_t page[PAGE];
	int failed = 0;

	for (unsigned int i = 0; i < 400; i++) {
		uint64_t off = pick(s, MODEL_MAX - PAGE) / PAGE * PAGE;
		int rc;

		fill(s, page, PAGE);
		if (i % 9 == 0)
			vhd_io_flush(s->view, NULL);
		fail_alloc = 1 + i % 8;
		if (i % 4 == 3)
			rc = vhd_io_set_size(s->view, off, NULL);
		else
			rc = vhd_io_write(s->view, page, PAGE, off, NULL);
		fail_alloc = 0;
		failed += rc != 0;
		if (!rc && i % 4 == 3) {
			memset(s->now.bytes + off, 0, MODEL_MAX - off);
			s->now.size = off;
		} else if (!rc) {
			memcpy(s->now.bytes + off, page, PAGE);
			grow(&s->now, off + PAGE);
		}
		check_size(s);
		check_read(s, 0, MODEL_MAX);
	}
	ck_assert_int_gt(failed, 20);
	check_apply(s);
	finish(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("io_patch");
	TCase *tc = tcase_create("io_patch");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 240);
	tcase_add_loop_test(tc, io_patch__views_and_the_file_agree_with_a_model,
			    0, 60);
	tcase_add_test(tc, io_patch__flushes_order_the_changes);
	tcase_add_test(tc, io_patch__writing_what_is_there_changes_nothing);
	tcase_add_test(tc, io_patch__only_changed_sectors_are_overwritten);
	tcase_add_test(tc, io_patch__far_offsets_and_large_ranges_cost_nothing);
	tcase_add_test(tc, io_patch__copies_are_references);
	tcase_add_test(tc, io_patch__memory_has_an_end);
	tcase_add_test(tc,
		       io_patch__failed_allocations_leave_the_view_as_it_was);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
