/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "torture/model.h"

enum { EXTENTS = 64, UNIT = 4096 };

static uint64_t below(struct model *m, uint64_t limit)
{
	return base_rand_below(&m->rng, limit);
}

static uint64_t guest(const struct model *m, uint64_t at)
{
	return torture_guest(&m->shape, at);
}

static void say(const struct model *m, const char *what, struct model_range r)
{
	if (m->verbose)
		printf("%" PRIu64 ": %s 0x%" PRIx64 " + 0x%" PRIx64 " (0x%"
		       PRIx64 " of the windows)\n", m->step, what,
		       guest(m, r.at), r.len, r.at);
}

/* A few bytes beside a move: in its sector, or in its unit. */
static struct model_range near(struct model *m, const struct model_move *v)
{
	uint64_t len = 1 + below(m, 700), at = v->r.at + v->r.len;

	if (below(m, 2))
		at = v->r.at - min_u64(v->r.at, len);
	at += below(m, 2) ? 0 : below(m, 1500);
	at = min_u64(at, m->used - 1);
	return (struct model_range){
		at, min_u64(len, torture_in_window(&m->shape, at))
	};
}

struct model_range model_range(struct model *m, uint64_t most)
{
	const struct model_move *v = &m->move[below(m, MODEL_MOVES)];
	static const uint64_t aligns[] = { 1, 1, 512, 512, 4096, 4096 };
	uint64_t align = aligns[below(m, 6)], block = m->shape.block;
	uint64_t at = below(m, div_ceil(m->used, block)) * block, len;

	if (v->bytes && below(m, 2))
		return near(m, v);
	/* Small ones as often as large ones; near borders of blocks. */
	most = min_u64(most >> below(m, 8), 2 * block);
	len = align + align_down(below(m, most), align);
	at += align_down(below(m, below(m, 3) ? block :
			       min_u64(block, 8 * KiB)), align);
	at = min_u64(at, m->used - 1);
	if (below(m, 8) == 0)
		at = align_down(m->used - min_u64(len, m->used), align);
	return (struct model_range){
		at, min_u64(len, torture_in_window(&m->shape, at))
	};
}

struct model_range model_blocks(struct model *m)
{
	uint64_t block = m->shape.block;
	uint64_t at = below(m, div_ceil(m->used, block)) * block;
	uint64_t len = block * (1 + below(m, 2));

	return (struct model_range){
		at, min_u64(len, torture_in_window(&m->shape, at))
	};
}

static bool busy(const struct model *m, struct model_range r)
{
	for (size_t i = 0; i < MODEL_MOVES; i++) {
		const struct model_move *v = &m->move[i];

		if (v->bytes && ranges_overlap(v->r.at, v->r.len, r.at, r.len))
			return true;
	}
	return false;
}

static bool any_busy(const struct model *m)
{
	return busy(m, (struct model_range){ 0, m->used });
}

/* Is byte @at in a unit of a bitmap that a move writes to? */
static bool in_unit(const struct model *m, uint64_t at)
{
	const struct model_range unit = { align_down(at, UNIT), UNIT };

	return busy(m, unit);
}

/*
 * A part of a sector cannot become the image's own while a move does something
 * to that unit.
 */
static bool refused(const struct model *m, struct model_range r, int rc)
{
	uint64_t end = r.at + r.len, sector = m->shape.sector;

	return rc == VHD_E_BUSY && torture_is_child(&m->shape) &&
	       ((r.at % sector && in_unit(m, r.at)) ||
		(end % sector && in_unit(m, end - 1)));
}

/* Incompressible is not needed, but every word says something. */
static uint8_t *fresh_bytes(struct model *m, uint64_t len)
{
	uint64_t words = len / 8 + 1, w = base_rand(&m->rng);
	uint8_t *p = torture_alloc(words * 8);

	/* Zeros that are written are data too. */
	if (below(m, 16) == 0)
		return p;
	for (uint64_t i = 0; i < words; i++) {
		w = w * UINT64_C(6364136223846793005) + 1442695040888963407U;
		memcpy(p + 8 * i, &w, 8);
	}
	return p;
}

