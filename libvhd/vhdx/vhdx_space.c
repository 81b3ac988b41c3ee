/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Space for new blocks and sector bitmaps (vhdx.md 14.3): what is free inside of
 * the file, lowest first, and then more file.
 *
 * The file grows by more than is asked for, so that not every block is a change
 * of its length; what is left over goes when the image is closed.  New space
 * begins on a MiB border and reads as zeros.  An odd end that it leaves behind
 * is space like any other, whatever is in it (VHDX-SPC-04).
 */
#include <errno.h>

#include <inttypes.h>

#include "base/barrier.h"
#include "base/fail.h"
#include "vhdx/vhdx_space_map.h"
#include "vhdx/vhdx_write.h"

#define STEP_MIN (4 * MiB)
#define STEP_MAX (64 * MiB)

int vhdx_space_ready(struct vhdx *x, struct vhd_error *err)
{
	int rc;

	if (x->write->scanned)
		return 0;
	rc = vhdx_scan(x, err);
	x->write->scanned = !rc;
	return rc;
}

/* @len is a multiple of 1 MiB. */
static int grow_by(struct vhdx *x, uint64_t len, struct vhd_error *err)
{
	struct vhdx_write *wr = x->write;
	uint64_t from = align_up(wr->end_off, MiB);
	uint64_t to = from + len;
	int rc;

	rc = vhd_io_set_size(x->io, to, err);
	if (rc)
		return rc;
	if (from > wr->end_off)
		vhd_space_add(&wr->space, from - MiB, MiB, VHD_SPACE_DIRTY);
	vhd_space_add(&wr->space, from, len, VHD_SPACE_FRESH);
	wr->end_off = to;
	x->file_size = to;
	return 0;
}

/* A device, or a caller's own I/O, may have the size that it has. */
static bool fixed_size(const struct vhd_error *why)
{
	return why->os_errno == EOPNOTSUPP || why->os_errno == ENOSYS;
}

static int say_why(int rc, const struct vhd_error *why, struct vhd_error *err)
{
	if (rc && fixed_size(why))
		return vhd_fail(err, VHD_E_NOSPACE, "all space of the file is"
				" in use, and it cannot grow");
	if (rc && err)
		*err = *why;
	return rc;
}

/* By one block at least; a fixed disk's file by nothing that it has no use for. */
static int grow(struct vhdx *x, uint64_t len, struct vhd_error *err)
{
	uint64_t step = min_u64(max_u64(x->write->end_off / 4, STEP_MIN),
				STEP_MAX);
	struct vhd_error why = { .code = 0 };
	int rc = VHD_E_NOSPACE;

	step = max_u64(align_up(step, x->geom.block_size), len);
	if (!range_in(x->write->end_off, len + step, VHDX_FILE_LEN_MAX))
		return vhd_fail(err, VHD_E_NOSPACE, "the file has 0x%" PRIx64
				" bytes, and no VHDX may grow further",
				x->write->end_off);
	if (!x->meta.leave_allocated)
		rc = grow_by(x, step, &why);
	if (rc == VHD_E_NOSPACE)
		rc = grow_by(x, len, &why);
	return say_why(rc, &why, err);
}

static bool take(struct vhdx *x, uint64_t len, uint64_t *off_out,
		 enum vhd_space_kind *kind_out)
{
	return vhd_space_take(&x->write->space, len, MiB, 0, false, off_out,
			      kind_out);
}

int vhdx_space_take(struct vhdx *x, uint64_t len, uint64_t *off_out,
		    enum vhd_space_kind *kind_out, struct vhd_error *err)
{
	int rc;

	rc = vhdx_space_ready(x, err);
	if (rc || take(x, len, off_out, kind_out))
		return rc;
	rc = grow(x, len, err);
	if (rc)
		return rc;
	/* Only for want of memory it is not there now. */
	return take(x, len, off_out, kind_out) ? 0 : vhd_fail_nomem(err);
}

int vhdx_write_place(void *eng, uint64_t blk, struct vhd_place *out,
		     struct vhd_error *err)
{
	struct vhdx *x = eng;
	enum vhd_space_kind kind;
	uint64_t off;
	int rc;

	(void)blk;			/* the last one is whole as well: VHDX-WR-21 */
	rc = vhdx_space_take(x, x->geom.block_size, &off, &kind, err);
	if (!rc)
		*out = (struct vhd_place){ off, off, x->geom.block_size, kind };
	return rc;
}

int vhdx_space_reach(struct vhdx *x, uint64_t end, struct vhd_error *err)
{
	struct vhd_error why = { .code = 0 };
	uint64_t from;
	int rc = vhdx_space_ready(x, err);

	from = align_up(x->write->end_off, MiB);
	if (rc || from >= end)
		return rc;
	return say_why(grow_by(x, align_up(end - from, MiB), &why), &why, err);
}

bool vhdx_space_take_below(struct vhdx *x, uint64_t len, uint64_t limit,
			   uint64_t *off_out, enum vhd_space_kind *kind_out)
{
	/* The lowest place that there is. */
	if (!take(x, len, off_out, kind_out))
		return false;
	if (*off_out + len <= limit)
		return true;
	vhd_space_add(&x->write->space, *off_out, len, *kind_out);
	return false;
}

int vhdx_write_place_below(void *eng, uint64_t blk, uint64_t limit,
			   struct vhd_place *out, bool *found_out,
			   struct vhd_error *err)
{
	struct vhdx *x = eng;
	uint64_t len = x->geom.block_size, off;
	enum vhd_space_kind kind;
	int rc = vhdx_space_ready(x, err);

	(void)blk;
	*found_out = !rc && vhdx_space_take_below(x, len, limit, &off, &kind);
	if (*found_out)
		*out = (struct vhd_place){ off, off, len, kind };
	return rc;
}

void vhdx_write_unplace(void *eng, uint64_t off, uint64_t len,
			enum vhd_space_kind kind)
{
	struct vhdx *x = eng;

	vhd_space_add(&x->write->space, off, len, kind);
}

int vhdx_write_prepare(void *eng, uint64_t blk, const struct vhd_place *place,
		       bool whole, struct vhd_error *err)
{
	struct vhdx *x = eng;

	(void)blk;
	if (whole || place->kind != VHD_SPACE_DIRTY ||
	    !vhd_barrier(VHD_BARRIER_ZERO_BEFORE_REUSE))
		return 0;
	return vhd_io_punch(x->io, place->len, place->off, err);
}

int vhdx_space_trim(struct vhdx *x, struct vhd_error *err)
{
	struct vhdx_write *wr = x->write;
	struct vhd_error why = { .code = 0 };
	uint64_t to;
	int rc;

	if (!wr->scanned)
		return 0;
	to = vhd_space_tail(&wr->space, align_down(wr->end_off, MiB));
	if (x->meta.leave_allocated)	/* VHDX-SPC-08 */
		to = max_u64(to, wr->keep_len);
	if (to >= wr->end_off)
		return 0;
	rc = vhd_io_set_size(x->io, to, &why);
	if (rc && fixed_size(&why))
		return 0;
	if (rc && err)
		*err = why;
	if (rc)
		return rc;
	vhd_space_cut(&wr->space, to);
	wr->end_off = to;
	x->file_size = to;
	return vhd_io_flush(x->io, err);
}
