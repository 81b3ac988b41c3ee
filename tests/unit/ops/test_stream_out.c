/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images as streams: the bytes of the files that vhd_convert() makes; sinks that
 * fail at every call; sources that change between the two looks at them.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)
#define DISK (9 * MIB + 1536)

static uint64_t allocs, fail_alloc;

/* Replaces the library's own (base/alloc.h). */
bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return ++allocs != fail_alloc;
}

static struct tempdir dir;
static char raw[512], dst[512];

/* Data at the start, over the border of two blocks, and at the end. */
static void make_raw(void)
{
	static const struct {
		uint64_t off;
		size_t len;
	} parts[] = {
		{ 0, 5000 }, { 2 * MIB - 4096, 9000 }, { 5 * MIB, 700000 },
		{ DISK - 100, 100 },
	};
	static uint8_t data[700000];
	int fd = open(tempdir_name(&dir, "in.img", raw),
		      O_RDWR | O_CREAT | O_TRUNC, 0600);
	size_t i, j;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)DISK), 0);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (j = 0; j < parts[i].len; j++)
			data[j] = (uint8_t)(1 + (i + j * 7) % 250);
		ck_assert_int_eq(pwrite(fd, data, parts[i].len,
					(off_t)parts[i].off),
				 (ssize_t)parts[i].len);
	}
	close(fd);
}

static void begin(void)
{
	tempdir_make(&dir);
	make_raw();
}

static struct vhd_image *open_raw(void)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;

	o.flags = VHD_OPEN_ALLOW_RAW;
	ck_assert_int_eq(vhd_open(raw, &o, &img, NULL), 0);
	return img;
}

/* What came, and what is to go wrong. */
struct taker {
	uint8_t *bytes;
	uint64_t fill, room;
	uint64_t total;
	int calls, fail_at;		/* 0: never */
	int rc;
	void (*at_begin)(void);
};

static int taker_fails(struct taker *t)
{
	return ++t->calls == t->fail_at ? t->rc : 0;
}

static int take_begin(void *arg, uint64_t total)
{
	struct taker *t = arg;

	t->total = total;
	t->fill = 0;
	t->room = total;
	free(t->bytes);
	t->bytes = malloc(total);
	ck_assert_ptr_nonnull(t->bytes);
	if (t->at_begin)
		t->at_begin();
	return taker_fails(t);
}

static int take(void *arg, const void *buf, size_t len)
{
	struct taker *t = arg;

	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(t->fill + len, t->room);
	memcpy(t->bytes + t->fill, buf, len);
	t->fill += len;
	return taker_fails(t);
}

static int take_zero(void *arg, uint64_t len)
{
	struct taker *t = arg;

	ck_assert_uint_le(t->fill + len, t->room);
	memset(t->bytes + t->fill, 0, len);
	t->fill += len;
	return taker_fails(t);
}

