/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the metadata and the block allocation table are, in a file whose region
 * tables do not tell (VHDX-CHK-21).
 *
 * What a table with a wrong checksum says is the best guess there is, if what is
 * found there makes sense.  Else the metadata region is looked for by its
 * signature; it tells how many entries the block allocation table must have; and
 * that is looked for as a run of so many entries of which each is one that can
 * be.  Data of a guest is hardly ever that: bits 3 to 19 of each eight bytes
 * would have to be zero, and what is above them a place in the file.  Of several
 * the one with most blocks is taken; one without any is not.
 *
 * Only borders of MiB come into question, and only so many of them.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "codec/vhdx_guids.h"
#include "vhdx/vhdx_repair_priv.h"

enum {
	BORDERS_MAX = 65536,
	CLAIMS_MAX = 4,		/* so many of one kind are looked at */
	PIECE = 65536,
	WRONG_SHARE = 8		/* one wrong entry to so many right ones */
};

/* What is read in search of a table: several of the largest. */
#define READ_MAX (2 * GiB)

struct guess {
	struct vhdx_fix *m;
	uint64_t read_len;	/* so far */
	struct vhdx_place metadata;
	struct vhdx_place bat;
	struct vhdx_geom geom;
	bool has_parent;
	uint64_t entries;
	uint8_t *buf;		/* PIECE bytes */
};

/* Is there a place for it, and nothing else that is known? */
static bool is_free(const struct guess *g, const struct vhdx_place *p)
{
	const struct vhdx_place *log = &g->m->log;

	return p->off >= MiB && !(p->off % MiB) && p->len &&
	       !(p->len % MiB) && p->len <= UINT32_MAX &&
	       range_in(p->off, p->len, g->m->file_size) &&
	       !ranges_overlap(p->off, p->len, log->off, log->len) &&
	       !ranges_overlap(p->off, p->len, g->metadata.off,
			       g->metadata.len);
}

static int items_read(struct guess *g, uint64_t off,
		      const struct vhdx_meta_table *table,
		      struct vhdx_meta_items *out, struct vhd_error *err)
{
	int rc = 0;

	for (int i = VHDX_ITEM_PARAMS; i < VHDX_ITEM_LOCATOR && !rc; i++) {
		enum vhdx_item item = (enum vhdx_item)i;

		rc = vhd_io_read_padded(g->m->io,
					vhdx_meta_item_slot(out, item),
					table->item[item].len,
					off + table->item[item].off, err);
	}
	return rc;
}

/* Fills in what metadata at @p says, if it is metadata. */
static int meta_try(struct guess *g, const struct vhdx_place *p,
		    struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_meta_table table;
	struct vhdx_meta_items items;
	struct vhdx_meta meta;
	int rc;

	if (!is_free(g, p))
		return 0;
	rc = vhd_io_read_padded(g->m->io, g->buf, VHDX_META_TABLE_LEN, p->off,
				err);
	if (rc || vhdx_meta_table_decode(g->buf, p->len, &table, &notes) !=
			  VHD_RULE_NONE)
		return rc;
	rc = items_read(g, p->off, &table, &items, err);
	if (rc || vhdx_meta_decode(&items, &table, &meta, &notes) !=
			  VHD_RULE_NONE)
		return rc;
	g->metadata = *p;
	g->has_parent = meta.has_parent;
	vhdx_geom_init(&g->geom, meta.disk_size, meta.block_size,
		       meta.logical_sector);
	g->entries = vhdx_geom_entries(&g->geom, meta.has_parent);
	return 0;
}

/* Could this be entry @idx of a table at @at? */
static bool entry_ok(const struct guess *g, const struct vhdx_place *at,
		     uint64_t idx, const struct vhdx_batent *ent)
{
	const struct vhdx_place *log = &g->m->log;
	bool bitmap = vhdx_bat_idx_is_bitmap(&g->geom, idx);
	uint64_t off = ent->file_off;

	if (ent->reserved_set || ent->state == VHDX_RESERVED_4 ||
	    (bitmap && ent->state &&
	     (!g->has_parent || ent->state != VHDX_FULLY_PRESENT)))
		return false;
	if (!vhdx_state_has_data(ent->state))
		return !off || off < g->m->file_size;
	return off >= MiB && off < g->m->file_size &&
	       !ranges_overlap(off, MiB, log->off, log->len) &&
	       !ranges_overlap(off, MiB, at->off, at->len) &&
	       !ranges_overlap(off, MiB, g->metadata.off, g->metadata.len);
}

/* The next entry that need not be zero: holes are not read. */
static int next_stored(struct guess *g, const struct vhdx_place *at,
		       uint64_t *idx, uint64_t *stop, struct vhd_error *err)
{
	uint64_t off = at->off + vhdx_bat_off_of_idx(*idx), start;
	uint64_t end = at->off + vhdx_bat_off_of_idx(g->entries);
	int rc;

	if (off < *stop)
		return 0;
	rc = vhd_io_next_data(g->m->io, off, end, &start, stop, err);
	if (!rc && start > off)
		*idx = vhdx_bat_idx_of_off(start - at->off);
	return rc;
}

