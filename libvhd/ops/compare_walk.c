/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk goes in windows.  Where both disks have one piece for a granule or
 * more, that needs no reading (it is the same place of the same file, or zeros
 * in both) or it is read, as much at a time as a second-level cache likes.  A
 * granule in which pieces begin or end is read as a whole, or not at all: to be
 * clever about a few sectors of it would not pay.
 */
#include "ops/compare_walk.h"

#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"

/* Of each side; both together are in the cache when they are compared. */
#define WINDOW (128 * KiB)
#define MAX_GRANULE MiB

int vhd_compare_begin(struct vhd_compare_walk *w, struct vhd_error *err)
{
	size_t room;
	int rc;

	memset(&w->sa, 0, sizeof(w->sa));
	memset(&w->sb, 0, sizeof(w->sb));
	w->first = VHD_NO_OFFSET;
	if (!w->granule)
		w->granule = 4096;
	if (!is_pow2(w->granule) || w->granule < 512 ||
	    w->granule > MAX_GRANULE)
		return vhd_fail(err, VHD_E_INVAL,
				"a granule of %llu bytes is no power of two "
				"from 512 to 1048576",
				(unsigned long long)w->granule);
	room = (size_t)max_u64(WINDOW, w->granule);
	rc = vhd_compare_side_open(&w->sa, w->a, room, err);
	return rc ? rc : vhd_compare_side_open(&w->sb, w->b, room, err);
}

void vhd_compare_end(struct vhd_compare_walk *w)
{
	vhd_compare_side_close(&w->sa);
	vhd_compare_side_close(&w->sb);
}

uint64_t vhd_compare_read_bytes(const struct vhd_compare_walk *w)
{
	return w->sa.read_bytes + w->sb.read_bytes;
}

/* The bytes of a window, either of them NULL for zeros. */
struct window {
	uint64_t off;
	size_t len;
	const uint8_t *a, *b;
};

static bool equal(const struct window *v, size_t pos, size_t len)
{
	if (!v->a || !v->b)
		return (!v->a || vhd_is_zero(v->a + pos, len)) &&
		       (!v->b || vhd_is_zero(v->b + pos, len));
	return !memcmp(v->a + pos, v->b + pos, len);
}

static uint8_t byte_of(const uint8_t *bytes, size_t pos)
{
	return bytes ? bytes[pos] : 0;
}

static int give(struct vhd_compare_walk *w, const struct window *v, size_t pos,
		size_t len, struct vhd_error *err)
{
	size_t i = pos;

	w->differing += len;
	if (w->first == VHD_NO_OFFSET) {
		while (byte_of(v->a, i) == byte_of(v->b, i))
			i++;
		w->first = v->off + i;
	}
	if (!w->differ)
		return 0;
	return w->differ(w->arg, v->off + pos, len, v->a ? v->a + pos : NULL,
			 v->b ? v->b + pos : NULL, err);
}

/* From @pos to the next multiple of the granule, or to the window's end. */
static size_t grain(const struct vhd_compare_walk *w, const struct window *v,
		    size_t pos)
{
	uint64_t left = w->granule - (v->off + pos) % w->granule;

	return (size_t)min_u64(left, v->len - pos);
}

static int judge(struct vhd_compare_walk *w, const struct window *v,
		 struct vhd_error *err)
{
	size_t pos = 0, start = 0;
	int rc = 0;

	if (equal(v, 0, v->len))
		return 0;
	while (!rc && pos < v->len) {
		size_t n = grain(w, v, pos);

		if (equal(v, pos, n)) {
			if (pos > start)
				rc = give(w, v, start, pos - start, err);
			start = pos + n;
		}
		pos += n;
	}
	if (!rc && pos > start)
		rc = give(w, v, start, pos - start, err);
	return rc;
}

static int compare(struct vhd_compare_walk *w, uint64_t off, size_t len,
		   struct vhd_error *err)
{
	struct window v = { .off = off, .len = len };
	int rc = vhd_compare_side_read(&w->sa, off, len, &v.a, err);

	if (!rc)
		rc = vhd_compare_side_read(&w->sb, off, len, &v.b, err);
	return rc ? rc : judge(w, &v, err);
}

/* As much of [off, off + len) as is whole granules; at least one of them. */
static uint64_t whole(const struct vhd_compare_walk *w, uint64_t off,
		      uint64_t len, uint64_t end)
{
	uint64_t cut = align_down(off + len, w->granule);

	if (off + len == end || cut > off)
		return off + len == end ? len : cut - off;
	return min_u64(w->granule - off % w->granule, end - off);
}

/* Need none of [off, off + len) be read, although it is many pieces? */
static int all_same(struct vhd_compare_walk *w, uint64_t off, uint64_t len,
		    bool *same_out, struct vhd_error *err)
{
	uint64_t end = off + len;
	int rc = 0;

	*same_out = true;
	while (!rc && *same_out && off < end) {
		struct vhd_compare_piece a, b;

		rc = vhd_compare_side_look(&w->sa, off, end, &a, err);
		if (!rc)
			rc = vhd_compare_side_look(&w->sb, off, end, &b, err);
		if (rc)
			break;
		*same_out = vhd_compare_piece_same(&a, &b);
		off += min_u64(a.len, b.len);
	}
	return rc;
}

/* One window at @off. */
static int step(struct vhd_compare_walk *w, uint64_t off, uint64_t end,
		uint64_t *done_out, struct vhd_error *err)
{
	struct vhd_compare_piece a, b;
	uint64_t room = max_u64(WINDOW, w->granule), len, n;
	bool same;
	int rc = vhd_compare_side_look(&w->sa, off, end, &a, err);

	if (!rc)
		rc = vhd_compare_side_look(&w->sb, off, end, &b, err);
	if (rc)
		return rc;
	len = min_u64(a.len, b.len);
	n = whole(w, off, len, end);
	*done_out = n;
	same = vhd_compare_piece_same(&a, &b);
	if (same && n > len)
		rc = all_same(w, off, n, &same, err);
	if (!rc && same)
		*(a.layer ? &w->same_bytes : &w->zero_bytes) += n;
	if (rc || same)
		return rc;
	if (n > room)
		n = whole(w, off, room, end);
	*done_out = n;
	return compare(w, off, (size_t)n, err);
}

int vhd_compare_range(struct vhd_compare_walk *w, uint64_t off, uint64_t len,
		      struct vhd_error *err)
{
	uint64_t end;
	int rc = 0;

	if (ckd_add(&end, off, len))
		return vhd_fail(err, VHD_E_RANGE, "the range is too long");
	w->sa.limit = w->sb.limit = end;
	while (!rc && off < end) {
		uint64_t n;

		rc = step(w, off, end, &n, err);
		if (rc)
			break;
		off += n;
		if (w->reached)
			rc = w->reached(w->arg, off, err);
	}
	return rc;
}
