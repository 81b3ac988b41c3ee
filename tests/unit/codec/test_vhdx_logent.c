/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/guid.h"
#include "codec/vhdx_logent.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"

#include <string.h>

enum { LOG_LEN = 1 << 20, SECTOR = VHDX_LOG_SECTOR };

static uint8_t entry[LOG_LEN];
static uint8_t page[SECTOR];
static struct vhd_guid log_guid;
static struct vhdx_log_hdr_disk *const hdr = (void *)entry;

/* A valid entry: a page and a range of zeros, for two targets. */
static void entry_make(void)
{
	struct vhdx_log_write w[2] = {
		{ .file_off = 3 * MiB, .page = page },
		{ .file_off = 8 * MiB, .zero_len = MiB },
	};
	struct vhdx_log_hdr h = {
		.tail_off = 0x1000, .seq = 0x123456789abcdef0,
		.flushed_file_off = 4 * MiB, .last_file_off = 36 * MiB,
	};

	vhd_guid_from_mixed(vhdx_image_log_guid, &log_guid);
	h.log_guid = log_guid;
	memset(entry, 0, sizeof(entry));
	for (size_t i = 0; i < SECTOR; i++)
		page[i] = (uint8_t)(i * 7 + 1);
	ck_assert_uint_eq(vhdx_log_entry_len(w, 2), 2 * SECTOR);
	vhdx_log_entry_encode(&h, w, 2, entry);
}

static void reseal(void)
{
	hdr->checksum = le32_make(0);
	hdr->checksum = le32_make(vhd_crc32c(0, entry,
					     le32_get(hdr->entry_len)));
}

static struct vhdx_log_desc_disk *desc(int i)
{
	return (struct vhdx_log_desc_disk *)(hdr + 1) + i;
}

/* The whole verification, as replay does it. */
static bool verify(void)
{
	struct vhdx_log_verify v;
	struct vhdx_log_hdr h;

	if (!vhdx_log_hdr_decode(entry, &log_guid, LOG_LEN, &h))
		return false;
	vhdx_log_verify_begin(&v, &h);
	for (uint32_t off = 0; off < h.len; off += SECTOR) {
		if (!vhdx_log_verify_sector(&v, entry + off))
			return false;
	}
	return vhdx_log_verify_end(&v);
}

START_TEST(vhdx_logent__what_is_encoded_is_valid_and_the_same)
{
	struct vhdx_log_hdr h;
	struct vhdx_log_desc d;
	uint8_t back[SECTOR];

	entry_make();
	ck_assert(verify());
	ck_assert(vhdx_log_hdr_decode(entry, &log_guid, LOG_LEN, &h));
	ck_assert_uint_eq(h.last_file_off, 36 * MiB);
	ck_assert_uint_eq(h.flushed_file_off, 4 * MiB);
	ck_assert_uint_eq(h.tail_off, 0x1000);
	ck_assert(vhdx_log_desc_decode(desc(1), h.seq, &d));
	ck_assert(d.zero);
	ck_assert_uint_eq(d.len, MiB);
	ck_assert(vhdx_log_desc_decode(desc(0), h.seq, &d));
	ck_assert(!d.zero);
	vhdx_log_page_restore(&d, entry + SECTOR, back);
	ck_assert_mem_eq(back, page, SECTOR);
}
END_TEST

/* Both builders of entries have to agree, in 13.7's third entry. */
START_TEST(vhdx_logent__encoding_gives_the_golden_entry)
{
	struct vhdx_log_write w = { .file_off = 3 * MiB, .page = page };
	struct vhdx_log_hdr h = {
		.tail_off = 0x1000, .seq = 0x100000003,
		.flushed_file_off = 4 * MiB, .last_file_off = 36 * MiB,
	};
	struct vhdx_image img;

	vhdx_image_init_dirty(&img);
	vhd_guid_from_mixed(vhdx_image_log_guid, &h.log_guid);
	memset(page, 0, sizeof(page));
	page[0] = 6;
	page[2] = 0x40;
	page[321 * 8] = 2;
	vhdx_log_entry_encode(&h, &w, 1, entry);
	ck_assert_uint_eq(le32_get(hdr->checksum), 0x4601486b);
	ck_assert_mem_eq(entry, vhdx_image_log_sector(&img, 0x3000),
			 2 * SECTOR);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_logent__any_changed_byte_makes_it_invalid)
{
	entry_make();
	for (size_t i = 0; i < 2 * SECTOR; i++) {
		entry[i] ^= 0x40;
		ck_assert(!verify());
		entry[i] ^= 0x40;
	}
	ck_assert(verify());
}
END_TEST

/* The sizes of vhdx.md 13.1. */
START_TEST(vhdx_logent__lengths_are_as_listed)
{
	static const uint32_t t[][2] = {
		{ 0, 4096 }, { 1, 8192 }, { 62, 258048 }, { 126, 520192 },
		{ 127, 528384 }, { 252, 1040384 }, { 254, 1048576 },
	};
	struct vhdx_log_write w[254];

	for (size_t i = 0; i < 254; i++)
		w[i] = (struct vhdx_log_write){ .page = page };
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		ck_assert_uint_eq(vhdx_log_entry_len(w, t[i][0]), t[i][1]);
	ck_assert_uint_eq(vhdx_log_desc_area(UINT32_MAX),
			  UINT64_C(0x2000000000) + 4096);
}
END_TEST

