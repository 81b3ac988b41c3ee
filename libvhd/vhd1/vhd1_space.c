/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places for new blocks, and where the file ends.
 *
 * A VHD ends in its footer, so growing means that the footer moves (VHD-W-2):
 *
 *	1. the footer is written at its new place, far out (VHD-W-3)
 *	2. and made durable; the file has two of them now
 *	3. the room between is free, and the old footer is overwritten by zeros
 *
 * At every instant the last sector of the file, as long as it is then, is a
 * footer.  The room reads as zeros, on the disk as well, but for the sector of
 * the old footer, which does so after the next flush.
 *
 * Closing does the reverse (VHD-W-22): the footer is written behind the last
 * block, is made durable, and the file is cut behind it.  Only what was added
 * while the image was open is cut: room that a file came with may be wanted, and
 * a block device has a size of its own.
 */
#include <inttypes.h>

#include "base/barrier.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_write.h"

#define STEP_MIN (4 * MiB)
#define STEP_MAX GiB
/* Others look at the file, and it may be left like that. */
#define STEP_MAX_EXACT (256 * MiB)

/* A step ends at a border of pages. */
enum { TAIL_ALIGN = 4096 };

static bool take(struct vhd1 *v, struct vhd_place *out)
{
	struct vhd1_write *wr = v->write;
	uint64_t len = vhd1_stride(v), off;
	enum vhd_space_kind kind;
	bool ok = vhd_space_take(&wr->space, len, wr->align, v->bitmap_len,
				 false, &off, &kind);

	/* What a packed block has left fits its like only. */
	if (!ok && wr->packed)
		ok = vhd_space_take(&wr->space, len, VHD1_SECTOR, 0, false,
				    &off, &kind);
	if (!ok)
		return false;
	*out = (struct vhd_place){
		.at = off + v->bitmap_len, .off = off, .len = len, .kind = kind
	};
	return true;
}

/* A footer that was written in part must not be what the file ends with. */
static void retreat(struct vhd1 *v, uint64_t size)
{
	uint64_t now;

	if (!vhd_io_size(v->io, &now, NULL) && now > size)
		vhd_io_set_size(v->io, size, NULL);
}

/* Moves the footer out to @to. */
static int extend(struct vhd1 *v, uint64_t to, struct vhd_error *err)
{
	static const uint8_t zeros[VHD1_FOOTER_LEN];
	struct vhd_space *space = &v->write->space;
	uint64_t from = v->tail_off, room = from + VHD1_FOOTER_LEN;
	enum vhd_space_kind kind = VHD_SPACE_ZEROED;
	int rc = vhd1_footer_put(v, to, err);

	if (rc) {
		retreat(v, room);
		return rc;
	}
	if (vhd_barrier(VHD_BARRIER_FOOTER_BEFORE_GROWTH))
		rc = vhd1_flush(v, err);
	if (rc)
		return rc;
	v->file_size = to + VHD1_FOOTER_LEN;
	v->tail_off = to;
	if (vhd_io_write(v->io, zeros, sizeof(zeros), from, NULL))
		kind = VHD_SPACE_DIRTY;
	/* Without a writer each step ends with a flush of its own. */
	if (v->write->w)
		vhd_writer_need_barrier(v->write->w);
	vhd_space_add(space, from, VHD1_FOOTER_LEN, kind);
	vhd_space_add(space, room, to - room, VHD_SPACE_FRESH);
	return 0;
}

static int fail_limit(uint64_t blk, uint64_t tail, struct vhd_error *err)
{
	return vhd_fail_code_rule(err, VHD_E_NOSPACE, RULE_VHD1_BLOCK_LIMIT,
		tail, "block %" PRIu64 " would lie beyond 2 TiB", blk);
}

/* The end of a block in the first room that there is no end to. */
static uint64_t least_tail(const struct vhd1 *v)
{
	uint64_t from = vhd_space_tail(&v->write->space, v->tail_off);

	return align_up(from + v->bitmap_len, v->write->align) +
	       v->hdr.block_size;
}

/* A quarter of the file, within bounds, and a whole number of blocks. */
static uint64_t step_of(const struct vhd1 *v)
{
	uint64_t most = v->write->exact ? STEP_MAX_EXACT : STEP_MAX;
	uint64_t step = max_u64(min_u64(v->file_size / 4, most), STEP_MIN);
	uint64_t stride = align_up(vhd1_stride(v), v->write->align);

	return div_ceil(step, stride) * stride;
}

static int grow(struct vhd1 *v, uint64_t blk, struct vhd_error *err)
{
	const uint64_t cap = VHD1_FILE_CAP - VHD1_FOOTER_LEN;
	uint64_t tail = v->tail_off, least = least_tail(v), want;
	int rc;

	/* Better packed than not at all, but see VHD-X-12. */
	if (least > cap && !v->has_batmap) {
		v->write->align = VHD1_SECTOR;
		least = least_tail(v);
	}
	if (least > cap)
		return fail_limit(blk, tail, err);
	want = align_up(tail + step_of(v), TAIL_ALIGN);
	want = max_u64(min_u64(want, align_down(cap, TAIL_ALIGN)), least);
	rc = extend(v, want, err);
	if (rc == VHD_E_NOSPACE && want > least)
		rc = extend(v, least, err);
	return rc;
}

/*
 * Xen takes a marked block for full (VHD-X-5): in a dynamic disk the new block
 * will be, in a differencing one it may show too much.
 */
