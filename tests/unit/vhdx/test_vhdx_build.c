/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ckd.h"
#include "base/guid.h"
#include "base/zero.h"
#include "codec/vhdx_batent.h"
#include "codec/vhdx_geom.h"
#include "codec/vhdx_header.h"
#include "codec/vhdx_locator.h"
#include "codec/vhdx_meta.h"
#include "codec/vhdx_region.h"
#include "io/io_fault.h"
#include "io/io_mem.h"
#include "io/io_record.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"
#include "vhd/ops.h"
#include "vhdx/vhdx_build.h"

#include <stdio.h>
#include <string.h>

static struct vhd_io *io;
static struct vhd_error err;
static struct vhd_build what;

static void begin(enum vhd_type type, uint64_t size)
{
	what = (struct vhd_build){ .type = type, .virtual_size = size,
				   .timestamp = 1 };
	vhd_guid_parse("66666666-7777-8888-9999-aaaaaaaaaaaa", &what.seed);
	if (type == VHD_TYPE_DIFF) {
		vhd_guid_parse("66666666-7777-8888-9999-aaaaaaaaaaaa",
			       &what.parent_id);
		vhd_guid_parse("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
			       &what.parent_disk_id);
		what.parent_relative = "g1.vhdx";
	}
	vhd_io_close(&io, NULL);
	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
}

/* A new file that notes in @trace what is done to it. */
static void recorder_begin(struct vhd_trace *trace)
{
	vhd_io_close(&io, NULL);
	ck_assert_int_eq(vhd_io_new(&vhd_record_ops,
				    vhd_record_new(&vhd_mem_ops,
						   vhd_mem_new(NULL, 0),
						   trace),
				    "x", &io, NULL), 0);
}

/* Builds an image with nothing in it. */
static int build(void)
{
	void *bld = NULL;
	int rc = vhdx_build(io, &what, &bld, &err);

	if (!rc)
		rc = vhdx_build_finish(bld, &err);
	vhdx_build_discard(bld);
	return rc;
}

static void read_at(void *buf, size_t len, uint64_t off)
{
	ck_assert_int_eq(vhd_io_read(io, buf, len, off, NULL), 0);
}

static uint64_t entry(uint64_t idx)
{
	le64 raw;

	read_at(&raw, sizeof(raw), 3 * MiB + 8 * idx);
	return le64_get(raw);
}

static uint64_t file_size(void)
{
	uint64_t size;

	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	return size;
}

/* Bytes that differ from the golden image: identities, creator, checksums. */
static void blank_identities(uint8_t *file)
{
	memset(file + 8, 0, 512);
	for (size_t at = 0x10000; at <= 0x20000; at += 0x10000) {
		memset(file + at + 4, 0, 4);
		memset(file + at + 16, 0, 32);
	}
	memset(file + 0x210018, 0, 16);
}

static void assert_like_golden(const struct vhdx_image_spec *spec)
{
	struct vhdx_image img;
	uint8_t *file;

	vhdx_image_init(&img, spec);
	ck_assert_uint_eq(file_size(), img.len);
	file = malloc(img.len);
	ck_assert_ptr_nonnull(file);
	read_at(file, img.len, 0);
	blank_identities(file);
	blank_identities(img.bytes);
	ck_assert_mem_eq(file, img.bytes, img.len);
	free(file);
	vhdx_image_free(&img);
}

