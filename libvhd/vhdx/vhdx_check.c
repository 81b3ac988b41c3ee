/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything about the table that opening does not look at (VHDX-CHK-50 to 74).
 *
 * The table is walked from front to back, holes passed over, and each entry is
 * held against the rules about single entries; runs of sound blocks, which is
 * most of any table, are passed in one go.  A map of one bit for each MiB
 * of the file tells when space is claimed twice: eight megabytes for the
 * largest disk, instead of a sorted list that grows with it.  The map does not
 * tell who came first, so a second walk, made only when it is needed, looks
 * that up and holds the space of unmapped blocks against everybody else's: it
 * is the weaker claim (VHDX-TRIM-10), whatever the order of the table.
 *
 * A broken image can break one rule a million times: after some findings the
 * rest is a number.
 */
#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_check_priv.h"

/* One walk over the table. */
struct walk {
	void (*entry)(struct vhdx_check *c, uint64_t idx, uint64_t raw);
	bool runs;			/* sound runs are done in one go */
	bool (*over)(const struct vhdx_check *c);	/* or NULL */
};

bool vhdx_check_go_on(struct vhdx_check *c, uint64_t done)
{
	const struct vhd_engine_check *req = c->req;

	if (c->rc)
		return false;
	/* Within a span content is ahead of the walk. */
	c->done = max_u64(c->done, done);
	if (!req->progress || req->progress(req->progress_arg, c->done,
					    c->walks * c->x->bat_room))
		return true;
	c->rc = vhd_fail(c->err, VHD_E_CANCELLED, "check was cancelled");
	return false;
}

/* Which chunk's part of the table it is; divides once a chunk. */
static void enter(struct vhdx_check *c, uint64_t idx)
{
	const struct vhdx_geom *g = &c->x->geom;

	if (idx <= c->slot_idx && idx >= c->chunk + (c->chunk << g->ratio_shift))
		return;
	c->chunk = vhdx_chunk_of_bat_idx(g, idx);
	c->slot_idx = vhdx_bat_idx_of_chunk(g, c->chunk);
}

static void walk_span(struct vhdx_check *c, const struct walk *how,
		      uint64_t idx, const le64 *ents, size_t count)
{
	for (size_t i = 0; i < count && !c->rc;) {
		uint64_t raw = le64_get(ents[i]);
		size_t n = 1;

		if (raw)
			enter(c, idx + i);
		if (raw && how->runs)
			n = vhdx_check_run(c, idx + i, ents + i, count - i);
		if (raw && (!how->runs || !n))
			how->entry(c, idx + i, raw);
		i += n ? n : 1;
	}
}

static void walk(struct vhdx_check *c, const struct walk *how, uint64_t done)
{
	struct vhdx_bat_iter it;
	const le64 *ents = NULL;
	uint64_t idx = 0;
	size_t count = 0;

	c->rc = vhdx_bat_iter_begin(&it, c->x, c->x->bat_room, UINT64_MAX,
				    c->err);
	if (c->rc)
		return;
	while (vhdx_check_go_on(c, done + idx) &&
	       !(how->over && how->over(c))) {
		c->rc = vhdx_bat_iter_span(&it, &idx, &ents, &count, c->err);
		if (c->rc || !count)
			break;
		walk_span(c, how, idx, ents, count);
	}
	vhdx_bat_iter_end(&it);
}

static void run(struct vhdx_check *c)
{
	static const struct walk first = { vhdx_check_entry, true, NULL };
	static const struct walk again = { vhdx_check_again, false,
					   vhdx_check_named };
	static const struct walk deep = { vhdx_check_content, false, NULL };
	uint64_t room = c->x->bat_room;

	/* Two walks, even if the second turns out not to be needed. */
	c->walks = c->req->deep ? 3 : 2;
	walk(c, &first, 0);
	if (vhdx_check_go_on(c, room) && !vhdx_check_named(c))
		walk(c, &again, room);
	if (c->req->deep && vhdx_check_go_on(c, 2 * room))
		c->rc = vhdx_check_deep_begin(c);
	if (c->req->deep && !c->rc)
		walk(c, &deep, 2 * room);
	if (c->req->deep && !c->rc)
		vhdx_check_content_end(c);
	if (!c->rc)
		vhdx_check_sums(c);
	if (c->rc)
		return;
	vhdx_tally_end(&c->tally);
	c->req->blocks = c->x->bat_used;
	vhdx_check_go_on(c, c->walks * room);
}

int vhdx_check(void *eng, struct vhd_engine_check *req, struct vhd_error *err)
{
	struct vhdx_check *c = vhd_alloc(sizeof(*c));
	int rc;

	if (!c)
		return vhd_fail_nomem(err);
	c->x = eng;
	c->req = req;
	c->tally.sink = &req->sink;
	c->cur.x = eng;
	c->slot_idx = vhdx_bat_idx_of_chunk(&c->x->geom, 0);
	c->err = err;
	rc = vhdx_expose(c->x, err);
	if (!rc)
		rc = vhdx_check_ident(c, err);
	if (!rc)
		rc = vhdx_space_init(&c->space, c->x->file_size, err);
	if (!rc) {
		run(c);
		rc = c->rc;
	}
	vhdx_check_deep_end(c);
	vhdx_bat_put(&c->cur);
	vhdx_space_free(&c->space);
	vhd_free(c);
	return rc;
}
