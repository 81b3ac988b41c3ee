/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "io/io_mem.h"
#include "support/check_main.h"
#include "support/vhd1_image.h"
#include "vhd1/vhd1.h"

static void expect(struct vhd_io *io, uint64_t off, const char *bytes,
		   size_t len)
{
	uint8_t got[256];

	ck_assert_uint_le(len, sizeof(got));
	vhd1_image_get(io, got, len, off);
	ck_assert_mem_eq(got, bytes, len);
}

#define EXPECT(io, off, bytes) expect(io, off, bytes, sizeof(bytes) - 1)

static void expect_all(struct vhd_io *io, uint64_t off, uint64_t end,
		       uint8_t byte)
{
	for (; off < end; off++) {
		uint8_t got;

		vhd1_image_get(io, &got, 1, off);
		ck_assert_uint_eq(got, byte);
	}
}

static const struct vhd1_image_spec ten_gib = {
	.type = VHD_TYPE_DYNAMIC, .size = 10 * GiB
};

#define FOOTER_16_1                                                           \
	"conectix\0\0\0\x02\0\x01\0\0\0\0\0\0\0\0\x02\0\x2d\0\0\0win \0\x0a" \
	"\0\0Wi2k\0\0\0\x02\x80\0\0\0\0\0\0\x02\x80\0\0\0\x51\x45\x10\x3f"   \
	"\0\0\0\x03\xff\xff\xf7\x37\0\x01\x02\x03\x04\x05\x06\x07\x08\x09"   \
	"\x0a\x0b\x0c\x0d\x0e\x0f"

/* VHD-Z-1 */
START_TEST(vhd1_build__empty_dynamic_disk_is_the_recipe)
{
	struct vhd_io *io = vhd1_image_new(&ten_gib);

	ck_assert_uint_eq(vhd1_image_size(io), 22528);
	EXPECT(io, 0, FOOTER_16_1);
	expect_all(io, 84, 512, 0);
	EXPECT(io, 0x5600, FOOTER_16_1);
	expect_all(io, 0x5600 + 84, 0x5800, 0);
	EXPECT(io, 0x200, "cxsparse\xff\xff\xff\xff\xff\xff\xff\xff"
	       "\0\0\0\0\0\0\x06\0\0\x01\0\0\0\0\x14\0\0\x20\0\0"
	       "\xff\xff\xf4\x63");
	expect_all(io, 0x200 + 40, 0x600, 0);
	expect_all(io, 0x600, 0x5600, 0xff);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHD-Z-2 */
START_TEST(vhd1_build__blocks_are_aligned_as_in_the_recipe)
{
	struct vhd1_image_spec spec = ten_gib;
	struct vhd_io *io;

	spec.blocks = 1;
	io = vhd1_image_new(&spec);
	ck_assert_uint_eq(vhd1_image_entry(io, 0), 0x2f);
	expect_all(io, 0x5600, 0x5e00, 0);
	expect_all(io, 0x5e00, 0x6000, 0xff);
	EXPECT(io, 0x206000, FOOTER_16_1);
	ck_assert_uint_eq(vhd1_image_size(io), 0x206200);
	vhd_io_close(&io, NULL);
	spec.blocks = 2;
	io = vhd1_image_new(&spec);
	ck_assert_uint_eq(vhd1_image_entry(io, 1), 0x1037);
	vhd_io_close(&io, NULL);
}
END_TEST

/* vhd.md 16.2 */
START_TEST(vhd1_build__differencing_disk_is_the_recipe)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DIFF, .size = 10 * GiB,
		.windows = "C:\\vm\\base.vhd"
	};
	struct vhd_io *io = vhd1_image_new(&spec);

	ck_assert_uint_eq(vhd1_image_size(io), 23552);
	EXPECT(io, 0x18, "\x2d\0\x01\0");
	EXPECT(io, 0x3c, "\0\0\0\x04\xff\xff\xf6\x35\x10\x11\x12");
	EXPECT(io, 0x224, "\xff\xff\xec\x78\0\x01\x02\x03\x04\x05\x06\x07\x08"
	       "\x09\x0a\x0b\x0c\x0d\x0e\x0f\x2d\0\0\x80");
	EXPECT(io, 0x240, "\0b\0a\0s\0e\0.\0v\0h\0d\0\0");
	EXPECT(io, 0x440, "W2ru\0\0\x02\0\0\0\0\x14\0\0\0\0\0\0\0\0\0\0\x56"
	       "\0W2ku\0\0\x02\0\0\0\0\x1c\0\0\0\0\0\0\0\0\0\0\x58\0");
	EXPECT(io, 0x5600, ".\0\\\0b\0a\0s\0e\0.\0v\0h\0d\0\0");
	EXPECT(io, 0x5800, "C\0:\0\\\0v\0m\0\\\0b\0a\0s\0e\0.\0v\0h\0d\0\0");
	EXPECT(io, 0x5a00, "conectix");
	vhd_io_close(&io, NULL);
}
END_TEST

