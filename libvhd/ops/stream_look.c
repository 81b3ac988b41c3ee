/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/stream_look.h"

#include "base/fail.h"
#include "image/image_priv.h"
#include "io/io.h"
#include "ops/copy_forward.h"

enum { EXTENTS = 64 };

static int look_data(const struct vhd_look *look, const struct vhd_extent *e,
		     struct vhd_error *err)
{
	struct vhd_io *io = look->src->layers[e->layer].io;
	uint64_t pos = e->file_off, end = e->file_off + e->len;
	int rc = 0;

	while (!rc && pos < end) {
		uint64_t start, stop;

		rc = vhd_io_next_data(io, pos, end, &start, &stop, err);
		if (!rc && stop > start)
			rc = look->data(look->arg, stop - start,
					e->off + (start - e->file_off), err);
		pos = stop;
	}
	return rc;
}

static int look_extents(const struct vhd_look *look,
			const struct vhd_extent *ext, size_t n,
			struct vhd_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		if (ext[i].kind == VHD_EXTENT_DATA)
			rc = look_data(look, &ext[i], err);
	}
	if (!rc && look->progress &&
	    !look->progress(look->progress_arg, 0, vhd_size(look->src)))
		rc = vhd_fail(err, VHD_E_CANCELLED, "cancelled");
	return rc;
}

int vhd_look_run(const struct vhd_look *look, struct vhd_error *err)
{
	uint64_t off = 0, size = vhd_size(look->src);
	struct vhd_extent ext[EXTENTS];
	int rc = 0;

	/* Of a stream nothing may be read before its turn. */
	if (look->src->forward)
		return vhd_forward_look(look->src, look->data, look->arg, err);
	while (!rc && off < size) {
		size_t n;

		rc = vhd_resolve(look->src, off, size - off, ext, EXTENTS, &n,
				 err);
		if (rc)
			break;
		off = ext[n - 1].off + ext[n - 1].len;
		rc = look_extents(look, ext, n, err);
	}
	return rc;
}
