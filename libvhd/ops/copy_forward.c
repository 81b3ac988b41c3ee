/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks in the order of the file, so that a stream is read once.
 *
 * Where a block is comes from the table, which was kept; which of its sectors
 * are there comes from the bitmap in front of its data (VHD), which is pinned
 * until the next block.  The engine is asked about one block at a time and never
 * beyond it, because looking at the bitmap of the next one makes this one pass.
 */
#include "ops/copy_forward.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/io_forward.h"
#include "ops/forward_order.h"
#include "ops/stream_in.h"

struct vhd_feed_forward {
	struct vhd_copy_feed feed;
	struct vhd_image *src;
	struct forward_order order;
	uint64_t block_size;	/* 0: the disk is all in one piece */
	uint64_t off, end;	/* what is left of the block in work */
	uint64_t told;		/* in order: nothing before it is left */
	bool ordered;
	bool begun;		/* in one piece: the piece */
	bool done;
};

/* What the image says of the beginning of [off, end). */
static int look(struct vhd_feed_forward *f, uint64_t off, uint64_t end,
		struct vhd_extent *e, struct vhd_error *err)
{
	const struct vhd_layer *layer = &f->src->layers[0];
	struct vhd_run run;
	int rc = vhd_layer_run(layer, true, off, end - off, &run, err);

	if (rc)
		return rc;
	*e = (struct vhd_extent){
		.off = off,
		.len = run.len,
		.file_off = VHD_NO_OFFSET,
		.kind = VHD_EXTENT_ZERO,
		.flags = run.flags,
	};
	if (run.kind == VHD_RUN_PARENT)
		e->flags |= VHD_EXTENT_UNMAPPED;
	if (run.kind != VHD_RUN_DATA)
		return 0;
	e->kind = VHD_EXTENT_DATA;
	e->file_off = run.file_off;
	vhd_forward_need(f->src->forward, run.file_off + run.len);
	return 0;
}

/* Some of what is left of the block in work. */
static int give_block(struct vhd_feed_forward *f, struct vhd_extent *ext,
		      size_t max, size_t *n_out, struct vhd_error *err)
{
	size_t n = 0;

	while (f->off < f->end && n < max) {
		int rc = look(f, f->off, f->end, &ext[n], err);

		if (rc)
			return rc;
		f->off += ext[n].len;
		if (f->ordered || ext[n].kind == VHD_EXTENT_DATA)
			n++;
	}
	*n_out = n;
	return 0;
}

static void begin_piece(struct vhd_feed_forward *f, uint64_t off, uint64_t end)
{
	f->off = off;
	f->end = end;
	f->told = end;
}

static int pin_bitmap(struct vhd_feed_forward *f, const struct forward_blk *b,
		      struct vhd_error *err)
{
	uint64_t len = f->order.bitmap_len;

	if (!len)
		return 0;
	if (b->off < len)
		return vhd_fail(err, VHD_E_CORRUPT, "block %llu lies at 0x%llx",
				(unsigned long long)b->blk,
				(unsigned long long)b->off);
	vhd_forward_need(f->src->forward, b->off);
	return vhd_forward_pin(f->src->forward, b->off - len, len, err);
}

/* In order, what lies before the next block comes first: no data is there. */
static int begin_block(struct vhd_feed_forward *f, struct vhd_extent *gap,
		       size_t *n_out, struct vhd_error *err)
{
	uint64_t from = f->told, size = vhd_size(f->src), start = size;
	struct forward_blk b;
	bool more;
	int rc = vhd_forward_order_next(&f->order, &b, &more, err);

	if (rc)
		return rc;
	f->done = !more;
	if (more) {
		if (b.blk >= div_ceil(size, f->block_size))
			return 0;
		start = b.blk * f->block_size;
		rc = pin_bitmap(f, &b, err);
		begin_piece(f, start, min_u64(start + f->block_size, size));
	}
	if (!rc && f->ordered && start > from) {
		*gap = (struct vhd_extent){
			.off = from,
			.len = start - from,
			.file_off = VHD_NO_OFFSET,
			.kind = VHD_EXTENT_ZERO,
			.flags = VHD_EXTENT_UNMAPPED,
		};
		*n_out = 1;
	}
	return rc;
}

static int begin_all(struct vhd_feed_forward *f)
{
	f->done = f->begun;
	if (!f->begun)
		begin_piece(f, 0, vhd_size(f->src));
	f->begun = true;
	return 0;
}

