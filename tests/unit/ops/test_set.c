/* SPDX-License-Identifier: BSD-2-Clause */
#include "resize_scene.h"

#include "support/check_main.h"

static const struct scene_kind kinds[] = {
	{ VHD_FORMAT_VHD, VHD_TYPE_FIXED, 0, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 0, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHD, VHD_TYPE_DIFF, 0, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_FIXED, MIB, 512, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, MIB, 512, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DIFF, MIB, 512, VHD_TARGET_NONE },
};
enum { KINDS = 6, VHDS = 3 };

static const struct vhd_guid some_id = { "one id of sixtee" };
static const struct vhd_guid other_id = { "another of 16 by" };

static struct scene *rig(int i)
{
	struct scene *s = scene_new(&kinds[i], 8 * MIB, MIB);

	scene_write(s, s->path, 5 * MIB, 1000, 'x');
	return s;
}

static struct vhd_info info_of(const struct scene *s)
{
	struct vhd_image *img = scene_open(s->path, 0);
	struct vhd_info info = { .size = sizeof(info) };

	ck_assert_int_eq(vhd_layer_info(img, 0, &info, NULL), 0);
	vhd_close(&img, NULL);
	return info;
}

static void set(const struct scene *s, const struct vhd_attrs *a)
{
	struct vhd_error err;

	if (vhd_set(s->path, a, 0, NULL, &err))
		ck_abort_msg("set: %s", err.msg);
	scene_sound(s);
	scene_agrees(s);
}

