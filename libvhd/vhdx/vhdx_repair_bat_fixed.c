/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixed disks that lack space (VHDX-CHK-69, 70): each block gets some at the end
 * of the file, or the disk is fixed no longer.  New space is a hole of the file,
 * so that blocks read as zeros as they did before.
 */
#include <inttypes.h>
#include <stddef.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "codec/vhdx_meta.h"
#include "vhdx/vhdx_repair_bat_priv.h"

static uint64_t fill_hole(struct vhdx_mend *m, uint64_t idx, uint64_t raw)
{
	enum vhdx_state state = vhdx_batent_unpack(raw).state;
	uint64_t len = m->x->geom.block_size, to;

	if (vhdx_bat_is_tail(m->x, idx) || vhdx_state_has_data(state) ||
	    vhdx_bat_idx_is_bitmap(&m->x->geom, idx) ||
	    state == VHDX_RESERVED_4 ||
	    !vhdx_mend_new_place(m, len, &to) ||
	    !vhdx_mend_may(m, RULE_VHDX_FIXED_HOLES, idx, "block %" PRIu64
			   " of the fixed disk gets space at 0x%" PRIx64 ", which"
			   " reads as zeros",
			   vhdx_blk_of_bat_idx(&m->x->geom, idx), to))
		return raw;
	m->want_end = to + len;
	return vhdx_batent_pack(VHDX_FULLY_PRESENT, to);
}

/* Where in the file the item "file parameters" is. */
static int params_find(struct vhdx_mend *m, uint64_t *off_out)
{
	const struct vhdx_place *region = &m->x->regions.metadata;
	uint8_t *bytes = vhd_alloc(VHDX_META_TABLE_LEN);
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_meta_table table;
	int rc;

	if (!bytes)
		return vhd_fail_nomem(m->err);
	rc = vhdx_mend_store_read(&m->store, bytes, VHDX_META_TABLE_LEN,
				  region->off, m->err);
	if (!rc && vhdx_meta_table_decode(bytes, region->len, &table, &notes) !=
			   VHD_RULE_NONE)
		rc = vhdx_notes_fail(&notes, region->off, m->err);
	vhd_free(bytes);
	if (!rc)
		*off_out = region->off + table.item[VHDX_ITEM_PARAMS].off;
	return rc;
}

/* No reader's bytes change, so the FileWriteGuid is enough (VHDX-WR-40). */
static void clear_flag(struct vhdx_mend *m)
{
	uint8_t page[VHD_PAGE_SIZE];
	uint64_t at = 0, off;

	if (!vhdx_mend_may(m, RULE_VHDX_FIXED_HOLES, 0, "the disk is marked"
			   " dynamic instead of fixed") ||
	    !vhdx_mend_ok(m, params_find(m, &at)))
		return;
	at += offsetof(struct vhdx_params_disk, flags);
	off = align_down(at, VHD_PAGE_SIZE);
	if (!vhdx_mend_ok(m, vhdx_mend_store_read(&m->store, page,
						  sizeof(page), off, m->err)))
		return;
	page[at - off] &= (uint8_t)~VHDX_PARAM_LEAVE_ALLOCATED;
	m->changed++;
	if (vhdx_mend_ok(m, vhdx_mend_store_page(&m->store, off, page,
						 m->err)))
		vhdx_mend_commit(m);
}

static void fill_holes(struct vhdx_mend *m)
{
	const struct vhdx_mend_walk how = { fill_hole, true, false };
	const char *word = vhdx_mend_choice(m, RULE_VHDX_FIXED_HOLES);

	if (word && *word == 'c')
		clear_flag(m);
	else if (word)
		vhdx_mend_walk(m, &how);
	else
		vhdx_mend_may(m, RULE_VHDX_FIXED_HOLES, 0, "%" PRIu64
			      " blocks of the fixed disk get space, or it is"
			      " marked dynamic (=clear)",
			      m->x->geom.blk_count - m->full_blks);
}

void vhdx_mend_fixed(struct vhdx_mend *m)
{
	const struct vhdx *x = m->x;
	uint64_t need = vhdx_fixed_need(x), to;

	if (!x->meta.leave_allocated || x->meta.has_parent)
		return;
	if (m->full_blks < x->geom.blk_count)
		fill_holes(m);
	if (m->rc || m->changed || m->full || x->file_size >= need ||
	    need > VHDX_FILE_LEN_MAX || !vhdx_mend_new_place(m, 0, &to))
		return;
	if (vhdx_mend_may(m, RULE_VHDX_FIXED_SHORT, 0, "the file becomes 0x%"
			  PRIx64 " bytes long, which its fixed disk needs",
			  need))
		vhdx_mend_extend(m, need);
}
