/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules about entries taken together: who shares space, what is left over. */
#include <inttypes.h>

#include "base/bitmap.h"
#include "base/zero.h"
#include "io/find_data.h"
#include "vhdx/vhdx_check_priv.h"

enum { LOOKS = 1024 };	/* for data that belongs to nothing */

/* A quick no for most entries: they lie before or behind all clashes. */
static bool may_clash(const struct vhdx_check *c, uint64_t off)
{
	return c->clash_named < c->clash_count &&
	       off / MiB <= c->clash_last &&
	       off / MiB + c->x->geom.block_size / MiB > c->clash_first;
}

/* Owners come in the order of the table: the first that fits is the one. */
static void name_owner(struct vhdx_check *c, uint64_t idx, uint64_t off,
		       uint64_t len)
{
	char first[VHDX_OWNER_ROOM], second[VHDX_OWNER_ROOM];

	for (size_t i = 0; i < c->clash_count; i++) {
		struct vhdx_clash *clash = &c->clash[i];

		if (clash->named || idx >= clash->idx ||
		    !ranges_overlap(off, len, clash->mib * MiB, MiB))
			continue;
		clash->named = true;
		c->clash_named++;
		vhdx_find(&c->tally, RULE_VHDX_BLOCK_OVERLAP,
			  vhdx_bat_file_off(c->x, clash->idx),
			  "%s and %s share space at 0x%" PRIx64,
			  vhdx_owner_name(c->x, idx, first),
			  vhdx_owner_name(c->x, clash->idx, second),
			  clash->mib * MiB);
	}
}

/* An anchor may share nothing with anybody (VHDX-TRIM-10). */
static void check_anchor(struct vhdx_check *c, uint64_t idx, uint64_t off)
{
	uint64_t len = c->x->geom.block_size;
	uint64_t mib = off / MiB;
	bool taken = vhdx_taken(c->x, off, len);

	if (vhdx_space_mark(&c->space, off, len, &mib) || taken)
		vhdx_find(&c->tally, RULE_VHDX_ANCHOR_OVERLAP,
			  vhdx_bat_file_off(c->x, idx),
			  "block %" PRIu64 " is unmapped and keeps space at "
			  "0x%" PRIx64 " that is in use",
			  vhdx_blk_of_bat_idx(&c->x->geom, idx), off);
}

bool vhdx_check_named(const struct vhdx_check *c)
{
	return c->clash_named == c->clash_count && !c->anchors;
}

void vhdx_check_again(struct vhdx_check *c, uint64_t idx, uint64_t raw)
{
	struct vhdx_batent ent = vhdx_batent_unpack(raw);
	uint64_t len;

	if (vhdx_state_has_data(ent.state)) {
		if (may_clash(c, ent.file_off) &&
		    vhdx_owns(c->x, idx, &ent, &len))
			name_owner(c, idx, ent.file_off, len);
	} else if (vhdx_batent_is_anchor(&ent) && idx < c->x->bat_used &&
		 idx != c->slot_idx && idx - c->chunk < c->x->geom.blk_count) {
		check_anchor(c, idx, ent.file_off);
	}
}

/* Some writers leave out the end of the last block (VHDX-BAT-09). */
uint64_t vhdx_fixed_need(const struct vhdx *x)
{
	uint64_t need = x->meta.disk_size;

	for (size_t i = 0; i < x->taken_count; i++)
		need += x->taken[i].len;
	return need;
}

/* Fixed disks own all of their space (VHDX-PBS-09, VHDX-ITEM-02). */
static void check_fixed(struct vhdx_check *c)
{
	const struct vhdx *x = c->x;
	uint64_t need = vhdx_fixed_need(x);

	if (!x->meta.leave_allocated || x->meta.has_parent)
		return;
	if (c->full < x->geom.blk_count)
		vhdx_find(&c->tally, RULE_VHDX_FIXED_HOLES, x->regions.bat.off,
			  "%" PRIu64 " of %" PRIu64 " blocks of the fixed disk "
			  "have no space", x->geom.blk_count - c->full,
			  x->geom.blk_count);
	if (x->file_size < need)
		vhdx_find(&c->tally, RULE_VHDX_FIXED_SHORT, x->file_size,
			  "file has 0x%" PRIx64 " bytes, a fixed disk of 0x%"
			  PRIx64 " bytes needs 0x%" PRIx64, x->file_size,
			  x->meta.disk_size, need);
}

/* VHDX-BAT-12: reported with its evidence, never acted upon. */
static void check_interleave(struct vhdx_check *c)
{
	const struct vhdx *x = c->x;
	uint64_t slot = x->geom.chunk_ratio;
	struct vhdx_batent ent;

	if (x->meta.has_parent || x->geom.blk_count <= slot ||
	    c->lead != x->geom.blk_count || c->nonzero != c->lead ||
	    !vhdx_check_look(c, slot, &ent))
		return;
	if (ent.state != VHDX_FULLY_PRESENT ||
	    vhdx_place_check(x, ent.file_off, x->geom.block_size) !=
		    VHD_RULE_NONE)
		return;
	vhdx_find(&c->tally, RULE_VHDX_NOT_INTERLEAVED,
		  vhdx_bat_file_off(x, slot),
		  "entries 0 to %" PRIu64 " are in use, one for each block, and "
		  "entry %" PRIu64 " for a sector bitmap names 0x%" PRIx64,
		  c->lead - 1, slot, ent.file_off);
}

