/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the names of another parent go.
 *
 * The space of the names that there are is free once nothing leads to them.  It
 * is not believed blindly: its length is said in one of two units (VHD-L-4), so
 * nothing else may lie there, neither metadata nor a block.  When an earlier
 * change of the parent was cut off, the header before it may still be at 512, and
 * the names that it leads to are as good.
 */
#include "vhd1/vhd1_reparent.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/stat.h"
#include "vhd1/vhd1_write.h"

enum { OLD_MAX = 2 * VHD1_LOCATORS, SPACE_MAX = 64 << 10 };

struct places {
	struct vhd1_turn *t;
	struct vhd1_locator old[OLD_MAX];
	size_t old_count;
	uint64_t solid;			/* end of what is there to stay */
	bool home_taken;
};

/* Are these the bytes of the header, or of a name? */
static bool will_go(const struct vhd1 *v, const struct vhd1_span *s)
{
	if (s->off == v->footer.data_off)
		return true;
	for (size_t i = 0; i < VHD1_LOCATORS; i++) {
		const struct vhd1_locator *loc = &v->hdr.locator[i];

		if (loc->code && loc->off == s->off && loc->len == s->len)
			return true;
	}
	return false;
}

/* Does anything that stays lie there, as far as the header knows? */
static bool hits_meta(const struct vhd1 *v, uint64_t off, uint64_t len)
{
	for (size_t i = 0; i < v->span_count; i++) {
		const struct vhd1_span *s = &v->span[i];

		if (!will_go(v, s) && ranges_overlap(off, len, s->off, s->len))
			return true;
	}
	return false;
}

/* What is left of a damaged batmap may yet be repaired (VHD-X-3). */
static bool hits_batmap(const struct vhd1 *v, uint64_t off, uint64_t len)
{
	uint64_t at = v->hdr.table_off + vhd1_table_space(v->hdr.max_entries);

	return vhd1_footer_is_tap(&v->footer) && !v->has_batmap &&
	       ranges_overlap(off, len, at, VHD1_BATMAP_LEN + UINT64_C(512) *
			      vhd1_batmap_sectors(v->hdr.max_entries));
}

static bool is_free(const struct vhd1 *v, uint64_t off, uint64_t len)
{
	return off % VHD1_SECTOR == 0 && off >= VHD1_FOOTER_LEN &&
	       range_in(off, len, v->tail_off) && !hits_meta(v, off, len) &&
	       !hits_batmap(v, off, len);
}

void vhd1_turn_home(struct vhd1_turn *t)
{
	t->home = t->v->footer.data_off;
	if (is_free(t->v, VHD1_FOOTER_LEN, VHD1_HEADER_LEN))
		t->home = VHD1_FOOTER_LEN;
}

bool vhd1_turn_taken(const struct vhd1_turn *t, uint64_t off, uint64_t len)
{
	const struct vhd1 *v = t->v;

	if (ranges_overlap(off, len, t->home, VHD1_HEADER_LEN) ||
	    hits_batmap(v, off, len))
		return true;
	for (size_t i = 0; i < v->span_count; i++) {
		if (ranges_overlap(off, len, v->span[i].off, v->span[i].len))
			return true;
	}
	for (size_t i = 0; i < t->b->locator_count; i++) {
		if (t->place[i] && ranges_overlap(off, len, t->place[i],
						  t->b->locator[i].len))
			return true;
	}
	return false;
}

static void add_old(struct places *p, const struct vhd1_header *h)
{
	for (size_t i = 0; i < VHD1_LOCATORS; i++) {
		if (h->locator[i].code)
			p->old[p->old_count++] = h->locator[i];
	}
}

static int find_old(struct places *p, struct vhd_error *err)
{
	const struct vhd1 *v = p->t->v;
	uint8_t raw[VHD1_HEADER_LEN];
	struct vhd1_header h;
	int rc;

	if (v->footer.data_off != VHD1_FOOTER_LEN &&
	    p->t->home == VHD1_FOOTER_LEN) {
		rc = vhd_io_read(v->io, raw, sizeof(raw), VHD1_FOOTER_LEN, err);
		if (rc)
			return rc;
		vhd1_header_decode(raw, &h);
		if (vhd1_header_seal(raw) == VHD1_SEAL_OK &&
		    h.table_off == v->hdr.table_off &&
		    h.max_entries == v->hdr.max_entries)
			add_old(p, &h);
	}
	add_old(p, &v->hdr);
	return 0;
}

/* May name @i lie in @len bytes at @off, beside those before it and the header? */
static bool fits(const struct places *p, size_t i, uint64_t off, uint64_t len)
{
	const struct vhd1_turn *t = p->t;

	if (!is_free(t->v, off, len) ||
	    ranges_overlap(off, len, t->home, VHD1_HEADER_LEN) ||
	    (t->xen && t->blocks_to && off + len > t->blocks_from))
		return false;
	for (size_t k = 0; k < i; k++) {
		if (t->place[k] && ranges_overlap(off, len, t->place[k],
						  t->b->locator[k].len))
			return false;
	}
	return true;
}

