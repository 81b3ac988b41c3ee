/* SPDX-License-Identifier: BSD-2-Clause */
/* What speaks against a resize, and that it is said before a byte changes. */
#include "resize_scene.h"

#include <sys/stat.h>

#include "support/check_main.h"

static const struct scene_kind kinds[] = {
	{ VHD_FORMAT_VHD, VHD_TYPE_FIXED, 0, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 0, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHD, VHD_TYPE_DIFF, 0, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_FIXED, MIB, 512, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, MIB, 512, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DIFF, MIB, 512, VHD_TARGET_NONE },
	{ VHD_FORMAT_RAW, VHD_TYPE_FIXED, 0, 0, VHD_TARGET_NONE },
};
enum { KINDS = 7, IMAGES = 6 };

#define SIZE (16 * MIB)

/* The parent of a child is as small as can be. */
static struct scene *rig(int i)
{
	return scene_new(&kinds[i], SIZE, MIB);
}

struct snapshot {
	char *bytes;
	size_t len;
	struct timespec mtime;
};

static struct snapshot snap(const struct scene *s)
{
	struct snapshot shot;
	struct stat st;
	FILE *f = fopen(s->path, "rb");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fstat(fileno(f), &st), 0);
	shot.mtime = st.st_mtim;
	shot.len = (size_t)st.st_size;
	shot.bytes = malloc(shot.len);
	ck_assert_ptr_nonnull(shot.bytes);
	ck_assert_uint_eq(fread(shot.bytes, 1, shot.len, f), shot.len);
	fclose(f);
	return shot;
}

/* Not one byte has changed, nor has the time of the last change. */
static void unchanged(const struct scene *s, struct snapshot *was)
{
	struct snapshot is = snap(s);

	ck_assert_uint_eq(is.len, was->len);
	ck_assert(!memcmp(is.bytes, was->bytes, is.len));
	ck_assert_int_eq(is.mtime.tv_sec, was->mtime.tv_sec);
	ck_assert_int_eq(is.mtime.tv_nsec, was->mtime.tv_nsec);
	free(is.bytes);
	free(was->bytes);
}

START_TEST(resize_refused__data_is_cut_only_on_request)
{
	struct scene *s = rig(_i);
	struct vhd_resize_result res = { 0 };
	struct snapshot was;
	struct vhd_error err;

	scene_write(s, s->path, 9 * MIB, 700, 'x');
	was = snap(s);
	ck_assert_int_eq(scene_resize(s, 9 * MIB, 0, &res, &err),
			 VHD_E_REFUSED);
	ck_assert_str_eq(err.msg, "the disk is in use up to byte 9438208, and "
			 "the new end would be at 9437184");
	ck_assert_uint_eq(res.new_size, 0);
	ck_assert_int_eq(scene_resize(s, 9 * MIB + 512, 0, &res, NULL),
			 VHD_E_REFUSED);
	unchanged(s, &was);
	/* The last sector of the data is the last of the disk. */
	ck_assert_int_eq(scene_resize(s, 9 * MIB + 1024, 0, &res, NULL), 0);
	ck_assert_uint_eq(res.old_size, SIZE);
	ck_assert_uint_eq(res.used_end, 9 * MIB + 1024);
	scene_agrees(s);
	ck_assert_int_eq(scene_resize(s, 2 * MIB, VHD_CHANGE_CUT, &res, NULL),
			 0);
	ck_assert_uint_eq(res.used_end, 9 * MIB + 1024);
	scene_agrees(s);
	scene_free(s);
}
END_TEST

/* Stored zeros are zeros. */
START_TEST(resize_refused__zeros_may_go)
{
	struct scene *s = rig(_i);
	struct vhd_resize_result res;

	scene_write(s, s->path, 3 * MIB, 5000, 'x');
	scene_write(s, s->path, 9 * MIB, 3 * MIB, 0);
	ck_assert_int_eq(scene_resize(s, 8 * MIB, 0, &res, NULL), 0);
	ck_assert_uint_eq(res.used_end, 8 * MIB);
	ck_assert_uint_eq(res.new_size, 8 * MIB);
	scene_agrees(s);
	scene_sound(s);
	scene_free(s);
}
END_TEST

START_TEST(resize_refused__spare_bytes_may_go)
{
	struct scene *s = rig(_i);
	struct vhd_resize_opts o = VHD_RESIZE_OPTS_INIT;
	struct vhd_open_opts open = VHD_OPEN_OPTS_INIT;
	struct vhd_resize_result res;

	scene_write(s, s->path, 12 * MIB, 4096, 'x');
	open.flags = VHD_OPEN_ALLOW_RAW;
	o.open = &open;
	o.spare_off = 12 * MIB + 512;
	o.spare_len = 3584;
	ck_assert_int_eq(vhd_resize(s->path, 12 * MIB, &o, &res, NULL),
			 VHD_E_REFUSED);
	o.spare_off = 12 * MIB;
	o.spare_len = 3584;
	ck_assert_int_eq(vhd_resize(s->path, 12 * MIB, &o, &res, NULL),
			 VHD_E_REFUSED);
	o.spare_len = 4096;
	ck_assert_int_eq(vhd_resize(s->path, 12 * MIB, &o, &res, NULL), 0);
	scene_free(s);
}
END_TEST

