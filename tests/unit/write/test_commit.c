/* SPDX-License-Identifier: BSD-2-Clause */
/* Commits: what is stored when, who waits, what a failure leaves behind. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/toy_format.h"

static int flush(struct toy *t)
{
	return vhd_writer_commit(t->w, VHD_COMMIT_SYNC, NULL);
}

START_TEST(commit__stores_what_tickets_made_visible)
{
	struct toy t;

	toy_open(&t, false, false);
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), 0);
	ck_assert_uint_eq(toy_stored_entry(&t, 0), 0);
	ck_assert_int_eq(flush(&t), 0);
	ck_assert_uint_eq(toy_stored_entry(&t, 0), TOY_DATA | 1);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(commit__lazy_with_nothing_waiting_does_nothing)
{
	struct toy t;

	toy_open(&t, false, false);
	ck_assert_int_eq(vhd_writer_commit(t.w, VHD_COMMIT_LAZY, NULL), 0);
	ck_assert_uint_eq(t.stores, 0);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(commit__failure_that_may_pass_is_tried_again)
{
	struct vhd_error err;
	struct toy t;

	toy_open(&t, false, false);
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), 0);
	t.fail_store = VHD_E_NOSPACE;
	t.fail_times = 2;
	ck_assert_int_eq(vhd_writer_commit(t.w, VHD_COMMIT_SYNC, &err),
			 VHD_E_NOSPACE);
	ck_assert_int_eq(toy_write(&t, TOY_BLOCK, "abc", 3, NULL), 0);
	ck_assert_int_eq(flush(&t), VHD_E_NOSPACE);
	ck_assert_uint_eq(toy_stored_entry(&t, 0), 0);
	ck_assert_int_eq(flush(&t), 0);
	ck_assert_uint_eq(toy_stored_entry(&t, 0), TOY_DATA | 1);
	ck_assert_uint_eq(toy_stored_entry(&t, 1), (TOY_DATA + TOY_BLOCK) | 1);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(commit__other_failures_poison)
{
	struct vhd_error err;
	struct toy t;

	toy_open(&t, false, false);
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), 0);
	t.fail_store = VHD_E_IO;
	t.fail_times = 1;
	ck_assert_int_eq(flush(&t), VHD_E_IO);
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, &err), VHD_E_POISONED);
	ck_assert_ptr_nonnull(strstr(err.msg, "no room to store"));
	ck_assert_int_eq(flush(&t), VHD_E_POISONED);
	ck_assert_int_eq(toy_close(&t, NULL), VHD_E_POISONED);
	ck_assert_uint_eq(t.shuts, 0);
}
END_TEST

START_TEST(commit__touch_that_failed_for_good_poisons)
{
	struct toy t;

	toy_open(&t, false, false);
	t.fail_touch = VHD_E_NOSPACE;
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), VHD_E_NOSPACE);
	t.fail_touch = VHD_E_IO;
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), VHD_E_IO);
	t.fail_touch = 0;
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), VHD_E_POISONED);
	ck_assert_int_eq(toy_close(&t, NULL), VHD_E_POISONED);
}
END_TEST

START_TEST(commit__space_is_free_only_after_a_durable_release)
{
	struct toy t;
	bool done;

	toy_open(&t, false, false);
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), 0);
	ck_assert_int_eq(vhd_writer_unmap(t.w, 0, VHD_UNMAP_ZERO, &done, NULL),
			 0);
	ck_assert_int_eq(vhd_writer_commit(t.w, VHD_COMMIT_LAZY, NULL), 0);
	ck_assert_uint_eq(t.unplaced, 0);
	ck_assert_int_eq(flush(&t), 0);
	ck_assert_int_eq(flush(&t), 0);
	ck_assert_uint_eq(t.unplaced, 1);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(commit__space_waits_for_who_looked_before)
{
	struct vhd_grace_token reader;
	struct toy t;
	bool done;

	toy_open(&t, false, false);
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), 0);
	reader = vhd_writer_enter(t.w);
	ck_assert_int_eq(vhd_writer_unmap(t.w, 0, VHD_UNMAP_ZERO, &done, NULL),
			 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(flush(&t), 0);
	ck_assert_uint_eq(t.unplaced, 0);
	vhd_writer_leave(t.w, reader);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(flush(&t), 0);
	ck_assert_uint_eq(t.unplaced, 1);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

static void unmap_next(struct toy *t)
{
	bool done;

	ck_assert_int_eq(vhd_writer_unmap(t->w, 1, VHD_UNMAP_ZERO, &done, NULL),
			 0);
}

/* Neighbours in the file: they must not be taken for one. */
START_TEST(commit__space_lost_during_a_commit_waits_for_the_next)
{
	struct toy t;
	bool done;

	toy_open(&t, false, false);
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), 0);
	ck_assert_int_eq(toy_write(&t, TOY_BLOCK, "abc", 3, NULL), 0);
	ck_assert_int_eq(flush(&t), 0);
	ck_assert_int_eq(vhd_writer_unmap(t.w, 0, VHD_UNMAP_ZERO, &done, NULL),
			 0);
	t.on_store = unmap_next;
	ck_assert_int_eq(flush(&t), 0);
	ck_assert_uint_eq(t.unplaced, 1);
	ck_assert_uint_eq(t.unplaced_off, TOY_DATA);
	ck_assert_int_eq(flush(&t), 0);
	ck_assert_uint_eq(t.unplaced, 2);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(commit__close_stores_and_shuts)
{
	struct toy t;

	toy_open(&t, false, false);
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), 0);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
	ck_assert_uint_eq(t.syncs, 1);
	ck_assert_uint_eq(t.shuts, 1);
}
END_TEST

