/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks that the owner gives up by their numbers, whatever is wrong with them. */
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "vhdx/vhdx_repair_bat_priv.h"

static bool announce(struct vhdx_mend *m, uint64_t blk, uint64_t idx)
{
	const struct vhdx_geom *g = &m->x->geom;
	uint64_t off = vhdx_off_of_blk(g, blk);

	return vhdx_mend_told(m, RULE_VHDX_BLOCK_OVERLAP, idx, "block %" PRIu64
			      " is given up: disk bytes 0x%" PRIx64 " to 0x%" PRIx64
			      " are %s then, and children made from this disk "
			      "no longer accept it", blk, off,
			      off + vhdx_blk_len(g, blk) - 1,
			      m->x->meta.has_parent ? "the parent's" : "zeros");
}

static void clear_entry(struct vhdx_mend *m, uint64_t idx)
{
	uint64_t at = vhdx_bat_file_off(m->x, idx);
	uint64_t off = align_down(at, VHD_PAGE_SIZE);
	struct vhdx_mend_store *s = &m->store;
	uint8_t page[VHD_PAGE_SIZE];

	m->changed++;
	m->rc = vhdx_mend_store_visible(s, m->err);
	if (!m->rc)
		m->rc = vhdx_mend_store_read(s, page, sizeof(page), off,
					     m->err);
	if (m->rc)
		return;
	memset(page + (at - off), 0, sizeof(le64));
	m->rc = vhdx_mend_store_page(s, off, page, m->err);
	if (!m->rc && s->set.count >= MEND_COMMIT)
		vhdx_mend_commit(m);
}

void vhdx_mend_drop(struct vhdx_mend *m)
{
	for (size_t i = 0; i < m->req->drop_count && !m->rc && !m->full; i++) {
		uint64_t blk = m->req->drop[i], idx;

		if (blk >= m->x->geom.blk_count) {
			m->rc = vhd_fail(m->err, VHD_E_INVAL,
					 "there is no block %" PRIu64 " to give "
					 "up: the disk has %" PRIu64 ", from 0 "
					 "on", blk, m->x->geom.blk_count);
			return;
		}
		idx = vhdx_bat_idx_of_blk(&m->x->geom, blk);
		if (vhdx_mend_look(m, idx) && !m->rc && announce(m, blk, idx))
			clear_entry(m, idx);
	}
	vhdx_mend_commit(m);
}