START_TEST(resize_refused__a_dry_run_changes_nothing)
{
	struct scene *s = rig(_i);
	struct vhd_resize_result res;
	struct snapshot was;

	scene_write(s, s->path, 9 * MIB, 512, 'x');
	was = snap(s);
	ck_assert_int_eq(scene_resize(s, 12 * MIB, VHD_CHANGE_DRY_RUN, &res,
				      NULL), 0);
	ck_assert_uint_eq(res.used_end, 12 * MIB);
	ck_assert_int_eq(scene_resize(s, 2 * MIB, VHD_CHANGE_DRY_RUN |
				      VHD_CHANGE_CUT, &res, NULL), 0);
	ck_assert_uint_eq(res.used_end, 9 * MIB + 512);
	ck_assert_int_eq(scene_resize(s, GIB, VHD_CHANGE_DRY_RUN, &res, NULL),
			 0);
	ck_assert_uint_eq(res.old_size, SIZE);
	ck_assert_uint_eq(res.new_size, GIB);
	ck_assert_uint_eq(res.used_end, 0);
	ck_assert_uint_eq(res.old_file, was.len);
	ck_assert_uint_eq(res.new_file, was.len);
	unchanged(s, &was);
	scene_free(s);
}
END_TEST

START_TEST(resize_refused__the_same_size_changes_nothing)
{
	struct scene *s = rig(_i);
	struct vhd_resize_result res;
	struct snapshot was;

	scene_write(s, s->path, 9 * MIB, 512, 'x');
	was = snap(s);
	ck_assert_int_eq(scene_resize(s, SIZE, 0, &res, NULL), 0);
	unchanged(s, &was);
	scene_free(s);
}
END_TEST

/* VHD-R-7, VHDX-RSZ-01 */
START_TEST(resize_refused__parents_keep_their_size)
{
	struct scene *s = rig(_i);
	struct scene_kind k = kinds[_i];
	struct vhd_resize_result res;
	struct snapshot was;
	struct vhd_error err;
	char child[512];

	tempdir_name(&s->dir, k.format == VHD_FORMAT_VHD ? "child.vhd" :
		     "child.vhdx", child);
	scene_create(&k, child, SIZE, s->path);
	was = snap(s);
	ck_assert_int_eq(scene_resize(s, 2 * SIZE, 0, &res, &err),
			 VHD_E_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.msg, "child.vhd"));
	ck_assert_int_eq(scene_resize(s, 2 * SIZE, VHD_CHANGE_DRY_RUN, &res,
				      &err), VHD_E_REFUSED);
	unchanged(s, &was);
	ck_assert_int_eq(scene_resize(s, 2 * SIZE, VHD_CHANGE_ORPHAN, &res,
				      &err), 0);
	scene_free(s);
}
END_TEST

static bool stop(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	return false;
}

START_TEST(resize_refused__a_search_can_be_cancelled)
{
	struct scene *s = rig(_i);
	struct vhd_resize_opts o = VHD_RESIZE_OPTS_INIT;
	struct vhd_open_opts open = VHD_OPEN_OPTS_INIT;
	struct snapshot was = snap(s);

	open.flags = VHD_OPEN_ALLOW_RAW;
	o.open = &open;
	o.progress = stop;
	ck_assert_int_eq(vhd_resize(s->path, 4 * MIB, &o, NULL, NULL),
			 VHD_E_CANCELLED);
	unchanged(s, &was);
	scene_free(s);
}
END_TEST

static void limit(const struct scene_kind *k, uint64_t size, const char *says)
{
	struct scene *s = scene_new(k, SIZE, MIB);
	struct snapshot was = snap(s);
	struct vhd_error err = { .code = 0 };

	ck_assert_int_eq(scene_resize(s, size, 0, NULL, &err), VHD_E_INVAL);
	ck_assert_msg(strstr(err.msg, says) != NULL, "%s", err.msg);
	ck_assert_str_eq(err.file, s->path);
	unchanged(s, &was);
	scene_free(s);
}

/* VHD-M-1, VHD-M-3, VHDX-RSZ-01 */
START_TEST(resize_refused__limits_are_named)
{
	static const struct scene_kind small = {
		VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 4096, 0, VHD_TARGET_NONE
	};
	static const struct scene_kind large = {
		VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, MIB, 4096, VHD_TARGET_NONE
	};

	for (int i = 0; i < KINDS; i++)
		limit(&kinds[i], 0, "a disk cannot have 0 bytes");
	for (int i = 0; i < KINDS; i++)
		limit(&kinds[i], SIZE + 1, "no multiple");
	limit(&large, SIZE + 512, "sectors of 4096 bytes");
	limit(&kinds[1], 2040 * GIB + 512, "over the 2040 GiB that a dynamic "
	      "VHD can have; a VHDX can have 64 TiB");
	limit(&kinds[2], 3 * TIB, "a differencing VHD");
	limit(&small, 2040 * GIB, "do not fit into the 2 TiB");
	limit(&kinds[4], 64 * TIB + MIB, "over the 64 TiB");
}
END_TEST

