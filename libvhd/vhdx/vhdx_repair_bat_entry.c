/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a single entry (VHDX-CHK-52 to 67).  The rules are asked in
 * the order in which they build on each other; each hands on the entry as it
 * then is, so that what hides behind one damage is looked at in the same walk
 * where that is possible.
 *
 * A block whose data is lost reads as zeros afterwards.  In a child it becomes
 * the parent's when it never had a place, or when the bitmap says that a part of
 * it is the parent's anyway.
 */
#include <inttypes.h>

#include "base/bitmap.h"
#include "vhdx/vhdx_repair_bat_priv.h"

static enum vhdx_state state_of(uint64_t raw)
{
	return (enum vhdx_state)(raw & 7);
}

static uint64_t place_of(uint64_t raw)
{
	return vhdx_batent_unpack(raw).file_off;
}

static uint64_t blk_of(const struct vhdx_mend *m, uint64_t idx)
{
	return vhdx_blk_of_bat_idx(&m->x->geom, idx);
}

static uint64_t mask_reserved(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	struct vhdx_batent ent = vhdx_batent_unpack(raw);

	if (ent.reserved_set)
		vhdx_mend_doubt(m, idx, "the table entry has bits set that no"
				" program sets: it was overwritten");
	if (!ent.reserved_set ||
	    !vhdx_mend_may(m, RULE_VHDX_BAT_RESERVED, idx, "the reserved bits"
			   " of table entry %" PRIu64 ", 0x%" PRIx64 ", are"
			   " cleared", idx, raw))
		return raw;
	return vhdx_batent_pack(ent.state, ent.file_off);
}

/* Entries without data need no place (VHDX-PBS-02). */
static uint64_t clear_place(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	if (!place_of(raw) ||
	    !vhdx_mend_may(m, RULE_VHDX_ZERO_WITH_PLACE, idx, "the place 0x%"
			   PRIx64 " is taken out of table entry %" PRIu64 ","
			   " which has no data", place_of(raw), idx))
		return raw;
	return raw - place_of(raw);
}

/* The entry of the chunk's bitmap, as the file has it. */
static uint64_t bitmap_raw(struct vhdx_mend *m, uint64_t idx)
{
	uint64_t chunk = vhdx_chunk_of_bat_idx(&m->x->geom, idx);

	if (m->looked_chunk != chunk + 1) {
		m->looked_raw = vhdx_mend_look(
			m, vhdx_bat_idx_of_chunk(&m->x->geom, chunk));
		m->looked_chunk = chunk + 1;
	}
	return m->looked_raw;
}

/* Which of both is right only the owner can know. */
static uint64_t without_bitmap(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	const char *word = vhdx_mend_choice(m, RULE_VHDX_BITMAP_MISSING);
	bool file = word && *word == 'f';

	if (!vhdx_mend_may(m, RULE_VHDX_BITMAP_MISSING, idx, "block %" PRIu64
			   ", which has no sector bitmap, is taken for %s",
			   blk_of(m, idx),
			   !word ? "wholly present (=file) or wholly the"
				   " parent's (=parent)" :
			   file ? "wholly present" : "wholly the parent's"))
		return raw;
	vhdx_mend_doubt(m, idx, "no sector bitmap says which of these sectors"
			" are the parent's");
	return file ? vhdx_batent_pack(VHDX_FULLY_PRESENT, place_of(raw)) : 0;
}

static uint64_t partial(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	if (!m->x->meta.has_parent) {
		if (vhdx_mend_may(m, RULE_VHDX_PARTIAL_ALONE, idx, "block %" PRIu64
				  " is marked fully present: the disk has no"
				  " parent", blk_of(m, idx)))
			raw--;
		else
			m->alone++;
		return raw;
	}
	if (state_of(bitmap_raw(m, idx)) == VHDX_NOT_PRESENT)
		raw = without_bitmap(m, idx, raw);
	if (state_of(raw) == VHDX_PARTIALLY_PRESENT)
		m->partial_chunk = vhdx_chunk_of_bat_idx(&m->x->geom, idx) + 1;
	return raw;
}

