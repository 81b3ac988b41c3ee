/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/io_posix.h"
#include "support/io_tmp.h"

static struct io_tmp *tmp;
static const char *path;

static void setup(void)
{
	static char zeros[1 << 20];

	tmp = io_tmp_new();
	path = io_tmp_file(tmp, "disk.img", zeros, sizeof(zeros));
}

static void teardown(void)
{
	io_tmp_free(tmp);
}

static struct vhd_io *open_rw(void)
{
	struct vhd_io *io = NULL;

	ck_assert_int_eq(vhd_io_open_posix(path, VHD_POSIX_WRITE, &io, NULL),
			 0);
	return io;
}

static const struct {
	enum vhd_lock_mode first, second;
	int rc;
} matrix[] = {
	{ VHD_LOCK_NONE, VHD_LOCK_READ, 0 },
	{ VHD_LOCK_NONE, VHD_LOCK_WRITE, 0 },
	{ VHD_LOCK_READ, VHD_LOCK_NONE, 0 },
	{ VHD_LOCK_READ, VHD_LOCK_READ, 0 },
	{ VHD_LOCK_READ, VHD_LOCK_WRITE, VHD_E_BUSY },
	{ VHD_LOCK_WRITE, VHD_LOCK_NONE, 0 },
	{ VHD_LOCK_WRITE, VHD_LOCK_READ, VHD_E_BUSY },
	{ VHD_LOCK_WRITE, VHD_LOCK_WRITE, VHD_E_BUSY },
};

START_TEST(io_lock__readers_share_and_writers_do_not)
{
	struct vhd_io *a = open_rw(), *b = open_rw();

	ck_assert_int_eq(vhd_io_lock(a, matrix[_i].first, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(b, matrix[_i].second, NULL),
			 matrix[_i].rc);
	/* Whoever was refused has left nothing behind. */
	ck_assert_int_eq(vhd_io_lock(a, VHD_LOCK_NONE, NULL), 0);
	if (matrix[_i].rc) {
		ck_assert_int_eq(vhd_io_lock(a, VHD_LOCK_WRITE, NULL), 0);
		ck_assert_int_eq(vhd_io_lock(a, VHD_LOCK_NONE, NULL), 0);
		ck_assert_int_eq(vhd_io_lock(b, matrix[_i].second, NULL), 0);
	}
	vhd_io_close(&a, NULL);
	vhd_io_close(&b, NULL);
}
END_TEST

START_TEST(io_lock__refused_change_keeps_what_was_held)
{
	struct vhd_io *a = open_rw(), *b = open_rw(), *c = open_rw();

	ck_assert_int_eq(vhd_io_lock(a, VHD_LOCK_READ, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(b, VHD_LOCK_READ, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(a, VHD_LOCK_WRITE, NULL), VHD_E_BUSY);
	ck_assert_int_eq(vhd_io_lock(b, VHD_LOCK_NONE, NULL), 0);
	/* a still reads, and no more than that. */
	ck_assert_int_eq(vhd_io_lock(c, VHD_LOCK_READ, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(c, VHD_LOCK_WRITE, NULL), VHD_E_BUSY);
	vhd_io_close(&a, NULL);
	vhd_io_close(&b, NULL);
	vhd_io_close(&c, NULL);
}
END_TEST

START_TEST(io_lock__writer_becomes_reader_and_back)
{
	struct vhd_io *a = open_rw(), *b = open_rw();

	ck_assert_int_eq(vhd_io_lock(a, VHD_LOCK_WRITE, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(a, VHD_LOCK_READ, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(b, VHD_LOCK_READ, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(a, VHD_LOCK_WRITE, NULL), VHD_E_BUSY);
	vhd_io_close(&b, NULL);
	ck_assert_int_eq(vhd_io_lock(a, VHD_LOCK_WRITE, NULL), 0);
	vhd_io_close(&a, NULL);
}
END_TEST

START_TEST(io_lock__ends_with_the_file_and_not_with_another_descriptor)
{
	struct vhd_io *a = open_rw(), *b = open_rw(), *c;

	ck_assert_int_eq(vhd_io_lock(a, VHD_LOCK_WRITE, NULL), 0);
	/* POSIX record locks would be gone after this. */
	c = open_rw();
	vhd_io_close(&c, NULL);
	ck_assert_int_eq(vhd_io_lock(b, VHD_LOCK_READ, NULL), VHD_E_BUSY);
	vhd_io_close(&a, NULL);
	ck_assert_int_eq(vhd_io_lock(b, VHD_LOCK_READ, NULL), 0);
	vhd_io_close(&b, NULL);
}
END_TEST

START_TEST(io_lock__file_opened_for_reading_can_be_locked)
{
	struct vhd_io *io;

	ck_assert_int_eq(vhd_io_open_posix(path, 0, &io, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_READ, NULL), 0);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_lock__plain_lock_of_a_stranger_is_respected)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct vhd_io *io = open_rw();

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &fl), 0);
	ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_READ, NULL), VHD_E_BUSY);
	close(fd);
	ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_READ, NULL), 0);
	vhd_io_close(&io, NULL);
}
END_TEST

