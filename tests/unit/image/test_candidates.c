/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/candidates.h"

#include <check.h>
#include <string.h>

#include "support/check_main.h"
#include "support/tempdir.h"

struct rig {
	struct tempdir dir;
	char child[512];
	struct vhd_locator loc[4];
	struct vhd_parent_ref ref;
	struct vhd_candidates c;
};

static void rig_make(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	tempdir_make(&r->dir);
	tempdir_name(&r->dir, "child.vhdx", r->child);
	tempdir_write(r->child, "x", 1);
	r->ref.locators = r->loc;
}

static void rig_add(struct rig *r, enum vhd_locator_kind kind, const char *text)
{
	r->loc[r->ref.locator_count].kind = kind;
	r->loc[r->ref.locator_count++].text = text;
}

static void rig_list(struct rig *r, const char *const *dirs)
{
	ck_assert(vhd_candidates_list(r->child, &r->ref, dirs, VHD_CASE_EXACT,
				      &r->c));
}

static void rig_free(struct rig *r)
{
	vhd_candidates_free(&r->c);
	tempdir_remove(&r->dir);
}

static void expect(const struct rig *r, size_t i, const char *name)
{
	char want[512];

	ck_assert_uint_lt(i, r->c.count);
	ck_assert_str_eq(r->c.path[i], name[0] == '/' ?
			 name : tempdir_name(&r->dir, name, want));
}

START_TEST(candidates__relative_windows_path_is_below_the_child)
{
	struct rig r;

	rig_make(&r);
	rig_add(&r, VHD_LOCATOR_RELATIVE, ".\\base.vhdx");
	rig_list(&r, NULL);
	ck_assert_uint_eq(r.c.count, 1);
	expect(&r, 0, "base.vhdx");
	rig_free(&r);
}
END_TEST

START_TEST(candidates__drive_paths_only_lend_their_last_component)
{
	struct rig r;

	rig_make(&r);
	rig_add(&r, VHD_LOCATOR_ABSOLUTE, "\\\\?\\C:\\vm\\a.vhdx");
	rig_add(&r, VHD_LOCATOR_ABSOLUTE, "D:\\b.vhdx");
	rig_add(&r, VHD_LOCATOR_VOLUME, "\\\\?\\Volume{0}\\x\\c.vhdx");
	rig_list(&r, NULL);
	ck_assert_uint_eq(r.c.count, 3);
	expect(&r, 0, "a.vhdx");
	expect(&r, 1, "b.vhdx");
	expect(&r, 2, "c.vhdx");
	rig_free(&r);
}
END_TEST

START_TEST(candidates__recorded_order_comes_before_bare_names)
{
	struct rig r;

	rig_make(&r);
	rig_add(&r, VHD_LOCATOR_RELATIVE, "..\\other\\p.vhd");
	rig_add(&r, VHD_LOCATOR_ABSOLUTE, "/srv/vm/q.vhd");
	rig_list(&r, NULL);
	expect(&r, 0, "../other/p.vhd");
	expect(&r, 1, "/srv/vm/q.vhd");
	expect(&r, 2, "p.vhd");
	expect(&r, 3, "q.vhd");
	ck_assert_uint_eq(r.c.count, 4);
	rig_free(&r);
}
END_TEST

START_TEST(candidates__other_case_is_a_list_of_its_own)
{
	struct rig r;
	char base[512];

	rig_make(&r);
	tempdir_write(tempdir_name(&r.dir, "Base.VHDX", base), "x", 1);
	rig_add(&r, VHD_LOCATOR_RELATIVE, ".\\base.vhdx");
	rig_list(&r, NULL);
	ck_assert_uint_eq(r.c.count, 1);
	expect(&r, 0, "base.vhdx");
	vhd_candidates_free(&r.c);
	ck_assert(vhd_candidates_list(r.child, &r.ref, NULL, VHD_CASE_IGNORED,
				      &r.c));
	ck_assert_uint_eq(r.c.count, 1);
	expect(&r, 0, "Base.VHDX");
	rig_free(&r);
}
END_TEST

START_TEST(candidates__allowed_directories_are_searched_last)
{
	struct rig r;
	const char *dirs[] = { "/srv/images", NULL };

	rig_make(&r);
	rig_add(&r, VHD_LOCATOR_RELATIVE, ".\\gold\\base.vhdx");
	rig_list(&r, dirs);
	expect(&r, 0, "gold/base.vhdx");
	expect(&r, 1, "base.vhdx");
	expect(&r, 2, "/srv/images/gold/base.vhdx");
	expect(&r, 3, "/srv/images/base.vhdx");
	rig_free(&r);
}
END_TEST

START_TEST(candidates__a_link_is_looked_at_from_both_ends)
{
	struct rig r;
	char sub[512], target[640];

	rig_make(&r);
	mkdir(tempdir_name(&r.dir, "real", sub), 0700);
	snprintf(target, sizeof(target), "%s/child.vhdx", sub);
	tempdir_write(target, "x", 1);
	unlink(r.child);
	ck_assert_int_eq(symlink(target, r.child), 0);
	rig_add(&r, VHD_LOCATOR_RELATIVE, "p.vhdx");
	rig_list(&r, NULL);
	expect(&r, 0, "real/p.vhdx");
	expect(&r, 1, "p.vhdx");
	rig_free(&r);
}
END_TEST

TEST_MAIN("image/candidates",
	  candidates__relative_windows_path_is_below_the_child,
	  candidates__drive_paths_only_lend_their_last_component,
	  candidates__recorded_order_comes_before_bare_names,
	  candidates__other_case_is_a_list_of_its_own,
	  candidates__allowed_directories_are_searched_last,
	  candidates__a_link_is_looked_at_from_both_ends)