static uint64_t no_place(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	bool child = m->x->meta.has_parent;

	if (!vhdx_mend_may(m, RULE_VHDX_BLOCK_NO_PLACE, idx, "block %" PRIu64
			   ", which has no place in the file, is marked %s",
			   blk_of(m, idx), child ? "not present: it reads as"
			   " the parent" : "zero"))
		return raw;
	return child ? 0 : VHDX_ZERO;
}

static uint64_t past_end(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	const struct vhdx_geom *g = &m->x->geom;
	bool child = state_of(raw) == VHDX_PARTIALLY_PRESENT &&
		     m->x->meta.has_parent;
	uint64_t off = vhdx_off_of_blk(g, blk_of(m, idx));

	if (!vhdx_mend_may(m, RULE_VHDX_BLOCK_PAST_END, idx, "block %" PRIu64
			   ", which lies past the end of the file, is marked %s:"
			   " disk bytes 0x%" PRIx64 " to 0x%" PRIx64 " are lost",
			   blk_of(m, idx), child ? "not present" : "zero", off,
			   off + vhdx_blk_len(g, blk_of(m, idx)) - 1))
		return raw;
	return child ? 0 : VHDX_ZERO;
}

/*
 * What lies in the file stays where it is; the missing end reads as zeros.  A
 * part of the disk may be among it, and then only its owner can say that.
 */
static void complete(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	const struct vhdx_geom *g = &m->x->geom;
	uint64_t blk = blk_of(m, idx), off = vhdx_off_of_blk(g, blk);
	uint64_t end = place_of(raw) + g->block_size;
	uint64_t here = m->x->file_size - place_of(raw);
	uint64_t len = vhdx_blk_len(g, blk);
	bool may;

	if (end <= m->x->file_size)
		return;
	if (here < len)
		may = vhdx_mend_may(m, RULE_VHDX_BLOCK_SHORT, idx, "the file"
				    " becomes 0x%" PRIx64 " bytes long, so that"
				    " it holds all of block %" PRIu64 ": disk"
				    " bytes 0x%" PRIx64 " to 0x%" PRIx64 " are"
				    " lost", end, blk, off + here,
				    off + len - 1);
	else
		may = vhdx_mend_may(m, RULE_VHDX_BLOCK_CUT, idx, "the file"
				    " becomes 0x%" PRIx64 " bytes long, so that"
				    " it holds all of block %" PRIu64, end,
				    blk);
	if (may && end > m->file_end)
		vhdx_mend_extend(m, end);
}

static uint64_t with_data(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	if (!place_of(raw))
		return no_place(m, idx, raw);
	if (place_of(raw) >= m->x->file_size)
		return past_end(m, idx, raw);
	complete(m, idx, raw);
	return vhdx_mend_claim(m, idx, raw, m->x->geom.block_size);
}

static uint64_t payload(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	struct vhdx_batent ent;

	if (state_of(raw) == VHDX_PARTIALLY_PRESENT)
		raw = partial(m, idx, raw);
	if (vhdx_state_has_data(state_of(raw)))
		raw = with_data(m, idx, raw);
	switch (state_of(raw)) {
	case VHDX_NOT_PRESENT:
	case VHDX_ZERO:
		return clear_place(m, idx, raw);
	case VHDX_UNMAPPED_DRAFT:
		if (vhdx_mend_may(m, RULE_VHDX_STATE_5, idx, "block %" PRIu64
				  " gets the state 3, unmapped, in place of"
				  " 5", blk_of(m, idx)))
			raw -= VHDX_UNMAPPED_DRAFT - VHDX_UNMAPPED;
		break;
	case VHDX_FULLY_PRESENT:
		m->full_blks++;
		break;
	case VHDX_UNDEFINED:
	case VHDX_UNMAPPED:
	case VHDX_RESERVED_4:
	case VHDX_PARTIALLY_PRESENT:
		break;
	}
	ent = vhdx_batent_unpack(raw);
	m->anchors += vhdx_batent_is_anchor(&ent);
	return raw;
}

