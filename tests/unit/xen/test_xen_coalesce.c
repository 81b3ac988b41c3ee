/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhd_xen_coalesce() and the flags it opens the parent with: exact sectors,
 * no need of a grandparent, what is refused, being cancelled; and the layers
 * between an image and its ancestor.  The command is in tests/classic, power
 * cuts are in tests/crash.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)
#define BLOCK (2 * MIB)

static struct tempdir dir;

static const char *at(const char *name)
{
	static char buf[8][512];
	static unsigned turn;

	return tempdir_name(&dir, name, buf[turn++ % 8]);
}

static void create(const char *name, const char *parent, uint32_t more)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.flags = VHD_CREATE_NO_SYNC | more;
	o.target = VHD_TARGET_XEN;
	o.virtual_size = parent ? 0 : 16 * MIB;
	o.parent = parent ? at(parent) : NULL;
	if (vhd_create(at(name), &o, &err))
		ck_abort_msg("%s", err.msg);
}

static struct vhd_image *open_exact(const char *name)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	o.flags = VHD_OPEN_RDWR | VHD_OPEN_NO_PARENT | VHD_OPEN_EXACT;
	if (vhd_open(at(name), &o, &img, &err))
		ck_abort_msg("%s", err.msg);
	return img;
}

/* Sectors [from, from + count) of the image, each full of @c. */
static void put(const char *name, uint64_t from, uint64_t count, char c)
{
	struct vhd_image *img = open_exact(name);
	char *buf = malloc((size_t)count * 512);

	memset(buf, c, (size_t)count * 512);
	ck_assert_int_eq(vhd_pwrite(img, buf, (size_t)count * 512, from * 512,
				    NULL), 0);
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
	free(buf);
}

static bool marked(const uint8_t *bits, uint64_t sec)
{
	return bits[sec / 8] >> (7 - sec % 8) & 1;
}

/* Does a block of the image hold these sectors, and not their neighbours? */
static bool holds(const char *name, uint64_t from, uint64_t count)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	uint64_t first = from % 4096, bitmap, data, i;
	uint8_t bits[512];
	bool ok = true;

	o.flags = VHD_OPEN_NO_PARENT;
	ck_assert_int_eq(vhd_open(at(name), &o, &img, NULL), 0);
	ck_assert_int_eq(vhd_xen_block(img, from / 4096, &bitmap, &data, NULL),
			 0);
	ck_assert_int_eq(pread(vhd_layer_fd(img, 0), bits, sizeof(bits),
			       (off_t)bitmap), (ssize_t)sizeof(bits));
	vhd_close(&img, NULL);
	for (i = 0; i < count; i++)
		ok = ok && marked(bits, first + i);
	if (first)
		ok = ok && !marked(bits, first - 1);
	return ok && !marked(bits, first + count);
}

