/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/zero.h"
#include "io/io_fault.h"
#include "io/io_mem.h"
#include "io/io_posix.h"
#include "support/io_tmp.h"

enum { MODEL_MAX = 512 * 1024, STEPS = 600, PIECE = 64 * 1024 };

/* Allocation number so many fails; 0: none does. */
static unsigned int fail_alloc;

bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return !fail_alloc || --fail_alloc;
}

/* What every backend has to look like: bytes and a length. */
struct model {
	uint8_t bytes[MODEL_MAX];
	uint64_t size;
};

static uint64_t pick(uint64_t *rnd, uint64_t limit)
{
	uint64_t x = io_tmp_random(rnd) % (limit + 1);

	/* Often at, or beside, a border of pieces. */
	if (io_tmp_random(rnd) % 2)
		x = min_u64(x / PIECE * PIECE + io_tmp_random(rnd) % 3, limit);
	return x;
}

static void model_step(struct model *m, struct vhd_io *io, unsigned int what,
		       uint64_t off, uint64_t len, const uint8_t *data)
{
	static uint8_t buf[MODEL_MAX];

	switch (what) {
	case 0:
	case 1:
		ck_assert_int_eq(vhd_io_write(io, data, len, off, NULL), 0);
		memcpy(m->bytes + off, data, len);
		if (len)
			m->size = max_u64(m->size, off + len);
		break;
	case 2:
		ck_assert_int_eq(vhd_io_zero(io, len, off, NULL), 0);
		memset(m->bytes + off, 0, len);
		if (len)
			m->size = max_u64(m->size, off + len);
		break;
	case 3:
		ck_assert_int_eq(vhd_io_punch(io, len, off, NULL), 0);
		memset(m->bytes + off, 0, len);
		break;
	case 4:
		ck_assert_int_eq(vhd_io_set_size(io, off, NULL), 0);
		memset(m->bytes + off, 0, MODEL_MAX - off);
		m->size = off;
		break;
	default:
		ck_assert_int_eq(vhd_io_read_padded(io, buf, len, off, NULL),
				 0);
		ck_assert(!memcmp(buf, m->bytes + off, len));
		break;
	}
}

/* What is not said to be data is zero, and data lies inside the file. */
static void check_holes(const struct model *m, struct vhd_io *io)
{
	uint64_t at = 0, start, stop;

	while (at < MODEL_MAX) {
		ck_assert_int_eq(vhd_io_next_data(io, at, MODEL_MAX, &start,
						  &stop, NULL), 0);
		ck_assert_uint_le(at, start);
		ck_assert(vhd_is_zero(m->bytes + at, start - at));
		ck_assert(start < stop || (start == MODEL_MAX &&
					   stop == MODEL_MAX));
		ck_assert(start == stop || stop <= m->size);
		at = stop;
	}
}

static void check_all(const struct model *m, struct vhd_io *io)
{
	static uint8_t buf[MODEL_MAX];
	uint64_t size;

	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, m->size);
	ck_assert_int_eq(vhd_io_read(io, buf, size, 0, NULL), 0);
	ck_assert(!memcmp(buf, m->bytes, size));
	check_holes(m, io);
}

static void run_model(struct vhd_io *io, uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	uint8_t *data = malloc(MODEL_MAX);
	uint64_t rnd = seed;

	ck_assert(m && data);
	for (int i = 0; i < STEPS; i++) {
		unsigned int what = (unsigned int)(io_tmp_random(&rnd) % 7);
		uint64_t off = pick(&rnd, MODEL_MAX);
		uint64_t len = pick(&rnd, MODEL_MAX - off);

		if (io_tmp_random(&rnd) % 2)
			len = min_u64(len, 5000);
		memset(data, (int)(io_tmp_random(&rnd) % 255 + 1), len);
		model_step(m, io, what, off, len, data);
		if (i % 20 == 0)
			check_all(m, io);
	}
	check_all(m, io);
	free(data);
	free(m);
}

START_TEST(io_mem__random_calls_leave_what_the_model_says)
{
	struct vhd_io *io;

	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	run_model(io, (uint64_t)_i + 1);
	ck_assert_int_eq(vhd_io_close(&io, NULL), 0);
}
END_TEST

START_TEST(io_mem__posix_files_follow_the_same_model)
{
	struct io_tmp *t = io_tmp_new();
	const char *path = io_tmp_file(t, "f", "", 0);
	struct vhd_io *io;

	ck_assert_int_eq(vhd_io_open_posix(path, VHD_POSIX_WRITE, &io, NULL),
			 0);
	run_model(io, (uint64_t)_i + 1);
	ck_assert_int_eq(vhd_io_close(&io, NULL), 0);
	io_tmp_free(t);
}
END_TEST

START_TEST(io_mem__short_transfers_make_no_difference)
{
	static const size_t shorts[] = { 777, 4096, 65535 };
	struct vhd_fault_plan plan = { .short_io = shorts[_i] };
	struct vhd_io *io;

	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops,
				    vhd_fault_new(&vhd_mem_ops,
						  vhd_mem_new(NULL, 0), &plan),
				    "short", &io, NULL), 0);
	run_model(io, 99);
	ck_assert_int_eq(vhd_io_close(&io, NULL), 0);
}
END_TEST