static const struct shape {
	const char *name;
	enum vhd_format format;
	enum vhd_type type;
	enum vhd_target target;
	uint64_t block;
	uint32_t sector;
} shapes[] = {
	{ "a.raw", VHD_FORMAT_RAW, 0, 0, 0, 0 },
	{ "a.vhd", VHD_FORMAT_VHD, 0, 0, 0, 0 },
	{ "a.vhd", VHD_FORMAT_VHD, 0, 0, 65536, 0 },
	{ "a.vhd", VHD_FORMAT_VHD, VHD_TYPE_FIXED, 0, 0, 0 },
	{ "a.vhd", VHD_FORMAT_AUTO, 0, VHD_TARGET_XEN, 0, 0 },
	{ "a.vhd", VHD_FORMAT_AUTO, 0, VHD_TARGET_AZURE, 0, 0 },
	{ "a.vhdx", VHD_FORMAT_VHDX, 0, 0, 0, 0 },
	{ "a.vhdx", VHD_FORMAT_VHDX, 0, 0, MIB, 4096 },
	{ "a.vhdx", VHD_FORMAT_VHDX, VHD_TYPE_FIXED, 0, MIB, 0 },
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static void options(const struct shape *s, struct vhd_convert_opts *o)
{
	memset(o, 0, sizeof(*o));
	o->size = sizeof(*o);
	o->create.size = sizeof(o->create);
	o->create.flags = VHD_CREATE_NO_SYNC | VHD_CREATE_FORCE;
	o->create.format = s->format;
	o->create.type = s->type;
	o->create.target = s->target;
	o->create.block_size = s->block;
	o->create.logical_sector = s->sector;
	o->create.timestamp = 1700000000;
	o->create.guid.b[3] = 7;
}

static int stream(struct taker *t, const struct vhd_convert_opts *o, bool zero,
		  struct vhd_error *err)
{
	struct vhd_stream_sink sink = VHD_STREAM_SINK_INIT;
	struct vhd_image *img = open_raw();
	uint64_t total = 0;
	int rc;

	sink.begin = take_begin;
	sink.write = take;
	sink.zero = zero ? take_zero : NULL;
	sink.arg = t;
	sink.temp_dir = dir.path;
	rc = vhd_stream_write(img, o, &sink, &total, NULL, err);
	if (!rc)
		ck_assert_uint_eq(total, t->total);
	vhd_close(&img, NULL);
	return rc;
}

static void expect_file(const struct taker *t, const char *path)
{
	uint8_t *have = malloc(t->total + 1);
	FILE *f = fopen(path, "rb");

	ck_assert_ptr_nonnull(have);
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fread(have, 1, t->total + 1, f), t->total);
	ck_assert_int_eq(memcmp(have, t->bytes, t->total), 0);
	fclose(f);
	free(have);
}

static void convert(const struct shape *s, const struct vhd_convert_opts *o)
{
	struct vhd_image *img = open_raw();
	struct vhd_error err;

	tempdir_name(&dir, s->name, dst);
	if (vhd_convert(img, dst, o, NULL, &err))
		ck_abort_msg("%s: %s", dst, err.msg);
	vhd_close(&img, NULL);
}

