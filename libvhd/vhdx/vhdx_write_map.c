/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the writer asks of the table and of the sector bitmaps (vhdx.md 9, 10,
 * 14.2), entry by entry.  Everything here happens in the page cache; the writer
 * sees to what must be durable before it is stored.
 *
 * Others read beside us.  A block becomes partial with its entry, and that comes
 * last: whoever sees it finds the bits and the place of the bitmap.  What comes
 * before it and then fails does no harm: a bitmap that no block needs, bits that
 * nobody looks at.
 */
#include "vhdx/vhdx_write.h"

#include <string.h>

#include "base/barrier.h"
#include "base/bitmap.h"
#include "vhdx/vhdx_bitmap.h"

enum { PART_LEN = 512 };	/* of a bitmap, looked at at a time */

static int entry_get(struct vhdx *x, uint64_t idx, struct vhdx_batent *out,
		     struct vhd_error *err)
{
	struct vhdx_bat_cursor cur = { .x = x };
	int rc = vhdx_bat_get(&cur, idx, out, err);

	vhdx_bat_put(&cur);
	return rc;
}

static int entry_put(struct vhdx *x, uint64_t idx, enum vhdx_state state,
		     uint64_t file_off, struct vhd_error *err)
{
	le64 raw = vhdx_batent_encode(state, file_off);

	return vhd_pcache_write(x->pages, vhdx_bat_file_off(x, idx), &raw,
				sizeof(raw), err);
}

void vhdx_write_reach(struct vhdx *x, uint64_t end_off)
{
	if (end_off > atomic_load(&x->write->last_off))
		atomic_store(&x->write->last_off, end_off);
}

static bool owns_space(const struct vhdx_batent *ent)
{
	return vhdx_state_has_data(ent->state) || vhdx_batent_is_anchor(ent);
}

/* The block does not name that space any more. */
static void let_go(struct vhdx *x, const struct vhdx_batent *old)
{
	vhd_writer_release(x->write->w, old->file_off, x->geom.block_size);
}

int vhdx_write_look(void *eng, uint64_t blk, struct vhd_blk *out,
		    struct vhd_error *err)
{
	struct vhdx *x = eng;
	struct vhdx_bat_cursor cur = { .x = x };
	struct vhd_run run;
	bool partial;
	int rc = vhdx_map_blk(&cur, blk, &run, &partial, err);

	vhdx_bat_put(&cur);
	if (rc)
		return rc;
	*out = (struct vhd_blk){ VHD_BLK_ZERO, VHD_NO_OFFSET };
	switch (run.kind) {
	case VHD_RUN_ZERO:
		break;
	case VHD_RUN_PARENT:
		if (x->meta.has_parent)
			out->kind = VHD_BLK_BELOW;
		break;
	case VHD_RUN_DATA:
		out->kind = partial ? VHD_BLK_SOME : VHD_BLK_FULL;
		out->at = run.file_off;
		break;
	}
	return 0;
}

int vhdx_write_present(void *eng, uint64_t blk, const struct vhd_blk *b,
		       uint32_t from_sec, uint32_t to_sec, bool *yes_out,
		       uint32_t *count_out, struct vhd_error *err)
{
	struct vhdx *x = eng;
	const struct vhdx_geom *g = &x->geom;
	uint64_t first = vhdx_bitmap_bit_of_off(g, vhdx_off_of_blk(g, blk));
	uint64_t map_off, count;
	int rc;

	(void)b;
	rc = vhdx_bitmap_find(x, vhdx_chunk_of_blk(g, blk), &map_off, err);
	if (!rc)
		rc = vhdx_bitmap_count(x, map_off, first + from_sec,
				       first + to_sec, yes_out, &count, err);
	if (!rc)
		*count_out = (uint32_t)count;
	return rc;
}

int vhdx_write_map(void *eng, uint64_t blk, uint64_t at, struct vhd_error *err)
{
	struct vhdx *x = eng;
	uint64_t idx = vhdx_bat_idx_of_blk(&x->geom, blk);
	struct vhdx_batent old;
	int rc;

	rc = entry_get(x, idx, &old, err);
	if (!rc)
		rc = entry_put(x, idx, VHDX_FULLY_PRESENT, at, err);
	if (rc)
		return rc;
	vhdx_write_reach(x, at + x->geom.block_size);
	/* From partial it keeps its place; a soft anchor is given up for it. */
	if (owns_space(&old) && old.file_off != at)
		let_go(x, &old);
	return 0;
}