/* vhd.md 16.3 */
START_TEST(vhd1_build__fixed_disk_is_the_recipe)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_FIXED, .size = 64 * MiB
	};
	struct vhd_io *io = vhd1_image_new(&spec);

	ck_assert_uint_eq(vhd1_image_size(io), 67109376);
	EXPECT(io, 0x4000010, "\xff\xff\xff\xff\xff\xff\xff\xff");
	EXPECT(io, 0x4000028, "\0\0\0\0\x04\0\0\0\0\0\0\0\x04\0\0\0"
	       "\x03\xc3\x08\x11\0\0\0\x02\xff\xff\xf0\x44");
	expect_all(io, 0, 512, 0);
	vhd_io_close(&io, NULL);
}
END_TEST

/* vhd.md 16.4 */
START_TEST(vhd1_build__xen_disk_is_the_recipe)
{
	struct vhd1_image_spec spec = ten_gib;
	struct vhd_io *io;

	spec.xen = true;
	io = vhd1_image_new(&spec);
	ck_assert_uint_eq(vhd1_image_size(io), 24064);
	EXPECT(io, 0x1c, "tap\0\0\x01\0\x03\0\0\0\0");
	EXPECT(io, 0x38, "\x51\x45\x10\x3f");
	EXPECT(io, 0x5600, "tdbatmap\0\0\0\0\0\0\x58\0\0\0\0\x02\0\x01\0\x02"
	       "\xff\xff\xff\xff\0\0");
	expect_all(io, 0x5800, 0x5c00, 0);
	EXPECT(io, 0x5c00, "conectix");
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHD-Z-4, VHD-L-8 */
START_TEST(vhd1_build__xen_child_names_its_parent_three_times)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DIFF, .size = 16 * MiB, .xen = true
	};
	struct vhd_io *io = vhd1_image_new(&spec);
	struct vhd1_header h;
	uint64_t at = 1536 + 512 + 512 + 512;

	vhd1_image_header(io, &h);
	ck_assert_uint_eq(h.locator[0].code, VHD1_LOC_MACX);
	ck_assert_uint_eq(h.locator[1].code, VHD1_LOC_W2KU);
	ck_assert_uint_eq(h.locator[2].code, VHD1_LOC_W2RU);
	ck_assert_uint_eq(h.locator[0].off, at);
	EXPECT(io, at, "file://./base.vhd\0");
	EXPECT(io, at + 512, ".\0\\\0b\0a\0s\0e\0");
	EXPECT(io, at + 1024, ".\0\\\0b\0a\0s\0e\0");
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_build__long_paths_get_room_to_grow)
{
	char path[200];
	struct vhd1_image_spec spec = VHD1_DIFF;
	struct vhd1_header h;
	struct vhd_io *io;

	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	spec.parent = path;
	io = vhd1_image_new(&spec);
	vhd1_image_header(io, &h);
	ck_assert_uint_eq(h.locator[0].len, 402);
	ck_assert_uint_eq(h.locator[0].space, 1024);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_build__last_block_is_whole)
{
	const struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = 5 * MiB, .blocks = 3
	};
	struct vhd_io *io = vhd1_image_new(&spec);
	uint64_t at = (uint64_t)vhd1_image_entry(io, 2) * 512;

	ck_assert_uint_eq(vhd1_image_size(io), at + 512 + 2 * MiB + 512);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_build__place_tells_how_far_it_goes)
{
	struct vhd1_image_spec spec = { .type = VHD_TYPE_DYNAMIC,
					.size = 5 * MiB };
	struct vhd_build what;
	struct vhd_io *io;
	uint64_t at, len, again;
	void *bld;

	vhd1_image_what(&spec, &what);
	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	ck_assert_int_eq(vhd1_engine.build(io, &what, &bld, NULL), 0);
	ck_assert_int_eq(vhd1_engine.place(bld, 4 * MiB + 512, &at, &len,
					   NULL), 0);
	ck_assert_uint_eq(len, MiB - 512);
	ck_assert_uint_eq(at, 4096 + 512);
	ck_assert_int_eq(vhd1_engine.place(bld, 4 * MiB, &again, &len, NULL),
			 0);
	ck_assert_uint_eq(again, 4096);
	ck_assert_uint_eq(len, MiB);
	ck_assert_int_eq(vhd1_engine.place(bld, 1, &again, &len, NULL), 0);
	ck_assert_uint_eq(len, 2 * MiB - 1);
	ck_assert_uint_eq(again, 4096 + 2 * MiB + 4096 + 1);
	vhd1_engine.discard(bld);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHD-W-21: until the end the file is nothing. */
START_TEST(vhd1_build__unfinished_file_is_not_an_image)
{
	struct vhd1_image_spec spec = VHD1_DYNAMIC;
	struct vhd_build what;
	struct vhd_io *io;
	bool ours = true;
	void *bld;

	vhd1_image_what(&spec, &what);
	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	ck_assert_int_eq(vhd1_engine.build(io, &what, &bld, NULL), 0);
	ck_assert_int_eq(vhd1_engine.probe(io, &ours, NULL), 0);
	ck_assert(!ours);
	ck_assert_int_eq(vhd1_engine.finish(bld, NULL), 0);
	vhd1_engine.discard(bld);
	ck_assert_int_eq(vhd1_engine.probe(io, &ours, NULL), 0);
	ck_assert(ours);
	vhd_io_close(&io, NULL);
}
END_TEST

static int try_build(const struct vhd_build *what, struct vhd_error *err)
{
	struct vhd_io *io;
	void *bld = NULL;
	int rc;

	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	rc = vhd1_engine.build(io, what, &bld, err);
	vhd1_engine.discard(bld);
	vhd_io_close(&io, NULL);
	return rc;
}

START_TEST(vhd1_build__impossible_wishes_are_refused)
{
	struct vhd1_image_spec spec = VHD1_DYNAMIC;
	struct vhd_build good, w;
	struct vhd_error err;

	vhd1_image_what(&spec, &good);
#define REFUSED(...) do {                                                     \
		w = good;                                                     \
		__VA_ARGS__;                                                  \
		ck_assert_int_eq(try_build(&w, &err), VHD_E_INVAL);           \
	} while (0)
	REFUSED(w.virtual_size = 0);
	REFUSED(w.virtual_size = 513);
	REFUSED(w.virtual_size = 2040 * GiB + 512);
	ck_assert_str_eq(err.rule->name, "VHD1_SIZE_LIMIT");
	REFUSED(w.logical_sector = 4096);
	REFUSED(w.block_size = 2048);
	ck_assert_str_eq(err.rule->name, "VHD1_BLOCK_SIZE");
	REFUSED(w.block_size = 3 * MiB);
	REFUSED(w.block_size = 512 * MiB);
	REFUSED(w.block_size = MiB, w.xen = true);
	ck_assert_str_eq(err.rule->name, "VHD1_BLOCK_SIZE_ODD");
	REFUSED(w.xen = true, w.virtual_size = 8 * GiB + 2 * MiB);
	ck_assert_str_eq(err.rule->name, "VHD1_BATMAP_ROUNDING");
	REFUSED(w.block_size = 4096, w.virtual_size = 2040 * GiB);
	REFUSED(w.type = VHD_TYPE_DEFAULT);
	REFUSED(w.type = VHD_TYPE_DIFF);
	REFUSED(w.type = VHD_TYPE_DIFF, w.parent_relative = "a/");
	REFUSED(w.type = VHD_TYPE_DIFF, w.parent_relative = "\xff");
	REFUSED(w.type = VHD_TYPE_DIFF, w.parent_relative = "a",
		w.parent_raw = true);
}
END_TEST