static bool same_id(const struct vhd_guid *a, const struct vhd_guid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* A child and its parent have the id of the disk in common. */
START_TEST(set__ids)
{
	struct scene *s = rig(_i);
	bool vhd = _i < VHDS;
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd_info was = info_of(s), is;

	a.mask = VHD_ATTR_ID;
	a.id = some_id;
	set(s, &a);
	is = info_of(s);
	ck_assert(same_id(vhd ? &is.vhd.unique_id : &is.vhdx.disk_id,
			  &some_id));
	/* VHDX-WR-40 */
	ck_assert(!same_id(&is.id, &was.id));
	a.mask = VHD_ATTR_IDENTITY;
	a.identity = other_id;
	set(s, &a);
	is = info_of(s);
	ck_assert(same_id(&is.id, &other_id));
	if (!vhd)
		ck_assert(same_id(&is.vhdx.disk_id, &some_id));
	scene_free(s);
}
END_TEST

START_TEST(set__several_at_once)
{
	struct scene *s = rig(_i);
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd_info is;

	a.mask = VHD_ATTR_ID | VHD_ATTR_IDENTITY | VHD_ATTR_CREATOR;
	a.id = some_id;
	a.identity = some_id;
	a.creator = "me";
	set(s, &a);
	is = info_of(s);
	ck_assert(same_id(&is.id, &some_id));
	ck_assert_int_eq(strncmp(_i < VHDS ? is.vhd.creator_app :
				 is.vhdx.creator, "me", 2), 0);
	scene_free(s);
}
END_TEST

START_TEST(set__fields_of_a_vhd)
{
	struct scene *s = rig(_i);
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd_info is;

	a.mask = VHD_ATTR_CREATOR | VHD_ATTR_HIDDEN | VHD_ATTR_SAVED_STATE |
		 VHD_ATTR_ORIGINAL_SIZE | VHD_ATTR_TIMESTAMP;
	a.creator = "vpc ";
	a.hidden = 1;
	a.saved_state = 1;
	a.original_size = 4 * MIB;
	a.timestamp = 1600000000;
	set(s, &a);
	is = info_of(s);
	ck_assert_str_eq(is.vhd.creator_app, "vpc ");
	ck_assert(is.vhd.hidden && is.vhd.saved_state);
	ck_assert_uint_eq(is.vhd.original_size, 4 * MIB);
	ck_assert_int_eq(is.vhd.timestamp, 1600000000);
	ck_assert_uint_eq(is.vhd.footers_ok, _i == 0 ? VHD_COPY_SECOND :
			  VHD_COPY_FIRST | VHD_COPY_SECOND);
	a.mask = VHD_ATTR_HIDDEN | VHD_ATTR_SAVED_STATE;
	a.hidden = a.saved_state = 0;
	set(s, &a);
	is = info_of(s);
	ck_assert(!is.vhd.hidden && !is.vhd.saved_state);
	ck_assert_str_eq(is.vhd.creator_app, "vpc ");
	scene_free(s);
}
END_TEST

START_TEST(set__physical_sectors_of_a_vhdx)
{
	struct scene *s = rig(VHDS + _i);
	struct vhd_attrs a = VHD_ATTRS_INIT;

	a.mask = VHD_ATTR_PHYSICAL_SECTOR;
	a.physical_sector = 512;
	set(s, &a);
	ck_assert_uint_eq(info_of(s).physical_sector, 512);
	a.physical_sector = 4096;
	set(s, &a);
	ck_assert_uint_eq(info_of(s).physical_sector, 4096);
	scene_free(s);
}
END_TEST

static void wrong(const struct scene *s, const struct vhd_attrs *a,
		  const char *says)
{
	struct vhd_error err;

	ck_assert_int_eq(vhd_set(s->path, a, VHD_CHANGE_DRY_RUN, NULL, &err),
			 VHD_E_INVAL);
	ck_assert_msg(strstr(err.msg, says) != NULL, "%s", err.msg);
	ck_assert_int_eq(vhd_set(s->path, a, 0, NULL, &err), VHD_E_INVAL);
}

START_TEST(set__a_vhd_does_not_take_all)
{
	struct scene *s = rig(_i);
	struct vhd_attrs a = VHD_ATTRS_INIT;

	a.mask = VHD_ATTR_PHYSICAL_SECTOR;
	wrong(s, &a, "a VHD has no size of physical sectors");
	a.mask = VHD_ATTR_CREATOR;
	wrong(s, &a, "no creator is named");
	a.creator = "words";
	wrong(s, &a, "at most 4 characters, not 5");
	a.creator = "\xc3\xa9";
	wrong(s, &a, "ASCII");
	a.mask = VHD_ATTR_ID;
	wrong(s, &a, "zeros");
	a.mask = VHD_ATTR_ID | VHD_ATTR_IDENTITY;
	a.id = some_id;
	a.identity = other_id;
	wrong(s, &a, "two were given");
	a.mask = VHD_ATTR_TIMESTAMP;
	a.timestamp = 900000000;
	wrong(s, &a, "from 2000");
	a.mask = VHD_ATTR_SAVED_STATE;
	a.saved_state = 2;
	wrong(s, &a, "0 or 1");
	a.mask = VHD_ATTR_KEYHASH;
	if (kinds[_i].type == VHD_TYPE_FIXED)
		wrong(s, &a, "a fixed disk");
	scene_free(s);
}
END_TEST

START_TEST(set__a_vhdx_does_not_take_all)
{
	struct scene *s = rig(VHDS + _i);
	struct vhd_attrs a = VHD_ATTRS_INIT;
	char text[300];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	a.mask = VHD_ATTR_HIDDEN;
	wrong(s, &a, "a VHDX has no hidden marker");
	a.mask = VHD_ATTR_SAVED_STATE;
	wrong(s, &a, "a VHDX has no saved state");
	a.mask = VHD_ATTR_ORIGINAL_SIZE;
	wrong(s, &a, "a VHDX has no original size");
	a.mask = VHD_ATTR_TIMESTAMP;
	wrong(s, &a, "a VHDX has no time stamp");
	a.mask = VHD_ATTR_PHYSICAL_SECTOR;
	a.physical_sector = 1024;
	wrong(s, &a, "512 or 4096 bytes, not 1024");
	a.mask = VHD_ATTR_CREATOR;
	a.creator = text;
	wrong(s, &a, "at most 255 characters, not 299");
	scene_free(s);
}
END_TEST

START_TEST(set__logical_sectors_fit_into_physical_ones)
{
	static const struct scene_kind k = {
		VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, MIB, 4096, VHD_TARGET_NONE
	};
	struct scene *s = scene_new(&k, 8 * MIB, 0);
	struct vhd_attrs a = VHD_ATTRS_INIT;

	a.mask = VHD_ATTR_PHYSICAL_SECTOR;
	a.physical_sector = 512;
	wrong(s, &a, "cannot hold logical ones of 4096");
	scene_free(s);
}
END_TEST

static char *slurp(const char *path, size_t *len_out)
{
	FILE *f = fopen(path, "rb");
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

/* What Xen's tools keep: a byte of any value, a byte in the batmap's header, and
 * there what a key is known by. */
START_TEST(set__what_xen_notes)
{
	static const struct scene_kind k = {
		VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 0, 0, VHD_TARGET_XEN
	};
	struct scene *s = scene_new(&k, 16 * MIB, 0);
	/* VHD-X-3: behind a table of one sector. */
	const size_t note = 0x600 + 512;
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd_error err;
	struct vhd_info is;
	size_t len;
	char *raw;

	a.mask = VHD_ATTR_HIDDEN | VHD_ATTR_MARKER | VHD_ATTR_KEYHASH;
	a.hidden = 255;
	a.marker = 200;
	memset(a.key_nonce, 'n', sizeof(a.key_nonce));
	memset(a.key_hash, 'h', sizeof(a.key_hash));
	if (vhd_set(s->path, &a, 0, NULL, &err))
		ck_abort_msg("%s", err.msg);
	is = info_of(s);
	ck_assert(is.vhd.hidden && is.vhd.has_keyhash);
	raw = slurp(s->path, &len);
	ck_assert_int_eq(raw[85], (char)255);
	ck_assert_int_eq(raw[len - 512 + 85], (char)255);
	ck_assert_mem_eq(raw + note, "tdbatmap", 8);
	ck_assert_int_eq(raw[note + 28], (char)200);
	ck_assert_int_eq(raw[note + 29], 1);
	ck_assert_mem_eq(raw + note + 30, a.key_nonce, 32);
	ck_assert_mem_eq(raw + note + 62, a.key_hash, 32);
	free(raw);
	/* Its data is encrypted, its headers are not. */
	a.mask = VHD_ATTR_HIDDEN | VHD_ATTR_MARKER;
	a.hidden = a.marker = 0;
	ck_assert_int_eq(vhd_set(s->path, &a, 0, NULL, &err), 0);
	ck_assert(!info_of(s).vhd.hidden);
	scene_free(s);
}
END_TEST

START_TEST(set__no_key_for_what_is_stored_without_one)
{
	static const struct scene_kind k = {
		VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 0, 0, VHD_TARGET_XEN
	};
	struct scene *s = scene_new(&k, 16 * MIB, 0);
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd_error err;

	scene_write(s, s->path, 9 * MIB, 512, 'x');
	a.mask = VHD_ATTR_KEYHASH;
	ck_assert_int_eq(vhd_set(s->path, &a, 0, NULL, &err), VHD_E_INVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "block 4 is allocated"));
	a.mask = VHD_ATTR_MARKER;
	a.marker = 1;
	set(s, &a);
	scene_free(s);
}
END_TEST

START_TEST(set__children_do_not_lose_their_parent)
{
	struct scene *s = rig(_i);
	bool vhd = _i < VHDS;
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd_image *img;
	struct vhd_error err;
	char child[512];

	tempdir_name(&s->dir, vhd ? "child.vhd" : "child.vhdx", child);
	scene_create(&kinds[_i], child, 8 * MIB, s->path);
	a.mask = VHD_ATTR_ID;
	a.id = some_id;
	ck_assert_int_eq(vhd_set(s->path, &a, 0, NULL, &err), VHD_E_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.msg, "child.vhd"));
	ck_assert_int_eq(vhd_set(s->path, &a, VHD_CHANGE_DRY_RUN, NULL, &err),
			 VHD_E_REFUSED);
	/* It still is the parent, also after what children do not mind. */
	a.mask = VHD_ATTR_CREATOR;
	a.creator = "me";
	ck_assert_int_eq(vhd_set(s->path, &a, 0, NULL, &err), 0);
	img = scene_open(child, 0);
	ck_assert_uint_ge(vhd_layers(img), 2);
	vhd_close(&img, NULL);
	a.mask = VHD_ATTR_ID;
	ck_assert_int_eq(vhd_set(s->path, &a, VHD_CHANGE_ORPHAN, NULL, &err),
			 0);
	ck_assert_int_eq(vhd_open(child, NULL, &img, &err), VHD_E_PARENT);
	scene_free(s);
}
END_TEST

