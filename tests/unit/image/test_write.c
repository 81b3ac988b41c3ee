/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing through the public interface, for each kind of image. */
#include <check.h>
#include <string.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)
#define DISK (12 * MIB)

static struct tempdir dir;
static char path[512], base[512];

struct kind {
	enum vhd_format format;
	enum vhd_type type;
};
static const struct kind kinds[] = {
	{ VHD_FORMAT_VHD, VHD_TYPE_FIXED },
	{ VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC },
	{ VHD_FORMAT_VHD, VHD_TYPE_DIFF },
	{ VHD_FORMAT_VHDX, VHD_TYPE_FIXED },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DIFF },
};
enum { KINDS = 6 };

static struct vhd_image *open_rdwr(const char *file, uint32_t flags)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	opts.flags = VHD_OPEN_RDWR | flags;
	opts.cache_bytes = 65536;
	ck_assert_msg(!vhd_open(file, &opts, &img, &err), "%s", err.msg);
	return img;
}

/* The parent of a differencing image is filled with 'p'. */
static void make_parent(const struct kind *k)
{
	struct vhd_create_opts opts = VHD_CREATE_OPTS_INIT;
	static uint8_t buf[1 << 20];
	struct vhd_image *img;

	tempdir_name(&dir, k->format == VHD_FORMAT_VHD ? "p.vhd" : "p.vhdx",
		     base);
	opts.virtual_size = DISK;
	opts.block_size = k->format == VHD_FORMAT_VHDX ? MIB : 0;
	ck_assert_int_eq(vhd_create(base, &opts, NULL), 0);
	img = open_rdwr(base, 0);
	memset(buf, 'p', sizeof(buf));
	for (uint64_t off = 0; off < DISK; off += sizeof(buf))
		ck_assert_int_eq(vhd_pwrite(img, buf, sizeof(buf), off, NULL),
				 0);
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
}

static struct vhd_image *make(int i, uint32_t flags)
{
	const struct kind *k = &kinds[i];
	struct vhd_create_opts opts = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	tempdir_make(&dir);
	tempdir_name(&dir, k->format == VHD_FORMAT_VHD ? "d.vhd" : "d.vhdx",
		     path);
	opts.type = k->type;
	opts.virtual_size = DISK;
	opts.block_size = k->format == VHD_FORMAT_VHDX ? MIB : 0;
	if (k->type == VHD_TYPE_DIFF) {
		make_parent(k);
		opts.parent = base;
	}
	ck_assert_msg(!vhd_create(path, &opts, &err), "%s", err.msg);
	return open_rdwr(path, flags);
}

static void done(struct vhd_image *img)
{
	struct vhd_error err;

	ck_assert_msg(!vhd_close(&img, &err), "%s", err.msg);
	tempdir_remove(&dir);
}

/* What an untouched byte of that kind of image reads as. */
static uint8_t before(int i)
{
	return kinds[i].type == VHD_TYPE_DIFF ? 'p' : 0;
}

static void expect(struct vhd_image *img, uint64_t off, uint64_t len,
		   uint8_t byte)
{
	uint8_t buf[4096];

	while (len) {
		size_t n = len < sizeof(buf) ? (size_t)len : sizeof(buf);

		ck_assert_int_eq(vhd_pread(img, buf, n, off, NULL), 0);
		for (size_t i = 0; i < n; i++) {
			/* A ck_assert for each byte takes minutes. */
			if (buf[i] != byte)
				ck_abort_msg("byte 0x%llx is 0x%02x, not 0x%02x",
					     (unsigned long long)(off + i),
					     buf[i], byte);
		}
		off += n;
		len -= n;
	}
}

START_TEST(write__bytes_come_back_and_nothing_else_changes)
{
	struct vhd_image *img = make(_i, 0);
	uint8_t buf[5000];

	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(vhd_pwrite(img, buf, sizeof(buf), 2 * MIB - 700,
				    NULL), 0);
	ck_assert_int_eq(vhd_flush(img, NULL), 0);
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
	img = open_rdwr(path, 0);
	expect(img, 0, 2 * MIB - 700, before(_i));
	expect(img, 2 * MIB - 700, sizeof(buf), 'x');
	expect(img, 2 * MIB - 700 + sizeof(buf), MIB, before(_i));
	done(img);
}
END_TEST

START_TEST(write__zeroes_read_as_zeros)
{
	struct vhd_image *img = make(_i, 0);
	uint8_t buf[4096];

	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(vhd_pwrite(img, buf, sizeof(buf), 8 * MIB, NULL), 0);
	ck_assert_int_eq(vhd_write_zeroes(img, 3 * MIB - 100, 6 * MIB, 0,
					  NULL), 0);
	expect(img, 2 * MIB, MIB - 100, before(_i));
	expect(img, 3 * MIB - 100, 6 * MIB, 0);
	expect(img, 9 * MIB - 100, MIB, before(_i));
	done(img);
}
END_TEST

