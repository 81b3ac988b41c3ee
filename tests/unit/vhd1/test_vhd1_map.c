/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_image.h"
#include "vhd1/vhd1.h"

static struct vhd_io *io;
static void *eng;
static struct vhd_run run;
static struct vhd_error err;

static void start(const struct vhd1_image_spec *spec)
{
	io = vhd1_image_new(spec);
}

static void opened(void)
{
	ck_assert_int_eq(vhd1_image_open(io, &eng, NULL, &err), 0);
}

static void done(void)
{
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);
}

static uint64_t bitmap_off(uint32_t blk)
{
	return (uint64_t)vhd1_image_entry(io, blk) * 512;
}

static void set_bits(uint32_t blk, unsigned from, const char *bytes, size_t n)
{
	vhd1_image_put(io, bytes, n, bitmap_off(blk) + from);
}

static int map(uint64_t off, uint64_t len)
{
	return vhd1_engine.map(eng, off, len, &run, &err);
}

static void expect(uint64_t off, uint64_t len, enum vhd_run_kind kind,
		   uint64_t want)
{
	ck_assert_int_eq(map(off, len), 0);
	ck_assert_int_eq(run.kind, kind);
	ck_assert_uint_eq(run.len, want);
}

static const struct vhd1_image_spec dynamic = VHD1_DYNAMIC;
static const struct vhd1_image_spec diff = VHD1_DIFF;

START_TEST(vhd1_map__fixed_disk_is_itself)
{
	const struct vhd1_image_spec spec = VHD1_FIXED;

	start(&spec);
	opened();
	expect(700, 3 * MiB - 700, VHD_RUN_DATA, 3 * MiB - 700);
	ck_assert_uint_eq(run.file_off, 700);
	done();
}
END_TEST

/* VHD-B-4, VHD-Z-3 */
START_TEST(vhd1_map__data_follows_its_bitmap)
{
	start(&dynamic);
	opened();
	expect(2 * MiB + 904 * 512 + 3, 5 * MiB, VHD_RUN_DATA,
	       2 * MiB - 904 * 512 - 3);
	ck_assert_uint_eq(run.file_off, bitmap_off(1) + 512 + 904 * 512 + 3);
	ck_assert_uint_eq(run.flags, VHD_EXTENT_ALLOCATED);
	expect(100, 200, VHD_RUN_DATA, 200);
	done();
}
END_TEST

START_TEST(vhd1_map__unused_blocks_are_one_run)
{
	start(&dynamic);
	opened();
	expect(4 * MiB + 1, 4 * MiB - 1, VHD_RUN_ZERO, 4 * MiB - 1);
	ck_assert_uint_eq(run.flags, 0);
	done();
	start(&diff);
	opened();
	expect(4 * MiB, 4 * MiB, VHD_RUN_PARENT, 4 * MiB);
	done();
}
END_TEST

/* VHD-S-2: 0xE0 is sectors 0 to 2, 0x0F sectors 4 to 7, 0x80 .. 01 the ends. */
START_TEST(vhd1_map__bits_count_from_the_most_significant)
{
	start(&diff);
	vhd1_image_fill(io, 0, 512, bitmap_off(0));
	vhd1_image_fill(io, 0, 512, bitmap_off(1));
	set_bits(0, 0, "\xe0\x0f", 2);
	set_bits(1, 0, "\x80", 1);
	set_bits(1, 511, "\x01", 1);
	opened();
	expect(0, 8 * MiB, VHD_RUN_DATA, 3 * 512);
	expect(3 * 512, 8 * MiB - 1536, VHD_RUN_PARENT, 9 * 512);
	expect(12 * 512, MiB, VHD_RUN_DATA, 4 * 512);
	ck_assert_uint_eq(run.file_off, bitmap_off(0) + 512 + 12 * 512);
	expect(16 * 512, 8 * MiB - 8192, VHD_RUN_PARENT, 2 * MiB - 16 * 512);
	expect(2 * MiB, MiB, VHD_RUN_DATA, 512);
	expect(2 * MiB + 512, 2 * MiB, VHD_RUN_PARENT, 2 * MiB - 1024);
	expect(4 * MiB - 512, MiB, VHD_RUN_DATA, 512);
	expect(4 * MiB - 512 + 100, MiB, VHD_RUN_DATA, 412);
	done();
}
END_TEST

/* VHD-S-3 */
START_TEST(vhd1_map__clear_bits_of_a_dynamic_disk_are_zeros)
{
	start(&dynamic);
	set_bits(0, 0, "\x00", 1);
	opened();
	expect(0, MiB, VHD_RUN_ZERO, 8 * 512);
	ck_assert_uint_eq(run.flags, VHD_EXTENT_ALLOCATED);
	expect(8 * 512, 8, VHD_RUN_DATA, 8);
	done();
}
END_TEST

