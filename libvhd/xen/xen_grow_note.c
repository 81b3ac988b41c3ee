/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is noted: every structure that changes or moves, as a whole, and of blocks
 * and of what lies between them what the structures will be written over.
 */
#include "xen/xen_grow.h"

#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"

enum { PIECE = 1 << 20 };

static bool add_locators(const struct xen_grow *g, struct xen_journal *j)
{
	bool ok = true;

	for (size_t i = 0; ok && i < VHD1_LOCATORS; i++) {
		const struct vhd1_locator *loc = &g->hdr.locator[i];
		uint64_t off = align_down(loc->off, VHD1_SECTOR);
		uint64_t end = align_up(loc->off + loc->len, VHD1_SECTOR);

		if (vhd_xen_locator_real(g, i))
			ok = vhd_xen_journal_add(j, XEN_NOTE_LOCATOR, off,
					     (uint32_t)(end - off));
	}
	return ok;
}

/* A table that does not change need not fit the journal. */
static bool add_structures(const struct xen_grow *g, struct xen_journal *j)
{
	const struct vhd1_header *h = &g->hdr;
	bool ok = vhd_xen_journal_add(j, XEN_NOTE_FOOTER, g->tail_off,
				  VHD1_FOOTER_LEN) &&
		  vhd_xen_journal_add(j, XEN_NOTE_COPY, 0, VHD1_FOOTER_LEN) &&
		  vhd_xen_journal_add(j, XEN_NOTE_HEADER, g->footer.data_off,
				  VHD1_HEADER_LEN) &&
		  add_locators(g, j);

	if (ok && g->recast)
		ok = vhd_xen_journal_add(j, XEN_NOTE_TABLE, h->table_off,
			(uint32_t)vhd1_table_space(h->max_entries));
	if (ok && g->has_batmap)
		ok = vhd_xen_journal_add(j, XEN_NOTE_BATMAP, g->batmap_off,
				     VHD1_BATMAP_LEN) &&
		     vhd_xen_journal_add(j, XEN_NOTE_MAP, g->batmap.map_off,
				     VHD1_SECTOR * g->batmap.map_sectors);
	return ok;
}

/* Where the first note from @pos on begins, or @limit; @end_out is behind it. */
static uint64_t next_note(const struct xen_journal *j, uint64_t pos,
			  uint64_t limit, uint64_t *end_out)
{
	uint64_t first = limit;

	*end_out = limit;
	for (size_t i = 0; i < j->count; i++) {
		const struct xen_note *n = &j->note[i];
		uint64_t end = n->off + n->len;

		if (end <= pos || n->off >= first)
			continue;
		first = max_u64(n->off, pos);
		*end_out = end;
	}
	return first;
}

static bool add_data(const struct xen_grow *g, struct xen_journal *j)
{
	uint64_t limit = min_u64(align_up(g->data_end, VHD1_SECTOR),
				 g->to.end);
	uint64_t pos = g->hdr.table_off, end;
	bool ok = true;

	while (ok && pos < limit) {
		uint64_t stop = next_note(j, pos, limit, &end);

		for (; ok && pos < stop; pos += min_u64(stop - pos, PIECE))
			ok = vhd_xen_journal_add(j, XEN_NOTE_DATA, pos,
					     (uint32_t)min_u64(stop - pos,
							       PIECE));
		pos = end;
	}
	return ok;
}

int vhd_xen_grow_note(const struct xen_grow *g, struct xen_journal *j,
		  struct vhd_error *err)
{
	memcpy(j->head.id, g->footer.unique_id, sizeof(j->head.id));
	j->head.footer_off = g->tail_off;
	if (add_structures(g, j) && (!g->longer || add_data(g, j)))
		return 0;
	return vhd_fail(err, VHD_E_UNSUPPORTED, "the structures of the image "
			"lie in too many pieces for a journal");
}
