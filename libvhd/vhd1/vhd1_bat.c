/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_priv.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_write.h"

/* The block allocation table, which is never in memory as a whole. */

enum {
	WALK_LEN = 64 << 10,	/* bytes of the table at once, past the cache */
	RUN_PAGES = 1024,	/* pages that one search for a run looks at */
	LOOK_LEN = 512,		/* bytes of a page at once */
	BACK_LEN = 1 << 20	/* in front of a place, to begin with */
};

static bool touched(const struct vhd1 *v)
{
	return v->write && v->write->w && vhd_writer_touched(v->write->w);
}

static int read_file(void *eng, void *buf, size_t len, uint64_t off,
		     struct vhd_error *err)
{
	const struct vhd1 *v = eng;

	return vhd_io_read_padded(v->io, buf, len, off, err);
}

int vhd1_read(struct vhd1 *v, void *buf, size_t len, uint64_t off,
	      struct vhd_error *err)
{
	if (!touched(v))
		return read_file(v, buf, len, off, err);
	return vhd_writer_read(v->write->w, read_file, buf, len, off, err);
}

int vhd1_expose(struct vhd1 *v, struct vhd_error *err)
{
	return touched(v) ? vhd_writer_expose(v->write->w, err) : 0;
}

static int fetch(void *arg, uint64_t off, uint8_t *page,
		 struct vhd_error *err)
{
	return vhd1_read(arg, page, VHD_PAGE_SIZE, off, err);
}

/* The writer brings pages to the file when it commits. */
static int stage(void *arg, uint64_t off, const uint8_t *page, uint32_t mask,
		 struct vhd_error *err)
{
	struct vhd1 *v = arg;

	return vhd_writer_stage(v->write->w, off, page, mask, err);
}

int vhd1_cache_new(struct vhd1 *v, uint64_t budget, struct vhd_error *err)
{
	static const struct vhd_pcache_ops ops = {
		.fetch = fetch, .store = stage
	};

	return vhd_pcache_new(&ops, v, budget, &v->pc, err);
}

static uint64_t entry_off(const struct vhd1 *v, uint64_t blk)
{
	return v->hdr.table_off + 4 * blk;
}

int vhd1_entry(struct vhd1 *v, uint64_t blk, uint32_t *entry_out,
	       struct vhd_error *err)
{
	be32 raw;
	int rc = vhd_pcache_read(v->pc, entry_off(v, blk), &raw, sizeof(raw),
				 err);

	if (!rc)
		*entry_out = be32_get(raw);
	return rc;
}

/* How many of the @n entries at @raw are unused, before the first used one. */
static uint64_t unused_prefix(const uint8_t *raw, uint64_t n)
{
	static const uint8_t ones[64] = {
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		255, 255, 255, 255,
	};
	uint64_t i = 0;

	while (n - i >= sizeof(ones) / 4 &&
	       !memcmp(raw + 4 * i, ones, sizeof(ones)))
		i += sizeof(ones) / 4;
	while (i < n && !memcmp(raw + 4 * i, ones, 4))
		i++;
	return i;
}

/* Entry by entry, for a table whose entries may straddle pages. */
static int unused_run_slow(struct vhd1 *v, uint64_t blk, uint64_t end,
			   uint64_t *count_out, struct vhd_error *err)
{
	uint64_t stop = min_u64(end, blk + VHD_PAGE_SIZE);
	uint64_t at;

	for (at = blk; at < stop; at++) {
		uint32_t entry;
		int rc = vhd1_entry(v, at, &entry, err);

		if (rc)
			return rc;
		if (entry != VHD1_UNUSED)
			break;
	}
	*count_out = at - blk;
	return 0;
}

/* The same in a page, @n entries from byte @at on. */
static uint64_t unused_in_page(const struct vhd_page *page, size_t at,
			       uint64_t n)
{
	uint64_t done = 0;

	while (done < n) {
		uint64_t some = min_u64(n - done, LOOK_LEN / 4), got;
		uint8_t raw[LOOK_LEN];

		vhd_page_read(page, at + 4 * (size_t)done, raw,
			      4 * (size_t)some);
		got = unused_prefix(raw, some);
		done += got;
		if (got < some)
			break;
	}
	return done;
}

int vhd1_unused_run(struct vhd1 *v, uint64_t blk, uint64_t end,
		    uint64_t *count_out, struct vhd_error *err)
{
	uint64_t at = blk;
	unsigned pages = 0;

	if (v->hdr.table_off % 4)
		return unused_run_slow(v, blk, end, count_out, err);
	while (at < end && pages++ < RUN_PAGES) {
		uint64_t off = entry_off(v, at);
		size_t in_page = (size_t)(off % VHD_PAGE_SIZE);
		uint64_t n = min_u64(end - at,
				     (VHD_PAGE_SIZE - in_page) / 4);
		struct vhd_page *page;
		uint64_t got;
		int rc = vhd_pcache_get(v->pc, off, &page, err);

		if (rc)
			return rc;
		got = unused_in_page(page, in_page, n);
		vhd_pcache_put(v->pc, page);
		at += got;
		if (got < n)
			break;
	}
	*count_out = at - blk;
	return 0;
}

