/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every call on the file, and every allocation, fails once.  Whatever fails, the
 * file is sound at the end, and what was flushed is there.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_writing.h"
#include "vhd1/vhd1.h"

static struct vhd1_bench b;
static uint64_t allocs, alloc_fails;

bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return !alloc_fails || ++allocs != alloc_fails;
}

static const struct step {
	uint64_t off, len;		/* @len 0: flush, 1: discard */
} steps[] = {
	{ 100, 5000 }, { 4 * MiB + 700, 4096 }, { 0, 0 },
	{ 6 * MiB, 2 * MiB }, { 4 * MiB + 65536, 512 }, { 2 * MiB, 1 },
	{ 0, 0 }, { 9 * MiB - 100, 2 * MiB }, { 0, 0 },
	{ 13 * MiB, 70000 }, { 0, 0 },
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static bool written[STEPS], durable[STEPS];

static bool run_step(size_t i)
{
	bool gone;

	if (steps[i].len > 1)
		return !vhd1_guest_write(&b, steps[i].off, (uint8_t)(i + 1),
					 steps[i].len, NULL);
	if (steps[i].len)
		return !vhd_writer_ready(b.w, NULL) &&
		       !vhd_writer_unmap(b.w, steps[i].off / (2 * MiB),
					 VHD_UNMAP_DISCARD, &gone, NULL);
	if (vhd1_guest_flush(&b, NULL))
		return false;
	memcpy(durable, written, sizeof(durable));
	return true;
}

/* False when any of it failed. */
static bool workload(void)
{
	bool all = true;
	size_t i;

	memset(written, 0, sizeof(written));
	memset(durable, 0, sizeof(durable));
	for (i = 0; i < STEPS; i++) {
		written[i] = run_step(i);
		all = all && written[i];
	}
	return !vhd1_bench_shut(&b, NULL) && all;
}

static void judge(void)
{
	struct vhd_error err;
	size_t i;

	memset(&b.plan, 0, sizeof(b.plan));
	alloc_fails = 0;
	vhd1_file_sound(b.io);
	ck_assert_int_eq(vhd1_bench_open(&b, &err), 0);
	for (i = 0; i < STEPS; i++)
		if (durable[i] && steps[i].len > 1)
			vhd1_guest_expect(&b, steps[i].off, (uint8_t)(i + 1),
					  steps[i].len);
	vhd1_bench_end(&b);
}

static void start(int type)
{
	struct vhd1_image_spec spec = {
		.type = type ? VHD_TYPE_DIFF : VHD_TYPE_DYNAMIC,
		.size = 64 * MiB, .blocks = 2
	};

	vhd1_bench_new(&b, vhd1_image_new(&spec));
}

static const uint32_t kinds[] = {
	VHD_FAULT_READ, VHD_FAULT_WRITE, VHD_FAULT_FLUSH, VHD_FAULT_SIZE,
	VHD_FAULT_ZERO
};

START_TEST(vhd1_write_faults__each_call_fails_once)
{
	uint64_t n = 0;
	bool reached;

	do {
		start(_i & 1);
		b.plan.kinds = kinds[_i / 4];
		b.plan.fail_at = ++n;
		b.plan.os_errno = _i & 2 ? ENOSPC : EIO;
		workload();
		reached = b.plan.calls >= n;
		judge();
	} while (reached);
}
END_TEST

START_TEST(vhd1_write_faults__each_allocation_fails_once)
{
	uint64_t n = 0;
	bool reached;

	do {
		start(_i);
		allocs = 0;
		alloc_fails = ++n;
		workload();
		reached = allocs >= n;
		judge();
	} while (reached);
}
END_TEST

/* A disk that is full at any size, and then is not. */
START_TEST(vhd1_write_faults__a_disk_fills_up)
{
	uint64_t limit;

	for (limit = 4 * MiB; limit < 24 * MiB; limit += 509 * KiB) {
		start(_i);
		b.plan.limit = limit;
		workload();
		judge();
	}
}
END_TEST

TEST_MAIN_ROWS("vhd1/write_faults",
	LOOP(vhd1_write_faults__each_call_fails_once, 20),
	LOOP(vhd1_write_faults__each_allocation_fails_once, 2),
	LOOP(vhd1_write_faults__a_disk_fills_up, 2))
