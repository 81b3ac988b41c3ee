/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_OPS_RESIZE_SCENE_H
#define TESTS_UNIT_OPS_RESIZE_SCENE_H

/*
 * An image that is resized, and what its disk has to show.
 *
 * The model is the list of what was done: bytes written, and sizes set.  A byte
 * is what the last of these said of it, so disks of many GiB cost nothing.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "support/tempdir.h"
#include "vhd/vhd.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

enum { SCENE_OPS = 128, SCENE_PIECE = 64 << 10 };

struct scene_op {
	bool is_size;		/* off: the new size */
	uint64_t off, len;
	uint8_t byte;
};

struct scene {
	struct tempdir dir;
	char path[512], base[512];
	uint64_t least;
	size_t count;
	struct scene_op ops[SCENE_OPS];
};

struct scene_kind {
	enum vhd_format format;
	enum vhd_type type;
	uint64_t block;
	uint32_t sector;
	enum vhd_target target;
};

static inline void scene_note(struct scene *s, bool is_size, uint64_t off,
			      uint64_t len, uint8_t byte)
{
	ck_assert_uint_lt(s->count, SCENE_OPS);
	s->ops[s->count++] = (struct scene_op){ is_size, off, len, byte };
}

/* What [off, off + len) has to be. */
static inline void scene_want(const struct scene *s, uint64_t off, size_t len,
			      uint8_t *out)
{
	memset(out, 0, len);
	for (size_t i = 0; i < s->count; i++) {
		const struct scene_op *op = &s->ops[i];
		uint64_t from = op->off, to = op->is_size ? UINT64_MAX :
							    op->off + op->len;

		if (from < off)
			from = off;
		if (to > off + len)
			to = off + len;
		if (from < to)
			memset(out + (from - off), op->byte,
			       (size_t)(to - from));
	}
}

static inline const char *scene_name(const struct scene_kind *k, bool base)
{
	static const char *const names[2][2] = {
		{ "disk.vhd", "base.vhd" }, { "disk.vhdx", "base.vhdx" }
	};

	if (k->format == VHD_FORMAT_RAW)
		return "disk.raw";
	return names[k->format == VHD_FORMAT_VHDX][base];
}

static inline struct vhd_image *scene_open(const char *path, uint32_t flags)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	opts.flags = flags | VHD_OPEN_ALLOW_RAW;
	if (vhd_open(path, &opts, &img, &err))
		ck_abort_msg("open: %s", err.msg);
	return img;
}

static inline void scene_write(struct scene *s, const char *path, uint64_t off,
			       uint64_t len, uint8_t byte)
{
	struct vhd_image *img = scene_open(path, VHD_OPEN_RDWR);
	static uint8_t buf[SCENE_PIECE];
	struct vhd_error err;
	int rc = 0;

	memset(buf, byte, sizeof(buf));
	for (uint64_t at = 0; !rc && at < len; at += sizeof(buf))
		rc = vhd_pwrite(img, buf, len - at < sizeof(buf) ?
				(size_t)(len - at) : sizeof(buf), off + at,
				&err);
	if (rc || vhd_close(&img, &err))
		ck_abort_msg("write: %s", err.msg);
	scene_note(s, false, off, len, byte);
}

static inline void scene_create(const struct scene_kind *k, const char *path,
				uint64_t size, const char *parent)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.format = k->format;
	o.type = parent ? VHD_TYPE_DIFF : k->type == VHD_TYPE_DIFF ?
		 VHD_TYPE_DYNAMIC : k->type;
	o.target = k->target;
	o.block_size = k->block;
	o.logical_sector = k->sector;
	o.virtual_size = size;
	o.parent = parent;
	o.flags = VHD_CREATE_NO_SYNC;
	if (vhd_create(path, &o, &err))
		ck_abort_msg("create: %s", err.msg);
}

static inline void scene_resized(struct scene *s, uint64_t size);

/*
 * A differencing image has a parent of @below bytes with something at both of
 * its ends.  A VHD is not made smaller than that (VHD-D-6).
 */
