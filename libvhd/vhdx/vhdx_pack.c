/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making a file as short as what it holds allows (VHDX-CMP-01).
 *
 * Blocks are moved by the writer, into the lowest room that there is; what it
 * cannot move is done here: sector bitmaps, which are no blocks, the table, which
 * an earlier growth may have put at the end (VHDX-RSZ-05), and space that nothing
 * needs, of soft anchors and of bitmaps of chunks without a partial block
 * (VHDX-TRIM-13).  A bitmap's old place may be named by the log, and is nobody's
 * before the log has turned over (VHDX-LOG-45).
 *
 * Nothing that a guest sees changes.  Until there is something to do the file is
 * not touched.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_edit.h"
#include "vhdx/vhdx_table.h"

enum {
	BATCH = 64,			/* bitmaps, or anchors, at a time */
	ANCHORS = 1024
};

/* Counts what keeps its space, and finds what does not need it. */
struct survey {
	struct vhdx *x;
	uint64_t total;			/* bytes that are needed */
	uint64_t anchors;
	uint64_t idle;			/* bitmaps that no block needs */
	uint64_t partial_chunk;		/* last one with a partial block, + 1 */
};

static bool chunk_needs_map(const struct survey *s, uint64_t idx)
{
	return s->partial_chunk ==
	       vhdx_chunk_of_bat_idx(&s->x->geom, idx) + 1;
}

/* Entries come in order: a chunk's blocks before its bitmap. */
static void survey_entry(struct survey *s, const struct vhdx_owner *o,
			 uint64_t raw)
{
	if (vhdx_batent_unpack(raw).state == VHDX_PARTIALLY_PRESENT)
		s->partial_chunk = vhdx_chunk_of_bat_idx(&s->x->geom,
							 o->idx) + 1;
	if (o->anchor)
		s->anchors++;
	else if (vhdx_bat_idx_is_bitmap(&s->x->geom, o->idx) &&
		 !chunk_needs_map(s, o->idx))
		s->idle++;
	else
		s->total += o->len;
}

typedef int (*owner_fn)(void *arg, const struct vhdx_owner *o, uint64_t raw,
			struct vhd_error *err);

/* All entries that name space; holes of the file are passed over. */
static int each_owner(struct vhdx *x, owner_fn fn, void *arg,
		      struct vhd_error *err)
{
	struct vhdx_bat_iter it;
	struct vhdx_owner o;
	uint64_t idx, raw;
	bool found;
	int rc = vhdx_bat_iter_begin(&it, x, x->bat_used, UINT64_MAX, err);

	if (rc)
		return rc;
	it.file_holes = true;
	while (!(rc = vhdx_bat_iter_next(&it, &found, &idx, &raw, err)) &&
	       found) {
		if (vhdx_owner_find(x, idx, raw, &o))
			rc = fn(arg, &o, raw, err);
		if (rc)
			break;
	}
	vhdx_bat_iter_end(&it);
	return rc;
}

static int count_one(void *arg, const struct vhdx_owner *o, uint64_t raw,
		     struct vhd_error *err)
{
	(void)err;
	survey_entry(arg, o, raw);
	return 0;
}

struct release {
	struct vhdx *x;
	uint64_t waiting;		/* since the last commit */
};

/* VHDX-TRIM-02 has no word against it: the state stays. */
static int anchor_drop(void *arg, const struct vhdx_owner *o, uint64_t raw,
		       struct vhd_error *err)
{
	struct release *d = arg;
	struct vhdx *x = d->x;
	le64 bare = vhdx_batent_encode(vhdx_batent_unpack(raw).state, 0);
	int rc;

	if (!o->anchor)
		return 0;
	rc = vhd_pcache_write(x->pages, vhdx_bat_file_off(x, o->idx), &bare,
			      sizeof(bare), err);
	if (rc)
		return rc;
	vhd_writer_release(x->write->w, o->off, o->len);
	if (++d->waiting % ANCHORS)
		return 0;
	return vhd_writer_commit(x->write->w, VHD_COMMIT_SYNC, err);
}

static int anchors_drop(struct vhdx *x, struct vhd_error *err)
{
	struct release d = { x, 0 };
	int rc;

	vhdx_log_keep(x->write->log);
	rc = vhd_writer_calm(x->write->w, err);
	if (!rc)
		rc = each_owner(x, anchor_drop, &d, err);
	if (!rc)
		rc = vhd_writer_commit(x->write->w, VHD_COMMIT_SYNC, err);
	return rc ? rc : vhdx_settle(x, err);
}

/*
 * What the map of free space has forgotten, or never knew of, is found again.
 * All that is lost by blocks is durable and given back first.
 */
static int rescan(struct vhdx *x, struct vhd_error *err)
{
	int rc = 0;

	if (vhdx_write_begun(x))
		rc = vhd_writer_commit(x->write->w, VHD_COMMIT_SYNC, err);
	if (!rc && vhdx_write_begun(x))
		rc = vhdx_settle(x, err);
	if (rc)
		return rc;
	vhd_space_clear(&x->write->space);
	x->write->scanned = false;
	return vhdx_space_ready(x, err);
}

/* The file cannot end before what nobody moves: all regions but the table. */
static uint64_t limit_of(const struct vhdx *x, uint64_t total)
{
	uint64_t end = 0;

	for (size_t i = 0; i < x->taken_count; i++) {
		total += x->taken[i].len;
		if (x->taken[i].off != x->regions.bat.off)
			end = max_u64(end, x->taken[i].off + x->taken[i].len);
	}
	return max_u64(total, end);
}

