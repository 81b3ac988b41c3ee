/* SPDX-License-Identifier: BSD-2-Clause */
/* Chains of real files: who may be whose parent, and what is said otherwise. */
#include <check.h>
#include <string.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static struct tempdir dir;
static char base[512], child[512], other[512];

static void make(const char *path, const char *parent, const char *name,
		 uint64_t size)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.parent = parent;
	o.parent_name = name;
	o.virtual_size = size;
	o.flags = VHD_CREATE_FORCE | VHD_CREATE_ORPHAN |
		  VHD_CREATE_NO_SYNC;
	if (vhd_create(path, &o, &err))
		ck_abort_msg("create %s: %s", path, err.msg);
}

static void rig_make(const char *ext)
{
	char name[32];

	tempdir_make(&dir);
	snprintf(name, sizeof(name), "base.%s", ext);
	tempdir_name(&dir, name, base);
	snprintf(name, sizeof(name), "child.%s", ext);
	tempdir_name(&dir, name, child);
	snprintf(name, sizeof(name), "other.%s", ext);
	tempdir_name(&dir, name, other);
	make(base, NULL, NULL, 8 * MIB);
	make(child, base, NULL, 0);
}

static const char *const formats[] = { "vhd", "vhdx" };

static int open_it(const char *path, const struct vhd_open_opts *o,
		   struct vhd_image **img, struct vhd_error *err)
{
	*img = NULL;
	return vhd_open(path, o, img, err);
}

START_TEST(chain__child_and_parent_open_together)
{
	struct vhd_image *img;
	struct vhd_error err;

	rig_make(formats[_i]);
	ck_assert_int_eq(open_it(child, NULL, &img, &err), 0);
	ck_assert_uint_eq(vhd_layers(img), 2);
	ck_assert_str_eq(vhd_layer_path(img, 1), base);
	ck_assert_uint_eq(vhd_size(img), 8 * MIB);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__a_parent_in_another_case_is_found)
{
	struct vhd_image *img;
	struct vhd_error err;

	rig_make(formats[_i]);
	ck_assert_int_eq(rename(base, tempdir_name(&dir, _i ? "BASE.vhdx"
							    : "BASE.vhd",
						   other)), 0);
	ck_assert_int_eq(open_it(child, NULL, &img, &err), 0);
	ck_assert_str_eq(vhd_layer_path(img, 1), other);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__missing_parent_says_what_was_looked_for)
{
	struct vhd_image *img;
	struct vhd_error err;

	rig_make(formats[_i]);
	unlink(base);
	ck_assert_int_eq(open_it(child, NULL, &img, &err), VHD_E_PARENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "base."));
	ck_assert_ptr_nonnull(strstr(err.msg, dir.path));
	ck_assert_str_eq(err.rule->name,
			 _i ? "VHDX_PARENT_MISSING" : "VHD1_PARENT_MISSING");
	ck_assert_str_eq(err.file, child);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__another_disk_under_the_name_is_refused)
{
	struct vhd_image *img;
	struct vhd_error err;

	rig_make(formats[_i]);
	make(base, NULL, NULL, 8 * MIB);
	ck_assert_int_eq(open_it(child, NULL, &img, &err), VHD_E_PARENT);
	ck_assert_str_eq(err.rule->name,
			 _i ? "VHDX_PARENT_ID" : "VHD1_PARENT_ID");
	ck_assert_ptr_nonnull(strstr(err.msg, "with id"));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__ignoring_the_id_is_possible_on_request)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;

	rig_make(formats[_i]);
	make(base, NULL, NULL, 8 * MIB);
	o.flags = VHD_OPEN_IGNORE_PARENT_ID;
	ck_assert_int_eq(open_it(child, &o, &img, &err), 0);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__a_wrong_file_of_the_name_does_not_hide_the_right_one)
{
	struct vhd_image *img;
	struct vhd_error err;
	char sub[512], moved[640];

	rig_make(formats[_i]);
	mkdir(tempdir_name(&dir, "sub", sub), 0700);
	snprintf(moved, sizeof(moved), "%s/%s", sub, strrchr(base, '/') + 1);
	ck_assert_int_eq(rename(base, moved), 0);
	make(base, NULL, NULL, 8 * MIB);
	{
		const char *dirs[] = { sub, NULL };
		struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;

		o.parent_dirs = dirs;
		ck_assert_int_eq(open_it(child, &o, &img, &err), 0);
		ck_assert_str_eq(vhd_layer_path(img, 1), moved);
		vhd_close(&img, NULL);
	}
	tempdir_remove(&dir);
}
END_TEST

