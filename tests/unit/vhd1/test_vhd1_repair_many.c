/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Damage that is everywhere is mended in few writes; and what is said and done
 * while a program may still be at work on the image.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "io/io_mem.h"
#include "io/io_record.h"
#include "support/check_main.h"
#include "support/vhd1_repairing.h"

/* A table of 51200 blocks; their batmap takes two pages. */
enum {
	BLOCKS = 51200,
	BATMAP = 1536 + 4 * BLOCKS,
	MAP = BATMAP + 512
};

static const struct vhd1_image_spec xen = {
	.type = VHD_TYPE_DYNAMIC, .size = 100 * GiB, .blocks = 2, .xen = true
};
static const struct vhd1_image_spec dynamic = VHD1_DYNAMIC;
static const struct vhd1_image_spec diff = VHD1_DIFF;

/* Repairs, and counts the flushes. */
static unsigned flushes_of(struct vhd_io *io, struct vhd1_owner *o)
{
	uint64_t size = vhd1_image_size(io);
	struct vhd_trace *t = vhd_trace_new();
	uint8_t *buf = malloc(size);
	struct vhd_io *rec;
	unsigned n = 0;
	size_t i;

	vhd1_image_get(io, buf, size, 0);
	ck_assert_int_eq(vhd_io_new(&vhd_record_ops,
				    vhd_record_new(&vhd_mem_ops,
						   vhd_mem_new(buf, size), t),
				    "recorded", &rec, NULL), 0);
	free(buf);
	vhd1_repair_all(rec, o);
	vhd_io_close(&rec, NULL);
	for (i = 0; i < vhd_trace_count(t); i++) {
		n += vhd_trace_op(t, i)->kind == VHD_TRACE_FLUSH;
		ck_assert_int_eq(vhd_trace_apply(vhd_trace_op(t, i), io, NULL),
				 0);
	}
	vhd_trace_free(t);
	return n;
}

static void all_sound(struct vhd_io *io)
{
	struct vhd1_seen seen = { 0 };

	ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
	ck_assert_msg(seen.worst < VHD_SEV_WARNING, "%s", seen.last);
}

START_TEST(vhd1_repair_many__bits_of_the_batmap_go_page_by_page)
{
	struct vhd_io *io = vhd1_image_new(&xen);
	struct vhd1_owner o = { .allow = { NULL } };

	vhd1_image_fill(io, 0xff, BLOCKS / 8, MAP);
	ck_assert_uint_le(flushes_of(io, &o), 8);
	/* A page of bits, another, and the checksum. */
	ck_assert_uint_eq(o.granted, 3);
	ck_assert_msg(strstr(o.said, "32766 blocks from block 2 on are no "
			     "longer marked as full"), "%s", o.said);
	all_sound(io);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_repair_many__packed_blocks_lose_their_bits_together)
{
	struct vhd_io *io = vhd1_image_new(&xen);
	struct vhd1_owner o = { .allow = { NULL } };
	uint64_t at = vhd1_image_size(io) - 512;
	uint32_t i, entry = (uint32_t)(at / 512);
	struct vhd1_seen seen = { 0 };
	struct vhd1_footer f;

	/* In front of each lies another, in turns of both pages. */
	vhd1_image_footer(io, &f);
	vhd1_image_resize(io, at + 20 * (2 * MiB + 512) + 512);
	vhd1_image_set_footer(io, &f, VHD_COPY_SECOND);
	for (i = 0; i < 20; i++, entry += 4097) {
		uint32_t blk = 10 + i / 2 + (i & 1) * 40000;

		vhd1_image_fill(io, 0xff, 512, UINT64_C(512) * entry);
		vhd1_image_set_entry(io, blk, entry);
	}
	vhd1_image_fill(io, 0x3f, 1, MAP + 1);
	vhd1_image_fill(io, 0xff, 1, MAP + 2);
	vhd1_image_fill(io, 0xff, 1, MAP + 40010 / 8 + 1);
	ck_assert_uint_le(flushes_of(io, &o), 16);
	/* Blocks whose writing is safe are marked as before. */
	ck_assert_str_eq(o.first, "VHD1_BATMAP_BIT");
	ck_assert_uint_le(o.granted, 6);
	ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
	ck_assert_msg(seen.worst < VHD_SEV_ERROR, "%s", seen.last);
	vhd_io_close(&io, NULL);
}
END_TEST

