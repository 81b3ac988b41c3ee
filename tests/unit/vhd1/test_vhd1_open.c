/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_image.h"
#include "vhd1/vhd1.h"

static const struct vhd1_image_spec dynamic = VHD1_DYNAMIC;
static const struct vhd1_image_spec fixed = VHD1_FIXED;
static const struct vhd1_image_spec xen = VHD1_XEN;

enum { FIRST = VHD_COPY_FIRST, SECOND = VHD_COPY_SECOND, BOTH = 3 };

static struct vhd1_footer f;
static struct vhd1_header h;

/* Changes a field in both copies, or in the header, and seals. */
#define FOOTER(io, where, change) do {                                        \
		vhd1_image_footer(io, &f);                                    \
		change;                                                       \
		vhd1_image_set_footer(io, &f, where);                         \
	} while (0)
#define HEADER(io, change) do {                                               \
		vhd1_image_header(io, &h);                                    \
		change;                                                       \
		vhd1_image_set_header(io, &h);                                \
	} while (0)

struct breach {
	const char *rule;
	const struct vhd1_image_spec *spec;
	void (*make)(struct vhd_io *io);
};

static uint64_t tail(struct vhd_io *io)
{
	return vhd1_image_size(io) - 512;
}

/* Flips a bit, so that the checksum is wrong. */
static void flip(struct vhd_io *io, uint64_t off)
{
	uint8_t b;

	vhd1_image_get(io, &b, 1, off);
	b ^= 1;
	vhd1_image_put(io, &b, 1, off);
}

static void version(struct vhd_io *io)
{
	FOOTER(io, BOTH, f.version = 0x00020000);
}

static void type_5(struct vhd_io *io)
{
	FOOTER(io, BOTH, f.type = 5);
}

static void size_zero(struct vhd_io *io)
{
	FOOTER(io, BOTH, f.current_size = 0);
}

static void data_off_unaligned(struct vhd_io *io)
{
	FOOTER(io, BOTH, f.data_off = 513);
}

static void data_off_outside(struct vhd_io *io)
{
	FOOTER(io, BOTH, f.data_off = tail(io));
}

static void both_broken_differ(struct vhd_io *io)
{
	flip(io, 68);
	flip(io, tail(io) + 69);
}

static void both_broken_odd(struct vhd_io *io)
{
	flip(io, 100);
	flip(io, tail(io) + 100);
}

static void fixed_broken(struct vhd_io *io)
{
	flip(io, tail(io) + 68);
}

static void fixed_cut(struct vhd_io *io)
{
	FOOTER(io, FIRST, f.type = 2);
	vhd1_image_resize(io, tail(io));
}

static void fixed_short(struct vhd_io *io)
{
	FOOTER(io, SECOND, f.current_size += 512);
}

static void poison(struct vhd_io *io)
{
	vhd1_image_put(io, "v_poison", 8, 0);
	vhd1_image_put(io, "v_poison", 8, tail(io));
}

static void poison_first(struct vhd_io *io)
{
	vhd1_image_put(io, "v_poison", 8, 0);
}

static void poison_no_tail(struct vhd_io *io)
{
	vhd1_image_put(io, "v_poison", 8, 0);
	vhd1_image_resize(io, tail(io));
}

static void tap_old(struct vhd_io *io)
{
	FOOTER(io, BOTH, f.creator_version = 1);
}

static void tap_new(struct vhd_io *io)
{
	FOOTER(io, BOTH, f.creator_version = 0x00010004);
}

static void no_header(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 8, 512);
}

static void header_broken(struct vhd_io *io)
{
	flip(io, 512 + 800);
}

static void header_version(struct vhd_io *io)
{
	HEADER(io, h.version = 0x00010001);
}

static void block_size(struct vhd_io *io)
{
	HEADER(io, h.block_size = 3 << 19);
}

static void table_short(struct vhd_io *io)
{
	HEADER(io, h.max_entries = 3);
}

static void table_outside(struct vhd_io *io)
{
	HEADER(io, h.max_entries = UINT32_MAX);
}

static void table_overlaps(struct vhd_io *io)
{
	HEADER(io, h.table_off = 1024);
}

