/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a merge refuses, remembers and leaves alone: VHD-D-5, VHD-D-11, VHD-X-2;
 * VHDX-MRG-04, VHDX-MRG-05, VHDX-PAR-11.
 */
#include <fcntl.h>

#include "merge_scene.h"

static void make_child(const char *path, const char *parent, uint64_t size)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.parent = parent;
	o.virtual_size = size;
	o.flags = VHD_CREATE_NO_SYNC;
	need(vhd_create(path, &o, &err), &err, "create");
}

/* base <- middle <- top, and what a test adds. */
struct three {
	char base[PATH_ROOM], middle[PATH_ROOM], top[PATH_ROOM];
	char more[PATH_ROOM];
};

static void three_make(struct three *t, int i)
{
	char name[4][32];
	static const char *const names[] = { "base", "middle", "top",
					     "more" };

	tempdir_make(&dir);
	for (int k = 0; k < 4; k++)
		snprintf(name[k], sizeof(name[k]), "%s.%s", names[k],
			 i ? "vhdx" : "vhd");
	tempdir_name(&dir, name[0], t->base);
	tempdir_name(&dir, name[1], t->middle);
	tempdir_name(&dir, name[2], t->top);
	tempdir_name(&dir, name[3], t->more);
	make_child(t->base, NULL, 8 * MIB);
	make_child(t->middle, t->base, 8 * MIB);
	make_child(t->top, t->middle, 8 * MIB);
}

static int merge_three(const struct three *t, const char *into,
		       uint32_t flags, struct vhd_error *err)
{
	struct vhd_merge_opts o = VHD_MERGE_OPTS_INIT;

	o.flags = flags;
	o.into = into;
	return vhd_merge(t->top, &o, NULL, err);
}

START_TEST(merge__other_children_refuse_it)
{
	struct vhd_error err;
	struct three t;

	three_make(&t, _i);
	make_child(t.more, t.middle, 8 * MIB);
	ck_assert_int_eq(merge_three(&t, NULL, 0, &err), VHD_E_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.msg, "more.vhd"));
	ck_assert_int_eq(merge_three(&t, t.base, 0, &err), VHD_E_REFUSED);
	ck_assert_int_eq(status_of_open(t.more), 0);
	need(merge_three(&t, t.base, VHD_CHANGE_ORPHAN, &err), &err, "merge");
	ck_assert_int_eq(status_of_open(t.more), VHD_E_PARENT);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(merge__an_ancestor_that_is_larger_is_refused)
{

	struct vhd_error err;
	struct three t;


	three_make(&t, _i);
	need(vhd_resize(t.middle, 16 * MIB,
			&(struct vhd_resize_opts){
				.size = sizeof(struct vhd_resize_opts),
				.flags = VHD_CHANGE_ORPHAN },
			NULL, &err), &err, "resize");
	if (_i) {
		/* The child of a VHDX knows that it has changed. */
		ck_assert_int_eq(merge_three(&t, NULL, 0, &err),
				 VHD_E_PARENT);
	} else {
		ck_assert_int_eq(merge_three(&t, NULL, 0, &err), VHD_E_INVAL);
		ck_assert_ptr_nonnull(strstr(err.msg, "cut"));
	}
	tempdir_remove(&dir);
}
END_TEST

START_TEST(merge__again_when_it_is_done)
{
	struct vhd_merge_opts o = VHD_MERGE_OPTS_INIT;
	struct vhd_merge_result r;
	struct vhd_error err;
	struct three t;

	three_make(&t, _i);
	make_child(t.more, t.top, 8 * MIB);
	/* As if it had been interrupted before its children were looked at. */
	o.flags = VHD_MERGE_NO_RELINK;
	o.into = t.base;
	need(vhd_merge(t.top, &o, &r, &err), &err, "merge");
	ck_assert_int_eq(status_of_open(t.more), VHD_E_PARENT);
	o.flags = VHD_MERGE_DELETE;
	need(vhd_merge(t.top, &o, &r, &err), &err, "again");
	ck_assert_uint_eq(r.relinked, 1);
	ck_assert_uint_eq(r.removed, 2);
	ck_assert_int_eq(status_of_open(t.more), 0);
	tempdir_remove(&dir);
}
END_TEST

/* The files were last changed some time ago. */
static void age(const char *path)
{
	const struct timespec then[2] = { { 1600000000, 0 },
					  { 1600000000, 0 } };

	ck_assert_int_eq(utimensat(AT_FDCWD, path, then, 0), 0);
}

