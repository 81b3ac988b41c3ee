/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhd1_damages.h"

#include <string.h>

#include "base/ckd.h"
#include "codec/vhd1_locator.h"

static const struct vhd1_image_spec dynamic = {
	.type = VHD_TYPE_DYNAMIC, .size = 4 << 20, .block_size = 512 << 10,
	.blocks = 3
};
static const struct vhd1_image_spec diff = {
	.type = VHD_TYPE_DIFF, .size = 4 << 20, .block_size = 512 << 10,
	.blocks = 2
};
static const struct vhd1_image_spec fixed = {
	.type = VHD_TYPE_FIXED, .size = 1 << 20
};
static const struct vhd1_image_spec xen = {
	.type = VHD_TYPE_DYNAMIC, .size = 8 << 20, .blocks = 2, .xen = true
};

enum { BATMAP = 2048, MAP = BATMAP + 512 };

static struct vhd1_footer f;
static struct vhd1_header h;

#define FOOTER(io, change) do {                                               \
		vhd1_image_footer(io, &f);                                    \
		change;                                                       \
		vhd1_image_set_footer(io, &f, f.type == 2 ? VHD_COPY_SECOND   \
							  : 3);               \
	} while (0)
#define HEADER(io, change) do {                                               \
		vhd1_image_header(io, &h);                                    \
		change;                                                       \
		vhd1_image_set_header(io, &h);                                \
	} while (0)

static uint64_t tail(struct vhd_io *io)
{
	return vhd1_image_size(io) - 512;
}

static uint64_t place(struct vhd_io *io, uint32_t blk)
{
	return UINT64_C(512) * vhd1_image_entry(io, blk);
}

/* Footers. */
static void tail_killed(struct vhd_io *io)
{
	vhd1_image_fill(io, 0xc7, 512, tail(io));
}

static void tail_zero(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 512, tail(io));
}

static void tail_gone(struct vhd_io *io)
{
	vhd1_image_resize(io, tail(io));
}

static void tail_sum(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x5a, 1, tail(io) + 67);
}

static void front_gone(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x33, 512, 0);
}

static void both_sums(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x5a, 1, tail(io) + 67);
	vhd1_image_fill(io, 0x5a, 1, 67);
}

static void both_apart(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x5a, 1, tail(io) + 300);
	vhd1_image_fill(io, 0x5b, 1, 301);
}

static void differ(struct vhd_io *io)
{
	vhd1_image_footer(io, &f);
	f.features ^= VHD1_FEATURE_TEMPORARY;
	vhd1_image_set_footer(io, &f, VHD_COPY_FIRST);
}

static void half_changed(struct vhd_io *io)
{
	vhd1_image_footer(io, &f);
	f.unique_id[3] ^= 0x40;
	f.current_size /= 2;
	vhd1_image_set_footer(io, &f, VHD_COPY_FIRST);
}

static void poison(struct vhd_io *io)
{
	uint8_t raw[512], sum[4] = { 0 };
	uint32_t x;

	vhd1_image_get(io, raw, sizeof(raw), 0);
	memcpy(raw, "v_poison", 8);
	x = vhd1_checksum(raw, 512, 64);
	sum[0] = (uint8_t)(x >> 24);
	sum[1] = (uint8_t)(x >> 16);
	sum[2] = (uint8_t)(x >> 8);
	sum[3] = (uint8_t)x;
	memcpy(raw + 64, sum, 4);
	vhd1_image_put(io, raw, sizeof(raw), 0);
	vhd1_image_put(io, raw, sizeof(raw), tail(io));
}

static void junk_behind(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x77, 100, vhd1_image_size(io));
}

static void shifted(struct vhd_io *io)
{
	uint8_t raw[512];

	vhd1_image_get(io, raw, sizeof(raw), tail(io));
	vhd1_image_put(io, raw, sizeof(raw), tail(io) + 100);
}

static void old_footer(struct vhd_io *io)
{
	vhd1_image_resize(io, vhd1_image_size(io) - 1);
}

static void fixed_sum(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x5a, 1, tail(io) + 66);
}

static void fixed_short(struct vhd_io *io)
{
	FOOTER(io, f.current_size += MiB; f.original_size += MiB);
}

static void slack(struct vhd_io *io)
{
	FOOTER(io, f.current_size -= 64 * KiB; f.original_size -= 64 * KiB;
	       f.geometry = vhd1_geometry_of(f.current_size));
}

/* Fields of the footer. */
static void features(struct vhd_io *io) { FOOTER(io, f.features = 0x103); }
static void data_off(struct vhd_io *io) { FOOTER(io, f.data_off = 512); }
static void id_null(struct vhd_io *io)
{
	FOOTER(io, memset(f.unique_id, 0, 16));
}

