/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Space between two lives (VHDX-SPC-05, VHDX-SPC-06, VHD-W-7).
 *
 * What a block lost may be given to another when two things hold.  The loss is
 * durable: or a power cut would bring the old mapping back over the new owner's
 * bytes.  And nobody is left who looked the block up before: or a late write of
 * his would land in the new owner, a late read would see it.  Then the range is
 * punched out of the file, if the file can have holes, and is free.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/barrier.h"
#include "base/ckd.h"
#include "write/writer_priv.h"

/* Ranges that are given back in one go, so that the lock is not held long. */
enum { RECLAIM_MAX = 64 };

static bool list_grow(struct vhd_freed_list *l)
{
	size_t room = l->room ? l->room * 2 : 64;
	struct vhd_freed *more = vhd_alloc_array(room, sizeof(*more));

	if (!more)
		return false;
	if (l->count)
		memcpy(more, l->at, l->count * sizeof(*more));
	vhd_free(l->at);
	l->at = more;
	l->room = room;
	return true;
}

/*
 * Joined with the last one where they touch.  Without memory, or when somebody
 * has been looking for so long that too many have gathered, the range is lost
 * until the next open, which is no harm.
 */
static void list_add(struct vhd_freed_list *l, uint64_t off, uint64_t len,
		     uint64_t stamp)
{
	struct vhd_freed *last = l->count ? &l->at[l->count - 1] : NULL;

	if (last && last->stamp == stamp && last->off + last->len == off) {
		last->len += len;
		return;
	}
	if (l->count >= WRITER_RANGES_MAX ||
	    (l->count == l->room && !list_grow(l)))
		return;
	l->at[l->count++] = (struct vhd_freed){ off, len, stamp };
}

static void list_drop_first(struct vhd_freed_list *l, size_t n)
{
	if (n)
		memmove(l->at, l->at + n, (l->count - n) * sizeof(*l->at));
	l->count -= n;
}

void vhd_writer_release(struct vhd_writer *w, uint64_t off, uint64_t len)
{
	if (!vhd_barrier(VHD_BARRIER_RELEASE_BEFORE_REUSE)) {
		w->ops->unplace(w->eng, off, len, VHD_SPACE_DIRTY);
		return;
	}
	list_add(&w->freed, off, len, 0);
}

/* All of @from, with @stamp, behind what @to has; @from is empty then. */
static void list_move(struct vhd_freed_list *to, struct vhd_freed_list *from,
		      uint64_t stamp)
{
	for (size_t i = 0; i < from->count; i++)
		list_add(to, from->at[i].off, from->at[i].len, stamp);
	from->count = 0;
}

void vhd_freed_cover_locked(struct vhd_writer *w)
{
	list_move(&w->freeing, &w->freed, 0);
}

void vhd_freed_promote_locked(struct vhd_writer *w)
{
	if (w->freeing.count)
		list_move(&w->durable, &w->freeing,
			  vhd_grace_stamp(&w->grace));
}

/* Some ranges that are nobody's any more; they leave the list. */
static size_t take_passed_locked(struct vhd_writer *w,
				 struct vhd_freed out[RECLAIM_MAX])
{
	size_t n = 0;

	while (n < RECLAIM_MAX && n < w->durable.count &&
	       vhd_grace_passed(&w->grace, w->durable.at[n].stamp)) {
		out[n] = w->durable.at[n];
		n++;
	}
	list_drop_first(&w->durable, n);
	return n;
}

/* A file that cannot have holes keeps the old bytes there. */
static enum vhd_space_kind punch(struct vhd_writer *w,
				 const struct vhd_freed *f)
{
	bool done = false;
	int rc = vhd_io_try_punch(w->io, f->len, f->off, &done, NULL);

	return !rc && done ? VHD_SPACE_ZEROED : VHD_SPACE_DIRTY;
}

void vhd_freed_reclaim(struct vhd_writer *w)
{
	struct vhd_freed some[RECLAIM_MAX];
	size_t n;

	do {
		pthread_mutex_lock(&w->lock);
		n = take_passed_locked(w, some);
		pthread_mutex_unlock(&w->lock);
		for (size_t i = 0; i < n; i++) {
			enum vhd_space_kind kind = punch(w, &some[i]);

			pthread_mutex_lock(&w->lock);
			w->ops->unplace(w->eng, some[i].off, some[i].len,
					kind);
			pthread_mutex_unlock(&w->lock);
		}
	} while (n == RECLAIM_MAX);
}
