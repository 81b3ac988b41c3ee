/* SPDX-License-Identifier: BSD-2-Clause */
/* How findings of engines, openings and chains come together. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/tempdir.h"
#include "support/vhdx_image.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

static struct tempdir dir;
static char base[512], child[512];

struct seen {
	char names[64][32];
	uint32_t layers[64];
	size_t count;
};

static void on_finding(void *arg, const struct vhd_finding *f)
{
	struct seen *s = arg;

	ck_assert_uint_lt(s->count, 64);
	ck_assert_str_ne(f->msg, "");
	snprintf(s->names[s->count], sizeof(s->names[0]), "%s", f->rule->name);
	s->layers[s->count++] = f->layer;
}

static bool saw(const struct seen *s, const char *name, uint32_t layer)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		if (!strcmp(s->names[i], name) && s->layers[i] == layer)
			return true;
	}
	return false;
}

static struct vhd_check_result run_with(const char *path, uint32_t flags,
					const struct vhd_open_opts *open,
					struct seen *seen)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result res;
	struct vhd_error err;

	memset(seen, 0, sizeof(*seen));
	o.flags = flags;
	o.open = open;
	o.finding = on_finding;
	o.finding_arg = seen;
	if (vhd_check(path, &o, &res, &err))
		ck_abort_msg("%s", err.msg);
	return res;
}

static struct vhd_check_result run(const char *path, uint32_t flags,
				   struct seen *seen)
{
	return run_with(path, flags, NULL, seen);
}

static void make_chain(const char *ext)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	char name[32];

	tempdir_make(&dir);
	snprintf(name, sizeof(name), "base.%s", ext);
	tempdir_name(&dir, name, base);
	snprintf(name, sizeof(name), "child.%s", ext);
	tempdir_name(&dir, name, child);
	o.virtual_size = 8 * MIB;
	ck_assert_int_eq(vhd_create(base, &o, NULL), 0);
	o.virtual_size = 16 * MIB;
	o.parent = base;
	ck_assert_int_eq(vhd_create(child, &o, NULL), 0);
}

START_TEST(check__a_size_that_differs_from_the_parents_is_told_once)
{
	struct seen seen;
	struct vhd_check_result res;

	make_chain(_i ? "vhdx" : "vhd");
	res = run(child, VHD_CHECK_CHAIN, &seen);
	ck_assert(saw(&seen, _i ? "VHDX_PARENT_SIZE" : "VHD1_PARENT_SIZE", 0));
	ck_assert_uint_eq(res.count[VHD_SEV_ERROR], 0);
	ck_assert_uint_eq(res.layers, 2);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__a_missing_parent_is_an_error_finding)
{
	struct seen seen;
	struct vhd_check_result res;

	make_chain(_i ? "vhdx" : "vhd");
	unlink(base);
	res = run(child, 0, &seen);
	ck_assert(saw(&seen, _i ? "VHDX_PARENT_MISSING" : "VHD1_PARENT_MISSING",
		      0));
	ck_assert_uint_eq(res.count[VHD_SEV_ERROR], 1);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__what_cannot_be_opened_is_a_fatal_finding)
{
	struct seen seen;
	struct vhd_check_result res;

	make_chain("vhdx");
	/* both headers gone: VHDX-CHK-05 */
	{
		FILE *f = fopen(base, "r+b");

		ck_assert_ptr_nonnull(f);
		fseek(f, 0x10000, SEEK_SET);
		fwrite("dead", 1, 4, f);
		fseek(f, 0x20000, SEEK_SET);
		fwrite("dead", 1, 4, f);
		fclose(f);
	}
	res = run(base, 0, &seen);
	ck_assert(saw(&seen, "VHDX_HDR_BOTH_BAD", 0));
	ck_assert_uint_eq(res.count[VHD_SEV_FATAL], 1);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__another_file_name_of_the_parent_is_told)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct seen seen;
	char moved[512];
	const char *parents[] = { moved, NULL };

	make_chain("vhd");
	tempdir_name(&dir, "moved.vhd", moved);
	ck_assert_int_eq(rename(base, moved), 0);
	o.parents = parents;
	run_with(child, 0, &o, &seen);
	ck_assert(saw(&seen, "VHD1_PARENT_NAME", 0));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__a_parent_that_changed_later_is_told)
{
	const struct timespec later[2] = { { 4000000000, 0 }, { 4000000000, 0 } };
	struct seen seen;

	make_chain("vhd");
	ck_assert_int_eq(utimensat(AT_FDCWD, base, later, 0), 0);
	run(child, 0, &seen);
	ck_assert(saw(&seen, "VHD1_PARENT_TIME", 0));
	tempdir_remove(&dir);
}
END_TEST

