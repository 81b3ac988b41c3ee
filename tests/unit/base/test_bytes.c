/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bytes.h"
#include "support/base_rand.h"
#include "support/check_main.h"

#include <string.h>

static const uint8_t sample[8] = { 1, 2, 3, 4, 5, 6, 7, 0xf8 };

START_TEST(bytes__types_have_no_alignment_and_no_padding)
{
	ck_assert_uint_eq(_Alignof(le16) * _Alignof(le32) * _Alignof(le64), 1);
	ck_assert_uint_eq(_Alignof(be16) * _Alignof(be32) * _Alignof(be64), 1);
	ck_assert_uint_eq(sizeof(le16) + sizeof(be16), 4);
	ck_assert_uint_eq(sizeof(le32) + sizeof(be32), 8);
	ck_assert_uint_eq(sizeof(le64) + sizeof(be64), 16);
}
END_TEST

START_TEST(bytes__little_endian_has_the_least_byte_first)
{
	le16 a;
	le32 b;
	le64 c;

	memcpy(&a, sample, sizeof(a));
	memcpy(&b, sample + 4, sizeof(b));
	memcpy(&c, sample, sizeof(c));
	ck_assert_uint_eq(le16_get(a), 0x0201);
	ck_assert_uint_eq(le32_get(b), 0xf8070605);
	ck_assert_uint_eq(le64_get(c), 0xf807060504030201);
}
END_TEST

START_TEST(bytes__big_endian_has_the_greatest_byte_first)
{
	be16 a;
	be32 b;
	be64 c;

	memcpy(&a, sample + 6, sizeof(a));
	memcpy(&b, sample + 4, sizeof(b));
	memcpy(&c, sample, sizeof(c));
	ck_assert_uint_eq(be16_get(a), 0x07f8);
	ck_assert_uint_eq(be32_get(b), 0x050607f8);
	ck_assert_uint_eq(be64_get(c), 0x01020304050607f8);
}
END_TEST

START_TEST(bytes__make_is_the_inverse_of_get)
{
	uint64_t state = 2;

	for (int i = 0; i < 1000; i++) {
		uint64_t x = base_rand(&state);

		ck_assert_uint_eq(le16_get(le16_make((uint16_t)x)),
				  (uint16_t)x);
		ck_assert_uint_eq(be16_get(be16_make((uint16_t)x)),
				  (uint16_t)x);
		ck_assert_uint_eq(le32_get(le32_make((uint32_t)x)),
				  (uint32_t)x);
		ck_assert_uint_eq(be32_get(be32_make((uint32_t)x)),
				  (uint32_t)x);
		ck_assert_uint_eq(le64_get(le64_make(x)), x);
		ck_assert_uint_eq(be64_get(be64_make(x)), x);
	}
}
END_TEST

START_TEST(bytes__the_two_orders_mirror_each_other)
{
	be64 b = be64_make(0x0102030405060708);
	le64 l = le64_make(0x0807060504030201);

	ck_assert_mem_eq(&b, &l, sizeof(b));
}
END_TEST

TEST_MAIN("base/bytes", bytes__types_have_no_alignment_and_no_padding,
	  bytes__little_endian_has_the_least_byte_first,
	  bytes__big_endian_has_the_greatest_byte_first,
	  bytes__make_is_the_inverse_of_get,
	  bytes__the_two_orders_mirror_each_other)
