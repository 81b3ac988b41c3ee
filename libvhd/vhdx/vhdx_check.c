/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything about the table that opening does not look at (VHDX-CHK-50 to 74).
 *
 * The table is walked from front to back, holes passed over, and each entry is
 * held against the rules about single entries.  A map of one bit for each MiB
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
#include "base/fail.h"
#include "vhdx/vhdx_check_priv.h"

typedef void (*entry_fn)(struct vhdx_check *c, uint64_t idx, uint64_t raw);

/* Every so many entries that are not zero, besides each jump over zeros. */
enum { PROGRESS_STEP = 65536 };

static int tell_progress(const struct vhdx_check *c, uint64_t done,
			 struct vhd_error *err)
{
	/* Two walks, even if the second turns out not to be needed. */
	if (!c->req->progress ||
	    c->req->progress(c->req->progress_arg, done, 2 * c->x->bat_room))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "check was cancelled");
}

static int walk(struct vhdx_check *c, entry_fn fn, uint64_t done,
		struct vhd_error *err)
{
	struct vhdx_bat_iter it;
	uint64_t idx, raw, told = 0;
	bool found;
	int rc;

	rc = vhdx_bat_iter_begin(&it, c->x, c->x->bat_room, UINT64_MAX, err);
	if (rc)
		return rc;
	while (!(rc = vhdx_bat_iter_next(&it, &found, &idx, &raw, err)) &&
	       found) {
		fn(c, idx, raw);
		rc = c->rc;
		if (rc)
			break;
		if (idx - told < PROGRESS_STEP)
			continue;
		told = idx;
		rc = tell_progress(c, done + idx, err);
		if (rc)
			break;
	}
	vhdx_bat_iter_end(&it);
	return rc;
}

static int run(struct vhdx_check *c, struct vhd_error *err)
{
	int rc;

	rc = tell_progress(c, 0, err);
	if (!rc)
		rc = walk(c, vhdx_check_entry, 0, err);
	if (!rc)
		rc = tell_progress(c, c->x->bat_room, err);
	if (!rc && (c->clash_count || c->anchors))
		rc = walk(c, vhdx_check_again, c->x->bat_room, err);
	if (rc)
		return rc;
	vhdx_check_sums(c);
	if (c->rc)
		return c->rc;
	vhdx_tally_end(&c->tally);
	c->req->blocks = c->x->bat_used;
	return tell_progress(c, 2 * c->x->bat_room, err);
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
	c->err = err;
	rc = vhdx_expose(c->x, err);
	if (!rc)
		rc = vhdx_space_init(&c->space, c->x->file_size, err);
	if (!rc)
		rc = run(c, err);
	vhdx_bat_put(&c->cur);
	vhdx_space_free(&c->space);
	vhd_free(c);
	return rc;
}
