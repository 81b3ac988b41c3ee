/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/path.h"
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

/* Compares with a string that was allocated, and frees it. */
static void is(char *got, const char *want)
{
	if (want)
		ck_assert_str_eq(got ? got : "(none)", want);
	else
		ck_assert_ptr_null(got);
	vhd_free(got);
}

static const struct {
	const char *path, *dir, *base;
} splits[] = {
	{ "", ".", "" },	   { "x", ".", "x" },
	{ "/", "/", "" },	   { "/x", "/", "x" },
	{ "//x", "/", "x" },	   { "a/b", "a", "b" },
	{ "a//b", "a", "b" },	   { "/a/b/c", "/a/b", "c" },
	{ "a/", "a", "" },	   { "./x", ".", "x" },
	{ "../x", "..", "x" },	   { "/a/../x", "/a/..", "x" },
};

START_TEST(path__splits_into_directory_and_last_component)
{
	is(vhd_path_dir(splits[_i].path), splits[_i].dir);
	ck_assert_str_eq(vhd_path_base(splits[_i].path), splits[_i].base);
}
END_TEST

static const struct {
	const char *dir, *name, *joined;
} joins[] = {
	{ "a", "b", "a/b" },	 { "a/", "b", "a/b" },
	{ "/", "b", "/b" },	 { "a", "/b", "/b" },
	{ "", "b", "b" },	 { ".", "b", "./b" },
	{ "a", "", "a/" },	 { "a", "../b", "a/../b" },
};

START_TEST(path__joins_unless_the_name_is_absolute)
{
	is(vhd_path_join(joins[_i].dir, joins[_i].name), joins[_i].joined);
}
END_TEST

static const struct {
	const char *path, *dir;
	bool below;
} belows[] = {
	{ "/a/b", "/a", true },	   { "/a/b/c", "/a", true },
	{ "/a", "/a", true },	   { "/ab", "/a", false },
	{ "/", "/a", false },	   { "/a", "/a/b", false },
	{ "/a", "/", true },	   { "/", "/", true },
	{ "/a/b", "/a/", true },   { "/b/a", "/a", false },
	{ "/a.vhd", "/a", false },
};

START_TEST(path__below_respects_borders_of_components)
{
	ck_assert(vhd_path_below(belows[_i].path, belows[_i].dir) ==
		  belows[_i].below);
}
END_TEST

static const struct {
	const char *from, *to, *rel;
} relatives[] = {
	{ "/a/b", "/a/b/c", "c" },
	{ "/a/b", "/a/b/c/d", "c/d" },
	{ "/a/b", "/a/x", "../x" },
	{ "/a/b", "/x/y", "../../x/y" },
	{ "/a/b", "/a/bc", "../bc" },
	{ "/a/bc", "/a/b", "../b" },
	{ "/", "/x", "x" },
	{ "/", "/x/y", "x/y" },
	{ "/a", "/", ".." },
	{ "/a/b", "/", "../.." },
	{ "/a/b", "/a", ".." },
	{ "/a", "/a", "." },
	{ "/", "/", "." },
	{ "/a/", "/a/x", "x" },
	{ "a", "/a", NULL },
	{ "/a", "a", NULL },
};

START_TEST(path__relative_leads_from_one_place_to_another)
{
	is(vhd_path_relative(relatives[_i].from, relatives[_i].to),
	   relatives[_i].rel);
}
END_TEST

START_TEST(path__real_follows_links_and_needs_the_file)
{
	const char *file = io_tmp_file(tmp, "f", "", 0);
	const char *link = io_tmp_path(tmp, "l");
	char *real = vhd_path_real(file);

	ck_assert_ptr_nonnull(real);
	ck_assert_int_eq(symlink("f", link), 0);
	is(vhd_path_real(link), real);
	is(vhd_path_real(io_tmp_path(tmp, "./../none")), NULL);
	vhd_free(real);
}
END_TEST

