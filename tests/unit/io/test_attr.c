/* SPDX-License-Identifier: BSD-2-Clause */
/* Small values beside a file, where the file system has them, and where not. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "io/attr.h"
#include "io/io_mem.h"
#include "io/io_posix.h"
#include "support/check_main.h"
#include "support/io_tmp.h"

#define NAME "user.org.example.value"

static struct io_tmp *tmp;

static struct vhd_io *open_file(uint32_t flags)
{
	struct vhd_io *io = NULL;

	ck_assert_int_eq(vhd_io_open_posix(io_tmp_path(tmp, "f"), flags, &io,
					   NULL), 0);
	return io;
}

START_TEST(attr__is_kept_with_the_file)
{
	struct vhd_io *io;
	struct vhd_error err;
	char buf[8] = "";
	int rc;

	tmp = io_tmp_new();
	io_tmp_file(tmp, "f", "x", 1);
	io = open_file(VHD_POSIX_WRITE);
	ck_assert(!vhd_io_attr_get(io, NAME, buf, 4));
	rc = vhd_io_attr_set(io, NAME, "four", 4, &err);
	if (rc) {
		/* A file system without them. */
		ck_assert_int_eq(rc, VHD_E_IO);
		ck_assert_int_eq(err.os_errno, ENOTSUP);
		ck_assert(!vhd_io_attr_get(io, NAME, buf, 4));
	} else {
		vhd_io_close(&io, NULL);
		io = open_file(0);
		ck_assert(vhd_io_attr_get(io, NAME, buf, 4));
		ck_assert(!memcmp(buf, "four", 4));
		/* Of another length it is not what was asked for. */
		ck_assert(!vhd_io_attr_get(io, NAME, buf, 3));
		ck_assert(!vhd_io_attr_get(io, NAME, buf, 5));
		ck_assert(!vhd_io_attr_get(io, NAME "2", buf, 4));
		vhd_io_close(&io, NULL);
		io = open_file(VHD_POSIX_WRITE);
		ck_assert_int_eq(vhd_io_attr_set(io, NAME, "2", 1, &err), 0);
		ck_assert(vhd_io_attr_get(io, NAME, buf, 1));
		ck_assert_int_eq(buf[0], '2');
	}
	vhd_io_close(&io, NULL);
	io_tmp_free(tmp);
}
END_TEST

START_TEST(attr__memory_has_none)
{
	struct vhd_io *io = NULL;
	struct vhd_error err;
	char buf[4];

	ck_assert_int_eq(vhd_io_open_mem("x", 1, &io, NULL), 0);
	ck_assert(!vhd_io_attr_get(io, NAME, buf, 4));
	ck_assert_int_eq(vhd_io_attr_set(io, NAME, "four", 4, &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.msg, NAME));
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN("io/attr",
	attr__is_kept_with_the_file,
	attr__memory_has_none)
