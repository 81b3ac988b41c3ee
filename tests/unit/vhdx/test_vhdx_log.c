/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdatomic.h>

#include "base/guid.h"
#include "base/rules.h"
#include "support/vhdx_logging.h"
#include "vhdx/vhdx_ring.h"

static struct logging l;

static struct vhdx_header current(void)
{
	struct vhdx_headers headers;

	headers_load(l.io, &headers);
	return headers.hdr[headers.current];
}

static void assert_in_place(bool yes)
{
	uint8_t bytes[PAGE];

	for (uint32_t i = 0; i < PAGES; i++) {
		ck_assert_int_eq(vhd_io_read(l.io, bytes, PAGE, page_off(i),
					     NULL), 0);
		if (l.model[i])
			ck_assert_uint_eq(page_stamp(bytes) == l.model[i], yes);
	}
}

static void assert_calls(struct vhd_io_stats *before, uint64_t flushes,
			 uint64_t writes)
{
	uint64_t f, w;

	count_calls(&l, before, &f, &w);
	ck_assert_uint_eq(f, flushes);
	ck_assert_uint_eq(w, writes);
}

/* VHDX-HDR-11, 12, 22 */
START_TEST(vhdx_log__touch_gives_both_headers_a_new_identity)
{
	struct vhdx_headers h;
	struct vhdx_header old;

	logging_begin(&l);
	ck_assert(vhdx_header_decode((uint8_t *)vhdx_image_header(&l.img, 1),
				     &old));
	headers_load(l.io, &h);
	ck_assert_uint_eq(h.ok, 3);
	ck_assert_uint_eq(h.hdr[0].seq, 2);
	ck_assert_uint_eq(h.hdr[1].seq, 3);
	for (int i = 0; i < 2; i++) {
		ck_assert(!vhd_guid_equal(&h.hdr[i].file_write_guid,
					  &old.file_write_guid));
		ck_assert(!vhd_guid_equal(&h.hdr[i].data_write_guid,
					  &old.data_write_guid));
		ck_assert(vhd_guid_is_zero(&h.hdr[i].log_guid));
	}
	ck_assert(vhd_guid_equal(&h.hdr[0].file_write_guid,
				 &h.hdr[1].file_write_guid));
	logging_end(&l);
}
END_TEST

START_TEST(vhdx_log__stored_pages_are_in_the_log_and_not_in_place)
{
	struct vhdx_header h;

	logging_begin(&l);
	store_pages(&l, 10, 3, VHD_COMMIT_SYNC);
	store_pages(&l, 11, 1, VHD_COMMIT_SYNC);
	store_pages(&l, BAT_PAGES, 2, VHD_COMMIT_SYNC);
	h = current();
	ck_assert(!vhd_guid_is_zero(&h.log_guid));
	assert_in_place(false);
	assert_shown(&l);
	assert_replayed(&l);
	logging_end(&l);
}
END_TEST

START_TEST(vhdx_log__commit_costs_two_flushes_also_when_it_shifts)
{
	struct vhd_io_stats before;
	uint64_t flushes, writes, shifts = 0;

	logging_begin(&l);
	vhd_io_stats(l.io, &before);
	for (uint32_t i = 0; i < 20; i++) {
		store_pages(&l, 7 * i, 40, VHD_COMMIT_SYNC);
		count_calls(&l, &before, &flushes, &writes);
		ck_assert_uint_eq(flushes, 2);
		shifts += writes > 1;
		assert_shown(&l);
		assert_replayed(&l);
		vhd_io_stats(l.io, &before);
	}
	ck_assert_uint_eq(shifts, 7);
	logging_end(&l);
}
END_TEST

