/* SPDX-License-Identifier: BSD-2-Clause */
/* What a rebase copies; why that is safe is told in rebase.c. */
#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "image/change.h"
#include "io/stat.h"
#include "ops/rebase.h"
#include "vhd/write.h"

/* Between two looks at whether to go on. */
#define PIECE (16 * MiB)

/*
 * What was copied stays when the rest fails, and a full disk is met while there
 * is room for the table that says where it is.
 */
#define FLUSH_EVERY (64 * MiB)

/* Before the first change: the guest's bytes stay what they are. */
static int begin(struct vhd_rebase *r, struct vhd_error *err)
{
	struct vhd_layer *top = &r->img->layers[0];

	if (r->begun)
		return 0;
	r->begun = true;
	r->since = FLUSH_EVERY;		/* the first piece tells at once */
	return top->format == VHD_FORMAT_VHDX ?
	       vhd_image_identify(r->img, &top->id, err) : 0;
}

/* Does the child leave all of a range to its parent? */
static int is_untouched(struct vhd_rebase *r, uint64_t off, uint64_t end,
			bool *yes_out, struct vhd_error *err)
{
	*yes_out = true;
	while (*yes_out && off < end) {
		struct vhd_run run;
		uint32_t layer;
		int rc = vhd_image_upper_run(r->img, 1, off, end - off, &run,
					     &layer, err);

		if (rc)
			return rc;
		*yes_out = run.kind == VHD_RUN_PARENT;
		off += run.len;
	}
	return 0;
}

/* Are these zeros, known without reading, in the old parent? */
static int is_zeros(struct vhd_rebase *r, uint64_t off, uint64_t end,
		    bool *yes_out, struct vhd_error *err)
{
	end = min_u64(end, r->old->size);
	*yes_out = true;
	while (*yes_out && off < end) {
		struct vhd_extent ext;
		size_t n;
		int rc = vhd_resolve(r->old, off, end - off, &ext, 1, &n, err);

		if (rc)
			return rc;
		*yes_out = ext.kind == VHD_EXTENT_ZERO;
		off += ext.len;
	}
	return 0;
}

/*
 * A whole block of zeros takes no space where the format has a word for it: a
 * sparse parent does not fill its child.  Tried once for each block.
 */
static int zero_block(struct vhd_rebase *r, uint64_t at, bool *done_out,
		      struct vhd_error *err)
{
	uint64_t size = vhd_image_block_size(r->img), blk = at / size;
	uint64_t off = blk * size, end = min_u64(off + size, r->img->size);
	bool yes = false;
	int rc;

	*done_out = false;
	if (r->mixed == blk + 1)
		return 0;
	r->mixed = blk + 1;
	rc = is_untouched(r, off, end, &yes, err);
	if (!rc && yes)
		rc = is_zeros(r, off, end, &yes, err);
	if (!rc && yes)
		rc = vhd_image_drop(r->img, blk, VHD_UNMAP_ZERO, done_out,
				    err);
	if (!rc && *done_out)
		r->zero_end = end;
	return rc;
}

static int put_zeros(struct vhd_rebase *r, uint64_t off, uint64_t len,
		     struct vhd_error *err)
{
	static const uint8_t zeros[64 * KiB];
	uint64_t end = off + len;
	int rc = 0;

	while (!rc && off < end) {
		uint64_t n = min_u64(end - off, sizeof(zeros));
		bool done = off < r->zero_end;

		if (!done)
			rc = zero_block(r, off, &done, err);
		/* vhd_write_zeroes() would see that there are zeros, for now. */
		if (done)
			n = min_u64(end, r->zero_end) - off;
		else if (!rc)
			rc = vhd_pwrite(r->img, zeros, (size_t)n, off, err);
		off += n;
	}
	return rc;
}

static int on_differ(void *arg, uint64_t off, uint64_t len, const uint8_t *a,
		     const uint8_t *b, struct vhd_error *err)
{
	struct vhd_rebase *r = arg;
	int rc;

	(void)b;
	if (vhd_rebase_is_dry(r))
		return 0;
	rc = begin(r, err);
	if (rc)
		return rc;
	rc = a ? vhd_pwrite(r->img, a, (size_t)len, off, err)
	       : put_zeros(r, off, len, err);
	r->since += len;
	if (rc || r->since < FLUSH_EVERY)
		return rc;
	r->since = 0;
	return vhd_flush(r->img, err);
}

static int tick(const struct vhd_rebase *r, uint64_t done, struct vhd_error *err)
{
	if (!r->opts.progress ||
	    r->opts.progress(r->opts.progress_arg, done, r->img->size))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled after %" PRIu64
			" of %" PRIu64 " bytes", done, r->img->size);
}

static int on_reached(void *arg, uint64_t off, struct vhd_error *err)
{
	return tick(arg, off, err);
}

/* All that the child does not answer, piece by piece. */
static int walk(struct vhd_rebase *r, struct vhd_error *err)
{
	uint64_t off = 0;
	int rc = 0;

	while (!rc && off < r->img->size) {
		struct vhd_run run;
		uint32_t layer;

		rc = vhd_image_upper_run(r->img, 1, off, r->img->size - off,
					 &run, &layer, err);
		if (rc)
			break;
		if (run.kind == VHD_RUN_PARENT) {
			run.len = min_u64(run.len, PIECE);
			r->asked += run.len;
			rc = vhd_compare_range(&r->walk, off, run.len, err);
		}
		off += run.len;
		if (!rc)
			rc = tick(r, off, err);
	}
	return rc;
}

static bool same_file(const struct vhd_rebase *r)
{
	return vhd_file_id_same(&r->old->layers[0].file_id,
				&r->to.image->layers[0].file_id);
}

int vhd_rebase_copy(struct vhd_rebase *r, struct vhd_error *err)
{
	int rc;

	if (same_file(r))
		return 0;
	r->walk = (struct vhd_compare_walk){
		.a = r->old,
		.b = r->to.image,
		.differ = on_differ,
		.reached = on_reached,
		.arg = r,
	};
	rc = vhd_compare_begin(&r->walk, err);
	if (!rc)
		rc = walk(r, err);
	vhd_compare_end(&r->walk);
	if (!rc && r->begun)
		rc = vhd_flush(r->img, err);
	return rc;
}
