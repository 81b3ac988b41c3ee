/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who looks at a chain is told of a merge that was interrupted (VHD-D-11,
 * VHDX-MRG-03): the merged image shows its disk, what else is on the ancestor
 * shows none that ever was.
 */
#include <unistd.h>

#include "io/io_posix.h"
#include "merge_scene.h"
#include "ops/merge_mark.h"

/* base <- middle <- top, and a merge of top that was broken off. */
struct torn {
	char base[PATH_ROOM], middle[PATH_ROOM], top[PATH_ROOM];
	char mark[PATH_ROOM], saved[PATH_ROOM];
	uint32_t flags;
	bool keep;			/* the merged images */
};

static void make(const char *path, const char *parent)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.parent = parent;
	o.virtual_size = 8 * MIB;
	o.flags = VHD_CREATE_NO_SYNC;
	need(vhd_create(path, &o, &err), &err, "create");
}

static void copy_file(const char *from, const char *to)
{
	static char buf[64 * 1024];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t len;

	ck_assert(in && out);
	len = fread(buf, 1, sizeof(buf), in);
	ck_assert_uint_eq(fwrite(buf, 1, len, out), len);
	ck_assert_int_eq(fclose(in), 0);
	ck_assert_int_eq(fclose(out), 0);
}

/* As it is when all is done but the removing: its own is what comes last. */
static void save_mark(void *arg, const char *file, const char *msg)
{
	const struct torn *t = arg;

	(void)file;
	if (!strcmp(msg, "is removed"))
		copy_file(t->mark, t->saved);
}

static int merge(struct torn *t, uint64_t calls, struct vhd_error *err)
{
	struct vhd_merge_opts o = VHD_MERGE_OPTS_INIT;
	struct patience p = { calls };

	o.into = t->base;
	o.flags = t->flags | (t->keep ? 0 : VHD_MERGE_DELETE);
	o.note = save_mark;
	o.note_arg = t;
	o.progress = lose_patience;
	o.progress_arg = &p;
	return vhd_merge(t->top, &o, NULL, err);
}

static void fill(const char *path)
{
	static uint8_t buf[6 * 1024 * 1024];
	struct vhd_image *img = open_image(path, VHD_OPEN_RDWR);
	struct vhd_error err;
	uint64_t rng = 7;

	base_rand_fill(&rng, buf, sizeof(buf));
	need(vhd_pwrite(img, buf, sizeof(buf), 0, &err), &err, "write");
	close_image(img);
}

static void tear(struct torn *t, int vhdx)
{
	const char *ext = vhdx ? "vhdx" : "vhd";
	char name[3][32];

	tempdir_make(&dir);
	snprintf(name[0], sizeof(name[0]), "base.%s", ext);
	snprintf(name[1], sizeof(name[1]), "middle.%s", ext);
	snprintf(name[2], sizeof(name[2]), "top.%s", ext);
	make(tempdir_name(&dir, name[0], t->base), NULL);
	make(tempdir_name(&dir, name[1], t->middle), t->base);
	make(tempdir_name(&dir, name[2], t->top), t->middle);
	snprintf(name[0] + strlen(name[0]), 16, ".merge");
	tempdir_name(&dir, name[0], t->mark);
	tempdir_name(&dir, "saved", t->saved);
	fill(t->top);
	ck_assert_int_eq(merge(t, 5, NULL), VHD_E_CANCELLED);
}

static void on_finding(void *arg, const struct vhd_finding *f)
{
	uint32_t *seen = arg;

	if (!strcmp(f->rule->name, "VHD1_MERGE_UNFINISHED") ||
	    !strcmp(f->rule->name, "VHDX_MERGE_UNFINISHED"))
		*seen |= 1;
	if (!strcmp(f->rule->name, "VHD1_MERGE_TORN") ||
	    !strcmp(f->rule->name, "VHDX_MERGE_TORN"))
		*seen |= 2;
	ck_assert_ptr_null(strchr(f->msg, '\n'));
}

/* 1: the merge is told of; 2: a mixture is, which is no disk to rely on. */
static uint32_t check(const char *path)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result r;
	struct vhd_error err;
	uint32_t seen = 0;

	o.finding = on_finding;
	o.finding_arg = &seen;
	need(vhd_check(path, &o, &r, &err), &err, "check");
	ck_assert_uint_eq(r.count[VHD_SEV_ERROR], seen & 2 ? 1 : 0);
	ck_assert_uint_eq(r.count[VHD_SEV_FATAL], 0);
	return seen;
}

static void ask(const char *path, int64_t merged, int64_t into)
{
	struct vhd_image *img = open_image(path, 0);
	struct vhd_error err;
	int64_t got_merged, got_into;
	uint64_t pos;

	need(vhd_merge_unfinished(img, &got_merged, &got_into, &pos, &err),
	     &err, "ask");
	ck_assert_int_eq(got_merged, merged);
	ck_assert_int_eq(got_into, into);
	ck_assert_uint_le(pos, vhd_size(img));
	close_image(img);
}

