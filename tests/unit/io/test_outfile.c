/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/io_posix.h"
#include "io/outfile.h"
#include "support/io_tmp.h"

/*
 * The linker sends the calls of outfile.c here, so that a file system can be
 * had that lacks things, or fails.
 */
int __real_openat64(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...);
int __real_linkat(int dir, const char *from, int to_dir, const char *to,
		  int flags);
int __wrap_linkat(int dir, const char *from, int to_dir, const char *to,
		  int flags);
int __real_renameat(int dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int dir, const char *from, int to_dir, const char *to);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

static struct {
	bool no_tmpfile;
	int link, rename, rename2, fsync;	/* errno to fail with, or 0 */
	int fsyncs;
} fs;

int __wrap_openat64(int dir, const char *path, int flags, ...)
{
	unsigned int mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, unsigned int);
	va_end(ap);
	if (fs.no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_openat64(dir, path, flags, mode);
}

/* Fails with @os_errno unless it is 0. */
static bool fails(int os_errno)
{
	errno = os_errno;
	return os_errno != 0;
}

int __wrap_linkat(int dir, const char *from, int to_dir, const char *to,
		  int flags)
{
	return fails(fs.link) ? -1 :
				__real_linkat(dir, from, to_dir, to, flags);
}

int __wrap_renameat(int dir, const char *from, int to_dir, const char *to)
{
	return fails(fs.rename) ? -1 :
				  __real_renameat(dir, from, to_dir, to);
}

int __wrap_fsync(int fd)
{
	fs.fsyncs++;
	return fails(fs.fsync) ? -1 : __real_fsync(fd);
}

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return fails(fs.rename2) ? -1 :
		__real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Allocation number so many fails; 0: none does. */
static unsigned int fail_alloc;

bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return !fail_alloc || --fail_alloc;
}

static struct io_tmp *tmp;
static const char *target;
static size_t fds;

static void setup(void)
{
	tmp = io_tmp_new();
	target = io_tmp_path(tmp, "new.vhdx");
	fds = io_tmp_open_fds();
}

static void teardown(void)
{
	ck_assert_uint_eq(io_tmp_open_fds(), fds);
	io_tmp_free(tmp);
}

static struct vhd_outfile *begin(bool replace)
{
	struct vhd_outfile *of = NULL;

	ck_assert_int_eq(vhd_outfile_new(target, replace, &of, NULL), 0);
	ck_assert_int_eq(vhd_io_write(vhd_outfile_io(of), "new", 3, 0, NULL),
			 0);
	return of;
}

/* The file holds exactly these bytes. */
static void holds(const char *path, const char *text)
{
	struct vhd_io *io;
	char buf[16] = "";
	uint64_t size;

	ck_assert_int_eq(vhd_io_open_posix(path, 0, &io, NULL), 0);
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_lt(size, sizeof(buf));
	ck_assert_int_eq(vhd_io_read(io, buf, size, 0, NULL), 0);
	ck_assert_str_eq(buf, text);
	vhd_io_close(&io, NULL);
}

