/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "io/io_forward.h"
#include "support/check_main.h"
#include "support/io_tmp.h"

enum { LEN = 4 << 20, STEP = 10007 };

static unsigned int fail_alloc;

bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return !fail_alloc || --fail_alloc;
}

/* A pipe that gives what it likes, and may fail at a place. */
struct pipe {
	uint64_t pos, len;
	uint64_t fail_at;
	int fail_rc;
	uint64_t zeros_from, zeros_to;
	unsigned int closed;
	size_t most;		/* bytes at once */
};

static uint8_t byte_at(const struct pipe *p, uint64_t off)
{
	if (off >= p->zeros_from && off < p->zeros_to)
		return 0;
	return (uint8_t)(1 + (off * UINT64_C(2654435761) >> 7) % 255);
}

static int64_t pipe_read(void *arg, void *buf, size_t len)
{
	struct pipe *p = arg;
	uint8_t *out = buf;
	size_t n = (size_t)min_u64(min_u64(len, p->most), p->len - p->pos);

	if (p->fail_rc && p->pos >= p->fail_at)
		return p->fail_rc;
	for (size_t i = 0; i < n; i++)
		out[i] = byte_at(p, p->pos + i);
	p->pos += n;
	return (int64_t)n;
}

static void pipe_close(void *arg)
{
	struct pipe *p = arg;

	p->closed++;
}

static struct pipe new_pipe(uint64_t len)
{
	return (struct pipe){ .len = len, .most = STEP };
}

static struct vhd_forward *open_pipe(struct pipe *p, const char *dir,
				     struct vhd_io **io)
{
	struct vhd_forward_how how = {
		.read = pipe_read, .arg = p, .close = pipe_close,
		.name = "pipe", .spool_dir = dir,
	};
	struct vhd_forward *fw = NULL;

	ck_assert_int_eq(vhd_forward_new(&how, &fw, NULL), 0);
	ck_assert_int_eq(vhd_forward_view(fw, io, NULL), 0);
	return fw;
}

static void check_bytes(const struct pipe *p, struct vhd_io *io, uint64_t off,
			size_t len)
{
	static uint8_t buf[1 << 20];
	size_t wrong = 0;

	ck_assert_uint_le(len, sizeof(buf));
	ck_assert_int_eq(vhd_io_read(io, buf, len, off, NULL), 0);
	for (size_t i = 0; i < len; i++)
		wrong += buf[i] != (off + i < p->len ? byte_at(p, off + i) : 0);
	ck_assert_uint_eq(wrong, 0);
}

static void end(struct vhd_forward *fw, struct vhd_io **io)
{
	vhd_io_close(io, NULL);
	vhd_forward_free(fw);
}

START_TEST(forward__what_is_kept_can_be_read_in_any_order)
{
	struct pipe p = new_pipe(LEN);
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);

	check_bytes(&p, io, 1 << 20, 5000);
	check_bytes(&p, io, 0, 70000);
	check_bytes(&p, io, 3 << 20, 10);
	check_bytes(&p, io, 12345, 4096);
	ck_assert_uint_ge(vhd_forward_kept(fw), (3 << 20) + 10);
	end(fw, &io);
	ck_assert_uint_eq(p.closed, 1);
}
END_TEST

START_TEST(forward__window_goes_back_so_far_and_no_further)
{
	struct pipe p = new_pipe(LEN);
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);
	uint8_t b[16];
	int rc;

	check_bytes(&p, io, 0, 1000);
	vhd_forward_slide(fw);
	check_bytes(&p, io, 2 << 20, 700000);
	check_bytes(&p, io, (2 << 20) + 700000 - VHD_FORWARD_BACK, 4096);
	/* The front is there for ever. */
	check_bytes(&p, io, 3, 900);
	rc = vhd_io_read(io, b, sizeof(b), (1 << 20) + 5, &err);
	ck_assert_int_ne(rc, 0);
	rc = vhd_forward_explain(fw, rc, &err);
	ck_assert_int_eq(rc, VHD_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(err.msg, "has passed already"));
	ck_assert_str_eq(err.file, "pipe");
	end(fw, &io);
}
END_TEST

/* Reads of all lengths, forward, with small steps back. */
START_TEST(forward__sliding_reads_give_the_bytes)
{
	static const size_t at_once[] = { 1, 7, STEP, 65536, 1 << 20 };
	struct pipe p = new_pipe(LEN);
	uint64_t rnd = (uint64_t)_i + 1, off = 0;
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);

	p.most = at_once[_i];
	p.len = _i ? LEN : 200000;
	check_bytes(&p, io, 0, 100);
	vhd_forward_slide(fw);
	while (off < p.len) {
		size_t len = (size_t)(io_tmp_random(&rnd) % 300000 + 1);
		uint64_t back = io_tmp_random(&rnd) % 4096;

		len = (size_t)min_u64(len, p.len - off);
		check_bytes(&p, io, off, len);
		off += len;
		if (back < len)
			check_bytes(&p, io, off - back, (size_t)back);
		off += io_tmp_random(&rnd) % 50000;
	}
	end(fw, &io);
}
END_TEST