/*
 * One part of a block's bitmap, whose bit 0 is that of sector @base: sectors
 * [from, to) become present, with @wipe no others are.
 */
static int part_put(struct vhdx *x, uint64_t off, size_t len, uint64_t base,
		    uint64_t from, uint64_t to, bool wipe,
		    struct vhd_error *err)
{
	uint8_t old[PART_LEN], bits[PART_LEN] = { 0 };
	uint64_t end = min_u64(to, base + len * 8);
	int rc = vhd_pcache_read(x->pages, off, old, len, err);

	if (rc)
		return rc;
	if (!wipe)
		memcpy(bits, old, len);
	for (uint64_t sec = max_u64(from, base); sec < end; sec++)
		vhd_bit_set(bits, sec - base, VHD_LSB_FIRST);
	if (!memcmp(bits, old, len))
		return 0;
	return vhd_pcache_write(x->pages, off, bits, len, err);
}

/* The bits of sectors [from, to) of a block; with @wipe all of its bits. */
static int bits_put(struct vhdx *x, uint64_t map_off, uint64_t blk,
		    uint64_t from, uint64_t to, bool wipe,
		    struct vhd_error *err)
{
	const struct vhdx_geom *g = &x->geom;
	uint64_t base_off = map_off + vhdx_bitmap_off_of_blk(g, blk);
	uint64_t at = wipe ? 0 : from / 8;
	uint64_t end = wipe ? vhdx_bitmap_len_of_blk(g) : div_ceil(to, 8);
	int rc = 0;

	while (!rc && at < end) {
		uint64_t off = base_off + at;
		size_t len = (size_t)min_u64(end - at,
					     PART_LEN - off % PART_LEN);

		rc = part_put(x, off, len, at * 8, from, to, wipe, err);
		at += len;
	}
	return rc;
}

/*
 * Space for a new bitmap, all zeros (VHDX-SB-04).  Pages of an earlier life
 * must not be found in the cache.
 */
static int bitmap_new(struct vhdx *x, uint64_t *map_off_out,
		      struct vhd_error *err)
{
	enum vhd_space_kind kind;
	uint64_t off;
	int rc;

	rc = vhdx_space_take(x, VHDX_BITMAP_LEN, &off, &kind, err);
	if (rc)
		return rc;
	if (kind == VHD_SPACE_DIRTY &&
	    vhd_barrier(VHD_BARRIER_ZERO_BEFORE_REUSE))
		rc = vhd_io_zero(x->io, VHDX_BITMAP_LEN, off, err);
	if (rc) {
		vhdx_write_unplace(x, off, VHDX_BITMAP_LEN, VHD_SPACE_DIRTY);
		return rc;
	}
	if (kind != VHD_SPACE_FRESH)
		vhd_writer_need_barrier(x->write->w);
	for (uint64_t at = 0; at < VHDX_BITMAP_LEN; at += VHD_PAGE_SIZE)
		vhd_pcache_drop(x->pages, off + at);
	*map_off_out = off;
	return 0;
}

/* The bitmap for a block that becomes partial; *@new_out: not named yet. */
static int bitmap_get(struct vhdx *x, uint64_t chunk, uint64_t *map_off_out,
		      bool *new_out, struct vhd_error *err)
{
	struct vhdx_batent ent;
	int rc;

	rc = entry_get(x, vhdx_bat_idx_of_chunk(&x->geom, chunk), &ent, err);
	if (rc)
		return rc;
	*new_out = ent.state == VHDX_NOT_PRESENT;
	return *new_out ? bitmap_new(x, map_off_out, err)
			: vhdx_bitmap_find(x, chunk, map_off_out, err);
}

/*
 * VHDX-WR-14, VHDX-SB-06: the bits of the block's earlier life go.  Should this
 * fail on the way, a new bitmap's space is lost until the next open: its pages
 * may be on their way already.
 */