static void id_parent(struct vhd_io *io)
{
	HEADER(io, (void)0);
	FOOTER(io, memcpy(f.unique_id, h.parent_id, 16));
}

static void saved(struct vhd_io *io) { FOOTER(io, f.saved_state = 1); }
static void saved_odd(struct vhd_io *io) { FOOTER(io, f.saved_state = 7); }
static void hidden_odd(struct vhd_io *io) { FOOTER(io, f.hidden = 9); }
static void reserved(struct vhd_io *io) { FOOTER(io, f.reserved[9] = 1); }
static void time_unix(struct vhd_io *io)
{
	FOOTER(io, f.timestamp = (uint32_t)(VHD1_EPOCH + 0x2d000000));
}

static void chs(struct vhd_io *io) { FOOTER(io, f.geometry.heads--); }
static void chs_zero(struct vhd_io *io)
{
	FOOTER(io, memset(&f.geometry, 0, sizeof(f.geometry)));
}

static void chs_large(struct vhd_io *io)
{
	FOOTER(io, f.geometry.cylinders++);
}

static void chs_cuts(struct vhd_io *io)
{
	FOOTER(io, memcpy(f.creator_app, "vbox", 4));
}

static void chs_past(struct vhd_io *io)
{
	FOOTER(io, memcpy(f.creator_app, "vbox", 4);
	       f.geometry.cylinders = 5000);
}

/* Header. */
static void hdr_sum(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x5a, 1, 512 + 39);
}

static void next_off(struct vhd_io *io) { HEADER(io, h.next_off = 0); }
static void hdr_reserved(struct vhd_io *io) { HEADER(io, h.reserved2[7] = 1); }
static void stray(struct vhd_io *io) { HEADER(io, h.parent_id[0] = 1); }
static void stray_loc(struct vhd_io *io) { HEADER(io, h.locator[3].off = 1); }
static void padding(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x55, 4, 1536 + 32);
}

static void padding_zero(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 512 - 32, 1536 + 32);
}

/* Locators. */
static void loc_code(struct vhd_io *io)
{
	HEADER(io, h.locator[3] = h.locator[0];
	       h.locator[3].code = 0x41424344);
}

static void loc_outside(struct vhd_io *io)
{
	HEADER(io, h.locator[0].off = UINT64_C(1) << 40);
}

static void loc_short(struct vhd_io *io)
{
	HEADER(io, h.locator[0].space = 0);
}

static void loc_big(struct vhd_io *io)
{
	uint8_t raw[64];
	size_t i;

	HEADER(io, (void)0);
	vhd1_image_get(io, raw, h.locator[0].len, h.locator[0].off);
	for (i = 0; i + 1 < h.locator[0].len; i += 2) {
		uint8_t x = raw[i];

		raw[i] = raw[i + 1];
		raw[i + 1] = x;
	}
	vhd1_image_put(io, raw, h.locator[0].len, h.locator[0].off);
}

static void loc_nul(struct vhd_io *io)
{
	HEADER(io, h.locator[0].len += 2);
}

static void loc_overlap(struct vhd_io *io)
{
	HEADER(io, h.locator[1] = h.locator[0]);
}

static void parent_future(struct vhd_io *io)
{
	HEADER(io, h.parent_timestamp = 0xf0000000);
}

/* Table. */
static void in_meta(struct vhd_io *io) { vhd1_image_set_entry(io, 1, 1); }
static void on_locator(struct vhd_io *io)
{
	HEADER(io, (void)0);
	vhd1_image_set_entry(io, 1, (uint32_t)(h.locator[0].off / 512));
	vhd1_image_fill(io, 0xff, 128, h.locator[0].off);
}

static void past_end(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 5, 0x00100000);
}

static void on_tail(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 2, vhd1_image_entry(io, 2) + 8);
	vhd1_image_fill(io, 0xff, 128, place(io, 2));
}

static void cut(struct vhd_io *io)
{
	vhd1_image_resize(io, vhd1_image_size(io) - 4096);
}

static void twice(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 5, vhd1_image_entry(io, 0));
}

static void overlap(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 1, vhd1_image_entry(io, 1) - 16);
	vhd1_image_fill(io, 0xff, 128, place(io, 1));
}

static void beyond(struct vhd_io *io)
{
	FOOTER(io, f.current_size = f.original_size = MiB;
	       f.geometry = vhd1_geometry_of(MiB));
}

