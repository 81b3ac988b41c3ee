/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What compacting does to a block: it gives it up, or gives back the file's
 * space below a part of it.
 *
 * As long as nobody was asked what is unused, no byte that the guest sees
 * changes, and the image keeps its identity, so that children stay valid.
 */
#include "base/ckd.h"
#include "image/write.h"
#include "ops/compact_priv.h"

/*
 * Holes that are punched: smaller ones would leave the file in more pieces than
 * they are worth.
 */
#define HOLE_LEAST (64 * KiB)
#define HOLE_ALIGN (4 * KiB)

int vhd_compact_keep_id(struct compact *c, struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	int rc;

	if (c->begun || c->kept_id || (c->opts->unused && !c->walked))
		return 0;
	rc = vhd_layer_info(c->img, 0, &info, err);
	if (!rc)
		rc = vhd_image_identify(c->img, &info.id, err);
	c->kept_id = !rc;
	return rc;
}

int vhd_compact_begin(struct compact *c, struct vhd_error *err)
{
	int rc;

	if (c->begun || c->dry)
		return 0;
	rc = vhd_compact_keep_id(c, err);
	if (!rc)
		rc = vhd_image_touch(c->img, err);
	c->begun = !rc;
	return rc;
}

/* Stored bytes in a range of the file are counted, or given back. */
static int give_back(struct compact *c, uint64_t off, uint64_t end,
		     struct vhd_error *err)
{
	int rc = 0;

	while (!rc && !c->no_holes && off < end) {
		uint64_t start, stop;
		bool done = true;

		rc = vhd_io_next_data(c->io, off, end, &start, &stop, err);
		if (rc || start == stop)
			return rc;
		if (!c->dry) {
			rc = vhd_compact_begin(c, err);
			if (!rc)
				rc = vhd_io_try_punch(c->io, stop - start,
						      start, &done, err);
		}
		if (!rc && done)
			c->freed += stop - start;
		c->no_holes = !rc && !done;
		off = stop;
	}
	return rc;
}

/* Of the runs of [off, end) that this image stores. */
static int each_stored(struct compact *c, uint64_t off, uint64_t end,
		       uint64_t align, uint64_t least, struct vhd_error *err)
{
	int rc = 0;

	while (!rc && off < end) {
		struct vhd_run run;
		uint64_t from, to;

		rc = vhd_image_own_run(c->img, off, end - off, &run, err);
		if (rc)
			return rc;
		off += run.len;
		if (run.kind != VHD_RUN_DATA)
			continue;
		from = align_up(run.file_off, align);
		to = align_down(run.file_off + run.len, align);
		if (to > from && to - from >= least)
			rc = give_back(c, from, to, err);
	}
	return rc;
}

int vhd_compact_punch(struct compact *c, uint64_t off, uint64_t end,
		      struct vhd_error *err)
{
	return each_stored(c, off, end, HOLE_ALIGN, HOLE_LEAST, err);
}

int vhd_compact_drop(struct compact *c, uint64_t blk, enum vhd_unmap how,
		     bool *done_out, struct vhd_error *err)
{
	int rc;

	*done_out = c->dry;
	if (c->dry)
		return each_stored(c, blk * c->block_size,
				   compact_end_of(c, blk), 1, 1, err);
	rc = vhd_compact_begin(c, err);
	if (!rc)
		rc = vhd_image_drop(c->img, blk, how, done_out, err);
	return rc;
}