/* What a file system may lack; all have to end in the same way. */
static const struct {
	bool no_tmpfile;
	int link, rename2;
} kinds[] = {
	{ false, 0, 0 },
	{ true, 0, 0 },
	{ true, 0, EINVAL },
	{ true, 0, ENOSYS },
	{ true, EPERM, EINVAL },
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static void use_kind(int i)
{
	fs.no_tmpfile = kinds[i].no_tmpfile;
	fs.link = kinds[i].link;
	fs.rename2 = kinds[i].rename2;
}

START_TEST(outfile__appears_at_commit_and_leaves_nothing_else)
{
	struct vhd_outfile *of;

	use_kind(_i);
	of = begin(false);
	ck_assert_int_ne(access(target, F_OK), 0);
	ck_assert_uint_eq(io_tmp_count(tmp), kinds[_i].no_tmpfile ? 1 : 0);
	ck_assert_int_eq(vhd_outfile_commit(&of, true, NULL), 0);
	ck_assert_ptr_null(of);
	holds(target, "new");
	ck_assert_uint_eq(io_tmp_count(tmp), 1);
	ck_assert_int_eq(fs.fsyncs, 1);
}
END_TEST

START_TEST(outfile__abandoned_leaves_nothing)
{
	struct vhd_outfile *of;

	use_kind(_i);
	of = begin(false);
	vhd_outfile_abandon(&of);
	ck_assert_ptr_null(of);
	ck_assert_uint_eq(io_tmp_count(tmp), 0);
	vhd_outfile_abandon(&of);
	vhd_outfile_abandon(NULL);
}
END_TEST

START_TEST(outfile__existing_target_is_refused_at_once_and_untouched)
{
	struct vhd_outfile *of = NULL;
	struct vhd_error err;

	use_kind(_i);
	io_tmp_file(tmp, "new.vhdx", "old", 3);
	ck_assert_int_eq(vhd_outfile_new(target, false, &of, &err),
			 VHD_E_EXISTS);
	ck_assert_ptr_null(of);
	ck_assert_str_eq(err.file, target);
	ck_assert_str_eq(err.msg, "the target exists already");
	holds(target, "old");
	ck_assert_uint_eq(io_tmp_count(tmp), 1);
}
END_TEST

START_TEST(outfile__target_that_appears_meanwhile_is_not_overwritten)
{
	struct vhd_outfile *of;
	struct vhd_error err;

	use_kind(_i);
	of = begin(false);
	io_tmp_file(tmp, "new.vhdx", "old", 3);
	ck_assert_int_eq(vhd_outfile_commit(&of, true, &err), VHD_E_EXISTS);
	ck_assert_str_eq(err.file, target);
	holds(target, "old");
	ck_assert_uint_eq(io_tmp_count(tmp), 1);
}
END_TEST

START_TEST(outfile__replaced_target_is_old_until_commit_and_then_new)
{
	struct vhd_outfile *of;

	fs.no_tmpfile = _i;
	io_tmp_file(tmp, "new.vhdx", "old", 3);
	of = begin(true);
	holds(target, "old");
	ck_assert_int_eq(vhd_outfile_commit(&of, true, NULL), 0);
	holds(target, "new");
	ck_assert_uint_eq(io_tmp_count(tmp), 1);

	io_tmp_file(tmp, "new.vhdx", "old", 3);
	of = begin(true);
	vhd_outfile_abandon(&of);
	holds(target, "old");
	ck_assert_uint_eq(io_tmp_count(tmp), 1);
}
END_TEST

START_TEST(outfile__target_that_is_no_file_is_refused_even_for_replacing)
{
	struct vhd_outfile *of = NULL;
	struct vhd_error err;
	const char *path = "/dev/null";

	if (_i == 1) {
		path = target;
		ck_assert_int_eq(mkfifo(path, 0600), 0);
	} else if (_i == 2) {
		path = target;
		ck_assert_int_eq(mkdir(path, 0700), 0);
	} else if (_i == 3) {
		path = io_tmp_path(tmp, "");
	}
	ck_assert_int_eq(vhd_outfile_new(path, true, &of, &err),
			 VHD_E_NOTFILE);
	ck_assert_int_eq(vhd_outfile_new(path, false, &of, &err),
			 VHD_E_NOTFILE);
	ck_assert_str_eq(err.file, path);
	ck_assert_uint_eq(io_tmp_count(tmp), path == target ? 1 : 0);
}
END_TEST

START_TEST(outfile__target_that_becomes_a_fifo_is_not_replaced)
{
	struct vhd_outfile *of = begin(true);
	struct stat st;

	ck_assert_int_eq(mkfifo(target, 0600), 0);
	ck_assert_int_eq(vhd_outfile_commit(&of, false, NULL), VHD_E_NOTFILE);
	ck_assert_int_eq(stat(target, &st), 0);
	ck_assert(S_ISFIFO(st.st_mode));
	ck_assert_uint_eq(io_tmp_count(tmp), 1);
}
END_TEST

/* The link lies in another directory and leads over a second one. */
/* A machine that runs would go on writing to a file without a name. */
START_TEST(outfile__target_that_is_in_use_is_not_replaced)
{
	struct vhd_outfile *of = NULL;
	struct vhd_io *user = NULL;
	struct vhd_error err;

	io_tmp_file(tmp, "t", "old", 3);
	target = io_tmp_path(tmp, "t");
	ck_assert_int_eq(vhd_io_open_posix(target, 0, &user, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(user, VHD_LOCK_READ, NULL), 0);
	ck_assert_int_eq(vhd_outfile_new(target, true, &of, &err), VHD_E_BUSY);
	ck_assert_str_eq(err.file, target);
	ck_assert_ptr_nonnull(strstr(err.msg, "has the target open"));
	vhd_io_close(&user, NULL);
	ck_assert_int_eq(vhd_outfile_new(target, true, &of, NULL), 0);
	/* And nobody opens it while its successor is made. */
	ck_assert_int_eq(vhd_io_open_posix(target, 0, &user, NULL), 0);
	ck_assert_int_eq(vhd_io_lock(user, VHD_LOCK_READ, NULL), VHD_E_BUSY);
	vhd_io_close(&user, NULL);
	vhd_outfile_abandon(&of);
	ck_assert_uint_eq(io_tmp_count(tmp), 1);
}
END_TEST

START_TEST(outfile__symlink_is_replaced_at_its_target)
{
	const char *link = io_tmp_path(tmp, "sub/link");
	struct vhd_outfile *of = NULL;
	struct stat st;

	ck_assert_int_eq(mkdir(io_tmp_path(tmp, "sub"), 0700), 0);
	ck_assert_int_eq(symlink("../second", link), 0);
	ck_assert_int_eq(symlink("new.vhdx", io_tmp_path(tmp, "second")), 0);
	if (_i)
		io_tmp_file(tmp, "new.vhdx", "old", 3);
	if (_i)
		ck_assert_int_eq(vhd_outfile_new(link, false, &of, NULL),
				 VHD_E_EXISTS);
	ck_assert_int_eq(vhd_outfile_new(link, _i, &of, NULL), 0);
	ck_assert_int_eq(vhd_io_write(vhd_outfile_io(of), "via", 3, 0, NULL),
			 0);
	ck_assert_int_eq(vhd_outfile_commit(&of, false, NULL), 0);
	holds(target, "via");
	ck_assert_int_eq(lstat(link, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(fs.fsyncs, 0);
}
END_TEST

START_TEST(outfile__symlink_loop_is_an_error)
{
	struct vhd_outfile *of = NULL;
	struct vhd_error err;

	ck_assert_int_eq(symlink("new.vhdx", target), 0);
	ck_assert_int_eq(vhd_outfile_new(target, true, &of, &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ELOOP);
	ck_assert_ptr_null(of);
}
END_TEST

START_TEST(outfile__missing_directory_is_an_error_with_the_reason)
{
	const char *path = io_tmp_path(tmp, "none/x");
	struct vhd_outfile *of = NULL;
	struct vhd_error err;

	ck_assert_int_eq(vhd_outfile_new(path, false, &of, &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ENOENT);
	ck_assert_str_eq(err.msg, "cannot open the directory of the target: "
			 "No such file or directory");
	ck_assert_str_eq(err.file, path);
	ck_assert_int_ne(vhd_outfile_new("", false, &of, &err), 0);
}
END_TEST

/* In the directory the process is in. */
START_TEST(outfile__plain_name_is_made_in_the_current_directory)
{
	struct vhd_outfile *of = NULL;

	fs.no_tmpfile = _i;
	ck_assert_int_eq(chdir(io_tmp_dir(tmp)), 0);
	ck_assert_int_eq(vhd_outfile_new("new.vhdx", false, &of, NULL), 0);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(vhd_outfile_commit(&of, false, NULL), 0);
	holds(target, "");
}
END_TEST

START_TEST(outfile__mode_is_what_the_umask_leaves)
{
	static const mode_t masks[] = { 0, 022, 027, 077 };
	struct vhd_outfile *of;
	struct stat st;

	fs.no_tmpfile = _i % 2;
	umask(masks[_i / 2]);
	of = begin(false);
	ck_assert_int_eq(vhd_outfile_commit(&of, false, NULL), 0);
	ck_assert_int_eq(stat(target, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0666 & ~masks[_i / 2]);
}
END_TEST

/* Naming fails in one way or another, with and without a name so far. */
START_TEST(outfile__failed_commit_leaves_nothing)
{
	bool replace = _i & 1;
	struct vhd_outfile *of;
	struct vhd_error err;

	fs.no_tmpfile = _i & 2;
	if (replace)
		io_tmp_file(tmp, "new.vhdx", "old", 3);
	of = begin(replace);
	fs.link = fs.rename = fs.rename2 = EIO;
	ck_assert_int_eq(vhd_outfile_commit(&of, true, &err), VHD_E_IO);
	ck_assert_ptr_null(of);
	ck_assert_int_eq(err.os_errno, EIO);
	ck_assert_str_eq(err.file, target);
	ck_assert_uint_eq(io_tmp_count(tmp), replace ? 1 : 0);
	if (replace)
		holds(target, "old");
}
END_TEST

START_TEST(outfile__failed_rename_after_linking_leaves_nothing)
{
	struct vhd_outfile *of;

	io_tmp_file(tmp, "new.vhdx", "old", 3);
	of = begin(true);
	fs.rename = EIO;
	ck_assert_int_eq(vhd_outfile_commit(&of, true, NULL), VHD_E_IO);
	ck_assert_uint_eq(io_tmp_count(tmp), 1);
	holds(target, "old");
}
END_TEST

START_TEST(outfile__name_that_cannot_be_made_durable_is_taken_back)
{
	struct vhd_outfile *of;
	struct vhd_error err;

	use_kind(_i);
	of = begin(false);
	fs.fsync = EIO;
	ck_assert_int_eq(vhd_outfile_commit(&of, true, &err), VHD_E_IO);
	ck_assert_str_eq(err.msg, "cannot make the name of the file durable: "
			 "Input/output error");
	ck_assert_uint_eq(io_tmp_count(tmp), 0);
}
END_TEST

START_TEST(outfile__killed_process_leaves_nothing)
{
	struct vhd_outfile *of = begin(false);
	bool nameless = io_tmp_count(tmp) == 0;
	pid_t pid;
	int st;

	vhd_outfile_abandon(&of);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		of = begin(false);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	ck_assert(WIFSIGNALED(st));
	/* Where every file needs a name, this cannot be had. */
	if (nameless)
		ck_assert_uint_eq(io_tmp_count(tmp), 0);
}
END_TEST

START_TEST(outfile__directory_that_cannot_be_listed_is_good_enough)
{
	const char *dir = io_tmp_path(tmp, "drop");
	struct vhd_outfile *of = NULL;
	int rc;

	ck_assert_int_eq(chmod(io_tmp_dir(tmp), 0755), 0);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_int_eq(chmod(dir, 0333), 0);
	/* Root may do everything: be nobody for a moment. */
	if (geteuid() == 0 && seteuid(65534))
		return;
	rc = vhd_outfile_new(io_tmp_path(tmp, "drop/x"), false, &of, NULL);
	if (!rc)
		rc = vhd_outfile_commit(&of, true, NULL);
	ck_assert(getuid() != 0 || seteuid(0) == 0);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(access(io_tmp_path(tmp, "drop/x"), F_OK), 0);
	ck_assert_int_eq(chmod(dir, 0700), 0);
}
END_TEST

START_TEST(outfile__without_memory_nothing_is_left)
{
	struct vhd_error err;
	int rc = VHD_E_NOMEM;

	fs.no_tmpfile = _i;
	ck_assert_int_eq(symlink(target, io_tmp_path(tmp, "link")), 0);
	for (unsigned int n = 1; rc; n++) {
		struct vhd_outfile *of = NULL;

		fail_alloc = n;
		rc = vhd_outfile_new(io_tmp_path(tmp, "link"), false, &of,
				     &err);
		fail_alloc = 0;
		ck_assert(!rc || rc == VHD_E_NOMEM);
		vhd_outfile_abandon(&of);
		ck_assert_uint_eq(io_tmp_count(tmp), 1);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("outfile");
	TCase *tc = tcase_create("outfile");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc,
			    outfile__appears_at_commit_and_leaves_nothing_else,
			    0, KINDS);
	tcase_add_loop_test(tc,
			    outfile__abandoned_leaves_nothing,
			    0, KINDS);
	tcase_add_loop_test(tc,
			    outfile__existing_target_is_refused_at_once_and_untouched,
			    0, KINDS);
	tcase_add_loop_test(tc,
			    outfile__target_that_appears_meanwhile_is_not_overwritten,
			    0, KINDS);
	tcase_add_loop_test(tc,
			    outfile__replaced_target_is_old_until_commit_and_then_new,
			    0, 2);
	tcase_add_loop_test(tc,
			    outfile__target_that_is_no_file_is_refused_even_for_replacing,
			    0, 4);
	tcase_add_test(tc, outfile__target_that_becomes_a_fifo_is_not_replaced);
	tcase_add_loop_test(tc,
			    outfile__symlink_is_replaced_at_its_target,
			    0, 2);
	tcase_add_test(tc, outfile__target_that_is_in_use_is_not_replaced);
	tcase_add_test(tc, outfile__symlink_loop_is_an_error);
	tcase_add_test(tc, outfile__missing_directory_is_an_error_with_the_reason);
	tcase_add_loop_test(tc,
			    outfile__plain_name_is_made_in_the_current_directory,
			    0, 2);
	tcase_add_loop_test(tc,
			    outfile__mode_is_what_the_umask_leaves,
			    0, 8);
	tcase_add_loop_test(tc,
			    outfile__failed_commit_leaves_nothing,
			    0, 4);
	tcase_add_test(tc, outfile__failed_rename_after_linking_leaves_nothing);
	tcase_add_loop_test(tc,
			    outfile__name_that_cannot_be_made_durable_is_taken_back,
			    0, KINDS);
	tcase_add_test(tc, outfile__killed_process_leaves_nothing);
	tcase_add_test(tc, outfile__directory_that_cannot_be_listed_is_good_enough);
	tcase_add_loop_test(tc,
			    outfile__without_memory_nothing_is_left,
			    0, 2);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
