/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules about single entries of the table (VHDX-CHK-52 to 67, 74). */
#include <inttypes.h>
#include <stdio.h>

#include "vhdx/vhdx_check_priv.h"

const char *vhdx_owner_name(const struct vhdx *x, uint64_t idx,
			    char buf[VHDX_OWNER_ROOM])
{
	if (vhdx_bat_idx_is_bitmap(&x->geom, idx))
		snprintf(buf, VHDX_OWNER_ROOM,
			 "sector bitmap of chunk %" PRIu64,
			 vhdx_chunk_of_bat_idx(&x->geom, idx));
	else
		snprintf(buf, VHDX_OWNER_ROOM, "block %" PRIu64,
			 vhdx_blk_of_bat_idx(&x->geom, idx));
	return buf;
}

bool vhdx_check_look(struct vhdx_check *c, uint64_t idx,
		     struct vhdx_batent *out)
{
	if (!c->rc)
		c->rc = vhdx_bat_get(&c->cur, idx, out, c->err);
	return !c->rc;
}

bool vhdx_bat_is_tail(const struct vhdx *x, uint64_t idx)
{
	if (idx >= x->bat_used)
		return true;
	return !vhdx_bat_idx_is_bitmap(&x->geom, idx) &&
	       vhdx_blk_of_bat_idx(&x->geom, idx) >= x->geom.blk_count;
}

bool vhdx_owns(const struct vhdx *x, uint64_t idx, const struct vhdx_batent *ent,
	       uint64_t *len_out)
{
	if (vhdx_bat_is_tail(x, idx) || !ent->file_off ||
	    ent->file_off >= x->file_size)
		return false;
	if (vhdx_bat_idx_is_bitmap(&x->geom, idx)) {
		*len_out = VHDX_BITMAP_LEN;
		return x->meta.has_parent && ent->state == VHDX_FULLY_PRESENT;
	}
	*len_out = x->geom.block_size;
	return vhdx_state_has_data(ent->state);
}

/* Marks the space of an owner and notes the first clash. */
static void claim(struct vhdx_check *c, uint64_t idx, uint64_t off,
		  uint64_t len)
{
	char name[VHDX_OWNER_ROOM];
	uint64_t mib;

	if (vhdx_taken(c->x, off, len))
		vhdx_find(&c->tally, RULE_VHDX_BLOCK_IN_META,
			  vhdx_bat_file_off(c->x, idx),
			  "%s lies at 0x%" PRIx64 ", in the metadata",
			  vhdx_owner_name(c->x, idx, name), off);
	if (!vhdx_space_mark(&c->space, off, len, &mib))
		return;
	if (c->clash_count == CHECK_OVERLAPS) {
		c->clash_more++;
		return;
	}
	c->clash_first = c->clash_count ? min_u64(c->clash_first, mib) : mib;
	c->clash_last = max_u64(c->clash_last, mib);
	c->clash[c->clash_count++] = (struct vhdx_clash){ mib, idx, false };
}

/*
 * The file ends inside a block.  QEMU leaves out what lies behind the end of the
 * disk; whatever else is missing was somebody's (VHDX-BAT-09).
 */
static void check_cut(struct vhdx_check *c, uint64_t idx, uint64_t off)
{
	const struct vhdx *x = c->x;
	uint64_t blk = idx - c->chunk, disk_off = vhdx_off_of_blk(&x->geom, blk);
	uint64_t len = vhdx_blk_len(&x->geom, blk), here = x->file_size - off;

	if (here < len)
		vhdx_find(&c->tally, RULE_VHDX_BLOCK_SHORT,
			  vhdx_bat_file_off(x, idx),
			  "block %" PRIu64 " lies at 0x%" PRIx64 " and ends past "
			  "the end of the file: disk bytes 0x%" PRIx64 " to 0x%"
			  PRIx64 " are not there", blk, off, disk_off + here,
			  disk_off + len - 1);
	else
		vhdx_find(&c->tally, RULE_VHDX_BLOCK_CUT,
			  vhdx_bat_file_off(x, idx),
			  "block %" PRIu64 " lies at 0x%" PRIx64 " and ends past "
			  "the end of the file (0x%" PRIx64 "), behind the end "
			  "of the disk", blk, off, x->file_size);
}