/* A bitmap that is needed: can this entry be one? */
static uint64_t bitmap_needed(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	uint64_t off = place_of(raw), end = off + VHDX_BITMAP_LEN, chunk;
	bool usable = off && off < m->x->file_size &&
		      !vhdx_taken(m->x, off, VHDX_BITMAP_LEN) &&
		      off / MiB < m->space.mib_count &&
		      !vhd_bit_get(m->space.map, off / MiB, VHD_LSB_FIRST);

	chunk = vhdx_chunk_of_bat_idx(&m->x->geom, idx);
	if (!vhdx_mend_may(m, RULE_VHDX_BITMAP_STATE, idx, usable ?
			   "0x%" PRIx64 " is taken for the place of the sector"
			   " bitmap of chunk %" PRIu64 ", in full" :
			   "the place 0x%" PRIx64 ", which cannot be one, is"
			   " taken from the sector bitmap of chunk %" PRIu64, off,
			   chunk))
		return raw;
	if (!usable)
		return 0;
	vhdx_mend_doubt(m, idx, "the sector bitmap that says which of these"
			" sectors are the parent's is a guess");
	if (end > m->file_end)
		vhdx_mend_extend(m, end);
	return vhdx_batent_pack(VHDX_FULLY_PRESENT, off);
}

static uint64_t bitmap_bad(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	if (m->partial_chunk == vhdx_chunk_of_bat_idx(&m->x->geom, idx) + 1)
		return bitmap_needed(m, idx, raw);
	if (!vhdx_mend_may(m, RULE_VHDX_BITMAP_STATE, idx, "the sector bitmap"
			   " entry of chunk %" PRIu64 ", 0x%" PRIx64 ", is"
			   " cleared: no block needs it",
			   vhdx_chunk_of_bat_idx(&m->x->geom, idx), raw))
		return raw;
	return 0;
}

static uint64_t bitmap(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	uint64_t chunk = vhdx_chunk_of_bat_idx(&m->x->geom, idx);
	uint64_t off = place_of(raw);

	if (state_of(raw) == VHDX_NOT_PRESENT)
		return clear_place(m, idx, raw);
	if (state_of(raw) != VHDX_FULLY_PRESENT || !off ||
	    off >= m->x->file_size || off + VHDX_BITMAP_LEN > m->x->file_size)
		raw = bitmap_bad(m, idx, raw);
	else if (m->partial_chunk != chunk + 1 &&
		 vhdx_mend_may(m, RULE_VHDX_BITMAP_IDLE, idx, "the sector"
			       " bitmap of chunk %" PRIu64 ", which no block"
			       " needs, is given up", chunk))
		return 0;
	if (state_of(raw) != VHDX_FULLY_PRESENT || !place_of(raw) ||
	    place_of(raw) >= m->x->file_size)
		return raw;
	return vhdx_mend_claim(m, idx, raw, VHDX_BITMAP_LEN);
}

uint64_t vhdx_mend_entry(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	bool slot = vhdx_bat_idx_is_bitmap(&m->x->geom, idx);
	bool tail = vhdx_bat_is_tail(m->x, idx);

	m->nonzero++;
	m->lead += m->lead == idx;
	if (vhdx_mend_is_doubtful(m, idx, raw)) {
		m->strays++;
		return raw;
	}
	if (tail || (slot && !m->x->meta.has_parent))
		return vhdx_mend_stray(m, idx, raw);
	raw = mask_reserved(m, idx, raw);
	return slot ? bitmap(m, idx, raw) : payload(m, idx, raw);
}