static const struct breach refused[] = {
	{ "VHD1_VERSION", &dynamic, version },
	{ "VHD1_VERSION", &fixed, version },
	{ "VHD1_DISK_TYPE", &dynamic, type_5 },
	{ "VHD1_SIZE_ZERO", &dynamic, size_zero },
	{ "VHD1_DATA_OFFSET", &dynamic, data_off_unaligned },
	{ "VHD1_DATA_OFFSET", &dynamic, data_off_outside },
	{ "VHD1_FOOTERS_BAD", &dynamic, both_broken_differ },
	{ "VHD1_FOOTERS_BAD", &dynamic, both_broken_odd },
	{ "VHD1_FOOTERS_BAD", &fixed, fixed_broken },
	{ "VHD1_FIXED_NO_FOOTER", &fixed, fixed_cut },
	{ "VHD1_FIXED_SHORT", &fixed, fixed_short },
	{ "VHD1_POISONED", &dynamic, poison },
	{ "VHD1_POISONED", &dynamic, poison_first },
	{ "VHD1_POISONED", &dynamic, poison_no_tail },
	{ "VHD1_TAP_VERSION", &xen, tap_old },
	{ "VHD1_TAP_VERSION", &xen, tap_new },
	{ "VHD1_HDR_COOKIE", &dynamic, no_header },
	{ "VHD1_HDR_CHECKSUM", &dynamic, header_broken },
	{ "VHD1_HDR_VERSION", &dynamic, header_version },
	{ "VHD1_BLOCK_SIZE", &dynamic, block_size },
	{ "VHD1_BAT_SHORT", &dynamic, table_short },
	{ "VHD1_BAT_PLACE", &dynamic, table_outside },
	{ "VHD1_BAT_OVERLAP", &dynamic, table_overlaps },
};

START_TEST(vhd1_open__broken_rules_refuse)
{
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct vhd_io *io = vhd1_image_new(refused[i].spec);
		struct vhd_error err = { 0 };
		bool ours = false;
		void *eng;

		refused[i].make(io);
		ck_assert_int_eq(vhd1_engine.probe(io, &ours, NULL), 0);
		ck_assert_msg(ours, "%s is not ours", refused[i].rule);
		ck_assert_int_lt(vhd1_image_open(io, &eng, NULL, &err), 0);
		ck_assert_ptr_nonnull(err.rule);
		ck_assert_str_eq(err.rule->name, refused[i].rule);
		vhd_io_close(&io, NULL);
	}
}
END_TEST

static void tail_zero(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 512, tail(io));
}

static void tail_cut(struct vhd_io *io)
{
	vhd1_image_resize(io, tail(io));
}

static void tail_broken(struct vhd_io *io)
{
	flip(io, tail(io) + 70);
}

static void tail_c7(struct vhd_io *io)
{
	vhd1_image_fill(io, 0xc7, 512, tail(io));
}

static void tail_ff(struct vhd_io *io)
{
	vhd1_image_fill(io, 0xff, 512, tail(io));
}

static void front_zero(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 512, 0);
}

static void front_broken(struct vhd_io *io)
{
	flip(io, 70);
}

static void copies_differ(struct vhd_io *io)
{
	FOOTER(io, FIRST, f.features = 3);
}

/* VHD-W-10: the trailing one is the newer. */
static void copy_older(struct vhd_io *io)
{
	FOOTER(io, FIRST, f.saved_state = 1);
}

static void copy_smaller(struct vhd_io *io)
{
	FOOTER(io, FIRST, f.current_size /= 2);
}

static void twins_broken(struct vhd_io *io)
{
	flip(io, 70);
	flip(io, tail(io) + 70);
}

static void minor(struct vhd_io *io)
{
	FOOTER(io, BOTH, f.version = 0x00010001);
}

static void size_odd(struct vhd_io *io)
{
	FOOTER(io, BOTH, f.current_size -= 100);
}

static void file_length(struct vhd_io *io)
{
	vhd1_image_resize(io, vhd1_image_size(io) + 7);
}

static void footer_511(struct vhd_io *io)
{
	vhd1_image_resize(io, vhd1_image_size(io) - 1);
}

static void header_moved(struct vhd_io *io)
{
	uint8_t raw[VHD1_HEADER_LEN];

	vhd1_image_footer(io, &f);
	vhd1_image_get(io, raw, sizeof(raw), 512);
	f.data_off = tail(io);
	vhd1_image_put(io, raw, sizeof(raw), f.data_off);
	vhd1_image_resize(io, vhd1_image_size(io) + 512);
	vhd1_image_set_footer(io, &f, BOTH);
}

