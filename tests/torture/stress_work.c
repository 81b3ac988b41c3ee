/* SPDX-License-Identifier: BSD-2-Clause */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "torture/stress.h"

enum { LONGEST = 32 * 1024 };

static uint64_t below(struct stress_worker *w, uint64_t limit)
{
	return base_rand_below(&w->rng, limit);
}

static uint64_t guest(const struct stress_worker *w, uint64_t at)
{
	return torture_guest(&w->s->shape, at);
}

/* Where the slice of @id begins in a block; no multiple of anything. */
static uint64_t border(const struct stress *s, uint64_t blk, unsigned id)
{
	uint64_t step = s->shape.block / STRESS_WORKERS;
	uint64_t h = (blk * 31 + id) * UINT64_C(0x9e3779b97f4a7c15) >> 33;

	if (id == 0 || id == STRESS_WORKERS)
		return id * step;
	return id * step + h % min_u64(step, 8191);
}

static uint64_t window_blk(uint32_t window)
{
	return (uint64_t)window * STRESS_PER;
}

/* All that this worker owns of some block. */
static struct stress_range slice(struct stress_worker *w)
{
	const struct stress *s = w->s;
	uint64_t blk = below(w, STRESS_PER), block = s->shape.block;
	uint64_t from, pick = below(w, 10);

	if (pick < 2) {
		blk += window_blk(s->groups + w->id);
		return (struct stress_range){ blk * block, block };
	}
	blk += window_blk(pick < 9 ? s->group : (uint32_t)below(w, s->groups));
	from = border(s, blk, w->id);
	return (struct stress_range){
		blk * block + from, border(s, blk, w->id + 1) - from
	};
}

/* A part of it, at its ends as often as anywhere. */
static struct stress_range draw(struct stress_worker *w)
{
	struct stress_range r = slice(w);
	uint64_t end = r.at + r.len;
	uint64_t most = min_u64(r.len, LONGEST) >> below(w, 6);
	uint64_t len = 1 + below(w, max_u64(most, 1));

	switch (below(w, 4)) {
	case 0:
		return (struct stress_range){ r.at, len };
	case 1:
		return (struct stress_range){ end - len, len };
	case 2:
		/* Whole sectors, where there are any. */
		r.at = align_up(r.at + below(w, r.len - len + 1), 512);
		len = align_up(len, 512);
		if (r.at + len <= end)
			return (struct stress_range){ r.at, len };
		return (struct stress_range){ end - 1, 1 };
	default:
		r.at += below(w, r.len - len + 1);
		return (struct stress_range){ r.at, len };
	}
}

static bool busy(const struct stress_worker *w, struct stress_range r)
{
	for (size_t i = 0; i < STRESS_HELD; i++) {
		const struct stress_held *h = &w->held[i];

		if (h->move && ranges_overlap(h->r.at, h->r.len, r.at, r.len))
			return true;
	}
	return false;
}

static uint8_t *fresh_bytes(struct stress_worker *w, uint64_t len)
{
	uint64_t words = len / 8 + 1, x = base_rand(&w->rng);
	uint8_t *p = torture_alloc(words * 8);

	for (uint64_t i = 0; i < words; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407U;
		memcpy(p + 8 * i, &x, 8);
	}
	return p;
}

static void wrong(const struct stress_worker *w, struct stress_range r,
		  const uint8_t *is, const char *when)
{
	const uint8_t *want = w->s->bytes + r.at;
	uint64_t d = torture_differ(is, want, r.len);

	if (d < r.len)
		torture_fail("%s: byte 0x%" PRIx64 " (0x%" PRIx64 " of the "
			     "windows) of worker %u is 0x%02x, not 0x%02x",
			     when, guest(w, r.at + d), r.at + d, w->id, is[d],
			     want[d]);
}

static void see(struct stress_worker *w, struct stress_range r,
		const char *when)
{
	uint8_t *buf = torture_alloc(r.len);
	struct vhd_error err;

	torture_ok(vhd_pread(w->s->img, buf, (size_t)r.len, guest(w, r.at),
			     &err), when, &err);
	wrong(w, r, buf, when);
	free(buf);
}

static void settle_well(struct stress_worker *w);

