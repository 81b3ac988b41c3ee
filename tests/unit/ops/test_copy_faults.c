/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A copy that fails, at every call to a file, with any number of threads: it
 * ends, with that error, and leaves no file, no descriptor and no thread.
 * Writes to files that the library makes itself are met on their way to the
 * system (the linker's --wrap).
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "io/io_fault.h"
#include "io/io_mem.h"
#include "support/check_main.h"
#include "support/copy_scene.h"

#define MIB (UINT64_C(1) << 20)

enum { SIZE = 11 << 20, MOST = 2000 };

static const uint32_t threads[] = { 1, 2, 4, 8 };
enum { TEAMS = sizeof(threads) / sizeof(threads[0]) };

static struct copy_source src;
static _Atomic uint64_t allocs;
static uint64_t fail_alloc;

/* Replaces the library's own (base/alloc.h). */
bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return atomic_fetch_add(&allocs, 1) + 1 != fail_alloc;
}

/* Calls of the system on behalf of the library's own files. */
static struct {
	_Atomic uint64_t calls;
	uint64_t fail_at;	/* 0: none */
	bool sticky;
	int os_errno;
	_Atomic uint64_t starts;
	uint64_t fail_start;
	bool no_space;		/* asking for space fails as well */
} sys;

static bool sys_fails(void)
{
	uint64_t n = atomic_fetch_add(&sys.calls, 1) + 1;

	if (!sys.fail_at || n < sys.fail_at || (n > sys.fail_at && !sys.sticky))
		return false;
	errno = sys.os_errno;
	return true;
}

ssize_t __real_pwrite64(int fd, const void *buf, size_t len, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off);
int __real_fallocate64(int fd, int mode, off_t off, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len);
int __real_ftruncate64(int fd, off_t len);
int __wrap_ftruncate64(int fd, off_t len);
int __wrap_fdatasync(int fd);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);

ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off)
{
	return sys_fails() ? -1 : __real_pwrite64(fd, buf, len, off);
}

/* Space ahead of data is a wish: only a full disk says no to everything. */
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len)
{
	if (sys.no_space && sys_fails())
		return -1;
	return __real_fallocate64(fd, mode, off, len);
}

int __wrap_ftruncate64(int fd, off_t len)
{
	return sys_fails() ? -1 : __real_ftruncate64(fd, len);
}

/* Nobody cuts the power here. */
int __wrap_fdatasync(int fd)
{
	(void)fd;
	return sys_fails() ? -1 : 0;
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg)
{
	if (atomic_fetch_add(&sys.starts, 1) + 1 == sys.fail_start)
		return EAGAIN;
	return __real_pthread_create(t, attr, fn, arg);
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* What has to be as it was after each failure. */
static int files_open, tasks, files_there;

/* Under a sanitizer that has some of its own: it finds leaked ones by itself. */
static int count_tasks(void)
{
#if defined(__SANITIZE_THREAD__)
	return 0;
#else
	return entries("/proc/self/task");
#endif
}

static void note(void)
{
	files_open = entries("/proc/self/fd");
	tasks = count_tasks();
	files_there = entries(src.dir.path);
}

static void expect_noted(void)
{
	ck_assert_int_eq(entries("/proc/self/fd"), files_open);
	ck_assert_int_eq(entries(src.dir.path), files_there);
	/* One that was joined may be seen for another moment. */
	for (int i = 0; i < 5000 && count_tasks() != tasks; i++)
		usleep(1000);
	ck_assert_int_eq(count_tasks(), tasks);
}

/* Dense enough for a team, with zeros in between, as a dynamic VHDX. */
static void make_source(void)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_open_opts open = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;
	uint64_t seed = 5;

	copy_source_empty(&src, SIZE);
	base_rand_fill(&seed, src.disk, SIZE);
	memset(src.disk + 5 * MIB, 0, 300000);
	memset(src.disk + 7 * MIB + 4096, 0, 8192);
	memset(src.disk + 9 * MIB, 0, MIB);
	o.virtual_size = SIZE;
	o.block_size = MIB;
	o.flags = VHD_CREATE_NO_SYNC | VHD_CREATE_FORCE;
	tempdir_name(&src.dir, "in.vhdx", src.path[0]);
	ck_assert_int_eq(vhd_create(src.path[0], &o, &err), 0);
	open.flags = VHD_OPEN_RDWR;
	ck_assert_int_eq(vhd_open(src.path[0], &open, &img, &err), 0);
	ck_assert_int_eq(vhd_pwrite(img, src.disk, SIZE, 0, &err), 0);
	ck_assert_int_eq(vhd_close(&img, &err), 0);
}

