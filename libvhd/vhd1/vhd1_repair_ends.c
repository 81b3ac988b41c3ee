/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both footers where they belong, and the file as long as they say.
 *
 * A trailing footer that is lost is written anew behind everything that has a
 * place (VHD-Y-20), over nothing but what is left of one.  Where a block itself
 * is cut off that must be agreed on first: a footer in the middle of the block
 * would be in the way, and one behind it would pass what is missing off as
 * zeros.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_repair.h"

struct content {
	const struct vhd1 *v;
	uint64_t end;			/* of all that has a place */
	uint64_t cut;			/* a block that is not all there */
	bool any_cut;
};

static int enter(void *arg, uint64_t blk, uint32_t entry,
		 struct vhd_error *err)
{
	struct content *c = arg;
	const struct vhd1 *v = c->v;
	uint64_t at = vhd1_entry_off(entry), end = at + vhd1_stride(v);

	(void)err;
	/* These have no place, whatever the table says. */
	if (at + v->bitmap_len >= v->file_size ||
	    vhd1_span_hit(v, at, v->span_hard))
		return 0;
	if (end > v->file_size) {
		c->any_cut = true;
		c->cut = blk;
	}
	c->end = max_u64(c->end, end);
	return 0;
}

static int content_find(struct vhd1_repairer *r, struct content *c,
			struct vhd_error *err)
{
	struct vhd1 *v = r->v;
	const struct vhd1_walk walk = { .fn = enter, .arg = c };
	size_t i;

	*c = (struct content){ .v = v };
	for (i = 0; i < v->span_count; i++)
		c->end = max_u64(c->end, v->span[i].off + v->span[i].len);
	return vhd1_is_sparse(v) ? vhd1_table_walk(v, &walk, err) : 0;
}

/* VHD-K-3 */
static int mend_front(struct vhd1_repairer *r, struct vhd_error *err)
{
	uint8_t raw[VHD1_FOOTER_LEN];

	if (!vhd1_may(r, RULE_VHD1_COPY_MISSING, 0,
		      "the copy of the footer at 0 is written anew"))
		return 0;
	vhd1_footer_encode(&r->v->footer, raw);
	return vhd1_fix_put(r, raw, sizeof(raw), 0, err);
}

/* Something that a program leaves where a footer was or will be. */
static bool is_remnant(const struct vhd1_copy *c)
{
	return c->seal == VHD1_SEAL_BROKEN ||
	       !memcmp(c->raw, c->raw + 1, sizeof(c->raw) - 1);
}

/* VHD-K-2, VHD-K-17 */
static int mend_tail(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1_copy *t = &r->copies.tail;
	uint64_t size = r->copies.size, off;
	bool killed = vhd1_copy_killed(t);
	struct content c;
	bool taken;
	int rc = content_find(r, &c, err);

	if (rc || c.any_cut || !vhd1_fix_in_reach(size))
		return rc;
	off = vhd1_fix_apart(r, align_up(size, VHD1_SECTOR), VHD1_FOOTER_LEN);
	if (size % VHD1_SECTOR == 0 && is_remnant(t) &&
	    size - VHD1_FOOTER_LEN >= c.end)
		off = size - VHD1_FOOTER_LEN;
	off = max_u64(off, align_up(c.end, VHD1_SECTOR));
	/* The table may point right behind what is left of the file. */
	rc = vhd1_fix_is_taken(r, off, &taken, err);
	if (rc || taken || !vhd1_fix_in_reach(off) ||
	    !vhd1_may(r, killed ? RULE_VHD1_FOOTER_KILLED
				: RULE_VHD1_FOOTER_MISSING, off,
		      "a footer is written behind the last block, at 0x%"
		      PRIx64 "%s", off, killed ? ", which is safe only while "
		      "no virtual machine uses the disk" : ""))
		return rc;
	return vhd1_fix_tail(r, off, err);
}

/*
 * VHD-K-2: both have the same wrong checksum.  The file is read as they say in
 * any case, so whatever else may be wrong is no worse when they are sealed; and
 * nothing that moves the trailing one is safe before that.
 */
static int mend_seal(struct vhd1_repairer *r, struct vhd_error *err)
{
	uint64_t off = r->copies.tail.off;
	uint8_t raw[VHD1_FOOTER_LEN];
	int rc;

	if (!vhd1_may(r, RULE_VHD1_FOOTER_CHECKSUM, off,
		      "the footer at 0x%" PRIx64 " and its copy, whose fields "
		      "are plausible, get a right checksum", off))
		return 0;
	vhd1_footer_encode(&r->v->footer, raw);
	rc = vhd1_fix_put(r, raw, sizeof(raw), off, err);
	return rc ? rc : vhd1_fix_put(r, raw, sizeof(raw), 0, err);
}

/* VHD-W-10: the trailing one was written first. */
static int mend_step(struct vhd1_repairer *r, struct vhd_error *err)
{
	uint8_t raw[VHD1_FOOTER_LEN];

	if (!vhd1_may(r, RULE_VHD1_FOOTERS_STEP, 0,
		      "the copy of the footer at 0 is made like the one at 0x%"
		      PRIx64, r->copies.tail.off))
		return 0;
	vhd1_footer_encode(&r->copies.tail.f, raw);
	return vhd1_fix_put(r, raw, sizeof(raw), 0, err);
}

