/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every version that this processor can run has to give every answer that the
 * definition gives.  Buffers end where memory ends, so that a look past the end
 * is caught by any build.
 */
#include "base/zero.h"
#include "support/base_rand.h"
#include "support/check_main.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LONGEST = 4096, SPARE = 64 };

typedef void (*test_fn)(const struct vhd_zero_variant *v);

static void each(test_fn fn)
{
	for (size_t i = 0; i < VHD_ZERO_VARIANTS; i++) {
		const struct vhd_zero_variant *v = vhd_zero_variant(i);

		if (v->supported())
			fn(v);
	}
}

/* @len zeros with a page behind them that nobody may touch. */
static uint8_t *fenced(size_t len, void **map_out, size_t *map_len_out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t all = (len + page - 1) / page * page + page;
	uint8_t *map = mmap(NULL, all, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(map != MAP_FAILED);
	ck_assert_int_eq(mprotect(map + all - page, page, PROT_NONE), 0);
	*map_out = map;
	*map_len_out = all;
	return map + all - page - len;
}

static void nothing_is_zero(const struct vhd_zero_variant *v)
{
	ck_assert(v->fn(NULL, 0));
	ck_assert(v->fn("x", 0));
}

START_TEST(zero__nothing_is_zero)
{
	each(nothing_is_zero);
}
END_TEST

/* All lengths, all places. */
static void one_byte_anywhere(const struct vhd_zero_variant *v)
{
	size_t map_len;
	void *map;
	uint8_t *buf = fenced(LONGEST, &map, &map_len);

	for (size_t len = 1; len <= LONGEST; len++) {
		uint8_t *p = buf + LONGEST - len;

		ck_assert(v->fn(p, len));
		for (size_t i = 0; i < len; i++) {
			p[i] = (uint8_t)(1u << i % 8);
			if (v->fn(p, len))
				ck_abort_msg("%s: %zu of %zu", v->name, i, len);
			p[i] = 0;
		}
	}
	munmap(map, map_len);
}

START_TEST(zero__one_byte_anywhere_is_seen)
{
	each(one_byte_anywhere);
}
END_TEST

/* All lengths, all alignments. */
static void bytes_around(const struct vhd_zero_variant *v)
{
	static uint8_t buf[LONGEST + 2 * SPARE];

	memset(buf, 1, sizeof(buf));
	for (size_t from = 1; from < SPARE; from++) {
		for (size_t len = 0; len <= LONGEST; len++) {
			ck_assert(v->fn(buf + from, len));
			ck_assert(!v->fn(buf + from, len + 1));
			buf[from + len] = 0;
		}
		ck_assert(!v->fn(buf, LONGEST));
		memset(buf, 1, sizeof(buf));
	}
}

START_TEST(zero__bytes_around_the_buffer_do_not_matter)
{
	each(bytes_around);
}
END_TEST

static void large_buffer(const struct vhd_zero_variant *v)
{
	size_t len = 2 << 20;
	uint8_t *buf = calloc(1, len);

	ck_assert_ptr_nonnull(buf);
	ck_assert(v->fn(buf, len));
	for (size_t back = 1; back < len; back *= 3) {
		buf[len - back] = 1;
		ck_assert(!v->fn(buf, len));
		buf[len - back] = 0;
	}
	free(buf);
}

START_TEST(zero__a_large_buffer_is_scanned_to_its_end)
{
	each(large_buffer);
}
END_TEST

/* By the definition, a byte at a time. */
static size_t naive_run(const uint8_t *p, size_t len, size_t grain, bool *zero)
{
	size_t pos = 0;

	while (pos < len) {
		size_t n = len - pos < grain ? len - pos : grain;
		bool all = true;

		for (size_t i = 0; i < n; i++)
			all &= !p[pos + i];
		if (!pos)
			*zero = all;
		if (all != *zero)
			break;
		pos += n;
	}
	return pos;
}

/* Grains of zeros, of data, and of one byte among zeros. */
static void paint(uint64_t *state, uint8_t *p, size_t len, size_t grain)
{
	memset(p, 0, len);
	for (size_t pos = 0; pos < len; pos += grain) {
		size_t n = len - pos < grain ? len - pos : grain;
		uint64_t what = base_rand_below(state, 4);

		if (what == 1)
			memset(p + pos, 0xa5, n);
		else if (what == 2)
			p[pos + base_rand_below(state, n)] = 1;
	}
}

static void runs(const struct vhd_zero_variant *v)
{
	static const size_t grains[] = { 1, 7, 64, 256, 512, 1000, 4096 };
	uint64_t state = 5;
	size_t map_len;
	void *map;
	uint8_t *end = fenced(16 * LONGEST, &map, &map_len) + 16 * LONGEST;

	for (int i = 0; i < 3000; i++) {
		size_t grain = grains[base_rand_below(&state, 7)];
		size_t len = base_rand_below(&state, 12 * grain) + 1;
		uint8_t *p = end - len;

		paint(&state, p, len, grain);
		for (size_t got, want; len; p += got, len -= got) {
			bool zero = false, want_zero = true;

			want = naive_run(p, len, grain, &want_zero);
			got = v->run(p, len, grain, &zero);
			if (got != want || zero != want_zero)
				ck_abort_msg("%s: %zu and not %zu of %zu by %zu",
					     v->name, got, want, len, grain);
		}
	}
	munmap(map, map_len);
}

START_TEST(zero__a_run_ends_where_the_grains_change)
{
	each(runs);
}
END_TEST

START_TEST(zero__what_the_library_calls_is_one_of_the_versions)
{
	uint8_t buf[3000] = { 0 };
	bool zero = true;

	ck_assert(vhd_is_zero(buf, sizeof(buf)));
	buf[1500] = 1;
	ck_assert(!vhd_is_zero(buf, sizeof(buf)));
	ck_assert_uint_eq(vhd_zero_run(buf, sizeof(buf), 1000, &zero), 1000);
	ck_assert(zero);
	ck_assert_uint_eq(vhd_zero_run(buf + 1000, 2000, 1000, &zero), 1000);
	ck_assert(!zero);
	ck_assert_uint_eq(vhd_zero_run(buf, 0, 1000, &zero), 0);
	ck_assert(vhd_zero_portable.supported());
}
END_TEST

TEST_MAIN("base/zero", zero__nothing_is_zero, zero__one_byte_anywhere_is_seen,
	  zero__bytes_around_the_buffer_do_not_matter,
	  zero__a_large_buffer_is_scanned_to_its_end,
	  zero__a_run_ends_where_the_grains_change,
	  zero__what_the_library_calls_is_one_of_the_versions)
