/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "crash/crash_verify.h"

void crash_disk_opts(const struct crash_setup *s, const struct crash_parent *p,
		     bool writable, struct vhd_open_opts *opts,
		     const char *parents[2])
{
	*opts = (struct vhd_open_opts)VHD_OPEN_OPTS_INIT;
	opts->cache_bytes = s->cache;
	if (writable)
		opts->flags |= VHD_OPEN_RDWR;
	parents[0] = p && p->path[0] ? p->path : NULL;
	parents[1] = NULL;
	opts->parents = parents[0] ? parents : NULL;
}

static bool done(struct crash_disk *d, int rc, const char *what,
		 const struct vhd_error *err)
{
	if (!rc)
		return true;
	crash_fail(d->fail, "operation %" PRIu32 ", %s, fails: %s: %s", d->op,
		   what, vhd_status_name(rc), err->msg);
	return false;
}

static size_t now(const struct crash_disk *d)
{
	return vhd_trace_count(d->trace);
}

static void say(const struct crash_disk *d, const char *what, uint64_t len,
		uint64_t off)
{
	if (d->verbose)
		printf("  op %" PRIu32 " at file op %zu: %s 0x%" PRIx64
		       " + 0x%" PRIx64 "\n", d->op, now(d), what, off, len);
}

bool crash_disk_open(struct crash_disk *d)
{
	struct vhd_open_opts opts;
	const char *parents[2];
	struct vhd_error err;

	d->op++;
	say(d, "open", 0, 0);
	crash_disk_opts(d->setup, d->parent, true, &opts, parents);
	d->recorder = vhd_record_new(&crash_file_ops, d->file, d->trace);
	CRASH_NEED(d->recorder);
	return done(d, vhd_open_io(&vhd_record_ops, d->recorder, "image",
				   &opts, &d->img, &err), "open", &err);
}

bool crash_disk_write(struct crash_disk *d, uint64_t len, uint64_t off)
{
	struct vhd_error err;
	void *buf = crash_alloc((size_t)len, 1);
	int rc;

	d->op++;
	say(d, "write", len, off);
	crash_model_data(d->model, d->op, buf, len, off);
	crash_model_write(d->model, d->op, len, off, now(d));
	rc = vhd_pwrite(d->img, buf, (size_t)len, off, &err);
	crash_model_ack(d->model, d->op, d->op, len, off);
	free(buf);
	return done(d, rc, "write", &err);
}

bool crash_disk_zero(struct crash_disk *d, uint64_t len, uint64_t off,
		     uint32_t flags)
{
	struct vhd_error err;
	int rc;

	d->op++;
	say(d, flags ? "zero, keep" : "zero", len, off);
	crash_model_zero(d->model, d->op, len, off, now(d));
	rc = vhd_write_zeroes(d->img, off, len, flags, &err);
	crash_model_ack(d->model, d->op, d->op, len, off);
	return done(d, rc, "zero", &err);
}

/*
 * What a discard of a sector did cannot be told in advance where only a part of
 * a block of a child is meant: what is stored becomes zeros, the rest stays.
 */
static bool see_discard(struct crash_disk *d, uint64_t sec, size_t from,
			size_t len, size_t begin, bool must)
{
	uint8_t want[CRASH_SEC], is[CRASH_SEC];
	uint64_t off = sec * CRASH_SEC + from;
	struct vhd_error err;

	crash_model_newest(d->model, sec, want);
	if (!done(d, vhd_pread(d->img, is, CRASH_SEC, sec * CRASH_SEC, &err),
		  "read after discard", &err))
		return false;
	if (!must && !memcmp(want, is, CRASH_SEC))
		return true;
	memset(want + from, 0, len);
	if (memcmp(want, is, CRASH_SEC)) {
		crash_fail(d->fail, "operation %" PRIu32 ": sector %" PRIu64
			   " is wrong after a discard", d->op, sec);
		return false;
	}
	crash_model_zero(d->model, d->op, len, off, begin);
	crash_model_ack(d->model, d->op, d->op, len, off);
	return true;
}

/*
 * Is all of the block that holds the sector discarded?  (A VHD with a parent
 * cannot say zeros without storing them, and leaves what the parent shows.)
 */
static bool whole_block(const struct crash_disk *d, uint64_t sec, uint64_t len,
			uint64_t off)
{
	bool vhdx = d->setup->type->format == VHD_FORMAT_VHDX;
	uint64_t from = align_down(sec * CRASH_SEC, d->setup->block);
	uint64_t to = min_u64(from + d->setup->block, d->setup->size);

	return vhdx && off <= from && to <= off + len;
}

