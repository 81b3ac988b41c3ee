/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhd_xen_check() and vhd_xen_sectors(): what they take, that the first fault
 * wins, and that no lack of memory is taken for a sound image.  Its sentences
 * are compared in tests/classic.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static uint64_t allocs, fail_alloc;

/* Replaces the library's own (base/alloc.h). */
bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return ++allocs != fail_alloc;
}

static struct tempdir dir;

static const char *at(const char *name)
{
	static char buf[8][512];
	static unsigned turn;

	return tempdir_name(&dir, name, buf[turn++ % 8]);
}

static void create(const char *name, const char *parent)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.flags = VHD_CREATE_NO_SYNC;
	o.target = VHD_TARGET_XEN;
	o.virtual_size = parent ? 0 : 16 * MIB;
	o.parent = parent ? at(parent) : NULL;
	if (vhd_create(at(name), &o, &err))
		ck_abort_msg("%s", err.msg);
}

static struct vhd_image *image(const char *name, uint32_t flags)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	o.flags = flags;
	if (vhd_open(at(name), &o, &img, &err))
		ck_abort_msg("%s", err.msg);
	return img;
}

static void fill(const char *name, uint64_t off, size_t len)
{
	struct vhd_image *img = image(name, VHD_OPEN_RDWR);
	struct vhd_error err;
	char *buf = malloc(len);

	memset(buf, 'x', len);
	if (vhd_pwrite(img, buf, len, off, &err) || vhd_close(&img, &err))
		ck_abort_msg("%s", err.msg);
	free(buf);
}

static void put(const char *name, const void *buf, size_t len, off_t off)
{
	int fd = open(at(name), O_WRONLY);

	ck_assert_int_eq(pwrite(fd, buf, len, off), (ssize_t)len);
	close(fd);
}

/* base, 3 blocks; mid and leaf, differencing, 8 sectors of 4 KiB units each. */
static void scene(void)
{
	fail_alloc = 0;
	tempdir_make(&dir);
	create("base.vhd", NULL);
	fill("base.vhd", 0, 5 * MIB);
	create("mid.vhd", "base.vhd");
	fill("mid.vhd", 4096, 4096);
	fill("mid.vhd", 12 * MIB, 4096);
	create("leaf.vhd", "mid.vhd");
	fill("leaf.vhd", 0, 8192);
	fill("leaf.vhd", 12 * MIB, 8192);
}

