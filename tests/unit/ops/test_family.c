/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is whose child in a folder, and who finds his parent again; with each
 * allocation failing once.
 */
#include <check.h>

#include "base/alloc.h"
#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static uint64_t allocs, fail_alloc;

/* Replaces the library's own (base/alloc.h). */
bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return ++allocs != fail_alloc;
}

static struct tempdir dir;

static const char *at(const char *name)
{
	static char buf[8][512];
	static unsigned turn;

	return tempdir_name(&dir, name, buf[turn++ % 8]);
}

static void create(const char *name, const char *parent)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.flags = VHD_CREATE_NO_SYNC;
	o.virtual_size = parent ? 0 : 4 * MIB;
	o.parent = parent ? at(parent) : NULL;
	if (vhd_create(at(name), &o, &err))
		ck_abort_msg("%s", err.msg);
}

static const char *const exts[] = { "vhd", "vhdx" };

/* base, mid and leaf, and a lonely one whose parent is gone. */
static void scene(const char *ext)
{
	char base[32], mid[32], leaf[32], lone[32];

	tempdir_make(&dir);
	snprintf(base, sizeof(base), "base.%s", ext);
	snprintf(mid, sizeof(mid), "mid.%s", ext);
	snprintf(leaf, sizeof(leaf), "leaf.%s", ext);
	snprintf(lone, sizeof(lone), "lone.%s", ext);
	create(lone, NULL);
	create(base, NULL);
	create(mid, base);
	create(leaf, mid);
	ck_assert_int_eq(unlink(at(lone)), 0);
	create(lone, base);
}

static void rename_to(const char *from, const char *to, const char *ext)
{
	char a[64], b[64];

	snprintf(a, sizeof(a), "%s.%s", from, ext);
	snprintf(b, sizeof(b), "%s.%s", to, ext);
	ck_assert_int_eq(rename(at(a), at(b)), 0);
}

static const struct vhd_member *find(const struct vhd_family *fam,
				     const char *part)
{
	for (size_t i = 0; i < vhd_family_count(fam); i++) {
		const struct vhd_member *m = vhd_family_get(fam, i);

		if (strstr(m->path, part))
			return m;
	}
	ck_abort_msg("no %s", part);
}

static const char *parent_of(const struct vhd_family *fam, const char *part)
{
	const struct vhd_member *m = find(fam, part);

	return m->parent < 0 ? "" :
	       vhd_family_get(fam, (size_t)m->parent)->path;
}

START_TEST(family__knows_parents_by_name_and_by_identity)
{
	const char *paths[2] = { NULL, NULL };
	struct vhd_family *fam = NULL;

	scene(exts[_i]);
	paths[0] = dir.path;
	ck_assert_int_eq(vhd_family_scan(paths, NULL, &fam, NULL), 0);
	ck_assert_uint_eq(vhd_family_count(fam), 4);
	ck_assert_ptr_null(vhd_family_get(fam, 4));
	ck_assert_ptr_nonnull(strstr(parent_of(fam, "leaf"), "mid"));
	ck_assert_ptr_nonnull(strstr(parent_of(fam, "lone"), "base"));
	ck_assert_str_eq(parent_of(fam, "base"), "");
	for (size_t i = 0; i < 4; i++)
		ck_assert_ptr_null(vhd_family_get(fam, i)->why);
	vhd_family_free(&fam);

	rename_to("base", "other", exts[_i]);
	ck_assert_int_eq(vhd_family_scan(paths, NULL, &fam, NULL), 0);
	ck_assert_ptr_nonnull(strstr(parent_of(fam, "mid"), "other"));
	ck_assert_ptr_nonnull(strstr(find(fam, "mid")->why, "other"));
	ck_assert_ptr_null(find(fam, "leaf")->why);
	vhd_family_free(&fam);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(family__fails_whole_without_memory)
{
	const char *paths[2] = { NULL, NULL };
	struct vhd_family *fam = NULL;
	int rc = -1;

	scene(exts[_i]);
	rename_to("base", "other", exts[_i]);
	paths[0] = dir.path;
	for (uint64_t n = 1; rc && n < 3000; n++) {
		struct vhd_error err = { .code = 0 };

		allocs = 0;
		fail_alloc = n;
		rc = vhd_family_scan(paths, NULL, &fam, &err);
		fail_alloc = 0;
		ck_assert(!rc || rc == VHD_E_NOMEM || rc == VHD_E_IO);
		ck_assert(rc || allocs < n || fam);
		/* One that seemed to succeed has it all. */
		if (!rc)
			ck_assert_uint_eq(vhd_family_count(fam), 4);
		if (!rc && allocs >= n) {
			vhd_family_free(&fam);
			rc = -1;
		}
	}
	ck_assert_int_eq(rc, 0);
	vhd_family_free(&fam);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(relink__fails_whole_without_memory)
{
	const char *dirs[2] = { NULL, NULL };
	char leaf[64];
	bool changed = false;
	int rc = -1;

	scene(exts[_i]);
	rename_to("base", "other", exts[_i]);
	rename_to("mid", "middle", exts[_i]);
	snprintf(leaf, sizeof(leaf), "leaf.%s", exts[_i]);
	dirs[0] = dir.path;
	for (uint64_t n = 1; rc && n < 5000; n++) {
		struct vhd_error err = { .code = 0 };

		allocs = 0;
		fail_alloc = n;
		rc = vhd_relink(at(leaf), dirs, 0, NULL, NULL, NULL, &changed,
				&err);
		fail_alloc = 0;
		if (rc)
			ck_assert_str_ne(err.msg, "");
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(vhd_relink(at(leaf), NULL, 0, NULL, NULL, NULL,
				    &changed, NULL), 0);
	ck_assert(!changed);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/family",
	LOOP(family__knows_parents_by_name_and_by_identity, 2),
	LOOP(family__fails_whole_without_memory, 2),
	LOOP(relink__fails_whole_without_memory, 2))