/* A shorter name keeps the space of the one before it, for one to come. */
static void widen(struct places *p, size_t i, uint64_t off, uint64_t space)
{
	struct vhd1_turn *t = p->t;
	struct vhd1_piece *piece = &t->b->locator[i];
	uint8_t *more;

	if (space <= piece->len || space > SPACE_MAX || space % VHD1_SECTOR ||
	    off + space > t->blocks_from || !fits(p, i, off, space))
		return;
	more = vhd_alloc((size_t)space);
	if (!more)
		return;
	memcpy(more, piece->bytes, piece->len);
	vhd_free(piece->bytes);
	piece->bytes = more;
	piece->len = (size_t)space;
	t->b->hdr.locator[i].space = (uint32_t)space;
}

/* What is free in front of the first block. */
static void choose_gap(struct places *p, size_t i, uint64_t from)
{
	struct vhd1_turn *t = p->t;
	uint64_t len = t->b->locator[i].len, at;

	for (at = from; !t->place[i] && at < t->blocks_from &&
	     t->blocks_from - at >= len; at += VHD1_SECTOR) {
		if (fits(p, i, at, len))
			t->place[i] = at;
	}
}

static uint64_t table_end(const struct vhd1 *v)
{
	return align_up(v->hdr.table_off +
			vhd1_table_space(v->hdr.max_entries), VHD1_SECTOR);
}

static void choose(struct places *p)
{
	struct vhd1_turn *t = p->t;

	for (size_t i = 0; i < t->b->locator_count; i++) {
		for (size_t k = 0; !t->place[i] && k < p->old_count; k++) {
			const struct vhd1_locator *old = &p->old[k];
			uint64_t space = vhd1_locator_space(old);

			if (space < t->b->locator[i].len ||
			    old->off > INT64_MAX ||
			    !fits(p, i, old->off, t->b->locator[i].len))
				continue;
			widen(p, i, old->off, space);
			t->place[i] = old->off;
		}
		choose_gap(p, i, table_end(t->v));
	}
}

/* Where blocks are. */
static int on_block(void *arg, uint64_t blk, uint32_t entry,
		    struct vhd_error *err)
{
	struct vhd1_turn *t = arg;
	uint64_t at = vhd1_entry_off(entry);

	(void)blk;
	(void)err;
	t->blocks_from = min_u64(t->blocks_from, at);
	t->blocks_to = max_u64(t->blocks_to, at + vhd1_stride(t->v));
	return 0;
}

static int on_entry(void *arg, uint64_t blk, uint32_t entry,
		    struct vhd_error *err)
{
	struct places *p = arg;
	struct vhd1_turn *t = p->t;
	uint64_t at = vhd1_entry_off(entry), len = vhd1_stride(t->v);

	(void)blk;
	(void)err;
	if (ranges_overlap(at, len, t->home, VHD1_HEADER_LEN))
		p->home_taken = true;
	for (size_t i = 0; i < t->b->locator_count; i++) {
		if (t->place[i] && ranges_overlap(at, len, t->place[i],
						  t->b->locator[i].len))
			t->place[i] = 0;
	}
	return 0;
}

static void find_solid(struct places *p)
{
	const struct vhd1_turn *t = p->t;
	const struct vhd1 *v = t->v;

	p->solid = max_u64(t->blocks_to, t->home + VHD1_HEADER_LEN);
	for (size_t i = 0; i < v->span_count; i++) {
		const struct vhd1_span *s = &v->span[i];

		if (!will_go(v, s))
			p->solid = max_u64(p->solid, s->off + s->len);
	}
	for (size_t i = 0; i < t->b->locator_count; i++) {
		if (t->place[i])
			p->solid = max_u64(p->solid, t->place[i] +
						     t->b->locator[i].len);
	}
	p->solid = align_up(p->solid, VHD1_SECTOR);
}

/* Xen's tools take what lies in front of a name for headers. */
static int check_xen(const struct vhd1_turn *t, struct vhd_error *err)
{
	int rc;

	for (size_t i = 0; i < t->b->locator_count; i++) {
		if (t->place[i] || !t->xen || !t->blocks_to)
			continue;
		rc = vhd_fail(err, VHD_E_NOSPACE, "the name of the parent has "
			      "no room in front of the first block, at 0x%"
			      PRIx64, t->blocks_from);
		if (err)
			err->os_errno = ENAMETOOLONG;
		return rc;
	}
	return 0;
}

int vhd1_turn_places(struct vhd1_turn *t, struct vhd_error *err)
{
	struct places p = { .t = t };
	const struct vhd1_walk first = { .fn = on_block, .arg = t };
	const struct vhd1_walk walk = { .fn = on_entry, .arg = &p };
	int rc;

	t->blocks_from = t->v->tail_off;
	rc = vhd1_table_walk(t->v, &first, err);
	if (!rc)
		rc = find_old(&p, err);
	if (rc)
		return rc;
	choose(&p);
	rc = vhd1_table_walk(t->v, &walk, err);
	if (!rc)
		rc = check_xen(t, err);
	if (rc)
		return rc;
	if (p.home_taken)
		t->home = t->v->footer.data_off;
	find_solid(&p);
	/* The room of a change that was cut off is given back as well. */
	t->tail = t->v->tail_off;
	if (!vhd_io_is_device(t->v->io) && t->home != t->v->footer.data_off &&
	    t->v->footer.data_off >= p.solid)
		t->tail = p.solid;
	return 0;
}
