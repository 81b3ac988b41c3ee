/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reshaping, with every failure point failing once: the image is sound, holds
 * what it held, has the old size or the new one, and the same call, made again,
 * finishes.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/guid.h"
#include "io/io_fault.h"
#include "support/check_main.h"
#include "support/stride.h"
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

enum op { GROW, GROW_TABLE, SHRINK, SET, IDENTIFY, LINK2, PACK, OPS };

#define OLD (100 * GiB + MiB + 4096)

static const uint64_t new_size[OPS] = {
	[GROW] = 101 * GiB, [GROW_TABLE] = 200 * GiB, [SHRINK] = 3 * MiB + 512,
	[SET] = OLD, [IDENTIFY] = OLD, [LINK2] = OLD, [PACK] = OLD,
};
static const struct vhd_guid some_id = { { 9, 8, 7, 6 } };

/* Blocks 0 to 5 and the last one; a hole, an anchor, an idle bitmap. */
static void make(void)
{
	struct vhdx_image_spec spec = { .disk_size = OLD, .block_size = MiB,
					.has_parent = true };
	uint64_t map;

	vhdx_image_init(&img, &spec);
	vhdx_image_add_bitmap(&img, 3);
	vhdx_image_add_block(&img, 9, 3, 0x66);
	map = vhdx_image_add_bitmap(&img, 0);
	for (uint64_t blk = 0; blk < 6; blk++)
		vhdx_image_add_block(&img, blk, blk == 4 ? 7 : 6,
				     (uint8_t)(blk + 1));
	/* Of block 4 the first half. */
	memset(img.bytes + map + 4 * 256, 0xff, 128);
	map = vhdx_image_add_bitmap(&img, 25);
	vhdx_image_add_block(&img, 100 * 1024 + 1, 7, 0x77);
	img.bytes[map + 256] = 0xff;
}

static int pack(void)
{
	uint64_t limit;
	bool moved;
	int rc = vhdx_engine.pack(t.x, &limit, &t.err);

	for (uint64_t blk = 0; !rc && blk < 6; blk++)
		rc = vhd_writer_move(t.w, blk, limit, &moved, &t.err);
	if (!rc)
		rc = vhd_writer_move(t.w, 100 * 1024 + 1, limit, &moved,
				     &t.err);
	if (!rc)
		rc = vhd_writer_commit(t.w, VHD_COMMIT_SYNC, &t.err);
	return rc ? rc : vhdx_engine.pack_rest(t.x, limit, &t.err);
}

static int op_do(enum op op)
{
	struct vhd_engine_resize req = { .size = new_size[op],
					 .below = UINT64_MAX };
	struct vhd_attrs a = VHD_ATTRS_INIT;
	int rc;

	switch (op) {
	case SET:
		a.mask = VHD_ATTR_ID | VHD_ATTR_PHYSICAL_SECTOR |
			 VHD_ATTR_CREATOR;
		a.id = some_id;
		a.physical_sector = 512;
		a.creator = "fault";
		return vhdx_engine.set(t.x, &a, &t.err);
	case IDENTIFY:
		rc = vhd_writer_ready(t.w, &t.err);
		return rc ? rc : vhdx_engine.identify(t.x, &some_id, &t.err);
	case LINK2:
		return vhdx_engine.link2(t.x, &some_id, &t.err);
	case PACK:
		return pack();
	case GROW:
	case GROW_TABLE:
	case SHRINK:
	case OPS:
		break;
	}
	return vhdx_engine.resize(t.x, &req, &t.err);
}

static int use(struct vhd_io *io, enum op op)
{
	struct vhd_engine_open req = { .io = io, .writable = true };
	struct vhd_error late = { 0 };
	void *eng = NULL;
	int rc, rc_shut;

	t.io = io;
	rc = vhdx_engine.open(&req, &eng, &t.err);
	if (rc)
		return rc;
	t.x = eng;
	t.w = vhdx_engine.writer(eng);
	rc = op_do(op);
	rc_shut = vhdx_engine.shut(eng, &late);
	vhdx_engine.close(eng);
	t.x = NULL;
	if (!rc && rc_shut)
		t.err = late;
	return rc ? rc : rc_shut;
}