static void bitmap_footer(struct vhd_io *io)
{
	uint8_t raw[512];

	vhd1_image_get(io, raw, sizeof(raw), 0);
	vhd1_image_put(io, raw, sizeof(raw), place(io, 1));
}

static void bitmap_tail(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 6, (uint32_t)(tail(io) / 512));
}

static void under_clear(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 1, place(io, 1));
}

/* Batmap. */
static void map_gone(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 512, BATMAP);
}

static void map_on_table(struct vhd_io *io)
{
	uint8_t off[8] = { 0, 0, 0, 0, 0, 0, 6, 0 };

	vhd1_image_put(io, off, sizeof(off), BATMAP + 8);
}

static void map_taken(struct vhd_io *io)
{
	vhd1_image_fill(io, 0xff, 512, MAP);
	vhd1_image_set_entry(io, 3, MAP / 512);
	vhd1_image_fill(io, 0, 8, BATMAP);
}

static void map_sum(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 1, BATMAP + 27);
}

static void map_bit(struct vhd_io *io)
{
	vhd1_image_fill(io, 0x10, 1, MAP);
	vhd1_image_fill(io, 0xef, 1, BATMAP + 27);
}

static void map_packed(struct vhd_io *io)
{
	vhd1_image_set_entry(io, 1, vhd1_image_entry(io, 1) - 4);
	vhd1_image_fill(io, 0xff, 512, place(io, 1));
	vhd1_image_fill(io, 0x40, 1, MAP);
	vhd1_image_fill(io, 0xbf, 1, BATMAP + 27);
}

