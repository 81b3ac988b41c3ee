/* SPDX-License-Identifier: BSD-2-Clause */
/* Snapshots, copies and filled disks as a program makes them with the library; what
 * they look like is a matter of tests/classic. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static struct tempdir dir;

static const char *at(const char *name)
{
	static char buf[8][512];
	static unsigned turn;

	return tempdir_name(&dir, name, buf[turn++ % 8]);
}

static void setup(void)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;

	tempdir_make(&dir);
	o.flags = VHD_CREATE_NO_SYNC;
	o.target = VHD_TARGET_XEN;
	o.virtual_size = 8 * MIB;
	ck_assert_int_eq(vhd_create(at("base.vhd"), &o, NULL), 0);
}

static void teardown(void)
{
	tempdir_remove(&dir);
}

static void raw_disk(const char *name, off_t len)
{
	int fd = open(at(name), O_CREAT | O_WRONLY, 0666);

	ck_assert_int_eq(ftruncate(fd, len), 0);
	close(fd);
}

static void snapshot(const char *name, const char *parent, uint32_t flags)
{
	struct vhd_xen_snapshot_opts o = VHD_XEN_SNAPSHOT_OPTS_INIT;
	struct vhd_error err;

	o.flags = flags;
	if (vhd_xen_snapshot(at(name), at(parent), &o, &err))
		ck_abort_msg("%s: %s", name, err.msg);
}

static void put(const char *name, uint64_t off, uint8_t byte, size_t len)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img;
	static uint8_t buf[1 << 20];

	ck_assert_uint_le(len, sizeof(buf));
	memset(buf, byte, len);
	o.flags = VHD_OPEN_RDWR;
	ck_assert_int_eq(vhd_open(at(name), &o, &img, NULL), 0);
	ck_assert_int_eq(vhd_pwrite(img, buf, len, off, NULL), 0);
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
}

static uint8_t get(const char *name, uint64_t off)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img;
	uint8_t byte;

	o.flags = VHD_OPEN_CIPHERTEXT;
	ck_assert_int_eq(vhd_open(at(name), &o, &img, NULL), 0);
	ck_assert_int_eq(vhd_pread(img, &byte, 1, off, NULL), 0);
	vhd_close(&img, NULL);
	return byte;
}

static const char *base_of(const char *name, bool *raw)
{
	static char buf[512];
	struct vhd_error err;
	const char *slash;

	if (vhd_xen_base(at(name), buf, sizeof(buf), raw, &err))
		ck_abort_msg("%s: %s", name, err.msg);
	slash = strrchr(buf, '/');
	return slash ? slash + 1 : buf;
}

START_TEST(xen_base__passes_over_what_is_empty)
{
	bool raw = true;

	setup();
	snapshot("a.vhd", "base.vhd", 0);
	snapshot("b.vhd", "a.vhd", VHD_XEN_KEEP_EMPTY);
	ck_assert_str_eq(base_of("b.vhd", &raw), "base.vhd");
	ck_assert(!raw);
	put("a.vhd", 0, 1, 512);
	ck_assert_str_eq(base_of("b.vhd", NULL), "a.vhd");
	put("b.vhd", 0, 1, 512);
	ck_assert_str_eq(base_of("b.vhd", NULL), "b.vhd");
	teardown();
}
END_TEST

START_TEST(xen_base__ends_at_a_raw_disk)
{
	bool raw = false;

	setup();
	raw_disk("disk", 3 * MIB);
	snapshot("a.vhd", "disk", VHD_XEN_RAW_PARENT);
	snapshot("b.vhd", "a.vhd", VHD_XEN_KEEP_EMPTY);
	ck_assert_str_eq(base_of("b.vhd", &raw), "disk");
	ck_assert(raw);
	/* One that the child would show the end of is not passed on. */
	ck_assert_int_eq(truncate(at("disk"), 4 * MIB), 0);
	ck_assert_str_eq(base_of("b.vhd", &raw), "a.vhd");
	ck_assert(!raw);
	teardown();
}
END_TEST

START_TEST(xen_base__needs_room_for_the_name)
{
	char small[8];

	setup();
	ck_assert_int_eq(vhd_xen_base(at("base.vhd"), small, sizeof(small),
				      NULL, NULL), VHD_E_RANGE);
	ck_assert_int_eq(vhd_xen_base(at("nope"), small, 0, NULL, NULL),
			 VHD_E_RANGE);
	ck_assert_int_eq(vhd_xen_base(NULL, small, sizeof(small), NULL, NULL),
			 VHD_E_INVAL);
	teardown();
}
END_TEST

