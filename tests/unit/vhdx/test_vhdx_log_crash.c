/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power cuts: between two flushes any subset of the calls may have reached the
 * file, torn at sector borders.  Whatever is left must open, show what some first
 * part of the stores left, all that was synced among it, and the data that those
 * stores relied on.
 */
#include "support/base_rand.h"
#include "support/vhdx_logging.h"

enum { DATA_OFF = 0x60000, SECTOR = 512, TORN = 4, RANDOM = 12 };

static struct logging l;
static uint64_t rnd;
static uint8_t *base;		/* the file at the last flush */
static uint64_t states;		/* that were looked at */

/* Is what the file shows the state after some number of steps from @from on? */
static bool state_known(const uint64_t got[PAGES], size_t from,
			uint64_t *stamp_out)
{
	uint64_t now[PAGES] = { 0 };
	size_t bad = 0;

	for (size_t i = 0; i < PAGES; i++)
		bad += got[i] != 0;
	for (size_t m = 0; m <= l.step_count; m++) {
		const struct log_step *s = &l.steps[m];

		if (m >= from && !bad && (!m || s[-1].border)) {
			*stamp_out = m ? s[-1].stamp : 0;
			return true;
		}
		if (m == l.step_count)
			break;
		bad -= got[s->page] != now[s->page];
		now[s->page] = s->stamp;
		bad += got[s->page] != now[s->page];
	}
	return false;
}

/* A page of data that stores from number @stamp on rely on. */
static void data_write(uint64_t stamp)
{
	uint8_t bytes[PAGE];

	page_fill(bytes, stamp);
	ck_assert_int_eq(vhd_io_write(l.io, bytes, PAGE, DATA_OFF + stamp * PAGE,
				      NULL), 0);
}

static void state_check(struct vhd_io *io, size_t from, size_t at)
{
	uint64_t got[PAGES], stamp = 0;
	uint8_t bytes[PAGE];

	replayed(io, got);
	ck_assert_msg(state_known(got, from, &stamp),
		      "after call %zu of %zu: unknown state", at,
		      vhd_trace_count(l.trace));
	for (uint64_t i = 1; i <= stamp; i++) {
		ck_assert_int_eq(vhd_io_read(io, bytes, PAGE,
					     DATA_OFF + i * PAGE, NULL), 0);
		if (page_stamp(bytes) != i)
			ck_abort_msg("store %d of %d has lost its data",
				     (int)i, (int)stamp);
	}
	states++;
}

/* Some of the sectors of a write. */
static void apply_torn(struct vhd_io *io, const struct vhd_trace_op *op)
{
	for (uint64_t at = 0; at < op->len; at += SECTOR) {
		if (base_rand_below(&rnd, 2))
			ck_assert_int_eq(vhd_io_write(io, op->data + at, SECTOR,
						      op->off + at, NULL), 0);
	}
}

/*
 * The calls [first, end) after the last flush: those with a bit in @keep, one of
 * them torn.
 */
static void cut(size_t first, size_t end, uint64_t keep, size_t torn,
		size_t from)
{
	struct vhd_io *io = NULL;

	ck_assert_int_eq(vhd_io_open_mem(base, FILE_LEN, &io, NULL), 0);
	for (size_t i = first; i < end; i++) {
		const struct vhd_trace_op *op = vhd_trace_op(l.trace, i);

		if (i == torn && op->kind == VHD_TRACE_WRITE)
			apply_torn(io, op);
		else if (keep >> (i - first) & 1)
			ck_assert_int_eq(vhd_trace_apply(op, io, NULL), 0);
	}
	state_check(io, from, end);
	vhd_io_close(&io, NULL);
}

