/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tickets: writes that need more than an overwrite.
 *
 * The first ticket for a block without space finds a place; others that come
 * while it is out share it (VHDX-WR-20).  The first one to end well makes the
 * block visible.  When the last one ends and none did, the place is free again.
 *
 * A block over a parent, or one that is partial, is marked sector by sector: a
 * ticket marks what it wrote.  Bits are set for whole units, so a write that
 * covers a unit in part first copies the rest from below, and claims the unit.
 * Another that comes to the same unit meanwhile copies nothing there and marks
 * whole sectors of its own only.  Copying happens inside begin, one ticket of a
 * block at a time, so no copy can land on a later write.  Sectors that are
 * present already are never touched by a copy: they may be overwritten at any
 * time by somebody who needs no ticket.
 *
 * A write of a part of a sector that another ticket is writing as a whole can
 * neither copy the rest, which may be on its way, nor mark the sector, which may
 * not be there yet.  It waits for that ticket to end.  A ticket whose end is up
 * to a caller (@held) is not waited for: that is VHD_E_BUSY.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "write/writer_priv.h"

static struct vhd_busy **bucket(struct vhd_writer *w, uint64_t blk)
{
	return &w->busy[blk % WRITER_BUCKETS];
}

struct vhd_busy *vhd_busy_find(struct vhd_writer *w, uint64_t blk)
{
	struct vhd_busy *b = *bucket(w, blk);

	while (b && b->blk != blk)
		b = b->next;
	return b;
}

static int busy_get(struct vhd_writer *w, uint64_t blk,
		    struct vhd_busy **busy_out, struct vhd_error *err)
{
	struct vhd_busy *b = vhd_busy_find(w, blk);

	if (!b) {
		b = vhd_alloc(sizeof(*b));
		if (!b)
			return vhd_fail_nomem(err);
		b->blk = blk;
		b->next = *bucket(w, blk);
		*bucket(w, blk) = b;
	}
	*busy_out = b;
	return 0;
}

/* After its last ticket; a place that did not become the block's is free. */
static void busy_put(struct vhd_writer *w, struct vhd_busy *b)
{
	struct vhd_busy **at = bucket(w, b->blk);

	if (b->tickets)
		return;
	if (b->has_place)
		w->ops->unplace(w->eng, b->place.off, b->place.len,
				VHD_SPACE_DIRTY);
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	vhd_free(b);
}

static void link_ticket(struct vhd_busy *b, struct vhd_ticket *t)
{
	t->busy = b;
	t->next = b->tickets;
	b->tickets = t;
}

static void unlink_ticket(struct vhd_ticket *t)
{
	struct vhd_ticket **at = &t->busy->tickets;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
}

/* The part of a block that the disk has. */
static uint64_t block_end(const struct vhd_writer *w, uint64_t blk)
{
	return min_u64(w->geom.block_size,
		       w->geom.virtual_size - (blk << w->block_shift));
}

/* What begin works on. */
struct begin {
	struct vhd_writer *w;
	struct vhd_ticket *t;
	struct vhd_busy *busy;
	struct vhd_blk blk;
	uint64_t nr;			/* of the block */
	uint64_t start, end;		/* bytes of the block to be written */
	uint64_t limit;			/* bytes that the disk has of it */
	bool new_place;
};

/* Another ticket that has claimed one of these sectors, or NULL. */
static const struct vhd_ticket *claimant(const struct vhd_busy *b,
					 uint32_t from, uint32_t to)
{
	const struct vhd_ticket *t = b->tickets;

	while (t && !(t->from_sec < to && from < t->to_sec))
		t = t->next;
	return t;
}

/* A ticket whose own bytes are all of these, or NULL. */
static const struct vhd_ticket *coverer(const struct vhd_busy *b, uint64_t off,
					uint64_t len)
{
	const struct vhd_ticket *t = b->tickets;

	while (t && !(t->off <= off && off + len <= t->off + t->len))
		t = t->next;
	return t;
}