/*
 * Part of a sector, beside somebody's move in that unit of a bitmap: to be tried
 * again.  He may be waiting for ours.
 */
static bool refused(struct stress_worker *w, int rc)
{
	if (rc != VHD_E_BUSY || !torture_is_child(&w->s->shape))
		return false;
	settle_well(w);
	sched_yield();
	return true;
}

static void do_write(struct stress_worker *w, struct stress_range r)
{
	struct vhd_error err;
	uint8_t *buf = fresh_bytes(w, r.len);
	int rc;

	do {
		rc = vhd_pwrite(w->s->img, buf, (size_t)r.len, guest(w, r.at),
				&err);
	} while (refused(w, rc));
	torture_ok(rc, "writing", &err);
	memcpy(w->s->bytes + r.at, buf, (size_t)r.len);
	free(buf);
}

static void do_zero(struct stress_worker *w, struct stress_range r)
{
	uint32_t flags = below(w, 2) ? VHD_ZERO_KEEP : 0;
	struct vhd_error err;
	int rc;

	do {
		rc = vhd_write_zeroes(w->s->img, guest(w, r.at), r.len, flags,
				      &err);
	} while (refused(w, rc));
	torture_ok(rc, "zeroing", &err);
	memset(w->s->bytes + r.at, 0, (size_t)r.len);
	see(w, r, "after zeroing");
}

/* Of a child, what the parent shows stays. */
static void expect_kept(struct stress_worker *w, struct stress_range r)
{
	uint8_t *buf = torture_alloc(r.len), *want = w->s->bytes + r.at;
	struct vhd_error err;

	torture_ok(vhd_pread(w->s->img, buf, (size_t)r.len, guest(w, r.at),
			     &err), "after a discard", &err);
	for (uint64_t i = 0; i < r.len; i++) {
		if (buf[i] && buf[i] != want[i])
			torture_fail("byte 0x%" PRIx64 " is 0x%02x after a "
				     "discard, and was 0x%02x",
				     guest(w, r.at + i), buf[i], want[i]);
	}
	memcpy(want, buf, (size_t)r.len);
	free(buf);
}

static void do_discard(struct stress_worker *w, struct stress_range r)
{
	const struct torture_shape *s = &w->s->shape;
	bool whole = s->type->format == VHD_FORMAT_VHDX &&
		     !(r.at % s->block) && r.len == s->block;
	struct vhd_error err;

	torture_ok(vhd_discard(w->s->img, guest(w, r.at), r.len, &err),
		   "discarding", &err);
	if (torture_is_child(s) && !whole) {
		expect_kept(w, r);
		return;
	}
	if (!torture_is_fixed(s))
		memset(w->s->bytes + r.at, 0, (size_t)r.len);
	see(w, r, "after a discard");
}

static void do_own_block(struct stress_worker *w)
{
	uint64_t block = w->s->shape.block;
	uint64_t blk = window_blk(w->s->groups + w->id) + below(w, STRESS_PER);
	struct stress_range r = { blk * block, block };

	if (busy(w, r))
		return;
	if (below(w, 2))
		do_zero(w, r);
	else
		do_discard(w, r);
}

static void move_begin(struct stress_worker *w, struct stress_held *h,
		       struct stress_range r)
{
	struct vhd_extent ext;
	struct vhd_error err;
	int rc;

	rc = vhd_write_begin(w->s->img, guest(w, r.at), r.len, &ext, &h->move,
			     &err);
	if (refused(w, rc))
		return;
	torture_ok(rc, "beginning a move", &err);
	r.len = ext.len;
	h->r = r;
	h->bytes = fresh_bytes(w, r.len);
	torture_file_write(w->s->file, h->bytes, (size_t)r.len, ext.file_off);
}

static void move_end(struct stress_worker *w, struct stress_held *h, bool ok)
{
	struct stress_range r = h->r;
	struct vhd_error err;

	if (!h->move)
		return;
	torture_ok(vhd_write_end(w->s->img, &h->move, ok, &err),
		   "ending a move", &err);
	if (ok)
		memcpy(w->s->bytes + r.at, h->bytes, (size_t)r.len);
	free(h->bytes);
	h->bytes = NULL;
	/* One that fails leaves what others made visible: write it again. */
	if (!ok)
		do_write(w, r);
	see(w, r, "after a move");
}

