/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks that lie where a structure is to be, moved elsewhere one at a time
 * (VHD-W-8): bitmap and data to the new place, flush, entry, flush.
 */
#include "vhd1/vhd1_reshape.h"

#include "base/ckd.h"
#include "base/fail.h"
#include "io/copy_range.h"

struct vacating {
	struct vhd1 *v;
	uint64_t from, to;
	const struct vhd_engine_resize *req;
	uint64_t count, done;
	struct vhd_copier copier;
};

static bool is_in(const struct vacating *g, uint32_t entry)
{
	return ranges_overlap(vhd1_entry_off(entry), vhd1_stride(g->v), g->from,
			      g->to - g->from);
}

static int count(void *arg, uint64_t blk, uint32_t entry,
		 struct vhd_error *err)
{
	struct vacating *g = arg;

	(void)blk;
	(void)err;
	g->count += is_in(g, entry);
	return 0;
}

/* What of the old place is not the structure's is free. */
static void leave(struct vacating *g, uint64_t at)
{
	uint64_t end = at + vhd1_stride(g->v);
	struct vhd_space *space = &g->v->write->space;

	if (at < g->from)
		vhd_space_add(space, at, g->from - at, VHD_SPACE_DIRTY);
	if (end > g->to)
		vhd_space_add(space, g->to, end - g->to, VHD_SPACE_DIRTY);
}

static int move(struct vacating *g, uint64_t blk, uint32_t entry,
		struct vhd_error *err)
{
	struct vhd1 *v = g->v;
	uint64_t at = vhd1_entry_off(entry);
	struct vhd_place to;
	int rc = vhd1_place_new(v, blk, &to, err);

	if (!rc)
		rc = vhd_copier_run(&g->copier, at, to.off, vhd1_stride(v),
				    err);
	if (!rc)
		rc = vhd1_flush(v, err);
	if (!rc)
		rc = vhd1_entry_store(v, blk,
				      (uint32_t)(to.off / VHD1_SECTOR), err);
	if (!rc)
		rc = vhd1_flush(v, err);
	if (!rc)
		leave(g, at);
	return rc;
}

static int step(void *arg, uint64_t blk, uint32_t entry,
		struct vhd_error *err)
{
	struct vacating *g = arg;
	int rc;

	if (!is_in(g, entry))
		return 0;
	if (g->req->progress &&
	    !g->req->progress(g->req->progress_arg, g->done++, g->count))
		return vhd_fail(err, VHD_E_CANCELLED, "resizing was cancelled");
	rc = move(g, blk, entry, err);
	return rc;
}

int vhd1_vacate(struct vhd1 *v, uint64_t from, uint64_t to,
		const struct vhd_engine_resize *req, struct vhd_error *err)
{
	struct vacating g = {
		.v = v, .from = from, .to = to, .req = req,
		.copier = { .src = v->io, .dst = v->io },
	};
	const struct vhd1_walk counting = { .fn = count, .arg = &g };
	const struct vhd1_walk moving = { .fn = step, .arg = &g };
	int rc = vhd1_table_walk(v, &counting, err);

	/* The range may reach over the end of a short file. */
	if (!rc)
		rc = vhd1_reach(v, to, err);
	vhd_space_remove(&v->write->space, from, to - from);
	if (rc || !g.count)
		return rc;
	rc = vhd1_table_walk(v, &moving, err);
	vhd_copier_free(&g.copier);
	return rc;
}

struct searching {
	uint64_t off;
	bool found;
};

static int compare(void *arg, uint64_t blk, uint32_t entry,
		   struct vhd_error *err)
{
	struct searching *s = arg;

	(void)blk;
	(void)err;
	s->found = vhd1_entry_off(entry) < s->off;
	return s->found;
}

int vhd1_block_before(struct vhd1 *v, uint64_t off, bool *yes_out,
		      struct vhd_error *err)
{
	struct searching s = { .off = off };
	const struct vhd1_walk walk = { .fn = compare, .arg = &s };
	int rc = vhd1_table_walk(v, &walk, err);

	*yes_out = s.found;
	return rc;
}
