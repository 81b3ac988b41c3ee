/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block status, from the map alone: no data is read.
 *
 *	nobody stored anything		hole, reads as zeros
 *	recorded as zeros		hole, reads as zeros
 *	zeros that keep their space	reads as zeros
 *	data				data, even if a parent holds it
 *
 * The answer may be shorter than the question: one call looks at a bounded
 * number of extents, whatever a client asks.
 */
#include "io.h"

#include "export.h"
#include "fail.h"

enum {
	STEP = 64,		/* extents per look */
	STEPS = 64		/* looks per call */
};

static uint32_t type_of(const struct vhd_extent *ext)
{
	if (ext->kind == VHD_EXTENT_DATA)
		return 0;
	if (ext->flags & VHD_EXTENT_ALLOCATED)
		return NBDKIT_EXTENT_ZERO;
	return NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO;
}

/* One look; @*done_out is set when a client that wants one extent has it. */
static int add(struct export *ex, struct nbdkit_extents *extents,
	       const struct vhd_extent *ext, size_t n, uint32_t *type,
	       bool one, bool *done_out)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t next = type_of(&ext[i]);

		if (one && *type != UINT32_MAX && next != *type) {
			*done_out = true;
			return 0;
		}
		*type = next;
		/* nbdkit joins neighbours of one type. */
		if (nbdkit_add_extent(extents, ext[i].off - ex->off, ext[i].len,
				      next))
			return -1;
	}
	return 0;
}

int io_extents(void *handle, uint32_t count, uint64_t off, uint32_t flags,
	       struct nbdkit_extents *extents)
{
	struct export *ex = handle;
	uint64_t pos = ex->off + off, end = pos + count;
	uint32_t type = UINT32_MAX;
	bool done = false;

	for (int i = 0; i < STEPS && pos < end && !done; i++) {
		struct vhd_extent ext[STEP];
		struct vhd_error err;
		size_t n;

		if (vhd_resolve(ex->img, pos, end - pos, ext, STEP, &n, &err))
			return fail_io(&err);
		if (add(ex, extents, ext, n, &type,
			flags & NBDKIT_FLAG_REQ_ONE, &done))
			return -1;
		pos = ext[n - 1].off + ext[n - 1].len;
	}
	return 0;
}
