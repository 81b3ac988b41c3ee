/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/io_posix.h"
#include "io/stat.h"
#include "support/io_tmp.h"

static struct io_tmp *tmp;

static void setup(void)
{
	tmp = io_tmp_new();
}

static void teardown(void)
{
	io_tmp_free(tmp);
}

/* Opening fails, leaves no descriptor, and names the file. */
static void refused(const char *path, uint32_t flags, int code,
		    const char *says)
{
	size_t fds = io_tmp_open_fds();
	struct vhd_io *io = NULL;
	struct vhd_error err;

	ck_assert_int_eq(vhd_io_open_posix(path, flags, &io, &err), code);
	ck_assert_ptr_null(io);
	ck_assert_str_eq(err.file, path);
	ck_assert_msg(strstr(err.msg, says) != NULL, "%s", err.msg);
	ck_assert_uint_eq(io_tmp_open_fds(), fds);
}

START_TEST(io_posix__missing_file_is_an_error_with_the_reason)
{
	const char *path = io_tmp_path(tmp, "none");

	refused(path, 0, VHD_E_IO,
		"cannot open the file: No such file or directory");
	refused(path, VHD_POSIX_WRITE, VHD_E_IO,
		"cannot open the file for writing: No such file");
	ck_assert_uint_eq(io_tmp_count(tmp), 0);
	refused("", 0, VHD_E_IO, "cannot open the file");
}
END_TEST

START_TEST(io_posix__directory_is_refused)
{
	refused(io_tmp_dir(tmp), 0, VHD_E_NOTFILE, "this is a directory");
	refused(io_tmp_dir(tmp), VHD_POSIX_WRITE, VHD_E_NOTFILE,
		"this is a directory");
}
END_TEST

/* Neither hangs nor wakes a writer that waits for a reader. */
START_TEST(io_posix__fifo_is_refused_without_being_opened)
{
	const char *path = io_tmp_path(tmp, "fifo");

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	refused(path, 0, VHD_E_NOTFILE, "this is a FIFO");
	refused(path, VHD_POSIX_WRITE, VHD_E_NOTFILE, "this is a FIFO");
}
END_TEST