/* Another base under the same name, accepted on request. */
static void replace_base(const struct vhd_guid *guid)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;

	o.virtual_size = 8 * MIB;
	o.flags = VHD_CREATE_FORCE | VHD_CREATE_ORPHAN;
	if (guid)
		o.guid = *guid;
	ck_assert_int_eq(vhd_create(base, &o, NULL), 0);
}

START_TEST(check__a_parent_of_another_disk_is_told)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct seen seen;

	make_chain("vhdx");
	replace_base(NULL);
	o.flags = VHD_OPEN_IGNORE_PARENT_ID;
	run_with(child, 0, &o, &seen);
	ck_assert(saw(&seen, "VHDX_PARENT_DISK_ID", 0));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__a_parent_with_the_childs_own_id_is_told)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;
	struct seen seen;

	make_chain("vhd");
	ck_assert_int_eq(vhd_open(child, NULL, &img, NULL), 0);
	ck_assert_int_eq(vhd_layer_info(img, 0, &info, NULL), 0);
	vhd_close(&img, NULL);
	replace_base(&info.id);
	o.flags = VHD_OPEN_IGNORE_PARENT_ID;
	run_with(child, 0, &o, &seen);
	ck_assert(saw(&seen, "VHD1_ID_OF_PARENT", 0));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__a_parent_with_a_pending_log_is_told)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhdx_image dirty;
	struct seen seen;

	make_chain("vhdx");
	vhdx_image_init_dirty(&dirty);
	unlink(base);
	tempdir_write(base, dirty.bytes, dirty.len);
	vhdx_image_free(&dirty);
	o.flags = VHD_OPEN_IGNORE_PARENT_ID;
	run_with(child, 0, &o, &seen);
	ck_assert(saw(&seen, "VHDX_PARENT_PENDING", 0));
	tempdir_remove(&dir);
}
END_TEST

/* Three layers of one format: root, base and child. */
static char root[512];

static void make_three(const char *ext)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	char name[32];

	tempdir_make(&dir);
	snprintf(name, sizeof(name), "root.%s", ext);
	tempdir_name(&dir, name, root);
	snprintf(name, sizeof(name), "base.%s", ext);
	tempdir_name(&dir, name, base);
	snprintf(name, sizeof(name), "child.%s", ext);
	tempdir_name(&dir, name, child);
	o.virtual_size = 8 * MIB;
	ck_assert_int_eq(vhd_create(root, &o, NULL), 0);
	o.virtual_size = 0;
	o.parent = root;
	ck_assert_int_eq(vhd_create(base, &o, NULL), 0);
	o.parent = base;
	ck_assert_int_eq(vhd_create(child, &o, NULL), 0);
}

