/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <string.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static struct tempdir dir;
static char path[512];

static void setup(const char *name)
{
	tempdir_make(&dir);
	tempdir_name(&dir, name, path);
}

static struct vhd_info info_of(const char *file)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;
	struct vhd_error err;

	if (vhd_open(file, NULL, &img, &err))
		ck_abort_msg("%s: %s", file, err.msg);
	ck_assert_int_eq(vhd_layer_info(img, 0, &info, &err), 0);
	vhd_close(&img, NULL);
	return info;
}

static const struct shape {
	const char *name;
	enum vhd_type type;
	uint64_t size, block;
	uint32_t lss;
} shapes[] = {
	{ "a.vhd", VHD_TYPE_FIXED, 5 * MIB + 512, 0, 0 },
	{ "a.vhd", VHD_TYPE_DYNAMIC, 3 * MIB, 0, 0 },
	{ "a.vhd", VHD_TYPE_DYNAMIC, 100 * MIB, 512 * 1024, 0 },
	{ "a.vhdx", VHD_TYPE_FIXED, 5 * MIB, MIB, 0 },
	{ "a.vhdx", VHD_TYPE_DYNAMIC, 10240 * MIB, 0, 0 },
	{ "a.vhdx", VHD_TYPE_DYNAMIC, 64 * MIB, 256 * MIB, 4096 },
	{ "a.vhdx", VHD_TYPE_DYNAMIC, 512, MIB, 512 },
};

START_TEST(create__what_was_asked_for_is_what_opens)
{
	const struct shape *s = &shapes[_i];
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_check_result result;
	struct vhd_info info;
	struct vhd_error err;

	setup(s->name);
	o.type = s->type;
	o.virtual_size = s->size;
	o.block_size = s->block;
	o.logical_sector = s->lss;
	if (vhd_create(path, &o, &err))
		ck_abort_msg("%s", err.msg);
	info = info_of(path);
	ck_assert_int_eq(info.type, s->type);
	ck_assert_uint_eq(info.virtual_size, s->size);
	if (s->block)
		ck_assert_uint_eq(info.block_size, s->block);
	if (s->lss)
		ck_assert_uint_eq(info.logical_sector, s->lss);
	ck_assert_int_eq(vhd_check(path, NULL, &result, &err), 0);
	ck_assert_uint_eq(result.count[VHD_SEV_ERROR], 0);
	ck_assert_uint_eq(result.count[VHD_SEV_FATAL], 0);
	ck_assert_uint_eq(result.count[VHD_SEV_WARNING], 0);
	tempdir_remove(&dir);
}
END_TEST

static const struct {
	const char *name;
	struct vhd_create_opts o;
} refused[] = {
	{ "a.vhd", { .virtual_size = 1000 } },
	{ "a.vhd", { .virtual_size = 0 } },
	{ "a.vhd", { .virtual_size = 2041 * 1024 * MIB } },
	{ "a.vhd", { .virtual_size = MIB, .block_size = 3 * MIB } },
	{ "a.vhd", { .virtual_size = MIB, .block_size = 1024 } },
	{ "a.vhd", { .virtual_size = MIB, .logical_sector = 4096 } },
	{ "a.vhd", { .virtual_size = MIB, .type = VHD_TYPE_FIXED,
		     .block_size = MIB } },
	{ "a.raw", { .virtual_size = MIB, .block_size = MIB } },
	{ "a.vhdx", { .virtual_size = 65 * 1024 * 1024 * MIB } },
	{ "a.vhdx", { .virtual_size = MIB, .block_size = 512 * 1024 } },
	{ "a.vhdx", { .virtual_size = MIB, .block_size = 512 * MIB } },
	{ "a.vhdx", { .virtual_size = MIB, .block_size = 3 * MIB } },
	{ "a.vhdx", { .virtual_size = MIB, .logical_sector = 1024 } },
	{ "a.vhdx", { .virtual_size = MIB, .physical_sector = 8192 } },
	{ "a.vhdx", { .virtual_size = MIB + 512, .logical_sector = 4096 } },
	{ "a.vhdx", { .virtual_size = MIB, .type = VHD_TYPE_DIFF } },
	{ "a.raw", { .virtual_size = MIB, .type = VHD_TYPE_DYNAMIC } },
	{ "a.xyz", { .virtual_size = MIB } },
};

