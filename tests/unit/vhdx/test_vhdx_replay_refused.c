/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/io_fault.h"
#include "support/vhdx_replaying.h"

/* VHDX-LOG-26, VHDX-TOL-20 */
START_TEST(vhdx_replay__a_log_that_was_never_written_is_refused_and_told)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_set_pending(&img);
	assert_rule(load(), RULE_VHDX_LOG_NO_SEQUENCE);
	ck_assert_ptr_nonnull(strstr(err.msg, "the log was never written"));
	ck_assert_ptr_null(ov);
	end();
}
END_TEST

/* VHDX-LOG-27: the head's value alone counts. */
START_TEST(vhdx_replay__a_file_shorter_than_the_log_says_is_refused)
{
	struct vhdx_image_entry e = { .seq = 1, .flushed = 5 * MiB,
				      .last = 5 * MiB };

	begin();
	vhdx_image_log_put(&img, 0, &e);
	assert_rule(load(), RULE_VHDX_LOG_TRUNCATED);
	e.seq = 2;
	e.flushed = 4 * MiB;
	vhdx_image_log_put(&img, SECTOR, &e);
	ck_assert_int_eq(load(), 0);
	end();
}
END_TEST

/* VHDX-LOG-21 */
START_TEST(vhdx_replay__targets_in_headers_or_log_are_refused)
{
	static const struct vhdx_image_change bad[] = {
		{ .file_off = 0, .zero_len = SECTOR },
		{ .file_off = 0x10000, .zero_len = SECTOR },
		{ .file_off = 0x2f000, .zero_len = 2 * SECTOR },
		{ .file_off = MiB, .zero_len = SECTOR },
		{ .file_off = 2 * MiB - SECTOR, .zero_len = SECTOR },
		{ .file_off = MiB - SECTOR, .zero_len = 2 * SECTOR },
		{ .file_off = 0x30000, .zero_len = 64 * TiB },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct vhdx_image_entry e = { .seq = 1, .change = &bad[i],
					      .change_count = 1 };

		begin();
		vhdx_image_log_put(&img, 0, &e);
		assert_rule(load(), RULE_VHDX_LOG_TARGET);
		end();
	}
}
END_TEST

/* VHDX-LOG-36, VHDX-TST-11 */
START_TEST(vhdx_replay__absurd_sizes_are_refused)
{
	static const struct vhdx_image_change bad[] = {
		{ .file_off = 4 * MiB, .zero_len = UINT64_C(1) << 63 },
		{ .file_off = UINT64_C(1) << 62, .zero_len = SECTOR },
	};
	struct vhdx_image_entry e = { .seq = 1, .change_count = 1 };

	for (int i = 0; i < 2; i++) {
		begin();
		e.change = &bad[i];
		vhdx_image_log_put(&img, 0, &e);
		assert_rule(load(), RULE_VHDX_LOG_TOO_LARGE);
		ck_assert_int_eq(err.code, VHD_E_UNSUPPORTED);
		end();
	}
	begin();
	e.change_count = 0;
	e.last = UINT64_MAX;
	vhdx_image_log_put(&img, 0, &e);
	assert_rule(load(), RULE_VHDX_LOG_TOO_LARGE);
	vhdx_image_header(&img, 1)->log_len = le32_make((1u << 30) + MiB);
	vhdx_image_reseal_header(&img, 1);
	assert_rule(load(), RULE_VHDX_LOG_TOO_LARGE);
	end();
}
END_TEST

/* One more change than the largest log could hold as pages. */
START_TEST(vhdx_replay__too_many_changes_are_refused)
{
	enum { COUNT = 262145 };
	struct vhdx_image_change *c = calloc(COUNT, sizeof(*c));
	struct vhdx_image_entry e = { .seq = 1, .change = c,
				      .change_count = COUNT };

	ck_assert_ptr_nonnull(c);
	for (uint32_t i = 0; i < COUNT; i++)
		c[i] = (struct vhdx_image_change){ .file_off = BAT,
						   .zero_len = SECTOR };
	vhdx_image_init(&img, NULL);
	vhdx_image_resize(&img, 32 << 20);
	for (int n = 0; n < 2; n++) {
		vhdx_image_header(&img, n)->log_off = le64_make(8 * MiB);
		vhdx_image_header(&img, n)->log_len = le32_make(16 << 20);
	}
	vhdx_image_set_pending(&img);
	vhdx_image_log_put(&img, 0, &e);
	assert_rule(load(), RULE_VHDX_LOG_TOO_LARGE);
	e.change_count = COUNT - 1;
	vhdx_image_log_put(&img, 0, &e);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(vhdx_overlay_pages(ov), COUNT - 1);
	end();
	free(c);
}
END_TEST

/* VHDX-LOG-08: QEMU's raw file lengths. */
START_TEST(vhdx_replay__odd_sizes_in_the_log_are_noted)
{
	struct vhdx_image_entry e = { .seq = 1, .flushed = 4 * MiB - 1,
				      .last = 4 * MiB + 513 };

	begin();
	vhdx_image_log_put(&img, 0, &e);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(found[RULE_VHDX_LOG_OFFSETS_ODD], 1);
	ck_assert_uint_eq(vhdx_overlay_file_size(ov), 4 * MiB + SECTOR);
	end();
}
END_TEST

/* Every failing read fails the load, and leaves nothing behind. */
START_TEST(vhdx_replay__each_failing_read_is_reported)
{
	struct vhd_fault_plan plan = { .kinds = VHD_FAULT_READ };
	void *mem;

	vhdx_image_init_dirty(&img);
	for (plan.fail_at = 1; ; plan.fail_at++) {
		plan.calls = 0;
		vhd_io_close(&io, NULL);
		mem = vhd_mem_new(img.bytes, img.len);
		ck_assert_int_eq(vhd_io_new(&vhd_fault_ops,
					    vhd_fault_new(&vhd_mem_ops, mem,
							  &plan),
					    "x", &io, NULL), 0);
		if (!load_io())
			break;
		ck_assert_int_eq(err.code, VHD_E_IO);
		ck_assert_ptr_null(ov);
	}
	ck_assert_uint_gt(plan.fail_at, 4);
	end();
}
END_TEST

TEST_MAIN("vhdx/replay_refused",
	  vhdx_replay__a_log_that_was_never_written_is_refused_and_told,
	  vhdx_replay__a_file_shorter_than_the_log_says_is_refused,
	  vhdx_replay__targets_in_headers_or_log_are_refused,
	  vhdx_replay__absurd_sizes_are_refused,
	  vhdx_replay__too_many_changes_are_refused,
	  vhdx_replay__odd_sizes_in_the_log_are_noted,
	  vhdx_replay__each_failing_read_is_reported)