static void settle_well(struct stress_worker *w)
{
	for (size_t i = 0; i < STRESS_HELD; i++)
		move_end(w, &w->held[i], true);
}

static void do_move(struct stress_worker *w, struct stress_range r)
{
	struct stress_held *h = &w->held[below(w, STRESS_HELD)];

	if (h->move)
		move_end(w, h, below(w, 6) != 0);
	else
		move_begin(w, h, r);
}

/* Bytes are found, and stay where they are while others work. */
static void do_hold(struct stress_worker *w, struct stress_range r)
{
	struct vhd_move *move = NULL;
	struct vhd_extent ext;
	struct vhd_error err;
	uint8_t *buf;
	size_t n;

	torture_ok(vhd_read_begin(w->s->img, guest(w, r.at), r.len, &ext, 1,
				  &n, &move, &err), "holding", &err);
	if (below(w, 3) == 0)
		torture_ok(vhd_flush(w->s->img, &err), "flushing", &err);
	r.len = ext.len;
	if (ext.layer == 0 && ext.kind == VHD_EXTENT_DATA) {
		buf = torture_alloc(r.len);
		torture_file_read(w->s->file, buf, (size_t)r.len,
				  ext.file_off);
		wrong(w, r, buf, "held bytes");
		free(buf);
	}
	vhd_read_end(w->s->img, &move);
}

static void do_commit(struct stress_worker *w)
{
	struct vhd_error err;

	if (below(w, 2))
		torture_ok(vhd_flush(w->s->img, &err), "flushing", &err);
	else
		torture_ok(vhd_writeback(w->s->img, &err), "writing back",
			   &err);
}

void stress_step(struct stress_worker *w)
{
	struct stress_range r = draw(w);
	uint64_t what = below(w, 100);

	if (what < 3)
		do_commit(w);
	else if (what < 6)
		do_own_block(w);
	else if (busy(w, r))
		return;
	else if (what < 55)
		do_write(w, r);
	else if (what < 75)
		see(w, r, "reading");
	else if (what < 83)
		do_zero(w, r);
	else if (what < 87)
		do_discard(w, r);
	else if (what < 96)
		do_move(w, r);
	else
		do_hold(w, r);
}

void stress_settle(struct stress_worker *w)
{
	for (size_t i = 0; i < STRESS_HELD; i++)
		move_end(w, &w->held[i], below(w, 6) != 0);
}

void stress_renew(struct stress *s, uint32_t group)
{
	uint64_t len = STRESS_PER * s->shape.block, at = group * len;
	struct vhd_error err;

	torture_ok(vhd_write_zeroes(s->img, torture_guest(&s->shape, at), len,
				    0, &err), "zeroing a group", &err);
	memset(s->bytes + at, 0, (size_t)len);
}

static void nap(uint64_t us)
{
	const struct timespec t = { 0, (long)us * 1000 };

	nanosleep(&t, NULL);
}

void *stress_flusher(void *arg)
{
	struct stress_worker w = { .s = arg, .rng = 77 };

	while (!atomic_load(&w.s->stop)) {
		do_commit(&w);
		nap(below(&w, 2000));
	}
	return NULL;
}

/* What it reads may change under it; that it can be read may not. */
void *stress_reader(void *arg)
{
	struct stress_worker w = { .s = arg, .rng = 78 };
	uint64_t used = torture_used(&w.s->shape);
	uint8_t *buf = torture_alloc(LONGEST);
	struct vhd_extent ext[8];
	struct vhd_error err;
	size_t n;

	while (!atomic_load(&w.s->stop)) {
		uint64_t at = below(&w, used);
		uint64_t len = min_u64(torture_in_window(&w.s->shape, at),
				       LONGEST);

		torture_ok(vhd_pread(w.s->img, buf, (size_t)len, guest(&w, at),
				     &err), "reading anywhere", &err);
		torture_ok(vhd_resolve(w.s->img, guest(&w, at), len, ext, 8,
				       &n, &err), "resolving anywhere", &err);
		nap(below(&w, 300));
	}
	free(buf);
	return NULL;
}
