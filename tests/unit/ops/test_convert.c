/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static struct tempdir dir;
static char raw[512], dst[512];

static unsigned int rnd(unsigned int *seed, unsigned int below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

/* A sparse disk: islands of bytes, some of them zeros that were written. */
static uint8_t *make_raw(const char *path, size_t size, unsigned int seed)
{
	uint8_t *data = calloc(1, size);
	FILE *f = fopen(path, "wb");
	int i;

	ck_assert_ptr_nonnull(data);
	ck_assert_ptr_nonnull(f);
	for (i = 0; i < 12; i++) {
		size_t off = rnd(&seed, 30000) * (size / 30000);
		size_t len = 1 + rnd(&seed, 30000), j;

		if (off + len > size)
			len = size - off;
		for (j = 0; i % 4 && j < len; j++)
			data[off + j] = (uint8_t)(rnd(&seed, 255) + 1);
		ck_assert_int_eq(fseek(f, (long)off, SEEK_SET), 0);
		ck_assert_uint_eq(fwrite(data + off, 1, len, f), len);
	}
	data[size - 1] = 0x77;
	ck_assert_int_eq(fseek(f, (long)size - 1, SEEK_SET), 0);
	ck_assert_uint_eq(fwrite(data + size - 1, 1, 1, f), 1);
	ck_assert_int_eq(fclose(f), 0);
	return data;
}

static struct vhd_image *open_any(const char *path)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	o.flags = VHD_OPEN_ALLOW_RAW;
	if (vhd_open(path, &o, &img, &err))
		ck_abort_msg("%s: %s", path, err.msg);
	return img;
}

static void convert(const char *from, const char *to,
		    const struct vhd_convert_opts *o)
{
	struct vhd_image *img = open_any(from);
	struct vhd_error err;

	if (vhd_convert(img, to, o, NULL, &err))
		ck_abort_msg("%s -> %s: %s", from, to, err.msg);
	vhd_close(&img, NULL);
}

static void expect_disk(const char *path, const uint8_t *data, size_t size)
{
	struct vhd_image *img = open_any(path);
	uint8_t *buf = malloc(size);
	struct vhd_error err;

	ck_assert_ptr_nonnull(buf);
	ck_assert_uint_ge(vhd_size(img), size);
	ck_assert_int_eq(vhd_pread(img, buf, size, 0, &err), 0);
	ck_assert_int_eq(memcmp(buf, data, size), 0);
	vhd_close(&img, NULL);
	free(buf);
}

static const struct shape {
	const char *name;
	enum vhd_type type;
	uint64_t block;
	uint32_t lss;
} shapes[] = {
	{ "a.vhd", VHD_TYPE_FIXED, 0, 0 },
	{ "a.vhd", VHD_TYPE_DYNAMIC, 0, 0 },
	{ "a.vhd", VHD_TYPE_DYNAMIC, 512 * 1024, 0 },
	{ "a.vhdx", VHD_TYPE_FIXED, MIB, 0 },
	{ "a.vhdx", VHD_TYPE_DYNAMIC, MIB, 0 },
	{ "a.vhdx", VHD_TYPE_DYNAMIC, 0, 4096 },
	{ "a.raw", VHD_TYPE_FIXED, 0, 0 },
};