static void put(const char *path, uint64_t rng)
{
	struct vhd_image *img = open_image(path, VHD_OPEN_RDWR);
	static uint8_t buf[6 * 1024 * 1024];
	struct vhd_error err;

	base_rand_fill(&rng, buf, sizeof(buf));
	need(vhd_pwrite(img, buf, sizeof(buf), MIB / 2, &err), &err, "write");
	close_image(img);
}

START_TEST(merge__goes_on_where_it_was)
{
	struct vhd_merge_opts o = VHD_MERGE_OPTS_INIT;
	struct vhd_merge_result r;
	struct patience p;
	struct vhd_error err;
	struct three t;
	uint64_t size;
	uint8_t *want, *got;

	three_make(&t, _i);
	put(t.top, 1);
	want = read_disk(t.top, &size);
	o.progress = lose_patience;
	o.progress_arg = &p;
	o.into = t.base;
	/* A VHDX' child is changed by the first one, and so not trusted yet. */
	for (int i = 0; i < 2; i++) {
		age(t.middle);
		age(t.top);
		p.calls = 5;
		ck_assert_int_eq(vhd_merge(t.top, &o, &r, &err),
				 VHD_E_CANCELLED);
	}
	age(t.middle);
	p.calls = 1000;
	need(vhd_merge(t.top, &o, &r, &err), &err, "merge");
	ck_assert_uint_ge(r.skipped_bytes, 2 * MIB);
	got = read_disk(t.base, &size);
	ck_assert_int_eq(memcmp(got, want, size), 0);
	free(got);
	free(want);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(merge__a_position_of_other_bytes_is_not_trusted)
{
	struct vhd_merge_opts o = VHD_MERGE_OPTS_INIT;
	struct patience p = { 5 };
	struct vhd_merge_result r;
	struct vhd_error err;
	struct three t;
	uint64_t size;
	uint8_t *want, *got;

	three_make(&t, 0);
	put(t.top, 1);
	o.progress = lose_patience;
	o.progress_arg = &p;
	age(t.middle);
	if (_i != 1)
		age(t.top);
	ck_assert_int_eq(vhd_merge(t.top, &o, &r, &err), VHD_E_CANCELLED);
	if (_i < 2)
		put(t.top, 2);		/* the merged image was used */
	else
		age(t.middle);		/* the ancestor may have been */
	if (_i == 2) {
		struct vhd_image *img = open_image(t.middle, VHD_OPEN_RDWR);
		const struct timespec later[2] = { { 4000000000, 0 },
						   { 4000000000, 0 } };

		need(vhd_pwrite(img, "other", 5, 2 * MIB, &err), &err, "w");
		close_image(img);
		ck_assert_int_eq(utimensat(AT_FDCWD, t.middle, later, 0), 0);
	}
	want = read_disk(t.top, &size);
	p.calls = 1000;
	need(vhd_merge(t.top, &o, &r, &err), &err, "merge");
	ck_assert_uint_eq(r.skipped_bytes, 0);
	got = read_disk(t.middle, &size);
	ck_assert_int_eq(memcmp(got, want, size), 0);
	free(got);
	free(want);
	tempdir_remove(&dir);
}
END_TEST

/* Layers between show what never was, and must not be merged as if they did. */
START_TEST(merge__another_one_that_is_unfinished_comes_first)
{
	struct vhd_merge_opts o = VHD_MERGE_OPTS_INIT;
	struct patience p = { 3 };
	struct vhd_error err;
	struct three t;

	three_make(&t, _i);
	put(t.top, 1);
	o.progress = lose_patience;
	o.progress_arg = &p;
	o.into = t.base;
	ck_assert_int_eq(vhd_merge(t.top, &o, NULL, &err), VHD_E_CANCELLED);
	p.calls = 1000;
	ck_assert_int_eq(vhd_merge(t.middle, &o, NULL, &err), VHD_E_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.msg, "interrupted"));
	/* A child of the merged image holds all of it. */
	make_child(t.more, t.top, 8 * MIB);
	need(vhd_merge(t.more, &o, NULL, &err), &err, "merge");
	tempdir_remove(&dir);
}
END_TEST