void model_open(struct model *m)
{
	static const uint64_t budgets[] = { 1, 1, 1, 128 * KiB, 0 };
	struct torture_open how = { .cache = budgets[below(m, 5)] };

	m->flags = VHD_OPEN_RDWR;
	if (below(m, 3) == 0)
		m->flags |= VHD_OPEN_THREAD;
	how.flags = m->flags;
	m->img = torture_open(m->file, &m->parent, &how);
}

/* What a reader sees, and what a writer is told there. */
static void see_file(struct model *m, struct torture_file *f, const char *when)
{
	struct torture_open how = { .cache = below(m, 2) };
	uint64_t changes = atomic_load(&f->changes);
	struct vhd_image *img;

	torture_check(f, &m->parent);
	img = torture_open(f, &m->parent, &how);
	torture_compare(img, &m->shape, m->bytes, when);
	if (vhd_pwrite(img, "x", 1, 0, NULL) != VHD_E_READONLY ||
	    vhd_flush(img, NULL) != VHD_E_READONLY ||
	    vhd_write_zeroes(img, 0, 512, 0, NULL) != VHD_E_READONLY)
		torture_fail("an image that is open for reading takes writes");
	vhd_close(&img, NULL);
	if (atomic_load(&f->changes) != changes)
		torture_fail("reading changed the file");
}

void model_close(struct model *m)
{
	struct vhd_error err;

	for (unsigned i = 0; i < MODEL_MOVES; i++)
		model_move_end(m, i);
	torture_compare(m->img, &m->shape, m->bytes, "before closing");
	torture_ok(vhd_close(&m->img, &err), "closing", &err);
	see_file(m, m->file, "after closing");
}

static void see(struct model *m, struct model_range r, const char *when)
{
	uint8_t *buf = torture_alloc(r.len);
	struct vhd_error err;
	uint64_t d;

	torture_ok(vhd_pread(m->img, buf, (size_t)r.len, guest(m, r.at), &err),
		   when, &err);
	d = torture_differ(buf, m->bytes + r.at, r.len);
	if (d < r.len)
		torture_fail("%s: byte 0x%" PRIx64 " (0x%" PRIx64 " of the "
			     "windows) is 0x%02x, not 0x%02x", when,
			     guest(m, r.at + d), r.at + d, buf[d],
			     m->bytes[r.at + d]);
	free(buf);
}

/* A call failed halfway: each byte is the old one or that of @fresh. */
static void settle(struct model *m, struct model_range r, const uint8_t *fresh)
{
	uint8_t *buf = torture_alloc(r.len), *was = m->bytes + r.at;
	struct vhd_error err;

	torture_ok(vhd_pread(m->img, buf, (size_t)r.len, guest(m, r.at), &err),
		   "reading", &err);
	for (uint64_t i = 0; i < r.len; i++) {
		if (buf[i] != was[i] && buf[i] != (fresh ? fresh[i] : 0))
			torture_fail("byte 0x%" PRIx64 " is nobody's after a "
				     "call that failed", guest(m, r.at + i));
	}
	memcpy(was, buf, (size_t)r.len);
	free(buf);
}

static int write_pieces(struct model *m, const uint8_t *buf,
			struct model_range r, struct vhd_error *err)
{
	uint64_t split = r.at + below(m, r.len + 1);
	/* Pieces are written one by one: see refused(). */
	size_t a = (size_t)(max_u64(align_down(split, m->shape.sector), r.at) -
			    r.at);
	const struct vhd_iov iov[3] = {
		{ (void *)(uintptr_t)buf, a }, { NULL, 0 },
		{ (void *)(uintptr_t)(buf + a), (size_t)r.len - a },
	};

	return vhd_pwritev(m->img, iov, 3, guest(m, r.at), err);
}

void model_write(struct model *m, struct model_range r)
{
	struct vhd_error err;
	uint8_t *buf;
	int rc;

	if (busy(m, r))
		return;
	say(m, "write", r);
	buf = fresh_bytes(m, r.len);
	if (below(m, 4) == 0)
		rc = write_pieces(m, buf, r, &err);
	else
		rc = vhd_pwrite(m->img, buf, (size_t)r.len, guest(m, r.at),
				&err);
	if (refused(m, r, rc)) {
		settle(m, r, buf);
	} else {
		torture_ok(rc, "writing", &err);
		memcpy(m->bytes + r.at, buf, (size_t)r.len);
	}
	free(buf);
}

