/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading past the system's cache.  A file plays the device, and what the kernel
 * demands of such reads is demanded here; real devices are in tests/classic.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io_direct.h"
#include "io/io_posix.h"
#include "support/check_main.h"
#include "support/io_tmp.h"

enum { PAGE = 4096, LEN = 300 * 1000 };

static unsigned char bytes[LEN];
static unsigned stats, device_at;	/* calls of fstat(); that one says so */
static bool refused;			/* O_DIRECT */
static bool picky;			/* pages are too small */
static bool direct;
static unsigned reads;

int __real_fstat64(int fd, struct stat *st);
int __wrap_fstat64(int fd, struct stat *st);
int __real_fcntl64(int fd, int cmd, ...);
int __wrap_fcntl64(int fd, int cmd, ...);
ssize_t __real_pread64(int fd, void *buf, size_t len, off_t off);
ssize_t __wrap_pread64(int fd, void *buf, size_t len, off_t off);

int __wrap_fstat64(int fd, struct stat *st)
{
	int rc = __real_fstat64(fd, st);

	if (++stats == device_at)
		st->st_mode = S_IFBLK | 0600;
	return rc;
}

int __wrap_fcntl64(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if (cmd != F_SETFL)
		return __real_fcntl64(fd, cmd, arg);
	if ((uintptr_t)arg & O_DIRECT && refused) {
		errno = EINVAL;
		return -1;
	}
	direct = (uintptr_t)arg & O_DIRECT;
	return 0;
}

ssize_t __wrap_pread64(int fd, void *buf, size_t len, off_t off)
{
	reads++;
	if (direct && picky) {
		errno = EINVAL;
		return -1;
	}
	if (direct) {
		ck_assert_uint_eq((uintptr_t)buf % PAGE, 0);
		ck_assert_uint_eq(len % PAGE, 0);
		ck_assert_int_eq(off % PAGE, 0);
	}
	return __real_pread64(fd, buf, len, off);
}

static struct io_tmp *tmp;
static const char *name;

static void setup(void)
{
	uint64_t seed = 7;

	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (unsigned char)io_tmp_random(&seed);
	tmp = io_tmp_new();
	name = io_tmp_file(tmp, "device", bytes, LEN);
}

/* As a device; the one call more than for a file asks whether it is one. */
static struct vhd_io *open_device(void)
{
	struct vhd_io *io = NULL;

	setup();
	ck_assert_int_eq(vhd_io_open_posix(name, 0, &io, NULL), 0);
	vhd_io_close(&io, NULL);
	device_at = stats + 1;
	stats = 0;
	ck_assert_int_eq(vhd_io_open_direct(name, &io, NULL), 0);
	ck_assert_uint_eq(stats, device_at);
	return io;
}

static void read_all(struct vhd_io *io)
{
	static const struct {
		uint64_t off;
		size_t len;
	} parts[] = {
		{ 0, 1 }, { 0, 512 }, { 511, 2 }, { 4095, 2 }, { 0, PAGE },
		{ 1, PAGE }, { 4096, 65536 }, { 4097, 65536 }, { 513, 200000 },
		{ 0, LEN }, { LEN - 1, 1 }, { LEN - 512, 512 },
		{ LEN - 70001, 70001 },
	};
	static unsigned char got[LEN];
	uint64_t size = 0;

	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, LEN);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		memset(got, 0, sizeof(got));
		ck_assert_int_eq(vhd_io_read(io, got, parts[i].len,
					     parts[i].off, NULL), 0);
		ck_assert(!memcmp(got, bytes + parts[i].off, parts[i].len));
	}
	ck_assert_int_ne(vhd_io_read(io, got, 2, LEN - 1, NULL), 0);
	ck_assert_int_ne(vhd_io_read(io, got, 1, LEN + 5000, NULL), 0);
}

static void finish(struct vhd_io *io)
{
	size_t fds = io_tmp_open_fds();

	vhd_io_close(&io, NULL);
	ck_assert_uint_eq(io_tmp_open_fds(), fds - 1);
	io_tmp_free(tmp);
}

START_TEST(io_direct__reads_pages_of_a_device)
{
	struct vhd_io *io = open_device();

	ck_assert(direct);
	read_all(io);
	ck_assert(direct);
	ck_assert_uint_gt(reads, 0);
	ck_assert_str_eq(vhd_io_name(io), name);
	ck_assert_int_ne(vhd_io_write(io, bytes, 512, 0, NULL), 0);
	finish(io);
}
END_TEST

START_TEST(io_direct__a_device_that_cannot_is_read_as_a_file)
{
	struct vhd_io *io;

	refused = true;
	io = open_device();
	ck_assert(!direct);
	read_all(io);
	finish(io);
}
END_TEST

START_TEST(io_direct__larger_sectors_end_it)
{
	struct vhd_io *io = open_device();

	ck_assert(direct);
	picky = true;
	read_all(io);
	ck_assert(!direct);
	finish(io);
}
END_TEST

START_TEST(io_direct__a_file_is_a_file)
{
	struct vhd_io *io = NULL;

	setup();
	ck_assert_int_eq(vhd_io_open_direct(name, &io, NULL), 0);
	ck_assert(!direct);
	read_all(io);
	finish(io);
}
END_TEST

START_TEST(io_direct__what_is_not_there)
{
	size_t fds = io_tmp_open_fds();
	struct vhd_io *io = NULL;
	struct vhd_error err;

	setup();
	ck_assert_int_eq(vhd_io_open_direct(io_tmp_path(tmp, "nope"), &io,
					    &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ENOENT);
	ck_assert_int_eq(vhd_io_open_direct(io_tmp_dir(tmp), &io, &err),
			 VHD_E_NOTFILE);
	ck_assert_uint_eq(io_tmp_open_fds(), fds);
	io_tmp_free(tmp);
}
END_TEST

TEST_MAIN("io/direct",
	io_direct__reads_pages_of_a_device,
	io_direct__a_device_that_cannot_is_read_as_a_file,
	io_direct__larger_sectors_end_it,
	io_direct__a_file_is_a_file,
	io_direct__what_is_not_there)
