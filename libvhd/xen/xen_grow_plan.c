/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where everything will be.
 *
 * A block is in the way when it begins in front of where the structures will end,
 * or so close behind that the page of its bitmap reaches into them: Xen's tools
 * write this page as a whole (VHD-A-5).  It goes to the end, where a page of its
 * own lies in front of its data.  What is left of its old place behind the
 * structures is of no use to anybody, and stays as it is.
 */
#include "xen/xen_grow.h"

#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_priv.h"

#define LOCATOR_ROOM_MAX (4 * KiB)

bool vhd_xen_locator_real(const struct xen_grow *g, size_t i)
{
	const struct vhd1_locator *loc = &g->hdr.locator[i];

	return loc->code && loc->len && loc->len <= VHD1_LOC_LEN_MAX &&
	       range_in(loc->off, align_up(loc->len, VHD1_SECTOR),
			g->tail_off) &&
	       loc->off >= VHD1_FOOTER_LEN + VHD1_HEADER_LEN;
}

/* Room for a longer name is kept, within reason. */
uint64_t vhd_xen_locator_room(const struct xen_grow *g, size_t i)
{
	const struct vhd1_locator *loc = &g->hdr.locator[i];
	uint64_t need = align_up(loc->len, VHD1_SECTOR);
	uint64_t have = vhd1_locator_space(loc);

	return have % VHD1_SECTOR || have > LOCATOR_ROOM_MAX ? need
		: max_u64(have, need);
}

/* Structures of @entries, one after the other. */
static void lay_out(const struct xen_grow *g, struct xen_layout *l)
{
	uint64_t at = g->hdr.table_off + vhd1_table_space(l->entries);

	if (g->has_batmap) {
		l->batmap_off = at;
		l->map_off = at + VHD1_BATMAP_LEN;
		l->map_sectors = vhd1_batmap_sectors(l->entries);
		at = l->map_off + UINT64_C(512) * l->map_sectors;
	}
	for (size_t i = 0; i < VHD1_LOCATORS; i++) {
		if (!l->locator_off[i])
			continue;
		l->locator_off[i] = at;
		at += vhd_xen_locator_room(g, i);
	}
	l->end = at;
}

/* Locators that are in the way move along; false when none is left. */
static bool take_along(const struct xen_grow *g, struct xen_layout *l)
{
	bool any = false;

	for (size_t i = 0; i < VHD1_LOCATORS; i++) {
		const struct vhd1_locator *loc = &g->hdr.locator[i];

		if (l->locator_off[i] || !vhd_xen_locator_real(g, i) ||
		    !ranges_overlap(loc->off, align_up(loc->len, VHD1_SECTOR),
				    g->hdr.table_off,
				    l->end - g->hdr.table_off))
			continue;
		l->locator_off[i] = 1;
		any = true;
	}
	return any;
}

static void meta_find(const struct vhd1 *v, struct xen_grow *g)
{
	uint64_t end = g->hdr.table_off +
		       vhd1_table_space(g->hdr.max_entries);

	for (size_t i = 0; i < v->span_count; i++)
		end = max_u64(end, v->span[i].off + v->span[i].len);
	g->meta_end = g->data_end = end;
	for (size_t i = 0; i < VHD1_LOCATORS; i++) {
		if (vhd_xen_locator_real(g, i))
			g->data_end = max_u64(g->data_end,
				g->hdr.locator[i].off +
				max_u64(vhd_xen_locator_room(g, i),
					g->hdr.locator[i].len));
	}
}

static bool in_the_way(const struct xen_grow *g, uint64_t at)
{
	uint64_t gap = XEN_PAGE - g->bitmap_len % XEN_PAGE;

	return g->longer && at < g->to.end + gap;
}

