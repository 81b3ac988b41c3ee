/* SPDX-License-Identifier: BSD-2-Clause */
/* What is remembered is true; that something is forgotten is no fault. */
#include <check.h>
#include <string.h>

#include "image/owners.h"
#include "support/base_rand.h"
#include "support/check_main.h"

#define PAGE VHD_OWNERS_PAGE
#define CHUNK VHD_OWNERS_CHUNK
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

START_TEST(owners__know_nothing_at_first)
{
	struct vhd_owners *o = vhd_owners_new(64 * MIB, MIB);
	uint64_t len = PAGE;
	uint32_t layer;

	ck_assert(!vhd_owners_chunk(o, 0).known);
	ck_assert(!vhd_owners_chunk(o, 64 * MIB - 1).known);
	ck_assert(!vhd_owners_pages(o, 0, &len, &layer));
	vhd_owners_free(o);
	vhd_owners_free(NULL);
}
END_TEST

START_TEST(owners__layer_0_and_the_largest_are_kept)
{
	static const uint32_t layers[] = { 0, 1, 253, 254, 255, 5000 };
	struct vhd_owners *o = vhd_owners_new(64 * MIB, MIB);

	for (size_t i = 0; i < sizeof(layers) / sizeof(*layers); i++) {
		uint32_t want = layers[i] < 254 ? layers[i] : 254, layer;
		struct vhd_owners_chunk c;
		uint64_t len = 1;

		/* To begin further up than need be is right as well. */
		vhd_owners_set_pages(o, 9 * PAGE, PAGE, layers[i]);
		ck_assert(vhd_owners_pages(o, 10 * PAGE - 1, &len, &layer));
		ck_assert_uint_eq(layer, want);
		vhd_owners_set_chunk(o, CHUNK, layers[i], i % 2);
		c = vhd_owners_chunk(o, 2 * CHUNK - 1);
		ck_assert(c.known && c.whole == (i % 2));
		ck_assert_uint_eq(c.layer, want);
	}
	vhd_owners_free(o);
}
END_TEST

START_TEST(owners__a_range_is_cut_where_another_layer_begins)
{
	struct vhd_owners *o = vhd_owners_new(64 * MIB, MIB);
	uint64_t len = 20 * PAGE;
	uint32_t layer;

	vhd_owners_set_pages(o, 3 * PAGE, 7 * PAGE, 4);
	vhd_owners_set_pages(o, 8 * PAGE, 2 * PAGE, 5);
	ck_assert(!vhd_owners_pages(o, 2 * PAGE, &len, &layer));
	ck_assert(vhd_owners_pages(o, 4 * PAGE + 100, &len, &layer));
	ck_assert_uint_eq(layer, 4);
	ck_assert_uint_eq(len, 4 * PAGE - 100);
	len = 20 * PAGE;
	ck_assert(vhd_owners_pages(o, 9 * PAGE, &len, &layer));
	ck_assert_uint_eq(layer, 5);
	ck_assert_uint_eq(len, PAGE);
	len = 30;
	ck_assert(vhd_owners_pages(o, 3 * PAGE + 10, &len, &layer));
	ck_assert_uint_eq(len, 30);
	vhd_owners_free(o);
}
END_TEST

START_TEST(owners__places_go_on_while_the_file_does)
{
	struct vhd_owners *o = vhd_owners_new(64 * MIB, MIB);
	uint64_t len = 20 * PAGE, at;
	uint32_t layer;

	ck_assert(!vhd_owners_place(o, 3 * PAGE, &len, &layer, &at));
	vhd_owners_set_places(o, 3 * PAGE, 4 * PAGE, 0, 512);
	vhd_owners_set_places(o, 7 * PAGE, PAGE, 0, 900 * PAGE);
	vhd_owners_set_places(o, 8 * PAGE, PAGE, 253, 901 * PAGE);
	ck_assert(vhd_owners_place(o, 4 * PAGE + 7, &len, &layer, &at));
	ck_assert_uint_eq(layer, 0);
	ck_assert_uint_eq(at, 512 + PAGE + 7);
	ck_assert_uint_eq(len, 3 * PAGE - 7);
	len = 20 * PAGE;
	ck_assert(vhd_owners_place(o, 7 * PAGE, &len, &layer, &at));
	ck_assert_uint_eq(at, 900 * PAGE);
	ck_assert_uint_eq(len, PAGE);
	ck_assert(vhd_owners_place(o, 8 * PAGE, &len, &layer, &at));
	ck_assert_uint_eq(layer, 253);
	/* No bits for these. */
	vhd_owners_set_places(o, 20 * PAGE, PAGE, 254, PAGE);
	vhd_owners_set_places(o, 21 * PAGE, PAGE, 3, 100);
	vhd_owners_set_places(o, 22 * PAGE, PAGE, 3, 64 * TIB);
	for (uint64_t page = 20; page < 23; page++)
		ck_assert(!vhd_owners_place(o, page * PAGE, &len, &layer, &at));
	vhd_owners_free(o);
}
END_TEST

/* Far more places than the tables have words: what is there is right. */
START_TEST(owners__of_a_huge_disk_in_little_memory_are_never_wrong)
{
	static const uint64_t sizes[] = { 64 * TIB, 8 * TIB * 1024, GIB };
	uint64_t size = sizes[_i], seed = 5, found = 0;
	struct vhd_owners *o = vhd_owners_new(size, 4096);

	for (int i = 0; i < 200000; i++) {
		uint64_t page = base_rand_below(&seed, size / PAGE);
		uint64_t off = page * PAGE, len = PAGE;
		struct vhd_owners_chunk c;
		uint64_t at;
		uint32_t layer;

		vhd_owners_set_places(o, off, PAGE, (uint32_t)(page % 239),
				      page % 65536 * PAGE);
		if (i % 2)
			vhd_owners_set_pages(o, off, PAGE,
					     (uint32_t)(page % 251));
		else
			vhd_owners_set_chunk(o, off,
					     (uint32_t)(off / CHUNK % 241),
					     off / CHUNK % 2);
		page = i % 3 ? page ^ 1 : page ^ 4096;
		off = page * PAGE;
		if (vhd_owners_pages(o, off, &len, &layer)) {
			found++;
			ck_assert_uint_eq(layer, page % 251);
		}
		c = vhd_owners_chunk(o, off);
		if (vhd_owners_place(o, off, &len, &layer, &at)) {
			found++;
			ck_assert_uint_eq(layer, page % 239);
			ck_assert_uint_eq(at, page % 65536 * PAGE);
		}
		if (c.known) {
			found++;
			ck_assert_uint_eq(c.layer, off / CHUNK % 241);
			ck_assert_uint_eq(c.whole, off / CHUNK % 2);
		}
	}
	ck_assert_uint_gt(found, 0);
	vhd_owners_free(o);
}
END_TEST

TEST_MAIN_ROWS("image/owners",
	ONCE(owners__know_nothing_at_first),
	ONCE(owners__layer_0_and_the_largest_are_kept),
	ONCE(owners__a_range_is_cut_where_another_layer_begins),
	ONCE(owners__places_go_on_while_the_file_does),
	LOOP(owners__of_a_huge_disk_in_little_memory_are_never_wrong, 3))