static void fill_add(struct begin *g, uint32_t from, uint32_t to)
{
	uint64_t start = (uint64_t)from * g->w->geom.sector;
	struct vhd_fill *f = &g->t->fill[g->t->fill_count++];

	f->off = (g->nr << g->w->block_shift) + start;
	f->len = (uint64_t)(to - from) * g->w->geom.sector;
	f->file_off = g->t->file_off - g->start + start;
}

/* Copies are due for the absent sectors of [from, to). */
static int fill_unit(struct begin *g, uint32_t from, uint32_t to,
		     struct vhd_error *err)
{
	while (from < to) {
		uint32_t n = to - from;
		bool present = false;
		int rc;

		if (g->blk.kind == VHD_BLK_SOME) {
			rc = g->w->ops->present(g->w->eng, g->nr, &g->blk,
						from, to, &present, &n, err);
			if (rc)
				return rc;
		}
		if (!present)
			fill_add(g, from, from + n);
		from += n;
	}
	return 0;
}

/*
 * The sector at one edge, in a unit that somebody else has claimed.  *@wait_out:
 * by somebody who is to end first.
 */
static int edge_shared(struct begin *g, uint64_t at, bool *wait_out,
		       struct vhd_error *err)
{
	uint32_t size = g->w->geom.sector;
	uint32_t sec = (uint32_t)(at / size);
	uint64_t start = (uint64_t)sec * size;
	const struct vhd_ticket *other;

	if (start >= g->start && start + size <= g->end)
		return 0;
	if (!claimant(g->busy, sec, sec + 1))
		return fill_unit(g, sec, sec + 1, err);
	/* Who writes less of it than all has copied it before. */
	other = coverer(g->busy, (g->nr << g->w->block_shift) + start, size);
	if (!other)
		return 0;
	*wait_out = true;
	if (!other->held && !g->t->held)
		return 0;
	return vhd_fail(err, VHD_E_BUSY, "a part of the sector at 0x%" PRIx64
			" is written while somebody else writes to it",
			(g->nr << g->w->block_shift) + start);
}

/* The unit around byte @at of the block, if it is written in part only. */
static int edge(struct begin *g, uint64_t at, bool *wait_out,
		struct vhd_error *err)
{
	const struct vhd_writer_geom *geom = &g->w->geom;
	uint64_t start = align_down(at, geom->unit);
	uint64_t end = min_u64(start + geom->unit, g->limit);
	uint32_t from = (uint32_t)(start / geom->sector);
	uint32_t to = (uint32_t)(end / geom->sector);

	if (start >= g->start && end <= g->end)
		return 0;
	if (claimant(g->busy, from, to))
		return edge_shared(g, at, wait_out, err);
	if (from < g->t->from_sec)
		g->t->from_sec = from;
	if (to > g->t->to_sec)
		g->t->to_sec = to;
	return fill_unit(g, from, to, err);
}

static int claim(struct begin *g, bool *wait_out, struct vhd_error *err)
{
	const struct vhd_writer_geom *geom = &g->w->geom;
	struct vhd_ticket *t = g->t;
	uint64_t last = g->end - 1;
	int rc;

	t->fill_count = 0;
	t->from_sec = (uint32_t)(g->start / geom->sector);
	t->to_sec = (uint32_t)div_ceil(g->end, geom->sector);
	t->whole = !g->start && g->end == g->limit;
	rc = edge(g, g->start, wait_out, err);
	if (rc)
		return rc;
	if (align_down(last, geom->unit) != align_down(g->start, geom->unit))
		return edge(g, last, wait_out, err);
	/* One unit: if it is ours it is done; if not, there are two sectors. */
	if (t->to_sec - t->from_sec > 1 &&
	    claimant(g->busy, t->from_sec, t->to_sec))
		return edge_shared(g, last, wait_out, err);
	return 0;
}

static int place_find(struct begin *g, struct vhd_error *err)
{
	struct vhd_busy *b = g->busy;
	int rc;

	if (b->has_place)
		return 0;
	rc = g->w->ops->place(g->w->eng, g->nr, &b->place, err);
	if (rc)
		return rc;
	b->has_place = true;
	g->new_place = true;
	return 0;
}

