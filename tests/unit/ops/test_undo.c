/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Undo files: whatever a patch does to a file, and wherever the power fails in
 * doing it or in taking it back, the file comes back byte for byte.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io_mem.h"
#include "support/undo_scene.h"
#include "vhd/repair.h"

static struct scene *begin(uint64_t seed)
{
	return scene_begin(seed, false);
}

static int undo(struct scene *s, uint32_t flags)
{
	return vhd_repair_undo(s->undo_path, NULL, flags, NULL);
}

START_TEST(undo__puts_back_what_any_number_of_parts_changed)
{
	struct scene *s = begin((uint64_t)_i + 1);

	scene_repair(s, 1 + _i % 4);
	if (_i % 2)
		ck_assert_int_eq(vhd_undo_complete(s->undo, s->io, NULL), 0);
	ck_assert_int_eq(undo(s, 0), 0);
	scene_same(&s->base, s->io);
	scene_end(s);
}
END_TEST

START_TEST(undo__refuses_an_image_that_was_changed_since)
{
	struct scene *s = begin(7);
	uint8_t byte;

	scene_repair(s, 2);
	ck_assert_int_eq(vhd_undo_complete(s->undo, s->io, NULL), 0);
	ck_assert_int_eq(vhd_io_write(s->io, "x", 1, s->now.size + 99, NULL),
			 0);
	ck_assert_int_eq(undo(s, 0), VHD_E_INVAL);
	ck_assert_int_eq(vhd_io_set_size(s->io, s->now.size, NULL), 0);
	byte = (uint8_t)~s->now.bytes[100];
	vhd_io_write(s->io, &byte, 1, 100, NULL);
	s->now.bytes[100] = byte;
	ck_assert_int_eq(undo(s, 0), VHD_E_INVAL);
	scene_same(&s->now, s->io);
	ck_assert_int_eq(undo(s, VHD_UNDO_FORCE), 0);
	scene_end(s);
}
END_TEST

/* Interrupted or not, another image is another image. */
START_TEST(undo__refuses_another_image)
{
	struct scene *s = begin(8);
	const char *other;

	scene_repair(s, 1);
	memset(s->base.bytes, 0x5a, s->base.size);
	other = io_tmp_file(s->tmp, "other", s->base.bytes, s->base.size);
	ck_assert_int_eq(vhd_repair_undo(s->undo_path, other, 0, NULL),
			 VHD_E_INVAL);
	ck_assert_int_eq(vhd_repair_undo(s->undo_path, NULL, 0, NULL), 0);
	scene_end(s);
}
END_TEST

