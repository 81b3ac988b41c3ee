/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a repair can put something.
 *
 * New things go behind everything there is.  But what a damaged file says it
 * has may lie there too: a block or a name of the parent that was cut off, or
 * never written.  Whatever is put in such a place would pass for what was lost,
 * and a hole in front of it for zeros.
 */
#include "base/ckd.h"
#include "vhd1/vhd1_repair.h"

static int end_entry(void *arg, uint64_t blk, uint32_t entry,
		     struct vhd_error *err)
{
	struct vhd1_repairer *r = arg;
	const struct vhd1 *v = r->v;
	uint64_t at = vhd1_entry_off(entry);

	(void)blk;
	(void)err;
	if (at + vhd1_stride(v) <= v->tail_off ||
	    vhd1_span_hit(v, at, v->span_hard))
		return 0;
	if (at + v->bitmap_len < v->tail_off)
		r->any_cut = true;
	else
		r->any_lost = true;
	return r->any_cut && r->any_lost;
}

int vhd1_fix_end_look(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1_walk walk = { .fn = end_entry, .arg = r };
	int rc;

	if (r->end_known)
		return 0;
	r->any_cut = r->any_lost = false;
	rc = vhd1_table_walk(r->v, &walk, err);
	r->end_known = !rc;
	return rc;
}

int vhd1_fix_end_free(struct vhd1_repairer *r, bool *yes_out,
		      struct vhd_error *err)
{
	int rc = vhd1_fix_end_look(r, err);

	*yes_out = !r->any_cut && !r->any_lost;
	return rc;
}

struct taking {
	uint64_t off;
	bool taken;
};

static int taking_entry(void *arg, uint64_t blk, uint32_t entry,
			struct vhd_error *err)
{
	struct taking *t = arg;

	(void)blk;
	(void)err;
	t->taken = vhd1_entry_off(entry) == t->off;
	return t->taken;
}

int vhd1_fix_is_taken(struct vhd1_repairer *r, uint64_t off, bool *yes_out,
		      struct vhd_error *err)
{
	struct taking t = { .off = off };
	const struct vhd1_walk walk = { .fn = taking_entry, .arg = &t };
	int rc = 0;

	if (vhd1_is_sparse(r->v))
		rc = vhd1_table_walk(r->v, &walk, err);
	*yes_out = t.taken;
	return rc;
}

uint64_t vhd1_fix_apart(const struct vhd1_repairer *r, uint64_t off,
			uint64_t len)
{
	size_t i = 0;

	if (r->v->footer.type != VHD1_TYPE_DIFF)
		return off;
	while (i < VHD1_LOCATORS) {
		const struct vhd1_locator *loc = &r->v->hdr.locator[i++];

		if (!loc->code || loc->off > INT64_MAX - GiB ||
		    loc->len > VHD1_LOC_LEN_MAX ||
		    !ranges_overlap(off, len, loc->off, loc->len))
			continue;
		off = align_up(loc->off + loc->len, VHD1_SECTOR);
		i = 0;
	}
	return off;
}
