/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every failure point of the log writer fails once: with no space or no memory,
 * after which the same has to work, or with something final.
 */
#include <errno.h>

#include "base/alloc.h"
#include "support/vhdx_logging.h"

static struct logging l;
static uint64_t alloc_fails;	/* the n-th from now on; 0: none */
static bool counting;		/* only what the log writer asks for */

bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return !counting || !alloc_fails || --alloc_fails;
}

static int try_counted(enum vhd_commit mode)
{
	int rc;

	counting = true;
	rc = try_store(&l, mode);
	counting = false;
	return rc;
}

static bool again(int rc)
{
	if (!rc)
		return false;
	ck_assert_int_eq(rc, l.err.code);
	ck_assert_msg(rc == VHD_E_NOSPACE || rc == VHD_E_NOMEM, "%s",
		      l.err.msg);
	return true;
}

/* Every page is as one of the last two stores left it. */
static void assert_old_or_new(const uint64_t stamps[PAGES])
{
	for (uint32_t i = 0; i < PAGES; i++) {
		if (stamps[i] != l.model[i])
			ck_assert(stamps[i] == l.stamp + 1 &&
				  vhd_pending_find(&l.set, page_off(i)));
	}
}

/* Stores until it works: a failure leaves the file sound, and the bytes read. */
static void store_again(uint32_t page, uint32_t n, enum vhd_commit mode)
{
	uint64_t stamps[PAGES];

	for (uint32_t i = page; i < page + n; i++)
		want(&l, i);
	while (again(try_counted(mode))) {
		replayed(l.io, stamps);
		assert_old_or_new(stamps);
	}
	stored(&l, mode);
}

static void work(void)
{
	while (again(vhdx_log_touch(l.log, &l.err)))
		;
	store_again(0, 5, VHD_COMMIT_SYNC);
	store_again(3, 5, VHD_COMMIT_LAZY);
	store_again(100, 260, VHD_COMMIT_SYNC);
	store_again(90, 20, VHD_COMMIT_SYNC);
	store_again(2, 126, VHD_COMMIT_LAZY);
	store_again(2, 0, VHD_COMMIT_SYNC);
	assert_shown(&l);
	assert_replayed(&l);
	while (again(vhdx_log_shut(l.log, &l.err)))
		;
	assert_shown(&l);
	assert_replayed(&l);
}

START_TEST(vhdx_log_faults__a_full_disk_may_pass_at_any_write)
{
	bool met = true;
	uint64_t n;

	for (n = 1; met; n++) {
		logging_begin_untouched(&l);
		l.plan = (struct vhd_fault_plan){
			.kinds = VHD_FAULT_WRITE | VHD_FAULT_ZERO,
			.fail_at = n, .os_errno = ENOSPC,
			.short_io = _i ? 100 * KiB : 0 };
		work();
		met = l.plan.calls >= n;
		logging_end(&l);
	}
	ck_assert_uint_gt(n, 20);
}
END_TEST

/* Half of a header is a whole one: all that it says is in its first sector. */
START_TEST(vhdx_log_faults__shift_may_fail_amid_any_write)
{
	for (uint64_t n = 1; n <= 12; n++) {
		uint64_t stamps[PAGES];

		logging_begin(&l);
		store_pages(&l, 3, 1, VHD_COMMIT_SYNC);
		for (uint32_t i = 0; i < 150; i++)
			want(&l, i);
		l.plan = (struct vhd_fault_plan){ .kinds = VHD_FAULT_WRITE,
						  .fail_at = n,
						  .short_io = 2 * KiB,
						  .os_errno = ENOSPC };
		ck_assert(again(try_store(&l, VHD_COMMIT_SYNC)));
		replayed(l.io, stamps);
		assert_old_or_new(stamps);
		ck_assert_int_eq(vhdx_log_store(l.log, &(struct vhd_pending){ 0 },
						VHD_COMMIT_SYNC, false, 0,
						NULL), 0);
		store(&l, VHD_COMMIT_SYNC);
		assert_replayed(&l);
		ck_assert_int_eq(vhdx_log_shut(l.log, NULL), 0);
		assert_replayed(&l);
		logging_end(&l);
	}
}
END_TEST

/* Few fail in touch and shut; the many in a big set are much alike. */
START_TEST(vhdx_log_faults__every_allocation_may_fail)
{
	bool met = true;

	for (uint64_t n = 1; met; n += n < 50 ? 1 : 29) {
		logging_begin_untouched(&l);
		vhdx_log_free(l.log);
		vhd_io_close(&l.io, NULL);
		l.io = vhdx_image_io(&l.img);
		/* So that the file itself needs no more memory. */
		ck_assert_int_eq(vhd_io_write(l.io, l.img.bytes, FILE_LEN, 0,
					      NULL), 0);
		logging_open(&l);
		alloc_fails = n;
		work();
		met = !alloc_fails;
		logging_end(&l);
	}
}
END_TEST

/* VHDX-WR-23: what failed to become durable is never tried again. */
START_TEST(vhdx_log_faults__flush_without_space_is_final)
{
	logging_begin(&l);
	store_pages(&l, 0, 3, VHD_COMMIT_SYNC);
	for (uint64_t n = 1; n <= 2; n++) {
		l.plan = (struct vhd_fault_plan){ .kinds = VHD_FAULT_FLUSH,
						  .fail_at = n,
						  .os_errno = ENOSPC };
		want(&l, 4);
		ck_assert_int_eq(try_store(&l, VHD_COMMIT_SYNC), VHD_E_IO);
		ck_assert_int_eq(l.err.code, VHD_E_IO);
	}
	logging_end(&l);
}
END_TEST

START_TEST(vhdx_log_faults__other_failures_are_handed_on)
{
	for (uint64_t n = 1; n <= 12; n++) {
		uint64_t stamps[PAGES];

		logging_begin(&l);
		store_pages(&l, 0, 3, VHD_COMMIT_SYNC);
		for (uint32_t i = 0; i < 300; i++)
			want(&l, i);
		l.plan = (struct vhd_fault_plan){
			.kinds = VHD_FAULT_WRITE | VHD_FAULT_FLUSH |
				 VHD_FAULT_ZERO, .fail_at = n };
		ck_assert_int_eq(try_store(&l, VHD_COMMIT_SYNC), VHD_E_IO);
		replayed(l.io, stamps);
		assert_old_or_new(stamps);
		logging_end(&l);
	}
}
END_TEST

TEST_MAIN_ROWS("vhdx/log_faults",
	       LOOP(vhdx_log_faults__a_full_disk_may_pass_at_any_write, 2),
	       ONCE(vhdx_log_faults__shift_may_fail_amid_any_write),
	       ONCE(vhdx_log_faults__every_allocation_may_fail),
	       ONCE(vhdx_log_faults__flush_without_space_is_final),
	       ONCE(vhdx_log_faults__other_failures_are_handed_on))