/* A block with data: is there space for it, inside the file? */
static void check_space(struct vhdx_check *c, uint64_t idx,
			const struct vhdx_batent *ent)
{
	const struct vhdx *x = c->x;
	uint64_t at = vhdx_bat_file_off(x, idx);
	char name[VHDX_OWNER_ROOM];
	uint64_t len = x->geom.block_size;

	if (!ent->file_off) {
		vhdx_find(&c->tally, RULE_VHDX_BLOCK_NO_PLACE, at,
			  "%s has data and no place in the file",
			  vhdx_owner_name(x, idx, name));
		return;
	}
	if (ent->file_off >= x->file_size) {
		vhdx_find(&c->tally, RULE_VHDX_BLOCK_PAST_END, at,
			  "%s lies at 0x%" PRIx64 ", past the end of the file "
			  "(0x%" PRIx64 ")", vhdx_owner_name(x, idx, name),
			  ent->file_off, x->file_size);
		return;
	}
	if (ent->file_off + len > x->file_size)
		check_cut(c, idx, ent->file_off);
	if (vhdx_overlay_touches(x->overlay, ent->file_off, len))
		vhdx_find(&c->tally, RULE_VHDX_LOG_TARGET, ent->file_off,
			  "pending log changes the data of %s at 0x%" PRIx64,
			  vhdx_owner_name(x, idx, name), ent->file_off);
	claim(c, idx, ent->file_off, len);
}

/* State 7: is there a parent, is there a bitmap? */
static void check_partial(struct vhdx_check *c, uint64_t idx)
{
	const struct vhdx_geom *g = &c->x->geom;
	uint64_t chunk = c->chunk;
	uint64_t blk = idx - c->chunk;
	struct vhdx_batent ent;

	if (!c->x->meta.has_parent) {
		vhdx_find(&c->tally, RULE_VHDX_PARTIAL_ALONE,
			  vhdx_bat_file_off(c->x, idx),
			  "block %" PRIu64 " is partially present, and the "
			  "disk has no parent", blk);
		return;
	}
	c->partial_chunk = chunk + 1;
	if (!vhdx_check_look(c, vhdx_bat_idx_of_chunk(g, chunk), &ent) ||
	    ent.state == VHDX_FULLY_PRESENT)
		return;
	vhdx_find(&c->tally, RULE_VHDX_BITMAP_MISSING,
		  vhdx_bat_file_off(c->x, idx),
		  "block %" PRIu64 " is partially present, and chunk %" PRIu64
		  " has no sector bitmap", blk, chunk);
}

static void check_payload(struct vhdx_check *c, uint64_t idx,
			  const struct vhdx_batent *ent)
{
	uint64_t at = vhdx_bat_file_off(c->x, idx);
	uint64_t blk = idx - c->chunk;

	switch (ent->state) {
	case VHDX_NOT_PRESENT:
	case VHDX_ZERO:
		if (ent->file_off)
			vhdx_find(&c->tally, RULE_VHDX_ZERO_WITH_PLACE, at,
				  "block %" PRIu64 " has state %d and the "
				  "place 0x%" PRIx64, blk, (int)ent->state,
				  ent->file_off);
		break;
	case VHDX_UNDEFINED:
	case VHDX_UNMAPPED:
		break;
	case VHDX_RESERVED_4:
		vhdx_find(&c->tally, RULE_VHDX_STATE_4, at,
			  "block %" PRIu64 " has the reserved state 4", blk);
		break;
	case VHDX_UNMAPPED_DRAFT:
		vhdx_find(&c->tally, RULE_VHDX_STATE_5, at,
			  "block %" PRIu64 " has state 5", blk);
		break;
	case VHDX_FULLY_PRESENT:
		c->full++;
		check_space(c, idx, ent);
		break;
	case VHDX_PARTIALLY_PRESENT:
		check_partial(c, idx);
		check_space(c, idx, ent);
		break;
	}
	c->anchors += vhdx_batent_is_anchor(ent);
}

/* Does a payload entry of the same page have this value (VHDX-BUG-Q9)? */
static bool has_twin(struct vhdx_check *c, uint64_t idx, uint64_t raw)
{
	const struct vhdx *x = c->x;
	uint64_t first = align_down(idx, VHD_PAGE_SIZE / 8);
	uint64_t end = min_u64(first + VHD_PAGE_SIZE / 8, x->bat_room);

	for (uint64_t i = first; i < end; i++) {
		struct vhdx_batent ent;

		if (vhdx_bat_idx_is_bitmap(&x->geom, i))
			continue;
		if (!vhdx_check_look(c, i, &ent))
			return false;
		if (vhdx_batent_pack(ent.state, ent.file_off) == raw)
			return true;
	}
	return false;
}

