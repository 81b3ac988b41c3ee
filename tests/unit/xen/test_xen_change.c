/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the calls that change headers refuse, and that they then change nothing;
 * what they do is in tests/classic, what a power cut leaves in tests/crash.
 */
#include <errno.h>

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

static void create(const char *name, const char *parent, enum vhd_type type)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.flags = VHD_CREATE_NO_SYNC;
	o.target = VHD_TARGET_XEN;
	o.type = type;
	o.virtual_size = parent ? 0 : 16 * MIB;
	o.parent = parent ? at(parent) : NULL;
	if (vhd_create(at(name), &o, &err))
		ck_abort_msg("%s", err.msg);
}

static void setup(void)
{
	tempdir_make(&dir);
	create("base.vhd", NULL, VHD_TYPE_DYNAMIC);
	create("mid.vhd", "base.vhd", VHD_TYPE_DIFF);
	create("leaf.vhd", "mid.vhd", VHD_TYPE_DIFF);
	create("fixed.vhd", NULL, VHD_TYPE_FIXED);
}

static char *slurp(const char *name, size_t *len_out)
{
	FILE *f = fopen(at(name), "rb");
	char *bytes;

	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	*len_out = (size_t)ftell(f);
	rewind(f);
	bytes = malloc(*len_out);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_uint_eq(fread(bytes, 1, *len_out, f), *len_out);
	fclose(f);
	return bytes;
}

static char *was;
static size_t was_len;

static void keep(const char *name)
{
	was = slurp(name, &was_len);
}

static void unchanged(const char *name)
{
	size_t len;
	char *is = slurp(name, &len);

	ck_assert_uint_eq(len, was_len);
	ck_assert(!memcmp(is, was, len));
	free(is);
	free(was);
}

START_TEST(xen_link__no_image_below_itself)
{
	struct vhd_error err;

	setup();
	keep("base.vhd");
	ck_assert_int_eq(vhd_xen_link(at("base.vhd"), at("leaf.vhd"), NULL,
				      &err), VHD_E_INVAL);
	unchanged("base.vhd");
	keep("mid.vhd");
	ck_assert_int_eq(vhd_xen_link(at("mid.vhd"), at("leaf.vhd"), NULL,
				      &err), VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "itself a parent"));
	ck_assert_int_eq(vhd_xen_link(at("mid.vhd"), at("mid.vhd"), NULL,
				      &err), VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "its own parent"));
	ck_assert_int_eq(vhd_xen_link(at("mid.vhd"), at("nope.vhd"), NULL,
				      &err), VHD_E_IO);
	ck_assert_int_eq(err.os_errno, ENOENT);
	unchanged("mid.vhd");
	/* What is below need not be there, nor end. */
	ck_assert_int_eq(unlink(at("base.vhd")), 0);
	ck_assert_int_eq(vhd_xen_link(at("leaf.vhd"), at("mid.vhd"), NULL,
				      &err), 0);
	tempdir_remove(&dir);
}
END_TEST

struct stops {
	const char *at;
	unsigned seen;
};

static bool stop(void *arg, const char *stage)
{
	struct stops *s = arg;

	s->seen++;
	return strcmp(stage, s->at) != 0;
}