START_TEST(unfinished__each_layer_says_so)
{
	struct vhd_error err;
	struct torn t = { .flags = 0 };

	tear(&t, _i);
	ck_assert_uint_eq(check(t.top), 1);
	ck_assert_uint_eq(check(t.middle), 2);
	ck_assert_uint_eq(check(t.base), 2);
	ask(t.top, 0, 2);
	ask(t.middle, -1, 1);
	ask(t.base, -1, 0);
	need(merge(&t, 1000, &err), &err, "merge");
	ck_assert_uint_eq(check(t.base), 0);
	ask(t.base, -1, -1);
	tempdir_remove(&dir);
}
END_TEST

enum { KEEP_ID = 2 };		/* row 2: a VHD that keeps its identity */

static uint32_t row_flags(int row)
{
	return row == KEEP_ID ? VHD_MERGE_KEEP_ID : 0;
}

static bool is_there(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f)
		fclose(f);
	return f;
}

/* What is left when only the mark was to be removed is removed by the next. */
START_TEST(unfinished__a_merge_that_is_done_says_so)
{
	struct torn t = { .flags = row_flags(_i) };
	struct vhd_error err;

	tear(&t, _i == 1);
	need(merge(&t, 1000, &err), &err, "merge");
	ck_assert(!is_there(t.mark) && !is_there(t.top));
	copy_file(t.saved, t.mark);
	need(merge(&t, 1000, &err), &err, "the last step");
	ck_assert(!is_there(t.mark));
	ck_assert_int_eq(merge(&t, 1000, &err), VHD_E_IO);
	ck_assert_ptr_nonnull(strstr(err.msg, "that is done"));
	ck_assert_ptr_null(strstr(err.msg, ".merge"));
	tempdir_remove(&dir);
}
END_TEST

/* Where no identity tells that an image is spent, only the mark does. */
START_TEST(unfinished__a_mark_that_may_be_needed_stays)
{
	struct torn t = { .flags = VHD_MERGE_KEEP_ID };
	char other[PATH_ROOM];
	struct vhd_error err;

	tear(&t, 0);
	/* The merged image is there still; or the machine ran on; or nobody
	 * asks for anything to be removed. */
	if (_i == 0)
		ck_assert_int_eq(link(t.top, tempdir_name(&dir, "other",
							  other)), 0);
	need(merge(&t, 1000, &err), &err, "merge");
	copy_file(t.saved, t.mark);
	if (_i == 1)
		fill(t.base);
	if (_i == 2)
		t.keep = true;
	ck_assert_int_eq(merge(&t, 1000, &err), VHD_E_IO);
	ck_assert_ptr_nonnull(strstr(err.msg, "\"base.vhd.merge\" may be "
				     "removed"));
	ck_assert(is_there(t.mark));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(unfinished__without_the_merged_image_there_is_no_end)
{
	struct vhd_error err;
	struct torn t = { .flags = 0 };

	tear(&t, _i);
	ck_assert_int_eq(remove(t.top), 0);
	ck_assert_int_eq(merge(&t, 1000, &err), VHD_E_IO);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot be finished"));
	ck_assert_ptr_nonnull(strstr(err.msg, _i ? "\"base.vhdx.merge\"" :
					      "\"base.vhd.merge\""));
	ck_assert_uint_eq(check(t.base), 2);
	tempdir_remove(&dir);
}
END_TEST

/* The mark of a file system that does not know when files were made. */
static void forget_birth(const struct torn *t)
{
	struct vhd_mark mark = { .io = NULL };
	struct vhd_mark_facts f;
	struct vhd_io *like;
	struct vhd_error err;
	bool found;

	need(vhd_mark_find(t->base, &f, &found, &err), &err, "find");
	ck_assert(found);
	f.top_birth = 0;
	need(vhd_io_open_posix(t->base, 0, &like, &err), &err, "open");
	need(vhd_mark_begin(&mark, t->base, like, &f, &err), &err, "mark");
	vhd_mark_close(&mark);
	vhd_io_close(&like, NULL);
}

START_TEST(unfinished__no_birth_is_nobodys)
{
	struct torn t = { .flags = 0 };
	struct vhd_image *img;
	struct vhd_error err;
	int64_t merged, into;
	uint64_t pos;

	tear(&t, _i);
	forget_birth(&t);
	img = open_image(t.middle, 0);
	/* Its file has none now, as all have there. */
	ck_assert_int_eq(remove(t.middle), 0);
	need(vhd_merge_unfinished(img, &merged, &into, &pos, &err), &err,
	     "ask");
	ck_assert_int_eq(merged, -1);
	ck_assert_int_eq(into, 1);
	close_image(img);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/merge_unfinished",
	LOOP(unfinished__each_layer_says_so, 2),
	LOOP(unfinished__a_merge_that_is_done_says_so, 3),
	LOOP(unfinished__a_mark_that_may_be_needed_stays, 3),
	LOOP(unfinished__no_birth_is_nobodys, 2),
	LOOP(unfinished__without_the_merged_image_there_is_no_end, 2))
