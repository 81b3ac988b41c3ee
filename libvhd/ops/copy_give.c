/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handing out what was read, in order.
 *
 * Asking for space before it is written saves the file system much of its work,
 * so as soon as nothing but data comes, it is asked for as far as the source
 * says that more is stored.  Should zeros turn up there after all, they are
 * given back.
 */
#include "base/ckd.h"
#include "base/fail.h"
#include "io/cachehint.h"
#include "io/io.h"
#include "io/reserve.h"
#include "ops/copy_priv.h"

#define RESERVE_AFTER MiB	/* of data without zeros */
#define RESERVE_STEP (32 * MiB)

int vhd_give_tell(struct vhd_giver *g, uint64_t len, struct vhd_error *err)
{
	const struct vhd_copy *c = g->copy;

	g->done += len;
	if (!c->progress ||
	    c->progress(c->progress_arg, g->done, vhd_size(c->src)))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
}

int vhd_give_place(struct vhd_giver *g, uint64_t off, uint64_t *file_off_out,
		   uint64_t *len, struct vhd_error *err)
{
	const struct vhd_copy *c = g->copy;
	uint64_t skip;
	int rc;

	if (off < g->place_off || off - g->place_off >= g->place_len) {
		rc = c->place(c->arg, off, &g->place_file, &g->place_len, err);
		if (!rc && g->reach)
			rc = vhd_io_reach(c->into, g->place_file + g->place_len,
					  err);
		if (rc)
			return rc;
		g->place_off = off;
	}
	skip = off - g->place_off;
	*file_off_out = g->place_file + skip;
	*len = min_u64(*len, g->place_len - skip);
	return 0;
}

static void put_spot(struct vhd_piece *p, uint64_t file_off, uint64_t len,
		     const uint8_t *bytes)
{
	struct vhd_spot *last = p->spots ? &p->spot[p->spots - 1] : NULL;

	if (last && last->file_off + last->len == file_off &&
	    last->bytes + last->len == bytes)
		last->len += len;
	else
		p->spot[p->spots++] = (struct vhd_spot){ file_off, len, bytes };
}

static int give_data(struct vhd_giver *g, struct vhd_piece *p,
		     const struct vhd_copy_span *s, struct vhd_error *err)
{
	const struct vhd_copy *c = g->copy;
	uint64_t off = s->off, left = s->len;
	int rc = 0;

	g->result.data_bytes += s->len;
	g->runs++;
	g->dense += s->len;
	if (!c->place)
		return c->data ? c->data(c->arg, s->bytes, s->len, s->off, err)
			       : 0;
	while (!rc && left) {
		uint64_t n = left, file_off;

		rc = vhd_give_place(g, off, &file_off, &n, err);
		if (rc)
			break;
		put_spot(p, file_off, n, s->bytes + (off - s->off));
		off += n;
		left -= n;
	}
	return rc;
}

/* Zeros where space was asked for: it is not needed. */
static int give_back(struct vhd_giver *g, const struct vhd_copy_span *s,
		     struct vhd_error *err)
{
	uint64_t off = max_u64(s->off, g->place_off), start, end;
	bool done;

	g->dense = 0;
	if (!g->reserve_end || off >= s->off + s->len ||
	    off - g->place_off >= g->place_len)
		return 0;
	start = g->place_file + (off - g->place_off);
	end = min_u64(start + min_u64(s->off + s->len - off,
				      g->place_len - (off - g->place_off)),
		      g->reserve_end);
	start = max_u64(start, g->reserve_off);
	if (start >= end)
		return 0;
	return vhd_io_try_punch(g->copy->into, end - start, start, &done, err);
}

static int give_zeros(struct vhd_giver *g, const struct vhd_copy_span *s,
		      struct vhd_error *err)
{
	const struct vhd_copy *c = g->copy;
	int rc = give_back(g, s, err);

	g->result.zero_bytes += s->len;
	return !rc && c->zero ? c->zero(c->arg, s->len, s->off, err) : rc;
}

/* Space for the last spot and for what is known to follow it. */
static void reserve(struct vhd_giver *g, const struct vhd_piece *p)
{
	const struct vhd_spot *s;
	uint64_t left, len;

	if (!g->reserve || !p->spots || g->dense < RESERVE_AFTER)
		return;
	s = &p->spot[p->spots - 1];
	if (s->file_off >= g->reserve_off &&
	    s->file_off + s->len < g->reserve_end)
		return;
	/* The last spot lies in the place that was asked for last. */
	left = g->place_file + g->place_len - s->file_off;
	len = min_u64(min_u64(s->len + p->ahead, left), RESERVE_STEP);
	if (len <= s->len)
		return;
	g->reserve = vhd_io_reserve(g->copy->into, len, s->file_off);
	g->reserve_off = s->file_off;
	g->reserve_end = s->file_off + len;
}

int vhd_give(struct vhd_giver *g, struct vhd_piece *p, struct vhd_error *err)
{
	size_t i;
	int rc = 0;

	p->spots = 0;
	for (i = 0; !rc && i < p->spans; i++) {
		const struct vhd_copy_span *s = &p->span[i];

		rc = s->bytes ? give_data(g, p, s, err) : give_zeros(g, s, err);
	}
	if (rc)
		return rc;
	reserve(g, p);
	g->result.digest += p->sum;
	return vhd_give_tell(g, p->length, err);
}

int vhd_give_write(const struct vhd_copy *copy, const struct vhd_piece *p,
		   struct vhd_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < p->spots; i++) {
		const struct vhd_spot *s = &p->spot[i];

		rc = vhd_io_write(copy->into, s->bytes, (size_t)s->len,
				  s->file_off, err);
		if (!rc && copy->trail)
			rc = vhd_trail_wrote(copy->trail, s->file_off, s->len,
					     err);
	}
	return rc;
}
