/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <string.h>

#include "base/ckd.h"
#include "ops/forward_order.h"
#include "support/check_main.h"

/* A table of @count blocks, block i at place (i * step) % count. */
struct table {
	uint64_t count, step;
	uint64_t same;		/* so many share one place */
	uint64_t bitmap_len;
	unsigned int walks;
};

static uint64_t place(const struct table *t, uint64_t i)
{
	return (1 + i * t->step % t->count / t->same) * MiB;
}

static int toy_layout(void *eng, vhd_region_fn fn, void *arg,
		      struct vhd_error *err)
{
	struct table *t = eng;
	bool go = true;

	(void)err;
	t->walks++;
	go = fn(arg, VHD_REGION_BAT, 512, 4096, VHD_NO_OFFSET);
	for (uint64_t i = 0; go && i < t->count; i++) {
		if (t->bitmap_len)
			go = fn(arg, VHD_REGION_BITMAP,
				place(t, i) - t->bitmap_len, t->bitmap_len, i);
		go = go && fn(arg, VHD_REGION_DATA, place(t, i), MiB, i);
	}
	return 0;
}

static void toy_close(void *eng)
{
	(void)eng;
}

static const struct vhd_engine toy = {
	.layout = toy_layout,
	.close = toy_close,
};

/* All blocks once, in the order of the file. */
static void check_order(struct table *t, struct forward_order *o)
{
	struct vhd_layer layer = { .ops = &toy, .eng = t };
	struct vhd_image img = { .layers = &layer, .count = 1 };
	struct forward_blk b, last = { 0, 0 };
	uint64_t n = 0, sum = 0;
	bool more = true;

	ck_assert_int_eq(vhd_forward_order_begin(o, &img, NULL), 0);
	ck_assert_uint_eq(o->total, t->count);
	for (;;) {
		ck_assert_int_eq(vhd_forward_order_next(o, &b, &more, NULL), 0);
		if (!more)
			break;
		if (b.off != place(t, b.blk) || b.off < last.off ||
		    (b.off == last.off && b.blk <= last.blk))
			ck_abort_msg("block %llu comes wrong",
				     (unsigned long long)b.blk);
		last = b;
		sum += b.blk;
		n++;
	}
	ck_assert_uint_eq(n, t->count);
	ck_assert_uint_eq(sum, t->count * (t->count - 1) / 2);
	vhd_forward_order_end(o);
}

START_TEST(forward_order__few_blocks_take_one_walk)
{
	struct table t = { .count = 1000, .step = 7, .same = 1,
			   .bitmap_len = 512 };
	struct forward_order o;

	check_order(&t, &o);
	ck_assert(!o.ascending);
	ck_assert_uint_eq(o.bitmap_len, 512);
	ck_assert_uint_eq(t.walks, 1);
}
END_TEST

START_TEST(forward_order__ascending_blocks_are_known)
{
	struct table t = { .count = 5000, .step = 1, .same = 1 };
	struct forward_order o;

	check_order(&t, &o);
	ck_assert(o.ascending);
	ck_assert_uint_eq(o.first_off, MiB);
}
END_TEST

/* More than a list holds, in all orders; the bound is half of 512 Ki. */
START_TEST(forward_order__many_blocks_take_many_walks)
{
	static const uint64_t steps[] = { 1, 1300000, 999983, 3 };
	struct table t = { .count = 1300001, .step = steps[_i], .same = 1 };
	struct forward_order o;

	check_order(&t, &o);
	ck_assert_uint_ge(t.walks, 3);
	ck_assert_uint_le(t.walks, 7);
	ck_assert_uint_le(o.room, 512 << 10);
}
END_TEST

START_TEST(forward_order__blocks_that_share_a_place_all_come)
{
	struct table t = { .count = 600011, .step = 77, .same = 4 };
	struct forward_order o;

	check_order(&t, &o);
	ck_assert(!o.ascending);
}
END_TEST

START_TEST(forward_order__no_blocks)
{
	struct table t = { .count = 0, .step = 1, .same = 1 };
	struct vhd_layer layer = { .ops = &toy, .eng = &t };
	struct vhd_image img = { .layers = &layer, .count = 1 };
	struct forward_order o;
	struct forward_blk b;
	bool more = true;

	ck_assert_int_eq(vhd_forward_order_begin(&o, &img, NULL), 0);
	ck_assert_int_eq(vhd_forward_order_next(&o, &b, &more, NULL), 0);
	ck_assert(!more);
	ck_assert(o.ascending);
	vhd_forward_order_end(&o);
}
END_TEST

TEST_MAIN_ROWS("ops/forward_order",
	ONCE(forward_order__few_blocks_take_one_walk),
	ONCE(forward_order__ascending_blocks_are_known),
	LOOP(forward_order__many_blocks_take_many_walks, 4),
	ONCE(forward_order__blocks_that_share_a_place_all_come),
	ONCE(forward_order__no_blocks))
