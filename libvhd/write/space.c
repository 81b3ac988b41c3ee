/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sorted array of extents that do not overlap; two that touch are of different
 * kinds.  Finding a place is one walk over the array, finding a neighbour a
 * binary search.
 *
 * The array forgets rather than fails.  It never holds more than
 * VHD_SPACE_EXTENTS_MAX extents: one more costs the shortest of all.  An extent
 * for which there is no memory costs itself or, where one was cut in two, the
 * shorter half.  What is forgotten stays unused in the file, nothing else.  For
 * the same reason a range that overlaps free space, which cannot come from an
 * image in order, is not free: space that has two owners is nobody's to give.
 */
#include "write/space.h"

#include "base/alloc.h"
#include "base/ckd.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { ROOM_MIN = 64 };

static uint64_t end_of(const struct vhd_space_extent *e)
{
	return e->off + e->len;
}

void vhd_space_clear(struct vhd_space *s)
{
	vhd_free(s->ext);
	memset(s, 0, sizeof(*s));
}

/* The first extent that ends behind @off. */
static size_t find(const struct vhd_space *s, uint64_t off)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (end_of(&s->ext[mid]) > off)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static bool grow(struct vhd_space *s)
{
	size_t room = s->room ? 2 * s->room : ROOM_MIN;
	struct vhd_space_extent *ext = vhd_alloc_array(room, sizeof(*ext));

	if (!ext)
		return false;
	if (s->count)
		memcpy(ext, s->ext, s->count * sizeof(*ext));
	vhd_free(s->ext);
	s->ext = ext;
	s->room = room;
	return true;
}

static void remove_at(struct vhd_space *s, size_t idx, size_t n)
{
	/* Without any, there is no array either. */
	if (!n)
		return;
	memmove(s->ext + idx, s->ext + idx + n,
		(s->count - idx - n) * sizeof(*s->ext));
	s->count -= n;
}

static size_t shortest(const struct vhd_space *s)
{
	size_t best = 0;

	for (size_t i = 1; i < s->count; i++) {
		if (s->ext[i].len < s->ext[best].len)
			best = i;
	}
	return best;
}

/* Makes a new extent at @idx, if there is room or something shorter to drop. */
static void insert_at(struct vhd_space *s, size_t idx,
		      struct vhd_space_extent e)
{
	if (s->count == VHD_SPACE_EXTENTS_MAX) {
		size_t drop = shortest(s);

		if (s->ext[drop].len >= e.len)
			return;
		remove_at(s, drop, 1);
		idx -= drop < idx;
	}
	if (s->count == s->room && !grow(s))
		return;
	memmove(s->ext + idx + 1, s->ext + idx,
		(s->count - idx) * sizeof(*s->ext));
	s->ext[idx] = e;
	s->count++;
}

void vhd_space_add(struct vhd_space *s, uint64_t off, uint64_t len,
		   enum vhd_space_kind kind)
{
	struct vhd_space_extent *prev, *next;
	size_t idx = find(s, off);
	uint64_t end;

	if (!len || ckd_add(&end, off, len))
		return;
	prev = idx ? &s->ext[idx - 1] : NULL;
	next = idx < s->count ? &s->ext[idx] : NULL;
	if (next && next->off < end)
		return;
	if (prev && (prev->kind != kind || end_of(prev) != off))
		prev = NULL;
	if (next && (next->kind != kind || next->off != end))
		next = NULL;
	if (prev && next) {
		prev->len += len + next->len;
		remove_at(s, idx, 1);
	} else if (prev) {
		prev->len += len;
	} else if (next) {
		next->off = off;
		next->len += len;
	} else {
		insert_at(s, idx, (struct vhd_space_extent){ off, len, kind });
	}
}

/* Takes [from, to) out of the inside of an extent. */
static void split(struct vhd_space *s, size_t idx, uint64_t from, uint64_t to)
{
	struct vhd_space_extent *e = &s->ext[idx];
	struct vhd_space_extent low = { e->off, from - e->off, e->kind };
	struct vhd_space_extent high = { to, end_of(e) - to, e->kind };

	/* The longer half stays; the other may have to be forgotten. */
	if (low.len >= high.len) {
		*e = low;
		insert_at(s, idx + 1, high);
	} else {
		*e = high;
		insert_at(s, idx, low);
	}
}

