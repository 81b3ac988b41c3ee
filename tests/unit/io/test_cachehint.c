/* SPDX-License-Identifier: BSD-2-Clause */
/* Which hints the system gets; and, with the real ones, that they are taken. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/ckd.h"
#include "io/cachehint.h"
#include "io/io_mem.h"
#include "io/io_posix.h"
#include "support/io_tmp.h"

enum { MAX_CALLS = 4096, WAIT = SYNC_FILE_RANGE_WAIT_BEFORE |
				SYNC_FILE_RANGE_WRITE |
				SYNC_FILE_RANGE_WAIT_AFTER };

struct call {
	uint64_t off, len;
	unsigned int how;
};

static struct io_tmp *tmp;
static struct vhd_io *io;
static struct call sync_call[MAX_CALLS], drop_call[MAX_CALLS];
static size_t syncs, drops;
static int sync_errno;
static bool real;

int __real_sync_file_range(int fd, off_t off, off_t len, unsigned int how);
int __wrap_sync_file_range(int fd, off_t off, off_t len, unsigned int how);
int __real_posix_fadvise64(int fd, off_t off, off_t len, int advice);
int __wrap_posix_fadvise64(int fd, off_t off, off_t len, int advice);

int __wrap_sync_file_range(int fd, off_t off, off_t len, unsigned int how)
{
	if (real)
		return __real_sync_file_range(fd, off, len, how);
	ck_assert_uint_lt(syncs, MAX_CALLS);
	sync_call[syncs++] = (struct call){ (uint64_t)off, (uint64_t)len, how };
	errno = sync_errno;
	return sync_errno ? -1 : 0;
}

int __wrap_posix_fadvise64(int fd, off_t off, off_t len, int advice)
{
	if (real)
		return __real_posix_fadvise64(fd, off, len, advice);
	ck_assert_uint_lt(drops, MAX_CALLS);
	drop_call[drops++] = (struct call){ (uint64_t)off, (uint64_t)len,
					    (unsigned int)advice };
	return 0;
}

static void setup(void)
{
	tmp = io_tmp_new();
	syncs = drops = 0;
	sync_errno = 0;
	real = false;
	ck_assert_int_eq(vhd_io_open_posix(io_tmp_file(tmp, "f", "abc", 3),
					   VHD_POSIX_WRITE, &io, NULL), 0);
}

static void teardown(void)
{
	vhd_io_close(&io, NULL);
	io_tmp_free(tmp);
}

static void is_call(const struct call *c, uint64_t off, uint64_t len,
		    unsigned int how)
{
	ck_assert_uint_eq(c->off, off);
	ck_assert_uint_eq(c->len, len);
	ck_assert_uint_eq(c->how, how);
}

START_TEST(cachehint__what_has_no_descriptor_needs_no_hints)
{
	struct vhd_trail *t;
	struct vhd_io *mem;

	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &mem, NULL), 0);
	vhd_io_writeback_start(mem, 0, MiB);
	ck_assert_int_eq(vhd_io_forget(mem, 0, MiB, NULL), 0);
	vhd_io_writeback_start(io, UINT64_MAX, MiB);
	ck_assert_int_eq(vhd_io_forget(io, UINT64_MAX, MiB, NULL), 0);
	t = vhd_trail_new(mem, true);
	for (uint64_t i = 0; i < 100; i++)
		ck_assert_int_eq(vhd_trail_wrote(t, i * MiB, MiB, NULL), 0);
	ck_assert_int_eq(vhd_trail_end(t, NULL), 0);
	vhd_trail_free(t);
	vhd_trail_free(NULL);
	vhd_io_close(&mem, NULL);
	ck_assert_uint_eq(syncs + drops, 0);
}
END_TEST

START_TEST(cachehint__a_file_that_is_only_read_is_only_forgotten)
{
	vhd_io_close(&io, NULL);
	ck_assert_int_eq(vhd_io_open_posix(io_tmp_path(tmp, "f"), 0, &io,
					   NULL), 0);
	vhd_io_writeback_start(io, 0, MiB);
	ck_assert_int_eq(vhd_io_forget(io, 5 * MiB, MiB, NULL), 0);
	ck_assert_int_eq(vhd_io_forget(io, 5 * MiB, 0, NULL), 0);
	ck_assert_uint_eq(syncs, 0);
	ck_assert_uint_eq(drops, 2);
	is_call(&drop_call[0], 4 * MiB, 2 * MiB, POSIX_FADV_DONTNEED);
	is_call(&drop_call[1], 4 * MiB, 0, POSIX_FADV_DONTNEED);
}
END_TEST

START_TEST(cachehint__what_was_written_is_on_the_disk_before_it_is_forgotten)
{
	struct vhd_error err;

	ck_assert_int_eq(vhd_io_forget(io, 4 * MiB, MiB, &err), 0);
	is_call(&sync_call[0], 4 * MiB, MiB, WAIT);
	is_call(&drop_call[0], 4 * MiB, MiB, POSIX_FADV_DONTNEED);
	sync_errno = EIO;
	ck_assert_int_eq(vhd_io_forget(io, 4 * MiB, MiB, &err), VHD_E_IO);
	ck_assert_int_eq(err.code, VHD_E_IO);
	ck_assert_str_eq(err.file, vhd_io_name(io));
	/* No code that invites to try again. */
	sync_errno = ENOSPC;
	ck_assert_int_eq(vhd_io_forget(io, 4 * MiB, MiB, &err), VHD_E_IO);
	ck_assert_int_eq(err.code, VHD_E_IO);
	ck_assert_int_eq(vhd_io_forget(io, 4 * MiB, MiB, NULL), VHD_E_IO);
	ck_assert_uint_eq(drops, 1);
	/* A system that cannot, loses nothing. */
	sync_errno = ESPIPE;
	ck_assert_int_eq(vhd_io_forget(io, 4 * MiB, MiB, &err), 0);
}
END_TEST

