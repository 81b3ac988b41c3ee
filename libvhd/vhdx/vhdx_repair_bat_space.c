/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Space that is claimed twice, or that is no block's (VHDX-CHK-58, 59, 61).
 *
 * The usual cure for an overlap leaves both owners what they read now: the later
 * one gets a copy at the end of the file.  A block that lies in the metadata
 * cannot own those bytes, for the metadata is sound: they become zeros, the rest
 * of the block is copied.  A sector bitmap there says nothing that could be kept.
 */
#include <inttypes.h>

#include "base/bitmap.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_repair_bat_priv.h"

bool vhdx_mend_extend(struct vhdx_mend *m, uint64_t to)
{
	m->changed++;
	if (!vhdx_mend_ok(m, vhd_io_set_size(m->req->io, to, m->err)))
		return false;
	m->file_end = to;
	return true;
}

static bool is_claimed(const struct vhdx_mend *m, uint64_t off, uint64_t len)
{
	uint64_t mib = off / MiB;
	uint64_t end = min_u64(mib + div_ceil(len, MiB), m->space.mib_count);

	return mib < end &&
	       (vhd_bit_get(m->space.map, mib, VHD_LSB_FIRST) ||
		vhd_bit_run(m->space.map, mib, end, VHD_LSB_FIRST) <
			end - mib);
}

static void claim(struct vhdx_mend *m, uint64_t off, uint64_t len)
{
	uint64_t mib;

	vhdx_space_mark(&m->space, off, len, &mib);
}

/* Copies what is in the file; the rest of the new place is a hole. */
static bool copy_part(struct vhdx_mend *m, uint64_t from, uint64_t to,
		      uint64_t len)
{
	const struct vhd_engine_repair *req = m->req;

	len = from < m->x->file_size ? min_u64(len, m->x->file_size - from) : 0;
	if (!len)
		return true;
	if (to > m->file_end && !vhdx_mend_extend(m, to))
		return false;
	if (!vhdx_mend_ok(m, req->copy(req->copy_arg, from, to, len, m->err)))
		return false;
	m->file_end = to + len;
	return true;
}

/* Of a range without what is no block's. */
static bool copy_all(struct vhdx_mend *m, uint64_t from, uint64_t to,
		     uint64_t len)
{
	uint64_t pos = from, end = from + len;
	bool ok = true;

	for (size_t i = 0; ok && i < m->x->taken_count && pos < end; i++) {
		const struct vhdx_place *p = &m->x->taken[i];

		if (p->off + p->len <= pos || p->off >= end)
			continue;
		if (p->off > pos)
			ok = copy_part(m, pos, to + (pos - from), p->off - pos);
		pos = p->off + p->len;
	}
	if (ok && pos < end)
		ok = copy_part(m, pos, to + (pos - from), end - pos);
	if (ok && m->file_end < to + len)
		ok = vhdx_mend_extend(m, to + len);
	return ok;
}

static void reach_one(struct vhdx_mend *m, uint64_t idx, uint64_t off)
{
	const struct vhdx_geom *g = &m->x->geom;
	uint64_t blk = vhdx_blk_of_bat_idx(g, idx);

	m->reach = max_u64(m->reach, off + g->block_size);
	m->stuck = m->stuck ||
		   (off + vhdx_blk_len(g, blk) > m->x->file_size &&
		    !vhdx_mend_choice(m, RULE_VHDX_BLOCK_SHORT));
}

static bool reach_find(struct vhdx_mend *m)
{
	struct vhdx_bat_iter it;
	uint64_t idx, raw;
	bool found;

	if (m->reach_known)
		return true;
	if (!vhdx_mend_ok(m, vhdx_bat_iter_begin(&it, m->x, m->x->bat_used,
						 UINT64_MAX, m->err)))
		return false;
	while (vhdx_mend_ok(m, vhdx_bat_iter_next(&it, &found, &idx, &raw,
						  m->err)) && found) {
		struct vhdx_batent ent = vhdx_batent_unpack(raw);

		if (vhdx_state_has_data(ent.state) && ent.file_off &&
		    ent.file_off < m->x->file_size &&
		    !vhdx_bat_is_tail(m->x, idx) &&
		    !vhdx_bat_idx_is_bitmap(&m->x->geom, idx))
			reach_one(m, idx, ent.file_off);
	}
	vhdx_bat_iter_end(&it);
	m->reach_known = true;
	return !m->rc;
}

bool vhdx_mend_new_place(struct vhdx_mend *m, uint64_t len, uint64_t *to_out)
{
	if (!reach_find(m) || m->stuck)
		return false;
	*to_out = align_up(max_u64(max_u64(m->file_end, m->want_end),
				   m->reach), MiB);
	return range_in(*to_out, len, VHDX_FILE_LEN_MAX);
}

/* @raw with a copy of its space. */
static uint64_t move(struct vhdx_mend *m, uint64_t raw, uint64_t len,
		     uint64_t to)
{
	uint64_t from = vhdx_batent_unpack(raw).file_off;

	if (!copy_all(m, from, to, len))
		return raw;
	return raw - from + to;
}

