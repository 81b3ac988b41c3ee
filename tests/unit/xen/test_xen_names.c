/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which file a name means, which file Xen's tools take for a parent, and what the
 * flags of vhd_open() that are made for them let through.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/bytes.h"
#include "codec/vhd1_batmap.h"
#include "codec/vhd1_footer.h"
#include "codec/vhd1_header.h"
#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

enum {
	XEN = VHD_OPEN_XEN_PARENT | VHD_OPEN_IGNORE_PARENT_ID |
	      VHD_OPEN_ANY_PARENT_DIR
};

static struct tempdir dir;

static const char *at(const char *name)
{
	static char buf[8][512];
	static unsigned turn;

	return tempdir_name(&dir, name, buf[turn++ % 8]);
}

static void setup(void)
{
	tempdir_make(&dir);
	ck_assert_int_eq(mkdir(at("sub"), 0777), 0);
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

static void get(const char *name, void *buf, size_t len, uint64_t off)
{
	int fd = open(at(name), O_RDONLY);

	ck_assert_int_eq(pread(fd, buf, len, (off_t)off), (ssize_t)len);
	close(fd);
}

static void put(const char *name, const void *buf, size_t len, uint64_t off)
{
	int fd = open(at(name), O_WRONLY);

	ck_assert_int_eq(pwrite(fd, buf, len, (off_t)off), (ssize_t)len);
	close(fd);
}

/* A slot gets another text; without one, it is emptied. */
static void set_slot(const char *name, unsigned slot, uint32_t code,
		     const char *text)
{
	uint8_t raw[VHD1_HEADER_LEN], payload[512] = { 0 };
	struct vhd1_header h;
	size_t len = 0;

	get(name, raw, sizeof(raw), 512);
	vhd1_header_decode(raw, &h);
	if (code == VHD1_LOC_MACX) {
		len = strlen(text);
		memcpy(payload, text, len);
	} else if (code) {
		ck_assert(vhd1_locator_encode(text, payload, sizeof(payload),
					      &len));
	}
	if (code) {
		h.locator[slot].code = code;
		h.locator[slot].len = (uint32_t)len;
		put(name, payload, sizeof(payload), h.locator[slot].off);
	} else {
		memset(&h.locator[slot], 0, sizeof(h.locator[slot]));
	}
	vhd1_header_encode(&h, raw);
	put(name, raw, sizeof(raw), 512);
}

static void set_all(const char *name, const char *a, const char *b,
		    const char *c)
{
	set_slot(name, 0, a ? VHD1_LOC_MACX : 0, a);
	set_slot(name, 1, b ? VHD1_LOC_W2KU : 0, b);
	set_slot(name, 2, c ? VHD1_LOC_W2RU : 0, c);
}

/* The parent is @want, in the folder of the test. */
static void ck_parent(const char *name, const char *want)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;
	char buf[1024];
	bool raw = true;

	if (vhd_xen_parent(at(name), buf, sizeof(buf), &raw, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert_str_eq(buf, at(want));
	ck_assert(!raw);
	o.flags = XEN;
	o.format = VHD_FORMAT_VHD;
	if (vhd_open(at(name), &o, &img, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert_uint_ge(vhd_layers(img), 2);
	ck_assert_str_eq(vhd_layer_path(img, 1), at(want));
	vhd_close(&img, NULL);
}

static void ck_no_parent(const char *name, int code, int os_errno)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;
	char buf[1024];

	ck_assert_int_eq(vhd_xen_parent(at(name), buf, sizeof(buf), NULL, &err),
			 code);
	ck_assert_int_eq(err.os_errno, os_errno);
	o.flags = XEN;
	ck_assert_int_eq(vhd_open(at(name), &o, &img, &err), code);
	ck_assert_int_eq(err.os_errno, os_errno);
}

static int open_as(const char *name, uint32_t flags, struct vhd_image **img,
		   struct vhd_error *err)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;

	o.flags = flags;
	o.format = VHD_FORMAT_VHD;
	return vhd_open(at(name), &o, img, err);
}

static void ck_opens(const char *name, uint32_t flags)
{
	struct vhd_image *img = NULL;
	struct vhd_error err;

	if (open_as(name, flags, &img, &err))
		ck_abort_msg("%s", err.msg);
	vhd_close(&img, NULL);
}

static void ck_refused(const char *name, uint32_t flags, int code)
{
	struct vhd_image *img = NULL;
	struct vhd_error err;

	ck_assert_int_eq(open_as(name, flags, &img, &err), code);
}

START_TEST(canonical__of_files)
{
	char buf[1024], small[8];
	struct vhd_error err;

	setup();
	create("a.vhd", NULL);
	ck_assert_int_eq(symlink("../a.vhd", at("sub/link")), 0);
	ck_assert_int_eq(vhd_xen_canonical(at("sub/link"), buf, sizeof(buf),
					   &err), 0);
	ck_assert_str_eq(buf, at("a.vhd"));
	ck_assert_int_eq(vhd_xen_canonical(at("sub/../sub/./link"), buf,
					   sizeof(buf), &err), 0);
	ck_assert_str_eq(buf, at("a.vhd"));
	ck_assert_int_eq(vhd_xen_canonical(at("sub/.."), buf, sizeof(buf),
					   &err), 0);
	ck_assert_str_eq(buf, dir.path);
	ck_assert_int_eq(chdir(at("sub")), 0);
	ck_assert_int_eq(vhd_xen_canonical("link", buf, sizeof(buf), &err), 0);
	ck_assert_str_eq(buf, at("a.vhd"));
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(vhd_xen_canonical(at("a.vhd"), small, sizeof(small),
					   &err), VHD_E_RANGE);
	ck_assert_int_eq(vhd_xen_canonical(at("none"), buf, sizeof(buf), &err),
			 VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ENOENT);
	ck_assert_int_eq(vhd_xen_canonical("", buf, sizeof(buf), &err),
			 VHD_E_IO);
	ck_assert_int_eq(symlink("loop", at("loop")), 0);
	ck_assert_int_eq(vhd_xen_canonical(at("loop"), buf, sizeof(buf), &err),
			 VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ELOOP);
	tempdir_remove(&dir);
}
END_TEST

/* VHD-L-21: the order of the slots, whatever is in them. */
START_TEST(parent__first_slot)
{
	setup();
	create("a.vhd", NULL);
	create("b.vhd", NULL);
	create("c.vhd", "a.vhd");
	ck_parent("c.vhd", "a.vhd");
	set_all("c.vhd", "file://./b.vhd", ".\\a.vhd", ".\\a.vhd");
	ck_parent("c.vhd", "b.vhd");
	set_all("c.vhd", "file://./gone.vhd", ".\\b.vhd", ".\\a.vhd");
	ck_parent("c.vhd", "b.vhd");
	set_all("c.vhd", "file://./gone.vhd", "C:\\x\\b.vhd", "a.vhd");
	ck_parent("c.vhd", "a.vhd");
	tempdir_remove(&dir);
}
END_TEST

START_TEST(parent__absolute_and_relative)
{
	char text[600];

	setup();
	create("a.vhd", NULL);
	create("sub/b.vhd", NULL);
	create("c.vhd", "a.vhd");
	snprintf(text, sizeof(text), "file://%s", at("sub/b.vhd"));
	set_all("c.vhd", text, ".\\a.vhd", ".\\a.vhd");
	ck_parent("c.vhd", "sub/b.vhd");
	/* Not there as an absolute name, but below the child's folder. */
	set_all("c.vhd", "file:///sub/b.vhd", ".\\a.vhd", ".\\a.vhd");
	ck_parent("c.vhd", "sub/b.vhd");
	set_all("c.vhd", "file://./sub/b.vhd", NULL, NULL);
	ck_parent("c.vhd", "sub/b.vhd");
	/* From the child's own folder, not from that of a link to it. */
	ck_assert_int_eq(symlink("../c.vhd", at("sub/link.vhd")), 0);
	ck_parent("sub/link.vhd", "sub/b.vhd");
	tempdir_remove(&dir);
}
END_TEST

START_TEST(parent__gone)
{
	setup();
	create("a.vhd", NULL);
	create("sub/b.vhd", NULL);
	create("c.vhd", "a.vhd");
	/* Neither a name that it had elsewhere nor the one in the header. */
	set_all("c.vhd", "file://./gone/a.vhd", NULL, ".\\gone\\A.VHD");
	ck_no_parent("c.vhd", VHD_E_PARENT, ENOENT);
	ck_opens("c.vhd", VHD_OPEN_IGNORE_PARENT_ID);
	set_all("c.vhd", NULL, NULL, NULL);
	ck_no_parent("c.vhd", VHD_E_CORRUPT, 0);
	ck_no_parent("none.vhd", VHD_E_IO, ENOENT);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(parent__none_recorded)
{
	struct vhd_error err;
	char buf[1024];

	setup();
	create("a.vhd", NULL);
	ck_assert_int_eq(vhd_xen_parent(at("a.vhd"), buf, sizeof(buf), NULL,
					&err), VHD_E_INVAL);
	create("c.vhd", "a.vhd");
	ck_assert_int_eq(vhd_xen_parent(at("c.vhd"), buf, 4, NULL, &err),
			 VHD_E_RANGE);
	tempdir_remove(&dir);
}
END_TEST

/* A file that is no VHD is no parent, though its id is not asked for. */
START_TEST(parent__no_image)
{
	setup();
	create("a.vhd", NULL);
	create("c.vhd", "a.vhd");
	ck_assert_int_eq(truncate(at("a.vhd"), 0), 0);
	ck_assert_int_eq(truncate(at("a.vhd"), 16 << 20), 0);
	ck_refused("c.vhd", XEN, VHD_E_FORMAT);
	tempdir_remove(&dir);
}
END_TEST

/* Outside of the folder it takes a word more. */
START_TEST(parent__policy)
{
	setup();
	create("a.vhd", NULL);
	create("sub/c.vhd", "a.vhd");
	ck_refused("sub/c.vhd", VHD_OPEN_XEN_PARENT, VHD_E_POLICY);
	ck_opens("sub/c.vhd", VHD_OPEN_XEN_PARENT | VHD_OPEN_ANY_PARENT_DIR);
	/* The identity still counts. */
	create("sub/b.vhd", NULL);
	set_all("sub/c.vhd", "file://./b.vhd", NULL, NULL);
	ck_refused("sub/c.vhd", VHD_OPEN_XEN_PARENT, VHD_E_PARENT);
	ck_opens("sub/c.vhd", XEN);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(parent__itself)
{
	setup();
	create("a.vhd", NULL);
	create("b.vhd", "a.vhd");
	create("c.vhd", "b.vhd");
	set_all("b.vhd", "file://./b.vhd", ".\\b.vhd", ".\\b.vhd");
	ck_refused("b.vhd", XEN, VHD_E_PARENT);
	ck_refused("c.vhd", XEN, VHD_E_PARENT);
	set_all("b.vhd", "file://./c.vhd", ".\\c.vhd", ".\\c.vhd");
	ck_refused("b.vhd", XEN, VHD_E_PARENT);
	tempdir_remove(&dir);
}
END_TEST

/* VHD-X-20 */
static void poison(const char *name, uint64_t off)
{
	struct vhd1_footer_disk d;

	get(name, &d, sizeof(d), off);
	memcpy(d.cookie, VHD1_COOKIE_POISON, 8);
	d.checksum = be32_make(vhd1_checksum((const uint8_t *)&d, sizeof(d),
					     offsetof(struct vhd1_footer_disk,
						      checksum)));
	put(name, &d, sizeof(d), off);
}

START_TEST(open__poisoned)
{
	const uint32_t how = VHD_OPEN_POISONED;
	struct stat st;

	setup();
	create("a.vhd", NULL);
	ck_assert_int_eq(stat(at("a.vhd"), &st), 0);
	poison("a.vhd", 0);
	ck_refused("a.vhd", 0, VHD_E_UNSUPPORTED);
	ck_opens("a.vhd", how);
	poison("a.vhd", (uint64_t)st.st_size - 512);
	ck_refused("a.vhd", 0, VHD_E_UNSUPPORTED);
	ck_refused("a.vhd", how | VHD_OPEN_RDWR, VHD_E_UNSUPPORTED);
	ck_opens("a.vhd", how);
	/* The end of the file may hold anything by then. */
	ck_assert_int_eq(truncate(at("a.vhd"), st.st_size - 512), 0);
	ck_opens("a.vhd", how);
	/* The mark alone is none. */
	put("a.vhd", "vhd", 3, 28);
	ck_refused("a.vhd", how, VHD_E_UNSUPPORTED);
	tempdir_remove(&dir);
}
END_TEST

/* VHD-X-15 */
START_TEST(open__ciphertext)
{
	const uint32_t how = VHD_OPEN_CIPHERTEXT;
	uint8_t raw[VHD1_BATMAP_LEN];
	struct vhd_image *img = NULL;
	struct vhd1_batmap b;
	struct vhd_error err;
	char buf[5];

	setup();
	create("a.vhd", NULL);
	get("a.vhd", raw, sizeof(raw), 2048);
	ck_assert(vhd1_batmap_decode(raw, &b));
	b.key_cookie = 1;
	vhd1_batmap_encode(&b, raw);
	put("a.vhd", raw, sizeof(raw), 2048);
	ck_refused("a.vhd", VHD_OPEN_RDWR, VHD_E_UNSUPPORTED);
	ck_assert_int_eq(open_as("a.vhd", how | VHD_OPEN_RDWR, &img, &err), 0);
	ck_assert_int_eq(vhd_pwrite(img, "hello", 5, 4096, &err), 0);
	ck_assert_int_eq(vhd_close(&img, &err), 0);
	ck_assert_int_eq(open_as("a.vhd", 0, &img, &err), 0);
	ck_assert_int_eq(vhd_pread(img, buf, 5, 4096, &err),
			 VHD_E_UNSUPPORTED);
	vhd_close(&img, NULL);
	ck_assert_int_eq(open_as("a.vhd", how, &img, &err), 0);
	ck_assert_int_eq(vhd_pread(img, buf, 5, 4096, &err), 0);
	ck_assert_mem_eq(buf, "hello", 5);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN("xen/names", canonical__of_files, parent__first_slot,
	  parent__absolute_and_relative, parent__gone, parent__none_recorded,
	  parent__no_image, parent__policy, parent__itself, open__poisoned,
	  open__ciphertext)