static void check_stray_bitmap(struct vhdx_check *c, uint64_t idx, uint64_t raw)
{
	uint64_t at = vhdx_bat_file_off(c->x, idx);
	uint64_t chunk = c->chunk;

	vhdx_find(&c->tally, RULE_VHDX_BITMAP_STRAY, at,
		  "chunk %" PRIu64 " has the sector bitmap entry 0x%" PRIx64
		  ", and the disk has no parent", chunk, raw);
	if (vhdx_batent_unpack(raw).file_off && has_twin(c, idx, raw))
		vhdx_find(&c->tally, RULE_VHDX_QEMU_727, at,
			  "sector bitmap entry of chunk %" PRIu64 " has the "
			  "value of a block, 0x%" PRIx64, chunk, raw);
}

static void check_bitmap(struct vhdx_check *c, uint64_t idx, uint64_t raw,
			 const struct vhdx_batent *ent)
{
	const struct vhdx *x = c->x;
	uint64_t at = vhdx_bat_file_off(x, idx);
	uint64_t chunk = c->chunk;
	uint64_t end = ent->file_off + VHDX_BITMAP_LEN;

	if (!x->meta.has_parent) {
		check_stray_bitmap(c, idx, raw);
		return;
	}
	if (ent->state == VHDX_NOT_PRESENT && ent->file_off)
		vhdx_find(&c->tally, RULE_VHDX_ZERO_WITH_PLACE, at,
			  "sector bitmap of chunk %" PRIu64 " is not present "
			  "and has the place 0x%" PRIx64, chunk, ent->file_off);
	if (ent->state == VHDX_NOT_PRESENT)
		return;
	if (ent->state != VHDX_FULLY_PRESENT || !ent->file_off ||
	    ent->file_off >= x->file_size || end > x->file_size)
		vhdx_find(&c->tally, RULE_VHDX_BITMAP_STATE, at,
			  "sector bitmap of chunk %" PRIu64 " has state %d and "
			  "lies at 0x%" PRIx64, chunk, (int)ent->state,
			  ent->file_off);
	else if (c->partial_chunk != chunk + 1)
		vhdx_find(&c->tally, RULE_VHDX_BITMAP_IDLE, at,
			  "chunk %" PRIu64 " has a sector bitmap and no "
			  "partially present block", chunk);
	if (ent->state == VHDX_FULLY_PRESENT && ent->file_off &&
	    ent->file_off < x->file_size)
		claim(c, idx, ent->file_off, VHDX_BITMAP_LEN);
}

/* The other trace of VHDX-BUG-Q9: neighbours with one place. */
static void check_neighbour(struct vhdx_check *c, uint64_t idx, uint64_t raw)
{
	uint64_t off = vhdx_batent_unpack(raw).file_off;

	if (off && c->prev_raw && c->prev_idx + 1 == idx &&
	    vhdx_batent_unpack(c->prev_raw).file_off == off)
		vhdx_find(&c->tally, RULE_VHDX_QEMU_727,
			  vhdx_bat_file_off(c->x, idx),
			  "table entries %" PRIu64 " and %" PRIu64 " both name "
			  "0x%" PRIx64, c->prev_idx, idx, off);
	c->prev_idx = idx;
	c->prev_raw = raw;
}

void vhdx_check_entry(struct vhdx_check *c, uint64_t idx, uint64_t raw)
{
	struct vhdx_batent ent = vhdx_batent_unpack(raw);

	c->nonzero++;
	if (c->lead == idx)
		c->lead++;
	if (idx >= c->x->bat_used ||
	    (idx != c->slot_idx && idx - c->chunk >= c->x->geom.blk_count)) {
		if (!c->tail++)
			c->tail_idx = idx;
		return;
	}
	check_neighbour(c, idx, raw);
	if (ent.reserved_set)
		vhdx_find(&c->tally, RULE_VHDX_BAT_RESERVED,
			  vhdx_bat_file_off(c->x, idx),
			  "table entry %" PRIu64 " is 0x%" PRIx64 ", with "
			  "reserved bits set", idx, raw);
	if (idx == c->slot_idx)
		check_bitmap(c, idx, raw, &ent);
	else
		check_payload(c, idx, &ent);
}