/* The chain ends where the break is, and what is above it is checked. */
START_TEST(check__a_missing_ancestor_is_told_where_it_is_missing)
{
	const char *rule = _i ? "VHDX_PARENT_MISSING" : "VHD1_ANCESTOR_MISSING";
	struct vhd_check_result res;
	struct seen seen;

	make_three(_i ? "vhdx" : "vhd");
	unlink(root);
	res = run(child, VHD_CHECK_CHAIN, &seen);
	ck_assert(saw(&seen, rule, 1));
	ck_assert_uint_eq(res.layers, 2);
	res = run(child, 0, &seen);
	ck_assert(saw(&seen, rule, 1));
	ck_assert_uint_eq(res.layers, 1);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__an_ancestor_that_is_no_image_is_told)
{
	struct seen seen;

	make_three(_i ? "vhdx" : "vhd");
	unlink(root);
	tempdir_write(root, "not an image", 12);
	run(child, VHD_CHECK_CHAIN, &seen);
	ck_assert(saw(&seen, _i ? "VHDX_PARENT_MISSING" :
				  "VHD1_ANCESTOR_MISSING", 1));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__a_smaller_child_is_an_error_of_vhd)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_open_opts open = VHD_OPEN_OPTS_INIT;
	struct vhd_check_result res;
	struct seen seen;

	make_chain("vhd");
	o.flags = VHD_CREATE_FORCE | VHD_CREATE_ORPHAN;
	o.virtual_size = 32 * MIB;
	ck_assert_int_eq(vhd_create(base, &o, NULL), 0);
	open.flags = VHD_OPEN_IGNORE_PARENT_ID;
	res = run_with(child, 0, &open, &seen);
	ck_assert(saw(&seen, "VHD1_PARENT_LARGER", 0));
	ck_assert(!saw(&seen, "VHD1_PARENT_SIZE", 0));
	ck_assert_uint_eq(res.count[VHD_SEV_ERROR], 1);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__a_parent_newer_than_the_child_is_told)
{
	const struct timespec later[2] = { { 4000000000, 0 }, { 4000000000, 0 } };
	struct seen seen;

	make_chain(_i ? "vhdx" : "vhd");
	run(child, 0, &seen);
	ck_assert(!saw(&seen, _i ? "VHDX_PARENT_TIME" : "VHD1_PARENT_NEWER", 0));
	ck_assert_int_eq(utimensat(AT_FDCWD, base, later, 0), 0);
	run(child, 0, &seen);
	ck_assert(saw(&seen, _i ? "VHDX_PARENT_TIME" : "VHD1_PARENT_NEWER", 0));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__a_parent_that_is_being_written_is_told)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_check_result res;
	struct seen seen;

	make_chain("vhd");
	o.flags = VHD_OPEN_RDWR;
	ck_assert_int_eq(vhd_open(base, &o, &img, NULL), 0);
	res = run(child, VHD_CHECK_CHAIN, &seen);
	ck_assert(saw(&seen, "VHD1_PARENT_IN_USE", 0) ||
		  saw(&seen, "VHD1_PARENT_IN_USE", 1));
	ck_assert_uint_eq(res.count[VHD_SEV_ERROR], 0);
	vhd_close(&img, NULL);
	tempdir_remove(&dir);
}
END_TEST

/* Found by its bare name in the child's directory, whatever the path says. */
START_TEST(check__a_path_that_leads_elsewhere_is_told)
{
	static const struct {
		const char *path;
		bool stale;
	} at[] = { { ".\\g1.vhdx", false }, { "..\\old\\g1.vhdx", true },
		   { ".\\G1.VHDX", true } };

	for (size_t i = 0; i < 3; i++) {
		struct vhdx_image_spec spec = { .has_parent = true,
						.relative_path = at[i].path };
		struct vhdx_image image;
		struct seen seen;

		tempdir_make(&dir);
		vhdx_image_init(&image, NULL);
		tempdir_write(tempdir_name(&dir, "g1.vhdx", base), image.bytes,
			      image.len);
		vhdx_image_free(&image);
		vhdx_image_init(&image, &spec);
		tempdir_write(tempdir_name(&dir, "g2.vhdx", child),
			      image.bytes, image.len);
		vhdx_image_free(&image);
		run(child, 0, &seen);
		ck_assert_int_eq(saw(&seen, "VHDX_PATH_STALE", 0),
				 at[i].stale);
		tempdir_remove(&dir);
	}
}
END_TEST

/* What a file is: its bytes and its times. */
struct state {
	struct stat st;
	uint8_t *bytes;
};

static struct state state_of(const char *path)
{
	struct state s;
	FILE *f = fopen(path, "rb");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fstat(fileno(f), &s.st), 0);
	s.bytes = malloc((size_t)s.st.st_size);
	ck_assert_ptr_nonnull(s.bytes);
	ck_assert_uint_eq(fread(s.bytes, 1, (size_t)s.st.st_size, f),
			  (size_t)s.st.st_size);
	fclose(f);
	return s;
}

static void still_is(const char *path, struct state *s)
{
	struct state now = state_of(path);

	ck_assert_int_eq(now.st.st_size, s->st.st_size);
	ck_assert(now.st.st_mtim.tv_sec == s->st.st_mtim.tv_sec &&
		  now.st.st_mtim.tv_nsec == s->st.st_mtim.tv_nsec);
	ck_assert(!memcmp(now.bytes, s->bytes, (size_t)s->st.st_size));
	free(now.bytes);
	free(s->bytes);
}

/* Two dirty layers of VHDX below a clean one. */
static void make_dirty_three(void)
{
	struct vhdx_image_spec spec = { .has_parent = true,
					.relative_path = ".\\root.vhdx" };
	struct vhdx_image_entry ent = { .seq = 7 };
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhdx_image image;

	tempdir_make(&dir);
	vhdx_image_init_dirty(&image);
	tempdir_write(tempdir_name(&dir, "root.vhdx", root), image.bytes,
		      image.len);
	vhdx_image_free(&image);
	vhdx_image_init(&image, &spec);
	vhdx_image_set_pending(&image);
	vhdx_image_log_put(&image, 0, &ent);
	tempdir_write(tempdir_name(&dir, "base.vhdx", base), image.bytes,
		      image.len);
	vhdx_image_free(&image);
	o.parent = base;
	ck_assert_int_eq(vhd_create(tempdir_name(&dir, "child.vhdx", child), &o,
				    NULL), 0);
}

