/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/builder.h"

#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "io/outfile.h"

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

/* Fixed images have all their space from the start; see also commit. */
static int reserve_all(struct vhd_builder *b, struct vhd_error *err)
{
	uint64_t off = 0;
	int rc = 0;

	while (!rc && off < b->plan->build.virtual_size) {
		rc = place(b, off, err);
		if (!rc)
			rc = vhd_io_zero(vhd_outfile_io(b->out), b->piece_len,
					 b->piece_file, err);
		off += b->piece_len;
	}
	return rc;
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
