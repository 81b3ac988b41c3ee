/* SPDX-License-Identifier: BSD-2-Clause */
/* Tickets: who gets which place, what is copied from below, what is marked. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/toy_format.h"

static void begin(struct toy *t, struct vhd_ticket *ticket, uint64_t off,
		  uint64_t len)
{
	ck_assert_int_eq(vhd_writer_ready(t->w, NULL), 0);
	ck_assert_int_eq(vhd_writer_begin(t->w, off, len, false, ticket,
					  NULL), 0);
	if (ticket->fill_count)
		vhd_writer_filled(t->w, ticket);
}

static void end(struct toy *t, struct vhd_ticket *ticket, bool ok)
{
	ck_assert_int_eq(vhd_writer_end(t->w, ticket, ok, NULL), 0);
}

START_TEST(ticket__two_share_the_place_of_a_new_block)
{
	struct vhd_ticket a, b;
	struct toy t;

	toy_open(&t, false, false);
	begin(&t, &a, 0, 4096);
	begin(&t, &b, 8192, 4096);
	ck_assert_uint_eq(t.places, 1);
	ck_assert_uint_eq(b.file_off, a.file_off + 8192);
	end(&t, &b, true);
	end(&t, &a, true);
	ck_assert_uint_eq(t.unplaced, 0);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__place_of_a_failed_write_is_given_back)
{
	struct vhd_ticket a, b;
	struct toy t;

	toy_open(&t, false, false);
	begin(&t, &a, 0, 4096);
	begin(&t, &b, 4096, 4096);
	end(&t, &a, false);
	ck_assert_uint_eq(t.unplaced, 0);
	end(&t, &b, false);
	ck_assert_uint_eq(t.unplaced, 1);
	ck_assert_uint_eq(t.unplaced_off, TOY_DATA);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__one_success_keeps_the_place)
{
	struct vhd_ticket a, b;
	struct toy t;

	toy_open(&t, false, false);
	begin(&t, &a, 0, 4096);
	begin(&t, &b, 4096, 4096);
	end(&t, &a, true);
	end(&t, &b, false);
	ck_assert_uint_eq(t.unplaced, 0);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__reads_see_nothing_before_its_end)
{
	struct vhd_ticket a;
	struct toy t;
	uint64_t e = 1;

	toy_open(&t, false, false);
	begin(&t, &a, 0, 4096);
	ck_assert_int_eq(vhd_pcache_read(t.pc, 0, &e, 8, NULL), 0);
	ck_assert_uint_eq(e, 0);
	end(&t, &a, true);
	ck_assert_int_eq(vhd_pcache_read(t.pc, 0, &e, 8, NULL), 0);
	ck_assert_uint_eq(e, TOY_DATA | 1);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__whole_units_over_a_parent_need_no_copy)
{
	struct vhd_ticket a;
	struct toy t;

	toy_open(&t, true, false);
	begin(&t, &a, 4096, 8192);
	ck_assert_uint_eq(a.fill_count, 0);
	end(&t, &a, true);
	ck_assert_uint_eq(toy_bits(&t, 0), 0x00ffff00);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__edges_are_copied_and_marked_as_whole_units)
{
	struct vhd_ticket a;
	struct toy t;

	toy_open(&t, true, false);
	begin(&t, &a, 4096 + 100, 4096);
	ck_assert_uint_eq(a.fill_count, 2);
	ck_assert_uint_eq(a.fill[0].off, 4096);
	ck_assert_uint_eq(a.fill[0].len, 4096);
	ck_assert_uint_eq(a.fill[0].file_off, TOY_DATA + 4096);
	ck_assert_uint_eq(a.fill[1].off, 8192);
	end(&t, &a, true);
	ck_assert_uint_eq(toy_bits(&t, 0), 0x00ffff00);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__present_sectors_are_never_copied_over)
{
	struct vhd_ticket a;
	struct toy t;

	toy_open(&t, true, false);
	/* As a writer with smaller units would leave it: sectors 2 and 5. */
	begin(&t, &a, 0, 4096);
	a.from_sec = 2;
	a.to_sec = 3;
	end(&t, &a, true);
	begin(&t, &a, 4 * 512, 512);
	ck_assert_uint_eq(a.fill_count, 2);
	ck_assert_uint_eq(a.fill[0].len, 2 * 512);
	ck_assert_uint_eq(a.fill[1].off, 3 * 512);
	ck_assert_uint_eq(a.fill[1].len, 5 * 512);
	end(&t, &a, true);
	ck_assert_uint_eq(toy_bits(&t, 0), 0xff);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__a_unit_is_copied_by_the_first_of_two_only)
{
	struct vhd_ticket a, b;
	struct toy t;

	toy_open(&t, true, false);
	begin(&t, &a, 0, 512);
	begin(&t, &b, 1024, 512);
	ck_assert_uint_eq(a.fill_count, 1);
	ck_assert_uint_eq(b.fill_count, 0);
	end(&t, &b, true);
	ck_assert_uint_eq(toy_bits(&t, 0), 0x04);
	end(&t, &a, true);
	ck_assert_uint_eq(toy_bits(&t, 0), 0xff);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__failure_of_the_one_who_copied_leaves_whole_sectors)
{
	struct vhd_ticket a, b;
	struct toy t;

	toy_open(&t, true, false);
	begin(&t, &a, 0, 512);
	begin(&t, &b, 1024, 512);
	end(&t, &a, false);
	end(&t, &b, true);
	ck_assert_uint_eq(toy_bits(&t, 0), 0x04);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

/* Beside one that claimed nothing but its own sectors. */
START_TEST(ticket__free_sector_of_a_shared_unit_is_copied_alone)
{
	struct vhd_ticket a, b, c;
	struct toy t;

	toy_open(&t, true, false);
	begin(&t, &a, 0, 512);
	begin(&t, &b, 1024, 512);
	end(&t, &a, false);
	begin(&t, &c, 7 * 512 + 10, 20);
	ck_assert_uint_eq(c.fill_count, 1);
	ck_assert_uint_eq(c.fill[0].off, 7 * 512);
	ck_assert_uint_eq(c.fill[0].len, 512);
	end(&t, &c, true);
	end(&t, &b, true);
	ck_assert_uint_eq(toy_bits(&t, 0), 0x84);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

/* The copy that the first one made is there for both. */
START_TEST(ticket__parts_of_one_copied_sector_need_no_wait)
{
	struct vhd_ticket a, b;
	struct toy t;

	toy_open(&t, true, false);
	begin(&t, &a, 0, 50);
	ck_assert_int_eq(vhd_writer_begin(t.w, 100, 50, true, &b, NULL), 0);
	ck_assert_uint_eq(b.fill_count, 0);
	end(&t, &b, true);
	ck_assert_uint_eq(toy_bits(&t, 0), 0x01);
	end(&t, &a, true);
	ck_assert_uint_eq(toy_bits(&t, 0), 0xff);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

static int begin_part(struct toy *t, struct vhd_ticket *b, bool held)
{
	return vhd_writer_begin(t->w, 100, 50, held, b, NULL);
}

START_TEST(ticket__part_of_a_claimed_sector_is_not_waited_for_by_holders)
{
	struct vhd_ticket a, b;
	struct toy t;

	toy_open(&t, true, false);
	ck_assert_int_eq(vhd_writer_begin(t.w, 0, TOY_BLOCK, _i, &a, NULL), 0);
	ck_assert_int_eq(begin_part(&t, &b, !_i), VHD_E_BUSY);
	end(&t, &a, true);
	ck_assert_int_eq(begin_part(&t, &b, true), 0);
	end(&t, &b, true);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

static void *part_writer(void *arg)
{
	ck_assert_int_eq(toy_write(arg, 100, "x", 1, NULL), 0);
	return NULL;
}

START_TEST(ticket__part_of_a_claimed_sector_waits_for_calls)
{
	struct vhd_ticket a;
	pthread_t thread;
	struct toy t;
	uint8_t byte = 0;

	toy_open(&t, true, false);
	begin(&t, &a, 0, TOY_BLOCK);
	ck_assert_int_eq(pthread_create(&thread, NULL, part_writer, &t), 0);
	usleep(20000);
	ck_assert_int_eq(vhd_io_zero(t.io, a.len, a.file_off, NULL), 0);
	end(&t, &a, true);
	pthread_join(thread, NULL);
	ck_assert_int_eq(vhd_io_read(t.io, &byte, 1, a.file_off + 100, NULL),
			 0);
	ck_assert_int_eq(byte, 'x');
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__whole_block_over_a_parent_is_mapped_without_bits)
{
	struct vhd_ticket a;
	struct toy t;

	toy_open(&t, true, false);
	begin(&t, &a, 0, TOY_BLOCK);
	ck_assert(a.whole);
	end(&t, &a, true);
	ck_assert_int_eq(vhd_writer_commit(t.w, VHD_COMMIT_LAZY, NULL), 0);
	ck_assert_uint_eq(toy_stored_entry(&t, 0), TOY_DATA | 1);
	ck_assert_uint_eq(t.barriers, 1);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__fresh_space_over_nothing_needs_no_barrier)
{
	struct toy t;

	toy_open(&t, false, false);
	t.kind = _i ? VHD_SPACE_DIRTY : VHD_SPACE_FRESH;
	ck_assert_int_eq(toy_write(&t, 0, "abc", 3, NULL), 0);
	ck_assert_int_eq(vhd_writer_commit(t.w, VHD_COMMIT_LAZY, NULL), 0);
	ck_assert_uint_eq(t.barriers, _i ? 1 : 0);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__zeros_are_promised_to_the_first_alone)
{
	struct vhd_ticket a, b, c;
	struct toy t;

	toy_open(&t, true, false);
	begin(&t, &a, 0, 4096);
	ck_assert(a.zeros);
	begin(&t, &b, 4096, 4096);
	ck_assert(!b.zeros);
	end(&t, &a, false);
	begin(&t, &c, 0, 4096);
	ck_assert(!c.zeros);
	end(&t, &b, true);
	end(&t, &c, true);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

START_TEST(ticket__busy_block_is_not_unmapped)
{
	struct vhd_ticket a;
	struct toy t;
	bool done = true;

	toy_open(&t, false, false);
	begin(&t, &a, 0, 4096);
	ck_assert_int_eq(vhd_writer_unmap(t.w, 0, VHD_UNMAP_ZERO, &done, NULL),
			 0);
	ck_assert(!done);
	end(&t, &a, true);
	ck_assert_int_eq(vhd_writer_unmap(t.w, 0, VHD_UNMAP_ZERO, &done, NULL),
			 0);
	ck_assert(done);
	ck_assert_int_eq(toy_close(&t, NULL), 0);
}
END_TEST

TEST_MAIN_ROWS("write/ticket",
	       ONCE(ticket__two_share_the_place_of_a_new_block),
	       ONCE(ticket__place_of_a_failed_write_is_given_back),
	       ONCE(ticket__one_success_keeps_the_place),
	       ONCE(ticket__reads_see_nothing_before_its_end),
	       ONCE(ticket__whole_units_over_a_parent_need_no_copy),
	       ONCE(ticket__edges_are_copied_and_marked_as_whole_units),
	       ONCE(ticket__present_sectors_are_never_copied_over),
	       ONCE(ticket__a_unit_is_copied_by_the_first_of_two_only),
	       ONCE(ticket__failure_of_the_one_who_copied_leaves_whole_sectors),
	       ONCE(ticket__free_sector_of_a_shared_unit_is_copied_alone),
	       ONCE(ticket__parts_of_one_copied_sector_need_no_wait),
	       LOOP(ticket__part_of_a_claimed_sector_is_not_waited_for_by_holders, 2),
	       ONCE(ticket__part_of_a_claimed_sector_waits_for_calls),
	       ONCE(ticket__whole_block_over_a_parent_is_mapped_without_bits),
	       LOOP(ticket__fresh_space_over_nothing_needs_no_barrier, 2),
	       ONCE(ticket__zeros_are_promised_to_the_first_alone),
	       ONCE(ticket__busy_block_is_not_unmapped))
