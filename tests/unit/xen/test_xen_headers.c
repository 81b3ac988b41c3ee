/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Headers as they are stored, and where an image ends.  Whatever is in a file, what
 * is shown of it is inside it and text ends; the numbers are those of a sound
 * image with one thing broken.
 */
#include "codec/vhd1_batmap.h"
#include "support/base_rand.h"
#include "support/check_main.h"
#include "support/vhd1_image.h"
#include "vhd/vhd.h"
#include "xen/xen_headers.h"

#include <string.h>

static struct vhd_io *io;
static struct vhd_xen_headers h;

static void make(const struct vhd1_image_spec *spec)
{
	vhd_io_close(&io, NULL);
	io = vhd1_image_new(spec);
}

static int look(uint64_t base, uint64_t len, uint32_t flags)
{
	struct vhd_error err;

	memset(&h, 0xa5, sizeof(h));
	h.size = sizeof(h);
	return vhd_xen_headers_read(io, base, len, flags, &h, &err);
}

static void look_ok(void)
{
	ck_assert_int_eq(look(0, 0, 0), 0);
}

enum {
	ALL = VHD_XEN_TAIL | VHD_XEN_FRONT | VHD_XEN_HEADER |
	      VHD_XEN_TAIL_SOUND | VHD_XEN_FRONT_SOUND | VHD_XEN_HEADER_SOUND
};