START_TEST(create__what_no_format_allows_is_refused_and_leaves_nothing)
{
	struct vhd_create_opts o = refused[_i].o;
	struct vhd_error err = { 0 };

	setup(refused[_i].name);
	o.size = sizeof(o);
	ck_assert_int_eq(vhd_create(path, &o, &err), VHD_E_INVAL);
	ck_assert_str_ne(err.msg, "");
	ck_assert_str_eq(err.file, path);
	ck_assert_int_eq(tempdir_entries(&dir), 0);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(create__existing_files_are_kept_unless_told_otherwise)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	setup("a.vhd");
	tempdir_write(path, "mine", 4);
	o.virtual_size = MIB;
	ck_assert_int_eq(vhd_create(path, &o, &err), VHD_E_EXISTS);
	o.flags = VHD_CREATE_FORCE;
	ck_assert_int_eq(vhd_create(path, &o, &err), 0);
	ck_assert_uint_eq(info_of(path).virtual_size, MIB);
	ck_assert_int_eq(tempdir_entries(&dir), 1);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(create__same_seed_and_time_give_the_same_bytes)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_info info;
	struct vhd_error err;
	char b[512], cmd[1200];

	setup(_i ? "a.vhdx" : "a.vhd");
	tempdir_name(&dir, _i ? "b.vhdx" : "b.vhd", b);
	o.virtual_size = 40 * MIB;
	o.timestamp = 1700000000;
	ck_assert(vhd_guid_parse("00112233-4455-4677-8899-aabbccddeeff",
				 &o.guid));
	ck_assert_int_eq(vhd_create(path, &o, &err), 0);
	ck_assert_int_eq(vhd_create(b, &o, &err), 0);
	info = info_of(path);
	ck_assert_mem_eq(&info.id, &o.guid, sizeof(o.guid));
	snprintf(cmd, sizeof(cmd), "cmp -s '%s' '%s'", path, b);
	ck_assert_int_eq(system(cmd), 0);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(create__preallocated_fixed_images_have_no_holes)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;
	struct vhd_info info;

	setup(_i ? "a.vhdx" : "a.vhd");
	o.type = VHD_TYPE_FIXED;
	o.virtual_size = 8 * MIB;
	o.flags = VHD_CREATE_PREALLOCATE;
	ck_assert_int_eq(vhd_create(path, &o, &err), 0);
	info = info_of(path);
	ck_assert_uint_ge(info.disk_usage, info.file_size);
	tempdir_remove(&dir);
}
END_TEST

static bool stop_at_once(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	return done >= total;
}

START_TEST(create__cancelled_reserving_leaves_nothing)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	setup("a.vhd");
	o.type = VHD_TYPE_FIXED;
	o.virtual_size = 40 * MIB;
	o.flags = VHD_CREATE_PREALLOCATE;
	o.progress = stop_at_once;
	ck_assert_int_eq(vhd_create(path, &o, &err), VHD_E_CANCELLED);
	ck_assert_int_eq(tempdir_entries(&dir), 0);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(create__the_largest_vhdx_costs_next_to_nothing)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;
	struct vhd_image *img = NULL;
	struct vhd_io_stats before, after;
	uint8_t buf[4096];

	setup("big.vhdx");
	o.virtual_size = 64 * 1024 * 1024 * MIB;
	o.block_size = MIB;
	ck_assert_int_eq(vhd_create(path, &o, &err), 0);
	ck_assert_uint_lt(info_of(path).disk_usage, 4 * MIB);
	ck_assert_int_eq(vhd_open(path, NULL, &img, &err), 0);
	vhd_layer_io_stats(img, 0, &before);
	ck_assert_uint_lt(before.read_bytes, 2 * MIB);
	ck_assert_int_eq(vhd_pread(img, buf, sizeof(buf), 0, &err), 0);
	vhd_layer_io_stats(img, 0, &after);
	ck_assert_uint_le(after.reads - before.reads, 2);
	before = after;
	ck_assert_int_eq(vhd_pread(img, buf, sizeof(buf),
				   o.virtual_size - sizeof(buf), &err), 0);
	vhd_layer_io_stats(img, 0, &after);
	ck_assert_uint_le(after.reads - before.reads, 2);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

/* By any of its names; the same for the parent's parent. */
START_TEST(create__a_child_never_replaces_a_parent)
{
	static const char *const exts[] = { "vhd", "vhdx" };
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	char name[32], child[512], link_name[512];
	struct vhd_error err;

	snprintf(name, sizeof(name), "a.%s", exts[_i]);
	setup(name);
	snprintf(name, sizeof(name), "b.%s", exts[_i]);
	tempdir_name(&dir, name, child);
	snprintf(name, sizeof(name), "c.%s", exts[_i]);
	tempdir_name(&dir, name, link_name);
	o.virtual_size = 8 * MIB;
	o.flags = VHD_CREATE_FORCE | VHD_CREATE_NO_SYNC;
	ck_assert_int_eq(vhd_create(path, &o, NULL), 0);
	ck_assert_int_eq(link(path, link_name), 0);
	o.parent = path;
	ck_assert_int_eq(vhd_create(path, &o, &err), VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "same file as the parent's"));
	ck_assert_int_eq(vhd_create(link_name, &o, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_create(child, &o, NULL), 0);
	o.parent = child;
	ck_assert_int_eq(vhd_create(path, &o, NULL), VHD_E_INVAL);
	ck_assert_int_eq(info_of(path).type, VHD_TYPE_DYNAMIC);
	tempdir_remove(&dir);
}
END_TEST