START_TEST(commit__close_of_an_untouched_image_writes_nothing)
{
	struct toy t;

	toy_open(&t, false, false);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
	ck_assert_uint_eq(t.stores + t.shuts + t.touched, 0);
}
END_TEST

START_TEST(commit__thread_writes_what_waits)
{
	struct toy t;
	int i;

	toy_open(&t, false, true);
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), 0);
	for (i = 0; i < 1000 && !toy_stored_entry(&t, 0); i++)
		usleep(50000);
	ck_assert_int_lt(i, 1000);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(commit__without_a_thread_a_later_call_writes_it)
{
	struct toy t;

	toy_open(&t, false, false);
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), 0);
	usleep(1100000);
	ck_assert_int_eq(toy_write(&t, TOY_BLOCK, "abc", 3, NULL), 0);
	ck_assert_uint_eq(toy_stored_entry(&t, 0), TOY_DATA | 1);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

static void *flusher(void *arg)
{
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(flush(arg), 0);
	return NULL;
}

START_TEST(commit__flushes_at_once_share)
{
	pthread_t threads[4];
	struct toy t;

	toy_open(&t, false, false);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, flusher, &t),
				 0);
	for (uint64_t i = 0; i < 200; i++)
		ck_assert_int_eq(toy_write(&t, i % 16 * TOY_BLOCK, "x", 1,
					   NULL), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_le(t.syncs, 800);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
	ck_assert_uint_eq(t.places, 16);
}
END_TEST

TEST_MAIN("write/commit", commit__stores_what_tickets_made_visible,
	  commit__lazy_with_nothing_waiting_does_nothing,
	  commit__failure_that_may_pass_is_tried_again,
	  commit__other_failures_poison,
	  commit__touch_that_failed_for_good_poisons,
	  commit__space_is_free_only_after_a_durable_release,
	  commit__space_waits_for_who_looked_before,
	  commit__space_lost_during_a_commit_waits_for_the_next,
	  commit__close_stores_and_shuts,
	  commit__close_of_an_untouched_image_writes_nothing,
	  commit__thread_writes_what_waits,
	  commit__without_a_thread_a_later_call_writes_it,
	  commit__flushes_at_once_share)