/* VHD-M-3: 512 KiB blocks are packed when the aligned ones would not fit. */
START_TEST(vhd1_build__huge_disks_are_packed_when_they_must)
{
	struct vhd1_image_spec spec = {
		.type = VHD_TYPE_DYNAMIC, .size = 2040 * GiB,
		.block_size = 512 * KiB, .blocks = 2
	};
	struct vhd_io *io = vhd1_image_new(&spec);

	ck_assert_uint_eq(vhd1_image_entry(io, 1) - vhd1_image_entry(io, 0),
			  1025);
	vhd_io_close(&io, NULL);
	spec.block_size = 2 * MiB;
	io = vhd1_image_new(&spec);
	ck_assert_uint_eq(vhd1_image_entry(io, 1) - vhd1_image_entry(io, 0),
			  4104);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_build__what_is_made_is_sound)
{
	static const uint64_t block[] = { 4096, 512 * KiB, MiB, 2 * MiB,
					  4 * MiB, 256 * MiB };
	size_t i;

	for (i = 0; i < sizeof(block) / sizeof(block[0]); i++) {
		struct vhd1_image_spec spec = {
			.type = VHD_TYPE_DYNAMIC, .size = 5 * MiB + 512,
			.block_size = block[i], .blocks = 1,
		};
		struct vhd_io *io = vhd1_image_new(&spec);
		struct vhd1_seen seen;

		ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
		ck_assert_int_le(seen.worst, VHD_SEV_WARNING);
		vhd_io_close(&io, NULL);
	}
}
END_TEST

TEST_MAIN("vhd1/build",
	  vhd1_build__empty_dynamic_disk_is_the_recipe,
	  vhd1_build__blocks_are_aligned_as_in_the_recipe,
	  vhd1_build__differencing_disk_is_the_recipe,
	  vhd1_build__fixed_disk_is_the_recipe,
	  vhd1_build__xen_disk_is_the_recipe,
	  vhd1_build__xen_child_names_its_parent_three_times,
	  vhd1_build__long_paths_get_room_to_grow,
	  vhd1_build__last_block_is_whole,
	  vhd1_build__place_tells_how_far_it_goes,
	  vhd1_build__unfinished_file_is_not_an_image,
	  vhd1_build__impossible_wishes_are_refused,
	  vhd1_build__huge_disks_are_packed_when_they_must,
	  vhd1_build__what_is_made_is_sound)
