/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A longer table, and all that lies around it.
 *
 * Behind the table is Xen's batmap, whose place follows from the table's length,
 * then what the parent is called, then blocks; all of them are in the way of a
 * table that grows (VHD-R-2, VHD-R-9), and none can change together with the
 * header in one step.  What can be changed in one step is where the header is:
 * the footers say it.  So a second header, with a table, a batmap and locators
 * of its own, is written to a free place, the footers lead there, the old ones'
 * place is filled with the new ones, and the footers lead back.
 *
 *	blocks in the way move			vhd1_vacate.c
 *	second set written, flush
 *	footers lead to it			vhd1_footers_put()
 *	first set written, flush
 *	footers lead to it
 *
 * Each set fits the same blocks, so whichever footer counts after a cut is right.
 * An image that was left with its second set is a valid one, only unusual: the
 * next change of its size brings the structures home.
 *
 * Where the padding of the table is enough (VHD-B-3) the header's first sector
 * says all that changes (VHD-W-12), and none of this is needed.
 */
#include "vhd1/vhd1_reshape.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

enum {
	PIECE = 64 << 10,
	HEADER_OFF = 512,		/* VHD-G-1 */
	TABLE_OFF = 1536		/* VHD-H-9 */
};

/* Bytes that a locator's text needs (VHD-L-5). */
static uint64_t locator_room(const struct vhd1_locator *loc)
{
	return align_up(max_u64(loc->len, 1), VHD1_SECTOR);
}

/* Something that lies in the file as it says. */
static bool locator_real(const struct vhd1 *v, const struct vhd1_locator *loc)
{
	return loc->code && loc->len && loc->len <= VHD1_LOC_LEN_MAX &&
	       range_in(loc->off, loc->len, v->tail_off);
}

/* Places one after the other, from @at on. */
static void lay_out(const struct vhd1 *v, struct vhd1_home *h)
{
	uint64_t at = h->table_off + vhd1_table_space(h->entries);
	size_t i;

	if (v->has_batmap) {
		h->batmap_off = at;
		h->map_off = at + VHD1_BATMAP_LEN;
		h->map_sectors = vhd1_batmap_sectors(h->entries);
		at = h->map_off + UINT64_C(512) * h->map_sectors;
	}
	for (i = 0; i < VHD1_LOCATORS; i++) {
		if (!h->locator_off[i])
			continue;
		h->locator_off[i] = at;
		at += locator_room(&v->hdr.locator[i]);
	}
	h->end = at;
}

/* Locators between @from and @h->end move along; false when none did. */
static bool take_along(const struct vhd1 *v, uint64_t from,
		       struct vhd1_home *h)
{
	bool any = false;
	size_t i;

	for (i = 0; i < VHD1_LOCATORS; i++) {
		const struct vhd1_locator *loc = &v->hdr.locator[i];

		if (h->locator_off[i] || !locator_real(v, loc) ||
		    !ranges_overlap(loc->off, locator_room(loc), from,
				    h->end - from))
			continue;
		h->locator_off[i] = 1;
		any = true;
	}
	return any;
}

/* Where the structures are to be in the end. */
static void home_find(const struct vhd1 *v, uint32_t entries, bool away,
		      struct vhd1_home *h)
{
	size_t i;

	*h = (struct vhd1_home){
		.data_off = v->footer.data_off,
		.table_off = align_up(v->hdr.table_off, VHD1_SECTOR),
		.entries = entries
	};
	/* A header that the table would grow over. */
	away = away || (h->data_off > v->hdr.table_off &&
			h->data_off != HEADER_OFF);
	if (away) {
		h->data_off = HEADER_OFF;
		h->table_off = TABLE_OFF;
	}
	for (i = 0; away && i < VHD1_LOCATORS; i++)
		h->locator_off[i] = locator_real(v, &v->hdr.locator[i]) &&
				    v->hdr.locator[i].off > v->footer.data_off;
	do
		lay_out(v, h);
	while (take_along(v, h->table_off, h));
}

/* The same, elsewhere. */
static int twin_find(struct vhd1 *v, const struct vhd1_home *home,
		     struct vhd1_home *h, uint64_t *len_out,
		     struct vhd_error *err)
{
	uint64_t len = VHD1_HEADER_LEN + (home->end - home->table_off), at;
	int rc = vhd1_room_take(v, len, VHD1_SECTOR, &at, err);

	if (rc)
		return rc;
	*h = *home;
	h->data_off = at;
	h->table_off = at + VHD1_HEADER_LEN;
	lay_out(v, h);
	*len_out = len;
	return 0;
}

/* The present table, and unused entries behind it. */
static int table_write(struct vhd1 *v, const struct vhd1_home *h,
		       struct vhd_error *err)
{
	uint64_t have = min_u64(vhd1_table_len(v->hdr.max_entries),
				vhd1_table_len(h->entries));
	uint64_t len = vhd1_table_space(h->entries), pos;
	uint8_t *raw = vhd_alloc(PIECE);
	int rc = raw ? 0 : vhd_fail_nomem(err);

	for (pos = 0; !rc && pos < len; pos += PIECE) {
		size_t n = (size_t)min_u64(len - pos, PIECE);
		size_t old = pos < have ? (size_t)min_u64(n, have - pos) : 0;

		memset(raw, 0xff, n);
		if (old)
			rc = vhd_io_read(v->io, raw, old,
					 v->hdr.table_off + pos, err);
		if (!rc)
			rc = vhd_io_write(v->io, raw, n, h->table_off + pos,
					  err);
	}
	vhd_free(raw);
	return rc;
}