/* An undo file that is passed around names nothing outside its directory. */
START_TEST(undo__takes_no_name_from_a_file_that_lies_elsewhere)
{
	struct scene *s = begin(9);
	struct io_tmp *far = io_tmp_new();
	struct vhd_patch *p = scene_patch(s, s->io);
	const char *path = io_tmp_path(far, "u");

	ck_assert_int_eq(vhd_undo_new(path, s->image, s->io, p, &s->undo,
				      NULL), 0);
	ck_assert_int_eq(vhd_repair_undo(path, NULL, 0, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_repair_undo(path, s->image, 0, NULL), 0);
	scene_same(&s->base, s->io);
	vhd_patch_free(p);
	io_tmp_free(far);
	scene_end(s);
}
END_TEST

START_TEST(undo__never_replaces_a_file)
{
	struct scene *s = begin(10);
	struct vhd_patch *p = scene_patch(s, s->io);
	struct vhd_undo *u = NULL;

	io_tmp_file(s->tmp, "image.undo", "x", 1);
	ck_assert_int_eq(vhd_undo_new(s->undo_path, s->image, s->io, p, &u,
				      NULL), VHD_E_EXISTS);
	ck_assert_ptr_null(u);
	vhd_patch_free(p);
	scene_end(s);
}
END_TEST

/* Taken back from every state, and again from every state of taking back. */
static void undo_and_cut(struct scene *s, struct vhd_io *undo_io,
			 struct vhd_io *state)
{
	struct vhd_trace *t = vhd_trace_new();
	static struct model from;
	struct vhd_io *io;

	scene_load(state, &from);
	io = scene_recorded(&from, t);
	ck_assert_int_eq(vhd_undo_io(undo_io, io, false, NULL), 0);
	scene_same(&s->base, io);
	vhd_io_close(&io, NULL);
	for (int i = 0; i < 6; i++) {
		size_t cut = scene_random(s, vhd_trace_count(t));

		io = scene_cut(s, &from, t, cut);
		ck_assert_int_eq(vhd_undo_io(undo_io, io, false, NULL), 0);
		scene_same(&s->base, io);
		vhd_io_close(&io, NULL);
	}
	vhd_trace_free(t);
}

START_TEST(undo__works_from_every_state_that_a_power_cut_leaves)
{
	struct scene *s = begin((uint64_t)_i + 100);
	struct vhd_trace *t = vhd_trace_new();
	struct vhd_io *io, *undo_io;
	static struct model from;
	struct vhd_patch *p;

	/* Cut in the last of so many parts. */
	scene_repair(s, _i % 3);
	scene_load(s->io, &from);
	p = scene_patch(s, s->io);
	scene_save(s, p);
	undo_io = scene_open(s->undo_path);
	io = scene_recorded(&from, t);
	ck_assert_int_eq(vhd_patch_apply(p, io, NULL), 0);
	vhd_io_close(&io, NULL);
	for (size_t cut = 0; cut <= vhd_trace_count(t); cut++) {
		io = scene_cut(s, &from, t, cut);
		undo_and_cut(s, undo_io, io);
		vhd_io_close(&io, NULL);
	}
	vhd_io_close(&undo_io, NULL);
	vhd_patch_free(p);
	vhd_trace_free(t);
	scene_end(s);
}
END_TEST

/* Finished, and then interrupted while it is taken back. */
START_TEST(undo__goes_on_where_it_was_interrupted)
{
	struct scene *s = begin((uint64_t)_i + 200);
	struct vhd_io *undo_io, *io = NULL;

	scene_repair(s, 1 + _i % 3);
	ck_assert_int_eq(vhd_undo_complete(s->undo, s->io, NULL), 0);
	undo_io = scene_open(s->undo_path);
	ck_assert_int_eq(vhd_io_open_mem(s->now.bytes, s->now.size, &io, NULL),
			 0);
	undo_and_cut(s, undo_io, io);
	vhd_io_close(&io, NULL);
	vhd_io_close(&undo_io, NULL);
	scene_end(s);
}
END_TEST

/* Whoever may read the image, and nobody else, may read what it was. */
START_TEST(undo__may_be_read_by_those_who_may_read_the_image)
{
	static const mode_t modes[] = { 0600, 0640, 0644, 0660, 0400 };
	struct scene *s = begin((uint64_t)_i + 700);
	struct stat image, made;

	ck_assert_int_eq(chmod(s->image, modes[_i]), 0);
	umask(_i % 2 ? 0077 : 0);
	scene_repair(s, 1);
	ck_assert_int_eq(stat(s->image, &image), 0);
	ck_assert_int_eq(stat(s->undo_path, &made), 0);
	ck_assert_uint_eq(made.st_mode & 0777, (image.st_mode & 0666) | 0600);
	ck_assert_uint_eq(made.st_gid, image.st_gid);
	ck_assert_int_eq(undo(s, 0), 0);
	scene_end(s);
}
END_TEST

/* Not even through a link, wherever it leads. */
START_TEST(undo__follows_no_link_when_it_is_made)
{
	struct scene *s = begin(11);
	struct vhd_patch *p = scene_patch(s, s->io);
	const char *target = io_tmp_path(s->tmp, "target");
	struct vhd_undo *u = NULL;
	struct stat st;

	ck_assert_int_eq(symlink(target, s->undo_path), 0);
	ck_assert_int_eq(vhd_undo_new(s->undo_path, s->image, s->io, p, &u,
				      NULL), VHD_E_EXISTS);
	ck_assert_ptr_null(u);
	ck_assert_int_ne(lstat(target, &st), 0);
	ck_assert_int_eq(lstat(s->undo_path, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	vhd_patch_free(p);
	scene_end(s);
}
END_TEST

/* The file that was made is written on, whatever has its name then. */
START_TEST(undo__is_not_opened_again_by_its_name)
{
	struct scene *s = begin(12);
	struct vhd_patch *p = scene_patch(s, s->io);
	const char *other, *moved = io_tmp_path(s->tmp, "moved");
	struct stat st;

	scene_save(s, p);
	ck_assert_int_eq(vhd_patch_apply(p, s->io, NULL), 0);
	ck_assert_int_eq(rename(s->undo_path, moved), 0);
	other = io_tmp_file(s->tmp, "image.undo", "x", 1);
	ck_assert_int_eq(vhd_undo_complete(s->undo, s->io, NULL), 0);
	ck_assert_int_eq(stat(other, &st), 0);
	ck_assert_int_eq(st.st_size, 1);
	ck_assert_int_eq(vhd_repair_undo(moved, s->image, 0, NULL), 0);
	scene_same(&s->base, s->io);
	vhd_patch_free(p);
	scene_end(s);
}
END_TEST

/* Any byte of it: refused, or of no importance. */
START_TEST(undo__damaged_files_are_refused_before_anything_is_written)
{
	struct scene *s = begin((uint64_t)_i + 300);
	struct vhd_io *undo_io, *image = NULL, *bad = NULL;
	static struct model whole, m;
	int refused = 0;

	scene_repair(s, 2);
	if (_i % 2)
		ck_assert_int_eq(vhd_undo_complete(s->undo, s->io, NULL), 0);
	undo_io = scene_open(s->undo_path);
	scene_load(undo_io, &whole);
	for (int i = 0; i < 300; i++) {
		uint64_t at = scene_random(s, whole.size - 1);
		int rc;

		/* What is at the beginning has more meaning. */
		if (i % 2)
			at = scene_random(s, 8192);
		m = whole;
		if (i % 5 == 4)
			m.size = at;
		else
			m.bytes[at] ^= (uint8_t)(1 + scene_random(s, 254));
		vhd_io_open_mem(m.bytes, m.size, &bad, NULL);
		vhd_io_open_mem(s->now.bytes, s->now.size, &image, NULL);
		rc = vhd_undo_io(bad, image, false, NULL);
		refused += rc != 0;
		/* All or nothing. */
		scene_same(rc ? &s->now : &s->base, image);
		vhd_io_close(&bad, NULL);
		vhd_io_close(&image, NULL);
	}
	ck_assert_int_gt(refused, 200);
	vhd_io_close(&undo_io, NULL);
	scene_end(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("undo");
	TCase *tc = tcase_create("undo");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 240);
	tcase_add_loop_test(tc, undo__puts_back_what_any_number_of_parts_changed,
			    0, 12);
	tcase_add_test(tc, undo__refuses_an_image_that_was_changed_since);
	tcase_add_test(tc, undo__refuses_another_image);
	tcase_add_test(tc,
		       undo__takes_no_name_from_a_file_that_lies_elsewhere);
	tcase_add_test(tc, undo__never_replaces_a_file);
	tcase_add_loop_test(
		tc, undo__works_from_every_state_that_a_power_cut_leaves, 0, 9);
	tcase_add_loop_test(tc, undo__goes_on_where_it_was_interrupted, 0, 6);
	tcase_add_loop_test(
		tc, undo__may_be_read_by_those_who_may_read_the_image, 0, 5);
	tcase_add_test(tc, undo__follows_no_link_when_it_is_made);
	tcase_add_test(tc, undo__is_not_opened_again_by_its_name);
	tcase_add_loop_test(
		tc, undo__damaged_files_are_refused_before_anything_is_written,
		0, 4);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
