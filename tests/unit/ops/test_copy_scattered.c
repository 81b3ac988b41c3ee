/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small runs of data into an image that writes where they are handed out: one
 * thread is enough unless it waits.  How often it did, and how many more threads
 * are started, is met on its way to the system (the linker's --wrap).
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

#include "support/check_main.h"
#include "support/copy_scene.h"

enum { SIZE = 24 << 20, STEP = 24 << 10, LONG_STEP = 512 << 10 };
/* See copy_targets. */
enum { RAW = 0, DYNAMIC_VHD = 3, SMALL_BLOCKS = 4, DYNAMIC_VHDX = 7 };

static struct copy_source src;
static _Atomic unsigned int starts;
static struct {
	long waits;		/* so far */
	long each;		/* more, each time that it is asked */
	bool others;		/* those of other threads were asked for */
} told;

int __real_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);
int __wrap_getrusage(int who, struct rusage *use);

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg)
{
	atomic_fetch_add(&starts, 1);
	return __real_pthread_create(t, attr, fn, arg);
}

int __wrap_getrusage(int who, struct rusage *use)
{
	memset(use, 0, sizeof(*use));
#ifdef RUSAGE_THREAD
	told.others |= who != RUSAGE_THREAD;
#else
	(void)who;
#endif
	use->ru_nvcsw = told.waits;
	told.waits += told.each;
	return 0;
}

/* A raw disk: two thirds of each @step are data. */
static void scatter(size_t step)
{
	const size_t len = step / 3 * 2;
	uint64_t seed = 7;
	FILE *f;

	copy_source_empty(&src, SIZE);
	f = fopen(src.path[0], "r+b");
	ck_assert_ptr_nonnull(f);
	for (size_t at = 0; at + len <= SIZE; at += step) {
		for (size_t i = 0; i < len; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			src.disk[at + i] = (uint8_t)(1 + (seed >> 33) % 255);
		}
		ck_assert_int_eq(fseek(f, (long)at, SEEK_SET), 0);
		ck_assert_uint_eq(fwrite(src.disk + at, 1, len, f), len);
	}
	ck_assert_int_eq(fclose(f), 0);
}

/* How many threads that took besides the first one. */
static unsigned int convert(int target, uint32_t threads, int turn, char *path)
{
	const struct copy_target *t = &copy_targets[target];
	struct vhd_convert_opts o = copy_target_opts(t);
	struct vhd_image *img = copy_source_open(&src);
	struct vhd_convert_result res;
	struct vhd_error err;

	o.threads = threads;
	o.flags = VHD_CONVERT_NO_SHARE;
	starts = 0;
	if (vhd_convert(img, copy_target_path(&src, t, turn, path), &o, &res,
			&err))
		ck_abort_msg("%s: %s", err.file, err.msg);
	vhd_close(&img, NULL);
	return starts;
}

/* By one thread and by two the file is the same; the second one was there. */
static void both(int target, bool two)
{
	char one[512], other[512];

	ck_assert_uint_eq(convert(target, 1, 10 + target, one), 0);
	copy_expect(one, &src);
	ck_assert_int_eq(convert(target, 2, 20 + target, other) > 0, two);
	copy_expect_same(one, other);
	ck_assert(!told.others);
}

START_TEST(copy_scattered__into_a_dynamic_vhd_one_is_enough)
{
	scatter(STEP);
	both(DYNAMIC_VHD, false);
	both(SMALL_BLOCKS, false);
	copy_source_free(&src);
}
END_TEST

START_TEST(copy_scattered__who_waits_gets_help)
{
	scatter(STEP);
	told.each = 1;
	both(DYNAMIC_VHD, true);
	told.each = 0;
	copy_source_free(&src);
}
END_TEST

START_TEST(copy_scattered__other_targets_take_several)
{
	scatter(STEP);
	both(RAW, true);
	both(DYNAMIC_VHDX, true);
	copy_source_free(&src);
}
END_TEST

START_TEST(copy_scattered__long_runs_take_several)
{
	scatter(LONG_STEP);
	both(DYNAMIC_VHD, true);
	copy_source_free(&src);
}
END_TEST

TEST_MAIN("ops/copy_scattered",
	  copy_scattered__into_a_dynamic_vhd_one_is_enough,
	  copy_scattered__who_waits_gets_help,
	  copy_scattered__other_targets_take_several,
	  copy_scattered__long_runs_take_several)