/* VHD-K-8 */
static int mend_difference(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1_copies *c = &r->copies;
	bool first = r->v->footer_used == VHD_COPY_FIRST;
	const struct vhd1_copy *use;
	uint8_t raw[VHD1_FOOTER_LEN];
	bool good;
	int rc;

	if (vhd1_chosen(r, RULE_VHD1_FOOTERS_DIFFER, "first"))
		first = true;
	else if (vhd1_chosen(r, RULE_VHD1_FOOTERS_DIFFER, "second"))
		first = false;
	use = first ? &c->front : &c->tail;
	if (use->f.type == VHD1_TYPE_FIXED)
		return 0;
	/* Not one with which nobody could open the file any more. */
	rc = vhd1_repair_try(r, &use->f, c->tail.off, false, &good, err);
	if (rc || !good)
		return rc;
	if (!vhd1_may(r, RULE_VHD1_FOOTERS_DIFFER, first ? c->tail.off : 0,
		      "the footer at 0x%" PRIx64 " is made like the one at 0x%"
		      PRIx64 ", which says %" PRIu64 " bytes of disk",
		      first ? c->tail.off : 0, use->off, use->f.current_size))
		return 0;
	vhd1_footer_encode(&use->f, raw);
	return vhd1_fix_put(r, raw, first && c->tail.old ? VHD1_FOOTER_LEN_OLD
							 : VHD1_FOOTER_LEN,
			    first ? c->tail.off : 0, err);
}

/*
 * The footer goes to @to, which nothing else has, and the file ends there: the
 * last sector that is there is a footer at any time.
 */
static int cut_behind(struct vhd1_repairer *r, uint64_t to,
		      struct vhd_error *err)
{
	uint64_t size = r->copies.size, far = align_up(size, VHD1_SECTOR);
	const struct vhd1_copy *t = &r->copies.tail;
	int rc = 0;

	if (to < far && to + VHD1_FOOTER_LEN > t->off && to != t->off)
		rc = vhd1_fix_tail(r, far, err);
	if (!rc && to != t->off)
		rc = vhd1_fix_tail(r, to, err);
	if (!rc && to < far)
		rc = vhd_io_set_size(r->io, to + VHD1_FOOTER_LEN, err);
	return rc ? rc : vhd_io_flush(r->io, err);
}

/* VHD-K-1, VHD-K-21: the footer is sound, and the file's length is odd. */
static int mend_length(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1_copy *t = &r->copies.tail;
	struct content c;
	uint64_t to;
	bool taken;
	int rc;

	if (t->old) {
		if (!vhd1_may(r, RULE_VHD1_FOOTER_511, t->off,
			      "the footer at 0x%" PRIx64 " gets its last byte",
			      t->off))
			return 0;
		return vhd1_fix_tail(r, t->off, err);
	}
	rc = content_find(r, &c, err);
	if (rc || c.any_cut ||
	    !vhd1_fix_in_reach(align_up(r->copies.size, VHD1_SECTOR)))
		return rc;
	to = max_u64(align_up(t->off, VHD1_SECTOR),
		     align_up(c.end, VHD1_SECTOR));
	rc = vhd1_fix_is_taken(r, to, &taken, err);
	if (rc || taken || !vhd1_fix_in_reach(to) ||
	    !vhd1_may(r, RULE_VHD1_FILE_LENGTH, t->off,
		      "the file ends behind a footer at 0x%" PRIx64
		      ", a multiple of 512", to))
		return rc;
	return cut_behind(r, to, err);
}

/* VHD-K-18: what lies between disk and footer is given up, or joins the disk. */
static int mend_slack(struct vhd1_repairer *r, struct vhd_error *err)
{
	struct vhd1 *v = r->v;
	uint64_t tail = v->tail_off, size = v->footer.current_size;
	uint64_t to = align_up(size, VHD1_SECTOR);

	if (tail < size || tail - size < VHD1_SECTOR ||
	    r->copies.size % VHD1_SECTOR)
		return 0;
	if (vhd1_chosen(r, RULE_VHD1_FIXED_SLACK, "grow")) {
		if (!vhd1_may(r, RULE_VHD1_FIXED_SLACK, tail, "the disk gets "
			      "the size of what is there, %" PRIu64 " bytes",
			      tail))
			return 0;
		v->footer.current_size = tail;
		v->footer.geometry = vhd1_geometry_of(tail);
		return vhd1_fix_footer(r, err);
	}
	/* A disk that is read by its geometry may reach further. */
	if (v->virtual_size > to ||
	    !vhd1_may(r, RULE_VHD1_FIXED_SLACK, to, "the footer moves to the "
		      "end of the disk, and the %" PRIu64 " bytes behind it "
		      "are cut off", tail - to))
		return 0;
	return cut_behind(r, to, err);
}

int vhd1_repair_ends(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1 *v = r->v;
	const uint32_t ok = v->footers_ok;

	if (!vhd1_is_sparse(v))
		return r->copies.size % VHD1_SECTOR ? mend_length(r, err)
						    : mend_slack(r, err);
	if (!ok)
		return mend_seal(r, err);
	if (!(ok & VHD_COPY_FIRST))
		return mend_front(r, err);
	if (!(ok & VHD_COPY_SECOND))
		return mend_tail(r, err);
	if (v->footers_step)
		return mend_step(r, err);
	if (v->footers_differ)
		return mend_difference(r, err);
	if (r->copies.size % VHD1_SECTOR)
		return mend_length(r, err);
	return 0;
}