START_TEST(path__exists_follows_links)
{
	const char *link = io_tmp_path(tmp, "l");

	ck_assert(vhd_path_exists(io_tmp_dir(tmp)));
	ck_assert(!vhd_path_exists(io_tmp_path(tmp, "none")));
	ck_assert_int_eq(symlink("none", link), 0);
	ck_assert(!vhd_path_exists(link));
}
END_TEST

/* Dir/Base.VHDX, Dir/one, Dir/ONE and Dir/Two, DIR2/x and dir2/y. */
static void make_tree(void)
{
	ck_assert_int_eq(mkdir(io_tmp_path(tmp, "Dir"), 0755), 0);
	ck_assert_int_eq(mkdir(io_tmp_path(tmp, "DIR2"), 0755), 0);
	ck_assert_int_eq(mkdir(io_tmp_path(tmp, "dir2"), 0755), 0);
	io_tmp_file(tmp, "Dir/Base.VHDX", "", 0);
	io_tmp_file(tmp, "Dir/one", "", 0);
	io_tmp_file(tmp, "Dir/ONE", "", 0);
	io_tmp_file(tmp, "Dir/Two", "", 0);
	io_tmp_file(tmp, "DIR2/x", "", 0);
}

static const struct {
	const char *rel, *found;
} searches[] = {
	{ "dir/base.vhdx", "Dir/Base.VHDX" },
	{ "Dir/Base.VHDX", "Dir/Base.VHDX" },
	{ "./DIR//base.VHDX", "Dir/Base.VHDX" },
	{ "dir", "Dir" },
	{ "dir/", "Dir" },
	/* An exact name is never ambiguous, another one may be. */
	{ "dir/one", "Dir/one" },
	{ "dir/ONE", "Dir/ONE" },
	{ "dir/One", NULL },
	{ "Dir2/x", NULL },
	{ "DIR2/X", "DIR2/x" },
	/* The exact directory is taken though the other has the file. */
	{ "dir2/x", NULL },
	{ "dir/none", NULL },
	{ "dir/two/more", NULL },
	{ "dir/../dir/two", NULL },
	{ "..", NULL },
	{ "", NULL },
	{ ".", NULL },
	{ "/etc", NULL },
};

/* VHDX-PATH-05 */
START_TEST(path__search_without_case_finds_what_is_unambiguous)
{
	char *got;

	make_tree();
	got = vhd_path_find_nocase(io_tmp_dir(tmp), searches[_i].rel);
	is(got, searches[_i].found ? io_tmp_path(tmp, searches[_i].found) :
				     NULL);
}
END_TEST

START_TEST(path__search_without_case_knows_ascii_letters_only)
{
	io_tmp_file(tmp, "\303\204[", "", 0);
	is(vhd_path_find_nocase(io_tmp_dir(tmp), "\303\244["), NULL);
	is(vhd_path_find_nocase(io_tmp_dir(tmp), "\303\204{"), NULL);
	is(vhd_path_find_nocase("/nowhere", "x"), NULL);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(*(table))))

int main(void)
{
	Suite *s = suite_create("path");
	TCase *tc = tcase_create("path");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, path__splits_into_directory_and_last_component,
			    0, ROWS(splits));
	tcase_add_loop_test(tc, path__joins_unless_the_name_is_absolute, 0,
			    ROWS(joins));
	tcase_add_loop_test(tc, path__below_respects_borders_of_components, 0,
			    ROWS(belows));
	tcase_add_loop_test(tc, path__relative_leads_from_one_place_to_another,
			    0, ROWS(relatives));
	tcase_add_test(tc, path__real_follows_links_and_needs_the_file);
	tcase_add_test(tc, path__exists_follows_links);
	tcase_add_loop_test(tc, path__search_without_case_finds_what_is_unambiguous,
			    0, ROWS(searches));
	tcase_add_test(tc, path__search_without_case_knows_ascii_letters_only);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
