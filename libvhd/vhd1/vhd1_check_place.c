/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_check.h"

#include <inttypes.h>

#include "base/ckd.h"
#include "io/find_data.h"
#include "vhd1/vhd1_place.h"
#include "vhd1/vhd1_write.h"

/*
 * VHD-K-33, VHD-K-36, VHD-K-37: do blocks share space, and what space belongs
 * to none?
 */

enum {
	GAP_LEAST = 8 * VHD1_SECTOR,	/* less is alignment */
	LOOKS = 1024			/* for data that belongs to nothing */
};

struct looking {
	struct vhd1_checker *c;
	uint64_t first_pass;
	uint64_t end;			/* of all content so far */
	uint64_t leaks, leaked;		/* holes in the content, their bytes */
};

static int on_overlap(void *arg, const struct vhd1_block *a,
		      const struct vhd1_block *b, struct vhd_error *err)
{
	const struct looking *l = arg;
	struct vhd1_checker *c = l->c;

	(void)err;
	if (!vhd1_may_say(c, RULE_VHD1_BLOCK_OVERLAP))
		return 0;
	if (a->at == b->at)
		vhd_report(c->sink, RULE_VHD1_BLOCK_OVERLAP, a->at,
			   "blocks %" PRIu64 " and %" PRIu64 " are both at 0x%"
			   PRIx64, a->blk, b->blk, a->at);
	else
		vhd_report(c->sink, RULE_VHD1_BLOCK_OVERLAP, b->at,
			   "block %" PRIu64 " at 0x%" PRIx64 " and block %"
			   PRIu64 " at 0x%" PRIx64 " overlap", a->blk, a->at,
			   b->blk, b->at);
	return 0;
}

/* What belongs to a structure: of a locator, all that is reserved (VHD-L-4). */
static uint64_t span_end(const struct vhd1 *v, const struct vhd1_span *s)
{
	uint64_t len = s->len;
	size_t i;

	for (i = 0; i < VHD1_LOCATORS; i++)
		if (v->hdr.locator[i].code && v->hdr.locator[i].off == s->off)
			len = max_u64(len,
				      vhd1_locator_space(&v->hdr.locator[i]));
	return align_up(s->off + len, VHD1_SECTOR);
}

/* The first place from @at on, before @to, that is no structure's. */
static uint64_t skip_meta(const struct vhd1 *v, uint64_t at, uint64_t to)
{
	size_t i = 0;

	while (at < to && i < v->span_count) {
		const struct vhd1_span *s = &v->span[i];

		if (s->off <= at && span_end(v, s) > at) {
			at = span_end(v, s);
			i = 0;
		} else {
			i++;
		}
	}
	return min_u64(at, to);
}

/* Where the next structure behind @at begins. */
static uint64_t next_meta(const struct vhd1 *v, uint64_t at, uint64_t to)
{
	size_t i;

	for (i = 0; i < v->span_count; i++)
		if (v->span[i].off > at)
			to = min_u64(to, v->span[i].off);
	return to;
}

/*
 * VHD-K-59: Xen writes the start of a block that the batmap shows full as a
 * whole page, the seven sectors in front of it included.
 */
static int check_packed(struct looking *l, const struct vhd1_block *b,
			struct vhd_error *err)
{
	struct vhd1_checker *c = l->c;
	bool set;
	int rc;

	if (!vhd1_is_packed(c->v, l->end, b->at))
		return 0;
	rc = vhd1_batmap_bit(c->v, b->blk, &set, err);
	if (!rc && set && vhd1_may_say(c, RULE_VHD1_BATMAP_PACKED))
		vhd_report(c->sink, RULE_VHD1_BATMAP_PACKED, b->at,
			   "batmap shows block %" PRIu64 " full, and another "
			   "block ends right in front of it at 0x%" PRIx64,
			   b->blk, b->at);
	return rc;
}

/* The content between l->end and the block: a gap for alignment is no leak. */
static int on_next(void *arg, const struct vhd1_block *b,
		   struct vhd_error *err)
{
	struct looking *l = arg;
	const struct vhd1 *v = l->c->v;
	uint64_t from = l->end;
	int rc = check_packed(l, b, err);

	l->end = max_u64(from, b->at + vhd1_stride(v));
	while (!rc && from < b->at && b->at - from >= GAP_LEAST) {
		uint64_t start = skip_meta(v, from, b->at);

		from = next_meta(v, start, b->at);
		if (from - start >= GAP_LEAST) {
			l->leaks++;
			l->leaked += from - start;
		}
	}
	return rc;
}

static int on_tick(void *arg, uint64_t pass, uint64_t done,
		   struct vhd_error *err)
{
	const struct looking *l = arg;

	l->c->pass = l->first_pass + pass;
	return vhd1_check_tick(l->c, done, err);
}

/*
 * VHD-Y-16: a table without blocks before a file with data.  A power cut before
 * the first flush of a new image looks the same, and is no damage.
 */
static int check_lost(const struct looking *l, uint64_t from,
		      struct vhd_error *err)
{
	const struct vhd1 *v = l->c->v;
	uint64_t to = v->tail_off, looks = LOOKS, at;
	int rc;

	if (l->c->entries || to < from || to - from < vhd1_stride(v))
		return 0;
	rc = vhd_io_find_data(v->io, from, to, &looks, &at, err);
	if (!rc && at < to)
		vhd_report(l->c->sink, RULE_VHD1_TABLE_LOST, v->hdr.table_off,
			   "no block has space, and %" PRIu64 " bytes of the "
			   "file hold data that belongs to none, the first "
			   "at 0x%" PRIx64 ": the table was lost, or never "
			   "written",
			   to - from, at);
	return rc;
}

static int check_space(const struct looking *l, struct vhd_error *err)
{
	const struct vhd1 *v = l->c->v;
	uint64_t end = l->end;
	size_t i;

	for (i = 0; i < v->span_count; i++)
		end = max_u64(end, align_up(v->span[i].off + v->span[i].len,
					    VHD1_SECTOR));
	if (l->leaks)
		vhd_report(l->c->sink, RULE_VHD1_LEAK, VHD_NO_OFFSET,
			   "%" PRIu64 " bytes in %" PRIu64 " places between "
			   "the blocks belong to nothing", l->leaked,
			   l->leaks);
	if (v->tail_off < v->file_size && end < v->tail_off)
		vhd_report(l->c->sink, RULE_VHD1_FOOTER_GAP, end,
			   "there are %" PRIu64 " bytes of room in front of "
			   "the footer", v->tail_off - end);
	return check_lost(l, end, err);
}

int vhd1_check_place(struct vhd1_checker *c, struct vhd_error *err)
{
	struct looking l = { .c = c, .first_pass = c->pass };
	const struct vhd1_places places = { on_overlap, on_next, on_tick, &l };
	int rc = vhd1_place_walk(c->v, &places, err);

	c->pass = l.first_pass + vhd1_place_passes(c->v);
	return rc ? rc : check_space(&l, err);
}