START_TEST(check__a_chain_is_checked_without_a_change)
{
	struct state before[3];
	struct vhd_check_result res;
	struct seen seen;

	if (_i)
		make_dirty_three();
	else
		make_three("vhd");
	before[0] = state_of(root);
	before[1] = state_of(base);
	before[2] = state_of(child);
	res = run(child, VHD_CHECK_CHAIN | VHD_CHECK_DEEP, &seen);
	ck_assert_uint_eq(res.layers, 3);
	ck_assert_uint_eq(res.count[VHD_SEV_ERROR] + res.count[VHD_SEV_FATAL],
			  0);
	ck_assert_int_eq(saw(&seen, "VHDX_LOG_PENDING", 1), _i);
	ck_assert_int_eq(saw(&seen, "VHDX_LOG_PENDING", 2), _i);
	ck_assert_int_eq(saw(&seen, "VHDX_PARENT_PENDING", 0), _i);
	ck_assert_int_eq(saw(&seen, "VHDX_PARENT_PENDING", 1), _i);
	still_is(root, &before[0]);
	still_is(base, &before[1]);
	still_is(child, &before[2]);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__a_change_tracking_file_beside_the_image_is_told)
{
	struct seen seen;
	char side[600];

	make_chain("vhdx");
	snprintf(side, sizeof(side), "%s.mrt", base);
	tempdir_write(side, "x", 1);
	run(base, 0, &seen);
	ck_assert(saw(&seen, "VHDX_SIDE_FILE", 0));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__a_vhd_set_is_named_as_such)
{
	struct seen seen;

	make_chain("vhdx");
	tempdir_write(tempdir_name(&dir, "shared.vhds", base), "{}", 2);
	run(base, 0, &seen);
	ck_assert(saw(&seen, "VHDX_IS_VHDS", 0));
	tempdir_remove(&dir);
}
END_TEST

START_TEST(check__no_image_at_all_is_an_error_of_the_call)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result res;
	struct vhd_error err;

	tempdir_make(&dir);
	tempdir_write(tempdir_name(&dir, "note.txt", base), "hello", 5);
	o.flags = 1u << 31;
	ck_assert_int_eq(vhd_check(base, &o, &res, &err), VHD_E_INVAL);
	o.size = 0;
	ck_assert_int_eq(vhd_check(base, &o, &res, &err), VHD_E_INVAL);
	ck_assert_int_eq(vhd_check(base, NULL, &res, &err), VHD_E_FORMAT);
	ck_assert_int_eq(vhd_check(dir.path, NULL, &res, &err),
			 VHD_E_NOTFILE);
	unlink(base);
	ck_assert_int_eq(vhd_check(base, NULL, &res, &err), VHD_E_IO);
	tempdir_remove(&dir);
}
END_TEST

TEST_MAIN_ROWS("ops/check",
	LOOP(check__a_size_that_differs_from_the_parents_is_told_once, 2),
	LOOP(check__a_missing_parent_is_an_error_finding, 2),
	ONCE(check__what_cannot_be_opened_is_a_fatal_finding),
	ONCE(check__another_file_name_of_the_parent_is_told),
	ONCE(check__a_parent_that_changed_later_is_told),
	ONCE(check__a_parent_of_another_disk_is_told),
	ONCE(check__a_parent_with_the_childs_own_id_is_told),
	ONCE(check__a_parent_with_a_pending_log_is_told),
	LOOP(check__a_missing_ancestor_is_told_where_it_is_missing, 2),
	LOOP(check__an_ancestor_that_is_no_image_is_told, 2),
	ONCE(check__a_smaller_child_is_an_error_of_vhd),
	LOOP(check__a_parent_newer_than_the_child_is_told, 2),
	ONCE(check__a_parent_that_is_being_written_is_told),
	ONCE(check__a_path_that_leads_elsewhere_is_told),
	LOOP(check__a_chain_is_checked_without_a_change, 2),
	ONCE(check__a_change_tracking_file_beside_the_image_is_told),
	ONCE(check__a_vhd_set_is_named_as_such),
	ONCE(check__no_image_at_all_is_an_error_of_the_call))