static void *slurp(const char *path, size_t *len_out)
{
	FILE *f = fopen(path, "rb");
	void *data;

	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	*len_out = (size_t)ftell(f);
	rewind(f);
	data = malloc(*len_out);
	ck_assert_uint_eq(fread(data, 1, *len_out, f), *len_out);
	fclose(f);
	return data;
}

/* The source through a file that may fail. */
static int open_faulty(const void *data, size_t len,
		       struct vhd_fault_plan *plan, struct vhd_image **img,
		       struct vhd_error *err)
{
	void *mem = vhd_mem_new(data, len);
	void *h = mem ? vhd_fault_new(&vhd_mem_ops, mem, plan) : NULL;

	ck_assert_ptr_nonnull(h);
	return vhd_open_io(&vhd_fault_ops, h, "mem", NULL, img, err);
}

static struct vhd_convert_opts opts_of(const struct copy_target *t,
				       uint32_t team)
{
	struct vhd_convert_opts o = copy_target_opts(t);

	o.threads = team;
	o.flags = VHD_CONVERT_NO_SHARE;
	return o;
}

START_TEST(copy_faults__a_read_that_fails_ends_it)
{
	const struct copy_target *t = &copy_targets[_i / TEAMS ? 7 : 0];
	struct vhd_convert_opts o = opts_of(t, threads[_i % TEAMS]);
	struct vhd_fault_plan plan = { .kinds = VHD_FAULT_READ };
	char path[512];
	size_t len;
	void *data;
	int rc = -1;

	make_source();
	data = slurp(src.path[0], &len);
	copy_target_path(&src, t, 0, path);
	note();
	for (uint64_t n = 1; rc && n < MOST; n += 1 + n / 16) {
		struct vhd_error err = { 0 };
		struct vhd_image *img = NULL;

		plan.calls = 0;
		plan.fail_at = n;
		plan.sticky = n % 2;
		rc = open_faulty(data, len, &plan, &img, &err);
		if (!rc)
			rc = vhd_convert(img, path, &o, NULL, &err);
		vhd_close(&img, NULL);
		if (!rc)
			break;
		ck_assert_int_eq(rc, VHD_E_IO);
		ck_assert_int_eq(err.os_errno, EIO);
		ck_assert_str_eq(err.file, "mem");
		expect_noted();
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_gt(plan.fail_at, 15);
	copy_expect(path, &src);
	free(data);
	copy_source_free(&src);
}
END_TEST

START_TEST(copy_faults__short_reads_do_not_matter)
{
	struct vhd_fault_plan plan = { .short_io = 7000 };
	const struct copy_target *t = &copy_targets[3];
	struct vhd_convert_opts o = opts_of(t, threads[_i]);
	struct vhd_image *img = NULL;
	struct vhd_error err = { 0 };
	char path[512];
	size_t len;
	void *data;

	make_source();
	data = slurp(src.path[0], &len);
	ck_assert_int_eq(open_faulty(data, len, &plan, &img, &err), 0);
	copy_target_path(&src, t, 0, path);
	ck_assert_int_eq(vhd_convert(img, path, &o, NULL, &err), 0);
	vhd_close(&img, NULL);
	copy_expect(path, &src);
	free(data);
	copy_source_free(&src);
}
END_TEST

/* One failing conversion after the other until one succeeds. */
static uint64_t fail_each(const struct copy_target *t, uint32_t team, int code,
			  const char *path)
{
	struct vhd_convert_opts o = opts_of(t, team);
	struct vhd_image *img = copy_source_open(&src);
	uint64_t n;
	int rc = -1;

	/* Durable, so that what makes it so can fail. */
	o.create.flags &= ~(uint32_t)VHD_CREATE_NO_SYNC;
	note();
	for (n = 1; rc && n < MOST; n += 1 + n / 16) {
		struct vhd_error err = { 0 };

		sys.calls = 0;
		sys.fail_at = n;
		rc = vhd_convert(img, path, &o, NULL, &err);
		if (!rc)
			break;
		/* A flush that fails is never a matter of room. */
		ck_assert(rc == code || rc == VHD_E_IO);
		ck_assert_int_eq(err.os_errno, sys.os_errno);
		ck_assert_str_eq(err.file, path);
		expect_noted();
	}
	ck_assert_int_eq(rc, 0);
	sys.fail_at = 0;
	vhd_close(&img, NULL);
	return n;
}

START_TEST(copy_faults__a_write_that_fails_ends_it)
{
	static const int kinds[] = { 0, 2, 3, 7 };
	const struct copy_target *t = &copy_targets[kinds[_i / TEAMS]];
	char path[512];

	make_source();
	copy_target_path(&src, t, 0, path);
	sys.os_errno = EIO;
	sys.sticky = _i % 2;
	ck_assert_uint_gt(fail_each(t, threads[_i % TEAMS], VHD_E_IO, path),
			  15);
	copy_expect(path, &src);
	copy_source_free(&src);
}
END_TEST

START_TEST(copy_faults__a_disk_that_is_full_ends_it)
{
	static const int kinds[] = { 0, 1, 3, 7 };
	const struct copy_target *t = &copy_targets[kinds[_i / TEAMS]];
	char path[512];

	make_source();
	copy_target_path(&src, t, 0, path);
	sys.os_errno = ENOSPC;
	sys.sticky = true;
	sys.no_space = true;
	fail_each(t, threads[_i % TEAMS], VHD_E_NOSPACE, path);
	copy_expect(path, &src);
	copy_source_free(&src);
}
END_TEST

START_TEST(copy_faults__without_memory_nothing_is_left)
{
	const struct copy_target *t = &copy_targets[_i / TEAMS ? 7 : 3];
	struct vhd_convert_opts o = opts_of(t, threads[_i % TEAMS]);
	struct vhd_image *img;
	char path[512];
	int rc = -1;

	make_source();
	img = copy_source_open(&src);
	copy_target_path(&src, t, 0, path);
	note();
	for (uint64_t n = 1; n < MOST; n += 1 + n / 16) {
		struct vhd_error err = { 0 };

		atomic_store(&allocs, 0);
		fail_alloc = n;
		rc = vhd_convert(img, path, &o, NULL, &err);
		fail_alloc = 0;
		/* A helper that has none may be done without. */
		if (!rc) {
			copy_expect(path, &src);
			ck_assert_int_eq(unlink(path), 0);
			if (atomic_load(&allocs) < n)
				break;
		} else {
			ck_assert_int_eq(rc, VHD_E_NOMEM);
			ck_assert_str_ne(err.msg, "");
		}
		expect_noted();
	}
	ck_assert_int_eq(rc, 0);
	vhd_close(&img, NULL);
	copy_source_free(&src);
}
END_TEST

START_TEST(copy_faults__threads_that_do_not_start_are_not_needed)
{
	const struct copy_target *t = &copy_targets[7];
	struct vhd_convert_opts o = opts_of(t, 8);
	struct vhd_image *img;
	struct vhd_error err;
	char path[512];

	make_source();
	img = copy_source_open(&src);
	copy_target_path(&src, t, 0, path);
	note();
	for (sys.fail_start = 1; sys.fail_start < 9; sys.fail_start++) {
		sys.starts = 0;
		ck_assert_int_eq(vhd_convert(img, path, &o, NULL, &err), 0);
		copy_expect(path, &src);
		ck_assert_int_eq(unlink(path), 0);
		expect_noted();
	}
	vhd_close(&img, NULL);
	copy_source_free(&src);
}
END_TEST

/* Says no at one call; sees to it that the calls are as they should be. */
struct watch {
	uint64_t calls, stop_at, last;
	atomic_flag busy;
};

static bool on_progress(void *arg, uint64_t done, uint64_t total)
{
	struct watch *w = arg;
	bool go;

	ck_assert(!atomic_flag_test_and_set(&w->busy));
	ck_assert_uint_eq(total, SIZE);
	ck_assert_uint_le(done, total);
	ck_assert_uint_ge(done, w->last);
	w->last = done;
	go = ++w->calls != w->stop_at;
	atomic_flag_clear(&w->busy);
	return go;
}

START_TEST(copy_faults__it_can_be_called_off_at_any_moment)
{
	static const int kinds[] = { 0, 3, 6, 7 };
	const struct copy_target *t = &copy_targets[kinds[_i / TEAMS]];
	struct vhd_convert_opts o = opts_of(t, threads[_i % TEAMS]);
	struct watch w = { .busy = ATOMIC_FLAG_INIT };
	struct vhd_image *img;
	char path[512];
	int rc = -1;

	make_source();
	img = copy_source_open(&src);
	copy_target_path(&src, t, 0, path);
	o.progress = on_progress;
	o.progress_arg = &w;
	note();
	for (uint64_t n = 1; rc && n < MOST; n += 1 + n / 16) {
		struct vhd_error err = { 0 };

		w.calls = w.last = 0;
		w.stop_at = n;
		rc = vhd_convert(img, path, &o, NULL, &err);
		if (!rc)
			break;
		ck_assert_int_eq(rc, VHD_E_CANCELLED);
		expect_noted();
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_gt(w.calls, 10);
	ck_assert_uint_eq(w.last, SIZE);
	copy_expect(path, &src);
	vhd_close(&img, NULL);
	copy_source_free(&src);
}
END_TEST

static bool cut_source(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	if (done >= total / 2)
		ck_assert_int_eq(truncate(src.path[0], SIZE - 2 * MIB), 0);
	return true;
}

START_TEST(copy_faults__a_source_that_another_program_cuts_is_no_hole)
{
	struct vhd_convert_opts o = opts_of(&copy_targets[7],
					    threads[_i % TEAMS]);
	struct vhd_error err = { 0 };
	struct vhd_image *img;
	uint64_t seed = 9;
	char path[512];

	copy_source_empty(&src, SIZE);
	base_rand_fill(&seed, src.disk, SIZE);
	tempdir_write(src.path[0], src.disk, SIZE);
	/* The end is a hole, or not: what is stored is found out ahead. */
	if (_i / TEAMS) {
		ck_assert_int_eq(truncate(src.path[0], 9 * MIB), 0);
		ck_assert_int_eq(truncate(src.path[0], SIZE), 0);
	}
	img = copy_source_open(&src);
	copy_target_path(&src, &copy_targets[7], 0, path);
	o.progress = cut_source;
	note();
	ck_assert_int_eq(vhd_convert(img, path, &o, NULL, &err), VHD_E_IO);
	ck_assert_str_eq(err.file, src.path[0]);
	ck_assert_ptr_nonnull(strstr(err.msg, "longer before"));
	expect_noted();
	vhd_close(&img, NULL);
	copy_source_free(&src);
}
END_TEST

TEST_MAIN_ROWS("ops/copy_faults",
	LOOP(copy_faults__a_read_that_fails_ends_it, 2 * TEAMS),
	LOOP(copy_faults__short_reads_do_not_matter, TEAMS),
	LOOP(copy_faults__a_write_that_fails_ends_it, 4 * TEAMS),
	LOOP(copy_faults__a_disk_that_is_full_ends_it, 4 * TEAMS),
	LOOP(copy_faults__without_memory_nothing_is_left, 2 * TEAMS),
	ONCE(copy_faults__threads_that_do_not_start_are_not_needed),
	LOOP(copy_faults__it_can_be_called_off_at_any_moment, 4 * TEAMS),
	LOOP(copy_faults__a_source_that_another_program_cuts_is_no_hole, 2 * TEAMS))