START_TEST(io_posix__socket_is_refused)
{
	const char *path = io_tmp_path(tmp, "sock");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(strlen(path), sizeof(sa.sun_path));
	memcpy(sa.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	refused(path, 0, VHD_E_NOTFILE, "this is a socket");
	close(fd);
}
END_TEST

START_TEST(io_posix__character_device_is_refused)
{
	refused("/dev/zero", 0, VHD_E_NOTFILE, "this is a character device");
	refused("/dev/null", VHD_POSIX_WRITE, VHD_E_NOTFILE,
		"this is a character device");
}
END_TEST

START_TEST(io_posix__symlink_is_followed_unless_told_otherwise)
{
	const char *file = io_tmp_file(tmp, "f", "abc", 3);
	const char *link = io_tmp_path(tmp, "l");
	struct vhd_io *io;

	ck_assert_int_eq(symlink(file, link), 0);
	ck_assert_int_eq(vhd_io_open_posix(link, 0, &io, NULL), 0);
	ck_assert_str_eq(vhd_io_name(io), link);
	vhd_io_close(&io, NULL);
	refused(link, VHD_POSIX_NO_SYMLINK, VHD_E_NOTFILE,
		"this is a symbolic link");
}
END_TEST

/* Where a parent may lie was decided with the path as it was then. */
START_TEST(io_posix__symlinked_directory_is_not_followed_when_told_so)
{
	const char *file = io_tmp_file(tmp, "f", "abc", 3);
	const char *link = io_tmp_path(tmp, "d");
	const char *through = io_tmp_path(tmp, "d/f");
	struct vhd_io *io;

	ck_assert_int_eq(symlink(".", link), 0);
	ck_assert_int_eq(vhd_io_open_posix(through, 0, &io, NULL), 0);
	vhd_io_close(&io, NULL);
	ck_assert_int_eq(vhd_io_open_posix(file, VHD_POSIX_NO_SYMLINK, &io,
					   NULL), 0);
	vhd_io_close(&io, NULL);
	refused(through, VHD_POSIX_NO_SYMLINK, VHD_E_IO,
		"Too many levels of symbolic links");
}
END_TEST

START_TEST(io_posix__no_permission_is_an_error_with_the_reason)
{
	const char *path = io_tmp_file(tmp, "f", "abc", 3);

	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(chmod(io_tmp_dir(tmp), 0755), 0);
	/* Root may do everything: be nobody for a moment. */
	if (geteuid() == 0 && seteuid(65534)) {
		ck_assert_int_eq(chmod(path, 0600), 0);
		return;
	}
	refused(path, 0, VHD_E_IO, "cannot open the file: Permission denied");
	refused(path, VHD_POSIX_WRITE, VHD_E_IO,
		"cannot open the file for writing: Permission denied");
	ck_assert(getuid() != 0 || seteuid(0) == 0);
}
END_TEST

START_TEST(io_posix__file_opened_for_reading_cannot_be_changed)
{
	const char *path = io_tmp_file(tmp, "f", "abc", 3);
	struct vhd_error err;
	struct vhd_io *io;

	ck_assert_int_eq(chmod(path, 0400), 0);
	ck_assert_int_eq(vhd_io_open_posix(path, 0, &io, NULL), 0);
	ck_assert(!vhd_io_writable(io));
	ck_assert_int_eq(vhd_io_write(io, "x", 1, 0, &err), VHD_E_READONLY);
	ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_posix__descriptor_blocks_and_is_closed_on_exec)
{
	const char *path = io_tmp_file(tmp, "f", "abc", 3);
	struct vhd_io *io;
	int fd;

	ck_assert_int_eq(vhd_io_open_posix(path, VHD_POSIX_WRITE, &io, NULL),
			 0);
	fd = vhd_io_fd(io);
	ck_assert_int_ge(fd, 0);
	ck_assert(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	vhd_io_close(&io, NULL);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(io_posix__empty_file_opens_and_is_all_hole)
{
	const char *path = io_tmp_file(tmp, "f", "", 0);
	uint64_t size, start, stop;
	struct vhd_error err;
	struct vhd_io *io;
	char c;

	ck_assert_int_eq(vhd_io_open_posix(path, 0, &io, NULL), 0);
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, 0);
	ck_assert_int_eq(vhd_io_read(io, &c, 1, 0, &err), VHD_E_CORRUPT);
	ck_assert_int_eq(vhd_io_next_data(io, 0, 10, &start, &stop, NULL), 0);
	ck_assert_uint_eq(start, 10);
	vhd_io_close(&io, NULL);
}
END_TEST

/* Behind its last byte a file is a hole, but not where it had bytes before. */
START_TEST(io_posix__what_another_program_cut_off_is_no_hole)
{
	static char buf[1 << 16];
	const char *path;
	uint64_t size, start, stop;
	struct vhd_error err;
	struct vhd_io *io;

	memset(buf, 1, sizeof(buf));
	path = io_tmp_file(tmp, "f", buf, sizeof(buf));
	ck_assert_int_eq(vhd_io_open_posix(path, 0, &io, NULL), 0);
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, sizeof(buf));
	ck_assert_int_eq(vhd_io_next_data(io, size, 2 * size, &start, &stop,
					  NULL), 0);
	ck_assert_uint_eq(start, 2 * size);
	ck_assert_int_eq(truncate(path, 8192), 0);
	ck_assert_int_eq(vhd_io_next_data(io, 0, size, &start, &stop, NULL),
			 0);
	ck_assert_uint_eq(start, 0);
	ck_assert_uint_eq(stop, 8192);
	ck_assert_int_eq(vhd_io_next_data(io, stop, size, &start, &stop, &err),
			 VHD_E_IO);
	ck_assert_uint_eq(err.off, 8192);
	ck_assert_str_eq(err.file, path);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_posix__punching_gives_space_back)
{
	const char *path = io_tmp_file(tmp, "f", "", 0);
	uint64_t full, size, start, stop;
	static char buf[1 << 20];
	struct vhd_io *io;

	memset(buf, 1, sizeof(buf));
	ck_assert_int_eq(vhd_io_open_posix(path, VHD_POSIX_WRITE, &io, NULL),
			 0);
	ck_assert_int_eq(vhd_io_write(io, buf, sizeof(buf), 0, NULL), 0);
	ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
	full = vhd_io_disk_usage(io);
	ck_assert_uint_ge(full, sizeof(buf));
	ck_assert_int_eq(vhd_io_punch(io, sizeof(buf) / 2, 0, NULL), 0);
	if (vhd_io_disk_usage(io) < full) {
		ck_assert_int_eq(vhd_io_next_data(io, 0, sizeof(buf), &start,
						  &stop, NULL), 0);
		ck_assert_uint_eq(start, sizeof(buf) / 2);
		ck_assert_uint_eq(stop, sizeof(buf));
	}
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, sizeof(buf));
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_posix__two_names_of_one_file_have_one_identity)
{
	const char *file = io_tmp_file(tmp, "f", "abc", 3);
	const char *other = io_tmp_file(tmp, "g", "abc", 3);
	const char *hard = io_tmp_path(tmp, "h");
	struct vhd_file_id a, b, c, none;
	struct vhd_io *io;

	ck_assert_int_eq(link(file, hard), 0);
	ck_assert_int_eq(vhd_io_open_posix(file, 0, &io, NULL), 0);
	vhd_io_file_id(io, &a);
	vhd_path_file_id(hard, &b);
	vhd_path_file_id(other, &c);
	vhd_path_file_id(io_tmp_path(tmp, "none"), &none);
	ck_assert(vhd_file_id_same(&a, &b));
	ck_assert(!vhd_file_id_same(&a, &c));
	ck_assert(!none.known && !vhd_file_id_same(&none, &none));
	ck_assert_int_gt(vhd_io_mtime(io), 0);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_posix__size_that_the_file_system_cannot_have_is_no_space)
{
	const char *path = io_tmp_file(tmp, "f", "abc", 3);
	struct vhd_error err;
	struct vhd_io *io;
	uint64_t size;
	int rc;

	ck_assert_int_eq(vhd_io_open_posix(path, VHD_POSIX_WRITE, &io, NULL),
			 0);
	rc = vhd_io_set_size(io, INT64_MAX, &err);
	ck_assert(rc == 0 || rc == VHD_E_NOSPACE || rc == VHD_E_IO);
	if (rc) {
		ck_assert_str_eq(err.file, path);
		ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
		ck_assert_uint_eq(size, 3);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

/* A loop device over @file in @name; false where there are none. */
static bool loop_over(const char *file, char name[64])
{
	char cmd[512];
	FILE *f;
	bool ok;

	snprintf(cmd, sizeof(cmd), "losetup -f --show '%s' 2>/dev/null", file);
	f = popen(cmd, "r");
	ck_assert_ptr_nonnull(f);
	ok = fgets(name, 64, f) != NULL;
	ok = pclose(f) == 0 && ok;
	if (!ok)
		fprintf(stderr, "skipped: no loop device can be made\n");
	else
		name[strcspn(name, "\n")] = '\0';
	return ok;
}

static void use_device(struct vhd_io *io)
{
	uint64_t size, start, stop;
	struct vhd_error err;
	char buf[9];

	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, 1 << 20);
	ck_assert_int_eq(vhd_io_write(io, "123456789", 9, 100, NULL), 0);
	/* Not aligned, so the device refuses and zeros are written. */
	ck_assert_int_eq(vhd_io_punch(io, 4, 102, NULL), 0);
	ck_assert_int_eq(vhd_io_read(io, buf, 9, 100, NULL), 0);
	ck_assert_mem_eq(buf, "12\0\0\0\0" "789", 9);
	ck_assert_int_eq(vhd_io_zero(io, 65536, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_read(io, buf, 9, 100, NULL), 0);
	ck_assert_mem_eq(buf, "\0\0\0\0\0\0\0\0\0", 9);
	ck_assert_int_eq(vhd_io_next_data(io, 0, 1 << 21, &start, &stop,
					  NULL), 0);
	ck_assert_uint_eq(stop, 1 << 20);
	ck_assert_int_eq(vhd_io_set_size(io, 1 << 20, NULL), 0);
	ck_assert_int_eq(vhd_io_set_size(io, 1 << 21, &err), VHD_E_NOSPACE);
	ck_assert_int_eq(vhd_io_set_size(io, 1 << 19, &err), VHD_E_IO);
	ck_assert_uint_eq(vhd_io_disk_usage(io), VHD_NO_OFFSET);
	ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_WRITE, NULL), 0);
	ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
}