/* A child in <dir>/sub whose parent lies one directory above it. */
static void outside(char sub[512], char inner[640])
{
	mkdir(tempdir_name(&dir, "sub", sub), 0700);
	snprintf(inner, 640, "%s/%s", sub, strrchr(child, '/') + 1);
	make(inner, base, NULL, 0);
}

START_TEST(chain__parents_outside_of_the_directory_are_refused)
{
	struct vhd_image *img;
	struct vhd_error err;
	char sub[512], inner[640];

	rig_make(formats[_i]);
	outside(sub, inner);
	ck_assert_int_eq(open_it(inner, NULL, &img, &err), VHD_E_POLICY);
	ck_assert_ptr_nonnull(strstr(err.msg, base));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__allowed_directories_lift_the_refusal)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;
	char sub[512], inner[640];
	const char *dirs[] = { dir.path, NULL };

	rig_make(formats[_i]);
	outside(sub, inner);
	o.parent_dirs = dirs;
	ck_assert_int_eq(open_it(inner, &o, &img, &err), 0);
	vhd_close(&img, NULL);
	o.parent_dirs = NULL;
	o.flags = VHD_OPEN_ANY_PARENT_DIR;
	ck_assert_int_eq(open_it(inner, &o, &img, &err), 0);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__a_link_out_of_the_directory_is_refused)
{
	struct vhd_image *img;
	struct vhd_error err;
	char sub[512], inner[640], link[1280];

	rig_make(formats[_i]);
	outside(sub, inner);
	/* base is now reachable as sub/base through a link */
	snprintf(link, sizeof(link), "%s/%s", sub, strrchr(base, '/') + 1);
	ck_assert_int_eq(symlink(base, link), 0);
	make(inner, link, strrchr(base, '/') + 1, 0);
	ck_assert_int_eq(open_it(inner, NULL, &img, &err), VHD_E_POLICY);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__the_caller_may_name_the_parent)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;
	const char *parents[] = { other, NULL };

	rig_make(formats[_i]);
	ck_assert_int_eq(rename(base, other), 0);
	o.parents = parents;
	ck_assert_int_eq(open_it(child, &o, &img, &err), 0);
	ck_assert_str_eq(vhd_layer_path(img, 1), other);
	vhd_close(&img, NULL);
	make(other, NULL, NULL, 8 * MIB);
	ck_assert_int_eq(open_it(child, &o, &img, &err), VHD_E_PARENT);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__without_parents_the_layer_opens_alone)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;
	uint8_t b;

	rig_make(formats[_i]);
	unlink(base);
	o.flags = VHD_OPEN_NO_PARENT;
	ck_assert_int_eq(open_it(child, &o, &img, &err), 0);
	ck_assert_uint_eq(vhd_layers(img), 1);
	ck_assert_int_eq(vhd_pread(img, &b, 1, 0, &err), VHD_E_PARENT);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__too_deep_is_an_error)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;

	rig_make(formats[_i]);
	make(other, child, NULL, 0);
	o.max_depth = 2;
	ck_assert_int_eq(open_it(other, &o, &img, &err), VHD_E_PARENT);
	ck_assert_str_eq(err.rule->name, _i ? "VHDX_CHAIN" : "VHD1_CHAIN");
	o.max_depth = 3;
	ck_assert_int_eq(open_it(other, &o, &img, &err), 0);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__a_loop_is_an_error)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;
	const char *parents[] = { child, NULL };

	rig_make(formats[_i]);
	o.parents = parents;
	o.flags = VHD_OPEN_IGNORE_PARENT_ID;
	ck_assert_int_eq(open_it(child, &o, &img, &err), VHD_E_PARENT);
	ck_assert_str_eq(err.rule->name, _i ? "VHDX_CHAIN" : "VHD1_CHAIN");
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__sectors_of_another_size_do_not_fit)
{
	struct vhd_create_opts c = VHD_CREATE_OPTS_INIT;
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;

	rig_make("vhdx");
	unlink(base);
	c.virtual_size = 8 * MIB;
	c.logical_sector = 4096;
	ck_assert_int_eq(vhd_create(base, &c, &err), 0);
	o.flags = VHD_OPEN_IGNORE_PARENT_ID;
	ck_assert_int_eq(open_it(child, &o, &img, &err), VHD_E_PARENT);
	ck_assert_str_eq(err.rule->name, "VHDX_PARENT_SECTOR");
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__a_raw_parent_of_xen_is_found_and_read)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;
	uint8_t raw[4096], buf[4096];
	char path[512];

	tempdir_make(&dir);
	memset(raw, 0x5a, sizeof(raw));
	tempdir_name(&dir, "disk.raw", path);
	tempdir_write(path, raw, sizeof(raw));
	tempdir_name(&dir, "child.vhd", child);
	o.parent = path;
	o.target = VHD_TARGET_XEN;
	ck_assert_int_eq(vhd_create(child, &o, &err), 0);
	ck_assert_int_eq(open_it(child, NULL, &img, &err), 0);
	ck_assert_int_eq(vhd_pread(img, buf, sizeof(buf), 0, &err), 0);
	ck_assert_mem_eq(buf, raw, sizeof(raw));
	ck_assert_uint_eq(vhd_size(img), 2 * MIB);
	ck_assert_int_eq(vhd_pread(img, buf, sizeof(buf), 4096, &err), 0);
	ck_assert_uint_eq(buf[0], 0);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__zeros_over_an_empty_parent_take_no_space)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_usage use = { 0 };
	struct vhd_image *img;

	rig_make(formats[_i]);
	o.flags = VHD_OPEN_RDWR;
	ck_assert_int_eq(open_it(child, &o, &img, NULL), 0);
	ck_assert_int_eq(vhd_write_zeroes(img, 1000, 5 * MIB, VHD_ZERO_KEEP,
					  NULL), 0);
	ck_assert_int_eq(vhd_layer_usage(img, 0, MIB, &use, NULL), 0);
	ck_assert(use.complete);
	ck_assert_uint_eq(use.blocks_data, 0);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(chain__a_layer_opens_as_a_disk_of_its_own)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img, *part = NULL;
	uint8_t byte = 0;

	rig_make(formats[_i]);
	o.flags = VHD_OPEN_RDWR;
	ck_assert_int_eq(open_it(child, &o, &img, NULL), 0);
	ck_assert_int_eq(vhd_pwrite(img, "x", 1, 0, NULL), 0);
	ck_assert_int_eq(vhd_layer_image(img, 1, &part, NULL), 0);
	ck_assert_uint_eq(vhd_layers(part), 1);
	ck_assert_str_eq(vhd_layer_path(part, 0), base);
	ck_assert_int_eq(vhd_pread(part, &byte, 1, 0, NULL), 0);
	ck_assert_uint_eq(byte, 0);
	ck_assert_int_eq(vhd_pwrite(part, "y", 1, 0, NULL), VHD_E_READONLY);
	vhd_close(&part, NULL);
	ck_assert_int_eq(vhd_pread(img, &byte, 1, 0, NULL), 0);
	ck_assert_uint_eq(byte, 'x');
	ck_assert_int_eq(vhd_layer_image(img, 0, &part, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_layer_image(img, 2, &part, NULL), VHD_E_INVAL);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("image/chain",
	LOOP(chain__child_and_parent_open_together, 2),
	LOOP(chain__a_parent_in_another_case_is_found, 2),
	LOOP(chain__missing_parent_says_what_was_looked_for, 2),
	LOOP(chain__another_disk_under_the_name_is_refused, 2),
	LOOP(chain__ignoring_the_id_is_possible_on_request, 2),
	LOOP(chain__a_wrong_file_of_the_name_does_not_hide_the_right_one, 2),
	LOOP(chain__parents_outside_of_the_directory_are_refused, 2),
	LOOP(chain__allowed_directories_lift_the_refusal, 2),
	LOOP(chain__a_link_out_of_the_directory_is_refused, 2),
	LOOP(chain__the_caller_may_name_the_parent, 2),
	LOOP(chain__without_parents_the_layer_opens_alone, 2),
	LOOP(chain__zeros_over_an_empty_parent_take_no_space, 2),
	LOOP(chain__a_layer_opens_as_a_disk_of_its_own, 2),
	LOOP(chain__too_deep_is_an_error, 2),
	LOOP(chain__a_loop_is_an_error, 2),
	ONCE(chain__sectors_of_another_size_do_not_fit),
	ONCE(chain__a_raw_parent_of_xen_is_found_and_read))