/* VHDX-NEW-01: all but identities is the image of vhdx.md 18.1. */
START_TEST(vhdx_build__dynamic_disk_is_the_golden_one)
{
	begin(VHD_TYPE_DYNAMIC, 10 * GiB);
	ck_assert_int_eq(build(), 0);
	assert_like_golden(NULL);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHDX-NEW-06: and that of 18.2. */
START_TEST(vhdx_build__differencing_disk_is_the_golden_one)
{
	struct vhdx_image_spec spec = { .has_parent = true,
					.block_size = 2 << 20 };

	begin(VHD_TYPE_DIFF, 10 * GiB);
	ck_assert_int_eq(build(), 0);
	assert_like_golden(&spec);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhdx_build__identities_derive_from_the_seed)
{
	uint8_t first[4096], second[4096], ident[520];
	char creator[VHDX_CREATOR_ROOM], want[64];
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_headers hs;
	struct vhd_guid id;

	begin(VHD_TYPE_DYNAMIC, 10 * GiB);
	ck_assert_int_eq(build(), 0);
	read_at(first, sizeof(first), VHDX_HEADER1_OFF);
	read_at(second, sizeof(second), VHDX_HEADER2_OFF);
	read_at(ident, sizeof(ident), 0);
	ck_assert_int_eq(vhdx_headers_decode(first, second, &hs, &notes),
			 VHD_RULE_NONE);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert_uint_eq(hs.hdr[0].seq, 0);
	ck_assert_uint_eq(hs.hdr[1].seq, 1);
	ck_assert(vhd_guid_is_zero(&hs.hdr[1].log_guid));
	ck_assert(vhd_guid_equal(&hs.hdr[1].data_write_guid, &what.seed));
	vhd_guid_derive(&what.seed, 1, &id);
	ck_assert(vhd_guid_equal(&hs.hdr[1].file_write_guid, &id));
	ck_assert(vhdx_creator_decode(ident, creator));
	snprintf(want, sizeof(want), "libvhd %s", vhd_version_string());
	ck_assert_str_eq(creator, want);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHDX-NEW-05: more than one chunk, so that bitmap slots are in between. */
START_TEST(vhdx_build__fixed_disk_has_all_blocks_and_empty_bitmap_slots)
{
	struct vhdx_geom g;
	uint64_t base = 4 * MiB;

	begin(VHD_TYPE_FIXED, 9 * GiB + 512);
	what.block_size = MiB;
	ck_assert_int_eq(build(), 0);
	vhdx_geom_init(&g, 9 * GiB + 512, 1 << 20, 512);
	ck_assert_uint_eq(file_size(), base + 9217 * MiB);
	for (uint64_t idx = 0; idx < 4 * MiB / 8 / 4; idx++) {
		uint64_t want = 0;

		if (idx < vhdx_geom_entries(&g, false) &&
		    !vhdx_bat_idx_is_bitmap(&g, idx))
			want = base + vhdx_blk_of_bat_idx(&g, idx) * MiB + 6;
		ck_assert_uint_eq(entry(idx), want);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhdx_build__fixed_disk_places_in_one_piece)
{
	uint64_t at, len;
	void *bld;

	begin(VHD_TYPE_FIXED, 5 * GiB);
	ck_assert_int_eq(vhdx_build(io, &what, &bld, NULL), 0);
	ck_assert_int_eq(vhdx_build_place(bld, 12345, &at, &len, NULL), 0);
	ck_assert_uint_eq(at, 4 * MiB + 12345);
	ck_assert_uint_eq(len, 5 * GiB - 12345);
	vhdx_build_discard(bld);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhdx_build__dynamic_disk_places_blocks_as_they_come)
{
	uint64_t at, len;
	void *bld;

	begin(VHD_TYPE_DYNAMIC, 10 * GiB - 512);
	ck_assert_int_eq(vhdx_build(io, &what, &bld, NULL), 0);
	ck_assert_int_eq(vhdx_build_place(bld, 5 * GiB + 7, &at, &len, NULL),
			 0);
	ck_assert_uint_eq(at, 4 * MiB + 7);
	ck_assert_uint_eq(len, 32 * MiB - 7);
	ck_assert_int_eq(vhdx_build_place(bld, 10 * GiB - 513, &at, &len,
					  NULL), 0);
	ck_assert_uint_eq(at, 68 * MiB - 513);
	ck_assert_uint_eq(len, 1);
	ck_assert_int_eq(vhdx_build_place(bld, 5 * GiB, &at, &len, NULL), 0);
	ck_assert_uint_eq(at, 4 * MiB);
	ck_assert_int_eq(vhdx_build_finish(bld, NULL), 0);
	vhdx_build_discard(bld);
	ck_assert_uint_eq(file_size(), 68 * MiB);
	ck_assert_uint_eq(entry(160 + 1), 0x400006);
	ck_assert_uint_eq(entry(319 + 2), 0x2400006);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhdx_build__table_larger_than_the_cache_is_complete)
{
	uint64_t at, len, count = 64 * TiB / (256 * MiB);
	void *bld;

	begin(VHD_TYPE_DYNAMIC, 64 * TiB);
	what.block_size = 256 * MiB;
	ck_assert_int_eq(vhdx_build(io, &what, &bld, NULL), 0);
	for (uint64_t i = 0; i < count / 8; i++) {
		uint64_t blk = i * 40503 % count;

		ck_assert_int_eq(vhdx_build_place(bld, blk * 256 * MiB, &at,
						  &len, NULL), 0);
		ck_assert_uint_eq(at, 6 * MiB + i * 256 * MiB);
	}
	ck_assert_int_eq(vhdx_build_finish(bld, NULL), 0);
	vhdx_build_discard(bld);
	for (uint64_t i = 0; i < count / 8; i++) {
		uint64_t blk = i * 40503 % count;

		ck_assert_uint_eq(entry(blk + blk / 16),
				  6 * MiB + i * 256 * MiB + 6);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

/* A 513 MiB table that is all zeros is a hole. */
START_TEST(vhdx_build__largest_empty_disk_writes_little)
{
	struct vhd_trace *trace = vhd_trace_new();
	uint64_t written = 0;

	begin(VHD_TYPE_DYNAMIC, 64 * TiB);
	what.block_size = MiB;
	recorder_begin(trace);
	ck_assert_int_eq(build(), 0);
	ck_assert_uint_eq(file_size(), 516 * MiB);
	for (size_t i = 0; i < vhd_trace_count(trace); i++) {
		const struct vhd_trace_op *op = vhd_trace_op(trace, i);

		if (op->kind == VHD_TRACE_WRITE)
			written += op->len;
	}
	ck_assert_uint_lt(written, 64 * KiB);
	vhd_io_close(&io, NULL);
	vhd_trace_free(trace);
}
END_TEST

/* VHDX-NEW-02: no part of the work leaves a file that claims to be done. */
START_TEST(vhdx_build__identifier_is_written_last)
{
	struct vhd_trace *trace = vhd_trace_new();
	const struct vhd_trace_op *op;

	begin(VHD_TYPE_DYNAMIC, GiB);
	recorder_begin(trace);
	ck_assert_int_eq(build(), 0);
	for (size_t i = 0; i < vhd_trace_count(trace); i++) {
		op = vhd_trace_op(trace, i);
		if (op->kind == VHD_TRACE_WRITE && op->off == 0)
			ck_assert_uint_eq(i, vhd_trace_count(trace) - 1);
	}
	vhd_io_close(&io, NULL);
	vhd_trace_free(trace);
}
END_TEST

START_TEST(vhdx_build__preallocated_disk_reserves_the_whole_file)
{
	struct vhd_trace *trace = vhd_trace_new();
	bool reserved = false;

	begin(VHD_TYPE_FIXED, 64 * MiB);
	recorder_begin(trace);
	what.block_size = 2 * MiB;
	what.flags = VHD_CREATE_PREALLOCATE;
	ck_assert_int_eq(build(), 0);
	for (size_t i = 0; i < vhd_trace_count(trace); i++) {
		const struct vhd_trace_op *op = vhd_trace_op(trace, i);

		if (op->kind == VHD_TRACE_ZERO && op->off == 0 &&
		    op->len == 68 * MiB)
			reserved = true;
		if (op->kind == VHD_TRACE_WRITE)
			ck_assert(reserved);
	}
	ck_assert(reserved);
	vhd_io_close(&io, NULL);
	vhd_trace_free(trace);
}
END_TEST

START_TEST(vhdx_build__impossible_disks_are_refused)
{
	begin(VHD_TYPE_DYNAMIC, GiB);
	what.block_size = 3 * MiB;
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.block_size = 512 * KiB;
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.block_size = 512 * MiB;
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.block_size = 0;
	what.logical_sector = 1024;
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.logical_sector = 4096;
	what.physical_sector = 512;
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.physical_sector = 0;
	what.virtual_size = GiB + 512;
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.virtual_size = 0;
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.virtual_size = 64 * TiB + 4096;
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.virtual_size = GiB;
	ck_assert_int_eq(build(), 0);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhdx_build__impossible_parents_are_refused)
{
	begin(VHD_TYPE_DIFF, GiB);
	what.parent_raw = true;
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.parent_raw = false;
	what.parent_relative = NULL;
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.parent_windows = "vm\\p.vhdx";
	ck_assert_int_eq(build(), VHD_E_INVAL);
	what.parent_windows = "C:\\p.vhdx";
	ck_assert_int_eq(build(), 0);
	what.parent_id = (struct vhd_guid){ { 0 } };
	ck_assert_int_eq(build(), VHD_E_INVAL);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHDX-PATH-08 */
START_TEST(vhdx_build__names_windows_cannot_write_are_refused)
{
	static const char *const bad[] = {
		"a\\b", "c:d", "x*", "x?", "a\"b", "<", ">", "|", "dot.",
		"space ", "/abs/olute", "a//b", "a/", "", "tab\t", "\xff",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		begin(VHD_TYPE_DIFF, GiB);
		what.parent_relative = bad[i];
		ck_assert_int_eq(build(), VHD_E_INVAL);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

/* What the locator of the built file says under a key. */
static void path_of(enum vhdx_key key, char *text)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	static uint8_t table[VHDX_META_TABLE_LEN], item[65536];
	struct vhdx_meta_table t;
	struct vhdx_locator loc;
	struct vhdx_meta_place *p = &t.item[VHDX_ITEM_LOCATOR];

	read_at(table, sizeof(table), 2 * MiB);
	ck_assert_int_eq(vhdx_meta_table_decode(table, MiB, &t, &notes),
			 VHD_RULE_NONE);
	read_at(item, p->len, 2 * MiB + p->off);
	ck_assert_int_eq(vhdx_locator_decode(item, p->len, &loc, &notes),
			 VHD_RULE_NONE);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert_uint_ne(loc.value[key].len, 0);
	ck_assert(vhdx_locator_text(&loc, &loc.value[key], text));
}

/* VHDX-PATH-07, VHDX-PAR-16 */
START_TEST(vhdx_build__paths_are_recorded_in_the_form_of_windows)
{
	static const char *const t[][4] = {
		{ "p.vhdx", ".\\p.vhdx", "C:\\vm\\p.vhdx",
		  "\\\\?\\C:\\vm\\p.vhdx" },
		{ "../a b/p.vhdx", "..\\a b\\p.vhdx", "c:/vm/p.vhdx",
		  "\\\\?\\c:\\vm\\p.vhdx" },
		{ "d/\xc3\xa4.vhdx", ".\\d\\\xc3\xa4.vhdx",
		  "\\\\srv\\share\\p", "\\\\?\\UNC\\srv\\share\\p" },
		{ "...x", ".\\...x", "\\\\?\\D:\\p", "\\\\?\\D:\\p" },
	};
	char text[1024];

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		begin(VHD_TYPE_DIFF, GiB);
		what.parent_relative = t[i][0];
		what.parent_windows = t[i][2];
		ck_assert_int_eq(build(), 0);
		path_of(VHDX_KEY_RELATIVE, text);
		ck_assert_str_eq(text, t[i][1]);
		path_of(VHDX_KEY_ABSOLUTE, text);
		ck_assert_str_eq(text, t[i][3]);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhdx_build__places_only_what_lies_in_the_disk)
{
	uint64_t at, len;
	void *bld;

	begin(VHD_TYPE_DYNAMIC, GiB);
	ck_assert_int_eq(vhdx_build(io, &what, &bld, NULL), 0);
	ck_assert_int_eq(vhdx_build_place(bld, GiB, &at, &len, &err),
			 VHD_E_RANGE);
	ck_assert_int_eq(vhdx_build_place(bld, UINT64_MAX, &at, &len, &err),
			 VHD_E_RANGE);
	vhdx_build_discard(bld);
	begin(VHD_TYPE_DIFF, GiB);
	ck_assert_int_eq(vhdx_build(io, &what, &bld, NULL), 0);
	ck_assert_int_eq(vhdx_build_place(bld, 0, &at, &len, &err),
			 VHD_E_INVAL);
	vhdx_build_discard(bld);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhdx_build__each_failing_write_is_reported)
{
	struct vhd_fault_plan plan = {
		.kinds = VHD_FAULT_READ | VHD_FAULT_WRITE | VHD_FAULT_SIZE |
			 VHD_FAULT_ZERO,
		.os_errno = 28,
	};
	int rc = -1;

	for (plan.fail_at = 1; rc; plan.fail_at++) {
		begin(VHD_TYPE_DIFF, GiB);
		vhd_io_close(&io, NULL);
		plan.calls = 0;
		ck_assert_int_eq(vhd_io_new(&vhd_fault_ops,
					    vhd_fault_new(&vhd_mem_ops,
							  vhd_mem_new(NULL, 0),
							  &plan),
					    "x", &io, NULL), 0);
		rc = build();
		if (rc)
			ck_assert_int_eq(rc, VHD_E_NOSPACE);
	}
	ck_assert_uint_gt(plan.fail_at, 8);
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN("vhdx/build", vhdx_build__dynamic_disk_is_the_golden_one,
	  vhdx_build__differencing_disk_is_the_golden_one,
	  vhdx_build__identities_derive_from_the_seed,
	  vhdx_build__fixed_disk_has_all_blocks_and_empty_bitmap_slots,
	  vhdx_build__fixed_disk_places_in_one_piece,
	  vhdx_build__dynamic_disk_places_blocks_as_they_come,
	  vhdx_build__table_larger_than_the_cache_is_complete,
	  vhdx_build__largest_empty_disk_writes_little,
	  vhdx_build__identifier_is_written_last,
	  vhdx_build__preallocated_disk_reserves_the_whole_file,
	  vhdx_build__impossible_disks_are_refused,
	  vhdx_build__impossible_parents_are_refused,
	  vhdx_build__names_windows_cannot_write_are_refused,
	  vhdx_build__paths_are_recorded_in_the_form_of_windows,
	  vhdx_build__places_only_what_lies_in_the_disk,
	  vhdx_build__each_failing_write_is_reported)
