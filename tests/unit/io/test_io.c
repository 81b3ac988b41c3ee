/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "io/io.h"

/*
 * A backend that misbehaves as it is told: a few bytes of storage, and for each
 * call an answer that is given instead, so many times.
 */
struct odd {
	uint8_t bytes[64];
	int64_t size;
	int64_t answer;		/* given while times > 0 */
	int times;
	int calls;
	int closed;
	enum vhd_lock_mode mode;
	uint64_t start, stop;	/* of next_data */
};

static bool odd_answers(struct odd *o)
{
	o->calls++;
	return o->times > 0 && o->times--;
}

static int64_t odd_pread(void *h, void *buf, size_t len, uint64_t off)
{
	struct odd *o = h;

	if (odd_answers(o))
		return o->answer;
	if (off >= (uint64_t)o->size)
		return 0;
	len = (size_t)min_u64(len, (uint64_t)o->size - off);
	memcpy(buf, o->bytes + off, len);
	return (int64_t)len;
}

static int64_t odd_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	struct odd *o = h;

	if (odd_answers(o))
		return o->answer;
	ck_assert(range_in(off, len, sizeof(o->bytes)));
	memcpy(o->bytes + off, buf, len);
	o->size = (int64_t)max_u64((uint64_t)o->size, off + len);
	return (int64_t)len;
}

static int odd_flush(void *h)
{
	struct odd *o = h;

	return odd_answers(o) ? (int)o->answer : 0;
}

static int64_t odd_get_size(void *h)
{
	struct odd *o = h;

	return o->size;
}

static int odd_range(void *h, uint64_t len, uint64_t off)
{
	struct odd *o = h;

	(void)len;
	(void)off;
	return odd_answers(o) ? (int)o->answer : 0;
}

static int odd_next_data(void *h, uint64_t off, uint64_t *start_out,
			 uint64_t *end_out)
{
	struct odd *o = h;

	(void)off;
	*start_out = o->start;
	*end_out = o->stop;
	return odd_answers(o) ? (int)o->answer : 0;
}

static int odd_lock(void *h, enum vhd_lock_mode mode)
{
	struct odd *o = h;

	o->mode = mode;
	return odd_answers(o) ? (int)o->answer : 0;
}

static int odd_close(void *h)
{
	struct odd *o = h;

	o->closed++;
	return odd_answers(o) ? (int)o->answer : 0;
}

static const struct vhd_io_ops odd_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = odd_pread,
	.pwrite = odd_pwrite,
	.flush = odd_flush,
	.get_size = odd_get_size,
	.zero_range = odd_range,
	.punch_hole = odd_range,
	.next_data = odd_next_data,
	.lock = odd_lock,
	.close = odd_close,
};

/* The least that a backend can have, and writing. */
static const struct vhd_io_ops bare_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = odd_pread,
	.pwrite = odd_pwrite,
	.get_size = odd_get_size,
};

static const struct vhd_io_ops read_only_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = odd_pread,
	.get_size = odd_get_size,
};

static struct vhd_io *open_odd(const struct vhd_io_ops *ops, struct odd *o)
{
	struct vhd_io *io = NULL;

	ck_assert_int_eq(vhd_io_new(ops, o, "odd.img", &io, NULL), 0);
	return io;
}