static void epoch_cuts(size_t first, size_t end, size_t from)
{
	size_t n = end - first;

	ck_assert_uint_lt(n, 64);
	for (size_t i = 0; i <= n; i++)
		cut(first, end, (UINT64_C(1) << i) - 1, end, from);
	for (size_t i = 0; n < 4 && i < (size_t)1 << n; i++)
		cut(first, end, i, end, from);
	for (size_t i = 0; n >= 4 && i < n; i++) {
		cut(first, end, UINT64_C(1) << i, end, from);
		cut(first, end, ~(UINT64_C(1) << i), end, from);
	}
	for (size_t i = 0; n >= 4 && i < RANDOM; i++)
		cut(first, end, base_rand(&rnd), end, from);
	for (size_t i = 0; n && i < TORN; i++)
		cut(first, end, i ? base_rand(&rnd) : UINT64_MAX,
		    end - 1 - base_rand_below(&rnd, n), from);
}

/* Steps that are sure to be there when the first @calls have been made. */
static size_t sure_after(size_t calls)
{
	size_t steps = 0;

	for (size_t i = 0; i < l.sure_count; i++) {
		if (l.sure_at[i] <= calls)
			steps = l.sure[i];
	}
	return steps;
}

static void base_advance(size_t first, size_t end)
{
	struct vhd_io *io = NULL;

	ck_assert_int_eq(vhd_io_open_mem(base, FILE_LEN, &io, NULL), 0);
	for (size_t i = first; i < end; i++)
		ck_assert_int_eq(vhd_trace_apply(vhd_trace_op(l.trace, i), io,
						 NULL), 0);
	ck_assert_int_eq(vhd_io_read(io, base, FILE_LEN, 0, NULL), 0);
	vhd_io_close(&io, NULL);
}

static void all_cuts(void)
{
	size_t count = vhd_trace_count(l.trace), first = 0;

	base = malloc(FILE_LEN);
	memcpy(base, l.img.bytes, FILE_LEN);
	for (size_t i = 0; i <= count; i++) {
		if (i < count &&
		    vhd_trace_op(l.trace, i)->kind != VHD_TRACE_FLUSH)
			continue;
		epoch_cuts(first, i, sure_after(i));
		base_advance(first, i);
		first = i + 1;
	}
	free(base);
	ck_assert_uint_gt(states, 100);
}

/* @n pages in a few places. */
static void want_some(uint32_t n)
{
	for (uint32_t i = 0, at = 0; i < n; i++, at++) {
		if (i % 15 == 0)
			at = (uint32_t)base_rand_below(&rnd, PAGES / 16) * 16;
		want(&l, at);
	}
}

static void begin(uint64_t seed)
{
	rnd = seed;
	states = 0;
	logging_begin(&l);
	l.barrier = true;
}

static void commit(uint32_t pages, bool sync)
{
	want_some(pages);
	data_write(l.stamp + 1);
	store(&l, sync ? VHD_COMMIT_SYNC : VHD_COMMIT_LAZY);
}

static void end(void)
{
	all_cuts();
	logging_end(&l);
}

START_TEST(vhdx_log_crash__synced_stores_survive_and_others_are_whole)
{
	begin(1 + (uint64_t)_i);
	for (int i = 0; i < 10; i++)
		commit(1 + (uint32_t)base_rand_below(&rnd, i % 3 ? 4 : 60),
		       base_rand_below(&rnd, 3) != 0);
	commit(2, true);
	ck_assert_int_eq(vhdx_log_shut(l.log, NULL), 0);
	end();
}
END_TEST

START_TEST(vhdx_log_crash__lazy_stores_are_whole_and_in_order)
{
	begin(100);
	for (int i = 0; i < 8; i++)
		commit(30, false);
	commit(0, true);
	commit(50, false);
	end();
}
END_TEST

/* VHDX-LOG-46: bitmaps first, then the table from its end. */
START_TEST(vhdx_log_crash__a_big_store_appears_in_order)
{
	begin(200);
	commit(10, true);
	for (uint32_t i = 100; i < 420; i++)
		want(&l, i);
	commit(0, true);
	commit(3, true);
	end();
}
END_TEST

TEST_MAIN_ROWS("vhdx/log_crash",
	       LOOP(vhdx_log_crash__synced_stores_survive_and_others_are_whole,
		    3),
	       ONCE(vhdx_log_crash__lazy_stores_are_whole_and_in_order),
	       ONCE(vhdx_log_crash__a_big_store_appears_in_order))
