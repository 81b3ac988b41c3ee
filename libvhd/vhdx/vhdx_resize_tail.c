/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a last block that the disk ends inside of (VHDX-RSZ-03).
 *
 * A disk that grows gets it, and it has to be zeros.  Bytes that the file holds
 * are zeroed.  In a block of which the parent holds some, they become sectors of
 * this file; a block that is the parent's as a whole becomes such a one, when the
 * parent has bytes there.  All of that is behind the end of the disk, where nobody
 * looks, until the new size is there.
 *
 * A disk that shrinks loses it: zeroed as well, once nobody looks any more, so
 * that it is zeros for whoever makes the disk larger again (VHDX-WR-21).
 */
#include <string.h>

#include "base/bitmap.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_bitmap.h"
#include "vhdx/vhdx_resize.h"

struct tail {
	const struct vhdx_geom *g;	/* of the disk that ends in it */
	uint64_t blk;
	uint64_t from;			/* byte of the block; 0: there is none */
	struct vhdx_batent ent;
};

static int tail_find(struct vhdx *x, const struct vhdx_geom *g,
		     struct tail *t, struct vhd_error *err)
{
	struct vhdx_bat_cursor cur = { .x = x };
	int rc;

	*t = (struct tail){ .g = g, .from = vhdx_off_in_blk(g, g->disk_size) };
	if (!t->from)
		return 0;
	t->blk = g->blk_count - 1;
	rc = vhdx_bat_get(&cur, vhdx_bat_idx_of_blk(g, t->blk), &t->ent, err);
	vhdx_bat_put(&cur);
	return rc;
}

/* The file may end inside of a fixed disk's last block (VHDX-BAT-09). */
static int bytes_clear(const struct vhdx_resize *r, const struct tail *t,
		       uint64_t at, struct vhd_error *err)
{
	uint64_t len = t->g->block_size - t->from;

	return r->fixed ? vhd_io_zero(r->x->io, len, at + t->from, err)
			: vhd_io_punch(r->x->io, len, at + t->from, err);
}

/*
 * Bits of the block's sectors from the tail on: @to of them (counted from the
 * block's first) become present, others do not; with @wipe those before it
 * neither.
 */
static int bits_put(struct vhdx_resize *r, const struct tail *t,
		    uint64_t map_off, uint64_t to, bool wipe,
		    struct vhd_error *err)
{
	uint64_t base = map_off + vhdx_bitmap_off_of_blk(t->g, t->blk);
	uint64_t len = vhdx_bitmap_len_of_blk(t->g), at = 0;
	uint64_t from = vhdx_sec_of_off(t->g, t->from);
	int rc = 0;

	while (!rc && at < len) {
		uint8_t bits[512];
		size_t n = (size_t)min_u64(len - at, sizeof(bits));

		memset(bits, 0, n);
		if (!wipe)
			rc = vhdx_read(r->x, bits, n, base + at, err);
		for (uint64_t sec = max_u64(at * 8, from);
		     sec < (at + n) * 8; sec++) {
			if (sec < to)
				vhd_bit_set(bits, sec - at * 8, VHD_LSB_FIRST);
			else
				vhd_bit_clear(bits, sec - at * 8,
					      VHD_LSB_FIRST);
		}
		if (!rc)
			rc = vhdx_edit_put(&r->edit, bits, n, base + at, err);
		at += n;
	}
	return rc;
}

/* Sectors of the block that the new disk has. */
static uint64_t sectors_new(const struct vhdx_resize *r, const struct tail *t)
{
	uint64_t end = vhdx_off_of_blk(t->g, t->blk) + t->g->block_size;

	return vhdx_sec_of_off(t->g, min_u64(end, r->new.disk_size) -
				     vhdx_off_of_blk(t->g, t->blk));
}

static int entry_put(struct vhdx_resize *r, uint64_t idx,
		     enum vhdx_state state, uint64_t off, struct vhd_error *err)
{
	le64 raw = vhdx_batent_encode(state, off);

	return vhdx_edit_put(&r->edit, &raw, sizeof(raw),
			     vhdx_bat_file_off(r->x, idx), err);
}