static uint64_t out_of_metadata(struct vhdx_mend *m, uint64_t idx,
				uint64_t raw, uint64_t len)
{
	uint64_t off = vhdx_batent_unpack(raw).file_off, to;
	char name[VHDX_OWNER_ROOM];
	bool bitmap = vhdx_bat_idx_is_bitmap(&m->x->geom, idx);

	vhdx_owner_name(m->x, idx, name);
	if (bitmap)
		return vhdx_mend_may(m, RULE_VHDX_BLOCK_IN_META, idx, "the %s"
				     " at 0x%" PRIx64 ", in the metadata, is"
				     " given up", name, off) ? 0 : raw;
	if (!vhdx_mend_new_place(m, len, &to) ||
	    !vhdx_mend_may(m, RULE_VHDX_BLOCK_IN_META, idx, "%s is moved from"
			   " 0x%" PRIx64 " to 0x%" PRIx64 ", without the metadata that"
			   " it overlaps: zeros take their place", name, off,
			   to))
		return raw;
	vhdx_mend_doubt(m, idx, "metadata lies where a part of this should,"
			" which is zeros now");
	return move(m, raw, len, to);
}

/* The content goes: children must not take the image for what it was. */
static uint64_t give_up(struct vhdx_mend *m, uint64_t raw)
{
	if (!vhdx_mend_ok(m, vhdx_mend_store_visible(&m->store, m->err)))
		return raw;
	return 0;
}

static const char clash[] = "several blocks are said to lie in one place, and at"
			    " most one does";

static uint64_t later_owner(struct vhdx_mend *m, uint64_t idx, uint64_t raw,
			    uint64_t len)
{
	const char *word = vhdx_mend_choice(m, RULE_VHDX_BLOCK_OVERLAP);
	uint64_t off = vhdx_batent_unpack(raw).file_off, to;
	char name[VHDX_OWNER_ROOM];

	vhdx_owner_name(m->x, idx, name);
	m->clashes++;
	vhdx_mend_doubt(m, idx, clash);
	if (word && *word == 's')
		return raw;
	if (word && *word == 'f')
		return vhdx_mend_may(m, RULE_VHDX_BLOCK_OVERLAP, idx, "%s,"
				     " which shares the space at 0x%" PRIx64
				     " with one before it, is given up", name, off) ?
			       give_up(m, raw) : raw;
	if (!vhdx_mend_new_place(m, len, &to) ||
	    !vhdx_mend_may(m, RULE_VHDX_BLOCK_OVERLAP, idx, "%s, which shares"
			   " the space at 0x%" PRIx64 " with one before it, is"
			   " copied to 0x%" PRIx64, name, off, to))
		return raw;
	return move(m, raw, len, to);
}

uint64_t vhdx_mend_claim(struct vhdx_mend *m, uint64_t idx, uint64_t raw,
			 uint64_t len)
{
	uint64_t off = vhdx_batent_unpack(raw).file_off;
	uint64_t now = raw;

	if (vhdx_taken(m->x, off, len))
		now = out_of_metadata(m, idx, raw, len);
	else if (is_claimed(m, off, len))
		now = later_owner(m, idx, raw, len);
	if (now == raw)
		claim(m, off, len);
	return now;
}

uint64_t vhdx_mend_second(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	const char *word = vhdx_mend_choice(m, RULE_VHDX_BLOCK_OVERLAP);
	struct vhdx_batent ent = vhdx_batent_unpack(raw);
	char name[VHDX_OWNER_ROOM];
	uint64_t len;

	if (!(m->req->salvage || (word && *word == 's')) ||
	    !vhdx_owns(m->x, idx, &ent, &len))
		return raw;
	if (m->req->salvage && is_claimed(m, ent.file_off, len))
		vhdx_mend_doubt(m, idx, clash);
	if (is_claimed(m, ent.file_off, len) &&
	    vhdx_mend_may(m, RULE_VHDX_BLOCK_OVERLAP, idx, "%s, which shares"
			  " the space at 0x%" PRIx64 " with one behind it, is"
			  " given up", vhdx_owner_name(m->x, idx, name),
			  ent.file_off))
		return give_up(m, raw);
	claim(m, ent.file_off, len);
	return raw;
}

uint64_t vhdx_mend_anchor(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	struct vhdx_batent ent = vhdx_batent_unpack(raw);
	uint64_t len = m->x->geom.block_size;

	if (!vhdx_batent_is_anchor(&ent) || vhdx_bat_is_tail(m->x, idx) ||
	    vhdx_bat_idx_is_bitmap(&m->x->geom, idx))
		return raw;
	if ((vhdx_taken(m->x, ent.file_off, len) ||
	     is_claimed(m, ent.file_off, len)) &&
	    vhdx_mend_may(m, RULE_VHDX_ANCHOR_OVERLAP, idx, "unmapped block %"
			  PRIu64 " keeps space at 0x%" PRIx64 " no longer: it"
			  " is in use",
			  vhdx_blk_of_bat_idx(&m->x->geom, idx), ent.file_off))
		return raw - ent.file_off;
	claim(m, ent.file_off, len);
	return raw;
}
