/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/alloc.h"
#include "base/ckd.h"
#include "support/base_rand.h"
#include "support/check_main.h"
#include "write/space.h"

#include <string.h>

static bool no_memory;

/* Replaces the library's. */
bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return !no_memory;
}

/*
 * What every set keeps to, whatever was done to it.  One assertion for many
 * comparisons: Check's cost time.
 */
static void check_order(const struct vhd_space *s)
{
	bool ok = true;

	ck_assert_uint_le(s->count, s->room);
	ck_assert_uint_le(s->count, VHD_SPACE_EXTENTS_MAX);
	for (size_t i = 0; i < s->count; i++) {
		const struct vhd_space_extent *e = &s->ext[i];
		uint64_t prev_end = i ? e[-1].off + e[-1].len : 0;

		ok &= e->len > 0 && prev_end <= e->off;
		ok &= !i || prev_end < e->off || e[-1].kind != e->kind;
	}
	ck_assert(ok);
}

static void expect_extent(const struct vhd_space *s, size_t idx, uint64_t off,
			  uint64_t len, enum vhd_space_kind kind)
{
	check_order(s);
	ck_assert_uint_lt(idx, s->count);
	ck_assert_uint_eq(s->ext[idx].off, off);
	ck_assert_uint_eq(s->ext[idx].len, len);
	ck_assert_int_eq(s->ext[idx].kind, kind);
}

/* Takes any kind at any multiple of @align. */
static uint64_t take(struct vhd_space *s, uint64_t len, uint64_t align,
		     enum vhd_space_kind kind)
{
	enum vhd_space_kind got;
	uint64_t off;

	ck_assert(vhd_space_take(s, len, align, 0, false, &off, &got));
	ck_assert_int_eq(got, kind);
	check_order(s);
	return off;
}

