/* SPDX-License-Identifier: BSD-2-Clause */
/* Compacting, seen from the file: its holes, and files that have no room to give. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static uint64_t usage_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static struct vhd_image *open_image(const char *path, uint32_t flags)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	o.flags = flags;
	if (vhd_open(path, &o, &img, &err))
		ck_abort_msg("open: %s", err.msg);
	return img;
}

/* Sixteen blocks with 4 KiB each in their middle; the first eight go again. */
static void make_thin(const char *path, uint64_t block)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_image *img;
	uint8_t data[4096];

	o.virtual_size = 16 * block;
	o.block_size = block;
	ck_assert_int_eq(vhd_create(path, &o, NULL), 0);
	img = open_image(path, VHD_OPEN_RDWR);
	for (uint64_t i = 0; i < 16; i++) {
		memset(data, (int)i + 1, sizeof(data));
		ck_assert_int_eq(vhd_pwrite(img, data, sizeof(data),
					    i * block + block / 2, NULL), 0);
	}
	ck_assert_int_eq(vhd_flush(img, NULL), 0);
	ck_assert_int_eq(vhd_discard(img, 0, 8 * block, NULL), 0);
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
}

START_TEST(compact__moved_blocks_keep_their_holes)
{
	const uint64_t block = 2 * MIB;
	struct vhd_compact_result res;
	struct vhd_image *img;
	struct tempdir dir;
	uint8_t data[4096];
	char path[512];
	uint64_t before;

	tempdir_make(&dir);
	tempdir_name(&dir, _i ? "thin.vhdx" : "thin.vhd", path);
	make_thin(path, block);
	before = usage_of(path);
	ck_assert_int_eq(vhd_compact(path, NULL, &res, NULL), 0);
	ck_assert_uint_eq(res.moved_blocks, 8);
	ck_assert_uint_lt(res.new_file, res.old_file);
	/* Where holes are known: a page for each block, and a log (1 MiB). */
	if (before < 8 * block)
		ck_assert_uint_le(usage_of(path), before + MIB + 8 * 8192);
	img = open_image(path, 0);
	for (uint64_t i = 0; i < 16; i++) {
		ck_assert_int_eq(vhd_pread(img, data, sizeof(data),
					   i * block + block / 2, NULL), 0);
		ck_assert_uint_eq(data[7], i < 8 ? 0 : i + 1);
	}
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
	tempdir_remove(&dir);
}
END_TEST

static int half_of_each(void *arg, struct vhd_image *img, vhd_range_fn emit,
			void *emit_arg, struct vhd_error *err)
{
	(void)arg;
	(void)err;
	for (uint64_t at = 0; at < vhd_size(img); at += 2 * MIB) {
		if (!emit(emit_arg, at + MIB, MIB))
			break;
	}
	return 0;
}

START_TEST(compact__unused_parts_of_blocks_are_punched)
{
	struct vhd_create_opts c = VHD_CREATE_OPTS_INIT;
	struct vhd_compact_opts o = VHD_COMPACT_OPTS_INIT;
	static uint8_t data[8 * MIB];
	struct vhd_compact_result res;
	struct vhd_image *img;
	struct tempdir dir;
	char path[512];

	tempdir_make(&dir);
	tempdir_name(&dir, _i ? "full.vhdx" : "full.vhd", path);
	c.virtual_size = sizeof(data);
	c.block_size = 2 * MIB;
	ck_assert_int_eq(vhd_create(path, &c, NULL), 0);
	img = open_image(path, VHD_OPEN_RDWR);
	memset(data, 1, sizeof(data));
	ck_assert_int_eq(vhd_pwrite(img, data, sizeof(data), 0, NULL), 0);
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
	o.unused = half_of_each;
	ck_assert_int_eq(vhd_compact(path, &o, &res, NULL), 0);
	ck_assert_uint_eq(res.unused_blocks, 0);
	ck_assert_uint_eq(res.unused_bytes, 4 * MIB);
	/* Unless the file system takes no holes. */
	if (res.new_usage < res.old_usage)
		ck_assert_uint_le(res.new_usage, res.old_usage - 3 * MIB);
	img = open_image(path, 0);
	ck_assert_int_eq(vhd_pread(img, data, MIB, 2 * MIB, NULL), 0);
	for (size_t i = 0; i < MIB; i++)
		ck_assert_uint_eq(data[i], 1);
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(compact__fixed_images_are_refused_with_a_sentence)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;
	struct tempdir dir;
	char path[512];

	tempdir_make(&dir);
	tempdir_name(&dir, _i ? "fixed.vhdx" : "fixed.vhd", path);
	o.type = VHD_TYPE_FIXED;
	o.virtual_size = 8 * MIB;
	ck_assert_int_eq(vhd_create(path, &o, NULL), 0);
	ck_assert_int_eq(vhd_compact(path, NULL, NULL, &err),
			 VHD_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(err.msg, "convert"));
	tempdir_remove(&dir);
}
END_TEST

/* What belongs to no block may be a block's that was lost. */
START_TEST(compact__an_image_whose_table_seems_lost_is_left_alone)
{
	struct vhd_create_opts c = VHD_CREATE_OPTS_INIT;
	static uint8_t data[2 * MIB];
	struct vhd_error err;
	struct tempdir dir;
	struct stat st;
	char path[512];
	FILE *f;

	tempdir_make(&dir);
	tempdir_name(&dir, _i ? "lost.vhdx" : "lost.vhd", path);
	c.virtual_size = 16 * MIB;
	c.block_size = _i ? MIB : 0;
	ck_assert_int_eq(vhd_create(path, &c, NULL), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	memset(data, 5, sizeof(data));
	/* A VHD ends with its footer. */
	f = fopen(path, "r+b");
	ck_assert_ptr_nonnull(f);
	if (!_i) {
		ck_assert_int_eq(fseek(f, -512, SEEK_END), 0);
		ck_assert_uint_eq(fread(data + sizeof(data) - 512, 1, 512, f),
				  512);
		ck_assert_int_eq(fseek(f, -512, SEEK_END), 0);
	} else {
		ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
	}
	for (int i = 0; i < 2 && !_i; i++)
		ck_assert_uint_eq(fwrite(data, 1, sizeof(data) - 512, f),
				  sizeof(data) - 512);
	ck_assert_uint_eq(fwrite(data, 1, sizeof(data), f), sizeof(data));
	fclose(f);
	ck_assert_int_eq(vhd_compact(path, NULL, NULL, &err), VHD_E_CORRUPT);
	ck_assert_str_eq(err.rule->name, _i ? "VHDX_TABLE_LOST"
					    : "VHD1_TABLE_LOST");
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/compact_file",
	LOOP(compact__an_image_whose_table_seems_lost_is_left_alone, 2),
	LOOP(compact__moved_blocks_keep_their_holes, 2),
	LOOP(compact__unused_parts_of_blocks_are_punched, 2),
	LOOP(compact__fixed_images_are_refused_with_a_sentence, 2))