START_TEST(stream_out__is_the_file_that_convert_makes)
{
	const struct shape *s = &shapes[_i / 2];
	struct taker t = { 0 };
	struct vhd_convert_opts o;
	struct vhd_image *img;
	struct vhd_error err = { 0 };
	uint64_t total = 0;

	begin();
	options(s, &o);
	ck_assert_int_eq(stream(&t, &o, _i % 2, &err), 0);
	ck_assert_uint_eq(t.fill, t.total);
	convert(s, &o);
	expect_file(&t, dst);
	img = open_raw();
	ck_assert_int_eq(vhd_stream_size(img, &o, dir.path, &total, NULL, &err),
			 0);
	ck_assert_uint_eq(total, t.total);
	vhd_close(&img, NULL);
	free(t.bytes);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(stream_out__a_sink_that_fails_ends_it_wherever_it_is)
{
	static const int errors[] = { -EPIPE, -ENOSPC, -EIO };
	const struct shape *s = &shapes[_i];
	struct vhd_convert_opts o;
	int n, rc = -1;

	begin();
	options(s, &o);
	for (n = 1; rc && n < 1000; n++) {
		struct taker t = { .fail_at = n, .rc = errors[n % 3] };
		struct vhd_error err = { 0 };

		rc = stream(&t, &o, n % 2, &err);
		if (rc) {
			ck_assert_int_eq(rc, t.rc == -ENOSPC ? VHD_E_NOSPACE
							     : VHD_E_IO);
			ck_assert_int_eq(err.code, rc);
			ck_assert_int_eq(err.os_errno, -t.rc);
			ck_assert_str_ne(err.msg, "");
			/* Nothing comes after the failure. */
			ck_assert_int_eq(t.calls, n);
		}
		free(t.bytes);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_gt(n, 3);
	/* No temporary file has a name. */
	ck_assert_int_eq(tempdir_entries(&dir), 1);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(stream_out__no_allocation_failure_is_more_than_an_error)
{
	const struct shape *s = &shapes[_i];
	struct vhd_image *img;
	struct vhd_convert_opts o;
	struct vhd_stream_sink sink = VHD_STREAM_SINK_INIT;
	uint64_t n;
	int rc = -1;

	begin();
	options(s, &o);
	for (n = 1; rc && n < 500; n++) {
		struct taker t = { 0 };
		struct vhd_error err = { 0 };

		img = open_raw();
		sink.begin = take_begin;
		sink.write = take;
		sink.arg = &t;
		allocs = 0;
		fail_alloc = n;
		rc = vhd_stream_write(img, &o, &sink, NULL, NULL, &err);
		fail_alloc = 0;
		if (rc)
			ck_assert_int_eq(rc, VHD_E_NOMEM);
		vhd_close(&img, NULL);
		free(t.bytes);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_gt((int)n, 5);
	tempdir_remove(&dir);
}
END_TEST

static int left;

static bool countdown(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	ck_assert_uint_le(done, total);
	return left-- > 0;
}

START_TEST(stream_out__can_be_cancelled_at_any_time)
{
	struct vhd_convert_opts o;
	int n, rc = -1;

	begin();
	options(&shapes[_i], &o);
	o.progress = countdown;
	for (n = 0; rc && n < 1000; n++) {
		struct taker t = { 0 };
		struct vhd_error err = { 0 };

		left = n;
		rc = stream(&t, &o, n % 2, &err);
		if (rc)
			ck_assert_int_eq(rc, VHD_E_CANCELLED);
		free(t.bytes);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_gt(n, 2);
	tempdir_remove(&dir);
}
END_TEST

static void write_source(uint64_t off, int byte, size_t len)
{
	static uint8_t bytes[65536];
	int fd = open(raw, O_RDWR);

	ck_assert_int_ge(fd, 0);
	memset(bytes, byte, len);
	ck_assert_int_eq(pwrite(fd, bytes, len, (off_t)off), (ssize_t)len);
	close(fd);
}

static void data_appears(void)
{
	write_source(8 * MIB + 5 * 4096, 'x', 100);
}

static void zeros_appear(void)
{
	write_source(8 * MIB + 5 * 4096, 0, 4096);
}

static void data_goes(void)
{
	int fd = open(raw, O_RDWR);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)(5 * MIB)), 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)DISK), 0);
	close(fd);
}

/* Blocks that fit the data: nothing is at 8 MiB at first. */
static const struct shape small[] = {
	{ "a.vhd", VHD_FORMAT_VHD, 0, 0, 65536, 0 },
	{ "a.vhdx", VHD_FORMAT_VHDX, 0, 0, MIB, 0 },
};

