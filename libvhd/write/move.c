/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks that change their place in the file: the copy becomes durable before
 * anything leads to it, and the old place is nobody's only after that
 * (VHD-W-8, VHDX-CMP-01).
 *
 * Only what the file stores is copied.  A block with holes in it gets a place
 * that reads as zeros first, so that they stay holes.
 */
#include "write/writer_priv.h"

static int copy_block(struct vhd_writer *w, uint64_t nr, uint64_t from,
		      const struct vhd_place *to, struct vhd_error *err)
{
	uint64_t len = w->geom.block_size, end = from + len, start, stop;
	int rc = vhd_io_next_data(w->io, from, end, &start, &stop, err);

	if (!rc)
		rc = w->ops->prepare(w->eng, nr, to,
				     start == from && stop == end, err);
	if (rc || start == end)
		return rc;
	w->mover.src = w->mover.dst = w->io;
	return vhd_copier_run_stored(&w->mover, from, to->at, len, err);
}

/* What is to be moved, and where to. */
static int find(struct vhd_writer *w, uint64_t nr, uint64_t limit,
		struct vhd_blk *b, struct vhd_place *to, bool *found_out,
		struct vhd_error *err)
{
	int rc = vhd_writer_poisoned_locked(w, err);

	*found_out = false;
	if (!rc)
		rc = w->ops->look(w->eng, nr, b, err);
	if (rc || b->kind == VHD_BLK_ZERO || b->kind == VHD_BLK_BELOW ||
	    b->at + w->geom.block_size <= limit)
		return rc;
	return w->ops->place_below(w->eng, nr, limit, to, found_out, err);
}

static int settle(struct vhd_writer *w, uint64_t nr, const struct vhd_blk *b,
		  const struct vhd_place *to, struct vhd_error *err)
{
	int rc;

	w->barrier = true;
	rc = w->ops->move(w->eng, nr, b, to, err);
	if (!rc)
		vhd_writer_waiting_locked(w);
	return rc;
}

int vhd_writer_look(struct vhd_writer *w, uint64_t blk, struct vhd_blk *out,
		    struct vhd_error *err)
{
	int rc;

	pthread_mutex_lock(&w->lock);
	rc = w->ops->look(w->eng, blk, out, err);
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int vhd_writer_move(struct vhd_writer *w, uint64_t blk, uint64_t limit,
		    bool *moved_out, struct vhd_error *err)
{
	struct vhd_place to;
	struct vhd_blk b;
	bool found;
	int rc;

	*moved_out = false;
	if (!w->ops->move || !w->ops->place_below)
		return 0;
	rc = vhd_writer_make_room(w, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&w->lock);
	rc = find(w, blk, limit, &b, &to, &found, err);
	pthread_mutex_unlock(&w->lock);
	if (rc || !found)
		return rc;
	/* Nothing in the file has changed up to here. */
	rc = vhd_writer_ready(w, err);
	if (!rc)
		rc = copy_block(w, blk, b.at, &to, err);
	pthread_mutex_lock(&w->lock);
	if (!rc)
		rc = settle(w, blk, &b, &to, err);
	if (rc)
		w->ops->unplace(w->eng, to.off, to.len, VHD_SPACE_DIRTY);
	pthread_mutex_unlock(&w->lock);
	*moved_out = !rc;
	return rc;
}
