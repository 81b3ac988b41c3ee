/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of files that stay the same.  Those of volumes need a /dev with some, which
 * tests/classic makes.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/canonical.h"
#include "io/path.h"
#include "support/check_main.h"
#include "support/io_tmp.h"

static struct io_tmp *tmp;
static char *root;			/* its directory, without links */

static void setup(void)
{
	tmp = io_tmp_new();
	root = vhd_path_real(io_tmp_dir(tmp));
	ck_assert_ptr_nonnull(root);
	ck_assert_int_eq(mkdir(io_tmp_path(tmp, "sub"), 0755), 0);
	io_tmp_file(tmp, "sub/f", "", 0);
}

static void teardown(void)
{
	vhd_free(root);
	io_tmp_free(tmp);
}

static void link_to(const char *to, const char *name)
{
	ck_assert_int_eq(symlink(to, io_tmp_path(tmp, name)), 0);
}

/* @name, in the test's directory, is @want there; NULL: no name, for @error. */
static void is(const char *name, const char *want, int error)
{
	char *got = vhd_path_canonical(io_tmp_path(tmp, name));
	char *full = want ? vhd_path_join(root, want) : NULL;

	if (want) {
		ck_assert_str_eq(got ? got : "(none)", full);
	} else {
		ck_assert_int_eq(errno, error);
		ck_assert_ptr_null(got);
	}
	vhd_free(full);
	vhd_free(got);
}

START_TEST(canonical__resolves_links)
{
	setup();
	link_to("sub/f", "l");
	link_to("l", "l2");
	link_to("sub", "d");
	link_to("../l2", "sub/back");
	link_to(io_tmp_path(tmp, "d/f"), "full");
	is("sub/f", "sub/f", 0);
	is("./sub//../sub/f", "sub/f", 0);
	is("l", "sub/f", 0);
	is("l2", "sub/f", 0);
	is("d/f", "sub/f", 0);
	is("d/back", "sub/f", 0);
	is("full", "sub/f", 0);
	is("d", "sub", 0);
	is("d/", "sub", 0);
	is("sub/.", "sub", 0);
	teardown();
}
END_TEST

START_TEST(canonical__needs_the_file)
{
	char *got;

	setup();
	link_to("nope", "dangling");
	link_to("b", "a");
	link_to("a", "b");
	is("nope", NULL, ENOENT);
	is("no/f", NULL, ENOENT);
	is("dangling", NULL, ENOENT);
	is("a", NULL, ELOOP);
	is("sub/f/x", NULL, ENOTDIR);
	got = vhd_path_canonical("");
	ck_assert_ptr_null(got);
	ck_assert_int_eq(errno, ENOENT);
	teardown();
}
END_TEST

START_TEST(canonical__is_relative_to_the_working_directory)
{
	char *got, *want;

	setup();
	ck_assert_int_eq(chdir(io_tmp_path(tmp, "sub")), 0);
	got = vhd_path_canonical("f");
	want = vhd_path_join(root, "sub/f");
	ck_assert_str_eq(got ? got : "(none)", want);
	vhd_free(got);
	vhd_free(want);
	ck_assert_int_eq(chdir("/"), 0);
	teardown();
}
END_TEST

static const struct {
	const char *name;
	bool kept;
} volumes[] = {
	{ "/dev/mapper/VG-LV", true },
	{ "/dev/mapper", false },
	{ "/dev/mapper/sub/x", false },
	{ "/dev/drbd/by-res/res/0", true },
	{ "/dev/drbd/by-res/res", true },
	{ "/dev/drbd/by-disk/x", false },
	{ "/dev/VG/LV", false },
	{ "/dev/sda", false },
	{ "/srv/dev/mapper/x", false },
	{ "x", false },
};

START_TEST(canonical__names_of_volumes_are_kept)
{
	ck_assert_int_eq(vhd_path_is_kept(volumes[_i].name), volumes[_i].kept);
}
END_TEST

TEST_MAIN_ROWS("io/canonical",
	ONCE(canonical__resolves_links),
	ONCE(canonical__needs_the_file),
	ONCE(canonical__is_relative_to_the_working_directory),
	LOOP(canonical__names_of_volumes_are_kept,
	     (int)(sizeof(volumes) / sizeof(volumes[0]))))
