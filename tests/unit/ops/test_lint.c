/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all rows of lint have in common: layers, names, options.  Each row has
 * its image in cli/lint_rows.
 */
#include "ops/lint.h"

#include <check.h>
#include <string.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static struct tempdir dir;
static char path[512], other[512];

struct heard {
	unsigned int count;
	struct {
		enum vhd_advice_kind kind;
		char clause[32], file[512], msg[512], mend[1536];
	} one[16];
};

static struct heard heard;

static void on_advice(void *arg, const struct vhd_advice *a)
{
	struct heard *h = arg;

	ck_assert_uint_lt(h->count, 16);
	h->one[h->count].kind = a->kind;
	snprintf(h->one[h->count].clause, 32, "%s", a->clause);
	snprintf(h->one[h->count].file, 512, "%s", a->file);
	snprintf(h->one[h->count].msg, 512, "%s", a->msg);
	snprintf(h->one[h->count].mend, 1536, "%s", a->mend ? a->mend : "");
	h->count++;
}

static struct vhd_lint_result lint(const char *file, enum vhd_target target)
{
	struct vhd_lint_opts o = VHD_LINT_OPTS_INIT;
	struct vhd_lint_result r;
	struct vhd_error err;

	memset(&heard, 0, sizeof(heard));
	o.target = target;
	o.advice = on_advice;
	o.arg = &heard;
	if (vhd_lint(file, &o, &r, &err))
		ck_abort_msg("%s: %s", file, err.msg);
	return r;
}

static void make(const char *name, const char *parent, uint64_t block)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	tempdir_name(&dir, name, path);
	o.parent = parent;
	o.virtual_size = parent ? 0 : 32 * MIB;
	o.block_size = block;
	if (vhd_create(path, &o, &err))
		ck_abort_msg("%s", err.msg);
}

START_TEST(lint__a_layer_is_blamed_by_name)
{
	struct vhd_lint_result r;

	tempdir_make(&dir);
	make("base.vhd", NULL, 512 * 1024);
	strcpy(other, path);
	make("child.vhd", other, 2 * MIB);
	r = lint(path, VHD_TARGET_XEN);
	ck_assert_uint_eq(r.count[VHD_ADVICE_REFUSED], 1);
	for (unsigned int i = 0; i < heard.count; i++) {
		if (heard.one[i].kind != VHD_ADVICE_REFUSED)
			continue;
		ck_assert_str_eq(heard.one[i].clause, "VHD-H-5");
		ck_assert_str_eq(heard.one[i].file, other);
		/* what mends it makes one image of both */
		ck_assert_ptr_nonnull(strstr(heard.one[i].mend, "child.vhd"));
	}
	tempdir_remove(&dir);
}
END_TEST

START_TEST(lint__what_concerns_the_image_is_not_asked_of_parents)
{
	struct vhd_lint_result r;

	tempdir_make(&dir);
	make("base.vhdx", NULL, 0);
	strcpy(other, path);
	make("child.vhdx", other, 0);
	r = lint(path, VHD_TARGET_AZURE);
	/* no VHD, and differencing: the child's, not the base's too */
	ck_assert_uint_eq(r.count[VHD_ADVICE_REFUSED], 2);
	for (unsigned int i = 0; i < heard.count; i++)
		ck_assert_str_eq(heard.one[i].file, path);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(lint__names_are_quoted_for_a_shell)
{
	static const struct {
		const char *name, *quoted;
	} rows[] = {
		{ "a b.vhdx", "/a b.vhdx' " },
		{ "it's.vhdx", "/it'\\''s.vhdx' " },
		{ "$(x)`y`.vhdx", "/$(x)`y`.vhdx' " },
		{ "noext", "/noext-azure.vhd'" },
		{ ".hidden", "/.hidden-azure.vhd'" },
		{ "a.b.vhdx", "/a.b-azure.vhd'" },
	};
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;

	tempdir_make(&dir);
	o.format = VHD_FORMAT_VHDX;
	o.virtual_size = 32 * MIB;
	tempdir_name(&dir, rows[_i].name, path);
	ck_assert_int_eq(vhd_create(path, &o, NULL), 0);
	lint(path, VHD_TARGET_AZURE);
	ck_assert_uint_eq(heard.count, 1);
	ck_assert_ptr_nonnull(strstr(heard.one[0].mend, rows[_i].quoted));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(lint__a_name_is_no_option)
{
	char back[512];

	tempdir_make(&dir);
	make("-f.vhdx", NULL, 0);
	ck_assert_ptr_nonnull(getcwd(back, sizeof(back)));
	ck_assert_int_eq(chdir(dir.path), 0);
	lint("-f.vhdx", VHD_TARGET_AZURE);
	ck_assert_int_eq(chdir(back), 0);
	ck_assert_str_eq(heard.one[0].mend,
			 "vhd-util convert --for azure './-f.vhdx' "
			 "'./-f-azure.vhd'");
	tempdir_remove(&dir);
}
END_TEST

START_TEST(lint__every_row_is_whole)
{
	const struct vhd_lint_table *t =
		vhd_lint_table_of((enum vhd_target)(_i + 1));
	size_t i;

	ck_assert_ptr_nonnull(t);
	ck_assert_uint_gt(t->count, 0);
	for (i = 0; i < t->count; i++) {
		const struct vhd_lint_row *row = &t->rows[i];

		ck_assert_ptr_nonnull(row->clause);
		ck_assert_ptr_nonnull(row->msg);
		/* a consent that repair refuses would be bad advice */
		if (row->mend == VHD_MEND_REPAIR ||
		    row->mend == VHD_MEND_RELINK)
			ck_assert_int_ne(vhd_rule_get(row->rule)->repair,
					 VHD_REPAIR_NONE);
		if (row->mend == VHD_MEND_RENAME)
			ck_assert_ptr_nonnull(row->option);
	}
}
END_TEST

START_TEST(lint__bad_use_is_refused)
{
	struct vhd_lint_opts o = VHD_LINT_OPTS_INIT;
	struct vhd_lint_result r;
	struct vhd_error err;

	tempdir_make(&dir);
	make("a.vhdx", NULL, 0);
	ck_assert_int_eq(vhd_lint(path, NULL, &r, &err), VHD_E_INVAL);
	ck_assert_int_eq(vhd_lint(path, &o, &r, &err), VHD_E_INVAL);
	o.target = (enum vhd_target)99;
	ck_assert_int_eq(vhd_lint(path, &o, &r, &err), VHD_E_INVAL);
	o.target = VHD_TARGET_QEMU;
	o.flags = 1;
	ck_assert_int_eq(vhd_lint(path, &o, &r, &err), VHD_E_INVAL);
	o.flags = 0;
	ck_assert_int_eq(vhd_lint(path, &o, NULL, &err), VHD_E_INVAL);
	ck_assert_int_eq(vhd_lint(path, &o, &r, &err), 0);
	tempdir_write(path, "note", 4);
	ck_assert_int_eq(vhd_lint(path, &o, &r, &err), VHD_E_FORMAT);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/lint",
	ONCE(lint__a_layer_is_blamed_by_name),
	ONCE(lint__what_concerns_the_image_is_not_asked_of_parents),
	LOOP(lint__names_are_quoted_for_a_shell, 6),
	ONCE(lint__a_name_is_no_option),
	LOOP(lint__every_row_is_whole, 5),
	ONCE(lint__bad_use_is_refused))