static int moves_check(const struct xen_grow *g, struct vhd_error *err)
{
	for (size_t i = 0; i < g->moves; i++)
		for (size_t k = 0; k < i; k++)
			if (ranges_overlap(g->move[i].from, xen_stride(g),
					   g->move[k].from, xen_stride(g)))
				return vhd_fail_rule(err,
					RULE_VHD1_BLOCK_OVERLAP,
					g->move[i].from, "blocks %" PRIu64
					" and %" PRIu64 " share space",
					g->move[k].blk, g->move[i].blk);
	return 0;
}

struct looking {
	struct vhd1 *v;
	struct xen_grow *g;
};

static int look_block(void *arg, uint64_t blk, uint32_t entry,
		      struct vhd_error *err)
{
	struct looking *l = arg;
	struct xen_grow *g = l->g;
	uint64_t at = vhd1_entry_off(entry), end = at + xen_stride(g);
	int rc = vhd1_place_check(l->v, blk, at, err);

	if (rc)
		return rc;
	if (end > g->tail_off)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END, at,
			"block %" PRIu64 " at 0x%" PRIx64 " reaches over the "
			"end of the data at 0x%" PRIx64, blk, at, g->tail_off);
	g->data_end = max_u64(g->data_end, end);
	if (!in_the_way(g, at))
		return 0;
	if (g->moves == XEN_MOVES)
		return vhd_fail(err, VHD_E_CORRUPT, "more than %d blocks lie "
				"in front of 0x%" PRIx64, XEN_MOVES,
				g->to.end);
	g->move[g->moves++] = (struct xen_move){ .blk = blk, .from = at };
	return 0;
}

/* Where the trailing footer belongs, if there is none. */
static void tail_find(const struct vhd1 *v, struct xen_grow *g)
{
	uint64_t last = align_down(g->file_size, VHD1_SECTOR) -
			VHD1_FOOTER_LEN;

	if (v->footers_ok & VHD_COPY_SECOND)
		return;
	g->tail_off = g->device ? last
				: max_u64(last, align_up(g->data_end,
							 VHD1_SECTOR));
}

static int places_find(struct xen_grow *g, struct vhd_error *err)
{
	uint64_t end = max_u64(g->data_end, g->longer ? g->to.end : 0);

	for (size_t i = 0; i < g->moves; i++) {
		uint64_t data = align_up(end, XEN_PAGE) +
				align_up(g->bitmap_len, XEN_PAGE);

		g->move[i].to = data - g->bitmap_len;
		end = data + g->hdr.block_size;
	}
	g->new_tail = max_u64(g->tail_off, align_up(end, VHD1_SECTOR));
	if (end > 2 * TiB)
		return vhd_fail(err, VHD_E_NOSPACE,
				"a block would lie beyond 2 TiB");
	if (g->device && g->new_tail > g->tail_off)
		return vhd_fail(err, VHD_E_NOSPACE, "the image would need %"
				PRIu64 " bytes, and its device has %" PRIu64,
				g->new_tail + VHD1_FOOTER_LEN, g->file_size);
	return 0;
}

int vhd_xen_grow_plan(struct vhd1 *v, struct xen_grow *g, struct vhd_error *err)
{
	struct looking l = { v, g };
	const struct vhd1_walk walk = { .fn = look_block, .arg = &l };
	struct xen_layout *to = &g->to;
	uint64_t need = g->size / g->hdr.block_size;
	int rc;

	meta_find(v, g);
	to->entries = (uint32_t)max_u64(need, g->hdr.max_entries);
	g->recast = to->entries > g->hdr.max_entries;
	g->longer = vhd1_table_space(to->entries) >
		    vhd1_table_space(g->hdr.max_entries);
	if (g->longer) {
		do
			lay_out(g, to);
		while (take_along(g, to));
	}
	rc = vhd1_table_walk(v, &walk, err);
	if (rc)
		return rc;
	tail_find(v, g);
	if (g->tail_off < g->data_end)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END,
			g->tail_off, "the image needs its last 512 bytes for "
			"a block");
	rc = moves_check(g, err);
	return rc ? rc : places_find(g, err);
}
