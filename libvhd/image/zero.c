/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Discarding and zeroing.  A block that is covered as a whole loses its space
 * if the format can say "zeros"; anything else is zeroed where it is stored.
 * What is below a bitmap's 0 or an empty entry is left alone by a discard, and
 * stored as zeros for who was promised them.
 */
#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "image/rw.h"
#include "image/write.h"

struct zero {
	struct vhd_image *img;
	struct vhd_writer *w;
	bool discard;
	bool keep;		/* space stays allocated */
	bool unmap;		/* blocks may lose theirs */
	bool store;		/* where zeros show already, too */
	uint64_t block_size;
};

/* Stored bytes.  A hole in the file costs nothing and reads the same. */
static int zero_stored(const struct zero *z, uint64_t file_off, uint64_t len,
		       struct vhd_error *err)
{
	struct vhd_io *io = z->img->layers[0].io;

	return z->keep ? vhd_io_zero(io, len, file_off, err)
		       : vhd_io_punch(io, len, file_off, err);
}

/* Bytes that a parent shows become zeros of this image. */
static int zero_new(const struct zero *z, uint64_t off, uint64_t len,
		    uint64_t *done_out, struct vhd_error *err)
{
	struct vhd_ticket t;
	int rc, rc2;

	rc = vhd_image_ticket(z->img, z->w, off, len, false, &t, err);
	if (rc)
		return rc;
	if (!t.zeros)
		rc = zero_stored(z, t.file_off, t.len, err);
	rc2 = vhd_writer_end(z->w, &t, !rc, rc ? NULL : err);
	*done_out = t.len;
	return rc ? rc : rc2;
}

/* What the layers below show; zeros there need no space here. */
static int zero_below(const struct zero *z, uint64_t off, uint64_t len,
		      uint64_t *done_out, struct vhd_error *err)
{
	struct vhd_extent ext;
	int rc;

	/* A parent that is not open may hold anything. */
	if (z->img->torn)
		return zero_new(z, off, len, done_out, err);
	rc = vhd_image_map_below(z->img, off, len, &ext, err);
	if (rc)
		return rc;
	*done_out = ext.len;
	if (ext.kind == VHD_EXTENT_ZERO)
		return 0;
	return zero_new(z, off, ext.len, done_out, err);
}

static int zero_run(const struct zero *z, uint64_t off, uint64_t len,
		    uint64_t *done_out, struct vhd_error *err)
{
	struct vhd_run run;
	int rc = vhd_image_own_run(z->img, off, len, &run, err);

	if (rc)
		return rc;
	*done_out = run.len;
	switch (run.kind) {
	case VHD_RUN_DATA:
		return zero_stored(z, run.file_off, run.len, err);
	case VHD_RUN_PARENT:
		if (z->store)
			return zero_new(z, off, run.len, done_out, err);
		return z->discard ? 0 : zero_below(z, off, run.len, done_out,
						   err);
	case VHD_RUN_ZERO:
		if (z->store)
			return zero_new(z, off, run.len, done_out, err);
		break;
	}
	return 0;
}

/* A whole block at @off, if there is one: @*done_out stays 0 if not. */
static int zero_block(const struct zero *z, uint64_t off, uint64_t len,
		      uint64_t *done_out, struct vhd_error *err)
{
	uint64_t in_disk = min_u64(z->block_size, z->img->size - off);
	bool done;
	int rc;

	if (!z->unmap || off % z->block_size || len < in_disk)
		return 0;
	rc = vhd_writer_unmap(z->w, off / z->block_size,
			      z->discard ? VHD_UNMAP_DISCARD : VHD_UNMAP_ZERO,
			      &done, err);
	if (!rc && done)
		*done_out = in_disk;
	return rc;
}

/* Nothing looked at here goes on past a block that may be covered whole. */
static int zero_some(const struct zero *z, uint64_t off, uint64_t len,
		     uint64_t *done_out, struct vhd_error *err)
{
	uint64_t to_next = z->block_size - off % z->block_size;
	int rc;

	*done_out = 0;
	rc = zero_block(z, off, len, done_out, err);
	if (rc || *done_out)
		return rc;
	return zero_run(z, off, min_u64(len, to_next), done_out, err);
}

static int zero_range(struct zero *z, uint64_t off, uint64_t len,
		      struct vhd_error *err)
{
	int rc = vhd_image_writer(z->img, off, len, &z->w, err);
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_grace_token token;
	bool fixed;

	if (rc || !len)
		return rc;
	rc = vhd_layer_info(z->img, 0, &info, err);
	if (rc)
		return rc;
	z->block_size = info.block_size ? info.block_size : 2 * MiB;
	fixed = info.type == VHD_TYPE_FIXED && info.format != VHD_FORMAT_RAW;
	if (z->discard && fixed)
		return 0;
	z->unmap = !z->keep && !fixed && !z->store;
	z->store = z->store && info.type != VHD_TYPE_FIXED;
	/* A fixed disk keeps its space (VHDX-WR-25). */
	z->keep |= fixed;
	token = vhd_writer_enter(z->w);
	while (!rc && len) {
		uint64_t n;

		rc = zero_some(z, off, len, &n, err);
		off += n;
		len -= n;
	}
	vhd_writer_leave(z->w, token);
	return rc ? vhd_err_file(err, rc, vhd_layer_path(z->img, 0)) : 0;
}

int vhd_discard(struct vhd_image *img, uint64_t off, uint64_t len,
		struct vhd_error *err)
{
	struct zero z = { .img = img, .discard = true };

	return zero_range(&z, off, len, err);
}

int vhd_write_zeroes(struct vhd_image *img, uint64_t off, uint64_t len,
		     uint32_t flags, struct vhd_error *err)
{
	struct zero z = { .img = img, .keep = flags & VHD_ZERO_KEEP };
	int rc = vhd_flags_check(flags, VHD_ZERO_KEEP, "flags", err);

	return rc ? rc : zero_range(&z, off, len, err);
}

int vhd_image_store_zeroes(struct vhd_image *img, uint64_t off, uint64_t len,
			   struct vhd_error *err)
{
	struct zero z = { .img = img, .store = true };

	return zero_range(&z, off, len, err);
}
