/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/opts.h"
#include "support/check_main.h"

#include <string.h>

/* As the library was when it was young, and as it is. */
struct young {
	uint32_t size;
	uint32_t flags;
};

struct grown {
	uint32_t size;
	uint32_t flags;
	uint64_t added;
};

/* With what comes after today's last member. */
struct coming {
	struct grown known;
	uint64_t later;
};

START_TEST(opts__what_the_callers_struct_lacks_is_zero)
{
	struct young in = { .size = sizeof(in), .flags = 3 };
	struct grown out;

	memset(&out, 0xff, sizeof(out));
	ck_assert_int_eq(VHD_OPTS_COPY(grown, added, (const void *)&in, &out,
				       NULL), 0);
	ck_assert_uint_eq(out.size, sizeof(out));
	ck_assert_uint_eq(out.flags, 3);
	ck_assert_uint_eq(out.added, 0);
}
END_TEST

START_TEST(opts__what_a_later_caller_adds_is_left_out)
{
	struct coming in = { .known = { sizeof(in), 3, 5 }, .later = 7 };
	struct grown out[2] = { { .size = 0 }, { .added = 9 } };

	ck_assert_int_eq(VHD_OPTS_COPY(grown, added, &in.known, &out[0],
				       NULL), 0);
	ck_assert_uint_eq(out[0].size, sizeof(out[0]));
	ck_assert_uint_eq(out[0].added, 5);
	ck_assert_uint_eq(out[1].added, 9);
}
END_TEST

START_TEST(opts__none_are_zeros_and_a_size)
{
	struct grown out;

	memset(&out, 0xff, sizeof(out));
	ck_assert_int_eq(VHD_OPTS_COPY(grown, added, NULL, &out, NULL), 0);
	ck_assert_uint_eq(out.size, sizeof(out));
	ck_assert_uint_eq(out.flags, 0);
	ck_assert_uint_eq(out.added, 0);
}
END_TEST

START_TEST(opts__a_struct_without_its_size_is_refused)
{
	struct grown in = { .flags = 3 }, out;
	struct vhd_error err = { .code = VHD_OK };

	ck_assert_int_eq(VHD_OPTS_COPY(grown, added, &in, &out, &err),
			 VHD_E_INVAL);
	ck_assert_str_eq(err.msg, "struct grown has no size");
}
END_TEST

START_TEST(opts__unknown_flags_are_named)
{
	struct vhd_error err = { .code = VHD_OK };

	ck_assert_int_eq(vhd_flags_check(3, 3, "flags", &err), 0);
	ck_assert_int_eq(vhd_flags_check(0x107, 3, "open flags", &err),
			 VHD_E_INVAL);
	ck_assert_str_eq(err.msg, "unknown open flags 0x104");
}
END_TEST

TEST_MAIN("base/opts", opts__what_the_callers_struct_lacks_is_zero,
	  opts__what_a_later_caller_adds_is_left_out,
	  opts__none_are_zeros_and_a_size,
	  opts__a_struct_without_its_size_is_refused,
	  opts__unknown_flags_are_named)
