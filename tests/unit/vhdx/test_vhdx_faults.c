/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every failure point fails once: the n-th read, then the n-th allocation, until
 * all goes well.  Nothing may leak, and a failed call leaves nothing behind.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "io/io_fault.h"
#include "support/check_main.h"
#include "support/vhdx_opened.h"
#include "vhdx/vhdx_engine.h"

static uint64_t allocs_left = UINT64_MAX;

bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	if (!allocs_left)
		return false;
	allocs_left--;
	return true;
}

/* A child with a pending log, a bitmap, and two blocks that clash. */
static void make(struct vhdx_image *img)
{
	struct vhdx_image_spec spec = { .disk_size = 1 * GiB,
					.block_size = MiB,
					.has_parent = true };
	static uint8_t page[4096];
	struct vhdx_image_change change = { 3 * MiB + 4096, 0, page };
	struct vhdx_image_entry ent = { .seq = 5, .change = &change,
					.change_count = 1 };

	vhdx_image_init(img, &spec);
	vhdx_image_resize(img, 7 * MiB);
	vhdx_image_bat_set(img, 0, 4 * MiB | 7);
	vhdx_image_bat_set(img, 1, 5 * MiB | 6);
	vhdx_image_bat_set(img, 2, 5 * MiB | 6);
	vhdx_image_bat_set(img, 4096, 6 * MiB | 6);
	vhdx_image_set_pending(img);
	vhdx_image_log_put(img, 0, &ent);
}

static bool tell(void *arg, enum vhd_region_kind kind, uint64_t file_off,
		 uint64_t len, uint64_t block)
{
	(void)arg;
	(void)kind;
	(void)file_off;
	(void)len;
	(void)block;
	return true;
}

/* All that the engine does with an image; the first failure. */
static int use_all(struct vhd_io *io, struct vhd_error *err)
{
	struct vhd_engine_open req = { .io = io, .cache_bytes = 4096 };
	struct vhd_engine_check check = { .progress = NULL };
	struct vhd_usage usage;
	struct vhd_run run;
	void *eng = NULL;
	bool ours;
	int rc;

	rc = vhdx_engine.probe(io, &ours, err);
	if (rc)
		return rc;
	rc = vhdx_engine.open(&req, &eng, err);
	if (rc) {
		ck_assert_ptr_null(eng);
		return rc;
	}
	for (uint64_t off = 0; !rc && off < GiB; off += run.len)
		rc = vhdx_engine.map(eng, off, GiB - off, &run, err);
	if (!rc)
		rc = vhdx_engine.usage(eng, UINT64_MAX, &usage, err);
	if (!rc)
		rc = vhdx_engine.layout(eng, tell, NULL, err);
	if (!rc)
		rc = vhdx_engine.check(eng, &check, err);
	vhdx_engine.close(eng);
	return rc;
}

static struct vhd_io *faulty_io(const struct vhdx_image *img,
				struct vhd_fault_plan *plan)
{
	struct vhd_io *io = NULL;
	void *mem = vhd_mem_new(img->bytes, img->len);

	ck_assert_ptr_nonnull(mem);
	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops,
				    vhd_fault_new(&vhd_mem_ops, mem, plan),
				    "faulty", &io, NULL),
			 0);
	return io;
}

START_TEST(vhdx_faults__every_read_may_fail)
{
	struct vhdx_image img;
	struct vhd_fault_plan plan = { .kinds = VHD_FAULT_READ |
						VHD_FAULT_SIZE };
	struct vhd_io *io;
	int rc = VHD_E_IO;

	make(&img);
	io = faulty_io(&img, &plan);
	for (uint64_t n = 1; rc && n < 1000; n++) {
		struct vhd_error err = { .code = 0 };

		plan.calls = 0;
		plan.fail_at = n;
		rc = use_all(io, &err);
		/* A failure behind the first block of a run is passed over. */
		if (plan.calls < n)
			break;
		ck_assert(rc == 0 || rc == VHD_E_IO);
		ck_assert_int_eq(rc, err.code);
		rc = VHD_E_IO;
	}
	ck_assert_int_eq(rc, 0);
	vhd_io_close(&io, NULL);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_faults__every_allocation_may_fail)
{
	struct vhdx_image img;
	struct vhd_io *io;
	int rc = VHD_E_NOMEM;

	make(&img);
	io = vhdx_image_io(&img);
	for (uint64_t n = 0; rc && n < 1000; n++) {
		struct vhd_error err = { .code = 0 };

		allocs_left = n;
		rc = use_all(io, &err);
		ck_assert(rc == 0 || rc == VHD_E_NOMEM);
		ck_assert_int_eq(rc, err.code);
	}
	allocs_left = UINT64_MAX;
	ck_assert_int_eq(rc, 0);
	vhd_io_close(&io, NULL);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN("vhdx/faults",
	  vhdx_faults__every_read_may_fail,
	  vhdx_faults__every_allocation_may_fail)