/* Behind the last whole MiB, where no block reaches (VHDX-SPC-04). */
static void check_end(struct vhdx_check *c)
{
	const struct vhdx *x = c->x;
	uint64_t off = align_down(x->real_size, MiB);
	uint8_t part[VHD_PAGE_SIZE];

	if (off / MiB < c->space.mib_count &&
	    vhd_bit_get(c->space.map, off / MiB, VHD_LSB_FIRST))
		return;
	while (off < x->real_size && !c->rc) {
		size_t len = (size_t)min_u64(x->real_size - off, sizeof(part));

		c->rc = vhd_io_read_padded(x->io, part, len, off, c->err);
		if (!c->rc && !vhd_is_zero(part, len)) {
			vhdx_find(&c->tally, RULE_VHDX_TAIL_JUNK, off,
				  "bytes from 0x%" PRIx64 " to the end of the "
				  "file, 0x%" PRIx64 ", are not zero and "
				  "belong to no block", off, x->real_size);
			return;
		}
		off += len;
	}
}

/* A table without any entry before a file with data. */
static void check_lost(struct vhdx_check *c)
{
	const struct vhdx *x = c->x;
	uint64_t count = min_u64(x->file_size / MiB, c->space.mib_count);
	uint64_t mib = 0, looks = LOOKS, at;

	while (mib < count && !c->rc) {
		uint64_t run = vhd_bit_run(c->space.map, mib, count,
					   VHD_LSB_FIRST);
		uint64_t end = (mib + run) * MiB;
		bool used = vhd_bit_get(c->space.map, mib, VHD_LSB_FIRST);

		at = end;
		if (!used)
			c->rc = vhd_io_find_data(x->io, mib * MiB, end, &looks,
						 &at, c->err);
		if (at < end)
			break;
		mib += run;
	}
	if (!c->rc && mib < count)
		vhdx_find(&c->tally, RULE_VHDX_TABLE_LOST, x->regions.bat.off,
			  "no block has space, and the file holds data that "
			  "belongs to none, the first at 0x%" PRIx64 ": the "
			  "table was lost, or never written", at);
}

/* What belongs to nobody (VHDX-SPC-01). */
static void check_leak(struct vhdx_check *c)
{
	const struct vhdx *x = c->x;
	uint64_t unused, mib;

	for (size_t i = 0; i < x->taken_count; i++)
		vhdx_space_mark(&c->space, x->taken[i].off, x->taken[i].len,
				&mib);
	unused = vhdx_space_unused(&c->space, x->file_size / MiB);
	if (unused)
		vhdx_find(&c->tally, RULE_VHDX_LEAK, VHD_NO_OFFSET,
			  "%" PRIu64 " MiB of %" PRIu64 " MiB belong to no "
			  "block", unused, x->file_size / MiB);
	if (unused && !c->nonzero)
		check_lost(c);
	if (x->real_size % MiB)
		vhdx_find(&c->tally, RULE_VHDX_FILE_LENGTH_ODD, x->real_size,
			  "file has 0x%" PRIx64 " bytes, which is not a "
			  "multiple of 1 MiB", x->real_size);
	check_end(c);
}

void vhdx_check_sums(struct vhdx_check *c)
{
	const struct vhdx *x = c->x;

	if (x->regions.bat.len < vhdx_geom_bat_len(&x->geom))
		vhdx_find(&c->tally, RULE_VHDX_BAT_TIGHT, x->regions.bat.off,
			  "block allocation table has 0x%" PRIx64 " bytes, a "
			  "differencing disk needs 0x%" PRIx64,
			  x->regions.bat.len, vhdx_geom_bat_len(&x->geom));
	if (c->anchors)
		vhdx_find(&c->tally, RULE_VHDX_ANCHORS, VHD_NO_OFFSET,
			  "%" PRIu64 " unmapped blocks keep 0x%" PRIx64
			  " bytes of space", c->anchors,
			  c->anchors * x->geom.block_size);
	if (c->tail)
		vhdx_find(&c->tally, RULE_VHDX_BAT_TAIL,
			  vhdx_bat_file_off(x, c->tail_idx),
			  "%" PRIu64 " entries that belong to no block are not "
			  "zero, the first is number %" PRIu64, c->tail,
			  c->tail_idx);
	c->tally.count[RULE_VHDX_BLOCK_OVERLAP] += c->clash_more;
	check_fixed(c);
	check_interleave(c);
	check_leak(c);
}
