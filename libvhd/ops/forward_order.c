/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sorting without memory for all of it: a walk over the table collects those
 * blocks that come next in the file, up to a bound; when they have been given
 * out, another walk collects the next ones.  The list may grow to twice the
 * bound and is then sorted and cut.  Most images fit into one list, and a walk
 * takes no time compared with moving what the list stands for.
 */
#include "ops/forward_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

enum {
	ROOM_MIN = 1024,
	ROOM_MAX = 512 << 10,	/* 8 MiB */
	BOUND = ROOM_MAX / 2
};

static int cmp(const struct forward_blk *a, const struct forward_blk *b)
{
	if (a->off != b->off)
		return a->off < b->off ? -1 : 1;
	return (a->blk > b->blk) - (a->blk < b->blk);
}

static int by_place(const void *a, const void *b)
{
	return cmp(a, b);
}

static bool grow(struct forward_order *o)
{
	size_t room = o->room ? 2 * o->room : ROOM_MIN;
	struct forward_blk *list = vhd_alloc_array(room, sizeof(*list));

	if (!list)
		return false;
	if (o->count)
		memcpy(list, o->list, o->count * sizeof(*list));
	vhd_free(o->list);
	o->list = list;
	o->room = room;
	return true;
}

static void cut(struct forward_order *o)
{
	if (o->count)
		qsort(o->list, o->count, sizeof(*o->list), by_place);
	if (o->count > BOUND) {
		o->count = BOUND;
		o->dropped = true;
	}
}

/* False when the list is complete. */
static bool enter(struct forward_order *o, const struct forward_blk *b)
{
	if (o->given && cmp(b, &o->last) <= 0)
		return true;
	if (o->walked && o->ascending && o->count == BOUND) {
		o->dropped = true;
		return false;
	}
	if (o->dropped && o->count >= BOUND &&
	    cmp(b, &o->list[BOUND - 1]) > 0)
		return true;
	if (o->count == ROOM_MAX) {
		cut(o);
		return enter(o, b);
	}
	if (o->count == o->room && !grow(o)) {
		o->no_memory = true;
		return false;
	}
	o->list[o->count++] = *b;
	return true;
}

static bool see(void *arg, enum vhd_region_kind kind, uint64_t off,
		uint64_t len, uint64_t blk)
{
	struct forward_order *o = arg;
	struct forward_blk b = { off, blk };

	if (kind == VHD_REGION_BITMAP)
		o->bitmap_len = len;
	if (kind != VHD_REGION_DATA)
		return true;
	if (!o->walked) {
		if (o->total && (off <= o->prev.off || blk <= o->prev.blk))
			o->ascending = false;
		o->first_off = o->total ? min_u64(o->first_off, off) : off;
		o->total++;
		o->prev = b;
	}
	return enter(o, &b);
}

static int walk(struct forward_order *o, struct vhd_error *err)
{
	int rc;

	o->count = o->at = 0;
	o->dropped = false;
	rc = vhd_layer_layout(o->img, 0, see, o, err);
	if (!rc && o->no_memory)
		rc = vhd_fail_nomem(err);
	if (!rc)
		cut(o);
	o->walked = true;
	return rc;
}

int vhd_forward_order_begin(struct forward_order *o, struct vhd_image *img,
			    struct vhd_error *err)
{
	*o = (struct forward_order){ .img = img, .ascending = true };
	return walk(o, err);
}

int vhd_forward_order_next(struct forward_order *o, struct forward_blk *out,
			   bool *more_out, struct vhd_error *err)
{
	if (o->at == o->count && o->given < o->total) {
		int rc = walk(o, err);

		if (rc)
			return rc;
	}
	*more_out = o->at < o->count;
	if (!*more_out)
		return 0;
	*out = o->last = o->list[o->at++];
	o->given++;
	return 0;
}

void vhd_forward_order_end(struct forward_order *o)
{
	vhd_free(o->list);
	o->list = NULL;
}
