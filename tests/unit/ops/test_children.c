/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "ops/kin.h"
#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static const char *const formats[] = { "vhd", "vhdx" };
static struct tempdir dir;
static char base[512];

static void make(const char *path, const char *parent)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.parent = parent;
	o.virtual_size = 8 * MIB;
	o.flags = VHD_CREATE_NO_SYNC;
	if (vhd_create(path, &o, &err))
		ck_abort_msg("create %s: %s", path, err.msg);
}

static const char *name_of(const char *name, int i, char path[512])
{
	char file[64];

	snprintf(file, sizeof(file), "%s.%s", name, formats[i]);
	return tempdir_name(&dir, file, path);
}

static void rig(int i)
{
	tempdir_make(&dir);
	make(name_of("base", i, base), NULL);
}

struct seen {
	unsigned int count, most;
	char last[512];
};

static bool note(void *arg, const char *path)
{
	struct seen *s = arg;

	s->count++;
	snprintf(s->last, sizeof(s->last), "%s", path);
	return s->count < s->most;
}

static struct seen look(const char *path)
{
	struct seen s = { .most = 1000 };
	struct vhd_image *img = NULL;

	ck_assert_int_eq(vhd_open(path, NULL, &img, NULL), 0);
	ck_assert_int_eq(vhd_children(img, note, &s, NULL), 0);
	vhd_close(&img, NULL);
	return s;
}

START_TEST(children__one_that_records_us_is_found)
{
	char child[512], other[512];

	rig(_i);
	make(name_of("child", _i, child), base);
	make(name_of("other", _i, other), NULL);
	ck_assert_uint_eq(look(base).count, 1);
	ck_assert_str_eq(strrchr(look(base).last, '/'), strrchr(child, '/'));
	ck_assert_uint_eq(look(child).count, 0);
	ck_assert_uint_eq(look(other).count, 0);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(children__a_grandchild_is_the_childs)
{
	char child[512], grandchild[512];

	rig(_i);
	make(name_of("child", _i, child), base);
	make(name_of("grandchild", _i, grandchild), child);
	ck_assert_uint_eq(look(base).count, 1);
	ck_assert_uint_eq(look(child).count, 1);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(children__the_caller_may_end_the_search)
{
	struct seen s = { .most = 1 };
	struct vhd_image *img = NULL;
	char path[512];

	rig(_i);
	make(name_of("one", _i, path), base);
	make(name_of("two", _i, path), base);
	ck_assert_uint_eq(look(base).count, 2);
	ck_assert_int_eq(vhd_open(base, NULL, &img, NULL), 0);
	ck_assert_int_eq(vhd_children(img, note, &s, NULL), 0);
	ck_assert_uint_eq(s.count, 1);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(children__files_that_are_no_images_are_none)
{
	char path[512];
	FILE *f;

	rig(_i);
	f = fopen(name_of("text", _i, path), "w");
	ck_assert_ptr_nonnull(f);
	fputs("no image", f);
	fclose(f);
	ck_assert_uint_eq(look(base).count, 0);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(children__a_search_that_ends_early_says_so)
{
	char path[512], child[512], name[32];
	struct vhd_image *img = NULL;
	struct seen s = { .most = 1000 };

	rig(_i);
	make(name_of("child", _i, child), base);
	for (int n = 0; n < 5000; n++) {
		FILE *f;

		snprintf(name, sizeof(name), "x%d.%s", n, formats[_i]);
		f = fopen(tempdir_name(&dir, name, path), "w");
		ck_assert_ptr_nonnull(f);
		fclose(f);
	}
	ck_assert_uint_eq(look(base).count, 1);
	ck_assert_int_eq(vhd_open(base, NULL, &img, NULL), 0);
	ck_assert_int_eq(vhd_kin_search(img, 5002, note, &s, NULL), 0);
	ck_assert_int_eq(vhd_kin_search(img, 5001, note, &s, NULL),
			 VHD_E_REFUSED);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/children",
	LOOP(children__one_that_records_us_is_found, 2),
	LOOP(children__a_grandchild_is_the_childs, 2),
	LOOP(children__the_caller_may_end_the_search, 2),
	LOOP(children__files_that_are_no_images_are_none, 2),
	LOOP(children__a_search_that_ends_early_says_so, 2))
