/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_image.h"
#include "vhd1/vhd1.h"

static struct vhd_io *io;
static void *eng;
static struct vhd1_header h;
static struct vhd1_seen seen;
static struct vhd_parent_ref ref;

/* Locators of a disk with room for their payloads from 0x800 on. */
enum { ROOM = 0x800 };

static void start(void)
{
	struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DIFF, .size = 8 << 20, .blocks = 1
	};
	uint32_t at;

	io = vhd1_image_new(&spec);
	/* Moves the block up, so that 4 KiB in front are free. */
	at = vhd1_image_entry(io, 0);
	ck_assert_uint_eq(at, 7);
	vhd1_image_set_entry(io, 0, VHD1_UNUSED);
	vhd1_image_header(io, &h);
	memset(h.locator, 0, sizeof(h.locator));
	memset(h.parent_name, 0, sizeof(h.parent_name));
}

static void locate(unsigned slot, uint32_t code, const void *bytes,
		   size_t len)
{
	uint64_t off = ROOM + slot * UINT64_C(512);

	vhd1_image_put(io, bytes, len, off);
	h.locator[slot] = (struct vhd1_locator){
		.code = code, .space = 512, .len = (uint32_t)len, .off = off
	};
}

static void opened(void)
{
	vhd1_image_set_header(io, &h);
	ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, NULL), 0);
	ck_assert(vhd1_engine.parent(eng, &ref));
}

static void done(void)
{
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);
}

static void expect(size_t i, const char *code, enum vhd_locator_kind kind,
		   const char *text)
{
	ck_assert_uint_lt(i, ref.locator_count);
	ck_assert_str_eq(ref.locators[i].code, code);
	ck_assert_int_eq(ref.locators[i].kind, kind);
	ck_assert_str_eq(ref.locators[i].text, text);
}

/* VHD-L-22, VHD-L-7 */
START_TEST(vhd1_parent__names_come_in_the_order_to_try)
{
	start();
	locate(0, VHD1_LOC_WI2K, "C:\\k", 4);
	locate(1, VHD1_LOC_WI2R, ".\\r", 3);
	locate(3, VHD1_LOC_MACX, "file:///abs", 11);
	locate(5, VHD1_LOC_W2KU, "C\0:\0\\\0k\0", 8);
	locate(6, VHD1_LOC_MACX, "file://./rel", 12);
	locate(7, VHD1_LOC_W2RU, ".\0\\\0r\0", 6);
	h.parent_name[1] = 'n';
	opened();
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_uint_eq(ref.locator_count, 7);
	expect(0, "W2ru", VHD_LOCATOR_RELATIVE, ".\\r");
	expect(1, "MacX", VHD_LOCATOR_RELATIVE, "./rel");
	expect(2, "W2ku", VHD_LOCATOR_ABSOLUTE, "C:\\k");
	expect(3, "MacX", VHD_LOCATOR_ABSOLUTE, "/abs");
	expect(4, "Wi2r", VHD_LOCATOR_RELATIVE, ".\\r");
	expect(5, "Wi2k", VHD_LOCATOR_ABSOLUTE, "C:\\k");
	expect(6, "name", VHD_LOCATOR_NAME, "n");
	done();
}
END_TEST

START_TEST(vhd1_parent__identity_and_time_are_told)
{
	static const uint8_t id[16] = { 0, 1, 2, 3, 4, 5, 6, 7,
					8, 9, 10, 11, 12, 13, 14, 15 };

	start();
	opened();
	ck_assert(!ref.raw);
	ck_assert_uint_eq(ref.id_count, 1);
	ck_assert_mem_eq(ref.ids[0].b, id, 16);
	ck_assert_int_eq(ref.timestamp, VHD1_EPOCH + 0x2d000080);
	done();
}
END_TEST