START_TEST(vhdx_log__empty_commit_is_one_flush_and_no_write)
{
	struct vhd_io_stats before;

	logging_begin(&l);
	vhd_io_stats(l.io, &before);
	store(&l, VHD_COMMIT_SYNC);
	assert_calls(&before, 1, 0);
	store_pages(&l, 0, 5, VHD_COMMIT_SYNC);
	vhd_io_stats(l.io, &before);
	store(&l, VHD_COMMIT_SYNC);
	assert_calls(&before, 1, 0);
	store(&l, VHD_COMMIT_LAZY);
	assert_calls(&before, 0, 0);
	logging_end(&l);
}
END_TEST

START_TEST(vhdx_log__lazy_commit_flushes_only_for_a_barrier)
{
	struct vhd_io_stats before;

	logging_begin(&l);
	store_pages(&l, 0, 1, VHD_COMMIT_SYNC);
	vhd_io_stats(l.io, &before);
	store_pages(&l, 0, 2, VHD_COMMIT_LAZY);
	assert_calls(&before, 0, 1);
	want(&l, 1);
	ck_assert_int_eq(vhdx_log_store(l.log, &l.set, VHD_COMMIT_LAZY, true,
					FILE_LEN, &l.err), 0);
	stored(&l, VHD_COMMIT_LAZY);
	assert_calls(&before, 1, 1);
	assert_shown(&l);
	assert_replayed(&l);
	logging_end(&l);
}
END_TEST

/* L5: the copy waits for a flush, and then for nothing. */
START_TEST(vhdx_log__lazy_shift_owes_the_copy_of_the_header)
{
	struct vhdx_headers h;
	struct vhd_io_stats before;

	logging_begin(&l);
	store_pages(&l, 0, 3, VHD_COMMIT_LAZY);
	headers_load(l.io, &h);
	ck_assert(!vhd_guid_equal(&h.hdr[0].log_guid, &h.hdr[1].log_guid));
	vhd_io_stats(l.io, &before);
	store(&l, VHD_COMMIT_SYNC);
	assert_calls(&before, 1, 1);
	headers_load(l.io, &h);
	ck_assert(vhd_guid_equal(&h.hdr[0].log_guid, &h.hdr[1].log_guid));
	store(&l, VHD_COMMIT_SYNC);
	assert_calls(&before, 1, 0);
	assert_replayed(&l);
	logging_end(&l);
}
END_TEST

START_TEST(vhdx_log__lazy_commits_may_go_on_for_ever)
{
	logging_begin(&l);
	for (uint32_t i = 0; i < 60; i++) {
		store_pages(&l, (37 * i) % (PAGES - 50), 50, VHD_COMMIT_LAZY);
		assert_shown(&l);
		assert_replayed(&l);
	}
	store_pages(&l, 3, 1, VHD_COMMIT_SYNC);
	assert_shown(&l);
	assert_replayed(&l);
	logging_end(&l);
}
END_TEST

START_TEST(vhdx_log__big_sets_take_several_generations)
{
	static const uint32_t count[] = { 1, 125, 126, 127, 128, 252, 253, 254,
					  255, 256, 400, PAGES };

	logging_begin(&l);
	for (size_t i = 0; i < sizeof(count) / sizeof(*count); i++) {
		store_pages(&l, 0, count[i], i % 2 ? VHD_COMMIT_LAZY :
						     VHD_COMMIT_SYNC);
		assert_shown(&l);
		assert_replayed(&l);
	}
	logging_end(&l);
}
END_TEST