START_TEST(stream_out__data_that_appears_later_is_an_error)
{
	struct taker t = { .at_begin = data_appears };
	struct vhd_error err = { 0 };
	struct vhd_convert_opts o;

	begin();
	options(&small[_i / 2], &o);
	ck_assert_int_eq(stream(&t, &o, _i % 2, &err), VHD_E_CORRUPT);
	ck_assert_uint_lt(t.fill, t.total);
	free(t.bytes);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(stream_out__zeros_that_appear_later_do_no_harm)
{
	struct taker before = { 0 }, t = { .at_begin = zeros_appear };
	struct vhd_error err = { 0 };
	struct vhd_convert_opts o;

	begin();
	options(&small[_i / 2], &o);
	ck_assert_int_eq(stream(&before, &o, _i % 2, &err), 0);
	ck_assert_int_eq(stream(&t, &o, _i % 2, &err), 0);
	ck_assert_uint_eq(t.fill, before.fill);
	ck_assert_int_eq(memcmp(t.bytes, before.bytes, t.fill), 0);
	free(before.bytes);
	free(t.bytes);
	tempdir_remove(&dir);
}
END_TEST

/* The tables have been written: what is gone is zeros, in a sound image. */
START_TEST(stream_out__data_that_goes_leaves_an_image)
{
	struct taker t = { .at_begin = data_goes };
	struct vhd_check_result result;
	struct vhd_error err = { 0 };
	struct vhd_convert_opts o;
	uint8_t got[100];
	struct vhd_image *img = NULL;

	begin();
	options(&small[_i / 2], &o);
	ck_assert_int_eq(stream(&t, &o, _i % 2, &err), 0);
	ck_assert_uint_eq(t.fill, t.total);
	tempdir_write(tempdir_name(&dir, small[_i / 2].name, dst), t.bytes,
		      t.total);
	ck_assert_int_eq(vhd_check(dst, NULL, &result, &err), 0);
	ck_assert_uint_eq(result.count[VHD_SEV_ERROR], 0);
	ck_assert_int_eq(vhd_open(dst, NULL, &img, &err), 0);
	ck_assert_int_eq(vhd_pread(img, got, sizeof(got), 5 * MIB, &err), 0);
	ck_assert_int_eq(got[0] | got[99], 0);
	ck_assert_int_eq(vhd_pread(img, got, sizeof(got), 0, &err), 0);
	ck_assert_int_ne(got[0], 0);
	vhd_close(&img, NULL);
	free(t.bytes);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(stream_out__zero_scan_leaves_blocks_of_zeros_out)
{
	struct taker plain = { 0 }, scan = { 0 };
	struct vhd_error err = { 0 };
	struct vhd_convert_opts o;

	begin();
	zeros_appear();
	options(&small[_i], &o);
	ck_assert_int_eq(stream(&plain, &o, false, &err), 0);
	o.flags |= VHD_CONVERT_ZERO_SCAN;
	ck_assert_int_eq(stream(&scan, &o, false, &err), 0);
	ck_assert_uint_lt(scan.total, plain.total);
	convert(&small[_i], &o);
	expect_file(&scan, dst);
	free(plain.bytes);
	free(scan.bytes);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(stream_out__what_cannot_be_streamed_is_refused)
{
	struct vhd_error err = { 0 };
	struct taker t = { 0 };
	struct vhd_convert_opts o;

	begin();
	options(&shapes[1], &o);
	o.create.format = VHD_FORMAT_AUTO;
	ck_assert_int_eq(stream(&t, &o, false, &err), VHD_E_INVAL);
	options(&shapes[1], &o);
	o.flags = VHD_CONVERT_VERIFY;
	ck_assert_int_eq(stream(&t, &o, false, &err), VHD_E_INVAL);
	options(&shapes[1], &o);
	o.create.type = VHD_TYPE_DIFF;
	ck_assert_int_eq(stream(&t, &o, false, &err), VHD_E_INVAL);
	ck_assert_int_eq(vhd_stream_write(NULL, &o, NULL, NULL, NULL, &err),
			 VHD_E_INVAL);
	ck_assert_int_eq(t.calls, 0);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/stream_out",
	LOOP(stream_out__is_the_file_that_convert_makes, 2 * SHAPES),
	LOOP(stream_out__a_sink_that_fails_ends_it_wherever_it_is, SHAPES),
	LOOP(stream_out__no_allocation_failure_is_more_than_an_error, SHAPES),
	LOOP(stream_out__can_be_cancelled_at_any_time, SHAPES),
	LOOP(stream_out__data_that_appears_later_is_an_error, 4),
	LOOP(stream_out__zeros_that_appear_later_do_no_harm, 4),
	LOOP(stream_out__data_that_goes_leaves_an_image, 4),
	LOOP(stream_out__zero_scan_leaves_blocks_of_zeros_out, 2),
	ONCE(stream_out__what_cannot_be_streamed_is_refused))