START_TEST(io_posix__block_device_has_a_fixed_size_and_can_be_zeroed)
{
	const char *file = io_tmp_file(tmp, "f", "", 0);
	char dev[64], cmd[128];
	struct vhd_io *io = NULL;

	ck_assert_int_eq(truncate(file, 1 << 20), 0);
	if (!loop_over(file, dev))
		return;
	refused(dev, VHD_POSIX_NO_DEVICE, VHD_E_NOTFILE,
		"this is a block device");
	ck_assert_int_eq(vhd_io_open_posix(dev, VHD_POSIX_WRITE, &io, NULL),
			 0);
	/* It goes away when it is closed, however the test ends. */
	snprintf(cmd, sizeof(cmd), "losetup -d %s", dev);
	ck_assert_int_eq(system(cmd), 0);
	use_device(io);
	ck_assert_int_eq(vhd_io_close(&io, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("io_posix");
	TCase *tc = tcase_create("io_posix");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, io_posix__missing_file_is_an_error_with_the_reason);
	tcase_add_test(tc, io_posix__directory_is_refused);
	tcase_add_test(tc, io_posix__fifo_is_refused_without_being_opened);
	tcase_add_test(tc, io_posix__socket_is_refused);
	tcase_add_test(tc, io_posix__character_device_is_refused);
	tcase_add_test(tc, io_posix__symlink_is_followed_unless_told_otherwise);
	tcase_add_test(tc, io_posix__symlinked_directory_is_not_followed_when_told_so);
	tcase_add_test(tc, io_posix__no_permission_is_an_error_with_the_reason);
	tcase_add_test(tc, io_posix__file_opened_for_reading_cannot_be_changed);
	tcase_add_test(tc, io_posix__descriptor_blocks_and_is_closed_on_exec);
	tcase_add_test(tc, io_posix__empty_file_opens_and_is_all_hole);
	tcase_add_test(tc, io_posix__what_another_program_cut_off_is_no_hole);
	tcase_add_test(tc, io_posix__punching_gives_space_back);
	tcase_add_test(tc, io_posix__two_names_of_one_file_have_one_identity);
	tcase_add_test(tc, io_posix__block_device_has_a_fixed_size_and_can_be_zeroed);
	tcase_add_test(tc, io_posix__size_that_the_file_system_cannot_have_is_no_space);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
