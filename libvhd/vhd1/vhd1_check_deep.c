/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_check.h"

#include <inttypes.h>

#include "base/bitmap.h"
#include "vhd1/vhd1_deep.h"

/*
 * VHD-K-45 to VHD-K-47: sector bitmaps against the data.
 *
 * Readers that ignore the bitmap of a dynamic disk show data under clear bits;
 * others do not (VHD-S-6).  Of a differencing disk nobody can say what belongs
 * under a clear bit, but some programs misread a byte of the bitmap that is
 * neither 0x00 nor 0xFF (VHD-S-9).
 */

struct looking {
	struct vhd1_checker *c;
	uint64_t zero;		/* blocks without data */
};

static void check_dynamic(struct looking *l, const struct vhd1_inside *b)
{
	struct vhd1_checker *c = l->c;
	uint64_t hidden = 0, shown = 0, first = 0, i;

	for (i = 0; i < b->sectors; i++) {
		if (!vhd_bit_get(b->data, i, VHD_MSB_FIRST))
			continue;
		if (vhd_bit_get(b->bits, i, VHD_MSB_FIRST))
			shown++;
		else if (!hidden++)
			first = i;
	}
	if (!shown)
		l->zero++;
	if (hidden && vhd1_may_say(c, RULE_VHD1_DATA_UNDER_CLEAR_BIT))
		vhd_report(c->sink, RULE_VHD1_DATA_UNDER_CLEAR_BIT,
			   b->at + c->v->bitmap_len + first * VHD1_SECTOR,
			   "block %" PRIu64 " has data in %" PRIu64 " sectors "
			   "that its bitmap marks as never written", b->blk,
			   hidden);
}

static void check_diff(struct looking *l, const struct vhd1_inside *b)
{
	struct vhd1_checker *c = l->c;
	uint32_t i;

	for (i = 0; i < b->sectors / 8; i++)
		if (b->bits[i] && b->bits[i] != 0xff)
			break;
	if (i < b->sectors / 8 && vhd1_may_say(c, RULE_VHD1_BITMAP_PARTIAL))
		vhd_report(c->sink, RULE_VHD1_BITMAP_PARTIAL, b->at + i,
			   "bitmap of block %" PRIu64 " has the byte 0x%02x, "
			   "which some programs misread", b->blk, b->bits[i]);
}

static int on_block(void *arg, const struct vhd1_inside *b,
		    struct vhd_error *err)
{
	struct looking *l = arg;

	(void)err;
	if (l->c->v->footer.type == VHD1_TYPE_DYNAMIC)
		check_dynamic(l, b);
	else
		check_diff(l, b);
	return 0;
}

static int on_tick(void *arg, uint64_t done, struct vhd_error *err)
{
	const struct looking *l = arg;

	return vhd1_check_tick(l->c, done, err);
}

int vhd1_check_deep(struct vhd1_checker *c, struct vhd_error *err)
{
	struct looking l = { .c = c };
	const struct vhd1_deep deep = { on_block, on_tick, &l, false };
	int rc = vhd1_deep_walk(c->v, &deep, err);

	if (!rc && l.zero)
		vhd_report(c->sink, RULE_VHD1_BLOCK_ZERO, VHD_NO_OFFSET,
			   "%" PRIu64 " allocated blocks hold nothing but "
			   "zeros", l.zero);
	c->pass++;
	return rc;
}