bool crash_disk_discard(struct crash_disk *d, uint64_t len, uint64_t off)
{
	bool child = crash_setup_child(d->setup);
	uint64_t at = off, end = off + len;
	size_t begin = now(d);
	struct vhd_error err;

	d->op++;
	say(d, "discard", len, off);
	if (!done(d, vhd_discard(d->img, off, len, &err), "discard", &err))
		return false;
	if (d->setup->type->type == VHD_TYPE_FIXED)
		return true;
	while (at < end) {
		size_t from = at % CRASH_SEC;
		size_t n = (size_t)min_u64(end - at, CRASH_SEC - from);
		uint64_t sec = at / CRASH_SEC;

		/* Edges of a sector may stay as well. */
		if (!see_discard(d, sec, from, n, begin, n == CRASH_SEC &&
				 (!child || whole_block(d, sec, len, off))))
			return false;
		at += n;
	}
	return true;
}

bool crash_disk_flush(struct crash_disk *d)
{
	uint32_t op = ++d->op;
	struct vhd_error err;

	say(d, "flush", 0, 0);
	if (!done(d, vhd_flush(d->img, &err), "flush", &err))
		return false;
	crash_model_flushed(d->model, op, now(d));
	return true;
}

bool crash_disk_writeback(struct crash_disk *d)
{
	struct vhd_error err;

	d->op++;
	say(d, "writeback", 0, 0);
	return done(d, vhd_writeback(d->img, &err), "writeback", &err);
}

/* Moves share no sector with others: that is VHD_E_BUSY. */
bool crash_disk_busy(const struct crash_disk *d, uint64_t len, uint64_t off)
{
	uint64_t sec = max_u64(d->setup->sector, CRASH_SEC);

	for (size_t i = 0; i < CRASH_MOVES; i++) {
		const struct crash_move *m = &d->move[i];

		if (m->move && ranges_overlap(align_down(m->off, sec),
					      m->len + 2 * sec,
					      align_down(off, sec),
					      len + 2 * sec))
			return true;
	}
	return false;
}

bool crash_disk_move(struct crash_disk *d, uint64_t len, uint64_t off)
{
	struct crash_move *m = d->move;
	struct vhd_extent ext;
	struct vhd_error err;
	uint8_t *buf;
	size_t begin = now(d);

	while (m->move)
		m++;
	d->op++;
	say(d, "move", len, off);
	if (!done(d, vhd_write_begin(d->img, off, len, &ext, &m->move, &err),
		  "begin of a move", &err))
		return false;
	m->off = off;
	m->len = ext.len;
	m->op = d->op;
	crash_model_write(d->model, d->op, m->len, off, begin);
	buf = crash_alloc((size_t)m->len, 1);
	crash_model_data(d->model, d->op, buf, m->len, off);
	vhd_record_ops.pwrite(d->recorder, buf, (size_t)m->len, ext.file_off);
	free(buf);
	return true;
}

bool crash_disk_move_on(struct crash_disk *d, unsigned which)
{
	struct crash_move *m = &d->move[which % CRASH_MOVES];
	struct vhd_error err;
	int rc;

	if (!m->move)
		return true;
	d->op++;
	say(d, "end of move", m->len, m->off);
	rc = vhd_write_end(d->img, &m->move, true, &err);
	m->move = NULL;
	crash_model_ack(d->model, m->op, d->op, m->len, m->off);
	return done(d, rc, "end of a move", &err);
}

bool crash_disk_close(struct crash_disk *d)
{
	struct vhd_error err;
	uint32_t op;
	int rc;

	for (unsigned i = 0; i < CRASH_MOVES; i++) {
		if (!crash_disk_move_on(d, i))
			break;
	}
	op = ++d->op;
	say(d, "close", 0, 0);
	rc = vhd_close(&d->img, &err);
	if (!rc)
		crash_model_flushed(d->model, op, now(d));
	return done(d, rc, "close", &err);
}

bool crash_disk_verify(struct crash_disk *d)
{
	/* A move under way may show already or not. */
	const struct crash_cut live = { d->op, INT64_MAX };
	const struct crash_want want = { d->model, &live };
	uint32_t *found = crash_alloc(crash_model_sectors(d->model),
				      sizeof(*found));
	bool ok = crash_read(d->img, d->file, &want, found, d->fail);

	free(found);
	if (!ok)
		crash_context(d->fail, "after operation %" PRIu32
			      ", without a power cut", d->op);
	return ok;
}
