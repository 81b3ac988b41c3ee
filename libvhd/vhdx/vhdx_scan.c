/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of the file is free (VHDX-SPC-01): all that the header section, the log,
 * the regions, blocks with data, sector bitmaps and soft anchors do not take.
 *
 * The table is walked once, when the first block needs a place or gives one up,
 * into a map of one bit for each MiB; what comes of it is a list of extents, and
 * the map goes.  Nothing that owns space has changed by then, so the walk may
 * pass over holes of the file.
 *
 * Nothing new is put into a file where space has two owners, or data is lost
 * behind the end: sooner or later one block's bytes would be another's.
 */
#include <inttypes.h>

#include "base/bitmap.h"
#include "base/fail.h"
#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_space_map.h"
#include "vhdx/vhdx_write.h"

struct scan {
	struct vhdx *x;
	struct vhdx_space used;
	uint64_t end_off;		/* of the highest structure */
};

bool vhdx_owner_find(const struct vhdx *x, uint64_t idx, uint64_t raw,
		     struct vhdx_owner *out)
{
	struct vhdx_batent ent = vhdx_batent_unpack(raw);

	*out = (struct vhdx_owner){ idx, ent.file_off, x->geom.block_size, false };
	if (vhdx_bat_idx_is_bitmap(&x->geom, idx)) {
		out->len = VHDX_BITMAP_LEN;
		return x->meta.has_parent && ent.state == VHDX_FULLY_PRESENT;
	}
	if (vhdx_blk_of_bat_idx(&x->geom, idx) >= x->geom.blk_count)
		return false;
	out->anchor = vhdx_batent_is_anchor(&ent);
	return out->anchor || vhdx_state_has_data(ent.state);
}

static int refuse(const struct scan *s, const struct vhdx_owner *o,
		  enum vhd_rule_idx rule, const char *what,
		  struct vhd_error *err)
{
	const struct vhdx *x = s->x;
	bool bitmap = vhdx_bat_idx_is_bitmap(&x->geom, o->idx);
	uint64_t nr = bitmap ? vhdx_chunk_of_bat_idx(&x->geom, o->idx)
			     : vhdx_blk_of_bat_idx(&x->geom, o->idx);

	return vhd_fail_rule(err, rule, vhdx_bat_file_off(x, o->idx),
			     "%s %" PRIu64 " lies at 0x%" PRIx64 ", %s: the"
			     " image has to be checked before it is written to",
			     bitmap ? "sector bitmap of chunk" : "block", nr,
			     o->off, what);
}

/*
 * Data behind the end of the file is lost, and so are bits of a bitmap.  The end
 * of a block may be missing (VHDX-BAT-09), and all of an anchor.
 */
static int check_place(const struct scan *s, const struct vhdx_owner *o,
		       struct vhd_error *err)
{
	const struct vhdx *x = s->x;
	bool bitmap = vhdx_bat_idx_is_bitmap(&x->geom, o->idx);

	if (!o->off)
		return refuse(s, o, RULE_VHDX_BLOCK_NO_PLACE, "nowhere", err);
	if (!range_in(o->off, o->len, VHDX_FILE_LEN_MAX) ||
	    (!o->anchor && o->off >= x->file_size) ||
	    (bitmap && o->off + o->len > x->file_size))
		return refuse(s, o, bitmap ? RULE_VHDX_BITMAP_STATE
					   : RULE_VHDX_BLOCK_PAST_END,
			      "past the end of the file", err);
	if (vhdx_taken(x, o->off, o->len))
		return refuse(s, o, RULE_VHDX_BLOCK_IN_META, "in the metadata",
			      err);
	return 0;
}

static int claim(struct scan *s, const struct vhdx_owner *o, struct vhd_error *err)
{
	uint64_t mib;
	int rc = check_place(s, o, err);

	if (rc)
		return rc;
	if (vhdx_space_mark(&s->used, o->off, o->len, &mib))
		return refuse(s, o, RULE_VHDX_BLOCK_OVERLAP,
			      "where another block or bitmap lies", err);
	s->end_off = max_u64(s->end_off, o->off + o->len);
	return 0;
}

static void claim_taken(struct scan *s)
{
	uint64_t mib;

	for (size_t i = 0; i < s->x->taken_count; i++) {
		const struct vhdx_place *p = &s->x->taken[i];

		vhdx_space_mark(&s->used, p->off, p->len, &mib);
		s->end_off = max_u64(s->end_off, p->off + p->len);
	}
}

static int claim_blocks(struct scan *s, struct vhd_error *err)
{
	struct vhdx_bat_iter it;
	struct vhdx_owner o;
	uint64_t idx, raw;
	bool found;
	int rc;

	rc = vhdx_bat_iter_begin(&it, s->x, s->x->bat_used, UINT64_MAX, err);
	if (rc)
		return rc;
	it.file_holes = true;
	while (!(rc = vhdx_bat_iter_next(&it, &found, &idx, &raw, err)) &&
	       found) {
		if (vhdx_owner_find(s->x, idx, raw, &o))
			rc = claim(s, &o, err);
		if (rc)
			break;
	}
	vhdx_bat_iter_end(&it);
	return rc;
}

/* The file has to hold all of its structures before it gets new ones. */
static int settle_end(struct scan *s, struct vhd_error *err)
{
	uint64_t size;
	int rc = vhd_io_size(s->x->io, &size, err);

	/* What replay refuses (VHDX-LOG-36) must never get into a log. */
	if (!rc && s->end_off > VHDX_FILE_LEN_MAX)
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"a region ends at 0x%" PRIx64 ", further out"
				" than any file needs: the image cannot be"
				" written to", s->end_off);
	if (!rc && size < s->end_off) {
		size = s->end_off;
		rc = vhd_io_set_size(s->x->io, size, err);
	}
	if (rc)
		return rc;
	s->x->file_size = size;
	s->x->write->end_off = size;
	return 0;
}

static void list_free(const struct scan *s)
{
	struct vhdx_write *wr = s->x->write;
	uint64_t count = min_u64(wr->end_off / MiB, s->used.mib_count);
	uint64_t mib = 0;

	while (mib < count) {
		uint64_t run = vhd_bit_run(s->used.map, mib, count,
					   VHD_LSB_FIRST);

		if (!vhd_bit_get(s->used.map, mib, VHD_LSB_FIRST))
			vhd_space_add(&wr->space, mib * MiB, run * MiB,
				      VHD_SPACE_DIRTY);
		mib += run;
	}
}

int vhdx_scan(struct vhdx *x, struct vhd_error *err)
{
	struct scan s = { .x = x };
	int rc;

	/* A block may begin in the file and end behind it. */
	rc = vhdx_space_init(&s.used, min_u64(x->file_size, INT64_MAX) +
				      x->geom.block_size, err);
	if (rc)
		return rc;
	claim_taken(&s);
	rc = claim_blocks(&s, err);
	if (!rc)
		rc = settle_end(&s, err);
	if (!rc) {
		list_free(&s);
		atomic_store(&x->write->last_off, s.end_off);
	}
	vhdx_space_free(&s.used);
	return rc;
}
