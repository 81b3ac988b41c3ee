/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is free in a file that was opened for writing?
 *
 * The table says which blocks have space, in any order; the rest below the
 * footer is free where a block fits.  Nothing is given away in a file whose
 * owners are in doubt: a block that overlaps another, or metadata, or the
 * footer, stops it, before anything was written.
 *
 * If all blocks are to be dropped it does not matter who owns which: then nothing
 * in front of the footer is free as long as they are there.
 *
 * Four bytes for each block that has space, during the scan only: these are as
 * many as fit into the file, whatever the table says.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_write.h"

enum {
	ROOM_MIN = 1024,
	ALIGN = 4096,			/* VHD-A-4 */
	SPANS = VHD1_SPANS + 1
};

struct scan {
	struct vhd1 *v;
	uint64_t tail;
	uint32_t *used;			/* entries of the table */
	size_t count, room;
	bool sorted;
	bool blind;			/* owners are in doubt */
	uint64_t unaligned;		/* blocks whose data is not aligned */
	struct vhd1_span span[SPANS];	/* by place, ends rounded up */
	size_t span_count;
};

static bool grow(struct scan *s)
{
	size_t room = s->room ? 2 * s->room : ROOM_MIN;
	uint32_t *used = vhd_alloc_array(room, sizeof(*used));

	if (!used)
		return false;
	if (s->count)
		memcpy(used, s->used, s->count * sizeof(*used));
	vhd_free(s->used);
	s->used = used;
	s->room = room;
	return true;
}

static int fail_overlap(uint64_t at, struct vhd_error *err)
{
	return vhd_fail_rule(err, RULE_VHD1_BLOCK_OVERLAP, at,
		"the block at 0x%" PRIx64 " and another share space: the "
		"image must be checked before it is written to", at);
}

static int place_check(const struct scan *s, uint64_t blk, uint64_t at,
		       struct vhd_error *err)
{
	const struct vhd1 *v = s->v;
	const struct vhd1_span *hit = vhd1_span_hit(v, at, v->span_count);

	if (hit)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_IN_META, at,
			"block %" PRIu64 " at 0x%" PRIx64 " overlaps %s at "
			"0x%" PRIx64 ": the image must be checked before it "
			"is written to", blk, at, hit->what, hit->off);
	if (!range_in(at, vhd1_stride(v), s->tail))
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END, at,
			"block %" PRIu64 " at 0x%" PRIx64 " ends past the end "
			"of the data (0x%" PRIx64 "): the image must be "
			"checked before it is written to", blk, at, s->tail);
	return 0;
}

static int enter(void *arg, uint64_t blk, uint32_t entry,
		 struct vhd_error *err)
{
	struct scan *s = arg;
	uint64_t at = vhd1_entry_off(entry);
	int rc = place_check(s, blk, at, err);

	if (rc)
		return rc;
	/* More than there is room for cannot all have their own. */
	if (s->count >= s->tail / vhd1_stride(s->v))
		return fail_overlap(at, err);
	if (s->count == s->room && !grow(s))
		return vhd_fail_nomem(err);
	if (s->count && s->used[s->count - 1] > entry)
		s->sorted = false;
	s->used[s->count++] = entry;
	s->unaligned += (at + s->v->bitmap_len) % ALIGN != 0;
	return 0;
}

