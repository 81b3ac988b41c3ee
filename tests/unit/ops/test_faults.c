/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every failure point fails once: the n-th allocation and the n-th call to the
 * file, for n = 1, 2, 3 ... until the operation succeeds.  After each failure
 * nothing is leaked (the sanitizer's business), nothing is left behind, and the
 * error says something.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "io/io_fault.h"
#include "io/io_mem.h"
#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static uint64_t allocs, fail_alloc;

/* Replaces the library's own (base/alloc.h). */
bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return ++allocs != fail_alloc;
}

static struct tempdir dir;
static char raw[512], dst[512];

static const char *const names[] = { "a.vhd", "a.vhdx" };

static void make_source(void)
{
	static uint8_t data[3 * 1024 * 1024];

	tempdir_make(&dir);
	memset(data + 4096, 0x33, 1000);
	memset(data + sizeof(data) - 5000, 0x44, 5000);
	tempdir_write(tempdir_name(&dir, "in.img", raw), data, sizeof(data));
}

static int convert_once(struct vhd_error *err)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_convert_opts c = VHD_CONVERT_OPTS_INIT;
	struct vhd_image *img = NULL;
	int rc;

	o.flags = VHD_OPEN_ALLOW_RAW;
	c.create.flags = VHD_CREATE_NO_SYNC;
	rc = vhd_open(raw, &o, &img, err);
	if (!rc)
		rc = vhd_convert(img, dst, &c, NULL, err);
	vhd_close(&img, NULL);
	return rc;
}

START_TEST(faults__no_allocation_failure_leaves_a_file_behind)
{
	struct vhd_error err = { 0 };
	uint64_t n;
	int rc = -1;

	make_source();
	tempdir_name(&dir, names[_i], dst);
	for (n = 1; rc && n < 500; n++) {
		allocs = 0;
		fail_alloc = n;
		memset(&err, 0, sizeof(err));
		rc = convert_once(&err);
		fail_alloc = 0;
		if (!rc)
			break;
		ck_assert_int_eq(rc, VHD_E_NOMEM);
		ck_assert_str_ne(err.msg, "");
		ck_assert_int_eq(tempdir_entries(&dir), 1);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_gt(n, 3);
	tempdir_remove(&dir);
}
END_TEST

/* The bytes of a file in memory. */
static void *slurp(const char *path, size_t *len_out)
{
	FILE *f = fopen(path, "rb");
	void *data;
	long len;

	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	data = malloc((size_t)len);
	ck_assert_uint_eq(fread(data, 1, (size_t)len, f), (size_t)len);
	fclose(f);
	*len_out = (size_t)len;
	return data;
}

static int read_all(const void *data, size_t len, struct vhd_fault_plan *plan,
		    struct vhd_error *err)
{
	static uint8_t buf[3 * 1024 * 1024];
	struct vhd_image *img = NULL;
	void *mem = vhd_mem_new(data, len);
	void *h;
	int rc;

	ck_assert_ptr_nonnull(mem);
	h = vhd_fault_new(&vhd_mem_ops, mem, plan);
	ck_assert_ptr_nonnull(h);
	rc = vhd_open_io(&vhd_fault_ops, h, "mem", NULL, &img, err);
	if (!rc)
		rc = vhd_pread(img, buf, sizeof(buf), 0, err);
	if (!rc)
		ck_assert_uint_eq(buf[4096], 0x33);
	vhd_close(&img, NULL);
	return rc;
}

START_TEST(faults__every_read_error_is_reported_as_such)
{
	struct vhd_fault_plan plan = { .kinds = VHD_FAULT_READ };
	struct vhd_error err = { 0 };
	void *data;
	size_t len;
	int rc = -1;

	make_source();
	tempdir_name(&dir, names[_i], dst);
	ck_assert_int_eq(convert_once(&err), 0);
	data = slurp(dst, &len);
	for (plan.fail_at = 1; rc && plan.fail_at < 200; plan.fail_at++) {
		plan.calls = 0;
		memset(&err, 0, sizeof(err));
		rc = read_all(data, len, &plan, &err);
		if (!rc)
			break;
		ck_assert_int_eq(rc, VHD_E_IO);
		ck_assert_int_eq(err.os_errno, EIO);
		ck_assert_str_eq(err.file, "mem");
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_gt(plan.fail_at, 3);
	free(data);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(faults__short_reads_do_not_matter)
{
	struct vhd_fault_plan plan = { .short_io = 700 };
	struct vhd_error err = { 0 };
	void *data;
	size_t len;

	make_source();
	tempdir_name(&dir, names[_i], dst);
	ck_assert_int_eq(convert_once(&err), 0);
	data = slurp(dst, &len);
	ck_assert_int_eq(read_all(data, len, &plan, &err), 0);
	free(data);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/faults",
	LOOP(faults__no_allocation_failure_leaves_a_file_behind, 2),
	LOOP(faults__every_read_error_is_reported_as_such, 2),
	LOOP(faults__short_reads_do_not_matter, 2))
