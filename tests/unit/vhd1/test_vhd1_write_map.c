/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_writing.h"
#include "vhd1/vhd1.h"

static const struct vhd1_image_spec dynamic = VHD1_DYNAMIC;
static const struct vhd1_image_spec diff = VHD1_DIFF;
static const struct vhd1_image_spec xen = VHD1_XEN;
static const struct vhd_writer_ops *const ops = &vhd1_writer_ops;
static struct vhd1_bench b;
static struct vhd_blk blk;
static struct vhd_error err;

static void start(const struct vhd1_image_spec *spec)
{
	vhd1_bench_new(&b, vhd1_image_new(spec));
	ck_assert_int_eq(vhd_writer_ready(b.w, &err), 0);
}

static void flushed(void)
{
	ck_assert_int_eq(vhd1_guest_flush(&b, &err), 0);
}

static void look(uint64_t nr, enum vhd_blk_kind want)
{
	ck_assert_int_eq(ops->look(b.v, nr, &blk, &err), 0);
	ck_assert_int_eq(blk.kind, want);
}

static uint64_t bitmap_off(uint32_t nr)
{
	return UINT64_C(512) * vhd1_image_entry(b.io, nr);
}

static void expect_bytes(uint64_t off, uint8_t byte, size_t len)
{
	uint8_t raw[4096];
	size_t i;

	vhd1_image_get(b.io, raw, len, off);
	for (i = 0; i < len; i++)
		ck_assert_uint_eq(raw[i], byte);
}

static struct vhd_place placed(uint64_t nr)
{
	struct vhd_place p;

	ck_assert_int_eq(ops->place(b.v, nr, &p, &err), 0);
	return p;
}