void model_read(struct model *m, struct model_range r)
{
	if (!busy(m, r))
		see(m, r, "reading");
}

/* Told of each extent: where in the windows, and what. */
typedef void (*extent_fn)(struct model *m, struct model_range r,
			  const struct vhd_extent *e);

static void each_extent(struct model *m, struct model_range r, extent_fn fn)
{
	struct vhd_extent ext[EXTENTS];
	struct vhd_error err;

	while (r.len) {
		size_t n;

		torture_ok(vhd_resolve(m->img, guest(m, r.at), r.len, ext,
				       EXTENTS, &n, &err), "resolving", &err);
		for (size_t i = 0; i < n; i++) {
			fn(m, (struct model_range){ r.at, ext[i].len },
			   &ext[i]);
			r.at += ext[i].len;
			r.len -= ext[i].len;
		}
	}
}

/* A discard takes what this image says, not what its parent shows. */
static void discard_extent(struct model *m, struct model_range r,
			   const struct vhd_extent *e)
{
	if (e->layer == 0)
		memset(m->bytes + r.at, 0, (size_t)r.len);
}

/* A VHDX can say of a whole block that it is zeros. */
static void discard_whole(struct model *m, struct model_range r)
{
	uint64_t block = m->shape.block, end = r.at + r.len, to;

	if (m->shape.type->format != VHD_FORMAT_VHDX)
		return;
	for (uint64_t at = align_up(r.at, block); at < end; at = to) {
		to = min_u64(at + block, m->used);
		if (to <= end)
			memset(m->bytes + at, 0, (size_t)(to - at));
	}
}

static void expect_discard(struct model *m, struct model_range r)
{
	if (torture_is_fixed(&m->shape))
		return;
	if (!torture_is_child(&m->shape)) {
		memset(m->bytes + r.at, 0, (size_t)r.len);
		return;
	}
	each_extent(m, r, discard_extent);
	discard_whole(m, r);
}

void model_discard(struct model *m, struct model_range r)
{
	struct vhd_error err;

	if (busy(m, r))
		return;
	say(m, "discard", r);
	expect_discard(m, r);
	torture_ok(vhd_discard(m->img, guest(m, r.at), r.len, &err),
		   "discarding", &err);
	see(m, r, "after a discard");
}

void model_zero(struct model *m, struct model_range r)
{
	uint32_t flags = below(m, 3) ? 0 : VHD_ZERO_KEEP;
	struct vhd_error err;
	int rc;

	if (busy(m, r))
		return;
	say(m, flags ? "zero, keep" : "zero", r);
	rc = vhd_write_zeroes(m->img, guest(m, r.at), r.len, flags, &err);
	if (refused(m, r, rc)) {
		settle(m, r, NULL);
		return;
	}
	torture_ok(rc, "zeroing", &err);
	memset(m->bytes + r.at, 0, (size_t)r.len);
	see(m, r, "after zeroing");
}

void model_far(struct model *m)
{
	uint64_t at = below(m, m->used), len = below(m, m->used - at) + 1;
	struct model_range all = { at, len };
	bool vhdx = m->shape.type->format == VHD_FORMAT_VHDX;
	uint64_t off = guest(m, at), end = guest(m, at + len - 1) + 1;
	struct vhd_error err;

	if (busy(m, all))
		return;
	say(m, "far", all);
	/* A VHD with a parent would store all of those zeros. */
	if (below(m, 2) && (vhdx || !torture_is_child(&m->shape))) {
		int rc = vhd_write_zeroes(m->img, off, end - off, 0, &err);

		for (uint64_t n; len && refused(m, all, rc); at += n, len -= n) {
			n = min_u64(len, torture_in_window(&m->shape, at));
			settle(m, (struct model_range){ at, n }, NULL);
		}
		if (!len)
			return;
		torture_ok(rc, "zeroing far", &err);
		memset(m->bytes + at, 0, (size_t)len);
		return;
	}
	for (uint64_t n; len; at += n, len -= n) {
		n = min_u64(len, torture_in_window(&m->shape, at));
		expect_discard(m, (struct model_range){ at, n });
	}
	torture_ok(vhd_discard(m->img, off, end - off, &err),
		   "discarding far", &err);
}

static bool is_stored(const struct vhd_extent *e)
{
	return e->layer == 0 && e->kind == VHD_EXTENT_DATA;
}

