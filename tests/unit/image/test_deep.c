/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deep chains: whatever was read before, and by whom, a read gives the bytes of
 * the model; and what was read before costs no walk.
 */
#include <check.h>
#include <pthread.h>

#include "support/chain_model.h"
#include "support/check_main.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define DISK (7 * MIB)

static const char *const exts[] = { "vhd", "vhdx" };

/* Some layers are larger than the one below (VHD-D-6, VHDX-RD-03). */
static void deep(struct chain_model *m, const char *ext, int depth,
		 uint64_t seed)
{
	int i;

	chain_model_make(m, ext, MIB, DISK, seed);
	chain_model_scribble(m, 0, 25);
	for (i = 1; i < depth; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%d", i);
		chain_model_child(m, i - 1, name,
				  i % 4 == 2 ? 512 * KIB + 512 : 0);
		chain_model_scribble(m, i, 4);
	}
}

static void expect_read(struct vhd_image *img, const uint8_t *disk,
			uint64_t off, size_t len)
{
	static _Thread_local uint8_t buf[3 * MIB];
	struct vhd_error err;

	if (vhd_pread(img, buf, len, off, &err))
		ck_abort_msg("read: %s", err.msg);
	if (memcmp(buf, disk + off, len))
		ck_abort_msg("%zu bytes at %#jx are wrong", len,
			     (uintmax_t)off);
}

static void random_reads(struct vhd_image *img, const uint8_t *disk,
			 size_t size, uint64_t seed, int count)
{
	while (count--) {
		uint64_t shift = base_rand_below(&seed, 22);
		size_t len = 1 + (size_t)base_rand_below(
			&seed, (uint64_t)1 << shift);
		uint64_t off = base_rand_below(&seed, size);

		if (len > size - off)
			len = size - (size_t)off;
		expect_read(img, disk, off, len);
	}
}

