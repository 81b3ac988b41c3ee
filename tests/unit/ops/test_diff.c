/* SPDX-License-Identifier: BSD-2-Clause */
/* A child made of two disks shows the second one, and is no larger than need be. */
#include <check.h>
#include <sys/stat.h>

#include "support/chain_model.h"
#include "support/check_main.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define DISK (8 * MIB)

static const char *const exts[] = { "vhd", "vhdx" };
static char dst[512];

/* A base, and a disk of its own of the same format that began as a copy. */
static void disks(struct chain_model *m, const char *ext, uint64_t seed,
		  size_t grow)
{
	struct vhd_convert_opts o = VHD_CONVERT_OPTS_INIT;
	struct vhd_image *img;
	char name[32];

	chain_model_make(m, ext, MIB, DISK, seed);
	chain_model_scribble(m, 0, 40);
	chain_model_child(m, 0, "other", grow);
	unlink(m->path[1]);
	img = chain_model_open(m, 0, 0);
	o.create.virtual_size = DISK + grow;
	o.create.block_size = MIB;
	ck_assert_int_eq(vhd_convert(img, m->path[1], &o, NULL, NULL), 0);
	vhd_close(&img, NULL);
	snprintf(name, sizeof(name), "diff.%s", ext);
	tempdir_name(&m->dir, name, dst);
}

static int make(struct chain_model *m, const struct vhd_compare_opts *o,
		struct vhd_compare_result *r, struct vhd_error *err)
{
	struct vhd_create_opts create = VHD_CREATE_OPTS_INIT;
	struct vhd_image *img = chain_model_open(m, 1, 0);
	int rc;

	create.block_size = MIB;
	rc = vhd_diff(m->path[0], img, dst, &create, o, r, err);
	vhd_close(&img, NULL);
	return rc;
}

static uint64_t stored(struct vhd_image *img)
{
	struct vhd_usage u;

	ck_assert_int_eq(vhd_layer_usage(img, 0, UINT64_MAX, &u, NULL), 0);
	return u.blocks_data;
}

static struct vhd_image *open_dst(void)
{
	struct vhd_image *img = NULL;
	struct vhd_error err;

	if (vhd_open(dst, NULL, &img, &err))
		ck_abort_msg("%s", err.msg);
	return img;
}

static void expect_sound(void)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result r;

	o.flags = VHD_CHECK_CHAIN | VHD_CHECK_DEEP;
	ck_assert_int_eq(vhd_check(dst, &o, &r, NULL), 0);
	ck_assert_uint_eq(r.count[VHD_SEV_ERROR] + r.count[VHD_SEV_FATAL], 0);
}

START_TEST(diff__the_child_shows_the_other_disk)
{
	struct vhd_compare_result r;
	struct vhd_image *img;
	struct chain_model m;
	struct vhd_error err;

	/* VHD-D-6, VHDX-PAR-18: the child may be larger than its parent. */
	disks(&m, exts[_i % 2], (uint64_t)_i + 1,
	      _i % 3 ? 0 : MIB + 4 * KIB);
	chain_model_scribble(&m, 1, _i % 5 * 3);
	if (make(&m, NULL, &r, &err))
		ck_abort_msg("%s", err.msg);
	img = open_dst();
	ck_assert_uint_eq(vhd_layers(img), 2);
	ck_assert_uint_eq(vhd_size(img), m.size[1]);
	chain_model_expect(img, m.disk[1], m.size[1]);
	vhd_close(&img, NULL);
	expect_sound();
	chain_model_free(&m);
}
END_TEST

