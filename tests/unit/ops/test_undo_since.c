/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Undo files: whatever something else has written to the image since, taking the
 * repair back does not throw it away, unless it has to be.
 */
#include <check.h>
#include <stdlib.h>

#include "base/ckd.h"
#include "io/io_mem.h"
#include "support/undo_scene.h"
#include "vhd/repair.h"

/*
 * Written to since, here or there, or made longer: it is refused and nothing is
 * touched, or what was written is still there afterwards.
 */
static bool write_and_undo(struct scene *s, struct vhd_io *undo_io,
			   const struct model *state)
{
	static struct model changed, have;
	struct vhd_io *io = NULL;
	uint64_t at = scene_random(s, state->size + SECTOR - 1);
	bool kept = true;
	int rc;

	vhd_io_open_mem(state->bytes, state->size, &io, NULL);
	changed = *state;
	changed.bytes[at] ^= (uint8_t)(1 + scene_random(s, 254));
	changed.size = max_u64(state->size, at + 1);
	ck_assert_int_eq(vhd_io_write(io, &changed.bytes[at], 1, at, NULL), 0);
	rc = vhd_undo_io(undo_io, io, false, NULL);
	if (rc) {
		ck_assert_int_eq(rc, VHD_E_INVAL);
		scene_same(&changed, io);
	} else {
		scene_load(io, &have);
		kept = at < have.size && have.bytes[at] == changed.bytes[at];
	}
	vhd_io_close(&io, NULL);
	ck_assert_msg(kept, "what was written at %llu is gone",
		      (unsigned long long)at);
	return rc != 0;
}

START_TEST(undo__loses_nothing_that_was_written_after_the_repair)
{
	struct scene *s = scene_begin((uint64_t)_i + 400, true);
	struct vhd_io *undo_io;
	int refused = 0;

	scene_repair(s, 1 + _i % 3);
	ck_assert_int_eq(vhd_undo_complete(s->undo, s->io, NULL), 0);
	undo_io = scene_open(s->undo_path);
	for (int i = 0; i < 150; i++)
		refused += write_and_undo(s, undo_io, &s->now);
	ck_assert_int_gt(refused, 20);
	vhd_io_close(&undo_io, NULL);
	scene_end(s);
}
END_TEST

/* Far from both ends of the file, where the repair has made it longer. */
START_TEST(undo__loses_nothing_that_was_written_where_the_file_grew)
{
	const uint64_t at = 2 * MiB, len = 64 * KiB;
	struct scene *s = scene_begin(800, true);
	struct vhd_patch *p = NULL;
	struct vhd_io *view = NULL;
	uint8_t was, is;

	ck_assert_int_eq(vhd_patch_new(s->io, &p, NULL), 0);
	ck_assert_int_eq(vhd_patch_view(p, &view, NULL), 0);
	ck_assert_int_eq(vhd_io_set_size(view, at, NULL), 0);
	ck_assert_int_eq(vhd_patch_copy(p, 40000, at, len, NULL), 0);
	ck_assert_int_eq(vhd_io_set_size(view, 2 * at, NULL), 0);
	vhd_io_close(&view, NULL);
	scene_save(s, p);
	ck_assert_int_eq(vhd_patch_apply(p, s->io, NULL), 0);
	vhd_patch_free(p);
	if (_i)
		ck_assert_int_eq(vhd_undo_complete(s->undo, s->io, NULL), 0);
	for (uint64_t off = at - MiB / 2; off < 2 * at; off += MiB / 2) {
		ck_assert_int_eq(vhd_io_read(s->io, &was, 1, off, NULL), 0);
		is = (uint8_t)~was;
		vhd_io_write(s->io, &is, 1, off, NULL);
		ck_assert_int_eq(vhd_repair_undo(s->undo_path, NULL, 0, NULL),
				 VHD_E_INVAL);
		ck_assert_int_eq(vhd_io_read(s->io, &was, 1, off, NULL), 0);
		ck_assert_uint_eq(was, is);
		is = (uint8_t)~was;
		vhd_io_write(s->io, &is, 1, off, NULL);
	}
	ck_assert_int_eq(vhd_repair_undo(s->undo_path, NULL, 0, NULL), 0);
	scene_same(&s->base, s->io);
	scene_end(s);
}
END_TEST

START_TEST(undo__loses_nothing_that_was_written_after_a_cut)
{
	struct scene *s = scene_begin((uint64_t)_i + 500, true);
	struct vhd_trace *t = vhd_trace_new();
	static struct model from, state;
	struct vhd_io *io, *undo_io;
	struct vhd_patch *p;
	int refused = 0;

	scene_repair(s, _i % 3);
	scene_load(s->io, &from);
	p = scene_patch(s, s->io);
	scene_save(s, p);
	undo_io = scene_open(s->undo_path);
	io = scene_recorded(&from, t);
	ck_assert_int_eq(vhd_patch_apply(p, io, NULL), 0);
	vhd_io_close(&io, NULL);
	/* The last of them is complete but for the end of the undo file. */
	for (int i = 0; i <= 5; i++) {
		size_t n = vhd_trace_count(t);

		io = scene_cut(s, &from, t, i < 5 ? scene_random(s, n) : n);
		scene_load(io, &state);
		vhd_io_close(&io, NULL);
		for (int j = 0; j < 50; j++)
			refused += write_and_undo(s, undo_io, &state);
	}
	ck_assert_int_gt(refused, 60);
	vhd_io_close(&undo_io, NULL);
	vhd_patch_free(p);
	vhd_trace_free(t);
	scene_end(s);
}
END_TEST

/* Half taken back, and then written to. */
START_TEST(undo__loses_nothing_that_was_written_when_it_was_interrupted)
{
	struct scene *s = scene_begin((uint64_t)_i + 600, true);
	struct vhd_trace *t = vhd_trace_new();
	static struct model state;
	struct vhd_io *io, *undo_io;
	int refused = 0;

	scene_repair(s, 1 + _i % 3);
	ck_assert_int_eq(vhd_undo_complete(s->undo, s->io, NULL), 0);
	undo_io = scene_open(s->undo_path);
	io = scene_recorded(&s->now, t);
	ck_assert_int_eq(vhd_undo_io(undo_io, io, false, NULL), 0);
	vhd_io_close(&io, NULL);
	for (int i = 0; i < 6; i++) {
		io = scene_cut(s, &s->now, t, scene_random(s, vhd_trace_count(t)));
		scene_load(io, &state);
		vhd_io_close(&io, NULL);
		for (int j = 0; j < 50; j++)
			refused += write_and_undo(s, undo_io, &state);
	}
	ck_assert_int_gt(refused, 60);
	vhd_io_close(&undo_io, NULL);
	vhd_trace_free(t);
	scene_end(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("undo_since");
	TCase *tc = tcase_create("undo_since");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 240);
	tcase_add_loop_test(
		tc, undo__loses_nothing_that_was_written_after_the_repair, 0,
		9);
	tcase_add_loop_test(
		tc, undo__loses_nothing_that_was_written_where_the_file_grew, 0,
		2);
	tcase_add_loop_test(
		tc, undo__loses_nothing_that_was_written_after_a_cut, 0, 9);
	tcase_add_loop_test(
		tc, undo__loses_nothing_that_was_written_when_it_was_interrupted,
		0, 6);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
