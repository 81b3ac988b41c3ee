/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries that mean nothing (VHDX-CHK-63, 64) are cleared without asking, so
 * they had better mean nothing.  One in the slot of a sector bitmap that names
 * a place where a block could be may be the last trace of something: of a block,
 * in a table that was written without such slots (VHDX-BAT-12) or by a program
 * that wrote entries twice (VHDX-BUG-Q9); of the bitmap, in a child that is no
 * longer marked as one.  It is left for a walk of its own, when the whole table
 * is known, and stays when the table shows one of these.
 */
#include <inttypes.h>

#include "vhdx/vhdx_repair_bat_priv.h"

bool vhdx_mend_is_doubtful(const struct vhdx_mend *m, uint64_t idx,
			   uint64_t raw)
{
	struct vhdx_batent ent = vhdx_batent_unpack(raw);

	return !m->x->meta.has_parent &&
	       vhdx_bat_idx_is_bitmap(&m->x->geom, idx) &&
	       ent.state == VHDX_FULLY_PRESENT &&
	       vhdx_place_check(m->x, ent.file_off, VHDX_BITMAP_LEN) ==
		       VHD_RULE_NONE;
}

uint64_t vhdx_mend_stray(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	if (vhdx_bat_is_tail(m->x, idx))
		return vhdx_mend_may(m, RULE_VHDX_BAT_TAIL, idx, "table entry %"
				     PRIu64 ", 0x%" PRIx64 ", which belongs to"
				     " no block, is cleared", idx, raw) ?
			       0 : raw;
	return vhdx_mend_may(m, RULE_VHDX_BITMAP_STRAY, idx, "the sector bitmap"
			     " entry of chunk %" PRIu64 ", 0x%" PRIx64 ", is"
			     " cleared: the disk has no parent",
			     vhdx_chunk_of_bat_idx(&m->x->geom, idx), raw) ?
		       0 : raw;
}

/* VHDX-BAT-12, as the check suspects it. */
static bool is_suspect(const struct vhdx_mend *m)
{
	return m->x->geom.blk_count > m->x->geom.chunk_ratio &&
	       m->lead == m->x->geom.blk_count && m->nonzero == m->lead;
}

/* Does an entry of the same page have this value? */
static bool has_twin(const struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	const le64 *ents = (const le64 *)m->buf;
	uint64_t at = idx - m->piece_idx;
	uint64_t first = align_down(at, VHD_PAGE_SIZE / sizeof(raw));
	uint64_t end = min_u64(first + VHD_PAGE_SIZE / sizeof(raw),
			       m->piece_count);

	for (uint64_t i = first; i < end; i++) {
		if (i != at && le64_get(ents[i]) == raw)
			return true;
	}
	return false;
}

static bool same_place(uint64_t a, uint64_t b)
{
	return vhdx_batent_unpack(a).file_off == vhdx_batent_unpack(b).file_off;
}

/* Do entries next to each other name one place? */
static bool is_neighbour(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	return (idx && same_place(raw, vhdx_mend_look(m, idx - 1))) ||
	       (idx + 1 < m->x->bat_room &&
		same_place(raw, vhdx_mend_look(m, idx + 1)));
}

uint64_t vhdx_mend_doubtful(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	if (!vhdx_mend_is_doubtful(m, idx, raw) || m->alone || is_suspect(m) ||
	    has_twin(m, idx, raw) || is_neighbour(m, idx, raw))
		return raw;
	return vhdx_mend_stray(m, idx, raw);
}