START_TEST(check__takes)
{
	struct vhd_error err;

	scene();
	ck_assert_int_eq(vhd_xen_check(at("leaf.vhd"), 0, &err), 0);
	ck_assert_int_eq(vhd_xen_check(at("leaf.vhd"), 1u << 30, &err),
			 VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_check(NULL, 0, &err), VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_check(at("none.vhd"), 0, &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ENOENT);
	ck_assert_int_eq(vhd_xen_check(dir.path, 0, NULL), VHD_E_NOTFILE);
	tempdir_remove(&dir);
}
END_TEST

/* What is at the end of the file is looked at first, and the file named. */
START_TEST(check__first_fault)
{
	struct vhd_error err;
	struct stat st;

	scene();
	ck_assert_int_eq(stat(at("mid.vhd"), &st), 0);
	put("mid.vhd", "x", 1, 512);
	ck_assert_int_eq(vhd_xen_check(at("mid.vhd"), 0, &err), VHD_E_CORRUPT);
	ck_assert_str_eq(err.msg, "header is invalid: invalid cookie");
	ck_assert_str_eq(err.file, at("mid.vhd"));
	ck_assert_str_eq(err.rule->name, "VHD1_HDR_COOKIE");
	put("mid.vhd", "x", 1, 0);
	ck_assert_int_eq(vhd_xen_check(at("mid.vhd"), 0, &err), VHD_E_CORRUPT);
	ck_assert_str_eq(err.msg, "backup footer invalid: invalid cookie");
	ck_assert_uint_eq(err.off, 0);
	put("mid.vhd", "x", 1, st.st_size - 512);
	ck_assert_int_eq(vhd_xen_check(at("mid.vhd"), 0, &err), VHD_E_CORRUPT);
	ck_assert_str_eq(err.msg, "primary footer invalid: invalid cookie");
	ck_assert_uint_eq(err.off, (uint64_t)st.st_size - 512);
	/* The child does not look into its parent, but wants one. */
	ck_assert_int_eq(vhd_xen_check(at("leaf.vhd"), 0, &err),
			 VHD_E_FORMAT);
	ck_assert_int_eq(strncmp(err.msg, "invalid parent ", 15), 0);
	ck_assert_int_eq(unlink(at("mid.vhd")), 0);
	ck_assert_int_eq(vhd_xen_check(at("leaf.vhd"), 0, &err),
			 VHD_E_PARENT);
	ck_assert_int_eq(err.os_errno, ENOENT);
	ck_assert_str_eq(err.msg, "error resolving ./mid.vhd: -2");
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__no_memory)
{
	const uint32_t flags = VHD_XEN_CHECK_DATA;
	struct vhd_error err;
	const uint8_t none = 0;
	uint64_t n = 0, all;
	uint8_t entry[4];
	int fd;

	scene();
	/* The last thing that is looked at is wrong: data under clear bits. */
	fd = open(at("leaf.vhd"), O_RDONLY);
	ck_assert_int_eq(pread(fd, entry, 4, 1536), 4);
	close(fd);
	put("leaf.vhd", &none, 1, (entry[2] << 8 | entry[3]) * 512);
	allocs = 0;
	ck_assert_int_eq(vhd_xen_check(at("leaf.vhd"), flags, &err),
			 VHD_E_CORRUPT);
	ck_assert_str_eq(err.msg, "sector 0x0 of block 0x0 has data where "
			 "bitmap is clear");
	all = allocs;
	ck_assert_uint_gt(all, 10);
	while (++n <= all) {
		int rc;

		allocs = 0;
		fail_alloc = n;
		rc = vhd_xen_check(at("leaf.vhd"), flags, &err);
		/* What only makes it faster may be missing. */
		ck_assert(rc == VHD_E_NOMEM || rc == VHD_E_CORRUPT ||
			  rc == VHD_E_IO || rc == VHD_E_PARENT);
	}
	fail_alloc = 0;
	tempdir_remove(&dir);
}
END_TEST

static void ck_sectors(struct vhd_image *img, uint32_t layer,
		       const uint64_t want[4])
{
	struct vhd_xen_sectors s = { .size = sizeof(s) };
	struct vhd_error err;

	if (vhd_xen_sectors(img, layer, 0, &s, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert_uint_eq(s.allocated, want[0]);
	ck_assert_uint_eq(s.written, want[1]);
	ck_assert_uint_eq(s.not_in_parent, want[2]);
	ck_assert_uint_eq(s.not_in_ancestors, want[3]);
	ck_assert_int_eq(s.has_parent, layer + 1 < vhd_layers(img));
	s.has_parent = true;
	s.not_in_parent = s.not_in_ancestors = 9;
	if (vhd_xen_sectors(img, layer, VHD_XEN_SECTORS_ALONE, &s, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert_uint_eq(s.allocated, want[0]);
	ck_assert_uint_eq(s.written, want[1]);
	ck_assert_uint_eq(s.not_in_parent + s.not_in_ancestors, 0);
	ck_assert(!s.has_parent);
}

/* Of the files below nothing is read. */
START_TEST(sectors__alone)
{
	struct vhd_xen_sectors s = { .size = sizeof(s) };
	struct vhd_io_stats before, after;
	struct vhd_image *img;

	scene();
	img = image("leaf.vhd", 0);
	vhd_layer_io_stats(img, 1, &before);
	ck_assert_int_eq(vhd_xen_sectors(img, 0, VHD_XEN_SECTORS_ALONE, &s,
					 NULL), 0);
	vhd_layer_io_stats(img, 1, &after);
	ck_assert_uint_eq(after.reads, before.reads);
	ck_assert_int_eq(vhd_xen_sectors(img, 0, 0, &s, NULL), 0);
	vhd_layer_io_stats(img, 1, &after);
	ck_assert_uint_gt(after.reads, before.reads);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(sectors__count)
{
	struct vhd_xen_sectors s = { .size = 4 };
	struct vhd_image *img;
	struct vhd_error err;

	scene();
	img = image("leaf.vhd", 0);
	/* 0 to 16 and 24576 to 24592; below: 8 to 16 and 24576 to 24584. */
	ck_sectors(img, 0, (const uint64_t[]){ 8192, 32, 16, 8 });
	ck_sectors(img, 1, (const uint64_t[]){ 8192, 16, 8, 8 });
	ck_sectors(img, 2, (const uint64_t[]){ 12288, 12288, 0, 0 });
	ck_assert_int_eq(vhd_xen_sectors(img, 0, 0, &s, &err), VHD_E_INVAL);
	s.size = sizeof(s);
	ck_assert_int_eq(vhd_xen_sectors(img, 3, 0, &s, &err), VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_sectors(img, 0, 2, &s, &err), VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_sectors(NULL, 0, 0, &s, &err), VHD_E_INVAL);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

static bool has_holes(void)
{
	int fd = open(at("holes"), O_RDWR | O_CREAT, 0600);
	off_t to;

	ck_assert_int_eq(ftruncate(fd, (off_t)MIB), 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, (off_t)MIB - 1), 1);
	to = lseek(fd, 0, SEEK_DATA);
	close(fd);
	return to > 0;
}

/* Space for every block, of which nothing was written to. */
static uint64_t spread(const char *name)
{
	const uint64_t count = 512, stride = 4096 + 8;
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	uint8_t table[4 * 512], footer[512];
	struct stat st;
	uint64_t first;
	int fd;

	o.flags = VHD_CREATE_NO_SYNC;
	o.target = VHD_TARGET_XEN;
	o.virtual_size = count * 2 * MIB;
	ck_assert_int_eq(vhd_create(at(name), &o, NULL), 0);
	fd = open(at(name), O_RDWR);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(pread(fd, footer, 512, 0), 512);
	first = (uint64_t)st.st_size / 4096 * 8 + 15;
	for (uint64_t i = 0; i < count; i++) {
		uint32_t be = htonl((uint32_t)(first + i * stride));

		memcpy(table + 4 * i, &be, 4);
	}
	ck_assert_int_eq(pwrite(fd, table, sizeof(table), 1536),
			 sizeof(table));
	/* What was the end stays as bytes that nobody looks at. */
	ck_assert_int_eq(pwrite(fd, footer, 512, (off_t)(512 * (first + count *
								stride))), 512);
	close(fd);
	return count;
}

/* SEEK_DATA finds nothing to read; elsewhere each bitmap is read once. */
START_TEST(sectors__holes)
{
	struct vhd_xen_sectors s = { .size = sizeof(s) };
	struct vhd_io_stats io;
	struct vhd_image *img;
	struct vhd_error err;
	uint64_t count;

	tempdir_make(&dir);
	count = spread("wide.vhd");
	if (vhd_xen_check(at("wide.vhd"), VHD_XEN_CHECK_DATA, &err))
		ck_abort_msg("%s", err.msg);
	fill("wide.vhd", 100 * 2 * MIB, 4096);
	img = image("wide.vhd", 0);
	if (vhd_xen_sectors(img, 0, 0, &s, &err))
		ck_abort_msg("%s", err.msg);
	vhd_layer_io_stats(img, 0, &io);
	ck_assert_uint_eq(s.allocated, count * 4096);
	ck_assert_uint_eq(s.written, 8);
	ck_assert_uint_lt(io.reads, has_holes() ? 50 : count + 50);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

/* A footer whose header is at @off. */
static void lead(uint8_t footer[512], uint64_t off)
{
	uint32_t sum = 0;

	for (int i = 0; i < 8; i++)
		footer[16 + i] = (uint8_t)(off >> (56 - 8 * i));
	memset(footer + 64, 0, 4);
	for (int i = 0; i < 512; i++)
		sum += footer[i];
	sum = htonl(~sum);
	memcpy(footer + 64, &sum, 4);
}

enum { FRONT = 1, TAIL = 2 };

/* The footers @turned lead to a second header, at @off; the file ends at @end. */
static int turned(unsigned turn, uint64_t off, uint64_t end, uint32_t flags,
		  struct vhd_error *err)
{
	uint8_t home[512], away[512], header[1024];
	int fd = open(at("mid.vhd"), O_RDONLY);

	ck_assert_int_eq(pread(fd, home, 512, 0), 512);
	ck_assert_int_eq(pread(fd, header, 1024, 512), 1024);
	close(fd);
	lead(home, 512);
	memcpy(away, home, 512);
	lead(away, off);
	put("mid.vhd", header, 1024, (off_t)off);
	put("mid.vhd", turn & FRONT ? away : home, 512, 0);
	put("mid.vhd", turn & TAIL ? away : home, 512, (off_t)end);
	return vhd_xen_check(at("mid.vhd"), flags, err);
}

static uint64_t entry_off(unsigned blk)
{
	uint32_t entry;
	int fd = open(at("mid.vhd"), O_RDONLY);

	ck_assert_int_eq(pread(fd, &entry, 4, 1536 + 4 * blk), 4);
	close(fd);
	return ntohl(entry) * UINT64_C(512);
}

/*
 * Between two steps of a change of the parent either footer may lead to another
 * header.  Where tapdisk writes, in front of a block but the first (VHD-A-5), it
 * has to be finished before a guest runs.
 */
START_TEST(check__half_turned)
{
	struct vhd_error err;
	uint64_t first, second, end;
	struct stat st;

	scene();
	first = entry_off(0);
	second = entry_off(6);
	ck_assert_uint_lt(first, second);
	ck_assert_int_eq(stat(at("mid.vhd"), &st), 0);
	end = (uint64_t)st.st_size - 512;
	for (unsigned turn = FRONT; turn <= (FRONT | TAIL); turn++) {
		ck_assert_int_eq(turned(turn, first - 1024, end, 0, &err), 0);
		ck_assert_int_eq(turned(turn, second - 1024, end, 0, &err),
				 VHD_E_CORRUPT);
		ck_assert_ptr_nonnull(strstr(err.msg, "lies between blocks"));
		ck_assert_uint_eq(err.off, second - 1024);
		/* The copy alone says where it is. */
		ck_assert_int_eq(turned(turn, second - 1024, end,
					VHD_XEN_CHECK_USE_COPY, &err),
				 turn & FRONT ? VHD_E_CORRUPT : 0);
	}
	for (unsigned turn = FRONT; turn <= (FRONT | TAIL); turn++)
		ck_assert_int_eq(turned(turn, end, end + 1024, 0, &err), 0);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN("xen/check", check__takes, check__first_fault, check__half_turned,
	  check__no_memory, sectors__count, sectors__alone, sectors__holes)