/* Ranges follow each other without a gap, and reach to @end. */
static void in_line(unsigned int how, uint64_t end)
{
	uint64_t at = 0;

	for (size_t i = 0; i < syncs; i++) {
		if (sync_call[i].how != how)
			continue;
		ck_assert_uint_eq(sync_call[i].off, at);
		at += sync_call[i].len;
	}
	ck_assert_uint_eq(at, end);
}

START_TEST(trail__starts_eight_mebibytes_behind)
{
	struct vhd_trail *t = vhd_trail_new(io, false);

	for (uint64_t i = 0; i < 2 * 8; i++)
		vhd_trail_wrote(t, i * 512 * KiB, 512 * KiB, NULL);
	ck_assert_uint_eq(syncs, 0);
	for (uint64_t i = 2 * 8; i < 2 * 500; i++)
		vhd_trail_wrote(t, i * 512 * KiB, 512 * KiB, NULL);
	in_line(SYNC_FILE_RANGE_WRITE, 492 * MiB);
	ck_assert_uint_eq(drops, 0);
	ck_assert_int_eq(vhd_trail_end(t, NULL), 0);
	is_call(&sync_call[syncs - 1], 0, 0, SYNC_FILE_RANGE_WRITE);
	vhd_trail_free(t);
}
END_TEST

START_TEST(trail__forgets_thirty_two_mebibytes_behind)
{
	struct vhd_trail *t = vhd_trail_new(io, true);

	for (uint64_t i = 0; i < 500; i++)
		ck_assert_int_eq(vhd_trail_wrote(t, i * MiB, MiB, NULL), 0);
	in_line(SYNC_FILE_RANGE_WRITE, 492 * MiB);
	in_line(WAIT, 468 * MiB);
	ck_assert_uint_eq(drops, 468);
	ck_assert_int_eq(vhd_trail_end(t, NULL), 0);
	is_call(&sync_call[syncs - 1], 0, 0, WAIT);
	is_call(&drop_call[drops - 1], 0, 0, POSIX_FADV_DONTNEED);
	vhd_trail_free(t);
}
END_TEST

START_TEST(trail__gaps_and_steps_back_do_not_count)
{
	struct vhd_trail *t = vhd_trail_new(io, false);

	for (uint64_t i = 0; i < 8 * 256; i++) {
		vhd_trail_wrote(t, i * 100 * MiB, 4096, NULL);
		vhd_trail_wrote(t, 0, 0, NULL);
	}
	ck_assert_uint_eq(syncs, 0);
	for (uint64_t i = 8 * 256; i < 9 * 256; i++)
		vhd_trail_wrote(t, i * 100 * MiB, 4096, NULL);
	ck_assert_uint_eq(syncs, 1);
	is_call(&sync_call[0], 0, 255 * 100 * MiB + 4096,
		SYNC_FILE_RANGE_WRITE);
	for (uint64_t i = 0; i < 100; i++)
		vhd_trail_wrote(t, 0, MiB, NULL);
	in_line(SYNC_FILE_RANGE_WRITE, (9 * 256 - 1) * 100 * MiB + 4096);
	vhd_trail_wrote(t, UINT64_MAX, UINT64_MAX, NULL);
	vhd_trail_free(t);
}
END_TEST