/*
 * Finds the hole around @off.  Who goes through the file backwards, or all over
 * it, is helped by what lies in front of @off, and nobody says how far a hole
 * goes back: it is tried further the more often it was right.
 */
static int hole_find(struct vhd1 *v, struct vhd1_hole *h, uint64_t off,
		     uint64_t len, struct vhd_error *err)
{
	uint64_t size = v->file_size, from = off - min_u64(off, h->back), stop;
	int rc = vhd_io_next_data(v->io, from, size, &h->to, &stop, err);

	if (!rc && from < off && (h->to < off || h->to - off < len)) {
		h->back /= 4;
		from = off;
		rc = vhd_io_next_data(v->io, off, size, &h->to, &stop, err);
	} else if (!rc && h->back < size) {
		h->back = h->back ? h->back * 2 : BACK_LEN;
	}
	h->from = rc ? h->to : from;
	h->data_to = rc ? h->to : stop;
	return rc;
}

/*
 * Searching costs more than reading a little.  Where it has found nothing but
 * data it is tried ever more rarely.  Nothing is certain while changes wait.
 */
int vhd1_in_hole(struct vhd1 *v, struct vhd1_hole *h, uint64_t off,
		 uint64_t len, bool *yes_out, struct vhd_error *err)
{
	int rc;

	*yes_out = off >= h->from && range_in(off - h->from, len,
					      h->to - h->from);
	if (*yes_out || touched(v) || off >= v->file_size)
		return 0;
	if (off >= h->to && off < h->data_to)
		return 0;
	if (h->wait) {
		h->wait--;
		return 0;
	}
	rc = hole_find(v, h, off, len, err);
	if (rc)
		return rc;
	*yes_out = h->to - off >= len;
	h->vain = *yes_out ? 0 : h->vain + 1;
	h->wait = h->vain < 4 ? 0 : UINT32_C(1) << (h->vain < 14 ? h->vain : 14);
	return 0;
}

const struct vhd1_span *vhd1_span_hit(const struct vhd1 *v, uint64_t off,
				      size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (ranges_overlap(off, vhd1_stride(v), v->span[i].off,
				   v->span[i].len))
			return &v->span[i];
	return NULL;
}

static int walk_piece(const struct vhd1_walk *w, uint64_t blk,
		      const uint8_t *raw, uint64_t n, struct vhd_error *err)
{
	uint64_t i = 0;

	while (i < n) {
		be32 entry;
		int rc;

		i += unused_prefix(raw + 4 * i, n - i);
		if (i == n)
			break;
		memcpy(&entry, raw + 4 * i, sizeof(entry));
		rc = w->fn(w->arg, blk + i, be32_get(entry), err);
		if (rc)
			return rc;
		i++;
	}
	return 0;
}

/*
 * A hole in the table is entries of 0, all wrong in the same way.  Of such a
 * run only the first is shown; @at becomes the entry where data begins, or stays.
 * A hole may be about to be filled.  @to_out: the entry up to which to read, for
 * data ends where the next hole begins.
 */
static int walk_hole(struct vhd1 *v, const struct vhd1_walk *w, uint64_t *at,
		     uint64_t *to_out, struct vhd_error *err)
{
	uint64_t off = entry_off(v, *at), start, stop, n = *to_out;
	int rc;

	if (touched(v))
		return 0;
	rc = vhd_io_next_data(v->io, off, entry_off(v, n), &start, &stop, err);
	if (!rc && start == off)
		*to_out = min_u64(n, *at + div_ceil(stop - off, 4));
	if (rc || start - off < WALK_LEN)
		return rc;
	if (w->hole)
		rc = w->hole(w->arg, *at, (start - off) / 4, err);
	else
		rc = w->fn(w->arg, *at, 0, err);
	*at += (start - off) / 4;
	return rc;
}

int vhd1_table_walk(struct vhd1 *v, const struct vhd1_walk *w,
		    struct vhd_error *err)
{
	uint64_t n = v->hdr.max_entries, at = 0;
	uint8_t *raw = vhd_alloc(WALK_LEN);
	int rc = 0;

	if (!raw)
		return vhd_fail_nomem(err);
	while (at < n) {
		uint64_t to = n, some;

		rc = walk_hole(v, w, &at, &to, err);
		some = min_u64(to - at, WALK_LEN / 4);
		if (!rc)
			rc = vhd1_read(v, raw, (size_t)some * 4,
				       entry_off(v, at), err);
		if (!rc)
			rc = walk_piece(w, at, raw, some, err);
		at += some;
		if (!rc && w->tick)
			rc = w->tick(w->arg, at, err);
		if (rc)
			break;
	}
	vhd_free(raw);
	return rc > 0 ? 0 : rc;
}