static int batmap_check(struct vhd1 *v, uint64_t blk, struct vhd_error *err)
{
	bool marked;
	int rc;

	if (v->footer.type != VHD1_TYPE_DIFF && !v->write->exact)
		return 0;
	rc = vhd1_batmap_bit(v, blk, &marked, err);
	if (rc || !marked)
		return rc;
	return vhd_fail_rule(err, RULE_VHD1_BATMAP_BIT,
		v->batmap.map_off + blk / 8, "batmap shows block %" PRIu64
		" full, and it is not allocated: the image must be repaired "
		"before the block is written to", blk);
}

int vhd1_write_place(void *eng, uint64_t blk, struct vhd_place *out,
		     struct vhd_error *err)
{
	struct vhd1 *v = eng;
	int rc = vhd1_scan(v, err);

	if (!rc)
		rc = batmap_check(v, blk, err);
	return rc ? rc : vhd1_place_new(v, blk, out, err);
}

/* Takes free space that ends at or before @limit; what lies behind comes back. */
static bool take_below(struct vhd1 *v, uint32_t align, uint64_t limit,
		       struct vhd_place *out)
{
	struct vhd_space *space = &v->write->space;
	uint64_t len = vhd1_stride(v), skew = align > VHD1_SECTOR ?
					      v->bitmap_len : 0;

	out->len = len;
	if (!vhd_space_take(space, len, align, skew, false, &out->off,
			    &out->kind))
		return false;
	out->at = out->off + v->bitmap_len;
	if (out->off + len <= limit)
		return true;
	vhd_space_add(space, out->off, len, out->kind);
	return false;
}

int vhd1_write_place_below(void *eng, uint64_t blk, uint64_t limit,
			   struct vhd_place *out, bool *found_out,
			   struct vhd_error *err)
{
	struct vhd1 *v = eng;
	int rc = vhd1_scan(v, err);

	(void)blk;
	*found_out = false;
	if (rc)
		return rc;
	*found_out = take_below(v, v->write->align, limit, out) ||
		     (v->write->packed &&
		      take_below(v, VHD1_SECTOR, limit, out));
	return 0;
}

int vhd1_reach(struct vhd1 *v, uint64_t end, struct vhd_error *err)
{
	int rc = vhd1_scan(v, err);

	if (rc || end <= v->tail_off)
		return rc;
	return extend(v, align_up(end, TAIL_ALIGN), err);
}

int vhd1_room_take(struct vhd1 *v, uint64_t len, uint32_t align,
		   uint64_t *off_out, struct vhd_error *err)
{
	struct vhd_space *space = &v->write->space;
	enum vhd_space_kind kind;
	uint64_t from;
	int rc = vhd1_scan(v, err);

	if (rc || vhd_space_take(space, len, align, 0, false, off_out, &kind))
		return rc;
	from = align_up(vhd_space_tail(space, v->tail_off), align);
	rc = extend(v, align_up(from + len, TAIL_ALIGN), err);
	if (rc)
		return rc;
	if (vhd_space_take(space, len, align, 0, false, off_out, &kind))
		return 0;
	return vhd_fail_nomem(err);
}

int vhd1_place_new(struct vhd1 *v, uint64_t blk, struct vhd_place *out,
		   struct vhd_error *err)
{
	int rc;

	if (take(v, out))
		return 0;
	rc = grow(v, blk, err);
	if (rc || take(v, out))
		return rc;
	return vhd_fail_nomem(err);
}

/*
 * After a block failed to be mapped its bitmap may still be on its way to what
 * was to be its place.  That is rare; what comes back from then on is forgotten,
 * so that nobody else is hit.
 */
void vhd1_write_unplace(void *eng, uint64_t off, uint64_t len,
			enum vhd_space_kind kind)
{
	struct vhd1 *v = eng;

	if (!v->write->leak)
		vhd_space_add(&v->write->space, off, len, kind);
}

int vhd1_write_prepare(void *eng, uint64_t blk, const struct vhd_place *place,
		       bool whole, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	uint64_t len = whole ? place->at - place->off : place->len;

	(void)blk;
	if (place->kind != VHD_SPACE_DIRTY ||
	    !vhd_barrier(VHD_BARRIER_ZERO_BEFORE_REUSE))
		return 0;
	return vhd_io_punch(v->io, len, place->off, err);
}

int vhd1_write_trim(void *eng, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	struct vhd1_write *wr = v->write;
	uint64_t tail, tight;
	int rc = vhd1_remark(v, err);

	/* What a writer before us has left behind the last block goes too. */
	if (!rc && wr->exact && !wr->floor)
		rc = vhd1_scan(v, err);
	if (rc)
		return rc;
	tail = v->tail_off;
	tight = vhd_space_tail(&wr->space, tail);
	tight = max_u64(align_up(tight, VHD1_SECTOR), wr->floor);
	if (tight >= tail)
		return 0;
	rc = vhd1_footer_put(v, tight, err);
	/* A longer file than need be is in order as well. */
	if (rc)
		return rc == VHD_E_NOSPACE ? 0 : rc;
	if (vhd_barrier(VHD_BARRIER_FOOTER_BEFORE_CUT))
		rc = vhd1_flush(v, err);
	if (rc || vhd_io_set_size(v->io, tight + VHD1_FOOTER_LEN, NULL))
		return rc;
	vhd_space_cut(&wr->space, tight);
	v->file_size = tight + VHD1_FOOTER_LEN;
	v->tail_off = tight;
	return vhd1_flush(v, err);
}