START_TEST(vhd1_write_map__look_tells_the_kinds)
{
	start(&dynamic);
	look(0, VHD_BLK_FULL);
	ck_assert_uint_eq(blk.at, bitmap_off(0) + 512);
	look(2, VHD_BLK_ZERO);
	vhd1_bench_end(&b);
	start(&diff);
	look(2, VHD_BLK_BELOW);
	vhd1_image_fill(b.io, 0xfe, 1, bitmap_off(1) + 511);
	look(1, VHD_BLK_SOME);
	ck_assert_uint_eq(blk.at, bitmap_off(1) + 512);
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-S-12: bits behind the disk's end do not count. */
START_TEST(vhd1_write_map__a_last_block_is_full_up_to_the_disks_end)
{
	struct vhd1_image_spec spec = dynamic;

	spec.size = 3 * MiB;
	start(&spec);
	vhd1_image_fill(b.io, 0, 256, bitmap_off(1) + 256);
	look(1, VHD_BLK_FULL);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_write_map__blocks_in_wrong_places_are_refused)
{
	start(&dynamic);
	vhd1_image_set_entry(b.io, 0, 1);
	ck_assert_int_eq(ops->look(b.v, 0, &blk, &err), VHD_E_CORRUPT);
	ck_assert_str_eq(err.rule->name, "VHD1_BLOCK_IN_META");
	vhd1_bench_end(&b);
	start(&dynamic);
	vhd1_image_set_entry(b.io, 1, vhd1_image_entry(b.io, 1) + 8);
	ck_assert_int_eq(ops->look(b.v, 1, &blk, &err), VHD_E_CORRUPT);
	ck_assert_str_eq(err.rule->name, "VHD1_BLOCK_PAST_END");
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_write_map__present_counts_alike_sectors)
{
	uint32_t n;
	bool yes;

	start(&diff);
	vhd1_image_fill(b.io, 0x0f, 1, bitmap_off(0));
	look(0, VHD_BLK_SOME);
	ck_assert_int_eq(ops->present(b.v, 0, &blk, 1, 8, &yes, &n, &err), 0);
	ck_assert(!yes);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(ops->present(b.v, 0, &blk, 4, 100, &yes, &n, &err),
			 0);
	ck_assert(yes);
	ck_assert_uint_eq(n, 96);
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-S-3, VHD-S-5: 512 KiB have 128 bytes of bits in a sector. */
START_TEST(vhd1_write_map__a_new_block_has_ones_and_clear_padding)
{
	struct vhd1_image_spec spec = dynamic;
	uint64_t at;

	spec.block_size = 512 * KiB;
	start(&spec);
	ck_assert_int_eq(vhd1_guest_write(&b, MiB + 77, 7, 100, &err), 0);
	look(2, VHD_BLK_FULL);
	flushed();
	at = bitmap_off(2);
	expect_bytes(at, 0xff, 128);
	expect_bytes(at + 128, 0, 384);
	expect_bytes(at + 512, 0, 77);
	expect_bytes(at + 512 + 77, 7, 100);
	vhd1_bench_end(&b);
}
END_TEST

/* Bitmaps of several sectors, in several pages. */
START_TEST(vhd1_write_map__large_blocks_have_large_bitmaps)
{
	struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DIFF, .size = 256 << 20,
		.block_size = 64 << 20
	};
	uint64_t at;

	start(&spec);
	ck_assert_int_eq(vhd1_guest_write(&b, 40 * MiB, 7, 3 * MiB, &err), 0);
	flushed();
	at = bitmap_off(0);
	expect_bytes(at, 0, 4096);
	expect_bytes(at + 4096, 0, 4096);
	expect_bytes(at + 10240 - 512, 0, 512);
	expect_bytes(at + 10240, 0xff, 768);
	expect_bytes(at + 10240 + 768, 0, 256);
	vhd1_guest_expect(&b, 39 * MiB, VHD1_BELOW, MiB);
	vhd1_guest_expect(&b, 40 * MiB, 7, 3 * MiB);
	vhd1_guest_expect(&b, 43 * MiB, VHD1_BELOW, MiB);
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-W-6, VHD-S-9: bits of a differencing disk come in eights. */
START_TEST(vhd1_write_map__a_differencing_disk_marks_units)
{
	start(&diff);
	ck_assert_int_eq(vhd1_guest_write(&b, 4 * MiB + 5000, 7, 100, &err), 0);
	look(2, VHD_BLK_SOME);
	flushed();
	expect_bytes(bitmap_off(2), 0, 1);
	expect_bytes(bitmap_off(2) + 1, 0xff, 1);
	expect_bytes(bitmap_off(2) + 2, 0, 510);
	vhd1_guest_expect(&b, 4 * MiB, VHD1_BELOW, 5000);
	vhd1_guest_expect(&b, 4 * MiB + 5000, 7, 100);
	vhd1_guest_expect(&b, 4 * MiB + 5100, VHD1_BELOW, 2 * MiB - 5100);
	ck_assert_int_eq(vhd1_guest_write(&b, 4 * MiB + 8192, 8, 9000, &err),
			 0);
	flushed();
	expect_bytes(bitmap_off(2) + 1, 0xff, 4);
	expect_bytes(bitmap_off(2) + 5, 0, 507);
	vhd1_guest_expect(&b, 4 * MiB + 5000, 7, 100);
	vhd1_guest_expect(&b, 4 * MiB + 8192, 8, 9000);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_write_map__a_whole_block_is_full_at_once)
{
	start(&diff);
	ck_assert_int_eq(vhd1_guest_write(&b, 4 * MiB, 7, 2 * MiB, &err), 0);
	look(2, VHD_BLK_FULL);
	vhd1_guest_expect(&b, 4 * MiB, 7, 2 * MiB);
	vhd1_bench_end(&b);
}
END_TEST

/* Bits and bytes that were there before are not the new block's. */
START_TEST(vhd1_write_map__stale_bits_are_wiped)
{
	struct vhd_place p;
	uint8_t byte;

	start(&diff);
	p = placed(2);
	vhd1_image_fill(b.io, 0xff, 512, p.off);
	/* Into the cache, as a neighbour's bitmap might be. */
	ck_assert_int_eq(vhd_pcache_read(b.v->pc, p.off, &byte, 1, &err), 0);
	blk = (struct vhd_blk){ .kind = VHD_BLK_BELOW };
	ck_assert_int_eq(ops->mark(b.v, 2, &blk, p.at, 8, 16, &err), 0);
	flushed();
	expect_bytes(bitmap_off(2), 0, 1);
	expect_bytes(bitmap_off(2) + 1, 0xff, 1);
	expect_bytes(bitmap_off(2) + 2, 0, 510);
	vhd1_bench_end(&b);
}
END_TEST

static bool unmapped(uint64_t nr)
{
	bool gone = true;

	ck_assert_int_eq(vhd_writer_unmap(b.w, nr, VHD_UNMAP_DISCARD, &gone,
					  &err), 0);
	return gone;
}

/* VHD-W-7 */
START_TEST(vhd1_write_map__lost_space_is_reused_once_that_is_durable)
{
	uint64_t old;

	start(&dynamic);
	old = bitmap_off(0);
	ck_assert(unmapped(0));
	look(0, VHD_BLK_ZERO);
	ck_assert(unmapped(0));
	ck_assert_uint_ne(placed(2).off, old);
	flushed();
	ck_assert_uint_eq(vhd1_image_entry(b.io, 0), VHD1_UNUSED);
	ck_assert_uint_eq(placed(2).off, old);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_write_map__reused_space_reads_as_zeros)
{
	uint64_t old;

	start(&dynamic);
	ck_assert_int_eq(vhd1_guest_write(&b, 0, 0xee, 2 * MiB, &err), 0);
	old = bitmap_off(0);
	ck_assert(unmapped(0));
	flushed();
	ck_assert_int_eq(vhd1_guest_write(&b, 6 * MiB + 300, 7, 600, &err), 0);
	flushed();
	ck_assert_uint_eq(bitmap_off(3), old);
	vhd1_guest_expect(&b, 0, 0, 2 * MiB);
	vhd1_guest_expect(&b, 6 * MiB, 0, 300);
	vhd1_guest_expect(&b, 6 * MiB + 300, 7, 600);
	vhd1_guest_expect(&b, 6 * MiB + 900, 0, 2 * MiB - 900);
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), 0);
	vhd1_file_sound(b.io);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_write_map__a_differencing_block_keeps_its_space)
{
	start(&diff);
	ck_assert(!unmapped(0));
	ck_assert(!unmapped(2));
	vhd1_bench_end(&b);
}
END_TEST