static char byte_at(const char *name, uint64_t sec)
{
	struct vhd_image *img = NULL;
	struct vhd_error err;
	char c = 0;

	if (vhd_open(at(name), NULL, &img, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert_int_eq(vhd_pread(img, &c, 1, sec * 512, NULL), 0);
	vhd_close(&img, NULL);
	return c;
}

static uint64_t coalesce(const char *name,
			 const struct vhd_xen_coalesce_opts *opts)
{
	uint64_t sectors = UINT64_MAX;
	struct vhd_error err;

	if (vhd_xen_coalesce(at(name), opts, &sectors, &err))
		ck_abort_msg("%s", err.msg);
	return sectors;
}

static void setup(void)
{
	tempdir_make(&dir);
	create("base.vhd", NULL, 0);
	create("mid.vhd", "base.vhd", 0);
	create("leaf.vhd", "mid.vhd", 0);
}

START_TEST(xen_coalesce__exact_sectors_without_a_grandparent)
{
	setup();
	put("leaf.vhd", 5, 1, 'l');
	put("leaf.vhd", 4096 + 17, 3, 'l');
	ck_assert(holds("leaf.vhd", 5, 1));
	ck_assert_int_eq(rename(at("base.vhd"), at("away")), 0);
	ck_assert_uint_eq(coalesce("leaf.vhd", NULL), 4);
	ck_assert(holds("mid.vhd", 5, 1));
	ck_assert(holds("mid.vhd", 4096 + 17, 3));
	ck_assert_int_eq(rename(at("away"), at("base.vhd")), 0);
	/* And into a disk without a parent. */
	ck_assert_uint_eq(coalesce("mid.vhd", NULL), 4);
	ck_assert(holds("base.vhd", 5, 1));
	ck_assert_int_eq(byte_at("base.vhd", 4096 + 19), 'l');
	tempdir_remove(&dir);
}
END_TEST

START_TEST(xen_coalesce__holes_are_marked_too)
{
	struct vhd_image *img;

	setup();
	put("base.vhd", 0, 64, 'b');
	img = open_exact("mid.vhd");
	/* A differencing disk stores zeros: as a hole in its file. */
	ck_assert_int_eq(vhd_write_zeroes(img, 0, BLOCK + 512, 0, NULL), 0);
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
	ck_assert_uint_eq(coalesce("mid.vhd", NULL), 4097);
	ck_assert(holds("base.vhd", 4096, 1));
	ck_assert_int_eq(byte_at("base.vhd", 0), 0);
	ck_assert_int_eq(byte_at("base.vhd", 63), 0);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(xen_coalesce__unzeroed)
{
	struct vhd_xen_coalesce_opts o = VHD_XEN_COALESCE_OPTS_INIT;

	setup();
	o.flags = VHD_XEN_UNZEROED;
	o.threads = 3;
	put("mid.vhd", 100, 2, 'm');
	ck_assert_uint_eq(coalesce("mid.vhd", &o), 2);
	ck_assert(holds("base.vhd", 100, 2));
	ck_assert_int_eq(byte_at("base.vhd", 99), 0);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(xen_coalesce__into_an_ancestor)
{
	struct vhd_xen_coalesce_opts o = VHD_XEN_COALESCE_OPTS_INIT;
	struct vhd_error err;

	setup();
	put("base.vhd", 10, 10, 'b');
	put("mid.vhd", 12, 4, 'm');
	put("leaf.vhd", 13, 2, 'l');
	o.flags = VHD_XEN_ANCESTOR;
	ck_assert_int_eq(vhd_xen_coalesce(at("leaf.vhd"), &o, NULL, &err),
			 VHD_E_INVAL);
	o.into = at("base.vhd");
	ck_assert_uint_eq(coalesce("leaf.vhd", &o), 2);
	ck_assert_int_eq(byte_at("mid.vhd", 12), 'm');
	ck_assert_int_eq(byte_at("mid.vhd", 13), 'l');
	ck_assert_int_eq(byte_at("mid.vhd", 14), 'l');
	ck_assert_int_eq(byte_at("mid.vhd", 15), 'm');
	ck_assert(holds("mid.vhd", 12, 1));
	ck_assert(holds("mid.vhd", 15, 1));
	ck_assert_int_eq(byte_at("base.vhd", 13), 'l');
	create("other.vhd", NULL, 0);
	o.into = at("other.vhd");
	ck_assert_int_eq(vhd_xen_coalesce(at("leaf.vhd"), &o, NULL, &err),
			 VHD_E_INVAL);
	tempdir_remove(&dir);
}
END_TEST

static bool stop(void *arg, uint64_t done, uint64_t total)
{
	int *calls = arg;

	(void)done;
	(void)total;
	return ++*calls < 3;
}

START_TEST(xen_coalesce__cancelled)
{
	struct vhd_xen_coalesce_opts o = VHD_XEN_COALESCE_OPTS_INIT;
	struct vhd_check_opts check = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result result;
	struct vhd_error err;
	int calls = 0;

	setup();
	put("mid.vhd", 0, 4096, 'm');
	put("mid.vhd", 9000, 4096, 'm');
	o.progress = stop;
	o.progress_arg = &calls;
	ck_assert_int_eq(vhd_xen_coalesce(at("mid.vhd"), &o, NULL, &err),
			 VHD_E_CANCELLED);
	ck_assert_int_eq(vhd_check(at("base.vhd"), &check, &result, &err), 0);
	ck_assert_uint_eq(result.count[VHD_SEV_ERROR], 0);
	ck_assert_uint_eq(result.count[VHD_SEV_FATAL], 0);
	ck_assert_int_eq(byte_at("mid.vhd", 13000), 'm');
	ck_assert_uint_eq(coalesce("mid.vhd", NULL), 8192);
	ck_assert_int_eq(byte_at("base.vhd", 13000), 'm');
	tempdir_remove(&dir);
}
END_TEST

START_TEST(xen_coalesce__refused)
{
	struct vhd_xen_coalesce_opts o = VHD_XEN_COALESCE_OPTS_INIT;
	struct vhd_image *held;
	struct vhd_error err;

	setup();
	ck_assert_int_eq(vhd_xen_coalesce(at("base.vhd"), NULL, NULL, &err),
			 VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_coalesce(NULL, NULL, NULL, &err),
			 VHD_E_INVAL);
	o.flags = 1u << 31;
	ck_assert_int_eq(vhd_xen_coalesce(at("mid.vhd"), &o, NULL, &err),
			 VHD_E_INVAL);
	o.flags = 0;
	o.size = 4;
	ck_assert_int_eq(vhd_xen_coalesce(at("mid.vhd"), &o, NULL, &err),
			 VHD_E_INVAL);
	o.size = sizeof(o);
	o.into = at("mid.vhd");
	ck_assert_int_eq(vhd_xen_coalesce(at("mid.vhd"), &o, NULL, &err),
			 VHD_E_INVAL);
	o.into = at("nope.vhd");
	ck_assert_int_eq(vhd_xen_coalesce(at("mid.vhd"), &o, NULL, &err),
			 VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ENOENT);
	/* The image may be in use, its parent may not. */
	held = open_exact("mid.vhd");
	ck_assert_uint_eq(coalesce("mid.vhd", NULL), 0);
	vhd_close(&held, NULL);
	held = open_exact("base.vhd");
	ck_assert_int_eq(vhd_xen_coalesce(at("mid.vhd"), NULL, NULL, &err),
			 VHD_E_BUSY);
	vhd_close(&held, NULL);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN("xen/coalesce",
	  xen_coalesce__exact_sectors_without_a_grandparent,
	  xen_coalesce__holes_are_marked_too,
	  xen_coalesce__unzeroed,
	  xen_coalesce__into_an_ancestor,
	  xen_coalesce__cancelled,
	  xen_coalesce__refused)