/* The ticket gets its home, unless it has to wait for another to end. */
static int begin_locked(struct begin *g, bool *wait_out, struct vhd_error *err)
{
	struct vhd_ticket *t = g->t;
	uint64_t at = g->blk.at;
	int rc;

	rc = busy_get(g->w, g->nr, &g->busy, err);
	if (rc)
		return rc;
	if (g->blk.kind != VHD_BLK_SOME) {
		rc = place_find(g, err);
		at = g->busy->place.at;
	}
	t->file_off = at + g->start;
	if (!rc && g->blk.kind != VHD_BLK_ZERO)
		rc = claim(g, wait_out, err);
	if (rc || *wait_out) {
		busy_put(g->w, g->busy);
		g->busy = NULL;
		return rc;
	}
	link_ticket(g->busy, t);
	t->filling = g->new_place || t->fill_count;
	g->busy->filling = t->filling;
	return 0;
}

/* A new place has a past; outside of the lock, as others wait for filling. */
static int place_prepare(struct begin *g, struct vhd_error *err)
{
	struct vhd_busy *b = g->busy;
	/* Without a parent a block shows all of its place at once. */
	bool whole = g->blk.kind == VHD_BLK_BELOW &&
		     (g->w->unzeroed || (!g->start &&
					 g->end == g->w->geom.block_size));
	int rc = g->w->ops->prepare(g->w->eng, g->nr, &b->place, whole, err);

	/* Nobody else has come to the place yet. */
	g->t->zeros = !rc && !whole && !g->t->fill_count;
	return rc;
}

static void filling_over_locked(struct vhd_writer *w, struct vhd_ticket *t)
{
	if (!t->filling)
		return;
	t->filling = false;
	t->busy->filling = false;
	pthread_cond_broadcast(&w->over);
}

/* Waits until nobody copies into the block, then looks at it. */
static int look_locked(struct begin *g, struct vhd_error *err)
{
	struct vhd_busy *b;
	int rc = vhd_writer_poisoned_locked(g->w, err);

	if (rc)
		return rc;
	while ((b = vhd_busy_find(g->w, g->nr)) && b->filling)
		pthread_cond_wait(&g->w->over, &g->w->lock);
	return g->w->ops->look(g->w->eng, g->nr, &g->blk, err);
}