START_TEST(convert__every_format_gives_the_same_bytes_back)
{
	const struct shape *s = &shapes[_i];
	struct vhd_convert_opts o = VHD_CONVERT_OPTS_INIT;
	struct vhd_check_result result;
	size_t size = 9 * MIB + 512 * 3;
	uint8_t *data;
	char back[512];

	tempdir_make(&dir);
	data = make_raw(tempdir_name(&dir, "in.img", raw), size,
			(unsigned int)_i + 1);
	tempdir_name(&dir, s->name, dst);
	o.create.type = s->type;
	o.create.block_size = s->block;
	o.create.logical_sector = s->lss;
	convert(raw, dst, &o);
	expect_disk(dst, data, size);
	if (strcmp(s->name, "a.raw")) {
		ck_assert_int_eq(vhd_check(dst, NULL, &result, NULL), 0);
		ck_assert_uint_eq(result.count[VHD_SEV_ERROR], 0);
		ck_assert_uint_eq(result.count[VHD_SEV_WARNING], 0);
	}
	convert(dst, tempdir_name(&dir, "back.raw", back), NULL);
	expect_disk(back, data, size);
	free(data);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(convert__a_partial_last_sector_is_filled_with_zeros)
{
	struct vhd_convert_result res;
	struct vhd_image *img;
	uint8_t *data;

	tempdir_make(&dir);
	data = make_raw(tempdir_name(&dir, "in.img", raw), MIB + 100, 3);
	img = open_any(raw);
	tempdir_name(&dir, "a.vhd", dst);
	ck_assert_int_eq(vhd_convert(img, dst, NULL, &res, NULL), 0);
	vhd_close(&img, NULL);
	ck_assert_uint_eq(res.source_size, MIB + 100);
	ck_assert_uint_eq(res.target_size, MIB + 512);
	expect_disk(dst, data, MIB + 100);
	free(data);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(convert__sparse_sources_stay_sparse)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img;

	tempdir_make(&dir);
	tempdir_write(tempdir_name(&dir, "in.img", raw), "x", 1);
	ck_assert_int_eq(truncate(raw, 512 * (off_t)MIB), 0);
	convert(raw, tempdir_name(&dir, "a.vhdx", dst), NULL);
	convert(dst, tempdir_name(&dir, "b.raw", raw), NULL);
	img = open_any(raw);
	ck_assert_int_eq(vhd_layer_info(img, 0, &info, NULL), 0);
	ck_assert_uint_eq(info.file_size, 512 * MIB);
	ck_assert_uint_lt(info.disk_usage, 64 * 1024);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(convert__a_source_is_never_a_target)
{
	struct vhd_convert_opts o = VHD_CONVERT_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;
	uint8_t *data;
	char link[512];

	tempdir_make(&dir);
	data = make_raw(tempdir_name(&dir, "in.raw", raw), MIB, 4);
	tempdir_name(&dir, "hard.raw", link);
	ck_assert_int_eq(linkat(AT_FDCWD, raw, AT_FDCWD, link, 0), 0);
	img = open_any(raw);
	o.create.flags = VHD_CREATE_FORCE;
	ck_assert_int_eq(vhd_convert(img, raw, &o, NULL, &err), VHD_E_INVAL);
	ck_assert_int_eq(vhd_convert(img, link, &o, NULL, &err), VHD_E_INVAL);
	vhd_close(&img, NULL);
	expect_disk(raw, data, MIB);
	free(data);
	tempdir_remove(&dir);
}
END_TEST

static bool stop_at_half(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	return done < total / 2;
}

START_TEST(convert__cancelled_work_leaves_nothing)
{
	struct vhd_convert_opts o = VHD_CONVERT_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;

	tempdir_make(&dir);
	free(make_raw(tempdir_name(&dir, "in.img", raw), 8 * MIB, 5));
	img = open_any(raw);
	o.progress = stop_at_half;
	if (_i)
		o.create.type = VHD_TYPE_FIXED;
	o.create.flags = _i ? VHD_CREATE_PREALLOCATE : 0;
	tempdir_name(&dir, "a.vhdx", dst);
	ck_assert_int_eq(vhd_convert(img, dst, &o, NULL, &err),
			 VHD_E_CANCELLED);
	vhd_close(&img, NULL);
	ck_assert_int_eq(tempdir_entries(&dir), 1);
	tempdir_remove(&dir);
}
END_TEST

struct sink {
	uint8_t *data;
	size_t len, room;
	int fail_errno;
};

static int sink_write(void *arg, const void *buf, size_t len)
{
	struct sink *s = arg;

	if (s->fail_errno)
		return -s->fail_errno;
	ck_assert_uint_le(s->len + len, s->room);
	memcpy(s->data + s->len, buf, len);
	s->len += len;
	return 0;
}

START_TEST(convert__a_stream_has_every_byte_in_order)
{
	struct sink s = { 0 };
	struct vhd_image *img;
	struct vhd_error err;
	uint8_t *data;

	tempdir_make(&dir);
	data = make_raw(tempdir_name(&dir, "in.img", raw), 5 * MIB, 6);
	convert(raw, tempdir_name(&dir, "a.vhd", dst), NULL);
	s.room = 5 * MIB;
	s.data = malloc(s.room);
	img = open_any(dst);
	ck_assert_int_eq(vhd_convert_stream(img, sink_write, &s, NULL, NULL,
					    NULL, &err), 0);
	ck_assert_uint_eq(s.len, s.room);
	ck_assert_int_eq(memcmp(s.data, data, s.len), 0);
	s.fail_errno = EPIPE;
	ck_assert_int_eq(vhd_convert_stream(img, sink_write, &s, NULL, NULL,
					    NULL, &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, EPIPE);
	vhd_close(&img, NULL);
	free(s.data);
	free(data);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(convert__bytes_past_the_end_of_a_cut_file_are_counted)
{
	struct vhd_convert_opts o = VHD_CONVERT_OPTS_INIT;
	struct vhd_convert_result res;
	struct vhd_image *img;
	struct stat st;

	tempdir_make(&dir);
	free(make_raw(tempdir_name(&dir, "in.img", raw), 4 * MIB, 8));
	o.create.block_size = MIB;
	convert(raw, tempdir_name(&dir, "a.vhdx", dst), &o);
	ck_assert_int_eq(stat(dst, &st), 0);
	ck_assert_int_eq(truncate(dst, st.st_size - 300 * 1024), 0);
	img = open_any(dst);
	ck_assert_int_eq(vhd_convert(img, tempdir_name(&dir, "b.raw", raw),
				     NULL, &res, NULL), 0);
	ck_assert_uint_eq(res.missing_bytes, 300 * 1024);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(convert__an_empty_source_is_refused)
{
	struct vhd_image *img;
	struct vhd_error err;

	tempdir_make(&dir);
	tempdir_write(tempdir_name(&dir, "in.img", raw), "", 0);
	img = open_any(raw);
	ck_assert_int_eq(vhd_convert(img, tempdir_name(&dir, "a.vhd", dst),
				     NULL, NULL, &err), VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "empty"));
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(convert__a_vhdx_keeps_the_guests_sector_size)
{
	struct vhd_create_opts c = VHD_CREATE_OPTS_INIT;
	struct vhd_convert_result res;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img;

	tempdir_make(&dir);
	tempdir_name(&dir, "a.vhdx", raw);
	c.virtual_size = 8 * MIB;
	c.logical_sector = 4096;
	ck_assert_int_eq(vhd_create(raw, &c, NULL), 0);
	convert(raw, tempdir_name(&dir, "b.vhdx", dst), NULL);
	img = open_any(dst);
	ck_assert_int_eq(vhd_layer_info(img, 0, &info, NULL), 0);
	ck_assert_uint_eq(info.logical_sector, 4096);
	ck_assert_int_eq(vhd_convert(img, tempdir_name(&dir, "c.vhd", raw), NULL,
				     &res, NULL), 0);
	ck_assert_uint_eq(res.source_sector, 4096);
	ck_assert_uint_eq(res.target_sector, 512);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(convert__targets_round_the_size_up)
{
	static const struct {
		enum vhd_target target;
		uint64_t size;
	} cases[] = {
		{ VHD_TARGET_AZURE, 20 * MIB }, { VHD_TARGET_HYPERV, 2 * MIB },
		{ VHD_TARGET_XEN, 2 * MIB },   { VHD_TARGET_WSL, 2 * MIB },
	};
	struct vhd_convert_opts o = VHD_CONVERT_OPTS_INIT;
	struct vhd_image *img;
	uint8_t *data;

	tempdir_make(&dir);
	data = make_raw(tempdir_name(&dir, "in.img", raw), MIB + 512, 7);
	o.create.target = cases[_i].target;
	convert(raw, tempdir_name(&dir, "out", dst), &o);
	img = open_any(dst);
	ck_assert_uint_eq(vhd_size(img), cases[_i].size);
	vhd_close(&img, NULL);
	expect_disk(dst, data, MIB + 512);
	free(data);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/convert",
	LOOP(convert__every_format_gives_the_same_bytes_back, sizeof(shapes) / sizeof(*shapes)),
	ONCE(convert__a_partial_last_sector_is_filled_with_zeros),
	ONCE(convert__sparse_sources_stay_sparse),
	ONCE(convert__a_source_is_never_a_target),
	LOOP(convert__cancelled_work_leaves_nothing, 2),
	ONCE(convert__a_stream_has_every_byte_in_order),
	ONCE(convert__bytes_past_the_end_of_a_cut_file_are_counted),
	ONCE(convert__an_empty_source_is_refused),
	ONCE(convert__a_vhdx_keeps_the_guests_sector_size),
	LOOP(convert__targets_round_the_size_up, 4))
