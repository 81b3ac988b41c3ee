/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_writing.h"
#include "vhd1/vhd1.h"

static const struct vhd1_image_spec dynamic = VHD1_DYNAMIC;
static const struct vhd1_image_spec diff = VHD1_DIFF;
static const struct vhd1_image_spec fixed = VHD1_FIXED;
static struct vhd1_bench b;
static struct vhd_error err;
static char text[64];

static void start(const struct vhd1_image_spec *spec)
{
	vhd1_bench_new(&b, vhd1_image_new(spec));
}

static void wrote(uint64_t off, uint8_t byte, uint64_t len)
{
	ck_assert_int_eq(vhd1_guest_write(&b, off, byte, len, &err), 0);
}

static void flushed(void)
{
	ck_assert_int_eq(vhd1_guest_flush(&b, &err), 0);
}

static void both_unsealed(struct vhd_io *io)
{
	vhd1_image_fill(io, 9, 1, 64);
	vhd1_image_fill(io, 9, 1, vhd1_image_size(io) - 512 + 64);
}

static void one_differs(struct vhd_io *io)
{
	struct vhd1_footer f;

	vhd1_image_footer(io, &f);
	f.features++;
	vhd1_image_set_footer(io, &f, VHD_COPY_FIRST);
}

static void header_unsealed(struct vhd_io *io)
{
	vhd1_image_fill(io, 9, 1, 512 + 36);
}

static void encrypted(struct vhd_io *io)
{
	vhd1_image_fill(io, 1, 1, 1536 + 512 + 29);
}

static void table_odd(struct vhd_io *io)
{
	struct vhd1_header h;

	vhd1_image_header(io, &h);
	h.table_off += 2;
	vhd1_image_set_header(io, &h);
}

static const struct {
	void (*damage)(struct vhd_io *io);
	const char *rule;
	int code;
} refused[] = {
	{ both_unsealed, "VHD1_FOOTER_CHECKSUM", VHD_E_CORRUPT },
	{ one_differs, "VHD1_FOOTERS_DIFFER", VHD_E_CORRUPT },
	{ header_unsealed, "VHD1_HDR_CHECKSUM", VHD_E_CORRUPT },
	{ encrypted, "VHD1_KEYHASH", VHD_E_UNSUPPORTED },
	{ table_odd, "VHD1_BAT_UNALIGNED", VHD_E_UNSUPPORTED },
};

START_TEST(vhd1_write__what_is_in_doubt_is_not_opened)
{
	const struct vhd1_image_spec xen = VHD1_XEN;
	struct vhd_io *io = vhd1_image_new(&xen);
	void *eng;

	refused[_i].damage(io);
	ck_assert_int_eq(vhd1_image_open(io, &eng, NULL, &err), 0);
	vhd1_engine.close(eng);
	vhd1_bench_start(&b, io);
	ck_assert_int_eq(vhd1_bench_open(&b, &err), refused[_i].code);
	ck_assert_str_eq(err.rule->name, refused[_i].rule);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "");
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_write__small_blocks_are_refused)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);
	struct vhd1_footer f;
	struct vhd1_header h;

	vhd1_image_header(io, &h);
	vhd1_image_footer(io, &f);
	h.block_size = 2048;
	h.max_entries = 4096;
	vhd1_image_set_header(io, &h);
	vhd1_image_fill(io, 0xff, 4 * 4096, 1536);
	vhd1_image_resize(io, 1536 + 4 * 4096 + 512);
	vhd1_image_set_footer(io, &f, VHD_COPY_FIRST | VHD_COPY_SECOND);
	vhd1_bench_start(&b, io);
	ck_assert_int_eq(vhd1_bench_open(&b, &err), VHD_E_UNSUPPORTED);
	ck_assert_str_eq(err.rule->name, "VHD1_BLOCK_SIZE_ODD");
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_write__nothing_is_written_before_a_change)
{
	start(&dynamic);
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), 0);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "");
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-W-4 */
START_TEST(vhd1_write__present_bytes_need_one_flush)
{
	start(&dynamic);
	wrote(2 * MiB + 700, 7, 9000);
	flushed();
	ck_assert_str_eq(vhd1_trace_next(&b, text), "WF");
	vhd1_guest_expect(&b, 2 * MiB + 700, 7, 9000);
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), 0);
	vhd1_file_sound(b.io);
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-W-2: footer, flush, old footer; data; flush, bitmap, table, flush. */
START_TEST(vhd1_write__a_new_block_is_ordered)
{
	start(&dynamic);
	wrote(4 * MiB + 5, 7, 100);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "WFWW");
	ck_assert_uint_eq(vhd1_image_entry(b.io, 2), VHD1_UNUSED);
	flushed();
	ck_assert_str_eq(vhd1_trace_next(&b, text), "FWWF");
	ck_assert_uint_ne(vhd1_image_entry(b.io, 2), VHD1_UNUSED);
	flushed();
	ck_assert_str_eq(vhd1_trace_next(&b, text), "F");
	vhd1_guest_expect(&b, 4 * MiB, 0, 5);
	vhd1_guest_expect(&b, 4 * MiB + 5, 7, 100);
	vhd1_guest_expect(&b, 4 * MiB + 105, 0, 2 * MiB - 105);
	vhd1_bench_end(&b);
}
END_TEST

