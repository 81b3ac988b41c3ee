/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

/*
 * A target that is not what was written to it: one bit turns on its way to the
 * disk.
 */
struct target {
	uint8_t *bytes;
	uint64_t size;
	uint64_t bad;		/* the write that holds this byte is spoilt */
};

#define SIZE (UINT64_C(5) << 20)

static int64_t t_pread(void *h, void *buf, size_t len, uint64_t off)
{
	const struct target *t = h;

	if (off >= t->size)
		return 0;
	if (len > t->size - off)
		len = t->size - off;
	memcpy(buf, t->bytes + off, len);
	return (int64_t)len;
}

static int64_t t_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	struct target *t = h;

	ck_assert_uint_le(off + len, t->size);
	memcpy(t->bytes + off, buf, len);
	if (t->bad >= off && t->bad - off < len)
		t->bytes[t->bad] ^= 4;
	return (int64_t)len;
}

static int64_t t_size(void *h)
{
	const struct target *t = h;

	return (int64_t)t->size;
}

static const struct vhd_io_ops ops = {
	.size = sizeof(ops),
	.pread = t_pread,
	.pwrite = t_pwrite,
	.get_size = t_size,
};

static struct tempdir dir;
static char name[512], copy[512];

static struct vhd_image *disk(void)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	uint8_t *bytes = calloc(1, SIZE);
	int fd = open(tempdir_name(&dir, "disk.raw", name),
		      O_CREAT | O_RDWR, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(bytes);
	for (uint64_t i = 0; i < SIZE; i++)
		bytes[i] = i % 100000 < 70000 ? (uint8_t)(i * 7 + i / 251) : 0;
	ck_assert_int_eq(write(fd, bytes, SIZE), (ssize_t)SIZE);
	close(fd);
	free(bytes);
	o.format = VHD_FORMAT_RAW;
	ck_assert_int_eq(vhd_open(name, &o, &img, NULL), 0);
	return img;
}

static int copy_over(struct target *t, uint32_t threads, uint64_t extra,
		     struct vhd_convert_result *r, struct vhd_error *err)
{
	struct vhd_convert_opts o = VHD_CONVERT_OPTS_INIT;
	struct vhd_image *img = disk();
	int rc;

	t->size = SIZE + extra;
	t->bytes = malloc(t->size);
	ck_assert_ptr_nonnull(t->bytes);
	memset(t->bytes, 0xaa, t->size);
	o.flags = VHD_CONVERT_VERIFY;
	o.threads = threads;
	rc = vhd_convert_io(img, &ops, t, "target", &o, r, err);
	vhd_close(&img, NULL);
	return rc;
}

START_TEST(readback__finds_the_same_bytes)
{
	struct target t = { .bad = UINT64_MAX };
	struct vhd_convert_result r;
	struct vhd_error err = { .code = VHD_OK };
	uint8_t *want = malloc(SIZE);
	int fd;

	tempdir_make(&dir);
	ck_assert_msg(copy_over(&t, (uint32_t)_i, 777, &r, &err) == 0, "%s",
		      err.msg);
	ck_assert_uint_ne(r.digest, 0);
	ck_assert_uint_eq(r.data_bytes + r.zero_bytes, SIZE);
	fd = open(name, O_RDONLY);
	ck_assert_int_eq(read(fd, want, SIZE), (ssize_t)SIZE);
	close(fd);
	ck_assert_int_eq(memcmp(want, t.bytes, SIZE), 0);
	/* What lies behind is somebody else's. */
	for (uint64_t i = SIZE; i < t.size; i++)
		ck_assert_uint_eq(t.bytes[i], 0xaa);
	free(want);
	free(t.bytes);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(readback__finds_a_bit_that_turned)
{
	struct target t = { .bad = (uint64_t)_i * 65536 + 3 };
	struct vhd_convert_result r;
	struct vhd_error err;

	tempdir_make(&dir);
	if (t.bad % 100000 >= 70000)	/* zeros: not written by us */
		t.bad -= 40000;
	ck_assert_int_eq(copy_over(&t, 2, 0, &r, &err), VHD_E_IO);
	ck_assert_ptr_nonnull(strstr(err.msg, "read back"));
	ck_assert_str_eq(err.file, "target");
	free(t.bytes);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(readback__a_short_target_is_refused)
{
	struct vhd_image *img;
	uint8_t bytes[4096];
	struct target t = { .bytes = bytes, .size = sizeof(bytes) };
	struct vhd_error err;

	tempdir_make(&dir);
	img = disk();
	ck_assert_int_eq(vhd_convert_io(img, &ops, &t, "target", NULL, NULL,
					&err), VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "4096"));
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

static const struct {
	enum vhd_format format;
	enum vhd_type type;
} shapes[] = {
	{ VHD_FORMAT_RAW, VHD_TYPE_DEFAULT },
	{ VHD_FORMAT_VHD, VHD_TYPE_FIXED },
	{ VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC },
	{ VHD_FORMAT_VHDX, VHD_TYPE_FIXED },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC },
};

/* The same sum in every format, and new images pass. */
START_TEST(readback__every_format_has_the_same_sum)
{
	struct vhd_image *img;
	uint64_t sum = 0;

	tempdir_make(&dir);
	img = disk();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		struct vhd_convert_opts o = VHD_CONVERT_OPTS_INIT;
		struct vhd_convert_result r;
		struct vhd_error err = { .code = VHD_OK };

		o.flags = VHD_CONVERT_VERIFY;
		o.threads = (uint32_t)(i % 3);
		o.create.flags = VHD_CREATE_FORCE;
		o.create.format = shapes[i].format;
		o.create.type = shapes[i].type;
		ck_assert_msg(vhd_convert(img, tempdir_name(&dir, "copy", copy),
					  &o, &r, &err) == 0, "%s", err.msg);
		ck_assert(i == 0 || r.digest == sum);
		sum = r.digest;
	}
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/readback",
	LOOP(readback__finds_the_same_bytes, 5),
	LOOP(readback__finds_a_bit_that_turned, 80),
	ONCE(readback__a_short_target_is_refused),
	ONCE(readback__every_format_has_the_same_sum))
