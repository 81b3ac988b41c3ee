/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing, with every failure point failing once.  What was acknowledged is
 * there afterwards, the image is sound, and nothing leaks.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "io/io_fault.h"
#include "support/check_main.h"
#include "support/vhdx_writing.h"
#include "vhdx/vhdx_engine.h"

static uint64_t allocs_left = UINT64_MAX;
static struct vhdx_image img;
static struct vhdx_writing t;

bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	if (!allocs_left)
		return false;
	allocs_left--;
	return true;
}

enum { STEPS = 6 };

static void make(void)
{
	struct vhdx_image_spec spec = { .disk_size = GiB, .block_size = MiB,
					.has_parent = true };

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 6 * MiB);
	vhdx_image_bat_set(&img, 9, 4 * MiB | 3);
}

static int step_do(int step)
{
	bool done;

	switch (step) {
	case 0:
		return vhdx_writing_fill(&t, 100, 1000, 1);
	case 1:
		return vhdx_writing_fill(&t, 5 * MiB, 2 * MiB, 2);
	case 2:
		return vhdx_writing_fill(&t, 9 * MiB, 4096, 3);
	case 3:
		return vhd_writer_unmap(t.w, 5, VHD_UNMAP_ZERO, &done, &t.err);
	case 4:
		return vhdx_writing_fill(&t, 5 * MiB, 512, 4);
	default:
		return vhd_writer_commit(t.w, VHD_COMMIT_SYNC, &t.err);
	}
}

/* Which steps went well; bit i of *@done_out. */
static int use_all(struct vhd_io *io, unsigned *done_out)
{
	struct vhd_engine_open req = { .io = io, .writable = true };
	void *eng = NULL;
	int first, rc;

	t.io = io;
	*done_out = 0;
	first = vhdx_engine.open(&req, &eng, &t.err);
	if (first)
		return first;
	t.x = eng;
	t.w = vhdx_engine.writer(eng);
	for (int step = 0; step < STEPS; step++) {
		rc = step_do(step);
		if (!rc)
			*done_out |= 1u << step;
		else if (!first)
			first = rc;
	}
	rc = vhdx_engine.shut(eng, &t.err);
	vhdx_engine.close(eng);
	t.x = NULL;
	return first ? first : rc;
}

/* If that step went well. */
static void expect(unsigned done, int step, uint64_t off, uint64_t len,
		   uint8_t value)
{
	if (done & 1u << step)
		ck_assert_msg(vhdx_writing_is(&t, off, len, value),
			      "step %d at 0x%llx", step,
			      (unsigned long long)off);
}

static void expect_all(unsigned done, bool shut_well)
{
	vhdx_writing_again(&t);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
	/* Without a flush that went well nothing is promised. */
	if (done & 1u << 5 || shut_well) {
		expect(done, 0, 100, 1000, 1);
		expect(done, 1, 6 * MiB, MiB, 2);
		expect(done, 2, 9 * MiB, 4096, 3);
		expect(done, 2, 9 * MiB + 4096, MiB - 4096, 0);
		expect(done, 4, 5 * MiB, 512, 4);
	}
	/* One of the two headers may be behind (VHDX-HDR-23). */
	vhdx_writing_shut_check(&t, VHD_SEV_WARNING);
}

START_TEST(vhdx_write_faults__every_allocation_may_fail)
{
	int rc = VHD_E_NOMEM;

	make();
	for (uint64_t n = 0; rc && n < 2000; n++) {
		struct vhd_io *io = vhdx_image_io(&img);
		unsigned done;

		allocs_left = n;
		rc = use_all(io, &done);
		allocs_left = UINT64_MAX;
		ck_assert_msg(rc == 0 || rc == VHD_E_NOMEM, "%s", t.err.msg);
		expect_all(done, !rc);
		vhd_io_close(&t.io, NULL);
	}
	ck_assert_int_eq(rc, 0);
	vhdx_image_free(&img);
}
END_TEST

/* One allocation fails and those behind it do not. */
START_TEST(vhdx_write_faults__one_failed_allocation_is_overcome)
{
	make();
	for (uint64_t skip = 0; skip < 3; skip++) {
		struct vhd_io *io = vhdx_image_io(&img);

		vhdx_writing_begin_io(&t, io);
		allocs_left = skip;
		for (int i = 0; i < STEPS; i++)
			step_do(i);
		allocs_left = UINT64_MAX;
		for (int i = 0; i < STEPS; i++)
			ck_assert_msg(!step_do(i), "%s", t.err.msg);
		ck_assert(vhdx_writing_is(&t, 6 * MiB, MiB, 2));
		ck_assert(vhdx_writing_is(&t, 5 * MiB, 512, 4));
		vhdx_writing_shut_clean(&t);
		vhdx_writing_end(&t);
	}
	vhdx_image_free(&img);
}
END_TEST

static int fail_kinds(uint32_t kinds, int os_errno, uint64_t n, bool *hit_out)
{
	struct vhd_fault_plan plan = { .kinds = kinds, .fail_at = n,
				       .os_errno = os_errno };
	void *mem = vhd_mem_new(img.bytes, img.len);
	struct vhd_io *io = NULL;
	unsigned done;
	int rc;

	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops,
				    vhd_fault_new(&vhd_mem_ops, mem, &plan),
				    "faulty", &io, NULL), 0);
	rc = use_all(io, &done);
	*hit_out = plan.calls >= n;
	plan.fail_at = 0;
	expect_all(done, !rc);
	vhd_io_close(&t.io, NULL);
	return rc;
}

START_TEST(vhdx_write_faults__every_call_may_fail)
{
	static const uint32_t kinds[] = {
		VHD_FAULT_READ, VHD_FAULT_WRITE, VHD_FAULT_FLUSH,
		VHD_FAULT_SIZE, VHD_FAULT_ZERO,
	};
	static const int os_errno[] = { 5, 28 };	/* EIO, ENOSPC */
	bool hit = true;

	make();
	for (uint64_t n = 1; hit && n < 1000; n++) {
		int rc = fail_kinds(kinds[_i / 2], os_errno[_i % 2], n, &hit);

		ck_assert(hit || !rc);
	}
	ck_assert(!hit);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN_ROWS("vhdx/write_faults",
	       ONCE(vhdx_write_faults__every_allocation_may_fail),
	       ONCE(vhdx_write_faults__one_failed_allocation_is_overcome),
	       LOOP(vhdx_write_faults__every_call_may_fail, 10))
