/* SPDX-License-Identifier: BSD-2-Clause */
#include "map.h"

enum { BATCH = 128 };

static bool follows(const struct vhd_extent *a, const struct vhd_extent *b)
{
	if (a->kind != b->kind || a->layer != b->layer || a->flags != b->flags)
		return false;
	if (a->file_off == VHD_NO_OFFSET || b->file_off == VHD_NO_OFFSET)
		return a->file_off == b->file_off;
	return a->file_off + a->len == b->file_off;
}

int map_walk(struct vhd_image *img, uint64_t off, uint64_t len,
	     map_extent_fn fn, void *arg, struct vhd_error *err)
{
	struct vhd_extent batch[BATCH], run = { .len = 0 };
	uint64_t end = off + len;

	while (off < end) {
		size_t n;
		int rc = vhd_resolve(img, off, end - off, batch, BATCH, &n, err);

		if (rc != 0)
			return rc;
		for (size_t i = 0; i < n; i++) {
			off += batch[i].len;
			if (run.len > 0 && follows(&run, &batch[i])) {
				run.len += batch[i].len;
				continue;
			}
			if (run.len > 0 && !fn(arg, &run))
				return 0;
			run = batch[i];
		}
	}
	if (run.len > 0)
		fn(arg, &run);
	return 0;
}