static void expect(uint64_t off, uint64_t len, uint8_t value)
{
	uint64_t size = t.x->meta.disk_size;

	if (off < size)
		ck_assert_msg(vhdx_writing_is(&t, off, min_u64(len, size - off),
					      value), "at 0x%llx",
			      (unsigned long long)off);
}

static void expect_all(enum op op, bool done)
{
	uint64_t size;

	vhdx_writing_again(&t);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
	size = t.x->meta.disk_size;
	ck_assert(size == new_size[op] || (!done && size == OLD));
	for (uint64_t blk = 0; blk < 6; blk++)
		expect(blk * MiB, MiB / 2, (uint8_t)(blk + 1));
	expect(4 * MiB + MiB / 2, MiB / 2, VHDX_WRITING_PARENT);
	expect(9 * MiB, MiB, 0);
	expect(100 * GiB, MiB, VHDX_WRITING_PARENT);
	expect(100 * GiB + MiB, 4096, 0x77);
	if (size > OLD)
		expect(OLD, size - OLD < 4 * MiB ? size - OLD : 4 * MiB, 0);
	if (done && op == SET)
		ck_assert_str_eq(t.x->creator, "fault");
	/* One of the two headers may be behind (VHDX-HDR-23). */
	vhdx_writing_shut_check(&t, VHD_SEV_WARNING);
}

static void finish(enum op op)
{
	int rc = use(t.io, op);

	ck_assert_msg(!rc, "%s", t.err.msg);
	expect_all(op, true);
	vhd_io_close(&t.io, NULL);
}

START_TEST(vhdx_reshape_faults__every_allocation_may_fail)
{
	enum op op = (enum op)_i;
	int rc = VHD_E_NOMEM;

	make();
	for (uint64_t n = 0; rc && n < 3000; n += STRIDE) {
		struct vhd_io *io = vhdx_image_io(&img);

		allocs_left = n;
		rc = use(io, op);
		allocs_left = UINT64_MAX;
		ck_assert_msg(rc == 0 || rc == VHD_E_NOMEM, "%s", t.err.msg);
		expect_all(op, !rc);
		finish(op);
	}
	ck_assert_int_eq(rc, 0);
	vhdx_image_free(&img);
}
END_TEST

static int fail_kinds(enum op op, uint32_t kinds, int os_errno, uint64_t n,
		      bool *hit_out)
{
	struct vhd_fault_plan plan = { .kinds = kinds, .fail_at = n,
				       .os_errno = os_errno };
	void *mem = vhd_mem_new(img.bytes, img.len);
	struct vhd_io *io = NULL;
	int rc;

	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops,
				    vhd_fault_new(&vhd_mem_ops, mem, &plan),
				    "faulty", &io, NULL), 0);
	rc = use(io, op);
	*hit_out = plan.calls >= n;
	plan.fail_at = 0;
	expect_all(op, !rc);
	finish(op);
	return rc;
}

START_TEST(vhdx_reshape_faults__every_call_may_fail)
{
	static const uint32_t kinds[] = {
		VHD_FAULT_READ, VHD_FAULT_WRITE | VHD_FAULT_ZERO,
		VHD_FAULT_FLUSH | VHD_FAULT_SIZE,
	};
	static const int os_errno[] = { 5, 28 };	/* EIO, ENOSPC */
	enum op op = (enum op)(_i / 6);
	bool hit = true;

	make();
	for (uint64_t n = 1; hit && n < 2000; n += STRIDE) {
		int rc = fail_kinds(op, kinds[_i % 3], os_errno[_i / 3 % 2], n,
				    &hit);

		ck_assert(hit || !rc);
	}
	ck_assert(!hit);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN_ROWS("vhdx/reshape_faults",
	       LOOP(vhdx_reshape_faults__every_allocation_may_fail, OPS),
	       LOOP(vhdx_reshape_faults__every_call_may_fail, 6 * OPS))