/* Parts that are not in the set are those of the page as it was. */
START_TEST(vhdx_log__partial_pages_are_completed)
{
	uint8_t bytes[PAGE], want_bytes[PAGE];

	logging_begin(&l);
	store_pages(&l, 5, 1, VHD_COMMIT_SYNC);
	memset(bytes, 0x77, PAGE);
	vhd_pending_put(&l.set, page_off(5), bytes, 0x81, NULL);
	vhd_pending_put(&l.set, page_off(6), bytes, 0x02, NULL);
	ck_assert_int_eq(try_store(&l, VHD_COMMIT_SYNC), 0);
	page_fill(want_bytes, 1);
	memset(want_bytes, 0x77, 512);
	memset(want_bytes + PAGE - 512, 0x77, 512);
	ck_assert_int_eq(vhdx_log_shut(l.log, NULL), 0);
	ck_assert_int_eq(vhd_io_read(l.io, bytes, PAGE, page_off(5), NULL), 0);
	ck_assert_mem_eq(bytes, want_bytes, PAGE);
	memset(want_bytes, 0, PAGE);
	memset(want_bytes + 512, 0x77, 512);
	ck_assert_int_eq(vhd_io_read(l.io, bytes, PAGE, page_off(6), NULL), 0);
	ck_assert_mem_eq(bytes, want_bytes, PAGE);
	logging_end(&l);
}
END_TEST

/* VHDX-CLS-02, VHDX-CLS-03 */
START_TEST(vhdx_log__shut_leaves_a_clean_file)
{
	struct vhdx_headers h;
	struct vhd_io_stats before;
	uint64_t flushes, writes;

	logging_begin(&l);
	store_pages(&l, 0, 300, VHD_COMMIT_SYNC);
	store_pages(&l, 1, 7, VHD_COMMIT_SYNC);
	vhd_io_stats(l.io, &before);
	ck_assert_int_eq(vhdx_log_shut(l.log, &l.err), 0);
	count_calls(&l, &before, &flushes, &writes);
	ck_assert_uint_eq(flushes, 3);
	assert_in_place(true);
	assert_shown(&l);
	headers_load(l.io, &h);
	ck_assert_uint_eq(h.ok, 3);
	ck_assert(vhd_guid_is_zero(&h.hdr[0].log_guid));
	ck_assert(vhd_guid_is_zero(&h.hdr[1].log_guid));
	ck_assert_uint_eq(h.hdr[h.current].seq, h.hdr[!h.current].seq + 1);
	logging_end(&l);
}
END_TEST

START_TEST(vhdx_log__shut_after_touch_alone_writes_no_log)
{
	struct vhd_io_stats before;

	logging_begin(&l);
	vhd_io_stats(l.io, &before);
	ck_assert_int_eq(vhdx_log_shut(l.log, &l.err), 0);
	assert_calls(&before, 1, 0);
	logging_end(&l);
}
END_TEST

/* What an entry says, read by the parser of replay. */
START_TEST(vhdx_log__entries_are_straight_runs_with_sizes)
{
	static struct vhdx_ring ring;
	struct vhdx_ring_active a;
	struct vhdx_header h;
	uint64_t seq = 0;

	logging_begin(&l);
	for (uint32_t i = 0; i < 12; i++) {
		store_pages(&l, i, 60, VHD_COMMIT_SYNC);
		h = current();
		vhdx_ring_init(&ring, l.io, &h);
		ck_assert_int_eq(vhdx_ring_find(&ring, &a, NULL), 0);
		ck_assert_uint_eq(a.tail_off, i / 2 % 2 ? 512 * KiB : 0);
		ck_assert_uint_eq(a.entry_count, 2 + i % 2);
		ck_assert_uint_eq(a.head.seq, seq + (i % 2 ? 1 : 2));
		ck_assert_uint_eq(a.head.desc_count, 60);
		ck_assert_uint_eq(a.head.flushed_file_off, FILE_LEN);
		ck_assert_uint_eq(a.head.last_file_off, FILE_LEN);
		seq = a.head.seq;
	}
	logging_end(&l);
}
END_TEST