/* VHD-D-7 */
START_TEST(create__a_child_vhd_has_the_blocks_of_its_parent)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	char child[512];

	setup("a.vhd");
	o.virtual_size = 8 * MIB;
	o.block_size = 512 * 1024;
	o.flags = VHD_CREATE_NO_SYNC;
	ck_assert_int_eq(vhd_create(path, &o, NULL), 0);
	o.block_size = 0;
	o.parent = path;
	ck_assert_int_eq(vhd_create(tempdir_name(&dir, "b.vhd", child), &o,
				    NULL), 0);
	ck_assert_uint_eq(info_of(child).block_size, 512 * 1024);
	o.block_size = 2 * MIB;
	ck_assert_int_eq(vhd_create(tempdir_name(&dir, "c.vhd", child), &o,
				    NULL), 0);
	ck_assert_uint_eq(info_of(child).block_size, 2 * MIB);
	tempdir_remove(&dir);
}
END_TEST

/* VHD-D-5, VHDX-PAR-19 */
START_TEST(create__a_parent_is_replaced_only_when_its_children_are_given_up)
{
	static const char *const exts[] = { "vhd", "vhdx" };
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	char name[16], child[512];
	struct vhd_error err;

	snprintf(name, sizeof(name), "a.%s", exts[_i]);
	setup(name);
	snprintf(name, sizeof(name), "b.%s", exts[_i]);
	tempdir_name(&dir, name, child);
	o.virtual_size = 8 * MIB;
	o.flags = VHD_CREATE_FORCE | VHD_CREATE_NO_SYNC;
	ck_assert_int_eq(vhd_create(path, &o, NULL), 0);
	o.parent = path;
	ck_assert_int_eq(vhd_create(child, &o, NULL), 0);
	o.parent = NULL;
	o.virtual_size = 16 * MIB;
	ck_assert_int_eq(vhd_create(path, &o, &err), VHD_E_REFUSED);
	ck_assert_uint_eq(info_of(path).virtual_size, 8 * MIB);
	ck_assert_int_eq(tempdir_entries(&dir), 2);
	o.flags |= VHD_CREATE_ORPHAN;
	ck_assert_int_eq(vhd_create(path, &o, NULL), 0);
	ck_assert_uint_eq(info_of(path).virtual_size, 16 * MIB);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(create__a_parent_that_no_image_can_name_is_refused)
{
	static const char *const exts[] = { "vhd", "vhdx" };
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	char name[32], child[512];
	struct vhd_error err;

	snprintf(name, sizeof(name), "a\\b.%s", exts[_i]);
	setup(name);
	snprintf(name, sizeof(name), "c.%s", exts[_i]);
	tempdir_name(&dir, name, child);
	o.virtual_size = 8 * MIB;
	ck_assert_int_eq(vhd_create(path, &o, NULL), 0);
	o.parent = path;
	ck_assert_int_eq(vhd_create(child, &o, &err), VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "backslash"));
	ck_assert_int_eq(tempdir_entries(&dir), 1);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/create",
	LOOP(create__what_was_asked_for_is_what_opens, sizeof(shapes) / sizeof(*shapes)),
	LOOP(create__what_no_format_allows_is_refused_and_leaves_nothing,
	     sizeof(refused) / sizeof(*refused)),
	ONCE(create__existing_files_are_kept_unless_told_otherwise),
	LOOP(create__same_seed_and_time_give_the_same_bytes, 2),
	LOOP(create__preallocated_fixed_images_have_no_holes, 2),
	ONCE(create__cancelled_reserving_leaves_nothing),
	ONCE(create__the_largest_vhdx_costs_next_to_nothing),
	LOOP(create__a_child_never_replaces_a_parent, 2),
	LOOP(create__a_parent_is_replaced_only_when_its_children_are_given_up,
	     2),
	LOOP(create__a_parent_that_no_image_can_name_is_refused, 2),
	ONCE(create__a_child_vhd_has_the_blocks_of_its_parent))