START_TEST(xen_link__tells_of_its_stages)
{
	static const char *const stages[] = {
		"REPARENT_BEGIN", "REPARENT_LOCATOR", "REPARENT_END", ""
	};
	struct vhd_xen_link_opts o = VHD_XEN_LINK_OPTS_INIT;
	struct stops s = { .at = stages[_i] };
	struct vhd_error err;
	char name[512];
	bool raw = true;

	setup();
	o.step = stop;
	o.step_arg = &s;
	ck_assert_int_eq(vhd_xen_link(at("leaf.vhd"), at("base.vhd"), &o,
				      &err), _i < 3 ? VHD_E_CANCELLED : 0);
	ck_assert_uint_eq(s.seen, _i < 3 ? (unsigned)_i + 1 : 3);
	ck_assert_int_eq(vhd_xen_parent(at("leaf.vhd"), name, sizeof(name),
					&raw, &err), 0);
	ck_assert_str_eq(name, _i ? at("base.vhd") : at("mid.vhd"));
	ck_assert(!raw);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(xen_forget__a_fixed_disk_does_not)
{
	struct vhd_error err;

	setup();
	keep("fixed.vhd");
	ck_assert_int_eq(vhd_xen_forget(at("fixed.vhd"), NULL, &err),
			 VHD_E_UNSUPPORTED);
	ck_assert_int_eq(err.os_errno, ENOSYS);
	unchanged("fixed.vhd");
	tempdir_remove(&dir);
}
END_TEST

START_TEST(xen_set_end__not_into_what_is_used)
{
	struct vhd_error err;
	uint64_t size;

	setup();
	keep("mid.vhd");
	size = was_len;
	ck_assert_int_eq(vhd_xen_set_end(at("mid.vhd"), size - 512, NULL,
					 &err), VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_set_end(at("mid.vhd"), size + 1, NULL, &err),
			 VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_set_end(at("mid.vhd"), 0, NULL, &err),
			 VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_set_end(at("mid.vhd"), size, NULL, &err), 0);
	unchanged("mid.vhd");
	keep("fixed.vhd");
	ck_assert_int_eq(vhd_xen_set_end(at("fixed.vhd"), 16 * MIB, NULL,
					 &err), VHD_E_INVAL);
	unchanged("fixed.vhd");
	tempdir_remove(&dir);
}
END_TEST

START_TEST(xen_change__wrong_calls)
{
	struct vhd_xen_link_opts o = VHD_XEN_LINK_OPTS_INIT;
	struct vhd_xen_resize_opts resize = VHD_XEN_RESIZE_OPTS_INIT;
	struct vhd_xen_copy_opts copy = VHD_XEN_COPY_OPTS_INIT;
	struct vhd_xen_headers h = { .size = sizeof(h) };
	struct vhd_error err;

	setup();
	ck_assert_int_eq(vhd_xen_repair(NULL, 0, NULL, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_repair(at("mid.vhd"), 1u << 20, NULL, NULL),
			 VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_repair(at("fixed.vhd"), VHD_XEN_USE_COPY,
					NULL, NULL), VHD_E_CORRUPT);
	ck_assert_int_eq(vhd_xen_set_end(NULL, 512, NULL, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_forget(NULL, NULL, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_link(NULL, "x", NULL, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_link("x", NULL, NULL, NULL), VHD_E_INVAL);
	o.flags = 1u << 20;
	ck_assert_int_eq(vhd_xen_link(at("leaf.vhd"), at("mid.vhd"), &o, NULL),
			 VHD_E_INVAL);
	o.size = 0;
	ck_assert_int_eq(vhd_xen_link(at("leaf.vhd"), at("mid.vhd"), &o, NULL),
			 VHD_E_INVAL);
	resize.flags = 1;
	ck_assert_int_eq(vhd_xen_resize(at("base.vhd"), 64 * MIB, &resize,
					NULL), VHD_E_INVAL);
	copy.flags = 1;
	ck_assert_int_eq(vhd_xen_copy(at("base.vhd"), at("new.vhd"), &copy,
				      NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_headers(at("base.vhd"), 0, 0, 0x8000, &h,
					 NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_xen_headers(NULL, 0, 0, 0, &h, &err),
			 VHD_E_INVAL);
	ck_assert_str_eq(err.msg, "no file is named");
	ck_assert_int_eq(vhd_xen_headers(at("base.vhd"), 0, 0, VHD_XEN_FAST,
					 &h, NULL), 0);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("xen/change",
	ONCE(xen_link__no_image_below_itself),
	LOOP(xen_link__tells_of_its_stages, 4),
	ONCE(xen_forget__a_fixed_disk_does_not),
	ONCE(xen_set_end__not_into_what_is_used),
	ONCE(xen_change__wrong_calls))