START_TEST(trail__a_loss_is_told_once_and_for_all)
{
	struct vhd_trail *t = vhd_trail_new(io, true);
	struct vhd_error err = { .code = 0 };

	for (uint64_t i = 0; i < 32; i++)
		ck_assert_int_eq(vhd_trail_wrote(t, i * MiB, MiB, &err), 0);
	sync_errno = EIO;
	ck_assert_int_eq(vhd_trail_wrote(t, 32 * MiB, MiB, &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, EIO);
	sync_errno = 0;
	memset(&err, 0, sizeof(err));
	ck_assert_int_eq(vhd_trail_wrote(t, 33 * MiB, 1, &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, EIO);
	ck_assert_int_eq(vhd_trail_end(t, NULL), VHD_E_IO);
	vhd_trail_free(t);
}
END_TEST

static void *write_some(void *arg)
{
	for (uint64_t i = 0; i < 1000; i++)
		vhd_trail_wrote(arg, i * MiB / 2, MiB / 2, NULL);
	return NULL;
}

START_TEST(trail__threads_may_write_at_once)
{
	struct vhd_trail *t = vhd_trail_new(io, true);
	pthread_t thread[4];

	real = true;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, write_some,
						t), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(vhd_trail_end(t, NULL), 0);
	vhd_trail_free(t);
}
END_TEST

/* Pages of the file that are in the cache. */
static size_t cached(uint64_t len)
{
	size_t pages = len / 4096, n = 0;
	unsigned char *vec = malloc(pages);
	void *p = mmap(NULL, len, PROT_READ, MAP_SHARED, vhd_io_fd(io), 0);

	ck_assert(vec && p != MAP_FAILED);
	ck_assert_int_eq(mincore(p, len, vec), 0);
	for (size_t i = 0; i < pages; i++)
		n += vec[i] & 1;
	munmap(p, len);
	free(vec);
	return n;
}

START_TEST(trail__the_system_takes_the_hints)
{
	struct vhd_trail *t = vhd_trail_new(io, true);
	char *buf = calloc(1, MiB);
	struct statfs fs;

	real = true;
	ck_assert_int_eq(fstatfs(vhd_io_fd(io), &fs), 0);
	for (uint64_t i = 0; i < 64; i++) {
		ck_assert_int_eq(vhd_io_write(io, buf, MiB, i * MiB + 100,
					      NULL), 0);
		ck_assert_int_eq(vhd_trail_wrote(t, i * MiB + 100, MiB, NULL),
				 0);
	}
	/* Where there is a disk below, and pages of the usual size. */
	if (fs.f_type == 0x01021994 || getpagesize() != 4096 ||
	    cached(64 * MiB) < 1000) {
		fprintf(stderr, "skipped: this file is not cached\n");
	} else {
		ck_assert_uint_le(cached(64 * MiB), 40 * 256);
		ck_assert_int_eq(vhd_trail_end(t, NULL), 0);
		ck_assert_uint_le(cached(64 * MiB), 32);
	}
	vhd_trail_free(t);
	free(buf);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cachehint");
	TCase *tc = tcase_create("cachehint");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, cachehint__what_has_no_descriptor_needs_no_hints);
	tcase_add_test(tc, cachehint__a_file_that_is_only_read_is_only_forgotten);
	tcase_add_test(tc, cachehint__what_was_written_is_on_the_disk_before_it_is_forgotten);
	tcase_add_test(tc, trail__starts_eight_mebibytes_behind);
	tcase_add_test(tc, trail__forgets_thirty_two_mebibytes_behind);
	tcase_add_test(tc, trail__gaps_and_steps_back_do_not_count);
	tcase_add_test(tc, trail__a_loss_is_told_once_and_for_all);
	tcase_add_test(tc, trail__threads_may_write_at_once);
	tcase_add_test(tc, trail__the_system_takes_the_hints);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