static int begin_place(struct begin *g, struct vhd_error *err)
{
	struct vhd_writer *w = g->w;
	bool wait;
	int rc;

	pthread_mutex_lock(&w->lock);
	do {
		wait = false;
		rc = look_locked(g, err);
		if (rc)
			break;
		if (g->blk.kind == VHD_BLK_FULL)
			g->t->file_off = g->blk.at + g->start;
		else
			rc = begin_locked(g, &wait, err);
		if (!rc && wait)
			pthread_cond_wait(&w->over, &w->lock);
	} while (!rc && wait);
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int vhd_writer_begin(struct vhd_writer *w, uint64_t off, uint64_t len,
		     bool held, struct vhd_ticket *t, struct vhd_error *err)
{
	struct begin g = { .w = w, .t = t, .nr = off >> w->block_shift };
	int rc;

	memset(t, 0, sizeof(*t));
	g.limit = block_end(w, g.nr);
	g.start = off - (g.nr << w->block_shift);
	g.end = min_u64(g.start + len, g.limit);
	t->off = off;
	t->len = g.end - g.start;
	t->held = held;
	rc = vhd_writer_make_room(w, err);
	if (!rc)
		rc = begin_place(&g, err);
	if (rc || !g.busy)
		return rc;
	if (g.new_place)
		rc = place_prepare(&g, err);
	if (rc)
		vhd_writer_end(w, t, false, NULL);
	else if (!t->fill_count)
		vhd_writer_filled(w, t);
	return rc;
}

void vhd_writer_filled(struct vhd_writer *w, struct vhd_ticket *t)
{
	if (!t->filling)
		return;
	pthread_mutex_lock(&w->lock);
	filling_over_locked(w, t);
	pthread_mutex_unlock(&w->lock);
}

/* Without a parent: the block becomes its place, as a whole. */
static int map_zero(struct vhd_writer *w, struct vhd_busy *b,
		    struct vhd_error *err)
{
	int rc = w->ops->map(w->eng, b->blk, b->place.at, err);

	if (rc)
		return rc;
	if (b->place.kind != VHD_SPACE_FRESH)
		w->barrier = true;
	b->has_place = false;
	return 0;
}

/* Over a parent or in a partial block: what was written is marked. */
static int mark(struct vhd_writer *w, const struct vhd_ticket *t,
		const struct vhd_blk *now, struct vhd_error *err)
{
	struct vhd_busy *b = t->busy;
	uint64_t at = now->kind == VHD_BLK_SOME ? now->at : b->place.at;
	int rc;

	/* Bits become durable after what they stand for (VHDX-WR-15, VHD-W-5). */
	w->barrier = true;
	if (t->whole)
		rc = w->ops->map(w->eng, b->blk, at, err);
	else
		rc = w->ops->mark(w->eng, b->blk, now, at, t->from_sec,
				  t->to_sec, err);
	if (!rc && now->kind == VHD_BLK_BELOW)
		b->has_place = false;
	return rc;
}

static int publish_locked(struct vhd_writer *w, struct vhd_ticket *t,
			  struct vhd_error *err)
{
	struct vhd_busy *b = t->busy;
	struct vhd_blk now;
	int rc;

	rc = vhd_writer_poisoned_locked(w, err);
	if (!rc)
		rc = w->ops->look(w->eng, b->blk, &now, err);
	if (rc || now.kind == VHD_BLK_FULL)
		return rc;
	rc = now.kind == VHD_BLK_ZERO ? map_zero(w, b, err)
				      : mark(w, t, &now, err);
	vhd_writer_waiting_locked(w);
	return rc;
}

int vhd_writer_end(struct vhd_writer *w, struct vhd_ticket *t, bool ok,
		   struct vhd_error *err)
{
	int rc = 0;

	if (!t->busy)
		return 0;
	pthread_mutex_lock(&w->lock);
	if (ok)
		rc = publish_locked(w, t, err);
	filling_over_locked(w, t);
	unlink_ticket(t);
	/* Somebody may want the rest of a sector. */
	pthread_cond_broadcast(&w->over);
	busy_put(w, t->busy);
	pthread_mutex_unlock(&w->lock);
	t->busy = NULL;
	if (rc || !ok)
		return rc;
	/* What this leads to is the next caller's to hear about. */
	vhd_writer_overdue(w, NULL);
	return 0;
}

static int unmap_locked(struct vhd_writer *w, uint64_t blk,
			enum vhd_unmap how, bool *done_out,
			struct vhd_error *err)
{
	struct vhd_blk now;
	int rc = vhd_writer_poisoned_locked(w, err);

	if (rc || vhd_busy_find(w, blk))
		return rc;
	rc = w->ops->look(w->eng, blk, &now, err);
	if (rc)
		return rc;
	if (now.kind == (how == VHD_UNMAP_BELOW ? VHD_BLK_BELOW
						: VHD_BLK_ZERO)) {
		*done_out = true;
		return 0;
	}
	rc = w->ops->unmap(w->eng, blk, &now, how, done_out, err);
	if (!rc && *done_out)
		vhd_writer_waiting_locked(w);
	return rc;
}

int vhd_writer_unmap(struct vhd_writer *w, uint64_t blk, enum vhd_unmap how,
		     bool *done_out, struct vhd_error *err)
{
	int rc;

	*done_out = false;
	if (!w->ops->unmap)
		return 0;
	rc = vhd_writer_make_room(w, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&w->lock);
	rc = unmap_locked(w, blk, how, done_out, err);
	pthread_mutex_unlock(&w->lock);
	if (!rc && *done_out)
		vhd_writer_overdue(w, NULL);
	return rc;
}