static int by_entry(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int overlap_check(struct scan *s, struct vhd_error *err)
{
	uint64_t stride = vhd1_stride(s->v) / VHD1_SECTOR;
	size_t i;

	if (!s->sorted)
		qsort(s->used, s->count, sizeof(*s->used), by_entry);
	for (i = 1; i < s->count; i++)
		if (s->used[i] - s->used[i - 1] < stride)
			return fail_overlap(vhd1_entry_off(s->used[i]), err);
	return 0;
}

static void span_add(struct scan *s, uint64_t off, uint64_t len)
{
	uint64_t end = align_up(off + len, VHD1_SECTOR);
	size_t i = s->span_count++;

	for (; i && s->span[i - 1].off > off; i--)
		s->span[i] = s->span[i - 1];
	s->span[i] = (struct vhd1_span){ .off = off, .len = end - off };
}

/* All spans lie inside the file, as was seen when it was opened. */
static void spans_sort(struct scan *s)
{
	const struct vhd1 *v = s->v;
	uint64_t table_end = v->hdr.table_off +
			     vhd1_table_space(v->hdr.max_entries);
	size_t i;

	for (i = 0; i < v->span_count; i++)
		span_add(s, v->span[i].off, v->span[i].len);
	/* What is left of a damaged batmap may yet be repaired (VHD-X-3). */
	if (vhd1_footer_is_tap(&v->footer) && !v->has_batmap)
		span_add(s, table_end, VHD1_BATMAP_LEN + UINT64_C(512) *
			 vhd1_batmap_sectors(v->hdr.max_entries));
}

/* What is too short for a block counts where the file may be cut. */
static void gap_add(struct scan *s, uint64_t from, uint64_t to)
{
	const struct vhd1_write *wr = s->v->write;
	bool all = wr->packing || wr->exact || wr->crumbs;
	uint64_t least = all ? VHD1_SECTOR : vhd1_stride(s->v);

	to = min_u64(to, min_u64(s->tail, VHD1_FILE_CAP));
	if (!s->blind && from < to && to - from >= least)
		vhd_space_add(&s->v->write->space, from, to - from,
			      VHD_SPACE_DIRTY);
}

/* Blocks and spans in the order of their places; what lies between is free. */
static uint64_t gaps_find(struct scan *s)
{
	uint64_t end = 0, off, len;
	size_t i = 0, j = 0;

	while (i < s->count || j < s->span_count) {
		uint64_t at = i < s->count ? vhd1_entry_off(s->used[i])
					   : UINT64_MAX;

		if (j < s->span_count && s->span[j].off <= at) {
			off = s->span[j].off;
			len = s->span[j++].len;
		} else {
			off = at;
			len = vhd1_stride(s->v);
			i++;
		}
		if (!s->v->write->exact)
			gap_add(s, end, off);
		end = max_u64(end, off + len);
	}
	gap_add(s, end, s->tail);
	return end;
}

/*
 * Data of new blocks is aligned, unless a disk with all its blocks would then
 * not fit below 2 TiB (VHD-M-3).
 */
static uint32_t align_choose(const struct scan *s, uint64_t end)
{
	uint64_t stride = align_up(vhd1_stride(s->v), ALIGN);
	uint64_t blocks = vhd1_block_count(s->v);
	uint64_t more = blocks - min_u64(blocks, s->count);
	uint64_t first = align_up(end + s->v->bitmap_len, ALIGN);

	if (first >= VHD1_FILE_CAP || more > (VHD1_FILE_CAP - first) / stride)
		return s->v->has_batmap ? ALIGN : VHD1_SECTOR;
	return ALIGN;
}

/* Takes blocks that fit into [from, to) off *@left; where they end. */
static uint64_t fill(const struct scan *s, uint32_t align, uint64_t from,
		     uint64_t to, uint64_t *left)
{
	uint64_t stride = vhd1_stride(s->v), step = align_up(stride, align);
	uint64_t first = align_up(from + s->v->bitmap_len, align) -
			 s->v->bitmap_len;
	uint64_t n;

	if (!*left || first > to || to - first < stride)
		return from;
	n = min_u64(*left, 1 + (to - first - stride) / step);
	*left -= n;
	return first + (n - 1) * step + stride;
}

/* Where the file would end if its blocks were the first that fit. */
static uint64_t tight_find(const struct scan *s, uint32_t align)
{
	uint64_t end = 0, left = s->count;
	size_t i;

	for (i = 0; i < s->span_count; i++) {
		fill(s, align, end, s->span[i].off, &left);
		end = max_u64(end, s->span[i].off + s->span[i].len);
	}
	return fill(s, align, end, s->tail, &left);
}

int vhd1_scan(struct vhd1 *v, struct vhd_error *err)
{
	struct scan s = { .v = v, .tail = v->tail_off, .sorted = true };
	const struct vhd1_walk walk = { .fn = enter, .arg = &s };
	struct vhd1_write *wr = v->write;
	int rc;

	if (wr->scanned)
		return 0;
	rc = vhd1_table_walk(v, &walk, err);
	if (!rc)
		rc = overlap_check(&s, err);
	if (rc == VHD_E_CORRUPT && wr->doomed) {
		s.blind = true;
		s.count = 0;
		s.unaligned = 0;
		rc = 0;
	}
	if (!rc) {
		spans_sort(&s);
		wr->content_end = gaps_find(&s);
		wr->align = align_choose(&s, wr->content_end);
		/* VHD-X-12: what Xen marks needs its gap in front. */
		wr->packed = s.unaligned && !v->has_batmap && !wr->exact;
		wr->unaligned = s.unaligned;
		wr->tight_end = tight_find(&s, wr->packed ? VHD1_SECTOR
							  : wr->align);
		wr->scanned = true;
	}
	vhd_free(s.used);
	return rc;
}

int vhd1_space_fresh(struct vhd1 *v, struct vhd_error *err)
{
	struct vhd1_write *wr = v->write;

	vhd_space_clear(&wr->space);
	wr->scanned = false;
	wr->packing = true;
	return vhd1_scan(v, err);
}