START_TEST(write__discard_of_whole_blocks_gives_zeros_or_keeps)
{
	bool fixed = kinds[_i].type == VHD_TYPE_FIXED;
	bool vhd_diff = kinds[_i].type == VHD_TYPE_DIFF &&
			kinds[_i].format == VHD_FORMAT_VHD;
	struct vhd_image *img = make(_i, 0);
	uint8_t buf[4096];

	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(vhd_pwrite(img, buf, sizeof(buf), 4 * MIB, NULL), 0);
	ck_assert_int_eq(vhd_discard(img, 4 * MIB, 4 * MIB, NULL), 0);
	expect(img, 4 * MIB, sizeof(buf), fixed ? 'x' : 0);
	/* VHD-S-14: there, what the parent shows stays. */
	expect(img, 4 * MIB + sizeof(buf), MIB, vhd_diff ? 'p' : 0);
	done(img);
}
END_TEST

START_TEST(write__moves_of_the_caller_become_visible_at_their_end)
{
	struct vhd_image *img = make(_i, 0);
	struct vhd_move *a = NULL, *b = NULL;
	struct vhd_extent x, y;
	uint8_t buf[4096];

	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(vhd_write_begin(img, 4096, 4096, &x, &a, NULL), 0);
	ck_assert_int_eq(vhd_write_begin(img, 65536, 4096, &y, &b, NULL), 0);
	ck_assert_uint_eq(y.file_off - x.file_off, 65536 - 4096);
	ck_assert_int_eq(pwrite(vhd_layer_fd(img, 0), buf, sizeof(buf),
				(off_t)x.file_off), sizeof(buf));
	if (kinds[_i].type != VHD_TYPE_FIXED)
		expect(img, 4096, 4096, before(_i));
	ck_assert_int_eq(vhd_write_end(img, &a, true, NULL), 0);
	ck_assert_ptr_null(a);
	expect(img, 4096, 4096, 'x');
	ck_assert_int_eq(vhd_write_end(img, &b, false, NULL), 0);
	expect(img, 65536, 4096, before(_i));
	done(img);
}
END_TEST

START_TEST(write__read_moves_name_the_bytes)
{
	struct vhd_image *img = make(_i, 0);
	struct vhd_move *m = NULL;
	struct vhd_extent ext;
	uint8_t buf[512];
	size_t n;

	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(vhd_pwrite(img, buf, sizeof(buf), 0, NULL), 0);
	ck_assert_int_eq(vhd_read_begin(img, 0, 512, &ext, 1, &n, &m, NULL),
			 0);
	ck_assert_int_eq(ext.kind, VHD_EXTENT_DATA);
	memset(buf, 0, sizeof(buf));
	ck_assert_int_eq(pread(vhd_layer_fd(img, 0), buf, sizeof(buf),
			       (off_t)ext.file_off), sizeof(buf));
	ck_assert_int_eq(buf[0], 'x');
	vhd_read_end(img, &m);
	ck_assert_ptr_null(m);
	done(img);
}
END_TEST

START_TEST(write__needs_an_open_for_writing)
{
	struct vhd_image *img = make(_i, 0);
	struct vhd_error err;

	ck_assert_int_eq(vhd_close(&img, NULL), 0);
	ck_assert_int_eq(vhd_open(path, NULL, &img, NULL), 0);
	ck_assert_int_eq(vhd_pwrite(img, "x", 1, 0, &err), VHD_E_READONLY);
	ck_assert_str_eq(err.file, path);
	ck_assert_int_eq(vhd_flush(img, NULL), VHD_E_READONLY);
	ck_assert_int_eq(vhd_discard(img, 0, 512, NULL), VHD_E_READONLY);
	done(img);
}
END_TEST

START_TEST(write__past_the_end_changes_nothing)
{
	struct vhd_image *img = make(_i, 0);
	uint8_t buf[1024];

	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(vhd_pwrite(img, buf, sizeof(buf), DISK - 512, NULL),
			 VHD_E_RANGE);
	expect(img, DISK - 512, 512, before(_i));
	ck_assert_int_eq(vhd_pwrite(img, buf, 512, DISK - 512, NULL), 0);
	expect(img, DISK - 512, 512, 'x');
	done(img);
}
END_TEST

static void slurp(char **bytes_out, size_t *len_out)
{
	FILE *f = fopen(path, "rb");

	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	*len_out = (size_t)ftell(f);
	rewind(f);
	*bytes_out = malloc(*len_out);
	ck_assert_ptr_nonnull(*bytes_out);
	ck_assert_uint_eq(fread(*bytes_out, 1, *len_out, f), *len_out);
	fclose(f);
}