static int locator_write(struct vhd1 *v, struct vhd1_locator *loc, uint64_t to,
			 struct vhd_error *err)
{
	size_t room = (size_t)locator_room(loc);
	uint8_t *raw = vhd_alloc(room);
	int rc;

	if (!raw)
		return vhd_fail_nomem(err);
	rc = vhd_io_read(v->io, raw, loc->len, loc->off, err);
	memset(raw + loc->len, 0, room - loc->len);
	if (!rc)
		rc = vhd_io_write(v->io, raw, room, to, err);
	vhd_free(raw);
	loc->off = to;
	loc->space = (uint32_t)room;
	return rc;
}

static int header_write(struct vhd1 *v, const struct vhd1_home *h,
			struct vhd1_header *hdr, struct vhd_error *err)
{
	uint8_t raw[VHD1_HEADER_LEN];
	int rc = 0;
	size_t i;

	*hdr = v->hdr;
	hdr->table_off = h->table_off;
	hdr->max_entries = h->entries;
	for (i = 0; !rc && i < VHD1_LOCATORS; i++)
		if (h->locator_off[i])
			rc = locator_write(v, &hdr->locator[i],
					   h->locator_off[i], err);
	vhd1_header_encode(hdr, raw);
	if (!rc)
		rc = vhd_io_write(v->io, raw, sizeof(raw), h->data_off, err);
	return rc;
}

/* All of a set is written; then both footers lead to it. */
static int settle(struct vhd1 *v, const struct vhd1_home *h,
		  struct vhd_error *err)
{
	const struct vhd1_map_edit same = {
		.keep = v->hdr.max_entries, .but = VHD_NO_OFFSET
	};
	struct vhd1_batmap map = v->batmap;
	struct vhd1_header hdr;
	int rc = table_write(v, h, err);

	if (!rc && v->has_batmap)
		rc = vhd1_batmap_copy(v, &same, h->batmap_off, h->map_off,
				      h->map_sectors, &map, err);
	if (!rc)
		rc = header_write(v, h, &hdr, err);
	if (!rc)
		rc = vhd1_flush(v, err);
	if (rc)
		return rc;
	v->hdr = hdr;
	v->batmap = map;
	v->batmap_hdr_off = h->batmap_off;
	v->footer.data_off = h->data_off;
	return vhd1_footers_put(v, err);
}

/* Padding becomes entries; then the header says so. */
static int fill(struct vhd1 *v, uint32_t entries, struct vhd_error *err)
{
	uint64_t old = v->hdr.max_entries, at = old;
	uint8_t raw[VHD1_HEADER_LEN];
	struct vhd1_header hdr = v->hdr;
	int rc = 0;

	while (!rc && at % (VHD1_SECTOR / 4))
		rc = vhd1_entry_store(v, at++, VHD1_UNUSED, err);
	if (!rc)
		rc = vhd1_flush(v, err);
	hdr.max_entries = entries;
	vhd1_header_encode(&hdr, raw);
	if (!rc)
		rc = vhd_io_write(v->io, raw, VHD1_SECTOR, v->footer.data_off,
				  err);
	if (!rc)
		rc = vhd1_flush(v, err);
	if (!rc)
		v->hdr = hdr;
	return rc;
}

static int rebuild(struct vhd1 *v, uint32_t entries, bool away,
		   const struct vhd_engine_resize *req, struct vhd_error *err)
{
	struct vhd1_home home, twin;
	uint64_t from, len;
	int rc;

	home_find(v, entries, away, &home);
	from = min_u64(home.data_off, home.table_off);
	if (home.data_off == v->footer.data_off)
		from = home.table_off;
	rc = vhd1_vacate(v, from, home.end, req, err);
	if (!rc)
		rc = twin_find(v, &home, &twin, &len, err);
	if (!rc)
		rc = settle(v, &twin, err);
	if (!rc)
		rc = settle(v, &home, err);
	if (!rc)
		vhd_space_add(&v->write->space, twin.data_off, len,
			      VHD_SPACE_DIRTY);
	return rc;
}

/* A batmap that is not as it should be cannot be taken along. */
static int batmap_check(const struct vhd1 *v, struct vhd_error *err)
{
	if (!vhd1_footer_is_tap(&v->footer) || v->has_batmap)
		return 0;
	return vhd_fail_rule(err, RULE_VHD1_BATMAP_BAD, VHD_NO_OFFSET,
		"the image is Xen's and has no sound batmap: it must be "
		"repaired before its table of blocks can grow");
}

int vhd1_recast(struct vhd1 *v, uint32_t entries,
		const struct vhd_engine_resize *req, struct vhd_error *err)
{
	uint32_t old = v->hdr.max_entries;
	bool away = false, fits;
	int rc = 0;

	entries = entries < old ? old : entries;
	if (v->footer.data_off != HEADER_OFF)
		rc = vhd1_block_before(v, v->footer.data_off, &away, err);
	if (rc || (entries == old && !away))
		return rc;
	rc = batmap_check(v, err);
	if (rc)
		return rc;
	fits = vhd1_table_space(entries) == vhd1_table_space(old) &&
	       v->hdr.table_off % VHD1_SECTOR == 0;
	if (fits && !away)
		return fill(v, entries, err);
	return rebuild(v, entries, away, req, err);
}