START_TEST(vhd1_map__long_bitmaps_cross_pages)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = 300 * MiB,
		.block_size = 256 * MiB, .blocks = 1,
	};

	start(&spec);
	opened();
	expect(0, 256 * MiB, VHD_RUN_DATA, 256 * MiB);
	ck_assert_uint_eq(run.file_off, bitmap_off(0) + 65536);
	vhd1_engine.close(eng);
	set_bits(0, 40000, "\xf7", 1);
	opened();
	expect(0, 256 * MiB, VHD_RUN_DATA, (40000 * 8 + 4) * UINT64_C(512));
	expect((40000 * 8 + 4) * UINT64_C(512), MiB, VHD_RUN_ZERO, 512);
	done();
}
END_TEST

static void one_block_image(uint32_t block_size, uint32_t bitmap_len)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = 1 * MiB
	};
	struct vhd1_header h;
	struct vhd1_footer f;

	start(&spec);
	vhd1_image_header(io, &h);
	vhd1_image_footer(io, &f);
	h.block_size = block_size;
	vhd1_image_set_header(io, &h);
	f.current_size = block_size;
	vhd1_image_resize(io, 4096 + bitmap_len + block_size + 512);
	vhd1_image_set_footer(io, &f, VHD_COPY_FIRST | VHD_COPY_SECOND);
	vhd1_image_fill(io, 0xff, bitmap_len, 4096);
	vhd1_image_set_entry(io, 0, 8);
}

/* VHD-H-6, VHD-S-1 */
START_TEST(vhd1_map__every_block_size_has_its_bitmap)
{
	uint32_t bs;

	for (bs = 512; bs <= 256 << 20; bs *= 2) {
		uint32_t bitmap = vhd1_bitmap_len(bs);

		one_block_image(bs, bitmap);
		opened();
		expect(0, bs, VHD_RUN_DATA, bs);
		ck_assert_uint_eq(run.file_off, 4096 + bitmap);
		done();
	}
}
END_TEST

/* VHD-B-9: what the file lacks is an error, not zeros */
START_TEST(vhd1_map__cut_off_data_is_an_error)
{
	start(&dynamic);
	vhd1_image_resize(io, bitmap_off(1) + 512 + 4096);
	opened();
	expect(2 * MiB, 2 * MiB, VHD_RUN_DATA, 4096);
	ck_assert_uint_eq(run.file_off, bitmap_off(1) + 512);
	ck_assert_int_eq(map(2 * MiB + 4096, MiB), VHD_E_CORRUPT);
	ck_assert_str_eq(err.rule->name, "VHD1_BLOCK_PAST_END");
	done();
}
END_TEST

static void refused(uint64_t off, const char *rule)
{
	opened();
	ck_assert_int_lt(map(off, MiB), 0);
	ck_assert_ptr_nonnull(err.rule);
	ck_assert_str_eq(err.rule->name, rule);
	expect(2 * MiB, MiB, VHD_RUN_DATA, MiB);
	done();
}

START_TEST(vhd1_map__block_at_zero_is_refused)
{
	start(&dynamic);
	vhd1_image_set_entry(io, 0, 0);
	refused(0, "VHD1_BLOCK_IN_META");
}
END_TEST

START_TEST(vhd1_map__block_in_the_table_is_refused)
{
	start(&dynamic);
	vhd1_image_set_entry(io, 0, 3);
	refused(0, "VHD1_BLOCK_IN_META");
}
END_TEST

START_TEST(vhd1_map__block_past_the_end_is_refused)
{
	start(&dynamic);
	vhd1_image_set_entry(io, 0, 0xfffffffe);
	refused(0, "VHD1_BLOCK_PAST_END");
	start(&dynamic);
	vhd1_image_set_entry(io, 0,
			     (uint32_t)(vhd1_image_size(io) / 512 - 1));
	refused(0, "VHD1_BLOCK_PAST_END");
}
END_TEST

/* VHD-Y-10 */
START_TEST(vhd1_map__bitmap_that_is_a_footer_is_refused)
{
	uint8_t raw[512];

	start(&dynamic);
	vhd1_image_get(io, raw, sizeof(raw), 0);
	vhd1_image_put(io, raw, sizeof(raw), bitmap_off(0));
	refused(0, "VHD1_BITMAP_IS_FOOTER");
}
END_TEST