/* VHD-X-7 */
START_TEST(resize_refused__sizes_that_xen_miscounts)
{
	static const struct scene_kind xen = {
		VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 0, 0, VHD_TARGET_XEN
	};

	limit(&xen, 8 * GIB + 2 * MIB, "Xen miscounts");
}
END_TEST

/* VHD-D-6; a VHDX may be smaller than its parent (VHDX-RD-03). */
START_TEST(resize_refused__a_vhd_stays_as_large_as_its_parent)
{
	struct scene *s = scene_new(&kinds[2], SIZE, 4 * MIB);
	struct vhd_error err;

	ck_assert_int_eq(scene_resize(s, 4 * MIB - 512, VHD_CHANGE_CUT, NULL,
				      &err), VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "4194304"));
	scene_resized(s, 4 * MIB);
	scene_free(s);
}
END_TEST

START_TEST(resize_refused__a_saved_state_stays)
{
	struct scene *s = rig(_i);
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd_error err;

	a.mask = VHD_ATTR_SAVED_STATE;
	a.saved_state = 1;
	ck_assert_int_eq(vhd_set(s->path, &a, 0, NULL, NULL), 0);
	ck_assert_int_eq(scene_resize(s, 2 * SIZE, VHD_CHANGE_ORPHAN, NULL,
				      &err), VHD_E_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.msg, "state is saved"));
	a.saved_state = 0;
	ck_assert_int_eq(vhd_set(s->path, &a, 0, NULL, NULL), 0);
	scene_resized(s, 2 * SIZE);
	scene_free(s);
}
END_TEST

/* VHD-C-15: the geometry is what others may show, not what is resized. */
START_TEST(resize_refused__the_geometry_is_not_the_size)
{
	static const struct scene_kind k = {
		VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 0, 0, VHD_TARGET_NONE
	};
	struct scene *s = scene_new(&k, 64 * MIB, 0);
	struct vhd_resize_opts o = VHD_RESIZE_OPTS_INIT;
	struct vhd_open_opts open = VHD_OPEN_OPTS_INIT;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_resize_result res;
	struct vhd_image *img;

	open.size_rule = VHD_SIZE_CHS;
	o.open = &open;
	ck_assert_int_eq(vhd_resize(s->path, 10 * GIB, &o, &res, NULL), 0);
	ck_assert_uint_eq(res.old_size, 64 * MIB);
	img = scene_open(s->path, 0);
	ck_assert_uint_eq(vhd_size(img), 10 * GIB);
	ck_assert_int_eq(vhd_layer_info(img, 0, &info, NULL), 0);
	/* VHD-C-1, VHD-R-4 */
	ck_assert_uint_eq(info.vhd.chs_size, UINT64_C(10737377280));
	ck_assert_uint_eq(info.vhd.original_size, 64 * MIB);
	vhd_close(&img, NULL);
	scene_free(s);
}
END_TEST

START_TEST(resize_refused__wrong_calls)
{
	struct vhd_resize_opts o = VHD_RESIZE_OPTS_INIT;
	struct vhd_error err;

	ck_assert_int_eq(vhd_resize(NULL, 512, NULL, NULL, &err), VHD_E_INVAL);
	o.flags = 1u << 30;
	ck_assert_int_eq(vhd_resize("x", 512, &o, NULL, &err), VHD_E_INVAL);
	o.flags = 0;
	o.size = 0;
	ck_assert_int_eq(vhd_resize("x", 512, &o, NULL, &err), VHD_E_INVAL);
}
END_TEST

TEST_MAIN_ROWS("ops/resize_refused",
	LOOP(resize_refused__data_is_cut_only_on_request, KINDS),
	LOOP(resize_refused__zeros_may_go, KINDS),
	LOOP(resize_refused__spare_bytes_may_go, KINDS),
	LOOP(resize_refused__a_dry_run_changes_nothing, KINDS),
	LOOP(resize_refused__the_same_size_changes_nothing, KINDS),
	LOOP(resize_refused__parents_keep_their_size, IMAGES),
	LOOP(resize_refused__a_search_can_be_cancelled, KINDS),
	ONCE(resize_refused__limits_are_named),
	ONCE(resize_refused__sizes_that_xen_miscounts),
	ONCE(resize_refused__a_vhd_stays_as_large_as_its_parent),
	LOOP(resize_refused__a_saved_state_stays, 3),
	ONCE(resize_refused__the_geometry_is_not_the_size),
	ONCE(resize_refused__wrong_calls))