/* A backend without the slots for which there are fallbacks. */
START_TEST(io_mem__fallbacks_make_no_difference)
{
	struct vhd_io_ops ops = vhd_mem_ops;
	struct vhd_io *io;

	ops.zero_range = NULL;
	ops.punch_hole = NULL;
	ops.next_data = NULL;
	ck_assert_int_eq(vhd_io_new(&ops, vhd_mem_new(NULL, 0), "bare", &io,
				    NULL), 0);
	run_model(io, 7);
	ck_assert_int_eq(vhd_io_close(&io, NULL), 0);
}
END_TEST

START_TEST(io_mem__huge_files_cost_only_what_is_written)
{
	const uint64_t far[] = { 0, 64 * TiB - 3, UINT64_C(1) << 62 };
	struct vhd_io *io;
	uint64_t at = 0, start, stop;
	char buf[6];

	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	ck_assert_int_eq(vhd_io_set_size(io, INT64_MAX, NULL), 0);
	for (int i = 2; i >= 0; i--)
		ck_assert_int_eq(vhd_io_write(io, "abcdef", 6, far[i], NULL),
				 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(vhd_io_read(io, buf, 6, far[i], NULL), 0);
		ck_assert_mem_eq(buf, "abcdef", 6);
		ck_assert_int_eq(vhd_io_next_data(io, at, INT64_MAX, &start,
						  &stop, NULL), 0);
		ck_assert_uint_le(start, far[i]);
		ck_assert_uint_ge(stop, far[i] + 6);
		ck_assert_uint_le(stop - start, 2 * PIECE);
		at = stop;
	}
	ck_assert_int_eq(vhd_io_punch(io, INT64_MAX, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_next_data(io, 0, INT64_MAX, &start, &stop,
					  NULL), 0);
	ck_assert_uint_eq(start, INT64_MAX);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_mem__starts_with_a_copy_of_the_data)
{
	char data[] = "hello";
	struct vhd_io *io;
	uint64_t size;
	char buf[5];

	ck_assert_int_eq(vhd_io_open_mem(data, 5, &io, NULL), 0);
	memset(data, 'x', 5);
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, 5);
	ck_assert_int_eq(vhd_io_read(io, buf, 5, 0, NULL), 0);
	ck_assert_mem_eq(buf, "hello", 5);
	ck_assert_ptr_nonnull(vhd_io_name(io));
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_mem__failed_allocations_leave_a_sane_file)
{
	uint8_t *data = malloc(5 * PIECE);
	struct vhd_error err;
	int rc = VHD_E_NOMEM;

	ck_assert_ptr_nonnull(data);
	memset(data, 7, 5 * PIECE);
	for (unsigned int n = 1; rc; n++) {
		struct vhd_io *io = NULL;
		uint64_t size, start, stop;

		fail_alloc = n;
		rc = vhd_io_open_mem(data, 10, &io, &err);
		if (!rc)
			rc = vhd_io_write(io, data, 5 * PIECE, 3, &err);
		fail_alloc = 0;
		ck_assert(!rc || rc == VHD_E_NOMEM);
		if (!io)
			continue;
		ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
		ck_assert(rc ? size < 3 + 5 * PIECE : size == 3 + 5 * PIECE);
		ck_assert_int_eq(vhd_io_next_data(io, 0, INT64_MAX, &start,
						  &stop, NULL), 0);
		ck_assert_uint_eq(stop, size);
		ck_assert_int_eq(vhd_io_close(&io, NULL), 0);
	}
	free(data);
}
END_TEST

static void *write_strip(void *arg)
{
	struct vhd_io *io = *(struct vhd_io **)arg;
	static _Atomic int next;
	int me = next++;
	char buf[100];

	memset(buf, 'a' + me, sizeof(buf));
	for (uint64_t i = 0; i < 500; i++)
		ck_assert_int_eq(vhd_io_write(io, buf, sizeof(buf),
					      (i * 4 + (uint64_t)me) * 1000,
					      NULL), 0);
	return NULL;
}

START_TEST(io_mem__threads_do_not_disturb_each_other)
{
	pthread_t th[4];
	struct vhd_io *io;
	char c;

	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&th[i], NULL, write_strip,
						&io), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	for (uint64_t i = 0; i < 2000; i++) {
		ck_assert_int_eq(vhd_io_read(io, &c, 1, i * 1000 + 99, NULL),
				 0);
		ck_assert_int_eq(c, 'a' + (int)(i % 4));
	}
	vhd_io_close(&io, NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("io_mem");
	TCase *tc = tcase_create("io_mem");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, io_mem__random_calls_leave_what_the_model_says,
			    0, 10);
	tcase_add_loop_test(tc, io_mem__posix_files_follow_the_same_model, 0,
			    10);
	tcase_add_loop_test(tc, io_mem__short_transfers_make_no_difference, 0,
			    3);
	tcase_add_test(tc, io_mem__fallbacks_make_no_difference);
	tcase_add_test(tc, io_mem__huge_files_cost_only_what_is_written);
	tcase_add_test(tc, io_mem__starts_with_a_copy_of_the_data);
	tcase_add_test(tc, io_mem__failed_allocations_leave_a_sane_file);
	tcase_add_test(tc, io_mem__threads_do_not_disturb_each_other);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
