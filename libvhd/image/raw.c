/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw disks as an engine, so that conversions and raw parents (VHD-D-2) need no
 * road of their own.  The holes of a sparse file are its zeros.
 */
#include "image/raw.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/stat.h"
#include "write/writer.h"

enum { RAW_BLOCK = 2 << 20 };		/* a raw disk has no blocks of its own */

struct raw {
	struct vhd_io *io;
	uint64_t size;
	struct vhd_writer *writer;
};

/* Every byte has its place. */
static int raw_look(void *eng, uint64_t blk, struct vhd_blk *out,
		    struct vhd_error *err)
{
	(void)eng;
	(void)err;
	*out = (struct vhd_blk){ VHD_BLK_FULL, blk * RAW_BLOCK };
	return 0;
}

static int raw_store(void *eng, const struct vhd_pending *set,
		     enum vhd_commit mode, bool barrier, struct vhd_error *err)
{
	const struct raw *raw = eng;

	(void)set;
	(void)barrier;
	return mode == VHD_COMMIT_SYNC ? vhd_io_flush(raw->io, err) : 0;
}

static int raw_writer_new(struct raw *raw, bool thread, struct vhd_error *err)
{
	static const struct vhd_writer_ops ops = {
		.look = raw_look,
		.store = raw_store,
	};
	struct vhd_writer_new how = {
		.ops = &ops,
		.eng = raw,
		.io = raw->io,
		.geom = { raw->size, RAW_BLOCK, 512, 512 },
		.thread = thread,
	};

	return vhd_writer_new(&how, &raw->writer, err);
}

static struct vhd_writer *raw_writer(void *eng)
{
	struct raw *raw = eng;

	return raw->writer;
}

static int raw_shut(void *eng, struct vhd_error *err)
{
	struct raw *raw = eng;
	int rc = vhd_writer_close(raw->writer, err);

	raw->writer = NULL;
	return rc;
}

static int raw_probe(struct vhd_io *io, bool *ours_out, struct vhd_error *err)
{
	(void)io;
	(void)err;
	*ours_out = true;
	return 0;
}

static int raw_open(const struct vhd_engine_open *req, void **eng_out,
		    struct vhd_error *err)
{
	struct raw *raw = vhd_alloc(sizeof(*raw));
	int rc;

	if (!raw)
		return vhd_fail_nomem(err);
	raw->io = req->io;
	rc = vhd_io_size(req->io, &raw->size, err);
	if (!rc && req->writable)
		rc = raw_writer_new(raw, req->thread, err);
	if (rc) {
		vhd_free(raw);
		return rc;
	}
	*eng_out = raw;
	return 0;
}

static void raw_close(void *eng)
{
	vhd_free(eng);
}

static void raw_info(void *eng, struct vhd_info *out)
{
	const struct raw *raw = eng;

	out->format = VHD_FORMAT_RAW;
	out->type = VHD_TYPE_FIXED;
	out->log = VHD_LOG_NONE;
	out->virtual_size = raw->size;
	out->file_size = raw->size;
	out->logical_sector = 512;
	out->physical_sector = 512;
}

static bool raw_parent(void *eng, struct vhd_parent_ref *out)
{
	(void)eng;
	(void)out;
	return false;
}

static int raw_map(void *eng, uint64_t off, uint64_t len, struct vhd_run *out,
		   struct vhd_error *err)
{
	const struct raw *raw = eng;
	uint64_t start, stop;
	int rc;

	rc = vhd_io_next_data(raw->io, off, off + len, &start, &stop, err);
	if (rc)
		return rc;
	if (start > off)
		*out = (struct vhd_run){ start - off, VHD_NO_OFFSET,
					 VHD_RUN_ZERO, 0 };
	else
		*out = (struct vhd_run){ stop - off, off, VHD_RUN_DATA,
					 VHD_EXTENT_ALLOCATED };
	return 0;
}

/* Asking the file system for holes can take longer than the read itself. */
static int raw_place_of(void *eng, uint64_t off, uint64_t len,
			struct vhd_run *out, struct vhd_error *err)
{
	(void)eng;
	(void)err;
	*out = (struct vhd_run){ len, off, VHD_RUN_DATA,
				 VHD_EXTENT_ALLOCATED };
	return 0;
}

static int raw_usage(void *eng, uint64_t bat_bytes, struct vhd_usage *out,
		     struct vhd_error *err)
{
	const struct raw *raw = eng;

	(void)bat_bytes;
	(void)err;
	*out = (struct vhd_usage){ .data_bytes = raw->size,
				   .complete = true,
				   .partial_known = true };
	return 0;
}

static int raw_layout(void *eng, vhd_region_fn fn, void *arg,
		      struct vhd_error *err)
{
	const struct raw *raw = eng;
	uint64_t off = 0;

	while (off < raw->size) {
		uint64_t start, stop;
		int rc = vhd_io_next_data(raw->io, off, raw->size, &start,
					  &stop, err);

		if (rc)
			return rc;
		if (stop > start && !fn(arg, VHD_REGION_DATA, start,
					stop - start, VHD_NO_OFFSET))
			break;
		off = stop;
	}
	return 0;
}

/* The file is the disk: cutting it or making it longer is all. */
static int raw_resize(void *eng, const struct vhd_engine_resize *req,
		      struct vhd_error *err)
{
	struct raw *raw = eng;
	int rc;

	if (req->size == raw->size)
		return 0;
	if (vhd_io_is_device(raw->io))
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"a device has the size that it has");
	rc = vhd_writer_ready(raw->writer, err);
	if (!rc)
		rc = vhd_io_set_size(raw->io, req->size, err);
	if (!rc)
		rc = vhd_io_flush(raw->io, err);
	return rc;
}

static int raw_build(struct vhd_io *io, const struct vhd_build *what,
		     void **bld_out, struct vhd_error *err)
{
	struct raw *raw;

	if (what->type != VHD_TYPE_FIXED)
		return vhd_fail(err, VHD_E_INVAL,
				"a raw disk is always fixed, not %s",
				vhd_type_name(what->type));
	raw = vhd_alloc(sizeof(*raw));
	if (!raw)
		return vhd_fail_nomem(err);
	raw->io = io;
	raw->size = what->virtual_size;
	*bld_out = raw;
	return 0;
}

static int raw_place(void *bld, uint64_t off, uint64_t *file_off_out,
		     uint64_t *len_out, struct vhd_error *err)
{
	const struct raw *raw = bld;

	(void)err;
	*file_off_out = off;
	*len_out = raw->size - off;
	return 0;
}

static int raw_finish(void *bld, struct vhd_error *err)
{
	const struct raw *raw = bld;

	return vhd_io_set_size(raw->io, raw->size, err);
}

const struct vhd_engine vhd_raw_engine = {
	.format = VHD_FORMAT_RAW,
	.probe = raw_probe,
	.open = raw_open,
	.close = raw_close,
	.writer = raw_writer,
	.shut = raw_shut,
	.info = raw_info,
	.parent = raw_parent,
	.map = raw_map,
	.place_of = raw_place_of,
	.usage = raw_usage,
	.layout = raw_layout,
	.check = NULL,
	.resize = raw_resize,
	.build = raw_build,
	.place = raw_place,
	.finish = raw_finish,
	.discard = raw_close,
};