START_TEST(io__read_past_the_end_is_an_error_that_names_place_and_file)
{
	struct odd o = { .size = 10 };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	struct vhd_error err;
	char buf[8];

	ck_assert_int_eq(vhd_io_read(io, buf, 8, 2, &err), 0);
	ck_assert_int_eq(vhd_io_read(io, buf, 8, 3, &err), VHD_E_CORRUPT);
	ck_assert_ptr_null(err.rule);
	ck_assert_uint_eq(err.off, 3);
	ck_assert_str_eq(err.file, "odd.img");
	ck_assert_str_eq(err.msg, "the file ends 7 bytes into the 8 that are "
			 "needed from 0x3");
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__padded_read_gives_zeros_past_the_end)
{
	struct odd o = { .bytes = "abc", .size = 3 };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	char buf[6];

	ck_assert_int_eq(vhd_io_read_padded(io, buf, 6, 1, NULL), 0);
	ck_assert_mem_eq(buf, "bc\0\0\0\0", 6);
	memset(buf, 'x', 6);
	ck_assert_int_eq(vhd_io_read_padded(io, buf, 6, UINT64_MAX - 2, NULL),
			 0);
	ck_assert_mem_eq(buf, "\0\0\0\0\0\0", 6);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__a_file_that_was_cut_does_not_end_in_zeros)
{
	struct odd o = { .bytes = "abcdef", .size = 6 };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	struct vhd_error err;
	uint64_t size;
	char buf[8];

	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_int_eq(vhd_io_read_padded(io, buf, 8, 0, NULL), 0);
	o.size = 3;
	ck_assert_int_eq(vhd_io_read_padded(io, buf, 8, 0, &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, EIO);
	ck_assert_uint_eq(err.off, 3);
	/* Where it never reached, it may end. */
	ck_assert_int_eq(vhd_io_read_padded(io, buf, 8, 6, NULL), 0);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__no_range_past_the_largest_offset_reaches_a_backend)
{
	static const uint64_t offs[] = { INT64_MAX, (uint64_t)INT64_MAX + 1,
					 UINT64_MAX - 3, UINT64_MAX };
	struct odd o = { .size = 4 };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	struct vhd_error err;
	char buf[4] = "";

	for (size_t i = 0; i < sizeof(offs) / sizeof(*offs); i++) {
		ck_assert_int_eq(vhd_io_read(io, buf, 4, offs[i], &err),
				 VHD_E_CORRUPT);
		ck_assert_int_eq(vhd_io_write(io, buf, 4, offs[i], &err),
				 VHD_E_NOSPACE);
		ck_assert_int_eq(err.os_errno, EFBIG);
		ck_assert_int_eq(vhd_io_zero(io, 4, offs[i], &err),
				 VHD_E_NOSPACE);
		ck_assert_int_eq(vhd_io_punch(io, 4, offs[i], &err),
				 VHD_E_NOSPACE);
	}
	ck_assert_int_eq(vhd_io_set_size(io, UINT64_MAX, &err), VHD_E_NOSPACE);
	ck_assert_int_eq(o.calls, 0);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__interrupted_calls_are_made_again)
{
	struct odd o = { .bytes = "abc", .size = 3, .answer = -EINTR };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	uint64_t start, stop;
	char buf[3];

	o.start = 1, o.stop = 2;
	o.times = 3;
	ck_assert_int_eq(vhd_io_read(io, buf, 3, 0, NULL), 0);
	o.times = 3;
	ck_assert_int_eq(vhd_io_write(io, "xyz", 3, 0, NULL), 0);
	o.times = 3;
	ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
	o.times = 3;
	ck_assert_int_eq(vhd_io_zero(io, 1, 0, NULL), 0);
	o.times = 3;
	ck_assert_int_eq(vhd_io_next_data(io, 0, 3, &start, &stop, NULL), 0);
	o.times = 3;
	ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_READ, NULL), 0);
	ck_assert_int_eq(o.calls, 6 * 4);
	ck_assert_mem_eq(o.bytes, "xyz", 3);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__impossible_counts_are_errors_and_not_loops)
{
	struct odd o = { .size = 8, .answer = 9 };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	struct vhd_error err;
	char buf[8] = "";

	o.times = 1;
	ck_assert_int_eq(vhd_io_read(io, buf, 8, 0, &err), VHD_E_IO);
	o.times = 1;
	ck_assert_int_eq(vhd_io_write(io, buf, 8, 0, &err), VHD_E_IO);
	o.answer = 0;
	o.times = 1;
	ck_assert_int_eq(vhd_io_write(io, buf, 8, 0, &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, EIO);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__failures_say_what_where_and_why)
{
	struct odd o = { .size = 8, .answer = -EIO, .times = 1 };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	struct vhd_error err;
	char buf[8] = "";

	ck_assert_int_eq(vhd_io_read(io, buf, 8, 0x10, &err), VHD_E_IO);
	ck_assert_str_eq(err.msg, "cannot read 8 bytes at 0x10: "
			 "Input/output error");
	ck_assert_uint_eq(err.off, 0x10);
	ck_assert_int_eq(err.os_errno, EIO);
	ck_assert_str_eq(err.file, "odd.img");
	o.answer = -ENOSPC;
	o.times = 1;
	ck_assert_int_eq(vhd_io_write(io, buf, 8, 0, &err), VHD_E_NOSPACE);
	o.answer = -EIO;
	o.times = 1;
	ck_assert_int_eq(vhd_io_flush(io, &err), VHD_E_IO);
	ck_assert_str_eq(err.msg, "cannot make what was written durable: "
			 "Input/output error");
	/* Trying again would lose what this one lost. */
	o.answer = -ENOSPC;
	o.times = 1;
	ck_assert_int_eq(vhd_io_flush(io, &err), VHD_E_IO);
	ck_assert_int_eq(err.code, VHD_E_IO);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__file_without_pwrite_cannot_be_changed)
{
	struct odd o = { .size = 8 };
	struct vhd_io *io = open_odd(&read_only_ops, &o);
	struct vhd_error err;
	bool done = false;

	ck_assert(!vhd_io_writable(io));
	ck_assert_int_eq(vhd_io_write(io, "a", 1, 0, &err), VHD_E_READONLY);
	ck_assert_int_eq(vhd_io_zero(io, 1, 0, &err), VHD_E_READONLY);
	ck_assert_int_eq(vhd_io_punch(io, 1, 0, &err), VHD_E_READONLY);
	ck_assert_int_eq(vhd_io_try_punch(io, 1, 0, &done, &err),
			 VHD_E_READONLY);
	ck_assert_int_eq(vhd_io_set_size(io, 1, &err), VHD_E_READONLY);
	ck_assert_str_eq(err.file, "odd.img");
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__missing_slots_have_fallbacks)
{
	struct odd o = { .bytes = "abcdef", .size = 6 };
	struct vhd_io *io = open_odd(&bare_ops, &o);
	uint64_t start, stop;
	struct vhd_error err;

	ck_assert(vhd_io_writable(io));
	ck_assert_int_eq(vhd_io_fd(io), -1);
	ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_WRITE, NULL), 0);
	ck_assert_int_eq(vhd_io_zero(io, 2, 1, NULL), 0);
	ck_assert_mem_eq(o.bytes, "a\0\0def", 6);
	ck_assert_int_eq(vhd_io_next_data(io, 2, 9, &start, &stop, NULL), 0);
	ck_assert_uint_eq(start, 2);
	ck_assert_uint_eq(stop, 6);
	ck_assert_int_eq(vhd_io_next_data(io, 6, 9, &start, &stop, NULL), 0);
	ck_assert_uint_eq(start, 9);
	ck_assert_uint_eq(stop, 9);
	ck_assert_int_eq(vhd_io_set_size(io, 3, &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, EOPNOTSUPP);
	ck_assert_int_eq(vhd_io_close(&io, NULL), 0);
}
END_TEST