/* [from, to) is free, and now is not.  Gives the worst kind in it. */
static enum vhd_space_kind take_out(struct vhd_space *s, uint64_t from,
				    uint64_t to)
{
	size_t idx = find(s, from);
	enum vhd_space_kind worst = VHD_SPACE_FRESH;
	size_t gone = 0;

	while (idx + gone < s->count && s->ext[idx + gone].off < to) {
		struct vhd_space_extent *e = &s->ext[idx + gone];

		if (e->kind > worst)
			worst = e->kind;
		if (e->off < from && end_of(e) > to) {
			split(s, idx, from, to);
			return worst;
		}
		if (e->off < from) {
			e->len = from - e->off;
			idx++;
		} else if (end_of(e) > to) {
			e->len = end_of(e) - to;
			e->off = to;
			break;
		} else {
			gone++;
		}
	}
	remove_at(s, idx, gone);
	return worst;
}

struct want {
	uint64_t len, align, skew;
};

/* The place in the free range [from, to), if it has one. */
static bool fits(const struct want *w, uint64_t from, uint64_t to,
		 uint64_t *off_out)
{
	/* Modulo 2^64, of which every alignment is a divisor. */
	uint64_t pad = (0 - (from + w->skew)) & (w->align - 1);

	if (to - from < pad || to - from - pad < w->len)
		return false;
	*off_out = from + pad;
	return true;
}

static bool find_fresh(const struct vhd_space *s, const struct want *w,
		       uint64_t *off_out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct vhd_space_extent *e = &s->ext[i];

		if (e->kind == VHD_SPACE_FRESH &&
		    fits(w, e->off, end_of(e), off_out))
			return true;
	}
	return false;
}

/* Looks at ranges that are free in one piece, whatever they hold. */
static bool find_any(const struct vhd_space *s, const struct want *w,
		     uint64_t *off_out)
{
	uint64_t from = 0, to = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct vhd_space_extent *e = &s->ext[i];

		if (!i || e->off != to)
			from = e->off;
		to = end_of(e);
		if (fits(w, from, to, off_out))
			return true;
	}
	return false;
}

bool vhd_space_take(struct vhd_space *s, uint64_t len, uint64_t align,
		    uint64_t skew, bool prefer_fresh, uint64_t *off_out,
		    enum vhd_space_kind *kind_out)
{
	const struct want w = { len, align, skew };
	uint64_t off = 0;

	assert(len && is_pow2(align));
	if (!(prefer_fresh && find_fresh(s, &w, &off)) &&
	    !find_any(s, &w, &off))
		return false;
	*kind_out = take_out(s, off, off + len);
	*off_out = off;
	return true;
}

uint64_t vhd_space_tail(const struct vhd_space *s, uint64_t end)
{
	uint64_t from;
	size_t idx;

	if (!end)
		return 0;
	/* The extent that holds the last byte before @end, if one does. */
	idx = find(s, end - 1);
	if (idx == s->count || s->ext[idx].off >= end)
		return end;
	from = s->ext[idx].off;
	while (idx && end_of(&s->ext[idx - 1]) == from)
		from = s->ext[--idx].off;
	return from;
}

void vhd_space_remove(struct vhd_space *s, uint64_t off, uint64_t len)
{
	uint64_t end;

	if (!ckd_add(&end, off, len) && len)
		take_out(s, off, end);
}

void vhd_space_cut(struct vhd_space *s, uint64_t off)
{
	size_t idx = find(s, off);

	if (idx < s->count && s->ext[idx].off < off) {
		s->ext[idx].len = off - s->ext[idx].off;
		idx++;
	}
	s->count = idx;
}

uint64_t vhd_space_total(const struct vhd_space *s)
{
	uint64_t total = 0;

	for (size_t i = 0; i < s->count; i++)
		total += s->ext[i].len;
	return total;
}
