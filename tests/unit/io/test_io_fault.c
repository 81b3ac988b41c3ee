/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/io_fault.h"
#include "io/io_mem.h"

static struct vhd_io *open_faulty(struct vhd_fault_plan *plan)
{
	struct vhd_io *io = NULL;
	void *h = vhd_fault_new(&vhd_mem_ops, vhd_mem_new(NULL, 0), plan);

	ck_assert_ptr_nonnull(h);
	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops, h, "faulty", &io, NULL),
			 0);
	return io;
}

START_TEST(io_fault__plan_of_zeros_only_passes_on)
{
	struct vhd_fault_plan plan = { 0 };
	struct vhd_io *io = open_faulty(&plan);
	uint64_t size;
	char buf[3];

	ck_assert_int_eq(vhd_io_write(io, "abc", 3, 5, NULL), 0);
	ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
	ck_assert_int_eq(vhd_io_read(io, buf, 3, 5, NULL), 0);
	ck_assert_mem_eq(buf, "abc", 3);
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, 8);
	ck_assert_uint_eq(plan.calls, 0);
	ck_assert_int_eq(vhd_io_fd(io), -1);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_fault__only_the_named_kinds_are_counted)
{
	struct vhd_fault_plan plan = { .kinds = VHD_FAULT_FLUSH |
						VHD_FAULT_SIZE };
	struct vhd_io *io = open_faulty(&plan);

	ck_assert_int_eq(vhd_io_write(io, "abc", 3, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_zero(io, 1, 0, NULL), 0);
	ck_assert_uint_eq(plan.calls, 0);
	ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
	ck_assert_int_eq(vhd_io_set_size(io, 1, NULL), 0);
	ck_assert_uint_eq(plan.calls, 2);
	plan.kinds = VHD_FAULT_ZERO;
	ck_assert_int_eq(vhd_io_zero(io, 1, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_punch(io, 1, 0, NULL), 0);
	ck_assert_uint_eq(plan.calls, 4);
	vhd_io_close(&io, NULL);
}
END_TEST

/* One call of each kind; the first failure ends it. */
static int some_work(struct vhd_io *io, struct vhd_error *err)
{
	uint64_t size;
	char buf[4];
	int rc;

	rc = vhd_io_write(io, "abcd", 4, 0, err);
	if (!rc)
		rc = vhd_io_flush(io, err);
	if (!rc)
		rc = vhd_io_zero(io, 2, 1, err);
	if (!rc)
		rc = vhd_io_punch(io, 1, 3, err);
	if (!rc)
		rc = vhd_io_set_size(io, 5, err);
	if (!rc)
		rc = vhd_io_size(io, &size, err);
	if (!rc)
		rc = vhd_io_read(io, buf, 4, 0, err);
	return rc;
}

START_TEST(io_fault__each_call_fails_once_with_the_errno_of_the_plan)
{
	struct vhd_fault_plan plan = { .kinds = ~0u, .os_errno = ENXIO };
	struct vhd_error err;
	int rc = -1;
	uint64_t n;

	for (n = 1; rc; n++) {
		struct vhd_io *io = open_faulty(&plan);

		plan.fail_at = n;
		plan.calls = 0;
		rc = some_work(io, &err);
		if (rc) {
			ck_assert_int_eq(rc, VHD_E_IO);
			ck_assert_int_eq(err.os_errno, ENXIO);
			ck_assert_uint_eq(plan.calls, n);
			/* It was that one call: now all goes well. */
			ck_assert_int_eq(some_work(io, NULL), 0);
		}
		vhd_io_close(&io, NULL);
	}
	/* Seven calls, and the round in which none failed. */
	ck_assert_uint_eq(n, 7 + 1 + 1);
}
END_TEST

START_TEST(io_fault__sticky_failure_stays_and_failed_calls_change_nothing)
{
	struct vhd_fault_plan plan = { .kinds = VHD_FAULT_WRITE, .fail_at = 2,
				       .sticky = true };
	struct vhd_io *io = open_faulty(&plan);
	struct vhd_error err;
	char buf[4];

	ck_assert_int_eq(vhd_io_write(io, "abcd", 4, 0, NULL), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(vhd_io_write(io, "xxxxx", 5, 0, &err),
				 VHD_E_IO);
		ck_assert_int_eq(err.os_errno, EIO);
	}
	ck_assert_int_eq(vhd_io_read(io, buf, 4, 0, NULL), 0);
	ck_assert_mem_eq(buf, "abcd", 4);
	plan.fail_at = 0;
	ck_assert_int_eq(vhd_io_write(io, "efgh", 4, 0, NULL), 0);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_fault__short_transfers_are_counted_and_can_fail_in_the_middle)
{
	struct vhd_fault_plan plan = { .kinds = VHD_FAULT_WRITE, .short_io = 3,
				       .fail_at = 3 };
	struct vhd_io *io = open_faulty(&plan);
	struct vhd_error err;
	uint64_t size;
	char buf[10];

	ck_assert_int_eq(vhd_io_write(io, "0123456789", 10, 0, &err),
			 VHD_E_IO);
	ck_assert_uint_eq(err.off, 6);
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, 6);
	plan.calls = plan.fail_at = 0;
	ck_assert_int_eq(vhd_io_write(io, "0123456789", 10, 0, NULL), 0);
	ck_assert_uint_eq(plan.calls, 4);
	plan.kinds = VHD_FAULT_READ;
	plan.short_io = 1;
	plan.calls = 0;
	ck_assert_int_eq(vhd_io_read(io, buf, 10, 0, NULL), 0);
	ck_assert_mem_eq(buf, "0123456789", 10);
	ck_assert_uint_eq(plan.calls, 10);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_fault__full_disk_takes_what_fits_and_then_no_more)
{
	struct vhd_fault_plan plan = { .limit = 6 };
	struct vhd_io *io = open_faulty(&plan);
	struct vhd_error err;
	uint64_t size;
	char buf[6];

	ck_assert_int_eq(vhd_io_write(io, "abcd", 4, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_write(io, "efgh", 4, 4, &err), VHD_E_NOSPACE);
	ck_assert_int_eq(err.os_errno, ENOSPC);
	ck_assert_uint_eq(err.off, 6);
	ck_assert_int_eq(vhd_io_write(io, "x", 1, 6, &err), VHD_E_NOSPACE);
	ck_assert_int_eq(vhd_io_zero(io, 3, 4, &err), VHD_E_NOSPACE);
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, 6);
	ck_assert_int_eq(vhd_io_read(io, buf, 6, 0, NULL), 0);
	ck_assert_mem_eq(buf, "abcdef", 6);
	ck_assert_int_eq(vhd_io_write(io, "ABCDEF", 6, 0, NULL), 0);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(io_fault__missing_slots_of_the_inner_backend_are_not_counted)
{
	struct vhd_fault_plan plan = { .kinds = ~0u, .fail_at = 1 };
	struct vhd_io_ops ops = vhd_mem_ops;
	uint64_t start, stop;
	struct vhd_io *io;

	ops.flush = NULL;
	ops.zero_range = NULL;
	ops.next_data = NULL;
	plan.kinds = VHD_FAULT_FLUSH | VHD_FAULT_ZERO;
	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops,
				    vhd_fault_new(&ops, vhd_mem_new("abc", 3),
						  &plan), "f", &io, NULL), 0);
	ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
	ck_assert_int_eq(vhd_io_zero(io, 1, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_next_data(io, 0, 9, &start, &stop, NULL), 0);
	ck_assert_uint_eq(stop, 3);
	ck_assert_int_eq(vhd_io_lock(io, VHD_LOCK_WRITE, NULL), 0);
	ck_assert_uint_eq(plan.calls, 0);
	ck_assert_int_eq(vhd_io_punch(io, 1, 0, NULL), VHD_E_IO);
	vhd_io_close(&io, NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("io_fault");
	TCase *tc = tcase_create("io_fault");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, io_fault__plan_of_zeros_only_passes_on);
	tcase_add_test(tc, io_fault__only_the_named_kinds_are_counted);
	tcase_add_test(tc, io_fault__each_call_fails_once_with_the_errno_of_the_plan);
	tcase_add_test(tc, io_fault__sticky_failure_stays_and_failed_calls_change_nothing);
	tcase_add_test(tc, io_fault__short_transfers_are_counted_and_can_fail_in_the_middle);
	tcase_add_test(tc, io_fault__full_disk_takes_what_fits_and_then_no_more);
	tcase_add_test(tc, io_fault__missing_slots_of_the_inner_backend_are_not_counted);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