static int become_partial(struct vhdx *x, uint64_t blk, uint64_t at,
			  uint64_t from, uint64_t to, struct vhd_error *err)
{
	uint64_t chunk = vhdx_chunk_of_blk(&x->geom, blk);
	bool wipe = vhd_barrier(VHD_BARRIER_WIPE_STALE_BITS);
	uint64_t map_off;
	bool is_new;
	int rc;

	rc = bitmap_get(x, chunk, &map_off, &is_new, err);
	if (!rc)
		rc = bits_put(x, map_off, blk, from, to, wipe, err);
	if (!rc && is_new)
		rc = entry_put(x, vhdx_bat_idx_of_chunk(&x->geom, chunk),
			       VHDX_FULLY_PRESENT, map_off, err);
	if (rc)
		return rc;
	vhdx_write_reach(x, map_off + VHDX_BITMAP_LEN);
	vhdx_write_reach(x, at + x->geom.block_size);
	return entry_put(x, vhdx_bat_idx_of_blk(&x->geom, blk),
			 VHDX_PARTIALLY_PRESENT, at, err);
}

int vhdx_write_mark(void *eng, uint64_t blk, const struct vhd_blk *b,
		    uint64_t at, uint32_t from_sec, uint32_t to_sec,
		    struct vhd_error *err)
{
	struct vhdx *x = eng;
	const struct vhdx_geom *g = &x->geom;
	uint64_t map_off;
	/* Sectors that the disk does not have stay zero (VHDX-SB-05). */
	uint64_t to = min_u64(to_sec, vhdx_sec_of_off(g, vhdx_blk_len(g, blk)));
	int rc;

	if (b->kind != VHD_BLK_SOME)
		return become_partial(x, blk, at, from_sec, to, err);
	/* Bits that lie in somebody's block would change its data. */
	rc = vhdx_space_ready(x, err);
	if (!rc)
		rc = vhdx_bitmap_find(x, vhdx_chunk_of_blk(g, blk), &map_off,
				      err);
	return rc ? rc : bits_put(x, map_off, blk, from_sec, to, false, err);
}

/* Its bits, if it is partial, do not depend on its place. */
int vhdx_write_move(void *eng, uint64_t blk, const struct vhd_blk *b,
		    const struct vhd_place *to, struct vhd_error *err)
{
	struct vhdx *x = eng;
	uint64_t idx = vhdx_bat_idx_of_blk(&x->geom, blk);
	struct vhdx_batent old;
	int rc;

	(void)b;
	rc = entry_get(x, idx, &old, err);
	if (!rc)
		rc = entry_put(x, idx, old.state, to->at, err);
	if (rc)
		return rc;
	vhdx_write_reach(x, to->at + x->geom.block_size);
	let_go(x, &old);
	return 0;
}

/*
 * What the block is without space.  Zeros that were promised stay promised
 * (VHDX-PBS-12); where there is no parent, nobody is to be asked (VHDX-TRIM-02).
 */
static enum vhdx_state state_without(const struct vhdx *x, enum vhd_unmap how,
				     enum vhdx_state old)
{
	if (how == VHD_UNMAP_BELOW && x->meta.has_parent)
		return VHDX_NOT_PRESENT;
	if (how == VHD_UNMAP_DISCARD && old != VHDX_ZERO)
		return VHDX_UNMAPPED;
	return VHDX_ZERO;
}

int vhdx_write_unmap(void *eng, uint64_t blk, const struct vhd_blk *b,
		     enum vhd_unmap how, bool *done_out, struct vhd_error *err)
{
	struct vhdx *x = eng;
	uint64_t idx = vhdx_bat_idx_of_blk(&x->geom, blk);
	struct vhdx_batent old;
	bool owns;
	int rc;

	(void)b;
	*done_out = false;
	if (x->meta.leave_allocated)	/* VHDX-TRIM-04 */
		return 0;
	rc = entry_get(x, idx, &old, err);
	if (rc)
		return rc;
	owns = owns_space(&old);
	if (owns)
		rc = vhdx_space_ready(x, err);
	if (!rc)
		rc = entry_put(x, idx, state_without(x, how, old.state), 0,
			       err);
	if (rc)
		return rc;
	if (owns)
		let_go(x, &old);
	*done_out = true;
	return 0;
}
