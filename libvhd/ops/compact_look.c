/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is a block worth?
 *
 * A block can go when what its guest uses of it is zeros, or what the parent
 * has.  Runs that the table or a bitmap answers cost nothing, nor do holes in
 * the file.  Stored bytes are read only if the caller wants that, or if a part
 * of the block is known to be unused, so that it is likely; and no further than
 * to the first byte that speaks against it: for most blocks that is in the first
 * piece.
 */
#include <string.h>

#include "base/ckd.h"
#include "base/zero.h"
#include "image/rw.h"
#include "image/write.h"
#include "ops/compact_priv.h"

/* The question, and the answer so far. */
struct look {
	struct compact *c;
	bool below;		/* is it what the parent has? else: zeros? */
	bool may_read;
	bool same;
};

/* Are guest bytes zeros in the layers below? */
static int zeros_below(struct look *l, uint64_t off, uint64_t len,
		       struct vhd_error *err)
{
	int rc = 0;

	if (len && l->c->img->torn)
		l->same = false;
	while (!rc && l->same && len) {
		struct vhd_extent ext;

		rc = vhd_image_map_below(l->c->img, off, len, &ext, err);
		if (rc)
			return rc;
		if (ext.kind != VHD_EXTENT_ZERO) {
			l->same = l->may_read;
			ext.len = min_u64(ext.len, COMPACT_BUFFER);
		}
		if (ext.kind != VHD_EXTENT_ZERO && l->same) {
			rc = vhd_image_read_below(l->c->img, l->c->below,
						  (size_t)ext.len, off, err);
			l->same = !rc && vhd_is_zero(l->c->below,
						     (size_t)ext.len);
		}
		off += ext.len;
		len -= ext.len;
	}
	return rc;
}

/* Bytes that are in the buffer. */
static int bytes_match(struct look *l, uint64_t off, size_t len,
		       struct vhd_error *err)
{
	struct compact *c = l->c;
	int rc;

	if (!l->below) {
		l->same = vhd_is_zero(c->buf, len);
		return 0;
	}
	rc = vhd_image_read_below(c->img, c->below, len, off, err);
	l->same = !rc && !memcmp(c->buf, c->below, len);
	return rc;
}

static int stored_matches(struct look *l, uint64_t file_off, uint64_t off,
			  uint64_t len, struct vhd_error *err)
{
	size_t most = COMPACT_PROBE;
	int rc = 0;

	l->same = l->same && l->may_read;
	while (!rc && l->same && len) {
		size_t n = (size_t)min_u64(len, most);

		rc = vhd_io_read(l->c->io, l->c->buf, n, file_off, err);
		if (!rc)
			rc = bytes_match(l, off, n, err);
		file_off += n;
		off += n;
		len -= n;
		most = COMPACT_BUFFER;
	}
	return rc;
}

/* A hole of the file: zeros. */
static int hole_matches(struct look *l, uint64_t off, uint64_t len,
			struct vhd_error *err)
{
	return l->below ? zeros_below(l, off, len, err) : 0;
}

static int data_matches(struct look *l, uint64_t file_off, uint64_t off,
			uint64_t len, struct vhd_error *err)
{
	uint64_t end = file_off + len;
	int rc = 0;

	while (!rc && l->same && file_off < end) {
		uint64_t start, stop;

		rc = vhd_io_next_data(l->c->io, file_off, end, &start, &stop,
				      err);
		if (!rc)
			rc = hole_matches(l, off, start - file_off, err);
		if (!rc)
			rc = stored_matches(l, start, off + (start - file_off),
					    stop - start, err);
		off += stop - file_off;
		file_off = stop;
	}
	return rc;
}

/* One range that is in use. */
static int range_matches(struct look *l, uint64_t off, uint64_t end,
			 struct vhd_error *err)
{
	struct vhd_image *img = l->c->img;
	int rc = 0;

	while (!rc && l->same && off < end) {
		struct vhd_run run;

		rc = vhd_image_own_run(img, off, end - off, &run, err);
		if (rc)
			return rc;
		switch (run.kind) {
		case VHD_RUN_DATA:
			rc = data_matches(l, run.file_off, off, run.len, err);
			break;
		case VHD_RUN_ZERO:
			rc = hole_matches(l, off, run.len, err);
			break;
		case VHD_RUN_PARENT:
			if (!l->below && l->c->child)
				rc = zeros_below(l, off, run.len, err);
			break;
		}
		off += run.len;
	}
	return rc;
}

static int block_matches(struct look *l, uint64_t blk, struct vhd_error *err)
{
	const struct compact *c = l->c;
	uint64_t pos = blk * c->block_size;
	int rc = 0;

	l->same = true;
	for (size_t i = 0; !rc && i < c->count; i++) {
		rc = range_matches(l, pos, c->ranges[i].off, err);
		pos = c->ranges[i].end;
	}
	return rc ? rc : range_matches(l, pos, compact_end_of(c, blk), err);
}

int vhd_compact_worth(struct compact *c, uint64_t blk,
		      enum compact_worth *worth_out, struct vhd_error *err)
{
	bool vhd = c->img->layers[0].format == VHD_FORMAT_VHD;
	struct look l = {
		.c = c,
		.may_read = c->count ||
			    c->opts->flags & VHD_CHANGE_ZERO_SCAN,
	};
	int rc = 0;

	*worth_out = COMPACT_KEEP;
	/* A VHD has no word for zeros where there is a parent (VHD-S-14). */
	if (!c->child || !vhd) {
		rc = block_matches(&l, blk, err);
		if (rc || l.same) {
			*worth_out = COMPACT_ZEROS;
			return rc;
		}
	}
	if (!c->child || c->img->torn)
		return 0;
	l.below = true;
	rc = block_matches(&l, blk, err);
	if (!rc && l.same)
		*worth_out = COMPACT_BELOW;
	return rc;
}