START_TEST(xen_headers__fields_of_a_child_are_shown)
{
	static const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DIFF, .size = 16 << 20, .blocks = 1,
		.xen = true, .parent = "p\xc3\xa4%41 x.vhd"
	};

	make(&spec);
	look_ok();
	ck_assert_uint_eq(h.have, ALL | VHD_XEN_BATMAP | VHD_XEN_MAP_SUM);
	ck_assert_uint_eq(h.footer, VHD_XEN_TAIL);
	ck_assert_uint_eq(h.file_size, vhd1_image_size(io));
	ck_assert_uint_eq(h.tail_off, h.file_size - 512);
	ck_assert_mem_eq(h.tail.cookie, "conectix", 8);
	ck_assert_mem_eq(&h.tail, &h.front, sizeof(h.tail));
	ck_assert_uint_eq(h.tail.current_size, 16 << 20);
	ck_assert_uint_eq(h.tail.type, 4);
	ck_assert_int_eq(h.tail.timestamp, 946684800 + 0x2d000100);
	ck_assert_uint_eq(h.tail.sum, h.tail.checksum);
	ck_assert(h.tail.blank);
	ck_assert_uint_eq(h.header.table_off, 1536);
	ck_assert_uint_eq(h.header.max_entries, 8);
	ck_assert_uint_eq(h.header.block_size, 2 << 20);
	ck_assert(h.header.name_readable);
	ck_assert_str_eq(h.header.parent_name, "p\xc3\xa4%41 x.vhd");
	ck_assert_uint_eq(h.header.locator[0].code, 0x4d616358);
	for (int i = 0; i < 3; i++) {
		ck_assert(h.header.locator[i].readable);
		ck_assert_str_eq(h.header.locator[i].text,
				 "./p\xc3\xa4%41 x.vhd");
	}
	ck_assert_uint_eq(h.header.locator[3].code, 0);
	ck_assert_uint_eq(h.batmap.header_off, 2048);
	ck_assert_uint_eq(h.batmap.map_off, 2560);
	ck_assert_uint_eq(h.batmap.sum, h.batmap.checksum);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__fast_reads_only_the_front)
{
	static const struct vhd1_image_spec spec = VHD1_XEN;
	struct vhd_io_stats before, after;

	make(&spec);
	vhd1_image_fill(io, 0, 512, vhd1_image_size(io) - 512);
	vhd_io_stats(io, &before);
	ck_assert_int_eq(look(0, 0, VHD_XEN_FAST), 0);
	vhd_io_stats(io, &after);
	ck_assert_uint_eq(after.reads - before.reads, 1);
	ck_assert_uint_eq(after.read_bytes - before.read_bytes, 1536);
	ck_assert_uint_eq(h.have, VHD_XEN_FRONT | VHD_XEN_FRONT_SOUND |
				  VHD_XEN_HEADER | VHD_XEN_HEADER_SOUND);
	ck_assert_uint_eq(h.footer, VHD_XEN_FRONT);
	ck_assert(!h.header.locator[0].readable);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__an_image_may_begin_anywhere)
{
	static const struct vhd1_image_spec spec = VHD1_DIFF;
	static uint8_t copy[64 << 10];
	struct vhd_xen_headers plain;

	make(&spec);
	look_ok();
	plain = h;
	vhd1_image_get(io, copy, sizeof(copy), 0);
	vhd1_image_fill(io, 0xff, 4096, 0);
	vhd1_image_put(io, copy, sizeof(copy), 4096);
	ck_assert_int_eq(look(4096, 1 << 20, 0), 0);
	ck_assert_uint_eq(h.file_size, 1 << 20);
	ck_assert_uint_eq(h.footer, VHD_XEN_FRONT);
	ck_assert_mem_eq(&h.header, &plain.header, sizeof(h.header));
	/* More than there is; and behind the end. */
	ck_assert_int_eq(look(4096, UINT64_MAX, VHD_XEN_FAST), 0);
	ck_assert_uint_eq(h.file_size, vhd1_image_size(io) - 4096);
	ck_assert_int_eq(look(UINT64_MAX, UINT64_MAX, VHD_XEN_FAST),
			 VHD_E_INVAL);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__the_first_sound_footer_counts)
{
	static const struct vhd1_image_spec spec = VHD1_XEN;
	uint64_t tail;

	make(&spec);
	tail = vhd1_image_size(io) - 512;
	vhd1_image_fill(io, 0xff, 1, tail + 40);
	look_ok();
	ck_assert_uint_eq(h.footer, VHD_XEN_FRONT);
	ck_assert(h.have & VHD_XEN_TAIL);
	ck_assert_uint_ne(h.tail.sum, h.tail.checksum);
	ck_assert(h.have & VHD_XEN_BATMAP);
	vhd1_image_fill(io, 0xff, 1, 40);
	look_ok();
	ck_assert_uint_eq(h.footer, 0);
	/* In its usual place the header is seen all the same. */
	ck_assert(h.have & VHD_XEN_HEADER_SOUND);
	ck_assert(!(h.have & VHD_XEN_BATMAP));
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__a_footer_of_511_bytes_counts)
{
	static const struct vhd1_image_spec spec = VHD1_DYNAMIC;

	make(&spec);
	vhd1_image_resize(io, vhd1_image_size(io) - 1);
	look_ok();
	ck_assert_uint_eq(h.footer, VHD_XEN_TAIL);
	ck_assert_uint_eq(h.tail_off, h.file_size - 511);
	vhd1_image_fill(io, 0xff, 1, h.tail_off);
	look_ok();
	ck_assert_uint_eq(h.footer, VHD_XEN_FRONT);
	ck_assert_uint_eq(h.tail_off, h.file_size - 512);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__poison_is_sound)
{
	static const struct vhd1_image_spec spec = VHD1_XEN;
	uint8_t raw[512];
	uint32_t sum;

	make(&spec);
	vhd1_image_get(io, raw, sizeof(raw), 0);
	memcpy(raw, "v_poison", 8);
	sum = vhd1_checksum(raw, sizeof(raw), 64);
	for (int i = 0; i < 4; i++)
		raw[64 + i] = (uint8_t)(sum >> (24 - 8 * i));
	vhd1_image_put(io, raw, sizeof(raw), vhd1_image_size(io) - 512);
	look_ok();
	ck_assert_uint_eq(h.footer, VHD_XEN_TAIL);
	ck_assert_mem_eq(h.tail.cookie, "v_poison", 8);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__a_fixed_disk_has_a_footer_only)
{
	static const struct vhd1_image_spec spec = VHD1_FIXED;

	make(&spec);
	look_ok();
	ck_assert_uint_eq(h.footer, VHD_XEN_TAIL);
	ck_assert(!(h.have & (VHD_XEN_HEADER | VHD_XEN_BATMAP |
			      VHD_XEN_FRONT_SOUND)));
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__what_leads_out_of_the_file_is_left_out)
{
	static const struct vhd1_image_spec spec = VHD1_DIFF;
	static const uint64_t bad[] = {
		0, 1, UINT64_MAX, UINT64_MAX - 4, INT64_MAX, UINT64_C(1) << 40
	};
	struct vhd1_header hdr;
	struct vhd1_footer f;

	make(&spec);
	vhd1_image_header(io, &hdr);
	for (size_t i = 2; i < sizeof(bad) / sizeof(bad[0]); i++) {
		hdr.locator[0].off = bad[i];
		hdr.locator[1].len = (uint32_t)bad[i];
		vhd1_image_set_header(io, &hdr);
		look_ok();
		ck_assert(h.have & VHD_XEN_HEADER_SOUND);
		ck_assert(!h.header.locator[0].readable);
		ck_assert_uint_eq(h.header.locator[0].off, bad[i]);
		if (hdr.locator[1].len)
			ck_assert(!h.header.locator[1].readable);
	}
	vhd1_image_footer(io, &f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f.data_off = bad[i];
		vhd1_image_set_footer(io, &f, 3);
		look_ok();
		ck_assert(!(h.have & VHD_XEN_HEADER_SOUND));
		ck_assert_uint_eq(h.tail.data_off, bad[i]);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__names_that_are_no_text_are_not_readable)
{
	static const struct vhd1_image_spec spec = VHD1_DIFF;
	struct vhd1_header hdr;

	make(&spec);
	vhd1_image_header(io, &hdr);
	hdr.parent_name[0] = 0xdc;
	hdr.locator[2].code = 0x4d616320;
	vhd1_image_fill(io, 0xd8, hdr.locator[0].len, hdr.locator[0].off);
	vhd1_image_fill(io, 0, hdr.locator[1].len, hdr.locator[1].off);
	vhd1_image_set_header(io, &hdr);
	look_ok();
	ck_assert(!h.header.name_readable);
	for (int i = 0; i < 3; i++)
		ck_assert(!h.header.locator[i].readable);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__a_map_that_is_not_there_is_not_summed)
{
	static const struct vhd1_image_spec spec = VHD1_XEN;
	struct vhd1_footer f;
	uint8_t raw[512];

	make(&spec);
	look_ok();
	vhd1_image_get(io, raw, sizeof(raw), h.batmap.header_off);
	memset(raw + 8, 0x7f, 8);
	vhd1_image_put(io, raw, sizeof(raw), h.batmap.header_off);
	look_ok();
	ck_assert_uint_eq(h.have & (VHD_XEN_BATMAP | VHD_XEN_MAP_SUM),
			  VHD_XEN_BATMAP);
	/* Nor one for a disk that cannot be. */
	make(&spec);
	vhd1_image_footer(io, &f);
	f.current_size = UINT64_MAX;
	vhd1_image_set_footer(io, &f, 3);
	look_ok();
	ck_assert_uint_eq(h.have & (VHD_XEN_BATMAP | VHD_XEN_MAP_SUM),
			  VHD_XEN_BATMAP);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__short_files_give_what_they_have)
{
	static const struct vhd1_image_spec spec = VHD1_DIFF;
	static uint8_t front[8192];

	make(&spec);
	vhd1_image_get(io, front, sizeof(front), 0);
	for (uint64_t len = sizeof(front); len--; ) {
		int rc;

		vhd1_image_resize(io, len);
		rc = look(0, 0, 0);
		ck_assert_int_eq(rc, len < 511 ? VHD_E_CORRUPT : 0);
		if (rc)
			continue;
		ck_assert_int_eq(!(h.have & VHD_XEN_FRONT), len < 512);
		ck_assert_int_eq(!(h.have & VHD_XEN_HEADER), len < 1536);
	}
	vhd_io_close(&io, NULL);
}
END_TEST

/* What holds whatever is in the file. */
static void sane(void)
{
	ck_assert_uint_le(h.tail_off, h.file_size);
	ck_assert_ptr_nonnull(memchr(h.header.parent_name, 0,
				     sizeof(h.header.parent_name)));
	for (int i = 0; i < 8; i++) {
		const struct vhd_xen_locator *loc = &h.header.locator[i];

		ck_assert_ptr_nonnull(memchr(loc->text, 0,
					     sizeof(loc->text)));
		ck_assert(!loc->readable || loc->text[0]);
	}
}

START_TEST(xen_headers__damaged_bytes_never_lead_astray)
{
	static const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DIFF, .size = 16 << 20, .xen = true
	};
	static uint8_t good[8192], bad[8192];
	uint64_t seed = 8, size;

	make(&spec);
	size = vhd1_image_size(io);
	vhd1_image_get(io, good, (size_t)size, 0);
	for (int i = 0; i < 5000; i++) {
		memcpy(bad, good, sizeof(bad));
		for (int n = 1 + i % 8; n--; )
			bad[base_rand_below(&seed, size)] =
				(uint8_t)base_rand(&seed);
		vhd1_image_put(io, bad, (size_t)size, 0);
		look_ok();
		sane();
		ck_assert_int_eq(look(0, 0, VHD_XEN_FAST), 0);
		sane();
	}
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(xen_headers__callers_with_a_shorter_struct_get_that_much)
{
	static const struct vhd1_image_spec spec = VHD1_DYNAMIC;
	struct vhd_error err;

	make(&spec);
	memset(&h, 0xa5, sizeof(h));
	h.size = offsetof(struct vhd_xen_headers, front);
	ck_assert_int_eq(vhd_xen_headers_read(io, 0, 0, 0, &h, &err), 0);
	ck_assert_mem_eq(h.tail.cookie, "conectix", 8);
	ck_assert_uint_eq(h.front.cookie[0], 0xa5);
	h.size = 4;
	ck_assert_int_eq(vhd_xen_headers_read(io, 0, 0, 0, &h, &err),
			 VHD_E_INVAL);
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN("xen/headers",
	  xen_headers__fields_of_a_child_are_shown,
	  xen_headers__fast_reads_only_the_front,
	  xen_headers__an_image_may_begin_anywhere,
	  xen_headers__the_first_sound_footer_counts,
	  xen_headers__a_footer_of_511_bytes_counts,
	  xen_headers__poison_is_sound,
	  xen_headers__a_fixed_disk_has_a_footer_only,
	  xen_headers__what_leads_out_of_the_file_is_left_out,
	  xen_headers__names_that_are_no_text_are_not_readable,
	  xen_headers__a_map_that_is_not_there_is_not_summed,
	  xen_headers__short_files_give_what_they_have,
	  xen_headers__damaged_bytes_never_lead_astray,
	  xen_headers__callers_with_a_shorter_struct_get_that_much)