START_TEST(forward__an_end_before_what_is_needed_is_a_cut)
{
	struct pipe p = new_pipe(100000);
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);
	uint8_t b[512];
	int rc;

	check_bytes(&p, io, 0, 100);
	vhd_forward_slide(fw);
	vhd_forward_need(fw, 100001);
	rc = vhd_io_read_padded(io, b, sizeof(b), 99900, &err);
	ck_assert_int_ne(rc, 0);
	rc = vhd_forward_explain(fw, rc, &err);
	ck_assert_int_eq(rc, VHD_E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.msg, "100000"));
	end(fw, &io);
}
END_TEST

START_TEST(forward__behind_the_end_are_zeros_where_nothing_was_needed)
{
	struct pipe p = new_pipe(100000);
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);

	check_bytes(&p, io, 0, 100);
	vhd_forward_slide(fw);
	vhd_forward_need(fw, 100000);
	check_bytes(&p, io, 98304, 4096);
	ck_assert_int_eq(vhd_forward_drain(fw, NULL), 0);
	end(fw, &io);
}
END_TEST

START_TEST(forward__size_is_a_guess_until_the_end)
{
	struct pipe p = new_pipe(LEN + 17);
	struct vhd_io *io, *later;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);
	uint8_t a[512], b[512];
	uint64_t size;

	ck_assert_int_eq(vhd_forward_fill(fw, 4096, NULL), 0);
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, VHD_FORWARD_SIZE);
	ck_assert_int_eq(vhd_io_read(io, a, 512, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_read(io, b, 512, size - 512, NULL), 0);
	ck_assert_mem_eq(a, b, 512);
	vhd_forward_slide(fw);
	ck_assert_int_eq(vhd_forward_drain(fw, NULL), 0);
	ck_assert(vhd_forward_ended(fw, &size));
	ck_assert_uint_eq(size, LEN + 17);
	ck_assert_int_eq(vhd_forward_view(fw, &later, NULL), 0);
	ck_assert_int_eq(vhd_io_size(later, &size, NULL), 0);
	ck_assert_uint_eq(size, LEN + 17);
	check_bytes(&p, later, LEN + 17 - 512, 512);
	vhd_io_close(&later, NULL);
	end(fw, &io);
}
END_TEST

START_TEST(forward__pinned_bytes_stay)
{
	struct pipe p = new_pipe(LEN);
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);

	check_bytes(&p, io, 0, 100);
	vhd_forward_slide(fw);
	ck_assert_int_eq(vhd_forward_pin(fw, 100100, 8192, NULL), 0);
	check_bytes(&p, io, 108292, 1 << 20);
	check_bytes(&p, io, 2 << 20, 1 << 20);
	check_bytes(&p, io, 100100, 8192);
	ck_assert_int_ne(vhd_forward_pin(fw, 4 << 20, 1 << 30, NULL), 0);
	end(fw, &io);
}
END_TEST

static size_t no_trailer(const uint8_t last[512], uint64_t at)
{
	(void)last;
	(void)at;
	return 0;
}

static size_t half_trailer(const uint8_t last[512], uint64_t at)
{
	struct pipe p = new_pipe(at);

	ck_assert_uint_eq(last[0], byte_at(&p, at - 512));
	ck_assert_uint_eq(last[511], byte_at(&p, at - 1));
	return 512;
}

START_TEST(forward__raw_disk_goes_on_with_zeros)
{
	struct pipe p = new_pipe(LEN - 100);
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);
	uint64_t size;

	ck_assert_int_eq(vhd_forward_fill(fw, 1 << 20, NULL), 0);
	vhd_forward_raw(fw, LEN + 4096, no_trailer);
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, LEN + 4096);
	for (uint64_t off = 0; off < size; off += 4096)
		check_bytes(&p, io, off, 4096);
	ck_assert_int_eq(vhd_forward_drain(fw, NULL), 0);
	end(fw, &io);
}
END_TEST

START_TEST(forward__trailer_of_a_raw_disk_is_never_shown)
{
	static const uint64_t lens[] = { 1 << 20, (1 << 20) + 1, LEN };
	struct pipe p = new_pipe(lens[_i]), content = new_pipe(lens[_i] - 512);
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);

	p.most = 1 << 20;
	ck_assert_int_eq(vhd_forward_fill(fw, 1 << 20, NULL), 0);
	vhd_forward_raw(fw, lens[_i] + 4096, half_trailer);
	for (uint64_t off = 0; off < lens[_i]; off += 4096)
		check_bytes(&content, io, off, 4096);
	ck_assert_int_eq(vhd_forward_drain(fw, NULL), 0);
	end(fw, &io);
}
END_TEST