/* VHD-D-2 */
START_TEST(vhd1_parent__null_id_of_xen_is_a_raw_parent)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DIFF, .size = 8 << 20, .xen = true,
		.raw_parent = true, .parent = "base.raw",
	};

	io = vhd1_image_new(&spec);
	ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, NULL), 0);
	ck_assert(vhd1_engine.parent(eng, &ref));
	ck_assert(ref.raw);
	ck_assert_uint_eq(ref.id_count, 0);
	expect(0, "W2ru", VHD_LOCATOR_RELATIVE, ".\\base.raw");
	expect(1, "MacX", VHD_LOCATOR_RELATIVE, "./base.raw");
	expect(2, "W2ku", VHD_LOCATOR_RELATIVE, ".\\base.raw");
	expect(3, "name", VHD_LOCATOR_NAME, "base.raw");
	done();
}
END_TEST

START_TEST(vhd1_parent__others_have_none)
{
	const struct vhd1_image_spec spec = VHD1_DYNAMIC;

	io = vhd1_image_new(&spec);
	ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, NULL), 0);
	ck_assert(!vhd1_engine.parent(eng, &ref));
	done();
}
END_TEST

/* VHD-L-3 to VHD-L-6: the text does not depend on data_space. */
START_TEST(vhd1_parent__space_does_not_matter_for_the_text)
{
	static const uint32_t space[] = { 0, 1, 2, 511, 512, 513, 1024, 4096 };
	size_t i;

	for (i = 0; i < sizeof(space) / sizeof(space[0]); i++) {
		start();
		locate(0, VHD1_LOC_W2RU, "a\0b\0", 4);
		h.locator[0].space = space[i];
		opened();
		ck_assert_uint_eq(seen.count, 0);
		expect(0, "W2ru", VHD_LOCATOR_RELATIVE, "ab");
		done();
	}
}
END_TEST

/* Each is reported, and the good locator behind it is found all the same. */
START_TEST(vhd1_parent__broken_locators_are_passed_over)
{
	static const struct {
		const char *rule;
		uint32_t code, len;
		uint64_t off;
	} row[] = {
		{ "VHD1_LOCATOR_CODE", UINT32_C(0x58585858), 4, ROOM },
		{ "VHD1_LOCATOR_PLACE", VHD1_LOC_W2KU, 65538, ROOM },
		{ "VHD1_LOCATOR_PLACE", VHD1_LOC_W2KU, 8, UINT64_MAX - 3 },
		{ "VHD1_LOCATOR_PLACE", VHD1_LOC_W2KU, 8, UINT64_C(1) << 40 },
		{ "VHD1_LOCATOR_TEXT", VHD1_LOC_W2KU, 0, ROOM },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		start();
		h.locator[0] = (struct vhd1_locator){
			.code = row[i].code, .space = 512,
			.len = row[i].len, .off = row[i].off,
		};
		locate(1, VHD1_LOC_W2RU, "a\0", 2);
		opened();
		ck_assert_uint_eq(seen.count, 1);
		ck_assert_str_eq(seen.name[0], row[i].rule);
		ck_assert_uint_eq(ref.locator_count, 1);
		expect(0, "W2ru", VHD_LOCATOR_RELATIVE, "a");
		done();
	}
}
END_TEST

START_TEST(vhd1_parent__odd_text_is_used_and_reported)
{
	start();
	locate(0, VHD1_LOC_W2RU, "\0a\0b", 4);
	opened();
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_str_eq(seen.name[0], "VHD1_LOCATOR_TEXT");
	expect(0, "W2ru", VHD_LOCATOR_RELATIVE, "ab");
	done();
}
END_TEST

TEST_MAIN("vhd1/parent",
	  vhd1_parent__names_come_in_the_order_to_try,
	  vhd1_parent__identity_and_time_are_told,
	  vhd1_parent__null_id_of_xen_is_a_raw_parent,
	  vhd1_parent__others_have_none,
	  vhd1_parent__space_does_not_matter_for_the_text,
	  vhd1_parent__broken_locators_are_passed_over,
	  vhd1_parent__odd_text_is_used_and_reported)