static int feed_next(void *arg, struct vhd_extent *ext, size_t max,
		     size_t *n_out, struct vhd_error *err)
{
	struct vhd_feed_forward *f = arg;
	size_t n = 0;
	int rc = 0;

	while (!rc && !n && !(f->done && f->off == f->end)) {
		if (f->off < f->end)
			rc = give_block(f, ext, max, &n, err);
		else if (f->block_size)
			rc = begin_block(f, ext, &n, err);
		else
			rc = begin_all(f);
	}
	if (!rc && !n)
		rc = vhd_stream_in_end(f->src, err);
	if (!rc)
		*n_out = n;
	return vhd_forward_explain(f->src->forward, rc, err);
}

/*
 * Entries that lead nowhere are not in the list, and nobody would ever say so.
 * Asking about a VHDX moves nothing but its table; with VHD none is left out.
 */
static int check_table(struct vhd_feed_forward *f, struct vhd_error *err)
{
	uint64_t off = 0, size = vhd_size(f->src);
	int rc = 0;

	if (f->src->layers[0].format != VHD_FORMAT_VHDX)
		return 0;
	while (!rc && off < size) {
		struct vhd_run run;

		rc = vhd_layer_run(&f->src->layers[0], true, off, size - off,
				   &run, err);
		off += rc ? 0 : run.len;
	}
	return rc;
}

int vhd_forward_block_size(struct vhd_image *src, uint64_t *size_out,
			   struct vhd_error *err)
{
	struct vhd_info *info = vhd_alloc(sizeof(*info));
	int rc;

	if (!info)
		return vhd_fail_nomem(err);
	info->size = sizeof(*info);
	rc = vhd_layer_info(src, 0, info, err);
	if (!rc)
		*size_out = info->block_size;
	vhd_free(info);
	return rc;
}

int vhd_forward_fail_order(struct vhd_error *err)
{
	return vhd_fail(err, VHD_E_UNSUPPORTED, "its blocks do not come in the "
			"order of the disk, and the target has to be written "
			"in that order: store the stream in a file first");
}

int vhd_feed_forward_new(struct vhd_image *src, struct vhd_feed_forward **f_out,
			 struct vhd_error *err)
{
	struct vhd_feed_forward *f = vhd_alloc(sizeof(*f));
	int rc;

	if (!f)
		return vhd_fail_nomem(err);
	f->feed = (struct vhd_copy_feed){ feed_next, f };
	f->src = src;
	f->ordered = true;
	rc = vhd_forward_block_size(src, &f->block_size, err);
	if (!rc && f->block_size)
		rc = check_table(f, err);
	if (!rc && f->block_size) {
		rc = vhd_forward_order_begin(&f->order, src, err);
		f->ordered = f->order.ascending;
	}
	if (rc) {
		rc = vhd_forward_explain(src->forward, rc, err);
		vhd_feed_forward_free(f);
		return rc;
	}
	*f_out = f;
	return 0;
}

void vhd_feed_forward_free(struct vhd_feed_forward *f)
{
	if (!f)
		return;
	vhd_forward_order_end(&f->order);
	vhd_free(f);
}

const struct vhd_copy_feed *
vhd_feed_forward_get(const struct vhd_feed_forward *f)
{
	return &f->feed;
}

bool vhd_feed_forward_ordered(const struct vhd_feed_forward *f)
{
	return f->ordered;
}

int vhd_copy_forward_run(const struct vhd_copy *copy,
			 struct vhd_copy_result *result_out,
			 struct vhd_error *err)
{
	struct vhd_feed_forward *f = NULL;
	struct vhd_copy_result result;
	struct vhd_copy all = *copy;
	int rc = vhd_feed_forward_new(copy->src, &f, err);

	if (rc)
		return rc;
	all.feed = &f->feed;
	all.stored_once = true;
	if (!f->ordered && !all.place)
		rc = vhd_forward_fail_order(err);
	if (!rc)
		rc = vhd_copy_run(&all, &result, err);
	rc = vhd_forward_explain(copy->src->forward, rc, err);
	/* Nobody named the zeros. */
	if (!rc && !f->ordered)
		result.zero_bytes = vhd_size(copy->src) - result.data_bytes;
	if (!rc)
		result.missing_bytes += vhd_forward_missing(copy->src->forward);
	if (!rc && result_out)
		*result_out = result;
	vhd_feed_forward_free(f);
	return rc;
}