const struct vhd1_damage vhd1_damages[] = {
	{ "VHD1_FOOTER_KILLED", &dynamic, tail_killed, NULL, 0 },
	{ "VHD1_FOOTER_MISSING", &dynamic, tail_zero, NULL, 0 },
	{ "VHD1_FOOTER_MISSING", &diff, tail_gone, NULL, 0 },
	{ "VHD1_FOOTER_MISSING", &xen, tail_sum, NULL, 0 },
	{ "VHD1_COPY_MISSING", &dynamic, front_gone, NULL, 0 },
	{ "VHD1_FOOTER_CHECKSUM", &dynamic, both_sums, NULL, 0 },
	{ "VHD1_FOOTERS_BAD", &dynamic, both_apart, NULL, 0 },
	{ "VHD1_FOOTERS_BAD", &fixed, fixed_sum, NULL, 0 },
	{ "VHD1_FOOTERS_DIFFER", &dynamic, differ, NULL, 0 },
	{ "VHD1_FOOTERS_DIFFER", &dynamic, differ,
	  "VHD1_FOOTERS_DIFFER=first", 0 },
	{ "VHD1_FOOTERS_STEP", &dynamic, half_changed, NULL, 0 },
	{ "VHD1_POISONED", &dynamic, poison, NULL, 0 },
	{ "VHD1_FILE_LENGTH", &dynamic, junk_behind, NULL, 0 },
	{ "VHD1_FILE_LENGTH", &fixed, junk_behind, NULL, 0 },
	{ "VHD1_FILE_LENGTH", &dynamic, shifted, NULL, 0 },
	{ "VHD1_FILE_LENGTH", &fixed, shifted, NULL, 0 },
	{ "VHD1_FOOTER_511", &fixed, old_footer, NULL, 0 },
	{ "VHD1_FOOTER_511", &dynamic, old_footer, NULL, 0 },
	{ "VHD1_FIXED_SHORT", &fixed, fixed_short, NULL, 0 },
	{ "VHD1_FIXED_SHORT", &fixed, fixed_short,
	  "VHD1_FIXED_SHORT=shrink", 0 },
	{ "VHD1_FIXED_SLACK", &fixed, slack, NULL, 0 },
	{ "VHD1_FIXED_SLACK", &fixed, slack, "VHD1_FIXED_SLACK=grow", 0 },
	{ "VHD1_FEATURES", &fixed, features, NULL, 0 },
	{ "VHD1_FIXED_DATA_OFFSET", &fixed, data_off, NULL, 0 },
	{ "VHD1_ID_NULL", &dynamic, id_null, NULL, 0 },
	{ "VHD1_ID_OF_PARENT", &diff, id_parent, NULL, 0 },
	{ "VHD1_SAVED_STATE", &dynamic, saved, NULL, 0 },
	{ "VHD1_SAVED_STATE_ODD", &dynamic, saved_odd, NULL, 0 },
	{ "VHD1_HIDDEN_ODD", &dynamic, hidden_odd, NULL, 0 },
	{ "VHD1_RESERVED", &dynamic, reserved, NULL, 0 },
	{ "VHD1_TIME_UNIX", &dynamic, time_unix, NULL, 0 },
	{ "VHD1_TIME_FUTURE", &dynamic, time_unix, NULL, 0 },
	{ "VHD1_GEOMETRY", &dynamic, chs, NULL, 0 },
	{ "VHD1_GEOMETRY_ZERO", &dynamic, chs_zero, NULL, 0 },
	{ "VHD1_GEOMETRY_LARGE", &dynamic, chs_large, NULL, 0 },
	{ "VHD1_GEOMETRY_CUTS", &dynamic, chs_cuts, NULL, 0 },
	{ "VHD1_GEOMETRY_PAST_TABLE", &dynamic, chs_past, NULL, 0 },
	{ "VHD1_HDR_CHECKSUM", &dynamic, hdr_sum, NULL, 0 },
	{ "VHD1_HDR_NEXT", &dynamic, next_off, NULL, 0 },
	{ "VHD1_HDR_NEXT_XEN", &xen, next_off, NULL, 0 },
	{ "VHD1_HDR_RESERVED", &dynamic, hdr_reserved, NULL, 0 },
	{ "VHD1_PARENT_STRAY", &dynamic, stray, NULL, 0 },
	{ "VHD1_LOCATOR_STRAY", &diff, stray_loc, NULL, 0 },
	{ "VHD1_BAT_PADDING", &dynamic, padding, NULL, 0 },
	{ "VHD1_BAT_PADDING_ZERO", &dynamic, padding_zero, NULL, 0 },
	{ "VHD1_LOCATOR_CODE", &diff, loc_code, NULL, 0 },
	{ "VHD1_LOCATOR_PLACE", &diff, loc_outside, NULL, 0 },
	{ "VHD1_LOCATOR_TEXT", &diff, loc_short, NULL, 0 },
	{ "VHD1_LOCATOR_TEXT", &diff, loc_big, NULL, 0 },
	{ "VHD1_LOCATOR_TEXT", &diff, loc_nul, NULL, 0 },
	{ "VHD1_LOCATOR_OVERLAP", &diff, loc_overlap, NULL, 0 },
	{ "VHD1_PARENT_TIME_FUTURE", &diff, parent_future, NULL, 0 },
	{ "VHD1_BLOCK_IN_META", &dynamic, in_meta, NULL, 0 },
	{ "VHD1_BLOCK_IN_META", &diff, on_locator, "all", 0 },
	{ "VHD1_BLOCK_PAST_END", &dynamic, past_end, NULL, 0 },
	{ "VHD1_BLOCK_PAST_END", &dynamic, on_tail, NULL, 0 },
	{ "VHD1_BLOCK_PAST_END", &dynamic, cut, NULL, 0 },
	{ "VHD1_BLOCK_OVERLAP", &dynamic, twice, NULL, 0 },
	{ "VHD1_BLOCK_OVERLAP", &dynamic, overlap, NULL, 0 },
	{ "VHD1_BLOCK_OVERLAP", &dynamic, twice,
	  "VHD1_BLOCK_OVERLAP=first", VHD1_LESS },
	{ "VHD1_BLOCK_OVERLAP", &dynamic, overlap,
	  "VHD1_BLOCK_OVERLAP=second", VHD1_LESS },
	{ "VHD1_BLOCK_BEYOND_DISK", &dynamic, beyond, NULL, 0 },
	{ "VHD1_BITMAP_IS_FOOTER", &dynamic, bitmap_footer, NULL, 0 },
	{ "VHD1_BITMAP_IS_FOOTER", &dynamic, bitmap_tail, NULL, 0 },
	{ "VHD1_DATA_UNDER_CLEAR_BIT", &dynamic, under_clear, NULL,
	  VHD1_DEEP | VHD1_LESS },
	{ "VHD1_DATA_UNDER_CLEAR_BIT", &dynamic, under_clear,
	  "VHD1_DATA_UNDER_CLEAR_BIT=zero", VHD1_DEEP },
	{ "VHD1_BATMAP_BAD", &xen, map_gone, NULL, 0 },
	{ "VHD1_BATMAP_BAD", &xen, map_on_table, NULL, 0 },
	{ "VHD1_BATMAP_BAD", &xen, map_taken, NULL, 0 },
	{ "VHD1_BATMAP_CHECKSUM", &xen, map_sum, NULL, 0 },
	{ "VHD1_BATMAP_BIT", &xen, map_bit, NULL, 0 },
	{ "VHD1_BATMAP_PACKED", &xen, map_packed, NULL, 0 },
};

const size_t vhd1_damage_count =
	sizeof(vhd1_damages) / sizeof(vhd1_damages[0]);