/* The growth of the first block owes a flush; the second block's does not. */
START_TEST(vhd1_write__writing_back_flushes_only_where_it_must)
{
	struct vhd1_image_spec spec = dynamic;

	spec.size = 64 * MiB;
	start(&spec);
	wrote(4 * MiB, 7, 512);
	ck_assert_int_eq(vhd_writer_commit(b.w, VHD_COMMIT_LAZY, &err), 0);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "WFWWFWW");
	wrote(6 * MiB, 7, 512);
	ck_assert_int_eq(vhd_writer_commit(b.w, VHD_COMMIT_LAZY, &err), 0);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "WWW");
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_write__bits_of_a_differencing_disk_come_after_data)
{
	start(&diff);
	wrote(4 * MiB, 7, 4096);
	ck_assert_int_eq(vhd_writer_commit(b.w, VHD_COMMIT_LAZY, &err), 0);
	vhd1_trace_next(&b, text);
	wrote(4 * MiB + 8192, 7, 4096);
	ck_assert_int_eq(vhd_writer_commit(b.w, VHD_COMMIT_LAZY, &err), 0);
	ck_assert_str_eq(vhd1_trace_next(&b, text), "WFW");
	vhd1_bench_end(&b);
}
END_TEST

/*
 * Packed blocks: the page of the second bitmap holds data of the first block,
 * which changes after the page was read.
 */
START_TEST(vhd1_write__neighbours_in_a_page_are_left_alone)
{
	struct vhd_io *io = vhd1_image_new(&diff);
	uint32_t second = vhd1_image_entry(io, 0) + 4097;

	vhd1_image_set_entry(io, 1, second);
	vhd1_image_fill(io, 0, 512, second * UINT64_C(512));
	vhd1_bench_new(&b, io);
	vhd1_guest_expect(&b, 2 * MiB, VHD1_BELOW, 2 * MiB);
	wrote(2 * MiB - 3584, 9, 3584);
	wrote(2 * MiB, 7, 4096);
	flushed();
	vhd1_guest_expect(&b, 2 * MiB - 3584, 9, 3584);
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), 0);
	ck_assert_int_eq(vhd1_bench_open(&b, &err), 0);
	vhd1_guest_expect(&b, 2 * MiB - 3584, 9, 3584);
	vhd1_guest_expect(&b, 2 * MiB, 7, 4096);
	vhd1_guest_expect(&b, 2 * MiB + 4096, VHD1_BELOW, 4096);
	vhd1_bench_end(&b);
}
END_TEST