/* VHDX-CLS-05 */
START_TEST(write__open_for_writing_alone_changes_no_byte)
{
	struct vhd_image *img = make(_i, 0);
	size_t len, len2;
	char *was, *is;

	ck_assert_int_eq(vhd_close(&img, NULL), 0);
	slurp(&was, &len);
	img = open_rdwr(path, VHD_OPEN_THREAD);
	expect(img, 0, 8192, before(_i));
	ck_assert_int_eq(vhd_flush(img, NULL), 0);
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
	slurp(&is, &len2);
	ck_assert_uint_eq(len, len2);
	ck_assert(!memcmp(was, is, len));
	free(was);
	free(is);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(write__second_writer_and_readers_are_kept_out)
{
	struct vhd_image *img = make(_i, 0), *other = NULL;
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;

	ck_assert_int_eq(vhd_open(path, NULL, &other, NULL), VHD_E_BUSY);
	opts.flags = VHD_OPEN_RDWR;
	ck_assert_int_eq(vhd_open(path, &opts, &other, NULL), VHD_E_BUSY);
	done(img);
}
END_TEST

/* Overwriting what is there is one write of the file and nothing else. */
START_TEST(write__overwrite_costs_one_call)
{
	struct vhd_image *img = make(_i, 0);
	struct vhd_io_stats a, b;
	uint8_t buf[4096] = { 1 };

	ck_assert_int_eq(vhd_pwrite(img, buf, sizeof(buf), 8192, NULL), 0);
	ck_assert_int_eq(vhd_flush(img, NULL), 0);
	vhd_layer_io_stats(img, 0, &a);
	ck_assert_int_eq(vhd_pwrite(img, buf, sizeof(buf), 8192, NULL), 0);
	vhd_layer_io_stats(img, 0, &b);
	ck_assert_uint_eq(b.writes - a.writes, 1);
	ck_assert_uint_eq(b.write_bytes - a.write_bytes, sizeof(buf));
	ck_assert_uint_eq(b.reads, a.reads);
	ck_assert_uint_eq(b.flushes, a.flushes);
	ck_assert_int_eq(vhd_flush(img, NULL), 0);
	vhd_layer_io_stats(img, 0, &a);
	ck_assert_uint_eq(a.writes, b.writes);
	ck_assert_uint_eq(a.flushes, b.flushes + 1);
	done(img);
}
END_TEST

START_TEST(write__flush_of_new_blocks_costs_two_flushes)
{
	struct vhd_image *img = make(_i, 0);
	struct vhd_io_stats a, b;
	uint8_t buf[4096] = { 1 };

	ck_assert_int_eq(vhd_pwrite(img, buf, sizeof(buf), 0, NULL), 0);
	ck_assert_int_eq(vhd_flush(img, NULL), 0);
	vhd_layer_io_stats(img, 0, &a);
	ck_assert_int_eq(vhd_pwrite(img, buf, sizeof(buf), 2 * MIB, NULL), 0);
	ck_assert_int_eq(vhd_flush(img, NULL), 0);
	vhd_layer_io_stats(img, 0, &b);
	/* A VHD may have grown: its footer goes first. */
	ck_assert_uint_le(b.flushes - a.flushes,
			  kinds[_i].format == VHD_FORMAT_VHD ? 3 : 2);
	done(img);
}
END_TEST

/* More blocks than the cache has pages: their bitmaps are not read again. */
START_TEST(write__full_blocks_of_a_vhd_are_remembered)
{
	struct vhd_create_opts opts = VHD_CREATE_OPTS_INIT;
	struct vhd_io_stats a, b;
	struct vhd_image *img;

	tempdir_make(&dir);
	opts.virtual_size = 256 * MIB;
	ck_assert_int_eq(vhd_create(tempdir_name(&dir, "d.vhd", path), &opts,
				    NULL), 0);
	img = open_rdwr(path, 0);
	for (int pass = 0; pass < 3; pass++) {
		vhd_layer_io_stats(img, 0, &a);
		for (uint64_t off = 4096; off < 256 * MIB; off += 2 * MIB) {
			if (pass)
				expect(img, off, 1, 'x');
			else
				ck_assert_int_eq(vhd_pwrite(img, "x", 1, off,
							    NULL), 0);
		}
	}
	vhd_layer_io_stats(img, 0, &b);
	ck_assert_uint_eq(b.reads - a.reads, 128);
	done(img);
}
END_TEST

TEST_MAIN_ROWS("image/write",
	LOOP(write__bytes_come_back_and_nothing_else_changes, KINDS),
	LOOP(write__zeroes_read_as_zeros, KINDS),
	LOOP(write__discard_of_whole_blocks_gives_zeros_or_keeps, KINDS),
	LOOP(write__moves_of_the_caller_become_visible_at_their_end, KINDS),
	LOOP(write__read_moves_name_the_bytes, KINDS),
	LOOP(write__needs_an_open_for_writing, KINDS),
	LOOP(write__past_the_end_changes_nothing, KINDS),
	LOOP(write__open_for_writing_alone_changes_no_byte, KINDS),
	LOOP(write__second_writer_and_readers_are_kept_out, KINDS),
	LOOP(write__overwrite_costs_one_call, KINDS),
	LOOP(write__flush_of_new_blocks_costs_two_flushes, KINDS),
	ONCE(write__full_blocks_of_a_vhd_are_remembered))
