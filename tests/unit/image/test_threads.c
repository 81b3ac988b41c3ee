/* SPDX-License-Identifier: BSD-2-Clause */
/* Many threads on one image, with a cache that is far too small. */
#include <check.h>
#include <pthread.h>
#include <string.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)
#define DISK (96 * MIB)
#define THREADS 4
#define ROUNDS 1500

static struct tempdir dir;
static char raw[512], dst[512];

/* What byte @off of the disk is: data in every third MiB, in the middle. */
static uint8_t expected(uint64_t off)
{
	uint64_t in = off % MIB;

	if (off / MIB % 3 || in < 65536 || in >= 3 * 65536)
		return 0;
	return (uint8_t)(off / 512 * 31 + off % 512 + 1);
}

static void make_source(void)
{
	uint8_t buf[4096];
	FILE *f;
	uint64_t off;
	size_t i;

	tempdir_make(&dir);
	f = fopen(tempdir_name(&dir, "in.img", raw), "wb");
	ck_assert_ptr_nonnull(f);
	for (off = 0; off < DISK; off += sizeof(buf)) {
		if (off / MIB % 3 || off % MIB < 65536 ||
		    off % MIB >= 3 * 65536)
			continue;
		for (i = 0; i < sizeof(buf); i++)
			buf[i] = expected(off + i);
		fseek(f, (long)off, SEEK_SET);
		ck_assert_uint_eq(fwrite(buf, 1, sizeof(buf), f), sizeof(buf));
	}
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(truncate(raw, (off_t)DISK), 0);
}

struct worker {
	pthread_t thread;
	struct vhd_image *img;
	unsigned int seed;
	bool ok;
};

static uint64_t rnd(unsigned int *seed, uint64_t below)
{
	uint64_t x;

	*seed = *seed * 1103515245u + 12345u;
	x = (uint64_t)(*seed >> 8) << 20;
	*seed = *seed * 1103515245u + 12345u;
	return (x ^ *seed >> 8) % below;
}

static bool one_read(struct worker *w)
{
	uint8_t buf[3000];
	size_t len = 1 + (size_t)rnd(&w->seed, sizeof(buf));
	uint64_t off = rnd(&w->seed, DISK - len);
	size_t i;

	if (vhd_pread(w->img, buf, len, off, NULL))
		return false;
	for (i = 0; i < len; i++) {
		if (buf[i] != expected(off + i))
			return false;
	}
	return true;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int i;

	w->ok = true;
	for (i = 0; w->ok && i < ROUNDS; i++)
		w->ok = one_read(w);
	return NULL;
}

static const struct {
	const char *name;
	uint64_t block;
} shapes[] = { { "a.vhd", 512 * 1024 }, { "a.vhdx", MIB } };

START_TEST(threads__all_read_the_right_bytes_at_once)
{
	struct vhd_convert_opts c = VHD_CONVERT_OPTS_INIT;
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct worker w[THREADS];
	struct vhd_image *img = NULL;
	struct vhd_error err;
	unsigned int i;

	make_source();
	tempdir_name(&dir, shapes[_i].name, dst);
	o.flags = VHD_OPEN_ALLOW_RAW;
	ck_assert_int_eq(vhd_open(raw, &o, &img, &err), 0);
	c.create.block_size = shapes[_i].block;
	ck_assert_int_eq(vhd_convert(img, dst, &c, NULL, &err), 0);
	vhd_close(&img, NULL);
	o.cache_bytes = 1;
	ck_assert_int_eq(vhd_open(dst, &o, &img, &err), 0);
	for (i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .img = img, .seed = i * 7919 + 1 };
		ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work,
						&w[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
	for (i = 0; i < THREADS; i++)
		ck_assert_msg(w[i].ok, "thread %u read wrong bytes", i);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("image/threads",
	LOOP(threads__all_read_the_right_bytes_at_once, 2))