START_TEST(forward__raw_disk_that_is_longer_is_refused)
{
	struct pipe p = new_pipe(UINT64_MAX);
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);

	ck_assert_int_eq(vhd_forward_fill(fw, 1 << 20, NULL), 0);
	vhd_forward_raw(fw, 2 << 20, NULL);
	check_bytes(&p, io, (2 << 20) - 512, 512);
	ck_assert_int_eq(vhd_forward_drain(fw, &err), VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "2097152"));
	end(fw, &io);
}
END_TEST

START_TEST(forward__failure_of_the_source_is_final)
{
	struct pipe p = new_pipe(LEN);
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);
	uint8_t b[100];
	int rc;

	p.fail_at = 50000;
	p.fail_rc = _i ? -EINTR : -EPIPE;
	rc = vhd_io_read(io, b, sizeof(b), 70000, &err);
	ck_assert_int_ne(rc, 0);
	p.fail_rc = 0;
	ck_assert_int_ne(vhd_io_read(io, b, sizeof(b), 70000, NULL), 0);
	rc = vhd_forward_explain(fw, rc, &err);
	ck_assert_int_eq(rc, _i ? VHD_E_CANCELLED : VHD_E_IO);
	ck_assert_int_eq(err.os_errno, _i ? 0 : EPIPE);
	end(fw, &io);
}
END_TEST

START_TEST(forward__much_is_stored_in_a_file_without_zeros)
{
	enum { MUCH = 96 << 20 };
	struct pipe p = new_pipe(MUCH);
	struct vhd_io *io, *file;
	struct vhd_forward *fw;
	uint64_t size, start, stop;
	struct io_tmp *tmp = io_tmp_new();

	p.most = 1 << 20;
	p.zeros_from = 30 << 20;
	p.zeros_to = 90 << 20;
	fw = open_pipe(&p, io_tmp_dir(tmp), &io);
	ck_assert_int_eq(vhd_forward_fill(fw, UINT64_MAX, NULL), 0);
	vhd_io_close(&io, NULL);
	ck_assert_int_eq(vhd_forward_take(fw, &file, NULL), 0);
	ck_assert_int_ge(vhd_io_fd(file), 0);
	ck_assert_int_eq(vhd_io_size(file, &size, NULL), 0);
	ck_assert_uint_eq(size, MUCH);
	check_bytes(&p, file, (30 << 20) - 70000, 140000);
	check_bytes(&p, file, (90 << 20) - 70000, 140000);
	check_bytes(&p, file, 0, 4096);
	ck_assert_int_eq(vhd_io_next_data(file, 31 << 20, MUCH, &start, &stop,
					  NULL), 0);
	ck_assert_uint_ge(start, 80 << 20);
	vhd_io_close(&file, NULL);
	vhd_forward_free(fw);
	ck_assert_uint_eq(io_tmp_count(tmp), 0);
	io_tmp_free(tmp);
}
END_TEST

START_TEST(forward__much_that_may_not_be_stored_is_unsupported)
{
	struct pipe p = new_pipe(64 << 20);
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_io *io;
	struct vhd_forward *fw = open_pipe(&p, NULL, &io);

	p.most = 1 << 20;
	ck_assert_int_eq(vhd_forward_fill(fw, UINT64_MAX, &err),
			 VHD_E_UNSUPPORTED);
	ck_assert_uint_le(p.pos, 32 << 20);
	end(fw, &io);
}
END_TEST

START_TEST(forward__without_memory_nothing_leaks)
{
	struct pipe p = new_pipe(LEN);
	struct vhd_forward_how how = {
		.read = pipe_read, .arg = &p, .close = pipe_close,
		.name = "pipe", .spool_dir = "/",
	};
	struct vhd_forward *fw = NULL;
	unsigned int n = 1;

	while (fail_alloc = n, vhd_forward_new(&how, &fw, NULL)) {
		ck_assert_uint_eq(p.closed, n);
		n++;
	}
	fail_alloc = 0;
	ck_assert_uint_gt(n, 3);
	vhd_forward_free(fw);
}
END_TEST

TEST_MAIN_ROWS("io/forward",
	ONCE(forward__what_is_kept_can_be_read_in_any_order),
	ONCE(forward__window_goes_back_so_far_and_no_further),
	LOOP(forward__sliding_reads_give_the_bytes, 5),
	ONCE(forward__an_end_before_what_is_needed_is_a_cut),
	ONCE(forward__behind_the_end_are_zeros_where_nothing_was_needed),
	ONCE(forward__size_is_a_guess_until_the_end),
	ONCE(forward__pinned_bytes_stay),
	ONCE(forward__raw_disk_goes_on_with_zeros),
	LOOP(forward__trailer_of_a_raw_disk_is_never_shown, 3),
	ONCE(forward__raw_disk_that_is_longer_is_refused),
	LOOP(forward__failure_of_the_source_is_final, 2),
	ONCE(forward__much_is_stored_in_a_file_without_zeros),
	ONCE(forward__much_that_may_not_be_stored_is_unsupported),
	ONCE(forward__without_memory_nothing_leaks))