START_TEST(xen_snapshot__says_which_file_is_to_blame)
{
	struct vhd_xen_snapshot_opts o = VHD_XEN_SNAPSHOT_OPTS_INIT;
	struct vhd_error err;

	setup();
	ck_assert_int_eq(vhd_xen_snapshot(at("a.vhd"), at("nope"), NULL, &err),
			 VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ENOENT);
	ck_assert_str_eq(err.file, at("nope"));
	ck_assert_int_eq(vhd_xen_snapshot(at("no/a.vhd"), at("base.vhd"), NULL,
					  &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ENOENT);
	ck_assert_str_eq(err.file, at("no/a.vhd"));
	o.flags = 1 << 30;
	ck_assert_int_eq(vhd_xen_snapshot(at("a.vhd"), at("base.vhd"), &o,
					  &err), VHD_E_INVAL);
	ck_assert_str_eq(err.msg, "unknown flags 0x40000000");
	o.flags = 0;
	o.room_size = 6 * MIB;
	ck_assert_int_eq(vhd_xen_snapshot(at("a.vhd"), at("base.vhd"), &o,
					  &err), VHD_E_INVAL);
	ck_assert_str_eq(err.file, at("base.vhd"));
	ck_assert_int_eq(vhd_xen_snapshot(at("base.vhd"), at("base.vhd"), NULL,
					  &err), VHD_E_INVAL);
	ck_assert_int_ne(access(at("a.vhd"), F_OK), 0);
	teardown();
}
END_TEST

START_TEST(xen_create__what_is_for_xen_is_for_xen)
{
	static const struct vhd_key_hash key = { .hash = { 1 } };
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;

	setup();
	o.virtual_size = 8 * MIB;
	o.key_hash = &key;
	ck_assert_int_eq(vhd_create(at("a.vhd"), &o, NULL), VHD_E_INVAL);
	o.key_hash = NULL;
	o.room_size = 16 * MIB;
	ck_assert_int_eq(vhd_create(at("a.vhdx"), &o, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_create(at("a.img"), &o, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_create(at("a.vhd"), &o, NULL), 0);
	o.room_size = 0;
	o.virtual_size = 0;
	o.parent = at("base.vhd");
	o.flags = VHD_CREATE_RAW_PARENT;
	ck_assert_int_eq(vhd_create(at("b.vhd"), &o, NULL), VHD_E_INVAL);
	o.target = VHD_TARGET_XEN;
	ck_assert_int_eq(vhd_create(at("b.vhd"), &o, NULL), 0);
	teardown();
}
END_TEST

/* The file that is there stays when the new one cannot be. */
START_TEST(xen_snapshot__an_old_file_stays_until_the_new_one_is_ready)
{
	struct vhd_error err;

	setup();
	snapshot("a.vhd", "base.vhd", 0);
	put("a.vhd", 0, 7, 512);
	ck_assert_int_ne(vhd_xen_snapshot(at("a.vhd"), at("nope"), NULL, &err),
			 0);
	ck_assert_uint_eq(get("a.vhd", 0), 7);
	snapshot("a.vhd", "base.vhd", 0);
	ck_assert_uint_eq(get("a.vhd", 0), 0);
	teardown();
}
END_TEST

struct calls {
	unsigned count;
	uint64_t first;
	size_t bytes;
};

static void invert(void *arg, uint64_t sector, void *buf, size_t len)
{
	struct calls *c = arg;
	uint8_t *at_byte = buf;

	if (!c->count++)
		c->first = sector;
	c->bytes += len;
	for (size_t i = 0; i < len; i++)
		at_byte[i] ^= 0xff;
}

START_TEST(xen_copy__each_block_that_there_is_passes_through_the_cipher)
{
	static const struct vhd_key_hash key = { .hash = { 1, 2, 3 } };
	struct vhd_xen_copy_opts o = VHD_XEN_COPY_OPTS_INIT;
	struct calls calls = { 0 };
	struct vhd_error err;

	setup();
	put("base.vhd", 2 * MIB + 512, 0x11, 512);
	put("base.vhd", 6 * MIB, 0x22, 512);
	o.key_hash = &key;
	o.cipher = invert;
	o.cipher_arg = &calls;
	if (vhd_xen_copy(at("base.vhd"), at("c.vhd"), &o, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert_uint_eq(calls.count, 2);
	ck_assert_uint_eq(calls.first, 4096);
	ck_assert_uint_eq(calls.bytes, 4 * MIB);
	ck_assert_uint_eq(get("c.vhd", 2 * MIB), 0xff);
	ck_assert_uint_eq(get("c.vhd", 2 * MIB + 512), 0xee);
	ck_assert_uint_eq(get("c.vhd", 6 * MIB), 0xdd);
	ck_assert_uint_eq(get("c.vhd", 0), 0);
	/* It is not there twice, and not replaced. */
	ck_assert_int_eq(vhd_xen_copy(at("base.vhd"), at("c.vhd"), &o, NULL),
			 VHD_E_EXISTS);
	ck_assert_int_eq(vhd_xen_copy(at("c.vhd"), at("d.vhd"), &o, NULL),
			 VHD_E_INVAL);
	/* Children read what they are given with the same key. */
	snapshot("s.vhd", "c.vhd", 0);
	ck_assert_int_eq(vhd_xen_copy(at("s.vhd"), at("d.vhd"), NULL, NULL),
			 VHD_E_INVAL);
	o = (struct vhd_xen_copy_opts){ .size = 0 };
	ck_assert_int_eq(vhd_xen_copy(at("base.vhd"), at("d.vhd"), &o, &err),
			 VHD_E_INVAL);
	ck_assert_str_eq(err.msg, "struct vhd_xen_copy_opts has no size");
	ck_assert_int_ne(access(at("d.vhd"), F_OK), 0);
	teardown();
}
END_TEST

START_TEST(xen_fill__the_disk_shows_what_it_showed)
{
	setup();
	put("base.vhd", 3 * MIB, 0x33, 512);
	snapshot("a.vhd", "base.vhd", 0);
	put("a.vhd", 7 * MIB, 0x77, 512);
	ck_assert_int_eq(vhd_xen_fill(at("a.vhd"), 3 * MIB, 512, 0, NULL, NULL),
			 0);
	put("base.vhd", 3 * MIB, 0x44, 512);
	ck_assert_uint_eq(get("a.vhd", 3 * MIB), 0x33);
	ck_assert_uint_eq(get("a.vhd", 7 * MIB), 0x77);
	ck_assert_int_eq(vhd_xen_fill(at("a.vhd"), 8 * MIB, 1, 0, NULL, NULL),
			 VHD_E_RANGE);
	ck_assert_int_eq(vhd_xen_fill(at("a.vhd"), 0, UINT64_MAX, 0, NULL,
				      NULL),
			 VHD_E_RANGE);
	ck_assert_int_eq(vhd_xen_fill(at("a.vhd"), UINT64_MAX, 2, 0, NULL,
				      NULL),
			 VHD_E_RANGE);
	teardown();
}
END_TEST

START_TEST(xen_wrap__there_and_back)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img;

	setup();
	raw_disk("disk", 1000);
	ck_assert_int_eq(vhd_xen_wrap(at("disk"), NULL), 0);
	ck_assert_int_eq(vhd_open(at("disk"), NULL, &img, NULL), 0);
	ck_assert_int_eq(vhd_layer_info(img, 0, &info, NULL), 0);
	ck_assert_int_eq(info.type, VHD_TYPE_FIXED);
	ck_assert_uint_eq(info.virtual_size, 1024);
	vhd_close(&img, NULL);
	ck_assert_int_eq(vhd_xen_unwrap(at("disk"), NULL), 0);
	ck_assert_int_ne(vhd_xen_unwrap(at("disk"), NULL), 0);
	ck_assert_int_eq(vhd_xen_unwrap(at("base.vhd"), NULL), VHD_E_INVAL);
	ck_assert_int_eq(truncate(at("disk"), 0), 0);
	ck_assert_int_eq(vhd_xen_wrap(at("disk"), NULL), VHD_E_INVAL);
	teardown();
}
END_TEST

TEST_MAIN("xen/snapshot",
	  xen_base__passes_over_what_is_empty,
	  xen_base__ends_at_a_raw_disk,
	  xen_base__needs_room_for_the_name,
	  xen_snapshot__says_which_file_is_to_blame,
	  xen_create__what_is_for_xen_is_for_xen,
	  xen_snapshot__an_old_file_stays_until_the_new_one_is_ready,
	  xen_copy__each_block_that_there_is_passes_through_the_cipher,
	  xen_fill__the_disk_shows_what_it_showed,
	  xen_wrap__there_and_back)
