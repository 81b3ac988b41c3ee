/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "torture/model.h"

void model_move(struct model *m, struct model_range r)
{
	struct model_move *v = m->move;
	struct vhd_extent now, ext;
	struct vhd_error err;
	size_t n;
	int rc;

	while (v < m->move + MODEL_MOVES && v->bytes)
		v++;
	if (v == m->move + MODEL_MOVES || model_busy(m, r))
		return;
	torture_ok(vhd_resolve(m->img, model_guest(m, r.at), r.len, &now, 1, &n,
			       &err), "resolving", &err);
	rc = vhd_write_begin(m->img, model_guest(m, r.at), r.len, &ext, &v->move,
			     &err);
	if (model_refused(m, r, rc))
		return;
	torture_ok(rc, "beginning a move", &err);
	if (ext.off != model_guest(m, r.at) || !ext.len || ext.len > r.len ||
	    !model_is_stored(&ext))
		torture_fail("a move gets a strange extent");
	r.len = ext.len;
	v->r = r;
	model_say(m, "move", r);
	v->crossed = false;
	v->bytes = model_fresh_bytes(m, r.len);
	torture_file_write(m->file, v->bytes, (size_t)r.len, ext.file_off);
	if (!model_is_stored(&now))
		model_see(m, (struct model_range){ r.at, min_u64(r.len, now.len) },
		    "before a move has ended");
}

/* Is another move under way in its block? */
static bool shared(const struct model *m, const struct model_move *v)
{
	uint64_t from = align_down(v->r.at, m->shape.block);
	uint64_t to = align_up(v->r.at + v->r.len, m->shape.block);

	for (size_t i = 0; i < MODEL_MOVES; i++) {
		const struct model_move *o = &m->move[i];

		if (o != v && o->move &&
		    ranges_overlap(o->r.at, o->r.len, from, to - from))
			return true;
	}
	return false;
}

/* What is stored after moves that failed is old, or new; the rest is old. */
static void failed_extent(struct model *m, struct model_range r,
			  const struct vhd_extent *e)
{
	for (size_t i = 0; model_is_stored(e) && i < MODEL_MOVES; i++) {
		const struct model_move *v = &m->move[i];

		if (v->bytes && !v->move && r.at >= v->r.at &&
		    r.at + r.len <= v->r.at + v->r.len)
			model_settle(m, r, v->bytes + (r.at - v->r.at));
	}
}

static void settle_failed(struct model *m)
{
	for (size_t i = 0; i < MODEL_MOVES; i++) {
		struct model_move *v = &m->move[i];

		if (!v->bytes || v->move || shared(m, v))
			continue;
		model_each_extent(m, v->r, failed_extent);
		free(v->bytes);
		v->bytes = NULL;
		model_see(m, v->r, "after a move that failed");
	}
}

void model_move_end(struct model *m, unsigned which)
{
	struct model_move *v = &m->move[which];
	bool ok = model_below(m, 5) != 0;
	struct vhd_error err;

	if (!v->move)
		return;
	model_say(m, ok ? "end of move" : "failure of move", v->r);
	torture_ok(vhd_write_end(m->img, &v->move, ok, &err),
		   "ending a move", &err);
	NEED(!v->move);
	if (ok && v->crossed) {
		model_settle(m, v->r, v->bytes);
	} else if (ok) {
		memcpy(m->bytes + v->r.at, v->bytes, (size_t)v->r.len);
		model_see(m, v->r, "after a move");
	}
	if (ok) {
		free(v->bytes);
		v->bytes = NULL;
	}
	settle_failed(m);
}

static void see_held(struct model *m, const struct vhd_extent *e,
		     const uint8_t *was)
{
	uint8_t *buf;

	if (!model_is_stored(e))
		return;
	buf = torture_alloc(e->len);
	torture_file_read(m->file, buf, (size_t)e->len, e->file_off);
	if (torture_differ(buf, was, e->len) < e->len)
		torture_fail("bytes at 0x%" PRIx64 " changed while they were "
			     "held", e->file_off);
	free(buf);
}

void model_hold(struct model *m)
{
	struct model_range r = model_blocks(m), block;
	struct vhd_move *move = NULL;
	struct vhd_extent ext;
	struct vhd_error err;
	uint8_t *was;
	size_t n;

	/* Where a discard changes bytes in place there is nothing to see. */
	if (model_busy(m, r) || torture_is_fixed(&m->shape) || m->shape.xen ||
	    (torture_is_child(&m->shape) &&
	     m->shape.type->format == VHD_FORMAT_VHD))
		return;
	model_say(m, "hold", r);
	block = r;
	r.at += model_below(m, r.len);
	r.len = min_u64(block.at + block.len - r.at, 64 * KiB);
	torture_ok(vhd_read_begin(m->img, model_guest(m, r.at), r.len, &ext, 1, &n,
				  &move, &err), "holding", &err);
	was = torture_alloc(r.len);
	memcpy(was, m->bytes + r.at, (size_t)r.len);
	model_discard(m, block);
	model_flush(m);
	for (int i = 0; i < 6; i++)
		model_write(m, model_range(m, 16 * KiB));
	model_flush(m);
	see_held(m, &ext, was);
	vhd_read_end(m->img, &move);
	NEED(!move);
	free(was);
}


/* What the moves in @r have done there is theirs to know. */
static void take_crossed(struct model *m, struct model_range r, uint8_t *fresh)
{
	uint8_t *is = torture_alloc(r.len);
	struct vhd_error err;

	torture_ok(vhd_pread(m->img, is, (size_t)r.len, model_guest(m, r.at),
			     &err), "reading", &err);
	for (size_t i = 0; i < MODEL_MOVES; i++) {
		struct model_move *v = &m->move[i];
		uint64_t from = max_u64(v->r.at, r.at);
		uint64_t to = min_u64(v->r.at + v->r.len, r.at + r.len);

		if (!v->bytes || from >= to)
			continue;
		v->crossed = true;
		memcpy(fresh + (from - r.at), is + (from - r.at),
		       (size_t)(to - from));
	}
	free(is);
}

static int cross(struct model *m, struct model_range r, bool zero,
		 struct vhd_error *err)
{
	uint64_t off = model_guest(m, r.at);

	model_say(m, zero ? "zero across" : "discard across", r);
	if (zero || !(torture_is_child(&m->shape) ||
		      torture_is_fixed(&m->shape)))
		memset(m->bytes + r.at, 0, (size_t)r.len);
	else if (torture_is_child(&m->shape))
		model_each_extent(m, r, model_discard_extent);
	return zero ? vhd_write_zeroes(m->img, off, r.len, 0, err)
		    : vhd_discard(m->img, off, r.len, err);
}

void model_cross(struct model *m)
{
	const struct model_move *v = &m->move[model_below(m, MODEL_MOVES)];
	uint64_t block = m->shape.block;
	struct model_range r = { align_down(v->r.at, block), block };
	bool zero = model_below(m, 2);
	struct vhd_error err;
	uint8_t *fresh;

	if (!v->move)
		return;
	r.len = min_u64(r.len, m->used - r.at);
	torture_ok(cross(m, r, zero, &err), "going across a move", &err);
	/* Of a VHDX's block what the parent shows may go or stay. */
	fresh = torture_alloc(r.len);
	if (torture_is_fixed(&m->shape) ||
	    m->shape.type->format == VHD_FORMAT_VHD)
		memcpy(fresh, m->bytes + r.at, (size_t)r.len);
	take_crossed(m, r, fresh);
	model_settle(m, r, fresh);
	free(fresh);
}