START_TEST(merge__what_a_guest_sees_beside_the_bytes)
{
	struct vhd_create_opts c = VHD_CREATE_OPTS_INIT;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd_image *img;
	struct vhd_error err;
	struct three t;

	three_make(&t, _i);
	if (_i) {
		/* VHDX-MRG-04 */
		c.parent = t.middle;
		c.physical_sector = 512;
		c.flags = VHD_CREATE_FORCE;
		need(vhd_create(t.top, &c, &err), &err, "create");
	} else {
		/* VHD-X-2: an inner node of Xen's is one no more. */
		a.mask = VHD_ATTR_HIDDEN;
		a.hidden = 1;
		need(vhd_set(t.base, &a, VHD_CHANGE_ORPHAN, NULL, &err), &err,
		     "set");
	}
	need(merge_three(&t, t.base, 0, &err), &err, "merge");
	img = open_image(t.base, 0);
	ck_assert_int_eq(vhd_layer_info(img, 0, &info, NULL), 0);
	if (_i)
		ck_assert_uint_eq(info.physical_sector, 512);
	else
		ck_assert(!info.vhd.hidden);
	close_image(img);
	tempdir_remove(&dir);
}
END_TEST

/* What has the name and is none of ours stays. */
START_TEST(merge__a_strangers_file_is_left_alone)
{
	char path[PATH_ROOM + 8];
	struct vhd_error err;
	struct three t;
	FILE *f;

	three_make(&t, _i);
	snprintf(path, sizeof(path), "%s.merge", t.middle);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("a letter\n", f);
	fclose(f);
	need(merge_three(&t, NULL, 0, &err), &err, "merge");
	ck_assert_int_eq(access(path, F_OK), 0);
	tempdir_remove(&dir);
}
END_TEST

/* What would leave a child without its parent is known before. */
START_TEST(merge__a_child_that_cannot_follow_refuses_it)
{
	char odd[PATH_ROOM], base[PATH_ROOM];
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_merge_opts m = VHD_MERGE_OPTS_INIT;
	struct vhd_error err;
	struct three t;
	const char *parents[] = { t.middle, base, NULL };

	three_make(&t, _i);
	tempdir_name(&dir, "a\\b", odd);
	ck_assert_int_eq(mkdir(odd, 0700), 0);
	snprintf(base, sizeof(base), "%.400s/base", odd);
	make_child(t.more, t.top, 8 * MIB);
	ck_assert_int_eq(rename(t.base, base), 0);
	o.parents = parents;
	m.open = &o;
	m.into = base;
	ck_assert_int_eq(vhd_merge(t.top, &m, NULL, &err),
			 VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "backslash"));
	m.flags = VHD_MERGE_NO_RELINK;
	need(vhd_merge(t.top, &m, NULL, &err), &err, "merge");
	tempdir_remove(&dir);
}
END_TEST

START_TEST(merge__what_is_no_layer_is_refused)
{
	struct vhd_merge_opts o = VHD_MERGE_OPTS_INIT;
	struct vhd_error err;
	struct three t;

	three_make(&t, _i);
	ck_assert_int_eq(merge_three(&t, t.top, 0, &err), VHD_E_INVAL);
	ck_assert_int_eq(vhd_merge(t.base, &o, NULL, &err), VHD_E_INVAL);
	o.flags = 1u << 30;
	ck_assert_int_eq(vhd_merge(t.top, &o, NULL, &err), VHD_E_INVAL);
	if (_i)
		ck_assert_int_eq(merge_three(&t, NULL, VHD_MERGE_KEEP_ID,
					     &err), VHD_E_INVAL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(merge__an_image_in_use_is_refused)
{
	struct vhd_image *img;
	struct vhd_error err;
	struct three t;

	three_make(&t, _i);
	img = open_image(t.base, 0);
	ck_assert_int_eq(merge_three(&t, t.base, 0, &err), VHD_E_BUSY);
	close_image(img);
	make_child(t.more, t.top, 8 * MIB);
	img = open_image(t.more, VHD_OPEN_RDWR | VHD_OPEN_NO_PARENT);
	ck_assert_int_eq(merge_three(&t, t.base, 0, &err), VHD_E_BUSY);
	close_image(img);
	ck_assert_int_eq(status_of_open(t.more), 0);
	need(merge_three(&t, t.base, 0, &err), &err, "merge");
	ck_assert_int_eq(status_of_open(t.more), 0);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/merge_rules",
	LOOP(merge__other_children_refuse_it, 2),
	LOOP(merge__an_ancestor_that_is_larger_is_refused, 2),
	LOOP(merge__again_when_it_is_done, 2),
	LOOP(merge__goes_on_where_it_was, 2),
	LOOP(merge__a_position_of_other_bytes_is_not_trusted, 3),
	LOOP(merge__another_one_that_is_unfinished_comes_first, 2),
	LOOP(merge__what_a_guest_sees_beside_the_bytes, 2),
	LOOP(merge__a_strangers_file_is_left_alone, 2),
	LOOP(merge__a_child_that_cannot_follow_refuses_it, 2),
	LOOP(merge__what_is_no_layer_is_refused, 2),
	LOOP(merge__an_image_in_use_is_refused, 2))