/* VHD-X-10 */
START_TEST(vhd1_write_map__a_block_with_xens_bit_loses_the_bit_first)
{
	struct vhd_io *io = vhd1_image_new(&xen);
	struct vhd1_batmap map;
	uint8_t raw[512];

	vhd1_image_get(io, raw, 512, 2048);
	ck_assert(vhd1_batmap_decode(raw, &map));
	map.checksum = ~UINT32_C(0xc0);
	vhd1_batmap_encode(&map, raw);
	vhd1_image_put(io, raw, 512, 2048);
	vhd1_image_fill(io, 0xc0, 1, map.map_off);
	vhd1_bench_new(&b, io);
	ck_assert_int_eq(vhd_writer_ready(b.w, &err), 0);
	ck_assert(unmapped(0));
	/* Before it is known that others keep their bits, none has one. */
	vhd1_image_get(b.io, raw, 1, map.map_off);
	ck_assert_uint_eq(raw[0], 0);
	vhd1_file_sound(b.io);
	ck_assert_int_eq(vhd1_guest_write(&b, 6 * MiB, 7, 600, &err), 0);
	ck_assert_int_eq(vhd1_bench_shut(&b, &err), 0);
	vhd1_file_sound(b.io);
	vhd1_image_get(b.io, raw, 1, map.map_off);
	ck_assert_uint_eq(raw[0], 0x40);
	vhd1_bench_end(&b);
}
END_TEST

/*
 * The bitmap of a block that could not be mapped may be written later: nobody
 * else may get its place.
 */
START_TEST(vhd1_write_map__the_place_of_a_failed_block_is_forgotten)
{
	struct vhd_place p;

	start(&dynamic);
	p = placed(2);
	b.v->write->leak = true;
	ops->unplace(b.v, p.off, p.len, VHD_SPACE_DIRTY);
	ck_assert_uint_gt(placed(2).off, p.off);
	vhd1_bench_end(&b);
}
END_TEST

TEST_MAIN("vhd1/write_map",
	vhd1_write_map__look_tells_the_kinds,
	vhd1_write_map__a_last_block_is_full_up_to_the_disks_end,
	vhd1_write_map__blocks_in_wrong_places_are_refused,
	vhd1_write_map__present_counts_alike_sectors,
	vhd1_write_map__a_new_block_has_ones_and_clear_padding,
	vhd1_write_map__large_blocks_have_large_bitmaps,
	vhd1_write_map__a_differencing_disk_marks_units,
	vhd1_write_map__a_whole_block_is_full_at_once,
	vhd1_write_map__stale_bits_are_wiped,
	vhd1_write_map__lost_space_is_reused_once_that_is_durable,
	vhd1_write_map__reused_space_reads_as_zeros,
	vhd1_write_map__a_differencing_block_keeps_its_space,
	vhd1_write_map__a_block_with_xens_bit_loses_the_bit_first,
	vhd1_write_map__the_place_of_a_failed_block_is_forgotten)