static void header_next(struct vhd_io *io)
{
	HEADER(io, h.next_off = UINT32_MAX);
}

static void header_sum(struct vhd_io *io)
{
	flip(io, 512 + 39);
}

static void table_moved(struct vhd_io *io)
{
	uint8_t raw[16];

	vhd1_image_get(io, raw, sizeof(raw), 1536);
	vhd1_image_put(io, raw, sizeof(raw), 1537);
	HEADER(io, h.table_off = 1537);
}

static void no_batmap(struct vhd_io *io)
{
	vhd1_image_fill(io, 0, 8, 2048);
}

static void batmap_version(struct vhd_io *io)
{
	vhd1_image_fill(io, 9, 1, 2048 + 23);
}

static void key(struct vhd_io *io)
{
	vhd1_image_fill(io, 1, 1, 2048 + 29);
}

/* VHD-C-16: 2014-era QEMU. */
static void fixed_chs(struct vhd_io *io)
{
	FOOTER(io, SECOND,
	       f.geometry.cylinders++;
	       f.current_size = vhd1_geometry_size(f.geometry));
}

static const struct vhd1_image_spec small_blocks = {
	.type = VHD_TYPE_DYNAMIC, .size = 8 << 20, .block_size = 4096
};

static const struct breach reported[] = {
	{ "VHD1_FOOTER_MISSING", &dynamic, tail_zero },
	{ "VHD1_FOOTER_MISSING", &dynamic, tail_cut },
	{ "VHD1_FOOTER_MISSING", &dynamic, tail_broken },
	{ "VHD1_FOOTER_KILLED", &dynamic, tail_c7 },
	{ "VHD1_FOOTER_KILLED", &dynamic, tail_ff },
	{ "VHD1_COPY_MISSING", &dynamic, front_zero },
	{ "VHD1_COPY_MISSING", &dynamic, front_broken },
	{ "VHD1_FOOTERS_DIFFER", &dynamic, copies_differ },
	{ "VHD1_FOOTERS_STEP", &dynamic, copy_older },
	{ "VHD1_FOOTERS_STEP", &dynamic, copy_smaller },
	{ "VHD1_FOOTER_CHECKSUM", &dynamic, twins_broken },
	{ "VHD1_VERSION_MINOR", &dynamic, minor },
	{ "VHD1_VERSION_MINOR", &fixed, minor },
	{ "VHD1_SIZE_ODD", &dynamic, size_odd },
	{ "VHD1_FILE_LENGTH", &dynamic, file_length },
	{ "VHD1_FILE_LENGTH", &fixed, file_length },
	{ "VHD1_FOOTER_511", &dynamic, footer_511 },
	{ "VHD1_FOOTER_511", &fixed, footer_511 },
	{ "VHD1_DATA_OFFSET_ODD", &dynamic, header_moved },
	{ "VHD1_HDR_NEXT", &dynamic, header_next },
	{ "VHD1_HDR_CHECKSUM", &dynamic, header_sum },
	{ "VHD1_BAT_UNALIGNED", &dynamic, table_moved },
	{ "VHD1_BATMAP_BAD", &xen, no_batmap },
	{ "VHD1_BATMAP_BAD", &xen, batmap_version },
	{ "VHD1_KEYHASH", &xen, key },
	{ "VHD1_GEOMETRY_LARGE", &fixed, fixed_chs },
};

START_TEST(vhd1_open__tolerated_breaches_are_reported)
{
	size_t i;

	for (i = 0; i < sizeof(reported) / sizeof(reported[0]); i++) {
		struct vhd_io *io = vhd1_image_new(reported[i].spec);
		struct vhd_error err = { 0 };
		struct vhd1_seen seen;
		void *eng;

		reported[i].make(io);
		ck_assert_msg(!vhd1_image_open(io, &eng, &seen, &err),
			      "%s: %s", reported[i].rule, err.msg);
		ck_assert_uint_eq(seen.count, 1);
		ck_assert_str_eq(seen.name[0], reported[i].rule);
		vhd1_engine.close(eng);
		vhd_io_close(&io, NULL);
	}
}
END_TEST