START_TEST(deep__every_read_gives_the_bytes_of_the_model)
{
	struct vhd_image *img;
	struct chain_model m;
	int depth = 3 + _i % 7 * 2;

	deep(&m, exts[_i % 2], depth, (uint64_t)_i + 1);
	img = chain_model_open(&m, depth - 1, 0);
	random_reads(img, m.disk[depth - 1], m.size[depth - 1], 3, 400);
	chain_model_expect(img, m.disk[depth - 1], m.size[depth - 1]);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

/* VHD_OPEN_NO_PARENT apart: a layer of the chain is a chain of its own. */
START_TEST(deep__layers_of_a_chain_are_read_as_they_are)
{
	struct vhd_image *img, *part = NULL;
	struct chain_model m;
	int i;

	deep(&m, exts[_i], 7, 17);
	img = chain_model_open(&m, 6, 0);
	random_reads(img, m.disk[6], m.size[6], 5, 50);
	for (i = 0; i < 7; i++) {
		ck_assert_int_eq(vhd_layer_image(img, (uint32_t)i, &part,
						 NULL), 0);
		random_reads(part, m.disk[6 - i], m.size[6 - i], 5, 100);
		chain_model_expect(part, m.disk[6 - i], m.size[6 - i]);
		vhd_close(&part, NULL);
	}
	chain_model_expect(img, m.disk[6], m.size[6]);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

/* What two looks say of a range, in pieces of any size, is the same. */
START_TEST(deep__extents_are_those_of_a_walk)
{
	struct vhd_image *warm, *cold;
	struct chain_model m;
	uint64_t seed = 3;
	int i;

	deep(&m, exts[_i % 2], 9, (uint64_t)_i + 40);
	warm = chain_model_open(&m, 8, 0);
	random_reads(warm, m.disk[8], m.size[8], 5, 300);
	cold = chain_model_open(&m, 8, 0);
	for (i = 0; i < 300; i++) {
		uint64_t off = base_rand_below(&seed, m.size[8]);
		uint64_t left = m.size[8] - off;
		uint64_t len = 1 + base_rand_below(
			&seed, left < 64 * KIB ? left : 64 * KIB);
		struct vhd_extent a[4], b[4];
		size_t na = 0, nb = 0;

		ck_assert_int_eq(vhd_resolve(warm, off, len, a, 4, &na, NULL),
				 0);
		ck_assert_int_eq(vhd_resolve(cold, off, left, b, 4,
					     &nb, NULL), 0);
		ck_assert_int_eq(a[0].kind, b[0].kind);
		ck_assert_uint_eq(a[0].layer, b[0].layer);
		ck_assert_uint_eq(a[0].file_off, b[0].file_off);
		ck_assert_uint_eq(a[0].flags, b[0].flags);
	}
	vhd_close(&warm, NULL);
	vhd_close(&cold, NULL);
	chain_model_free(&m);
}
END_TEST

struct reader {
	pthread_t thread;
	struct vhd_image *img;
	const uint8_t *disk;
	size_t from, to;
	uint64_t seed;
	bool ok;
};

static void *read_some(void *arg)
{
	struct reader *r = arg;
	uint8_t buf[40000];
	int i;

	r->ok = true;
	for (i = 0; r->ok && i < 1200; i++) {
		size_t len = 1 + (size_t)base_rand_below(&r->seed, sizeof(buf));
		size_t off = r->from + (size_t)base_rand_below(
			&r->seed, r->to - r->from);

		if (len > r->to - off)
			len = r->to - off;
		r->ok = !vhd_pread(r->img, buf, len, off, NULL) &&
			!memcmp(buf, r->disk + off, len);
	}
	return NULL;
}

static void run_readers(struct reader *r, int count)
{
	int i;

	for (i = 0; i < count; i++)
		ck_assert_int_eq(pthread_create(&r[i].thread, NULL, read_some,
						&r[i]), 0);
}

static void join_readers(struct reader *r, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		pthread_join(r[i].thread, NULL);
		ck_assert_msg(r[i].ok, "reader %d got wrong bytes", i);
	}
}

START_TEST(deep__threads_share_what_is_remembered)
{
	struct reader r[4];
	struct chain_model m;
	struct vhd_image *img;
	int i;

	deep(&m, exts[_i], 8, 23);
	img = chain_model_open(&m, 7, 0);
	for (i = 0; i < 4; i++)
		r[i] = (struct reader){ .img = img, .disk = m.disk[7],
					.to = m.size[7],
					.seed = (uint64_t)i + 1 };
	run_readers(r, 4);
	join_readers(r, 4);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

/* The lower half is written to while the upper one is read, and then changes
 * sides: what was remembered of the layers below hides nothing new. */
START_TEST(deep__the_top_layer_may_be_written_to_meanwhile)
{
	struct reader r[2];
	struct chain_model m;
	struct vhd_image *img;
	size_t half;
	int i, round;

	deep(&m, exts[_i], 6, 31);
	half = m.size[5] / 2 / 4096 * 4096;
	img = chain_model_open(&m, 5, VHD_OPEN_RDWR);
	random_reads(img, m.disk[5], m.size[5], 9, 200);
	for (round = 0; round < 4; round++) {
		size_t from = round % 2 ? half : 0;
		size_t to = round % 2 ? m.size[5] : half;

		for (i = 0; i < 2; i++)
			r[i] = (struct reader){
				.img = img, .disk = m.disk[5],
				.from = round % 2 ? 0 : half,
				.to = round % 2 ? half : m.size[5],
				.seed = (uint64_t)(round * 2 + i + 1)
			};
		run_readers(r, 2);
		for (i = 0; i < 60; i++) {
			size_t len = 512 * (1 + (size_t)base_rand_below(
				&m.seed, 60));
			size_t off = from + 512 * (size_t)base_rand_below(
				&m.seed, (to - from) / 512);
			struct vhd_error err;
			int rc;

			if (len > to - off)
				len = to - off;
			if (i % 4) {
				base_rand_fill(&m.seed, m.disk[5] + off, len);
				rc = vhd_pwrite(img, m.disk[5] + off, len, off,
						&err);
			} else {
				memset(m.disk[5] + off, 0, len);
				rc = vhd_write_zeroes(img, off, len, 0, &err);
			}
			if (rc)
				ck_abort_msg("write: %s", err.msg);
		}
		join_readers(r, 2);
		random_reads(img, m.disk[5], m.size[5], 9, 100);
	}
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
	img = chain_model_open(&m, 5, 0);
	chain_model_expect(img, m.disk[5], m.size[5]);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

/* VHDX-RD-04: what a parent holds that is not open is no zeros. */
START_TEST(deep__a_chain_that_is_torn_says_so)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct chain_model m;
	uint8_t buf[512];

	chain_model_make(&m, exts[_i], MIB, DISK, 3);
	chain_model_child(&m, 0, "a", 0);
	o.flags = VHD_OPEN_NO_PARENT;
	ck_assert_int_eq(vhd_open(m.path[1], &o, &img, NULL), 0);
	ck_assert_int_eq(vhd_pread(img, buf, 512, MIB, NULL), VHD_E_PARENT);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

TEST_MAIN_ROWS("image/deep",
	LOOP(deep__every_read_gives_the_bytes_of_the_model, 14),
	LOOP(deep__layers_of_a_chain_are_read_as_they_are, 2),
	LOOP(deep__extents_are_those_of_a_walk, 6),
	LOOP(deep__threads_share_what_is_remembered, 2),
	LOOP(deep__the_top_layer_may_be_written_to_meanwhile, 2),
	LOOP(deep__a_chain_that_is_torn_says_so, 2))
