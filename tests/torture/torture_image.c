/* SPDX-License-Identifier: BSD-2-Clause */
#include "torture/torture_image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ckd.h"
#include "image/image_priv.h"
#include "image/probe.h"
#include "io/io_posix.h"

#define STAMP_TIME INT64_C(1622505600)

const struct torture_type torture_types[TORTURE_TYPES] = {
	{ "vhd-fixed", VHD_FORMAT_VHD, VHD_TYPE_FIXED },
	{ "vhd-dynamic", VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC },
	{ "vhd-diff", VHD_FORMAT_VHD, VHD_TYPE_DIFF },
	{ "vhdx-fixed", VHD_FORMAT_VHDX, VHD_TYPE_FIXED },
	{ "vhdx-dynamic", VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC },
	{ "vhdx-diff", VHD_FORMAT_VHDX, VHD_TYPE_DIFF },
};

bool torture_is_child(const struct torture_shape *s)
{
	return s->type->type == VHD_TYPE_DIFF;
}

bool torture_is_fixed(const struct torture_shape *s)
{
	return s->type->type == VHD_TYPE_FIXED;
}

uint64_t torture_size(const struct torture_shape *s)
{
	return ((uint64_t)(s->windows - 1) * s->apart + s->per) * s->block -
	       s->cut;
}

uint64_t torture_used(const struct torture_shape *s)
{
	return (uint64_t)s->windows * s->per * s->block - s->cut;
}

uint64_t torture_guest(const struct torture_shape *s, uint64_t at)
{
	uint64_t len = s->per * s->block;

	return at / len * s->apart * s->block + at % len;
}

uint64_t torture_in_window(const struct torture_shape *s, uint64_t at)
{
	uint64_t len = s->per * s->block;

	return min_u64(len - at % len, torture_used(s) - at);
}

static struct vhd_build plan(const struct torture_shape *s, uint8_t who)
{
	bool vhdx = s->type->format == VHD_FORMAT_VHDX;

	return (struct vhd_build){
		.type = s->type->type,
		.virtual_size = torture_size(s),
		.block_size = s->block,
		.logical_sector = s->sector,
		.physical_sector = vhdx ? 4096 : 512,
		.xen = s->xen,
		.timestamp = STAMP_TIME,
		.seed = { { 0x70, 0x0c, 0x47, who, 0x0e, 0x40, 0x4c, 0x18,
			    0xa7, 0x25, 0x0f, 0xd1, 0x83, 0x62, 0xbe, who } },
	};
}

static void fill(struct vhd_io *io, const struct vhd_engine *ops, void *bld,
		 const struct torture_shape *s, const uint8_t *bytes)
{
	enum { PIECE = 4096 };
	uint64_t used = torture_used(s), n;
	struct vhd_error err;

	for (uint64_t at = 0; at < used; at += n) {
		uint64_t file_off, len;

		n = min_u64(PIECE, torture_in_window(s, at));
		if (torture_zeros(bytes + at, n))
			continue;
		torture_ok(ops->place(bld, torture_guest(s, at), &file_off,
				      &len, &err), "a place", &err);
		n = min_u64(n, len);
		torture_ok(vhd_io_write(io, bytes + at, (size_t)n, file_off,
					&err), "filling a parent", &err);
	}
}

static void build(struct vhd_io *io, const struct torture_shape *s,
		  const struct vhd_build *what, const uint8_t *bytes)
{
	const struct vhd_engine *ops = vhd_engine_of(s->type->format);
	struct vhd_error err;
	void *bld = NULL;

	torture_ok(ops->build(io, what, &bld, &err), "building", &err);
	if (bytes)
		fill(io, ops, bld, s, bytes);
	torture_ok(ops->finish(bld, &err), "building", &err);
	ops->discard(bld);
	torture_ok(vhd_io_close(&io, &err), "closing", &err);
}

static void read_info(struct torture_parent *p)
{
	struct vhd_image *img = NULL;
	struct vhd_error err;

	torture_ok(vhd_open(p->path, NULL, &img, &err), "opening a parent",
		   &err);
	p->info.size = sizeof(p->info);
	torture_ok(vhd_layer_info(img, 0, &p->info, &err), "info", &err);
	vhd_close(&img, NULL);
}