static inline struct scene *scene_new(const struct scene_kind *k,
				      uint64_t size, uint64_t below)
{
	struct scene *s = calloc(1, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	tempdir_make(&s->dir);
	tempdir_name(&s->dir, scene_name(k, false), s->path);
	tempdir_name(&s->dir, scene_name(k, true), s->base);
	if (k->type == VHD_TYPE_DIFF) {
		uint64_t len = below < MIB ? below : MIB;
		bool vhd = k->format == VHD_FORMAT_VHD;

		scene_create(k, s->base, below, NULL);
		scene_write(s, s->base, 0, len, 'p');
		scene_write(s, s->base, below - len, len, 'q');
		s->least = vhd ? below : 0;
		scene_create(k, s->path, size > below ? size : below, s->base);
		if (size < below && !vhd)
			scene_resized(s, size);
		return s;
	}
	scene_create(k, s->path, size, NULL);
	return s;
}

static inline void scene_free(struct scene *s)
{
	tempdir_remove(&s->dir);
	free(s);
}

static inline void scene_range(const struct scene *s, struct vhd_image *img,
			       uint64_t off, uint64_t len)
{
	static uint8_t have[SCENE_PIECE], want[SCENE_PIECE];
	struct vhd_error err;

	while (len) {
		size_t n = len < sizeof(have) ? (size_t)len : sizeof(have);

		if (vhd_pread(img, have, n, off, &err))
			ck_abort_msg("read at %llu: %s",
				     (unsigned long long)off, err.msg);
		scene_want(s, off, n, want);
		for (size_t i = 0; memcmp(have, want, n) && i < n; i++) {
			if (have[i] != want[i])
				ck_abort_msg("byte %llu is 0x%02x, not 0x%02x",
					     (unsigned long long)(off + i),
					     have[i], want[i]);
		}
		off += n;
		len -= n;
	}
}

/* All that is stored, and all around what was written. */
static inline void scene_agrees(const struct scene *s)
{
	struct vhd_image *img = scene_open(s->path, 0);
	uint64_t size = vhd_size(img), off = 0;
	struct vhd_extent ext[64];
	size_t n;

	while (off < size) {
		ck_assert_int_eq(vhd_resolve(img, off, size - off, ext, 64, &n,
					     NULL), 0);
		for (size_t i = 0; i < n; i++) {
			if (ext[i].kind == VHD_EXTENT_DATA)
				scene_range(s, img, ext[i].off, ext[i].len);
			off = ext[i].off + ext[i].len;
		}
	}
	for (size_t i = 0; i < s->count; i++) {
		uint64_t from = s->ops[i].off > 4096 ? s->ops[i].off - 4096 : 0;
		uint64_t to = s->ops[i].off + s->ops[i].len + 4096;

		if (to > size)
			to = size;
		if (from < to)
			scene_range(s, img, from, to - from);
	}
	vhd_close(&img, NULL);
}

static inline void scene_finding(void *arg, const struct vhd_finding *f)
{
	(void)arg;
	if (f->rule->severity >= VHD_SEV_ERROR)
		ck_abort_msg("check: %s: %s", f->rule->name, f->msg);
}

static inline void scene_sound(const struct scene *s)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result r;
	struct vhd_error err;

	if (strstr(s->path, ".raw"))
		return;
	o.flags = VHD_CHECK_DEEP;
	o.finding = scene_finding;
	if (vhd_check(s->path, &o, &r, &err))
		ck_abort_msg("check: %s", err.msg);
}

static inline int scene_resize(struct scene *s, uint64_t size, uint32_t flags,
			       struct vhd_resize_result *res,
			       struct vhd_error *err)
{
	struct vhd_resize_opts o = VHD_RESIZE_OPTS_INIT;
	struct vhd_open_opts open = VHD_OPEN_OPTS_INIT;
	int rc;

	open.flags = VHD_OPEN_ALLOW_RAW;
	o.flags = flags;
	o.open = &open;
	rc = vhd_resize(s->path, size, &o, res, err);
	if (!rc && !(flags & VHD_CHANGE_DRY_RUN))
		scene_note(s, true, size, 0, 0);
	return rc;
}

/* It works, and the disk is what it should be. */
static inline void scene_resized(struct scene *s, uint64_t size)
{
	struct vhd_resize_result res;
	struct vhd_error err;
	struct vhd_image *img;

	if (size < s->least)
		size = s->least;
	if (scene_resize(s, size, VHD_CHANGE_CUT, &res, &err))
		ck_abort_msg("resize to %llu: %s", (unsigned long long)size,
			     err.msg);
	ck_assert_uint_eq(res.new_size, size);
	img = scene_open(s->path, 0);
	ck_assert_uint_eq(vhd_size(img), size);
	vhd_close(&img, NULL);
	scene_sound(s);
	scene_agrees(s);
}

#endif
