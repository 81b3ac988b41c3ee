/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "io/io_fault.h"
#include "io/io_mem.h"
#include "io/io_record.h"
#include "support/io_tmp.h"

enum { FILE_MAX = 300 * 1000 };

/* Allocation number so many fails; 0: none does. */
static unsigned int fail_alloc;

bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return !fail_alloc || --fail_alloc;
}

static struct vhd_io *open_recorder(const struct vhd_io_ops *inner,
				    void *handle, struct vhd_trace *t)
{
	struct vhd_io *io = NULL;
	void *h = vhd_record_new(inner, handle, t);

	ck_assert_ptr_nonnull(h);
	ck_assert_int_eq(vhd_io_new(&vhd_record_ops, h, "recorded", &io,
				    NULL), 0);
	return io;
}

static void expect(const struct vhd_trace *t, size_t i,
		   enum vhd_trace_kind kind, uint64_t off, uint64_t len,
		   const char *data)
{
	const struct vhd_trace_op *op = vhd_trace_op(t, i);

	ck_assert_ptr_nonnull(op);
	ck_assert_int_eq(op->kind, kind);
	ck_assert_uint_eq(op->off, off);
	ck_assert_uint_eq(op->len, len);
	if (data)
		ck_assert_mem_eq(op->data, data, len);
	else
		ck_assert_ptr_null(op->data);
}

START_TEST(io_record__every_change_is_noted_in_order_with_its_bytes)
{
	struct vhd_trace *t = vhd_trace_new();
	struct vhd_io *io = open_recorder(&vhd_mem_ops, vhd_mem_new(NULL, 0),
					  t);
	char buf[] = "abc";

	ck_assert_int_eq(vhd_io_write(io, buf, 3, 7, NULL), 0);
	memset(buf, 'x', 3);
	ck_assert_int_eq(vhd_io_read(io, buf, 3, 7, NULL), 0);
	ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
	ck_assert_int_eq(vhd_io_zero(io, 9, 2, NULL), 0);
	ck_assert_int_eq(vhd_io_punch(io, 5, 1, NULL), 0);
	ck_assert_int_eq(vhd_io_set_size(io, 4, NULL), 0);
	ck_assert_uint_eq(vhd_trace_count(t), 5);
	expect(t, 0, VHD_TRACE_WRITE, 7, 3, "abc");
	expect(t, 1, VHD_TRACE_FLUSH, 0, 0, NULL);
	expect(t, 2, VHD_TRACE_ZERO, 2, 9, NULL);
	expect(t, 3, VHD_TRACE_PUNCH, 1, 5, NULL);
	expect(t, 4, VHD_TRACE_SIZE, 4, 0, NULL);
	ck_assert_ptr_null(vhd_trace_op(t, 5));
	/* Nothing can be done past the recorder. */
	ck_assert_int_eq(vhd_io_fd(io), -1);
	vhd_io_close(&io, NULL);
	vhd_trace_free(t);
}
END_TEST

static void random_change(struct vhd_io *io, uint64_t *rnd, uint8_t *data)
{
	uint64_t off = io_tmp_random(rnd) % FILE_MAX;
	uint64_t len = io_tmp_random(rnd) % min_u64(FILE_MAX - off, 70000);

	switch (io_tmp_random(rnd) % 6) {
	case 0:
		ck_assert_int_eq(vhd_io_zero(io, len, off, NULL), 0);
		break;
	case 1:
		ck_assert_int_eq(vhd_io_punch(io, len, off, NULL), 0);
		break;
	case 2:
		ck_assert_int_eq(vhd_io_set_size(io, off, NULL), 0);
		break;
	case 3:
		ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
		break;
	default:
		memset(data, (int)(io_tmp_random(rnd) & 0xff), len);
		ck_assert_int_eq(vhd_io_write(io, data, len, off, NULL), 0);
		break;
	}
}