/* Each has its bit set: batmap, checksum and table at once. */
START_TEST(vhd1_repair_many__blocks_are_given_up_together)
{
	static const char *const allow[] = { "VHD1_BLOCK_PAST_END",
					     "VHD1_BLOCK_IN_META" };
	static const uint32_t at[] = { 0x00f00000, 1 };
	struct vhd_io *io = vhd1_image_new(&xen);
	struct vhd1_owner o = { .allow = { allow[_i] } };
	uint8_t byte;
	uint32_t i;

	for (i = 8; i < 40000; i++)
		vhd1_image_set_entry(io, i, at[_i]);
	vhd1_image_fill(io, 0xff, 40000 / 8 - 1, MAP + 1);
	ck_assert_uint_le(flushes_of(io, &o), 24);
	for (i = 8; i < 40000; i++)
		ck_assert_uint_eq(vhd1_image_entry(io, i), VHD1_UNUSED);
	for (i = 1; i < 40000 / 8; i++) {
		vhd1_image_get(io, &byte, 1, MAP + i);
		ck_assert_uint_eq(byte, 0);
	}
	all_sound(io);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_repair_many__nothing_is_done_to_an_image_in_use)
{
	static const uint8_t bytes[] = { 0xc7, 0xff };
	static const uint64_t drop[] = { 0 };
	struct vhd_io *io = vhd1_image_new(&xen), *before;
	struct vhd1_owner none = { .allow = { "VHD1_BLOCK_PAST_END" },
				   .drop = drop, .drop_count = 1 };
	struct vhd1_owner some = { .allow = { "VHD1_FOOTER_KILLED" } };

	vhd1_image_fill(io, bytes[_i], 512, vhd1_image_size(io) - 512);
	vhd1_image_fill(io, 0xff, 64, MAP);
	vhd1_image_set_entry(io, 9, 0x00f00000);
	before = vhd1_image_copy(io);
	vhd1_repair_all(io, &none);
	ck_assert_uint_eq(none.granted, 0);
	ck_assert_uint_eq(none.possible, 1);
	ck_assert(vhd1_image_same(io, before));
	vhd1_image_set_entry(io, 9, VHD1_UNUSED);
	vhd1_repair_all(io, &some);
	ck_assert_str_eq(some.first, "VHD1_FOOTER_KILLED");
	ck_assert_msg(strstr(some.said, "no virtual machine uses"), "%s",
		      some.said);
	all_sound(io);
	vhd_io_close(&before, NULL);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_repair_many__says_which_bytes_are_lost)
{
	static const struct vhd1_image_spec *const of[] = { &dynamic, &diff };
	static const char *const want[] = {
		"block 2, which lies past the end of the data, becomes "
		"unallocated: disk bytes 0x400000 to 0x600000 are lost, and "
		"read as zeros then, also in children made from this disk",
		"block 2, which lies past the end of the data, becomes "
		"unallocated: disk bytes 0x400000 to 0x600000 are lost, and "
		"read as the parent's then, also in children made from this "
		"disk"
	};
	struct vhd_io *io = vhd1_image_new(of[_i]);
	struct vhd1_owner o = { .allow = { "VHD1_BLOCK_PAST_END" } };

	vhd1_image_set_entry(io, 2, 0x00100000);
	vhd1_repair_all(io, &o);
	ck_assert_str_eq(o.said, want[_i]);
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN_ROWS("vhd1/repair_many",
	       ONCE(vhd1_repair_many__bits_of_the_batmap_go_page_by_page),
	       ONCE(vhd1_repair_many__packed_blocks_lose_their_bits_together),
	       LOOP(vhd1_repair_many__blocks_are_given_up_together, 2),
	       LOOP(vhd1_repair_many__nothing_is_done_to_an_image_in_use, 2),
	       LOOP(vhd1_repair_many__says_which_bytes_are_lost, 2))