START_TEST(io__zeroing_extends_the_file_and_punching_does_not)
{
	struct odd o = { .bytes = "abcdef", .size = 6 };
	struct vhd_io *io = open_odd(&bare_ops, &o);

	ck_assert_int_eq(vhd_io_punch(io, 20, 4, NULL), 0);
	ck_assert_int_eq(o.size, 6);
	ck_assert_mem_eq(o.bytes, "abcd\0\0", 6);
	ck_assert_int_eq(vhd_io_punch(io, 20, 40, NULL), 0);
	ck_assert_int_eq(o.size, 6);
	ck_assert_int_eq(vhd_io_zero(io, 4, 4, NULL), 0);
	ck_assert_int_eq(o.size, 8);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__unsupported_zeroing_falls_back_and_failed_one_does_not)
{
	struct odd o = { .bytes = "abcdef", .size = 6 };
	struct vhd_io *io = open_odd(&odd_ops, &o);

	o.answer = -EOPNOTSUPP;
	o.times = 2;
	ck_assert_int_eq(vhd_io_punch(io, 1, 0, NULL), 0);
	ck_assert_mem_eq(o.bytes, "\0bcdef", 6);
	o.times = 1;
	ck_assert_int_eq(vhd_io_zero(io, 1, 1, NULL), 0);
	ck_assert_mem_eq(o.bytes, "\0\0cdef", 6);
	o.answer = -EIO;
	o.times = 1;
	ck_assert_int_eq(vhd_io_zero(io, 1, 2, NULL), VHD_E_IO);
	o.times = 1;
	ck_assert_int_eq(vhd_io_punch(io, 1, 2, NULL), VHD_E_IO);
	ck_assert_mem_eq(o.bytes, "\0\0cdef", 6);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__a_try_to_punch_changes_nothing_where_it_cannot)
{
	struct odd o = { .bytes = "abcdef", .size = 6 };
	struct vhd_io *io = open_odd(&bare_ops, &o);
	bool done = true;

	ck_assert_int_eq(vhd_io_try_punch(io, 2, 1, &done, NULL), 0);
	ck_assert(!done);
	ck_assert_mem_eq(o.bytes, "abcdef", 6);
	ck_assert_int_eq(o.calls, 0);
	vhd_io_close(&io, NULL);
	io = open_odd(&odd_ops, &o);
	o.calls = 0;
	o.answer = -EOPNOTSUPP;
	o.times = 1;
	done = true;
	ck_assert_int_eq(vhd_io_try_punch(io, 2, 1, &done, NULL), 0);
	ck_assert(!done);
	ck_assert_int_eq(o.calls, 1);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__a_try_to_punch_says_when_it_is_done_and_when_it_failed)
{
	struct odd o = { .bytes = "abcdef", .size = 6 };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	struct vhd_error err;
	bool done = false;

	ck_assert_int_eq(vhd_io_try_punch(io, 2, 1, &done, NULL), 0);
	ck_assert(done);
	o.answer = -EIO;
	o.times = 1;
	ck_assert_int_eq(vhd_io_try_punch(io, 2, 1, &done, &err), VHD_E_IO);
	ck_assert_uint_eq(err.off, 1);
	ck_assert(done);
	o.calls = 0;
	ck_assert_int_eq(vhd_io_try_punch(io, 4, INT64_MAX - 3, &done, NULL),
			 VHD_E_NOSPACE);
	ck_assert_int_eq(vhd_io_try_punch(io, 0, 1, &done, NULL), 0);
	ck_assert(done);
	ck_assert_int_eq(o.calls, 0);
	vhd_io_close(&io, NULL);
}
END_TEST

