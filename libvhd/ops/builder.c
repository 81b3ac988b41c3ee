/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/builder.h"

#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "image/image_priv.h"
#include "io/outfile.h"
#include "io/stat.h"

static bool preallocated(const struct vhd_builder *b)
{
	return b->plan->flags & VHD_CREATE_PREALLOCATE;
}

/* Finds the file's place for a guest byte and remembers the whole piece. */
static int place(struct vhd_builder *b, uint64_t off, struct vhd_error *err)
{
	uint64_t file_off, len;
	int rc = b->plan->engine->place(b->bld, off, &file_off, &len, err);

	if (rc)
		return rc;
	b->piece_off = off;
	b->piece_len = len;
	b->piece_file = file_off;
	return 0;
}

/* Not every file system can reserve space in one call. */
#define RESERVE_STEP (16 * MiB)

static int tell(const struct vhd_plan *plan, uint64_t done,
		struct vhd_error *err)
{
	if (!plan->progress || plan->progress(plan->progress_arg, done,
					      plan->build.virtual_size))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
}

/* Fixed images have all their space from the start; see also commit. */
static int reserve_all(struct vhd_builder *b, struct vhd_error *err)
{
	uint64_t off = 0;
	int rc = 0;

	while (!rc && off < b->plan->build.virtual_size) {
		uint64_t len;

		rc = place(b, off, err);
		if (rc)
			break;
		len = min_u64(b->piece_len, RESERVE_STEP);
		rc = vhd_io_zero(vhd_outfile_io(b->out), len, b->piece_file,
				 err);
		off += len;
		if (!rc)
			rc = tell(b->plan, off, err);
	}
	return rc;
}

int vhd_builder_spares(const struct vhd_image *img, const char *who,
		       const char *path, struct vhd_error *err)
{
	struct vhd_file_id id;
	uint32_t i;

	vhd_path_file_id(path, &id);
	for (i = 0; i < img->count; i++) {
		if (!vhd_file_id_same(&img->layers[i].file_id, &id))
			continue;
		return vhd_fail(err, VHD_E_INVAL,
				"the target is the same file as the %s's %s %s",
				who, i ? "parent" : "image",
				vhd_io_name(img->layers[i].io));
	}
	return 0;
}

int vhd_builder_open(const char *path, const struct vhd_plan *plan,
		     struct vhd_builder *b, struct vhd_error *err)
{
	bool replace = plan->flags & VHD_CREATE_FORCE;
	int rc;

	memset(b, 0, sizeof(*b));
	b->plan = plan;
	rc = vhd_outfile_new(path, replace, &b->out, err);
	if (rc)
		return rc;
	rc = plan->engine->build(vhd_outfile_io(b->out), &plan->build, &b->bld,
				 err);
	if (!rc && preallocated(b) && plan->build.type == VHD_TYPE_FIXED)
		rc = reserve_all(b, err);
	return rc;
}

int vhd_builder_write(struct vhd_builder *b, const void *buf, uint64_t len,
		      uint64_t off, struct vhd_error *err)
{
	const uint8_t *p = buf;

	while (len) {
		uint64_t skip = off - b->piece_off;
		uint64_t n;
		int rc;

		if (off < b->piece_off || skip >= b->piece_len) {
			rc = place(b, off, err);
			if (rc)
				return rc;
			skip = 0;
		}
		n = min_u64(len, b->piece_len - skip);
		rc = vhd_io_write(vhd_outfile_io(b->out), p, (size_t)n,
				  b->piece_file + skip, err);
		if (rc)
			return rc;
		p += n;
		off += n;
		len -= n;
	}
	return 0;
}

/* Gives every hole of the finished file its space (VHD-A-13). */
static int fill_holes(struct vhd_io *io, struct vhd_error *err)
{
	uint64_t size, off = 0;
	int rc = vhd_io_size(io, &size, err);

	while (!rc && off < size) {
		uint64_t start, stop;

		rc = vhd_io_next_data(io, off, size, &start, &stop, err);
		if (!rc && start > off)
			rc = vhd_io_zero(io, start - off, off, err);
		off = stop;
	}
	return rc;
}

int vhd_builder_commit(struct vhd_builder *b, struct vhd_error *err)
{
	bool sync = !(b->plan->flags & VHD_CREATE_NO_SYNC);
	int rc = b->plan->engine->finish(b->bld, err);

	if (!rc && preallocated(b))
		rc = fill_holes(vhd_outfile_io(b->out), err);
	if (!rc)
		rc = vhd_outfile_commit(&b->out, sync, err);
	return rc;
}

void vhd_builder_close(struct vhd_builder *b)
{
	if (b->bld)
		b->plan->engine->discard(b->bld);
	vhd_outfile_abandon(&b->out);
	memset(b, 0, sizeof(*b));
}