void model_move(struct model *m, struct model_range r)
{
	struct model_move *v = m->move;
	struct vhd_extent now, ext;
	struct vhd_error err;
	size_t n;
	int rc;

	while (v < m->move + MODEL_MOVES && v->bytes)
		v++;
	if (v == m->move + MODEL_MOVES || busy(m, r))
		return;
	torture_ok(vhd_resolve(m->img, guest(m, r.at), r.len, &now, 1, &n,
			       &err), "resolving", &err);
	rc = vhd_write_begin(m->img, guest(m, r.at), r.len, &ext, &v->move,
			     &err);
	if (refused(m, r, rc))
		return;
	torture_ok(rc, "beginning a move", &err);
	if (ext.off != guest(m, r.at) || !ext.len || ext.len > r.len ||
	    !is_stored(&ext))
		torture_fail("a move gets a strange extent");
	r.len = ext.len;
	v->r = r;
	say(m, "move", r);
	v->bytes = fresh_bytes(m, r.len);
	torture_file_write(m->file, v->bytes, (size_t)r.len, ext.file_off);
	if (!is_stored(&now))
		see(m, (struct model_range){ r.at, min_u64(r.len, now.len) },
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
	for (size_t i = 0; is_stored(e) && i < MODEL_MOVES; i++) {
		const struct model_move *v = &m->move[i];

		if (v->bytes && !v->move && r.at >= v->r.at &&
		    r.at + r.len <= v->r.at + v->r.len)
			settle(m, r, v->bytes + (r.at - v->r.at));
	}
}

static void settle_failed(struct model *m)
{
	for (size_t i = 0; i < MODEL_MOVES; i++) {
		struct model_move *v = &m->move[i];

		if (!v->bytes || v->move || shared(m, v))
			continue;
		each_extent(m, v->r, failed_extent);
		free(v->bytes);
		v->bytes = NULL;
		see(m, v->r, "after a move that failed");
	}
}

void model_move_end(struct model *m, unsigned which)
{
	struct model_move *v = &m->move[which];
	bool ok = below(m, 5) != 0;
	struct vhd_error err;

	if (!v->move)
		return;
	say(m, ok ? "end of move" : "failure of move", v->r);
	torture_ok(vhd_write_end(m->img, &v->move, ok, &err),
		   "ending a move", &err);
	NEED(!v->move);
	if (ok) {
		memcpy(m->bytes + v->r.at, v->bytes, (size_t)v->r.len);
		free(v->bytes);
		v->bytes = NULL;
		see(m, v->r, "after a move");
	}
	settle_failed(m);
}

static void see_held(struct model *m, const struct vhd_extent *e,
		     const uint8_t *was)
{
	uint8_t *buf;

	if (!is_stored(e))
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
	if (busy(m, r) || torture_is_fixed(&m->shape) || m->shape.xen ||
	    (torture_is_child(&m->shape) &&
	     m->shape.type->format == VHD_FORMAT_VHD))
		return;
	say(m, "hold", r);
	block = r;
	r.at += below(m, r.len);
	r.len = min_u64(block.at + block.len - r.at, 64 * KiB);
	torture_ok(vhd_read_begin(m->img, guest(m, r.at), r.len, &ext, 1, &n,
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

void model_flush(struct model *m)
{
	struct vhd_error err;

	say(m, "flush", (struct model_range){ 0, 0 });
	torture_ok(vhd_flush(m->img, &err), "flushing", &err);
}

void model_writeback(struct model *m)
{
	struct vhd_error err;

	say(m, "write back", (struct model_range){ 0, 0 });
	torture_ok(vhd_writeback(m->img, &err), "writing back", &err);
}

void model_kill(struct model *m)
{
	const struct torture_open how = { .flags = VHD_OPEN_RDWR, .cache = 1 };
	struct vhd_image *img;

	/* A thread would write while the file is copied. */
	if (m->flags & VHD_OPEN_THREAD || any_busy(m))
		return;
	model_writeback(m);
	torture_file_copy(m->copy, m->file);
	see_file(m, m->copy, "after a kill");
	img = torture_open(m->copy, &m->parent, &how);
	torture_compare(img, &m->shape, m->bytes, "after a kill, for writing");
	vhd_close(&img, NULL);
	see_file(m, m->copy, "after a kill, and a writer");
}
