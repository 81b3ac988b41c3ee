/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "common/status.h"
#include "support/check_main.h"

static int of(int code, int os_errno)
{
	const struct vhd_error err = { .code = code, .os_errno = os_errno };

	return status_errno(&err);
}

START_TEST(status__every_failure_has_a_number)
{
	int code;

	ck_assert_int_eq(of(VHD_OK, EIO), 0);
	for (code = VHD_E_REFUSED; code < 0; code++)
		ck_assert_int_gt(of(code, 0), 0);
	/* Also one that a newer library may have. */
	ck_assert_int_eq(of(-1000, 0), EIO);
}
END_TEST

START_TEST(status__what_the_system_said_is_passed_on)
{
	ck_assert_int_eq(of(VHD_E_IO, EACCES), EACCES);
	ck_assert_int_eq(of(VHD_E_IO, EROFS), EROFS);
	ck_assert_int_eq(of(VHD_E_NOSPACE, EDQUOT), EDQUOT);
	/* Elsewhere it is not about the request. */
	ck_assert_int_eq(of(VHD_E_NOSPACE, EIO), ENOSPC);
	ck_assert_int_eq(of(VHD_E_POISONED, ENOSPC), EIO);
	ck_assert_int_eq(of(VHD_E_PARENT, ENOENT), EIO);
}
END_TEST

START_TEST(status__what_would_mislead_is_not)
{
	ck_assert_int_eq(of(VHD_E_IO, ENOSYS), EIO);
	ck_assert_int_eq(of(VHD_E_IO, EINTR), EIO);
	ck_assert_int_eq(of(VHD_E_IO, EAGAIN), EIO);
	ck_assert_int_eq(of(VHD_E_IO, 0), EIO);
	ck_assert_int_eq(of(VHD_E_IO, -5), EIO);
}
END_TEST

START_TEST(status__words_of_ours_have_one_of_theirs)
{
	ck_assert_int_eq(of(VHD_E_NOSPACE, 0), ENOSPC);
	ck_assert_int_eq(of(VHD_E_READONLY, 0), EROFS);
	ck_assert_int_eq(of(VHD_E_RANGE, 0), EINVAL);
	ck_assert_int_eq(of(VHD_E_NOMEM, 0), ENOMEM);
	ck_assert_int_eq(of(VHD_E_BUSY, 0), EBUSY);
	ck_assert_int_eq(of(VHD_E_CORRUPT, 0), EIO);
}
END_TEST

TEST_MAIN("common/status", status__every_failure_has_a_number,
	  status__what_the_system_said_is_passed_on,
	  status__what_would_mislead_is_not,
	  status__words_of_ours_have_one_of_theirs)
