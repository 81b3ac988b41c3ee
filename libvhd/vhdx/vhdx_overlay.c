/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_replay.h"
#include "vhdx/vhdx_replay_priv.h"

/*
 * Changes overlap: a page is logged again, a range is zeroed and then written.
 * The last one wins, byte by byte.  To settle that, a line sweeps over the file
 * from left to right: changes that have begun wait in a heap with the latest on
 * top; at each border the top, once those that have ended are off it, owns the
 * piece up to the next border.  Every border is a multiple of 4096, so a page
 * is never cut.  The cost is n log n for any input.
 */

struct sweep {
	const struct vhdx_change *changes;	/* by offset */
	size_t count;
	size_t next;				/* first not yet begun */
	uint32_t *heap;				/* indexes, latest on top */
	size_t heap_count;
	struct vhdx_piece *pieces;
	size_t piece_count;
};

static int change_cmp(const void *a, const void *b)
{
	const struct vhdx_change *x = a, *y = b;

	if (x->desc.file_off != y->desc.file_off)
		return x->desc.file_off < y->desc.file_off ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool heap_above(const struct sweep *s, size_t i, size_t j)
{
	return s->changes[s->heap[i]].order > s->changes[s->heap[j]].order;
}

static void heap_swap(struct sweep *s, size_t i, size_t j)
{
	uint32_t t = s->heap[i];

	s->heap[i] = s->heap[j];
	s->heap[j] = t;
}

static void heap_push(struct sweep *s, uint32_t idx)
{
	size_t i = s->heap_count++;

	s->heap[i] = idx;
	while (i && heap_above(s, i, (i - 1) / 2)) {
		heap_swap(s, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static void heap_pop(struct sweep *s)
{
	size_t i = 0;

	s->heap[0] = s->heap[--s->heap_count];
	for (;;) {
		size_t top = i;

		for (size_t c = 2 * i + 1; c <= 2 * i + 2; c++) {
			if (c < s->heap_count && heap_above(s, c, top))
				top = c;
		}
		if (top == i)
			return;
		heap_swap(s, i, top);
		i = top;
	}
}

static uint64_t change_end(const struct vhdx_change *c)
{
	return c->desc.file_off + c->desc.len;
}

/* Changes that begin at or before @off join; those that ended leave the top. */
static void sweep_to(struct sweep *s, uint64_t off)
{
	while (s->next < s->count &&
	       s->changes[s->next].desc.file_off <= off)
		heap_push(s, (uint32_t)s->next++);
	while (s->heap_count && change_end(&s->changes[s->heap[0]]) <= off)
		heap_pop(s);
}

static void piece_add(struct sweep *s, const struct vhdx_change *c,
		      uint64_t off, uint64_t end)
{
	struct vhdx_piece *p = s->piece_count ? &s->pieces[s->piece_count - 1]
					      : NULL;

	if (p && c->desc.zero && !p->data_off && p->off + p->len == off) {
		p->len += end - off;
		return;
	}
	p = &s->pieces[s->piece_count++];
	p->off = off;
	p->len = end - off;
	p->data_off = c->data_off;
	memcpy(p->leading, c->desc.leading, sizeof(p->leading));
	memcpy(p->trailing, c->desc.trailing, sizeof(p->trailing));
}

static void sweep_run(struct sweep *s)
{
	uint64_t off = 0, end;

	for (;;) {
		const struct vhdx_change *top;

		sweep_to(s, off);
		if (!s->heap_count && s->next == s->count)
			return;
		if (!s->heap_count) {
			off = s->changes[s->next].desc.file_off;
			continue;
		}
		top = &s->changes[s->heap[0]];
		end = change_end(top);
		if (s->next < s->count)
			end = min_u64(end, s->changes[s->next].desc.file_off);
		piece_add(s, top, off, end);
		off = end;
	}
}

int vhdx_overlay_settle(struct vhdx_overlay *ov, struct vhdx_change *changes,
			size_t count, struct vhd_error *err)
{
	struct sweep s = { .changes = changes, .count = count };
	size_t len;
	int rc = 0;

	if (!count)
		return 0;
	qsort(changes, count, sizeof(*changes), change_cmp);
	s.heap = vhd_alloc_array(count, sizeof(*s.heap));
	/* A border opens at most one piece, and a change has two. */
	s.pieces = vhd_alloc_array(2 * count, sizeof(*s.pieces));
	if (!s.heap || !s.pieces) {
		rc = vhd_fail_nomem(err);
		goto out;
	}
	sweep_run(&s);
	if (!s.piece_count)
		goto out;
	len = s.piece_count * sizeof(*s.pieces);
	ov->pieces = vhd_alloc(len);
	if (!ov->pieces) {
		rc = vhd_fail_nomem(err);
		goto out;
	}
	memcpy(ov->pieces, s.pieces, len);
	ov->piece_count = s.piece_count;
out:
	vhd_free(s.pieces);
	vhd_free(s.heap);
	return rc;
}

void vhdx_overlay_free(struct vhdx_overlay *ov)
{
	if (!ov)
		return;
	vhd_free(ov->pieces);
	vhd_free(ov);
}

/* The first piece that ends after @off; piece_count when there is none. */
static size_t piece_find(const struct vhdx_overlay *ov, uint64_t off)
{
	size_t lo = 0, hi = ov->piece_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ov->pieces[mid].off + ov->pieces[mid].len <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Puts the part of a piece that lies in [off, off + len) into @buf. */
static int piece_read(const struct vhdx_piece *p, struct vhd_io *io,
		      uint8_t *buf, size_t len, uint64_t off,
		      struct vhd_error *err)
{
	uint64_t from = max_u64(p->off, off);
	uint64_t to = min_u64(p->off + p->len, off + len);
	uint8_t page[VHDX_LOG_SECTOR];
	struct vhdx_log_desc desc;
	int rc;

	if (!p->data_off) {
		memset(buf + (from - off), 0, to - from);
		return 0;
	}
	rc = vhd_io_read(io, page, sizeof(page), p->data_off, err);
	if (rc)
		return rc;
	memcpy(desc.leading, p->leading, sizeof(desc.leading));
	memcpy(desc.trailing, p->trailing, sizeof(desc.trailing));
	vhdx_log_page_restore(&desc, page, page);
	memcpy(buf + (from - off), page + (from - p->off), to - from);
	return 0;
}

int vhdx_overlay_read(const struct vhdx_overlay *ov, struct vhd_io *io,
		      void *buf, size_t len, uint64_t off,
		      struct vhd_error *err)
{
	int rc;

	rc = vhd_io_read_padded(io, buf, len, off, err);
	if (rc || !ov)
		return rc;
	for (size_t i = piece_find(ov, off);
	     i < ov->piece_count && ov->pieces[i].off < off + len; i++) {
		rc = piece_read(&ov->pieces[i], io, buf, len, off, err);
		if (rc)
			return rc;
	}
	return 0;
}

bool vhdx_overlay_next(const struct vhdx_overlay *ov, uint64_t off,
		       uint64_t *start_out, uint64_t *end_out)
{
	size_t i;

	if (!ov)
		return false;
	i = piece_find(ov, off);
	if (i == ov->piece_count)
		return false;
	*start_out = ov->pieces[i].off;
	*end_out = ov->pieces[i].off + ov->pieces[i].len;
	return true;
}

bool vhdx_overlay_touches(const struct vhdx_overlay *ov, uint64_t off,
			  uint64_t len)
{
	uint64_t start, end;

	return len && vhdx_overlay_next(ov, off, &start, &end) &&
	       ranges_overlap(off, len, start, end - start);
}

uint64_t vhdx_overlay_file_size(const struct vhdx_overlay *ov)
{
	return ov->file_size;
}

uint64_t vhdx_overlay_entries(const struct vhdx_overlay *ov)
{
	return ov->entry_count;
}

uint64_t vhdx_overlay_beyond(const struct vhdx_overlay *ov)
{
	return ov->beyond;
}

uint64_t vhdx_overlay_pages(const struct vhdx_overlay *ov)
{
	return ov->change_count;
}