/* VHDX-LOG-48: what is not flushed yet does not count, and MiB are whole. */
START_TEST(vhdx_log__entries_name_the_durable_length)
{
	static struct vhdx_ring ring;
	struct vhdx_ring_active a;
	struct vhdx_header h;

	logging_begin(&l);
	store_pages(&l, 0, 1, VHD_COMMIT_SYNC);
	ck_assert_int_eq(vhd_io_set_size(l.io, 9 * MiB + 77, NULL), 0);
	for (int i = 0; i < 2; i++) {
		want(&l, 1);
		ck_assert_int_eq(vhdx_log_store(l.log, &l.set, i ?
						VHD_COMMIT_SYNC :
						VHD_COMMIT_LAZY, false,
						8 * MiB + 1, NULL), 0);
		h = current();
		vhdx_ring_init(&ring, l.io, &h);
		ck_assert_int_eq(vhdx_ring_find(&ring, &a, NULL), 0);
		ck_assert_uint_eq(a.head.flushed_file_off,
				  i ? 9 * MiB : FILE_LEN);
		ck_assert_uint_eq(a.head.last_file_off, 9 * MiB);
	}
	logging_end(&l);
}
END_TEST

START_TEST(vhdx_log__file_without_a_place_for_a_log_is_refused)
{
	struct vhdx_log_new how = { .bat_off = BAT_OFF, .bat_len = MiB };
	struct vhdx_log *log = NULL;
	struct vhdx_headers h;

	logging_begin(&l);
	headers_load(l.io, &h);
	how.io = l.io;
	how.headers = &h;
	for (int i = 0; i < 4; i++) {
		h.hdr[h.current].log_len = i ? MiB : 0;
		h.hdr[h.current].log_off = i == 1 ? 0 : i == 2 ? FILE_LEN :
					   i == 3 ? MiB + PAGE : MiB;
		ck_assert_int_eq(vhdx_log_new(&how, &log, &l.err),
				 VHD_E_CORRUPT);
		ck_assert_ptr_eq(l.err.rule, vhd_rule_get(RULE_VHDX_LOG_PLACE));
		ck_assert_ptr_null(log);
	}
	vhdx_log_free(NULL);
	logging_end(&l);
}
END_TEST

static atomic_bool reading;

/* No page ever becomes older. */
static void *reader(void *arg)
{
	static uint64_t seen[BAT_PAGES];
	uint64_t got[512];
	uint64_t *bad = arg;

	for (uint32_t i = 0; atomic_load(&reading); i++) {
		uint32_t page = i % BAT_PAGES;

		if (vhdx_log_read(l.log, got, PAGE, page_off(page), NULL) ||
		    got[0] < seen[page] || got[511] != got[0])
			++*bad;
		seen[page] = got[0];
	}
	return NULL;
}

START_TEST(vhdx_log__readers_beside_it_see_pages_whole_and_never_older)
{
	pthread_t thread;
	uint64_t bad = 0;

	logging_begin(&l);
	atomic_store(&reading, true);
	ck_assert_int_eq(pthread_create(&thread, NULL, reader, &bad), 0);
	for (uint32_t i = 0; i < 60; i++)
		store_pages(&l, 5 * i % 150, 100, VHD_COMMIT_SYNC);
	atomic_store(&reading, false);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(bad, 0);
	logging_end(&l);
}
END_TEST

TEST_MAIN("vhdx/log",
	  vhdx_log__touch_gives_both_headers_a_new_identity,
	  vhdx_log__stored_pages_are_in_the_log_and_not_in_place,
	  vhdx_log__commit_costs_two_flushes_also_when_it_shifts,
	  vhdx_log__empty_commit_is_one_flush_and_no_write,
	  vhdx_log__lazy_commit_flushes_only_for_a_barrier,
	  vhdx_log__lazy_shift_owes_the_copy_of_the_header,
	  vhdx_log__lazy_commits_may_go_on_for_ever,
	  vhdx_log__big_sets_take_several_generations,
	  vhdx_log__partial_pages_are_completed,
	  vhdx_log__shut_leaves_a_clean_file,
	  vhdx_log__shut_after_touch_alone_writes_no_log,
	  vhdx_log__entries_are_straight_runs_with_sizes,
	  vhdx_log__entries_name_the_durable_length,
	  vhdx_log__file_without_a_place_for_a_log_is_refused,
	  vhdx_log__readers_beside_it_see_pages_whole_and_never_older)