/* Counts blocks, and entries that cannot be; gives up after too many of these. */
static int bat_count(struct guess *g, const struct vhdx_place *at,
		     uint64_t wrong_max, uint64_t *blocks_out,
		     uint64_t *wrong_out, struct vhd_error *err)
{
	uint64_t idx = 0, blocks = 0, wrong = 0, stop = 0;

	while (idx < g->entries && wrong <= wrong_max &&
	       g->read_len < READ_MAX) {
		const le64 *raw = (const void *)g->buf;
		uint64_t n;
		int rc = next_stored(g, at, &idx, &stop, err);

		n = min_u64(g->entries - idx, PIECE / sizeof(*raw));
		if (!rc)
			rc = vhd_io_read_padded(
				g->m->io, g->buf, (size_t)n * sizeof(*raw),
				at->off + vhdx_bat_off_of_idx(idx), err);
		if (rc)
			return rc;
		g->read_len += PIECE;
		for (uint64_t i = 0; i < n; i++, idx++) {
			struct vhdx_batent ent = vhdx_batent_decode(raw[i]);

			if (!le64_get(raw[i]))
				continue;
			if (!entry_ok(g, at, idx, &ent))
				wrong++;
			else if (vhdx_state_has_data(ent.state))
				blocks++;
		}
	}
	*blocks_out = blocks;
	*wrong_out = wrong + (idx < g->entries);
	return 0;
}

/* A table that is named there: it may have been hit as well. */
static int bat_try(struct guess *g, const struct vhdx_place *p,
		   struct vhd_error *err)
{
	uint64_t blocks, wrong;
	int rc;

	if (!is_free(g, p) || vhdx_bat_idx_of_off(p->len) < g->entries)
		return 0;
	rc = bat_count(g, p, g->entries, &blocks, &wrong, err);
	if (!rc && wrong <= blocks / WRONG_SHARE)
		g->bat = *p;
	return rc;
}

/* What the tables say, wherever in them it is. */
static int claims_try(struct guess *g, const uint8_t *claims,
		      const struct vhd_guid *guid,
		      int (*fn)(struct guess *g, const struct vhdx_place *p,
				struct vhd_error *err),
		      const struct vhdx_place *found, struct vhd_error *err)
{
	for (uint32_t i = 0, n = 0; i < 2 * VHDX_REGIONS_MAX && n < CLAIMS_MAX;
	     i++) {
		const uint8_t *table = claims + i / VHDX_REGIONS_MAX *
						VHDX_REGIONS_LEN;
		struct vhdx_region r;
		int rc;

		vhdx_region_get(table, i % VHDX_REGIONS_MAX, &r);
		if (!vhd_guid_equal(&r.guid, guid))
			continue;
		n++;
		rc = fn(g, &r.place, err);
		if (rc || found->len)
			return rc;
	}
	return 0;
}

static int meta_seek(struct guess *g, struct vhd_error *err)
{
	struct vhdx_place p = { .len = MiB };

	for (uint64_t i = 1; i < BORDERS_MAX && !g->metadata.len; i++) {
		uint8_t bytes[8];
		int rc;

		p.off = i * MiB;
		if (!range_in(p.off, p.len, g->m->file_size))
			break;
		rc = vhd_io_read(g->m->io, bytes, sizeof(bytes), p.off, err);
		if (!rc && !memcmp(bytes, "metadata", sizeof(bytes)))
			rc = meta_try(g, &p, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int bat_seek(struct guess *g, struct vhd_error *err)
{
	struct vhdx_place p = {
		.len = align_up(vhdx_bat_off_of_idx(g->entries), MiB)
	};
	uint64_t most = 0;

	for (uint64_t i = 1; i < BORDERS_MAX && p.len; i++) {
		uint64_t blocks = 0, wrong = 0, start, stop;
		int rc;

		p.off = i * MiB;
		if (!range_in(p.off, p.len, g->m->file_size))
			break;
		if (!is_free(g, &p))
			continue;
		rc = vhd_io_next_data(g->m->io, p.off, p.off + p.len, &start,
				      &stop, err);
		if (!rc && start < stop)
			rc = bat_count(g, &p, 0, &blocks, &wrong, err);
		if (rc)
			return rc;
		if (wrong || blocks <= most)
			continue;
		most = blocks;
		g->bat = p;
	}
	return 0;
}

static int guess(struct guess *g, const uint8_t *claims, struct vhd_error *err)
{
	int rc = claims_try(g, claims, &vhdx_guid_metadata, meta_try,
			    &g->metadata, err);

	if (!rc && !g->metadata.len)
		rc = meta_seek(g, err);
	if (rc || !g->metadata.len)
		return rc;
	rc = claims_try(g, claims, &vhdx_guid_bat, bat_try, &g->bat, err);
	if (!rc && !g->bat.len)
		rc = bat_seek(g, err);
	return rc;
}

int vhdx_fix_regions_guess(struct vhdx_fix *m,
			   const uint8_t claims[2 * VHDX_REGIONS_LEN],
			   struct vhdx_regions *out, bool *found_out,
			   struct vhd_error *err)
{
	struct guess g = { .m = m, .buf = vhd_alloc(PIECE) };
	int rc;

	if (!g.buf)
		return vhd_fail_nomem(err);
	rc = guess(&g, claims, err);
	vhd_free(g.buf);
	*found_out = !rc && g.bat.len;
	*out = (struct vhdx_regions){ .bat = g.bat, .metadata = g.metadata };
	return rc;
}