static int refuse_fixed(const struct vhdx *x, struct vhd_error *err)
{
	if (!x->meta.leave_allocated)
		return 0;
	return vhd_fail(err, VHD_E_UNSUPPORTED,
			"the blocks of a fixed image all keep their space");
}

/* A bitmap that goes, or moves to @to_off. */
struct leaving {
	uint64_t idx;
	uint64_t off;
	uint64_t to_off;		/* 0: it goes */
};

struct rest {
	struct survey s;
	uint64_t limit;
	size_t count;
	struct leaving out[BATCH];
};

/* Through what is not in place yet; nothing else writes to it meanwhile. */
static int map_copy(struct vhdx *x, const struct leaving *l,
		    struct vhd_error *err)
{
	uint8_t *bytes = vhd_alloc(VHDX_BITMAP_LEN);
	int rc;

	if (!bytes)
		return vhd_fail_nomem(err);
	rc = vhdx_read(x, bytes, VHDX_BITMAP_LEN, l->off, err);
	if (!rc)
		rc = vhd_io_write(x->io, bytes, VHDX_BITMAP_LEN, l->to_off,
				  err);
	vhd_free(bytes);
	return rc;
}

/* Pages of another life must not be found in the cache. */
static void pages_forget(struct vhdx *x, uint64_t off)
{
	for (uint64_t at = 0; at < VHDX_BITMAP_LEN; at += VHD_PAGE_SIZE)
		vhd_pcache_drop(x->pages, off + at);
}

static int leave_one(struct vhdx_edit *e, const struct leaving *l,
		     struct vhd_error *err)
{
	struct vhdx *x = e->x;
	le64 raw = vhdx_batent_encode(l->to_off ? VHDX_FULLY_PRESENT
						: VHDX_NOT_PRESENT, l->to_off);
	int rc = 0;

	if (l->to_off) {
		rc = map_copy(x, l, err);
		pages_forget(x, l->to_off);
		vhdx_write_reach(x, l->to_off + VHDX_BITMAP_LEN);
	}
	if (rc)
		return rc;
	return vhdx_edit_put(e, &raw, sizeof(raw),
			     vhdx_bat_file_off(x, l->idx), err);
}

static int give_back(struct vhdx *x, uint64_t off, struct vhd_error *err)
{
	bool done = false;
	int rc = vhd_io_try_punch(x->io, VHDX_BITMAP_LEN, off, &done, err);

	pages_forget(x, off);
	if (!rc)
		vhdx_write_unplace(x, off, VHDX_BITMAP_LEN, VHD_SPACE_DIRTY);
	return rc;
}

/* One entry for all of them; their old places are free once the log is. */
static int batch_leave(struct rest *r, struct vhd_error *err)
{
	struct vhdx *x = r->s.x;
	struct vhdx_edit e;
	int rc;

	if (!r->count)
		return 0;
	vhdx_log_keep(x->write->log);
	rc = vhdx_edit_begin(&e, x, err);
	for (size_t i = 0; !rc && i < r->count; i++)
		rc = leave_one(&e, &r->out[i], err);
	if (!rc)
		rc = vhdx_edit_store(&e, err);
	if (!rc)
		rc = vhdx_settle(x, err);
	for (size_t i = 0; !rc && i < r->count; i++)
		rc = give_back(x, r->out[i].off, err);
	vhdx_edit_end(&e);
	r->count = 0;
	return rc;
}

static int rest_one(void *arg, const struct vhdx_owner *o, uint64_t raw,
		    struct vhd_error *err)
{
	struct rest *r = arg;
	struct vhdx *x = r->s.x;
	struct leaving l = { o->idx, o->off, 0 };
	enum vhd_space_kind kind;

	survey_entry(&r->s, o, raw);
	if (!vhdx_bat_idx_is_bitmap(&x->geom, o->idx))
		return 0;
	if (chunk_needs_map(&r->s, o->idx) &&
	    (o->off + o->len <= r->limit ||
	     !vhdx_space_take_below(x, VHDX_BITMAP_LEN, r->limit, &l.to_off,
				    &kind)))
		return 0;
	r->out[r->count++] = l;
	return r->count == BATCH ? batch_leave(r, err) : 0;
}

/* Bitmaps that no block needs go; others move from behind @limit. */
static int bitmaps_leave(struct vhdx *x, uint64_t limit, struct vhd_error *err)
{
	struct rest r = { .s = { .x = x }, .limit = limit };
	int rc = each_owner(x, rest_one, &r, err);

	return rc ? rc : batch_leave(&r, err);
}

int vhdx_pack(void *eng, uint64_t *limit_out, struct vhd_error *err)
{
	struct vhdx *x = eng;
	struct survey s = { .x = x };
	int rc = refuse_fixed(x, err);

	if (!rc)
		rc = rescan(x, err);
	if (!rc)
		rc = each_owner(x, count_one, &s, err);
	if (!rc && s.anchors)
		rc = anchors_drop(x, err);
	if (!rc && s.idle)
		rc = bitmaps_leave(x, UINT64_MAX, err);
	if (!rc && (s.anchors || s.idle))
		rc = rescan(x, err);
	/* Before blocks take the room that it needs in one piece. */
	if (!rc)
		rc = vhdx_table_lower(x, limit_of(x, s.total), err);
	if (!rc)
		*limit_out = limit_of(x, s.total);
	return rc;
}

int vhdx_pack_rest(void *eng, uint64_t limit, struct vhd_error *err)
{
	struct vhdx *x = eng;
	int rc = refuse_fixed(x, err);

	/* Also so that holes are holes. */
	if (!rc)
		rc = rescan(x, err);
	if (!rc)
		rc = vhdx_table_lower(x, limit, err);
	return rc || !x->meta.has_parent ? rc : bitmaps_leave(x, limit, err);
}
