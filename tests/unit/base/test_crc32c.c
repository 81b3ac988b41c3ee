/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/crc32c.h"
#include "support/base_rand.h"
#include "support/check_main.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef void (*test_fn)(const struct vhd_crc32c_variant *v);

/* Every version that this processor can run. */
static void each(test_fn fn)
{
	for (size_t i = 0; i < VHD_CRC32C_VARIANTS; i++) {
		const struct vhd_crc32c_variant *v = vhd_crc32c_variant(i);

		if (v->supported())
			fn(v);
	}
}

static void golden(const struct vhd_crc32c_variant *v)
{
	static const uint8_t zeros[65536];
	uint8_t bytes[32];

	ck_assert_uint_eq(v->fn(0, "", 0), 0);
	ck_assert_uint_eq(v->fn(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(v->fn(0, zeros, 4096), 0x98f94189);
	ck_assert_uint_eq(v->fn(0, zeros, 65536), 0x72c0c4a4);
	/* RFC 3720, appendix B.4 */
	ck_assert_uint_eq(v->fn(0, zeros, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_uint_eq(v->fn(0, bytes, 32), 0x62a8ab43);
	for (size_t k = 0; k < 32; k++)
		bytes[k] = (uint8_t)k;
	ck_assert_uint_eq(v->fn(0, bytes, 32), 0x46dd794e);
}

START_TEST(crc32c__golden_vectors_of_vhdx_gen_03)
{
	each(golden);
}
END_TEST

/* By the definition: a bit at a time. */
static uint32_t naive_byte(uint32_t crc, uint8_t byte)
{
	crc ^= byte;
	for (int bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	return crc;
}

/* Lengths past those at which one, two and three streams begin and begin again,
 * in buffers that begin anywhere in a word. */
static void lengths(const struct vhd_crc32c_variant *v)
{
	static uint8_t buf[13000];
	uint64_t state = 3;

	base_rand_fill(&state, buf, sizeof(buf));
	for (size_t from = 0; from < 16; from++) {
		uint32_t crc = (uint32_t)base_rand(&state);
		uint32_t want = ~crc;

		for (size_t len = 0; len < 12900; len++) {
			if (len <= 4200 || len % 41 == 0)
				ck_assert_uint_eq(v->fn(crc, buf + from, len),
						  ~want);
			want = naive_byte(want, buf[from + len]);
		}
	}
}

START_TEST(crc32c__every_length_and_alignment_agrees_with_the_definition)
{
	each(lengths);
}
END_TEST

/* The last byte of memory is the last one that is read. */
static void fence(const struct vhd_crc32c_variant *v)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), len = 2 * page;
	uint8_t *map = mmap(NULL, len + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t want = UINT32_MAX;

	ck_assert(map != MAP_FAILED);
	ck_assert_int_eq(mprotect(map + len, page, PROT_NONE), 0);
	for (size_t i = 0; i < len; i++) {
		want = naive_byte(want, 0);
		ck_assert_uint_eq(v->fn(0, map + len - i - 1, i + 1), ~want);
	}
	munmap(map, len + page);
}

START_TEST(crc32c__nothing_behind_the_buffer_is_read)
{
	each(fence);
}
END_TEST

/* Each piece by another version than the last. */
static void pieces(const struct vhd_crc32c_variant *v)
{
	static uint8_t buf[10000];
	uint64_t state = 4;
	uint32_t whole;

	base_rand_fill(&state, buf, sizeof(buf));
	whole = vhd_crc32c(0, buf, sizeof(buf));
	for (int i = 0; i < 300; i++) {
		size_t a = base_rand_below(&state, sizeof(buf));
		size_t b = a + base_rand_below(&state, sizeof(buf) - a);
		uint32_t crc = vhd_crc32c(0, buf, a);

		crc = v->fn(crc, buf + a, b - a);
		crc = vhd_crc32c_portable.fn(crc, buf + b, sizeof(buf) - b);
		ck_assert_uint_eq(crc, whole);
	}
}

START_TEST(crc32c__pieces_give_the_same_as_the_whole)
{
	each(pieces);
}
END_TEST

static void any_bit(const struct vhd_crc32c_variant *v)
{
	uint8_t buf[4200] = { 0 };
	uint32_t crc = v->fn(0, buf, sizeof(buf));

	for (size_t bit = 0; bit < 8 * sizeof(buf); bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_uint_ne(v->fn(0, buf, sizeof(buf)), crc);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

START_TEST(crc32c__any_changed_bit_changes_the_result)
{
	each(any_bit);
}
END_TEST

TEST_MAIN("base/crc32c", crc32c__golden_vectors_of_vhdx_gen_03,
	  crc32c__every_length_and_alignment_agrees_with_the_definition,
	  crc32c__nothing_behind_the_buffer_is_read,
	  crc32c__pieces_give_the_same_as_the_whole,
	  crc32c__any_changed_bit_changes_the_result)
