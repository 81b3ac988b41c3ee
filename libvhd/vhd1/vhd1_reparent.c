/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another parent for a differencing disk (VHD-D-12).
 *
 * What is said of a parent fills both sectors of the dynamic header, which
 * cannot change in one step (VHD-W-12), and names of the parent elsewhere
 * (VHD-W-11).  A footer can: so the header moves out and back.
 *
 *	1. room is found, or made with a footer further out, durably
 *	   (vhd1_reparent_room.c)
 *	2. in the room: the names, and a header that leads to them; durable
 *	3. the footers are turned to that header; durable
 *	4. nobody looks at the old header and names: they are overwritten; durable
 *	5. the footers are turned back; durable, and the file gets its old length
 *
 * At any moment each footer leads to a whole header, and the two headers differ
 * in what they say of the parent only.  So both footers change between the same
 * two flushes, whatever VHD-W-10 asks of a change that would be seen half done.
 * A cut after 3 leaves the header in the room, which is sound and looks odd; the
 * next call moves it back.
 *
 * Names go where the old ones were if they fit there and nothing else claims the
 * bytes, or to what is free in front of the blocks; else they stay in the room.
 *
 * A device may be full to the last sector, with blocks that are packed.  There is
 * no way then that a cut could not leave half of, and nothing is touched.
 */
#include "vhd1/vhd1_reparent.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_write.h"

static int relate(struct vhd1_turn *t, const struct vhd_engine_parent *p,
		  struct vhd_error *err)
{
	const struct vhd_build what = {
		.type = VHD_TYPE_DIFF,
		.xen = p->xen || vhd1_footer_is_tap(&t->v->footer),
		.parent_raw = p->raw,
		.parent_id = p->id,
		.parent_timestamp = p->timestamp,
		.parent_relative = p->relative,
		.parent_windows = p->windows,
	};
	struct vhd1_builder *b = t->b;

	b->io = t->v->io;
	b->xen = what.xen;
	b->tight = what.xen;
	b->hdr = t->v->hdr;
	memset(b->hdr.parent_id, 0, sizeof(b->hdr.parent_id));
	memset(b->hdr.parent_name, 0, sizeof(b->hdr.parent_name));
	memset(b->hdr.locator, 0, sizeof(b->hdr.locator));
	return vhd1_relate(b, &what, err);
}

static int header_put(struct vhd1_turn *t, uint64_t off,
		      struct vhd_error *err)
{
	uint8_t raw[VHD1_HEADER_LEN];

	vhd1_header_encode(&t->b->hdr, raw);
	return vhd_io_write(t->v->io, raw, sizeof(raw), off, err);
}

static int name_put(struct vhd1_turn *t, size_t i, uint64_t off,
		    struct vhd_error *err)
{
	const struct vhd1_piece *p = &t->b->locator[i];

	t->b->hdr.locator[i].off = off;
	return vhd_io_write(t->v->io, p->bytes, p->len, off, err);
}

/* Step 2: what stays in the room comes first, so that the rest can be cut. */
static int move_out(struct vhd1_turn *t, struct vhd_error *err)
{
	const struct vhd1_builder *b = t->b;
	uint64_t at = t->room;
	int rc = 0;

	for (size_t i = 0; !rc && i < b->locator_count; i++) {
		if (t->place[i])
			continue;
		rc = name_put(t, i, at, err);
		at += b->locator[i].len;
		t->tail = max_u64(t->tail, at);
	}
	t->away = at;
	at += VHD1_HEADER_LEN;
	for (size_t i = 0; !rc && i < b->locator_count; i++) {
		if (!t->place[i])
			continue;
		rc = name_put(t, i, at, err);
		at += b->locator[i].len;
	}
	if (!rc)
		rc = header_put(t, t->away, err);
	return rc ? rc : vhd1_flush(t->v, err);
}

/* Step 4 */
static int move_back(struct vhd1_turn *t, struct vhd_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < t->b->locator_count; i++) {
		if (t->place[i])
			rc = name_put(t, i, t->place[i], err);
	}
	if (!rc)
		rc = header_put(t, t->home, err);
	return rc ? rc : vhd1_flush(t->v, err);
}

