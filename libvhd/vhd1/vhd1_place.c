/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_place.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

/*
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
	SCAN_STEP = 64 << 10,
	WINDOW_MIN = 64 << 10,		/* slots */
	WINDOW_MAX = 8 << 20		/* slots, 32 MiB */
};

struct placing {
	struct vhd1 *v;
	const struct vhd1_places *to;
	uint32_t *slot;			/* block + 1, or 0 */
	uint64_t window;		/* slots in a window */
	uint64_t first;			/* slot of this window's start */
	uint64_t next;			/* first slot in use behind it */
	uint64_t pass;
	struct vhd1_block prev;		/* the last block in file order */
	bool any;
	bool stop;			/* somebody has had enough */
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

uint64_t vhd1_place_passes(const struct vhd1 *v)
{
	return div_ceil(slot_count(v), window_len(v));
}

static int say_overlap(struct placing *p, const struct vhd1_block *a,
		       const struct vhd1_block *b, struct vhd_error *err)
{
	int rc = p->to->overlap ? p->to->overlap(p->to->arg, a, b, err) : 0;

	if (rc > 0)
		p->stop = true;
	return rc;
}

static int enter(void *arg, uint64_t blk, uint32_t entry,
		 struct vhd_error *err)
{
	struct placing *p = arg;
	const struct vhd1_block self = { blk, vhd1_entry_off(entry) };
	uint64_t slot = self.at / vhd1_stride(p->v);
	struct vhd1_block other;
	uint32_t at;
	int rc;

	if (self.at >= p->v->file_size || slot < p->first ||
	    vhd1_span_hit(p->v, self.at, p->v->span_hard))
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
	other.blk = p->slot[slot] - 1;
	rc = vhd1_entry(p->v, other.blk, &at, err);
	other.at = vhd1_entry_off(at);
	return rc ? rc : say_overlap(p, &other, &self, err);
}

static int tick(void *arg, uint64_t done, struct vhd_error *err)
{
	const struct placing *p = arg;

	return p->to->tick ? p->to->tick(p->to->arg, p->pass, done, err) : 0;
}

static int scan(struct placing *p, struct vhd_error *err)
{
	const uint64_t stride = vhd1_stride(p->v);
	uint64_t i;

	for (i = 0; i < p->window && !p->stop; i++) {
		struct vhd1_block b;
		uint32_t entry;
		int rc = i % SCAN_STEP ? 0 : tick(p, 0, err);

		if (rc)
			return rc;
		if (!p->slot[i])
			continue;
		b.blk = p->slot[i] - 1;
		rc = vhd1_entry(p->v, b.blk, &entry, err);
		if (rc)
			return rc;
		b.at = vhd1_entry_off(entry);
		if (p->any && b.at - p->prev.at < stride)
			rc = say_overlap(p, &p->prev, &b, err);
		if (rc >= 0 && p->to->next)
			rc = p->to->next(p->to->arg, &b, err);
		if (rc < 0)
			return rc;
		p->any = true;
		p->prev = b;
	}
	return 0;
}

int vhd1_place_walk(struct vhd1 *v, const struct vhd1_places *to,
		    struct vhd_error *err)
{
	struct placing p = { .v = v, .to = to };
	const struct vhd1_walk walk = {
		.fn = enter, .tick = tick, .arg = &p
	};
	uint64_t total = slot_count(v);
	int rc = 0;

	p.window = window_len(v);
	p.slot = vhd_alloc_array((size_t)p.window, sizeof(*p.slot));
	if (!p.slot)
		return vhd_fail_nomem(err);
	for (; !rc && !p.stop && p.first < total; p.first = p.next) {
		p.next = total;
		memset(p.slot, 0, (size_t)p.window * sizeof(*p.slot));
		rc = vhd1_table_walk(v, &walk, err);
		p.pass++;
		if (!rc && !p.stop)
			rc = scan(&p, err);
	}
	vhd_free(p.slot);
	return rc;
}