static int space_new(struct vhdx *x, uint64_t len, uint64_t *off_out,
		     struct vhd_error *err)
{
	enum vhd_space_kind kind;
	int rc = vhdx_space_take(x, len, off_out, &kind, err);

	if (!rc && kind != VHD_SPACE_FRESH)
		rc = vhd_io_punch(x->io, len, *off_out, err);
	if (!rc)
		vhdx_write_reach(x, *off_out + len);
	return rc;
}

/* The bitmap of the block's chunk, which may be a new one. */
static int map_get(struct vhdx_resize *r, const struct tail *t,
		   uint64_t *map_off_out, struct vhd_error *err)
{
	uint64_t chunk = vhdx_chunk_of_blk(t->g, t->blk);
	uint64_t idx = vhdx_bat_idx_of_chunk(t->g, chunk);
	struct vhdx_bat_cursor cur = { .x = r->x };
	struct vhdx_batent ent;
	int rc = vhdx_bat_get(&cur, idx, &ent, err);

	vhdx_bat_put(&cur);
	if (rc)
		return rc;
	if (ent.state != VHDX_NOT_PRESENT)
		return vhdx_bitmap_find(r->x, chunk, map_off_out, err);
	rc = space_new(r->x, VHDX_BITMAP_LEN, map_off_out, err);
	return rc ? rc : entry_put(r, idx, VHDX_FULLY_PRESENT, *map_off_out,
				   err);
}

/* The parent's block becomes one of which the end is this file's. */
static int cover(struct vhdx_resize *r, const struct tail *t,
		 struct vhd_error *err)
{
	uint64_t map_off, at;
	int rc = space_new(r->x, t->g->block_size, &at, err);

	if (!rc)
		rc = map_get(r, t, &map_off, err);
	if (!rc)
		rc = bits_put(r, t, map_off, sectors_new(r, t), true, err);
	if (!rc)
		rc = entry_put(r, vhdx_bat_idx_of_blk(t->g, t->blk),
			       VHDX_PARTIALLY_PRESENT, at, err);
	return rc;
}

static int uncover(struct vhdx_resize *r, const struct tail *t, uint64_t to,
		   struct vhd_error *err)
{
	uint64_t map_off;
	int rc = vhdx_bitmap_find(r->x, vhdx_chunk_of_blk(t->g, t->blk),
				  &map_off, err);

	return rc ? rc : bits_put(r, t, map_off, to, false, err);
}

/* Of a parent that is not there nobody knows where it ends. */
static bool parent_reaches(const struct vhdx_resize *r)
{
	return !r->req->below || r->req->below > r->old.disk_size;
}

int vhdx_resize_open_tail(struct vhdx_resize *r, struct vhd_error *err)
{
	bool child = r->x->meta.has_parent;
	struct tail t;
	int rc = tail_find(r->x, &r->old, &t, err);

	if (rc || !t.from)
		return rc;
	if (vhdx_state_has_data(t.ent.state))
		rc = bytes_clear(r, &t, t.ent.file_off, err);
	if (!rc && child && t.ent.state == VHDX_PARTIALLY_PRESENT)
		rc = uncover(r, &t, sectors_new(r, &t), err);
	else if (!rc && child && t.ent.state == VHDX_NOT_PRESENT &&
		 parent_reaches(r))
		rc = cover(r, &t, err);
	if (!rc)
		rc = vhdx_edit_store(&r->edit, err);
	/* The table is written past the log next. */
	return rc ? rc : vhdx_settle(r->x, err);
}

int vhdx_resize_close_tail(struct vhdx_resize *r, struct vhd_error *err)
{
	struct tail t;
	int rc = tail_find(r->x, &r->new, &t, err);

	if (rc || !t.from)
		return rc;
	if (vhdx_state_has_data(t.ent.state))
		rc = bytes_clear(r, &t, t.ent.file_off, err);
	if (!rc && r->x->meta.has_parent &&
	    t.ent.state == VHDX_PARTIALLY_PRESENT)
		rc = uncover(r, &t, 0, err);
	return rc ? rc : vhdx_edit_store(&r->edit, err);
}