/* A flush that failed is not tried again, whoever asked for it. */
START_TEST(vhd1_write__a_failed_flush_is_final)
{
	start(&dynamic);
	b.plan.kinds = VHD_FAULT_FLUSH;
	b.plan.fail_at = 1;
	b.plan.os_errno = _i ? ENOSPC : EIO;
	/* The first is that of the growth. */
	ck_assert_int_eq(vhd1_guest_write(&b, 4 * MiB, 7, 512, &err),
			 VHD_E_IO);
	ck_assert_int_eq(vhd1_guest_write(&b, 0, 7, 512, &err), 0);
	ck_assert_int_eq(vhd1_guest_flush(&b, &err), VHD_E_IO);
	ck_assert_int_eq(vhd1_guest_flush(&b, &err), VHD_E_POISONED);
	ck_assert_uint_eq(b.plan.calls, 1);
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), VHD_E_POISONED);
	vhd1_file_sound(b.io);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_write__a_fixed_disk_only_needs_flushes)
{
	bool done;

	start(&fixed);
	wrote(MiB - 3, 7, MiB);
	ck_assert_int_eq(vhd_writer_unmap(b.w, 0, VHD_UNMAP_ZERO, &done,
					  &err), 0);
	ck_assert(!done);
	flushed();
	ck_assert_str_eq(vhd1_trace_next(&b, text), "WF");
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), 0);
	vhd1_file_sound(b.io);
	vhd1_bench_end(&b);
}
END_TEST

static struct vhd_usage usage_of(void)
{
	struct vhd_usage u;

	ck_assert_int_eq(vhd1_engine.usage(b.v, MiB, &u, &err), 0);
	return u;
}

static bool count_region(void *arg, enum vhd_region_kind kind, uint64_t off,
			 uint64_t len, uint64_t blk)
{
	unsigned *count = arg;

	(void)off;
	(void)len;
	(void)blk;
	*count += kind == VHD_REGION_DATA;
	return true;
}

/* What waits in memory is part of the image for all who look at it. */
START_TEST(vhd1_write__readers_see_what_is_not_written_yet)
{
	struct vhd1_seen seen = { 0 };
	struct vhd_engine_check req = { .sink = { vhd1_seen_fn, &seen } };
	unsigned regions = 0;

	start(&diff);
	ck_assert_uint_eq(usage_of().blocks_data, 2);
	wrote(4 * MiB, 7, 4096);
	ck_assert_uint_eq(vhd1_image_entry(b.io, 2), VHD1_UNUSED);
	ck_assert_uint_eq(usage_of().blocks_data, 3);
	ck_assert_uint_eq(usage_of().blocks_partial, 1);
	ck_assert_int_eq(vhd1_engine.layout(b.v, count_region, &regions, &err),
			 0);
	ck_assert_uint_eq(regions, 3);
	ck_assert_int_eq(vhd1_engine.check(b.v, &req, &err), 0);
	ck_assert_uint_lt(seen.worst, VHD_SEV_ERROR);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_write__a_saved_state_is_a_warning)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);
	struct vhd1_seen seen = { 0 };
	const struct vhd_engine_open req = {
		.io = io, .writable = true, .sink = { vhd1_seen_fn, &seen }
	};
	struct vhd1_footer f;
	void *eng;

	vhd1_image_footer(io, &f);
	f.saved_state = 1;
	vhd1_image_set_footer(io, &f, VHD_COPY_FIRST | VHD_COPY_SECOND);
	ck_assert_int_eq(vhd1_engine.open(&req, &eng, &err), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_SAVED_STATE"), 1);
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN_ROWS("vhd1/write",
	LOOP(vhd1_write__what_is_in_doubt_is_not_opened,
	     (int)(sizeof(refused) / sizeof(refused[0]))),
	ONCE(vhd1_write__small_blocks_are_refused),
	ONCE(vhd1_write__nothing_is_written_before_a_change),
	ONCE(vhd1_write__present_bytes_need_one_flush),
	ONCE(vhd1_write__a_new_block_is_ordered),
	ONCE(vhd1_write__writing_back_flushes_only_where_it_must),
	ONCE(vhd1_write__bits_of_a_differencing_disk_come_after_data),
	ONCE(vhd1_write__neighbours_in_a_page_are_left_alone),
	LOOP(vhd1_write__a_failed_flush_is_final, 2),
	ONCE(vhd1_write__a_fixed_disk_only_needs_flushes),
	ONCE(vhd1_write__readers_see_what_is_not_written_yet),
	ONCE(vhd1_write__a_saved_state_is_a_warning))
