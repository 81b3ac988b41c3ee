/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_check.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

/*
 * VHD-K-33, VHD-K-36, VHD-K-37: do blocks share space, and what space belongs
 * to none?
 *
 * All blocks have the same length, so the file is cut into slots of that
 * length.  Two blocks that start in one slot overlap; a block that is alone in
 * its slot can only touch the one of the next slot.  A table of one number per
 * slot, the block that starts there, therefore sorts the blocks by place in one
 * pass: no search, 4 bytes per 2 MiB of file.
 *
 * A file that claims tiny blocks and terabytes gets the same in windows, a pass
 * over the table for each.
 */

enum {
	WINDOW_MIN = 64 << 10,		/* slots */
	WINDOW_MAX = 8 << 20		/* slots, 32 MiB */
};

struct placing {
	struct vhd1_checker *c;
	uint32_t *slot;			/* block + 1, or 0 */
	uint64_t window;		/* slots in a window */
	uint64_t first;			/* slot of this window's start */
	uint64_t next;			/* first slot in use behind it */
	uint64_t prev_blk;		/* the last block in file order */
	uint64_t prev_at;
	uint64_t end;			/* of all content so far */
	bool any;
	uint64_t leaks, leaked;		/* holes in the content, their bytes */
};

/* No entry points past 2 TiB. */
static uint64_t slot_count(const struct vhd1 *v)
{
	return min_u64(v->file_size, 2 * TiB) / vhd1_stride(v) + 1;
}

/* Few blocks in a long file need no table of all its slots. */
static uint64_t window_len(const struct vhd1 *v)
{
	uint64_t room = max_u64(WINDOW_MIN, UINT64_C(4) * v->hdr.max_entries);

	return min_u64(slot_count(v), min_u64(room, WINDOW_MAX));
}

uint64_t vhd1_check_place_passes(const struct vhd1 *v)
{
	return div_ceil(slot_count(v), window_len(v));
}

static void say_overlap(struct vhd1_checker *c, uint64_t a, uint64_t a_at,
			uint64_t b, uint64_t b_at)
{
	if (!vhd1_may_say(c, RULE_VHD1_BLOCK_OVERLAP))
		return;
	if (a_at == b_at)
		vhd_report(c->sink, RULE_VHD1_BLOCK_OVERLAP, a_at,
			   "blocks %" PRIu64 " and %" PRIu64 " are both at 0x%"
			   PRIx64, a, b, a_at);
	else
		vhd_report(c->sink, RULE_VHD1_BLOCK_OVERLAP, b_at,
			   "block %" PRIu64 " at 0x%" PRIx64 " and block %"
			   PRIu64 " at 0x%" PRIx64 " overlap", a, a_at, b,
			   b_at);
}

static int enter(void *arg, uint64_t blk, uint32_t entry,
		 struct vhd_error *err)
{
	struct placing *p = arg;
	uint64_t at = vhd1_entry_off(entry);
	uint64_t slot = at / vhd1_stride(p->c->v);
	uint32_t other;
	int rc;

	if (at >= p->c->v->file_size || slot < p->first ||
	    vhd1_span_hit(p->c->v, at, p->c->v->span_hard))
		return 0;
	if (slot - p->first >= p->window) {
		p->next = min_u64(p->next, slot);
		return 0;
	}
	slot -= p->first;
	if (!p->slot[slot]) {
		/* The table has at most 2^32 - 1 entries: no wrap to 0. */
		p->slot[slot] = (uint32_t)(blk + 1);
		return 0;
	}
	rc = vhd1_entry(p->c->v, p->slot[slot] - 1, &other, err);
	if (!rc)
		say_overlap(p->c, p->slot[slot] - 1, vhd1_entry_off(other),
			    blk, at);
	return rc;
}

static int tick(void *arg, uint64_t done, struct vhd_error *err)
{
	const struct placing *p = arg;

	return vhd1_check_tick(p->c, done, err);
}

/* Bytes of [from, to) that are metadata, padding to a sector included. */
static uint64_t meta_in(const struct vhd1 *v, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < v->span_count; i++) {
		const struct vhd1_span *s = &v->span[i];
		uint64_t end = align_up(s->off + s->len, VHD1_SECTOR);
		uint64_t a = max_u64(from, s->off), b = min_u64(to, end);

		if (a < b)
			sum += b - a;
	}
	return sum;
}

/* The content between p->end and @at: a gap for alignment is no leak. */
static void count_gap(struct placing *p, uint64_t at)
{
	uint64_t gap, meta;

	if (at <= p->end)
		return;
	gap = at - p->end;
	meta = meta_in(p->c->v, p->end, at);
	gap = gap > meta ? gap - meta : 0;
	if (gap >= 8 * VHD1_SECTOR) {
		p->leaks++;
		p->leaked += gap;
	}
}

static int scan(struct placing *p, struct vhd_error *err)
{
	const uint64_t stride = vhd1_stride(p->c->v);
	uint64_t i;

	for (i = 0; i < p->window; i++) {
		uint64_t blk, at;
		uint32_t entry;
		int rc;

		if (!p->slot[i])
			continue;
		blk = p->slot[i] - 1;
		rc = vhd1_entry(p->c->v, blk, &entry, err);
		if (rc)
			return rc;
		at = vhd1_entry_off(entry);
		if (p->any && at - p->prev_at < stride)
			say_overlap(p->c, p->prev_blk, p->prev_at, blk, at);
		count_gap(p, at);
		p->any = true;
		p->prev_blk = blk;
		p->prev_at = at;
		p->end = max_u64(p->end, at + stride);
	}
	return 0;
}

static void say_space(const struct placing *p)
{
	const struct vhd1 *v = p->c->v;
	uint64_t end = p->end;
	size_t i;

	for (i = 0; i < v->span_count; i++)
		end = max_u64(end, align_up(v->span[i].off + v->span[i].len,
					    VHD1_SECTOR));
	if (p->leaks)
		vhd_report(p->c->sink, RULE_VHD1_LEAK, VHD_NO_OFFSET,
			   "%" PRIu64 " bytes in %" PRIu64 " places between "
			   "the blocks belong to nothing", p->leaked,
			   p->leaks);
	if (v->tail_off < v->file_size && end < v->tail_off)
		vhd_report(p->c->sink, RULE_VHD1_FOOTER_GAP, end,
			   "there are %" PRIu64 " bytes of room in front of "
			   "the footer", v->tail_off - end);
}

int vhd1_check_place(struct vhd1_checker *c, struct vhd_error *err)
{
	struct placing p = { .c = c };
	const struct vhd1_walk walk = {
		.fn = enter, .tick = tick, .arg = &p
	};
	uint64_t total = slot_count(c->v);
	int rc = 0;

	p.window = window_len(c->v);
	p.slot = vhd_alloc_array((size_t)p.window, sizeof(*p.slot));
	if (!p.slot)
		return vhd_fail_nomem(err);
	for (; !rc && p.first < total; p.first = p.next) {
		p.next = total;
		memset(p.slot, 0, (size_t)p.window * sizeof(*p.slot));
		rc = vhd1_table_walk(c->v, &walk, err);
		c->pass++;
		if (!rc)
			rc = scan(&p, err);
	}
	if (!rc)
		say_space(&p);
	vhd_free(p.slot);
	return rc;
}