/* VHD-X-15 */
START_TEST(vhd1_map__encrypted_data_is_refused)
{
	const struct vhd1_image_spec spec = VHD1_XEN;
	struct vhd1_seen seen;

	start(&spec);
	vhd1_image_put(io, "\x01", 1, 1536 + 512 + 29);
	ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, &err), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_KEYHASH"), 1);
	ck_assert_int_eq(map(0, MiB), VHD_E_UNSUPPORTED);
	ck_assert_str_eq(err.rule->name, "VHD1_KEYHASH");
	expect(4 * MiB, MiB, VHD_RUN_ZERO, MiB);
	done();
}
END_TEST

/* VHD-H-9: such a table opens; its entries may straddle cache pages. */
START_TEST(vhd1_map__unaligned_table_is_followed)
{
	struct vhd1_header h;
	uint8_t table[16];
	struct vhd1_seen seen;

	start(&dynamic);
	vhd1_image_get(io, table, sizeof(table), 1536);
	vhd1_image_fill(io, 0, sizeof(table), 1536);
	vhd1_image_put(io, table, sizeof(table), 1539);
	vhd1_image_header(io, &h);
	h.table_off = 1539;
	vhd1_image_set_header(io, &h);
	ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, &err), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_BAT_UNALIGNED"), 1);
	expect(2 * MiB, 4 * MiB, VHD_RUN_DATA, 2 * MiB);
	expect(4 * MiB, 4 * MiB, VHD_RUN_ZERO, 4 * MiB);
	done();
}
END_TEST

START_TEST(vhd1_map__empty_terabytes_are_passed_over)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = 2040 * GiB
	};
	uint64_t off = 0, size = 2040 * GiB;
	unsigned calls = 0;

	start(&spec);
	opened();
	while (off < size) {
		ck_assert_int_eq(map(off, size - off), 0);
		ck_assert_int_eq(run.kind, VHD_RUN_ZERO);
		off += run.len;
		calls++;
	}
	ck_assert_uint_le(calls, 2);
	done();
}
END_TEST

static bool count_regions(void *arg, enum vhd_region_kind kind, uint64_t off,
			  uint64_t len, uint64_t block)
{
	unsigned *count = arg;

	(void)off;
	(void)len;
	ck_assert_int_eq(block == VHD_NO_OFFSET,
			 kind != VHD_REGION_DATA && kind != VHD_REGION_BITMAP);
	count[kind]++;
	return true;
}

START_TEST(vhd1_map__usage_and_layout_count_the_blocks)
{
	const struct vhd1_image_spec spec = VHD1_XEN;
	unsigned count[8] = { 0 };
	struct vhd_usage u;

	start(&spec);
	set_bits(1, 3, "\x7f", 1);
	opened();
	ck_assert_int_eq(vhd1_engine.usage(eng, 1 << 20, &u, &err), 0);
	ck_assert(u.complete);
	ck_assert_uint_eq(u.blocks_data, 2);
	ck_assert_uint_eq(u.blocks_partial, 1);
	ck_assert_uint_eq(u.data_bytes, 4 * MiB);
	ck_assert(u.partial_known);
	ck_assert_int_eq(vhd1_engine.usage(eng, 4096, &u, &err), 0);
	ck_assert(u.complete && !u.partial_known);
	ck_assert_int_eq(vhd1_engine.usage(eng, 1, &u, &err), 0);
	ck_assert(!u.complete);
	ck_assert_int_eq(vhd1_engine.layout(eng, count_regions, count, &err),
			 0);
	ck_assert_uint_eq(count[VHD_REGION_HEADER], 3);
	ck_assert_uint_eq(count[VHD_REGION_METADATA], 2);
	ck_assert_uint_eq(count[VHD_REGION_BAT], 1);
	ck_assert_uint_eq(count[VHD_REGION_BITMAP], 2);
	ck_assert_uint_eq(count[VHD_REGION_DATA], 2);
	done();
}
END_TEST

TEST_MAIN("vhd1/map",
	  vhd1_map__fixed_disk_is_itself,
	  vhd1_map__data_follows_its_bitmap,
	  vhd1_map__unused_blocks_are_one_run,
	  vhd1_map__bits_count_from_the_most_significant,
	  vhd1_map__clear_bits_of_a_dynamic_disk_are_zeros,
	  vhd1_map__long_bitmaps_cross_pages,
	  vhd1_map__every_block_size_has_its_bitmap,
	  vhd1_map__cut_off_data_is_an_error,
	  vhd1_map__block_at_zero_is_refused,
	  vhd1_map__block_in_the_table_is_refused,
	  vhd1_map__block_past_the_end_is_refused,
	  vhd1_map__bitmap_that_is_a_footer_is_refused,
	  vhd1_map__encrypted_data_is_refused,
	  vhd1_map__unaligned_table_is_followed,
	  vhd1_map__empty_terabytes_are_passed_over,
	  vhd1_map__usage_and_layout_count_the_blocks)