static const struct {
	uint64_t have_start, have_stop, off, end, start, stop;
	int answer, rc;
} data_cases[] = {
	{ 10, 20, 0, 100, 10, 20, 0, 0 },
	{ 10, 20, 15, 100, 15, 20, 0, 0 },
	{ 10, 20, 0, 15, 10, 15, 0, 0 },
	{ 10, 20, 0, 10, 10, 10, 0, 0 },
	{ 10, 20, 0, 5, 5, 5, 0, 0 },
	{ 0, 0, 7, 9, 9, 9, -ENXIO, 0 },
	{ 0, 0, 9, 9, 9, 9, 0, 0 },
	{ 20, 10, 0, 100, 0, 0, 0, VHD_E_IO },
	{ 10, 20, 20, 100, 0, 0, 0, VHD_E_IO },
	{ 0, 0, 7, 9, 0, 0, -EIO, VHD_E_IO },
};

START_TEST(io__next_data_is_clipped_to_what_was_asked)
{
	uint64_t start = 0, stop = 0;
	struct odd o = { .size = 1000 };
	struct vhd_io *io = open_odd(&odd_ops, &o);

	o.start = data_cases[_i].have_start;
	o.stop = data_cases[_i].have_stop;
	o.answer = data_cases[_i].answer;
	o.times = o.answer ? 1 : 0;
	ck_assert_int_eq(vhd_io_next_data(io, data_cases[_i].off,
					  data_cases[_i].end, &start, &stop,
					  NULL), data_cases[_i].rc);
	ck_assert_uint_eq(start, data_cases[_i].start);
	ck_assert_uint_eq(stop, data_cases[_i].stop);
	o.times = 0;
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__refused_lock_is_busy_and_says_what_the_other_does)
{
	struct odd o = { .answer = -EAGAIN, .times = 2 };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	struct vhd_error err;

	ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_READ, &err), VHD_E_BUSY);
	ck_assert_str_eq(err.msg,
			 "another program has the file open for writing");
	ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_WRITE, &err), VHD_E_BUSY);
	ck_assert_str_eq(err.msg, "another program has the file open");
	ck_assert_str_eq(err.file, "odd.img");
	o.times = 1;
	o.answer = -EIO;
	ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_WRITE, &err), VHD_E_IO);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io__closing_releases_reports_and_clears)
{
	struct odd o = { .answer = -EIO, .times = 1 };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	struct vhd_error err;

	ck_assert_int_eq(vhd_io_close(&io, &err), VHD_E_IO);
	ck_assert_str_eq(err.file, "odd.img");
	ck_assert_ptr_null(io);
	ck_assert_int_eq(o.closed, 1);
	ck_assert_int_eq(vhd_io_close(&io, &err), 0);
	ck_assert_int_eq(vhd_io_close(NULL, &err), 0);
	ck_assert_int_eq(o.closed, 1);
}
END_TEST