static void same_files(struct vhd_io *a, struct vhd_io *b)
{
	static uint8_t x[FILE_MAX], y[FILE_MAX];
	uint64_t size_a, size_b;

	ck_assert_int_eq(vhd_io_size(a, &size_a, NULL), 0);
	ck_assert_int_eq(vhd_io_size(b, &size_b, NULL), 0);
	ck_assert_uint_eq(size_a, size_b);
	ck_assert_int_eq(vhd_io_read(a, x, size_a, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_read(b, y, size_b, 0, NULL), 0);
	ck_assert(!memcmp(x, y, size_a));
}

/* Replayed from the start, over what was there before, with short writes. */
START_TEST(io_record__replayed_trace_gives_the_same_file)
{
	struct vhd_fault_plan plan = { .short_io = _i % 2 ? 5000 : 0 };
	struct vhd_trace *t = vhd_trace_new();
	uint64_t rnd = (uint64_t)_i + 17;
	uint8_t *data = malloc(FILE_MAX);
	struct vhd_io *io, *copy;

	io = open_recorder(&vhd_fault_ops,
			   vhd_fault_new(&vhd_mem_ops,
					 vhd_mem_new("begin", 5), &plan), t);
	for (int i = 0; i < 200; i++)
		random_change(io, &rnd, data);
	ck_assert_int_eq(vhd_io_open_mem("begin", 5, &copy, NULL), 0);
	for (size_t i = 0; i < vhd_trace_count(t); i++)
		ck_assert_int_eq(vhd_trace_apply(vhd_trace_op(t, i), copy,
						 NULL), 0);
	same_files(io, copy);
	vhd_io_close(&io, NULL);
	vhd_io_close(&copy, NULL);
	vhd_trace_free(t);
	free(data);
}
END_TEST

START_TEST(io_record__short_write_is_noted_as_far_as_it_went)
{
	struct vhd_fault_plan plan = { .kinds = VHD_FAULT_WRITE, .short_io = 3,
				       .fail_at = 2 };
	struct vhd_trace *t = vhd_trace_new();
	struct vhd_io *io = open_recorder(&vhd_fault_ops,
					  vhd_fault_new(&vhd_mem_ops,
							vhd_mem_new(NULL, 0),
							&plan), t);

	ck_assert_int_eq(vhd_io_write(io, "abcdef", 6, 0, NULL), VHD_E_IO);
	ck_assert_uint_eq(vhd_trace_count(t), 1);
	expect(t, 0, VHD_TRACE_WRITE, 0, 3, "abc");
	vhd_io_close(&io, NULL);
	vhd_trace_free(t);
}
END_TEST

START_TEST(io_record__failed_and_unsupported_calls_are_not_noted)
{
	struct vhd_fault_plan plan = { .kinds = ~0u, .fail_at = 1,
				       .sticky = true };
	struct vhd_io_ops ops = vhd_mem_ops;
	struct vhd_trace *t = vhd_trace_new();
	struct vhd_io *io = open_recorder(&vhd_fault_ops,
					  vhd_fault_new(&vhd_mem_ops,
							vhd_mem_new(NULL, 0),
							&plan), t);

	ck_assert_int_eq(vhd_io_write(io, "a", 1, 0, NULL), VHD_E_IO);
	ck_assert_int_eq(vhd_io_flush(io, NULL), VHD_E_IO);
	ck_assert_int_eq(vhd_io_zero(io, 1, 0, NULL), VHD_E_IO);
	ck_assert_int_eq(vhd_io_punch(io, 1, 0, NULL), VHD_E_IO);
	ck_assert_int_eq(vhd_io_set_size(io, 1, NULL), VHD_E_IO);
	ck_assert_uint_eq(vhd_trace_count(t), 0);
	vhd_io_close(&io, NULL);

	/* Zeroing that falls back shows up as the write that it was. */
	ops.zero_range = NULL;
	io = open_recorder(&ops, vhd_mem_new(NULL, 0), t);
	ck_assert_int_eq(vhd_io_zero(io, 2, 1, NULL), 0);
	ck_assert_uint_eq(vhd_trace_count(t), 1);
	expect(t, 0, VHD_TRACE_WRITE, 1, 2, "\0");
	vhd_io_close(&io, NULL);
	vhd_trace_free(t);
}
END_TEST

/* Whatever allocation fails: what is in the file is in the trace. */
START_TEST(io_record__no_change_goes_unnoted_without_memory)
{
	struct vhd_error err;
	int rc = VHD_E_NOMEM;

	for (unsigned int n = 1; rc; n++) {
		struct vhd_trace *t = vhd_trace_new();
		struct vhd_io *copy, *io;

		io = open_recorder(&vhd_mem_ops, vhd_mem_new(NULL, 0), t);
		fail_alloc = n;
		rc = vhd_io_write(io, "abc", 3, 0, &err);
		for (int i = 0; !rc && i < 70; i++)
			rc = vhd_io_set_size(io, 100, &err);
		fail_alloc = 0;
		ck_assert(!rc || rc == VHD_E_NOMEM);
		ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &copy, NULL), 0);
		for (size_t i = 0; i < vhd_trace_count(t); i++)
			vhd_trace_apply(vhd_trace_op(t, i), copy, NULL);
		same_files(io, copy);
		vhd_io_close(&io, NULL);
		vhd_io_close(&copy, NULL);
		vhd_trace_free(t);
	}
}
END_TEST

static void *write_over(void *arg)
{
	struct vhd_io *io = *(struct vhd_io **)arg;
	static _Atomic int next;
	char buf[3000];

	memset(buf, 'a' + next++, sizeof(buf));
	for (uint64_t i = 0; i < 200; i++)
		ck_assert_int_eq(vhd_io_write(io, buf, sizeof(buf), i * 100,
					      NULL), 0);
	return NULL;
}

START_TEST(io_record__overlapping_writes_are_noted_in_the_order_they_happened)
{
	struct vhd_trace *t = vhd_trace_new();
	struct vhd_io *io, *copy;
	pthread_t th[3];

	io = open_recorder(&vhd_mem_ops, vhd_mem_new(NULL, 0), t);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&th[i], NULL, write_over, &io),
				 0);
	for (int i = 0; i < 3; i++)
		pthread_join(th[i], NULL);
	ck_assert_uint_eq(vhd_trace_count(t), 600);
	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &copy, NULL), 0);
	for (size_t i = 0; i < 600; i++)
		vhd_trace_apply(vhd_trace_op(t, i), copy, NULL);
	same_files(io, copy);
	vhd_io_close(&io, NULL);
	vhd_io_close(&copy, NULL);
	vhd_trace_free(t);
	vhd_trace_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("io_record");
	TCase *tc = tcase_create("io_record");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, io_record__every_change_is_noted_in_order_with_its_bytes);
	tcase_add_loop_test(tc, io_record__replayed_trace_gives_the_same_file,
			    0, 10);
	tcase_add_test(tc, io_record__short_write_is_noted_as_far_as_it_went);
	tcase_add_test(tc, io_record__failed_and_unsupported_calls_are_not_noted);
	tcase_add_test(tc, io_record__no_change_goes_unnoted_without_memory);
	tcase_add_test(tc, io_record__overlapping_writes_are_noted_in_the_order_they_happened);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