void torture_parent_make(struct torture_parent *p,
			 const struct torture_shape *s, const uint8_t *bytes)
{
	const char *base = getenv("TMPDIR");
	struct vhd_build what = plan(s, 1);
	struct vhd_io *io = NULL;
	struct vhd_error err;
	int fd;

	memset(p, 0, sizeof(*p));
	snprintf(p->dir, sizeof(p->dir), "%s/vhd-torture-XXXXXX",
		 base ? base : "/tmp");
	NEED(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/parent", p->dir);
	fd = open(p->path, O_RDWR | O_CREAT | O_EXCL, 0600);
	NEED(fd >= 0);
	close(fd);
	torture_ok(vhd_io_open_posix(p->path, VHD_POSIX_WRITE, &io, &err),
		   "making a parent", &err);
	what.type = VHD_TYPE_DYNAMIC;
	build(io, s, &what, bytes);
	read_info(p);
}

void torture_parent_drop(struct torture_parent *p)
{
	if (!p->dir[0])
		return;
	unlink(p->path);
	rmdir(p->dir);
	p->dir[0] = '\0';
}

void torture_build(struct torture_file *f, const struct torture_shape *s,
		   const struct torture_parent *p)
{
	struct vhd_build what = plan(s, 2);
	struct vhd_io *io = NULL;
	struct vhd_error err;

	if (torture_is_child(s)) {
		what.parent_id = p->info.id;
		what.parent_disk_id = p->info.vhdx.disk_id;
		what.parent_timestamp = STAMP_TIME;
		what.parent_relative = "parent";
	}
	torture_ok(vhd_io_new(&f->ops, f, "image", &io, &err), "a file", &err);
	build(io, s, &what, NULL);
}

static void fill_opts(const struct torture_parent *p,
		      const struct torture_open *how,
		      struct vhd_open_opts *opts, const char *parents[2])
{
	*opts = (struct vhd_open_opts)VHD_OPEN_OPTS_INIT;
	opts->cache_bytes = how->cache;
	opts->flags = how->flags;
	parents[0] = p && p->dir[0] ? p->path : NULL;
	parents[1] = NULL;
	opts->parents = parents[0] ? parents : NULL;
}

int torture_open_ops(const struct vhd_io_ops *ops, void *handle,
		     const struct torture_parent *p,
		     const struct torture_open *how, struct vhd_image **img_out,
		     struct vhd_error *err)
{
	struct vhd_open_opts opts;
	const char *parents[2];

	fill_opts(p, how, &opts, parents);
	return vhd_open_io(ops, handle, "image", &opts, img_out, err);
}

struct vhd_image *torture_open(struct torture_file *f,
			       const struct torture_parent *p,
			       const struct torture_open *how)
{
	bool writable = how->flags & VHD_OPEN_RDWR;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	torture_ok(torture_open_ops(writable ? &f->ops : &f->ro_ops, f, p, how,
				    &img, &err), "opening", &err);
	return img;
}

static void on_report(void *arg, uint32_t layer, const char *file,
		      const struct vhd_rule *rule, uint64_t off,
		      const char *msg)
{
	(void)arg;
	(void)file;
	(void)off;
	if (layer == 0 && rule->severity >= VHD_SEV_ERROR)
		torture_fail("opening finds %s: %s", rule->name, msg);
}

static void on_finding(void *arg, const struct vhd_rule *rule, uint64_t off,
		       const char *msg)
{
	(void)arg;
	(void)off;
	if (rule->severity >= VHD_SEV_ERROR)
		torture_fail("check finds %s: %s", rule->name, msg);
}

/* As vhd_check(), which wants a path. */
void torture_check(struct torture_file *f, const struct torture_parent *p)
{
	const struct torture_open how = { 0 };
	struct vhd_reporter reporter = { on_report, NULL, NULL };
	struct vhd_engine_check req = { .sink = { on_finding, NULL } };
	uint64_t changes = atomic_load(&f->changes);
	struct vhd_open_opts opts, all;
	struct vhd_image *img = NULL;
	struct vhd_io *io = NULL;
	const char *parents[2];
	struct vhd_error err;

	fill_opts(p, &how, &opts, parents);
	torture_ok(vhd_open_opts_get(&opts, &all, &err), "options", &err);
	torture_ok(vhd_io_new(&f->ro_ops, f, "image", &io, &err), "a file",
		   &err);
	torture_ok(vhd_image_open(io, &all, &reporter, 0, &img, &err),
		   "opening for a check", &err);
	if (img->layers[0].ops->check)
		torture_ok(img->layers[0].ops->check(img->layers[0].eng, &req,
						     &err), "the check", &err);
	torture_ok(vhd_close(&img, &err), "closing", &err);
	if (atomic_load(&f->changes) != changes)
		torture_fail("checking changed the file");
}

void torture_compare(struct vhd_image *img, const struct torture_shape *s,
		     const uint8_t *bytes, const char *when)
{
	enum { PIECE = 256 * 1024 };
	uint8_t *buf = torture_alloc(PIECE);
	uint64_t used = torture_used(s), n, d;
	struct vhd_error err;

	for (uint64_t at = 0; at < used; at += n) {
		n = min_u64(PIECE, torture_in_window(s, at));
		torture_ok(vhd_pread(img, buf, (size_t)n,
				     torture_guest(s, at), &err), when, &err);
		d = torture_differ(buf, bytes + at, n);
		if (d < n)
			torture_fail("%s: byte 0x%" PRIx64 " (0x%" PRIx64
				     " of the windows) is 0x%02x, not 0x%02x",
				     when, torture_guest(s, at + d), at + d,
				     buf[d], bytes[at + d]);
	}
	free(buf);
}