static bool have_qemu(void)
{
	if (system("qemu-io --version >/dev/null 2>&1") == 0 &&
	    system("qemu-img --version >/dev/null 2>&1") == 0)
		return true;
	fprintf(stderr, "skipped: qemu-io or qemu-img is not installed\n");
	return false;
}

/* Exit status of a command whose last argument is the image. */
static int run(const char *fmt, const char *options)
{
	char cmd[1024];
	int st;

	snprintf(cmd, sizeof(cmd), "%s %s '%s' >/dev/null 2>&1", fmt, options,
		 path);
	st = system(cmd);
	ck_assert(WIFEXITED(st));
	return WEXITSTATUS(st);
}

/* A qemu-io that holds the image until its input ends. */
static FILE *start_qemu_io(const char *options)
{
	char cmd[1024];
	FILE *f;

	snprintf(cmd, sizeof(cmd),
		 "qemu-io %s -f raw '%s' >'%s/out' 2>&1", options, path,
		 io_tmp_dir(tmp));
	f = popen(cmd, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs("read 0 512\n", f), 0);
	fflush(f);
	return f;
}

/* Until qemu-io has answered its first command, or for ten seconds. */
static void wait_for_answer(void)
{
	char name[512];
	struct stat st;

	snprintf(name, sizeof(name), "%s/out", io_tmp_dir(tmp));
	for (int i = 0; i < 1000; i++) {
		if (stat(name, &st) == 0 && st.st_size > 0)
			return;
		usleep(10000);
	}
	ck_abort_msg("qemu-io does not answer");
}

START_TEST(io_lock__writing_qemu_keeps_us_out)
{
	struct vhd_io *io = open_rw();
	struct vhd_error err;
	FILE *q;

	if (have_qemu()) {
		q = start_qemu_io("");
		wait_for_answer();
		ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_READ, &err),
				 VHD_E_BUSY);
		ck_assert_str_eq(err.msg, "another program has the file open "
				 "for writing");
		ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_WRITE, &err),
				 VHD_E_BUSY);
		ck_assert_int_eq(pclose(q), 0);
		ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_WRITE, &err), 0);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_lock__reading_qemu_keeps_out_writers_only)
{
	struct vhd_io *io = open_rw();
	FILE *q;

	if (have_qemu()) {
		q = start_qemu_io("-r");
		wait_for_answer();
		ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_READ, NULL), 0);
		ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_WRITE, NULL),
				 VHD_E_BUSY);
		ck_assert_int_eq(pclose(q), 0);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_lock__qemu_reads_beside_our_reader_and_does_not_write)
{
	struct vhd_io *io = open_rw();

	if (have_qemu()) {
		ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_READ, NULL), 0);
		ck_assert_int_eq(run("qemu-img", "info -f raw"), 0);
		ck_assert_int_eq(run("qemu-io", "-r -c 'read 0 512' -f raw"),
				 0);
		ck_assert_int_ne(run("qemu-io", "-c 'write 0 512' -f raw"), 0);
		ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_NONE, NULL), 0);
		ck_assert_int_eq(run("qemu-io", "-c 'write 0 512' -f raw"), 0);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_lock__qemu_neither_reads_nor_writes_beside_our_writer)
{
	struct vhd_io *io = open_rw();

	if (have_qemu()) {
		ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_WRITE, NULL), 0);
		ck_assert_int_ne(run("qemu-io", "-r -c 'read 0 512' -f raw"),
				 0);
		ck_assert_int_ne(run("qemu-io", "-c 'write 0 512' -f raw"), 0);
		/* Who shares everything and reads nothing may look. */
		ck_assert_int_eq(run("qemu-img", "info -U -f raw"), 0);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("io_lock");
	TCase *tc = tcase_create("io_lock");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, io_lock__readers_share_and_writers_do_not, 0,
			    sizeof(matrix) / sizeof(*matrix));
	tcase_add_test(tc, io_lock__refused_change_keeps_what_was_held);
	tcase_add_test(tc, io_lock__writer_becomes_reader_and_back);
	tcase_add_test(tc, io_lock__ends_with_the_file_and_not_with_another_descriptor);
	tcase_add_test(tc, io_lock__file_opened_for_reading_can_be_locked);
	tcase_add_test(tc, io_lock__plain_lock_of_a_stranger_is_respected);
	tcase_add_test(tc, io_lock__writing_qemu_keeps_us_out);
	tcase_add_test(tc, io_lock__reading_qemu_keeps_out_writers_only);
	tcase_add_test(tc, io_lock__qemu_reads_beside_our_reader_and_does_not_write);
	tcase_add_test(tc, io_lock__qemu_neither_reads_nor_writes_beside_our_writer);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