START_TEST(vhd1_open__small_blocks_are_reported)
{
	struct vhd_io *io = vhd1_image_new(&small_blocks);
	struct vhd1_seen seen;
	void *eng;

	ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, NULL), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_BLOCK_SIZE_ODD"), 1);
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_open__sound_images_open_without_a_word)
{
	const struct vhd1_image_spec diff = VHD1_DIFF;
	const struct vhd1_image_spec *all[] = { &dynamic, &fixed, &xen,
						&diff };
	size_t i;

	for (i = 0; i < 4; i++) {
		struct vhd_io *io = vhd1_image_new(all[i]);
		struct vhd1_seen seen;
		void *eng;

		ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, NULL), 0);
		ck_assert_uint_eq(seen.count, 0);
		vhd1_engine.close(eng);
		vhd_io_close(&io, NULL);
	}
}
END_TEST

static uint64_t size_of(struct vhd_io *io, enum vhd_size_rule rule)
{
	struct vhd_engine_open req = { .io = io, .size_rule = rule };
	struct vhd_info *info = calloc(1, sizeof(*info));
	uint64_t size;
	void *eng;

	ck_assert_int_eq(vhd1_engine.open(&req, &eng, NULL), 0);
	vhd1_engine.info(eng, info);
	size = info->virtual_size;
	vhd1_engine.close(eng);
	free(info);
	return size;
}

/* VHD-C-15, VHD-C-16 */
START_TEST(vhd1_open__size_follows_the_rule_and_the_room)
{
	struct vhd_io *io = vhd1_image_new(&fixed);

	ck_assert_uint_eq(size_of(io, VHD_SIZE_CURRENT), 3 * MiB);
	ck_assert_uint_eq(size_of(io, VHD_SIZE_CHS), 90 * 4 * 17 * 512);
	ck_assert_uint_eq(size_of(io, VHD_SIZE_AUTO), 3 * MiB);
	FOOTER(io, SECOND, memcpy(f.creator_app, "vpc ", 4));
	ck_assert_uint_eq(size_of(io, VHD_SIZE_AUTO), 90 * 4 * 17 * 512);
	FOOTER(io, SECOND, f.geometry.cylinders = 91);
	ck_assert_uint_eq(size_of(io, VHD_SIZE_CHS), 3 * MiB);
	FOOTER(io, SECOND, f.geometry.cylinders = 0);
	ck_assert_uint_eq(size_of(io, VHD_SIZE_CHS), 3 * MiB);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_open__odd_sizes_are_cut_to_sectors)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);

	FOOTER(io, BOTH, f.current_size = 8 * MiB - 1);
	ck_assert_uint_eq(size_of(io, VHD_SIZE_CURRENT), 8 * MiB - 512);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHD-G-1: header at 4096, table at 8192. */
START_TEST(vhd1_open__header_may_lie_elsewhere)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = 8 << 20
	};
	struct vhd_io *io = vhd1_image_new(&spec);
	struct vhd_run run;
	uint8_t raw[VHD1_HEADER_LEN];
	void *eng;

	vhd1_image_header(io, &h);
	h.table_off = 8192;
	vhd1_header_encode(&h, raw);
	vhd1_image_footer(io, &f);
	vhd1_image_fill(io, 0, vhd1_image_size(io), 0);
	vhd1_image_put(io, raw, sizeof(raw), 4096);
	vhd1_image_fill(io, 0xff, 512, 8192);
	vhd1_image_resize(io, 8192 + 1024);
	f.data_off = 4096;
	vhd1_image_set_footer(io, &f, BOTH);
	ck_assert_int_eq(vhd1_image_open(io, &eng, NULL, NULL), 0);
	ck_assert_int_eq(vhd1_engine.map(eng, 0, 8 * MiB, &run, NULL), 0);
	ck_assert_uint_eq(run.len, 8 * MiB);
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN("vhd1/open",
	  vhd1_open__broken_rules_refuse,
	  vhd1_open__tolerated_breaches_are_reported,
	  vhd1_open__small_blocks_are_reported,
	  vhd1_open__sound_images_open_without_a_word,
	  vhd1_open__size_follows_the_rule_and_the_room,
	  vhd1_open__odd_sizes_are_cut_to_sectors,
	  vhd1_open__header_may_lie_elsewhere)