START_TEST(vhdx_logent__descriptors_may_fill_several_sectors)
{
	static struct vhdx_log_write w[254];
	struct vhdx_log_hdr h = { .seq = 9, .log_guid = log_guid };
	static const size_t counts[] = { 0, 125, 126, 127, 253, 254 };

	vhd_guid_from_mixed(vhdx_image_log_guid, &h.log_guid);
	log_guid = h.log_guid;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		for (size_t k = 0; k < counts[i]; k++)
			w[k] = (struct vhdx_log_write){
				.file_off = (4 + k) * MiB, .page = page };
		vhdx_log_entry_encode(&h, w, counts[i], entry);
		ck_assert(verify());
		for (size_t k = 0; k < counts[i]; k++)
			w[k] = (struct vhdx_log_write){
				.file_off = (4 + k) * MiB, .zero_len = MiB };
		vhdx_log_entry_encode(&h, w, counts[i], entry);
		ck_assert(verify());
	}
}
END_TEST

/* VHDX-LOG-20 (a) to (f), each broken alone under a fresh checksum. */
START_TEST(vhdx_logent__header_fields_are_checked)
{
	static const struct { size_t off; uint32_t value; } bad[] = {
		{ 0, 0x65676f6d }, { 8, 0 }, { 8, 8191 }, { 8, 4096 },
		{ 8, 12288 }, { 12, 512 }, { 12, LOG_LEN }, { 24, 0 },
		{ 24, 3 }, { 32, 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		le32 v = le32_make(bad[i].value);

		entry_make();
		memcpy(entry + bad[i].off, &v, 4);
		reseal();
		ck_assert(!verify());
	}
	entry_make();
	hdr->seq = le64_make(0);
	reseal();
	ck_assert(!verify());
}
END_TEST

/* VHDX-TST-11: numbers that would overflow if multiplied carelessly. */
START_TEST(vhdx_logent__hostile_counts_are_refused)
{
	static const uint32_t counts[] = { 0x08000000, 0x7ffffffe, UINT32_MAX };
	static const uint32_t lens[] = { 0xfffff000, LOG_LEN + 4096 };
	struct vhdx_log_hdr h;

	for (size_t i = 0; i < 3; i++) {
		entry_make();
		hdr->desc_count = le32_make(counts[i]);
		ck_assert(!vhdx_log_hdr_decode(entry, &log_guid, LOG_LEN, &h));
	}
	for (size_t i = 0; i < 2; i++) {
		entry_make();
		hdr->entry_len = le32_make(lens[i]);
		ck_assert(!vhdx_log_hdr_decode(entry, &log_guid, LOG_LEN, &h));
	}
}
END_TEST

/* VHDX-LOG-20 (g) */
START_TEST(vhdx_logent__descriptors_are_checked)
{
	entry_make();
	desc(0)->signature[0] = 'x';
	reseal();
	ck_assert(!verify());
	entry_make();
	desc(1)->seq = le64_make(1);
	reseal();
	ck_assert(!verify());
	entry_make();
	desc(0)->file_off = le64_make(3 * MiB + 512);
	reseal();
	ck_assert(!verify());
	entry_make();
	desc(1)->u.zero_len = le64_make(MiB + 512);
	reseal();
	ck_assert(!verify());
	entry_make();
	desc(1)->u.zero_len = le64_make(UINT64_MAX & ~UINT64_C(4095));
	reseal();
	ck_assert(!verify());
	entry_make();
	desc(0)->file_off = le64_make(UINT64_MAX & ~UINT64_C(4095));
	reseal();
	ck_assert(!verify());
}
END_TEST

/* VHDX-LOG-20 (i) */
START_TEST(vhdx_logent__data_sectors_are_checked)
{
	struct vhdx_log_data_disk *d = (void *)(entry + SECTOR);

	entry_make();
	d->signature[3] = 'b';
	reseal();
	ck_assert(!verify());
	entry_make();
	d->seq_high.b[0] ^= 1;
	reseal();
	ck_assert(!verify());
	entry_make();
	d->seq_low.b[0] ^= 1;
	reseal();
	ck_assert(!verify());
}
END_TEST

/* VHDX-LOG-20 (k) */
START_TEST(vhdx_logent__a_reserved_field_is_only_noted)
{
	struct vhdx_log_hdr h;

	entry_make();
	hdr->reserved = le32_make(1);
	reseal();
	ck_assert(verify());
	ck_assert(vhdx_log_hdr_decode(entry, &log_guid, LOG_LEN, &h));
	ck_assert(h.reserved_set);
}
END_TEST

TEST_MAIN("codec/vhdx_logent",
	  vhdx_logent__what_is_encoded_is_valid_and_the_same,
	  vhdx_logent__encoding_gives_the_golden_entry,
	  vhdx_logent__any_changed_byte_makes_it_invalid,
	  vhdx_logent__lengths_are_as_listed,
	  vhdx_logent__descriptors_may_fill_several_sectors,
	  vhdx_logent__header_fields_are_checked,
	  vhdx_logent__hostile_counts_are_refused,
	  vhdx_logent__descriptors_are_checked,
	  vhdx_logent__data_sectors_are_checked,
	  vhdx_logent__a_reserved_field_is_only_noted)