START_TEST(io__incomplete_table_is_refused_and_its_handle_closed)
{
	struct vhd_io_ops ops = odd_ops;
	struct vhd_io *io = NULL;
	struct odd o = { .size = 1 };
	struct vhd_error err;

	ops.pread = NULL;
	ck_assert_int_eq(vhd_io_new(&ops, &o, "x", &io, &err), VHD_E_INVAL);
	ck_assert_int_eq(o.closed, 1);
	ops = odd_ops;
	ops.get_size = NULL;
	ck_assert_int_eq(vhd_io_new(&ops, &o, "x", &io, &err), VHD_E_INVAL);
	ck_assert_int_eq(o.closed, 2);
	ops = odd_ops;
	ops.size = 8;
	ck_assert_int_eq(vhd_io_new(&ops, &o, "x", &io, &err), VHD_E_INVAL);
	ck_assert_ptr_null(io);
}
END_TEST

START_TEST(io__calls_and_bytes_are_counted)
{
	struct odd o = { .size = 8, .answer = 3, .times = 1 };
	struct vhd_io *io = open_odd(&odd_ops, &o);
	struct vhd_io_stats st;
	char buf[8] = "";

	ck_assert_int_eq(vhd_io_read(io, buf, 8, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_read(io, buf, 0, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_write(io, buf, 5, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
	vhd_io_stats(io, &st);
	ck_assert_uint_eq(st.reads, 2);
	ck_assert_uint_eq(st.read_bytes, 8);
	ck_assert_uint_eq(st.writes, 1);
	ck_assert_uint_eq(st.write_bytes, 5);
	ck_assert_uint_eq(st.flushes, 1);
	vhd_io_close(&io, NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("io");
	TCase *tc = tcase_create("io");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, io__read_past_the_end_is_an_error_that_names_place_and_file);
	tcase_add_test(tc, io__padded_read_gives_zeros_past_the_end);
	tcase_add_test(tc, io__a_file_that_was_cut_does_not_end_in_zeros);
	tcase_add_test(tc, io__no_range_past_the_largest_offset_reaches_a_backend);
	tcase_add_test(tc, io__interrupted_calls_are_made_again);
	tcase_add_test(tc, io__impossible_counts_are_errors_and_not_loops);
	tcase_add_test(tc, io__failures_say_what_where_and_why);
	tcase_add_test(tc, io__file_without_pwrite_cannot_be_changed);
	tcase_add_test(tc, io__missing_slots_have_fallbacks);
	tcase_add_test(tc, io__zeroing_extends_the_file_and_punching_does_not);
	tcase_add_test(tc, io__unsupported_zeroing_falls_back_and_failed_one_does_not);
	tcase_add_test(tc, io__a_try_to_punch_changes_nothing_where_it_cannot);
	tcase_add_test(tc, io__a_try_to_punch_says_when_it_is_done_and_when_it_failed);
	tcase_add_loop_test(tc, io__next_data_is_clipped_to_what_was_asked, 0,
			    sizeof(data_cases) / sizeof(*data_cases));
	tcase_add_test(tc, io__refused_lock_is_busy_and_says_what_the_other_does);
	tcase_add_test(tc, io__closing_releases_reports_and_clears);
	tcase_add_test(tc, io__incomplete_table_is_refused_and_its_handle_closed);
	tcase_add_test(tc, io__calls_and_bytes_are_counted);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
