/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhdx_batent.h"
#include "support/check_main.h"

/* The example of vhdx.md 8. */
START_TEST(vhdx_batent__the_worked_entry_has_its_bytes)
{
	static const uint8_t bytes[8] = { 0x06, 0x00, 0x40 };
	le64 raw = vhdx_batent_encode(VHDX_FULLY_PRESENT, 4 << 20);
	struct vhdx_batent e = vhdx_batent_decode(raw);

	ck_assert_mem_eq(raw.b, bytes, 8);
	ck_assert_uint_eq(e.file_off, 4 << 20);
	ck_assert_int_eq(e.state, VHDX_FULLY_PRESENT);
	ck_assert(!e.reserved_set);
}
END_TEST

START_TEST(vhdx_batent__reserved_bits_are_masked_and_seen)
{
	for (int bit = 3; bit < 20; bit++) {
		struct vhdx_batent e =
			vhdx_batent_unpack(UINT64_C(7) << 40 | 6 |
					   UINT64_C(1) << bit);

		ck_assert(e.reserved_set);
		ck_assert_uint_eq(e.file_off, UINT64_C(7) << 40);
		ck_assert_int_eq(e.state, VHDX_FULLY_PRESENT);
	}
	ck_assert(!vhdx_batent_unpack(~UINT64_C(0xffff8)).reserved_set);
}
END_TEST

/* VHDX-PBS-01 */
START_TEST(vhdx_batent__only_some_states_hold_space)
{
	for (unsigned state = 0; state < 8; state++) {
		struct vhdx_batent e = vhdx_batent_unpack(0x500000 | state);

		ck_assert_int_eq(vhdx_state_has_data(e.state),
				 state == 6 || state == 7);
		ck_assert_int_eq(vhdx_batent_is_anchor(&e),
				 state == 1 || state == 3 || state == 5);
		e.file_off = 0;
		ck_assert(!vhdx_batent_is_anchor(&e));
	}
}
END_TEST

TEST_MAIN("codec/vhdx_batent", vhdx_batent__the_worked_entry_has_its_bytes,
	  vhdx_batent__reserved_bits_are_masked_and_seen,
	  vhdx_batent__only_some_states_hold_space)