/* Both footers, and where the file will end a third one, if there is none. */
static int turn_to(struct vhd1_turn *t, uint64_t header_off, bool end,
		   struct vhd_error *err)
{
	struct vhd1 *v = t->v;
	int rc;

	v->footer.data_off = header_off;
	rc = vhd1_footer_put(v, v->tail_off, err);
	if (!rc)
		rc = vhd1_footer_put(v, 0, err);
	if (!rc && end && t->tail < v->tail_off)
		rc = vhd1_footer_put(v, t->tail, err);
	return rc ? rc : vhd1_flush(v, err);
}

/* What is free is zeros in files of Xen, but nobody counts on it. */
static void wipe(const struct vhd1_turn *t)
{
	/* Names may stay there. */
	for (size_t i = 0; i < t->b->locator_count; i++) {
		if (!t->place[i])
			return;
	}
	if (!t->grown)
		vhd_io_zero(t->v->io, t->room_len, t->room, NULL);
}

/* A longer file than need be is in order as well. */
static void cut(struct vhd1_turn *t)
{
	struct vhd1 *v = t->v;

	if (t->tail >= v->tail_off ||
	    vhd_io_set_size(v->io, t->tail + VHD1_FOOTER_LEN, NULL))
		return;
	v->tail_off = t->tail;
	v->file_size = t->tail + VHD1_FOOTER_LEN;
}

static int stage(const struct vhd1_turn *t, const char *name,
		 struct vhd_error *err)
{
	const struct vhd_engine_parent *p = t->parent;

	if (!p->step || p->step(p->step_arg, name))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "stopped at %s", name);
}

/* By way of the room. */
static int move_all(struct vhd1_turn *t, struct vhd_error *err)
{
	int rc = move_out(t, err);

	if (!rc)
		rc = turn_to(t, t->away, false, err);
	if (!rc)
		rc = stage(t, "REPARENT_LOCATOR", err);
	if (!rc)
		rc = move_back(t, err);
	if (!rc)
		rc = stage(t, "REPARENT_END", err);
	if (!rc)
		rc = turn_to(t, t->home, true, err);
	if (rc)
		return rc;
	wipe(t);
	cut(t);
	return 0;
}

static int turn(struct vhd1_turn *t, struct vhd_error *err)
{
	struct vhd1 *v = t->v;
	int rc;

	if (!v->write || vhd_writer_touched(v->write->w))
		return vhd_fail(err, VHD_E_INVAL,
				"the image is not open for a new parent");
	/* Both footers are there, and no block is in doubt. */
	v->write->crumbs = true;
	rc = vhd1_write_touch(v, err);
	if (!rc)
		rc = vhd1_scan(v, err);
	if (!rc)
		rc = vhd1_turn_places(t, err);
	if (!rc)
		rc = stage(t, "REPARENT_BEGIN", err);
	if (!rc)
		rc = vhd1_turn_room(t, err);
	if (rc)
		return rc;
	return move_all(t, err);
}

int vhd1_reparent(void *eng, const struct vhd_engine_parent *parent, bool dry,
		  bool *changed_out, struct vhd_error *err)
{
	struct vhd1_turn t = {
		.v = eng, .parent = parent, .xen = parent->xen
	};
	bool changed = false;
	int rc;

	if (t.v->footer.type != VHD1_TYPE_DIFF)
		return vhd_fail(err, VHD_E_INVAL, "the image has no parent "
				"that could be another one");
	t.b = vhd_alloc(sizeof(*t.b));
	if (!t.b)
		return vhd_fail_nomem(err);
	rc = relate(&t, parent, err);
	if (!rc) {
		vhd1_turn_home(&t);
		/* The rest of a change that was cut off is one as well. */
		changed = !vhd1_is_related(t.v, t.b) ||
			  t.home != t.v->footer.data_off || t.v->footers_step;
	}
	if (!rc && changed && !dry)
		rc = turn(&t, err);
	if (!rc)
		*changed_out = changed;
	vhd1_discard(t.b);
	return rc;
}