START_TEST(diff__of_equal_disks_holds_nothing)
{
	struct vhd_compare_result r;
	struct vhd_image *img;
	struct chain_model m;

	disks(&m, exts[_i], 3, 0);
	ck_assert_int_eq(make(&m, NULL, &r, NULL), 0);
	ck_assert_uint_eq(r.differing, 0);
	img = open_dst();
	ck_assert_uint_eq(stored(img), 0);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

START_TEST(diff__stores_the_blocks_that_differ_and_no_others)
{
	static uint8_t bytes[4096];
	struct vhd_image *img;
	struct chain_model m;

	disks(&m, exts[_i], 4, 0);
	img = chain_model_open(&m, 1, VHD_OPEN_RDWR);
	memset(bytes, 0x33, sizeof(bytes));
	ck_assert_int_eq(vhd_pwrite(img, bytes, 4096, 3 * MIB, NULL), 0);
	ck_assert_int_eq(vhd_pwrite(img, bytes, 512, 5 * MIB + 512, NULL), 0);
	vhd_close(&img, NULL);
	memset(m.disk[1] + 3 * MIB, 0x33, 4096);
	memset(m.disk[1] + 5 * MIB + 512, 0x33, 512);
	ck_assert_int_eq(make(&m, NULL, NULL, NULL), 0);
	img = open_dst();
	ck_assert_uint_eq(stored(img), 2);
	chain_model_expect(img, m.disk[1], m.size[1]);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

/* VHDX-BAT: a block that became zeros is an entry; a VHD has to store it. */
START_TEST(diff__zeros_hide_what_the_parent_has)
{
	struct vhd_usage u;
	struct vhd_image *img;
	struct chain_model m;

	disks(&m, exts[_i], 5, 0);
	img = chain_model_open(&m, 0, VHD_OPEN_RDWR);
	memset(m.disk[0], 0x11, 2 * MIB);
	ck_assert_int_eq(vhd_pwrite(img, m.disk[0], 2 * MIB, 0, NULL), 0);
	vhd_close(&img, NULL);
	img = chain_model_open(&m, 1, VHD_OPEN_RDWR);
	memset(m.disk[1], 0, DISK);
	ck_assert_int_eq(vhd_write_zeroes(img, 0, DISK, 0, NULL), 0);
	vhd_close(&img, NULL);
	ck_assert_int_eq(make(&m, NULL, NULL, NULL), 0);
	img = open_dst();
	chain_model_expect(img, m.disk[1], m.size[1]);
	ck_assert_int_eq(vhd_layer_usage(img, 0, UINT64_MAX, &u, NULL), 0);
	if (_i)
		ck_assert_uint_ge(u.blocks_zero, 2);
	else
		ck_assert_uint_ge(u.blocks_data, 2);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

static bool stop(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)total;
	return done < DISK / 2;
}

START_TEST(diff__a_cancelled_one_leaves_nothing)
{
	struct vhd_compare_opts o = VHD_COMPARE_OPTS_INIT;
	struct chain_model m;
	struct vhd_error err;

	disks(&m, exts[_i], 6, 0);
	chain_model_scribble(&m, 1, 5);
	o.progress = stop;
	ck_assert_int_eq(make(&m, &o, NULL, &err), VHD_E_CANCELLED);
	ck_assert_int_eq(tempdir_entries(&m.dir), 2);
	chain_model_free(&m);
}
END_TEST

START_TEST(diff__refuses_a_disk_smaller_than_the_parent)
{
	struct vhd_image *img;
	struct chain_model m;
	struct vhd_error err;

	disks(&m, exts[_i], 7, MIB);
	img = chain_model_open(&m, 0, 0);
	ck_assert_int_eq(vhd_diff(m.path[1], img, dst, NULL, NULL, NULL, &err),
			 VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "8388608"));
	ck_assert_ptr_nonnull(strstr(err.msg, "9437184"));
	ck_assert_str_eq(err.file, m.path[0]);
	vhd_close(&img, NULL);
	ck_assert_int_eq(tempdir_entries(&m.dir), 2);
	chain_model_free(&m);
}
END_TEST

START_TEST(diff__never_replaces_what_it_reads)
{
	struct vhd_create_opts create = VHD_CREATE_OPTS_INIT;
	struct vhd_image *img;
	struct chain_model m;
	int i;

	disks(&m, exts[_i], 8, 0);
	img = chain_model_open(&m, 1, 0);
	create.flags = VHD_CREATE_FORCE;
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(vhd_diff(m.path[0], img, m.path[i], &create,
					  NULL, NULL, NULL), VHD_E_INVAL);
	chain_model_expect(img, m.disk[1], m.size[1]);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

TEST_MAIN_ROWS("ops/diff",
	LOOP(diff__the_child_shows_the_other_disk, 12),
	LOOP(diff__of_equal_disks_holds_nothing, 2),
	LOOP(diff__stores_the_blocks_that_differ_and_no_others, 2),
	LOOP(diff__zeros_hide_what_the_parent_has, 2),
	LOOP(diff__a_cancelled_one_leaves_nothing, 2),
	LOOP(diff__refuses_a_disk_smaller_than_the_parent, 2),
	LOOP(diff__never_replaces_what_it_reads, 2))