START_TEST(space__a_set_of_zeros_is_empty)
{
	struct vhd_space s = { 0 };
	enum vhd_space_kind kind;
	uint64_t off;

	ck_assert(!vhd_space_take(&s, 1, 1, 0, true, &off, &kind));
	ck_assert_uint_eq(vhd_space_tail(&s, 0), 0);
	ck_assert_uint_eq(vhd_space_tail(&s, 9), 9);
	ck_assert_uint_eq(vhd_space_total(&s), 0);
	vhd_space_cut(&s, 0);
	vhd_space_add(&s, 7, 0, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(s.count, 0);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__neighbours_of_one_kind_are_joined)
{
	struct vhd_space s = { 0 };

	vhd_space_add(&s, 10, 10, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 30, 10, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 40, 5, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 5, 5, VHD_SPACE_DIRTY);
	expect_extent(&s, 0, 5, 15, VHD_SPACE_DIRTY);
	expect_extent(&s, 1, 30, 15, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 20, 10, VHD_SPACE_DIRTY);
	expect_extent(&s, 0, 5, 40, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(s.count, 1);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__neighbours_of_two_kinds_are_not)
{
	struct vhd_space s = { 0 };

	vhd_space_add(&s, 10, 10, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 30, 10, VHD_SPACE_FRESH);
	vhd_space_add(&s, 20, 10, VHD_SPACE_ZEROED);
	ck_assert_uint_eq(s.count, 3);
	expect_extent(&s, 1, 20, 10, VHD_SPACE_ZEROED);
	ck_assert_uint_eq(vhd_space_total(&s), 30);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__space_with_two_owners_is_not_free)
{
	struct vhd_space s = { 0 };

	vhd_space_add(&s, 10, 10, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 10, 10, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 5, 6, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 19, 6, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 12, 2, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 0, 90, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 100, UINT64_MAX, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(s.count, 1);
	expect_extent(&s, 0, 10, 10, VHD_SPACE_DIRTY);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__the_lowest_place_is_taken)
{
	struct vhd_space s = { 0 };

	vhd_space_add(&s, 100, 50, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 20, 7, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 200, 50, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(take(&s, 20, 1, VHD_SPACE_DIRTY), 100);
	ck_assert_uint_eq(take(&s, 7, 1, VHD_SPACE_DIRTY), 20);
	ck_assert_uint_eq(take(&s, 40, 1, VHD_SPACE_DIRTY), 200);
	expect_extent(&s, 0, 120, 30, VHD_SPACE_DIRTY);
	expect_extent(&s, 1, 240, 10, VHD_SPACE_DIRTY);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__an_aligned_place_leaves_what_is_before_it)
{
	struct vhd_space s = { 0 };

	vhd_space_add(&s, 5, 40, VHD_SPACE_ZEROED);
	ck_assert_uint_eq(take(&s, 10, 16, VHD_SPACE_ZEROED), 16);
	expect_extent(&s, 0, 5, 11, VHD_SPACE_ZEROED);
	expect_extent(&s, 1, 26, 19, VHD_SPACE_ZEROED);
	vhd_space_clear(&s);
}
END_TEST

/* VHD: a bitmap of 512 bytes goes before data that begins on a page. */
START_TEST(space__a_skew_moves_the_alignment)
{
	struct vhd_space s = { 0 };
	enum vhd_space_kind kind;
	uint64_t off;

	vhd_space_add(&s, 4096, 16384, VHD_SPACE_DIRTY);
	ck_assert(vhd_space_take(&s, 512 + 4096, 4096, 512, false, &off,
				 &kind));
	ck_assert_uint_eq(off, 8192 - 512);
	expect_extent(&s, 0, 4096, 4096 - 512, VHD_SPACE_DIRTY);
	expect_extent(&s, 1, 12288, 8192, VHD_SPACE_DIRTY);
	ck_assert(!vhd_space_take(&s, 512 + 8192, 4096, 512, false, &off,
				  &kind));
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__a_place_may_cover_kinds_and_is_as_good_as_the_worst)
{
	struct vhd_space s = { 0 };

	vhd_space_add(&s, 0, 10, VHD_SPACE_FRESH);
	vhd_space_add(&s, 10, 10, VHD_SPACE_ZEROED);
	vhd_space_add(&s, 20, 10, VHD_SPACE_FRESH);
	vhd_space_add(&s, 40, 10, VHD_SPACE_FRESH);
	vhd_space_add(&s, 50, 10, VHD_SPACE_ZEROED);
	vhd_space_add(&s, 60, 10, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(take(&s, 25, 1, VHD_SPACE_ZEROED), 0);
	ck_assert_uint_eq(take(&s, 25, 1, VHD_SPACE_DIRTY), 40);
	ck_assert_uint_eq(take(&s, 5, 1, VHD_SPACE_FRESH), 25);
	expect_extent(&s, 0, 65, 5, VHD_SPACE_DIRTY);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__fresh_space_is_preferred_where_asked)
{
	struct vhd_space s = { 0 };
	enum vhd_space_kind kind;
	uint64_t off;

	vhd_space_add(&s, 0, 40, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 50, 5, VHD_SPACE_FRESH);
	vhd_space_add(&s, 60, 20, VHD_SPACE_FRESH);
	ck_assert(vhd_space_take(&s, 20, 1, 0, true, &off, &kind));
	ck_assert_uint_eq(off, 60);
	ck_assert_int_eq(kind, VHD_SPACE_FRESH);
	/* No other is long enough. */
	ck_assert(vhd_space_take(&s, 20, 1, 0, true, &off, &kind));
	ck_assert_uint_eq(off, 0);
	ck_assert_int_eq(kind, VHD_SPACE_DIRTY);
	/* Nobody minds: the lowest. */
	ck_assert(vhd_space_take(&s, 5, 1, 0, false, &off, &kind));
	ck_assert_uint_eq(off, 20);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__places_at_the_end_of_64_bits_do_not_wrap)
{
	struct vhd_space s = { 0 };
	enum vhd_space_kind kind;
	uint64_t off;

	vhd_space_add(&s, UINT64_MAX - 100, 100, VHD_SPACE_DIRTY);
	ck_assert(!vhd_space_take(&s, 10, 1024, 0, false, &off, &kind));
	ck_assert(!vhd_space_take(&s, UINT64_MAX, 1, 0, false, &off, &kind));
	ck_assert(vhd_space_take(&s, 1, 1, 50, false, &off, &kind));
	ck_assert_uint_eq(off, UINT64_MAX - 100);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__the_tail_runs_over_all_kinds)
{
	struct vhd_space s = { 0 };

	vhd_space_add(&s, 5, 5, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 20, 10, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 30, 10, VHD_SPACE_ZEROED);
	vhd_space_add(&s, 40, 10, VHD_SPACE_FRESH);
	ck_assert_uint_eq(vhd_space_tail(&s, 50), 20);
	ck_assert_uint_eq(vhd_space_tail(&s, 45), 20);
	ck_assert_uint_eq(vhd_space_tail(&s, 51), 51);
	ck_assert_uint_eq(vhd_space_tail(&s, 20), 20);
	ck_assert_uint_eq(vhd_space_tail(&s, 10), 5);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__a_cut_takes_all_behind_it)
{
	struct vhd_space s = { 0 };

	vhd_space_add(&s, 0, 10, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 20, 10, VHD_SPACE_DIRTY);
	vhd_space_add(&s, 40, 10, VHD_SPACE_DIRTY);
	vhd_space_cut(&s, 50);
	ck_assert_uint_eq(vhd_space_total(&s), 30);
	vhd_space_cut(&s, 35);
	ck_assert_uint_eq(s.count, 2);
	vhd_space_cut(&s, 25);
	expect_extent(&s, 1, 20, 5, VHD_SPACE_DIRTY);
	vhd_space_cut(&s, 20);
	expect_extent(&s, 0, 0, 10, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(s.count, 1);
	vhd_space_cut(&s, 0);
	ck_assert_uint_eq(s.count, 0);
	vhd_space_clear(&s);
}
END_TEST

/* Extents at multiples of 100; that of @short_idx is the shortest. */
static void fill_up(struct vhd_space *s, size_t short_idx)
{
	for (size_t i = 0; i < VHD_SPACE_EXTENTS_MAX; i++)
		vhd_space_add(s, 100 * i, i == short_idx ? 10 : 50,
			      VHD_SPACE_DIRTY);
	ck_assert_uint_eq(s->count, VHD_SPACE_EXTENTS_MAX);
}

START_TEST(space__one_extent_too_many_costs_the_shortest)
{
	static const size_t places[] = { 0, 99, VHD_SPACE_EXTENTS_MAX - 1 };
	const uint64_t end = 100 * (uint64_t)VHD_SPACE_EXTENTS_MAX;
	const size_t idx = places[_i];
	struct vhd_space s = { 0 };

	fill_up(&s, idx);
	/* Shorter than all that are there: itself. */
	vhd_space_add(&s, end, 9, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(vhd_space_tail(&s, end + 9), end + 9);
	vhd_space_add(&s, end, 20, VHD_SPACE_DIRTY);
	check_order(&s);
	ck_assert_uint_eq(s.count, VHD_SPACE_EXTENTS_MAX);
	ck_assert_uint_eq(vhd_space_tail(&s, end + 20), end);
	ck_assert_uint_eq(vhd_space_tail(&s, 100 * idx + 10), 100 * idx + 10);
	/* What joins a neighbour needs no room. */
	vhd_space_add(&s, 650, 3, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(vhd_space_tail(&s, 653), 600);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__a_full_set_is_cut_in_two_by_forgetting)
{
	const uint64_t last = 100 * (uint64_t)(VHD_SPACE_EXTENTS_MAX - 1);
	struct vhd_space s = { 0 };
	enum vhd_space_kind kind;
	uint64_t off;

	fill_up(&s, 7);
	/* Leaves one at either end, both shorter than all others. */
	ck_assert(vhd_space_take(&s, 48, 1024, 1024 - 1, false, &off, &kind));
	ck_assert_uint_eq(off % 1024, 1);
	check_order(&s);
	ck_assert_uint_eq(s.count, VHD_SPACE_EXTENTS_MAX);
	ck_assert_uint_eq(vhd_space_tail(&s, off), off - 1);
	ck_assert_uint_eq(vhd_space_tail(&s, off + 49), off + 49);
	/* The one that is left of them goes when 4 and 42 are to stay. */
	vhd_space_add(&s, last + 50, 50, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(take(&s, 54, 32, VHD_SPACE_DIRTY), last + 4);
	ck_assert_uint_eq(s.count, VHD_SPACE_EXTENTS_MAX);
	ck_assert_uint_eq(vhd_space_tail(&s, off), off);
	ck_assert_uint_eq(vhd_space_tail(&s, last + 4), last);
	ck_assert_uint_eq(vhd_space_tail(&s, last + 100), last + 58);
	vhd_space_clear(&s);
}
END_TEST

START_TEST(space__without_memory_a_range_is_forgotten)
{
	struct vhd_space s = { 0 };
	size_t full;

	no_memory = true;
	vhd_space_add(&s, 0, 10, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(s.count, 0);
	no_memory = false;
	vhd_space_add(&s, 0, 10, VHD_SPACE_DIRTY);
	while (s.count < s.room)
		vhd_space_add(&s, 100 * s.count, 10, VHD_SPACE_DIRTY);
	full = s.count;
	no_memory = true;
	vhd_space_add(&s, 100 * full, 10, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(s.count, full);
	/* Cut in two: the longer end stays. */
	ck_assert_uint_eq(take(&s, 2, 8, VHD_SPACE_DIRTY), 0);
	ck_assert_uint_eq(take(&s, 6, 4, VHD_SPACE_DIRTY), 4);
	expect_extent(&s, 0, 2, 2, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(take(&s, 4, 8, VHD_SPACE_DIRTY), 104);
	expect_extent(&s, 1, 100, 4, VHD_SPACE_DIRTY);
	ck_assert_uint_eq(s.count, full);
	no_memory = false;
	vhd_space_clear(&s);
}
END_TEST

/* A map of the file to compare with: what each unit holds. */
enum { UNITS = 400, USED = 3 };

static uint64_t map_find(const uint8_t *map, uint64_t len, uint64_t align,
			 uint64_t skew, uint8_t worst)
{
	for (uint64_t at = 0; at + len <= UNITS; at++) {
		uint64_t n = 0;

		if ((at + skew) % align)
			continue;
		while (n < len && map[at + n] <= worst)
			n++;
		if (n == len)
			return at;
	}
	return UNITS;
}

static void random_take(struct vhd_space *s, uint8_t *map, uint64_t *state)
{
	uint64_t len = base_rand_below(state, 12) + 1;
	uint64_t align = UINT64_C(1) << base_rand_below(state, 5);
	uint64_t skew = base_rand_below(state, 2) * base_rand_below(state, 40);
	bool fresh = base_rand_below(state, 2);
	uint64_t want = UNITS, off = 0;
	enum vhd_space_kind kind = VHD_SPACE_FRESH;
	uint8_t worst = 0;

	if (fresh)
		want = map_find(map, len, align, skew, VHD_SPACE_FRESH);
	if (want == UNITS)
		want = map_find(map, len, align, skew, VHD_SPACE_DIRTY);
	ck_assert_int_eq(vhd_space_take(s, len, align, skew, fresh, &off,
					&kind), want < UNITS);
	if (want == UNITS)
		return;
	ck_assert_uint_eq(off, want);
	for (uint64_t i = off; i < off + len; i++) {
		worst = map[i] > worst ? map[i] : worst;
		map[i] = USED;
	}
	ck_assert_uint_eq(kind, worst);
}

/* Gives back part of what is used. */
static void random_add(struct vhd_space *s, uint8_t *map, uint64_t *state)
{
	uint64_t off = base_rand_below(state, UNITS);
	uint64_t max = base_rand_below(state, 20) + 1;
	uint8_t kind = (uint8_t)base_rand_below(state, 3);
	uint64_t len = 0;

	while (len < max && off + len < UNITS && map[off + len] == USED)
		map[off + len++] = kind;
	vhd_space_add(s, off, len, kind);
}

static void compare(const struct vhd_space *s, const uint8_t *map)
{
	uint8_t got[UNITS];
	uint64_t end = 0, total = 0;

	check_order(s);
	memset(got, USED, sizeof(got));
	for (size_t i = 0; i < s->count; i++)
		memset(got + s->ext[i].off, (int)s->ext[i].kind,
		       s->ext[i].len);
	ck_assert_mem_eq(got, map, UNITS);
	for (uint64_t i = 0; i < UNITS; i++)
		total += map[i] != USED;
	ck_assert_uint_eq(vhd_space_total(s), total);
	for (uint64_t i = 0; i <= UNITS; i++) {
		if (vhd_space_tail(s, i) != end)
			ck_abort_msg("the tail of %ju is wrong", (uintmax_t)i);
		if (i < UNITS && map[i] == USED)
			end = i + 1;
	}
}

START_TEST(space__random_work_agrees_with_a_map)
{
	uint8_t map[UNITS];
	struct vhd_space s = { 0 };
	uint64_t state = (uint64_t)_i + 1;

	memset(map, USED, sizeof(map));
	for (int i = 0; i < 2500; i++) {
		uint64_t cut = UNITS - base_rand_below(&state, 60);

		switch (base_rand_below(&state, 20)) {
		case 0:
			vhd_space_cut(&s, cut);
			memset(map + cut, USED, UNITS - cut);
			break;
		case 1: case 2: case 3: case 4: case 5: case 6: case 7:
			random_take(&s, map, &state);
			break;
		default:
			random_add(&s, map, &state);
		}
		compare(&s, map);
	}
	vhd_space_clear(&s);
}
END_TEST

/* With memory that comes and goes space is lost, but none is given twice. */
START_TEST(space__what_is_forgotten_is_not_given)
{
	static uint8_t owned[20000];
	struct vhd_space s = { 0 };
	uint64_t state = 3;

	memset(owned, true, sizeof(owned));
	for (int i = 0; i < 8000; i++) {
		uint64_t len = base_rand_below(&state, 9) + 1;
		uint64_t off = base_rand_below(&state, sizeof(owned) - len);
		enum vhd_space_kind kind;

		no_memory = base_rand_below(&state, 50) != 0;
		if (!memchr(owned + off, false, len)) {
			memset(owned + off, false, len);
			vhd_space_add(&s, off, len, VHD_SPACE_DIRTY);
		}
		if (i % 3 == 0 && vhd_space_take(&s, len, 4, 0, false, &off,
						 &kind)) {
			ck_assert_ptr_null(memchr(owned + off, true, len));
			memset(owned + off, true, len);
		}
		check_order(&s);
	}
	no_memory = false;
	vhd_space_clear(&s);
}
END_TEST

TEST_MAIN_ROWS("write/space",
	       ONCE(space__a_set_of_zeros_is_empty),
	       ONCE(space__neighbours_of_one_kind_are_joined),
	       ONCE(space__neighbours_of_two_kinds_are_not),
	       ONCE(space__space_with_two_owners_is_not_free),
	       ONCE(space__the_lowest_place_is_taken),
	       ONCE(space__an_aligned_place_leaves_what_is_before_it),
	       ONCE(space__a_skew_moves_the_alignment),
	       ONCE(space__a_place_may_cover_kinds_and_is_as_good_as_the_worst),
	       ONCE(space__fresh_space_is_preferred_where_asked),
	       ONCE(space__places_at_the_end_of_64_bits_do_not_wrap),
	       ONCE(space__the_tail_runs_over_all_kinds),
	       ONCE(space__a_cut_takes_all_behind_it),
	       LOOP(space__one_extent_too_many_costs_the_shortest, 3),
	       ONCE(space__a_full_set_is_cut_in_two_by_forgetting),
	       ONCE(space__without_memory_a_range_is_forgotten),
	       LOOP(space__random_work_agrees_with_a_map, 4),
	       ONCE(space__what_is_forgotten_is_not_given))