START_TEST(set__a_dry_run_and_the_same_again_change_nothing)
{
	struct scene *s = rig(_i);
	struct vhd_attrs a = VHD_ATTRS_INIT;
	size_t len, len2;
	char *was, *is;

	a.mask = VHD_ATTR_CREATOR;
	a.creator = _i < VHDS ? "win " : "me";
	set(s, &a);
	was = slurp(s->path, &len);
	set(s, &a);
	a.creator = "you";
	ck_assert_int_eq(vhd_set(s->path, &a, VHD_CHANGE_DRY_RUN, NULL, NULL),
			 0);
	is = slurp(s->path, &len2);
	ck_assert_uint_eq(len, len2);
	ck_assert(!memcmp(was, is, len));
	free(was);
	free(is);
	scene_free(s);
}
END_TEST

START_TEST(set__wrong_calls)
{
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct scene_kind raw = { .format = VHD_FORMAT_RAW,
				  .type = VHD_TYPE_FIXED };
	struct vhd_open_opts open = VHD_OPEN_OPTS_INIT;
	struct scene *s = scene_new(&raw, MIB, 0);

	ck_assert_int_eq(vhd_set(NULL, &a, 0, NULL, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_set(s->path, NULL, 0, NULL, NULL), VHD_E_INVAL);
	ck_assert_int_eq(vhd_set(s->path, &a, 1u << 30, NULL, NULL),
			 VHD_E_INVAL);
	open.flags = VHD_OPEN_ALLOW_RAW;
	a.mask = VHD_ATTR_ID;
	ck_assert_int_eq(vhd_set(s->path, &a, 0, &open, NULL), VHD_E_INVAL);
	a.mask = 1u << 30;
	ck_assert_int_eq(vhd_set(s->path, &a, 0, &open, NULL), VHD_E_INVAL);
	scene_free(s);
}
END_TEST

TEST_MAIN_ROWS("ops/set",
	LOOP(set__ids, KINDS),
	LOOP(set__several_at_once, KINDS),
	LOOP(set__fields_of_a_vhd, VHDS),
	LOOP(set__physical_sectors_of_a_vhdx, KINDS - VHDS),
	LOOP(set__a_vhd_does_not_take_all, VHDS),
	LOOP(set__a_vhdx_does_not_take_all, KINDS - VHDS),
	ONCE(set__logical_sectors_fit_into_physical_ones),
	ONCE(set__what_xen_notes),
	ONCE(set__no_key_for_what_is_stored_without_one),
	LOOP(set__children_do_not_lose_their_parent, KINDS),
	LOOP(set__a_dry_run_and_the_same_again_change_nothing, KINDS),
	ONCE(set__wrong_calls))
