/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges that are doubtful: apart, ascending, and never more than so many. */
#include "ops/doubts.h"

#include <check.h>
#include <string.h>

#include "support/check_main.h"

static struct vhd_doubts all;

static void expect(size_t i, uint64_t off, uint64_t end, const char *msg)
{
	ck_assert_uint_lt(i, all.count);
	ck_assert_uint_eq(all.d[i].off, off);
	ck_assert_uint_eq(all.d[i].end, end);
	ck_assert_str_eq(all.d[i].msg, msg);
}

static void begin(void)
{
	memset(&all, 0, sizeof(all));
}

START_TEST(doubts__are_sorted_and_joined)
{
	begin();
	vhd_doubts_add(&all, 100, 10, "a");
	vhd_doubts_add(&all, 50, 10, "a");
	vhd_doubts_add(&all, 110, 10, "a");
	vhd_doubts_add(&all, 60, 10, "b");
	ck_assert_uint_eq(all.count, 3);
	expect(0, 50, 60, "a");
	expect(1, 60, 70, "b");
	expect(2, 100, 120, "a");
	vhd_doubts_add(&all, 100, 20, "a");
	ck_assert_uint_eq(all.count, 3);
	vhd_doubts_add(&all, 70, 30, "a");
	ck_assert_uint_eq(all.count, 3);
	expect(2, 70, 120, "a");
}
END_TEST

START_TEST(doubts__the_whole_swallows_parts)
{
	begin();
	vhd_doubts_add(&all, 100, 10, "part");
	vhd_doubts_add(&all, 0, UINT64_MAX, "whole");
	vhd_doubts_add(&all, 300, 10, "part");
	ck_assert_uint_eq(all.count, 1);
	expect(0, 0, UINT64_MAX, "whole");
	begin();
	vhd_doubts_add(&all, 5, UINT64_MAX, "rest");
	expect(0, 5, UINT64_MAX, "rest");
}
END_TEST

/* What was doubtful once stays so, however many there are. */
START_TEST(doubts__too_many_grow_together)
{
	uint64_t i, n = 10 * VHD_DOUBTS_MAX;
	size_t k;

	begin();
	for (i = 0; i < n; i++)
		vhd_doubts_add(&all, (i * 7919 % n) * 10, 5, "one");
	ck_assert_uint_le(all.count, VHD_DOUBTS_MAX);
	ck_assert_uint_gt(all.count, VHD_DOUBTS_MAX / 2);
	for (k = 1; k < all.count; k++)
		ck_assert_uint_gt(all.d[k].off, all.d[k - 1].end);
	for (i = 0; i < n; i++) {
		for (k = 0; k < all.count; k++)
			if (all.d[k].off <= i * 10 &&
			    i * 10 + 5 <= all.d[k].end)
				break;
		ck_assert_uint_lt(k, all.count);
	}
}
END_TEST

START_TEST(doubts__long_words_are_cut)
{
	char msg[2 * VHD_DOUBT_MSG];

	begin();
	memset(msg, 'x', sizeof(msg) - 1);
	msg[sizeof(msg) - 1] = '\0';
	vhd_doubts_add(&all, 0, 1, msg);
	ck_assert_uint_eq(strlen(all.d[0].msg), VHD_DOUBT_MSG - 1);
}
END_TEST

TEST_MAIN("ops/doubts",
	doubts__are_sorted_and_joined,
	doubts__the_whole_swallows_parts,
	doubts__too_many_grow_together,
	doubts__long_words_are_cut)
