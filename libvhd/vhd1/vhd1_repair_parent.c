/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parent that the owner has named, recorded anew (VHD-D-12).
 *
 * Names go to new space at the end of the file, behind which a new footer lies
 * before the header says so: the old ones stay where they are, and a power cut
 * leaves one set or the other (VHD-W-11).  Another identity is recorded only if
 * the owner has said that it may be another one.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_build.h"
#include "vhd1/vhd1_check.h"
#include "vhd1/vhd1_repair.h"

static bool same_id(const struct vhd1 *v, const struct vhd_engine_parent *p)
{
	static const struct vhd_guid none;

	return !memcmp(v->hdr.parent_id, p->raw ? none.b : p->id.b, 16);
}

/* The rule whose consent this takes, or the one to name if there is none. */
static enum vhd_rule_idx rule_for(const struct vhd1_repairer *r)
{
	static const enum vhd_rule_idx all[] = {
		RULE_VHD1_PARENT_MISSING, RULE_VHD1_LOCATOR_NONE,
		RULE_VHD1_PARENT_NAME, RULE_VHD1_PARENT_TIME,
		RULE_VHD1_PARENT_TIME_FUTURE, RULE_VHD1_LOCATOR_ABSOLUTE,
		RULE_VHD1_LOCATOR_TEXT, RULE_VHD1_LOCATOR_PLACE,
		RULE_VHD1_LOCATOR_OVERLAP, RULE_VHD1_LOCATOR_CODE,
		RULE_VHD1_PARENT_ID,
	};
	size_t i;

	if (!same_id(r->v, r->req->parent))
		return RULE_VHD1_PARENT_ID;
	if (!r->v->name_count)
		return RULE_VHD1_LOCATOR_NONE;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (vhd_mend_choice(&r->req->mender, all[i]))
			return all[i];
	return RULE_VHD1_PARENT_MISSING;
}

static int write_all(struct vhd1_repairer *r, struct vhd1_builder *b,
		     struct vhd_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < b->locator_count; i++)
		rc = vhd_io_write(r->io, b->locator[i].bytes,
				  b->locator[i].len, b->locator[i].off, err);
	if (!rc)
		rc = vhd1_fix_tail(r, b->meta_end, err);
	if (rc)
		return rc;
	r->v->hdr = b->hdr;
	return vhd1_fix_header(r, err);
}

static int relate(struct vhd1_repairer *r, struct vhd1_builder *b,
		  struct vhd_error *err)
{
	const struct vhd_engine_parent *p = r->req->parent;
	const struct vhd_build what = {
		.type = VHD_TYPE_DIFF,
		.parent_raw = p->raw,
		.parent_id = p->id,
		.parent_timestamp = p->timestamp,
		.parent_relative = p->relative,
		.parent_windows = p->windows,
	};

	b->io = r->io;
	b->xen = vhd1_footer_is_tap(&r->v->footer);
	b->hdr = r->v->hdr;
	memset(b->hdr.parent_id, 0, sizeof(b->hdr.parent_id));
	memset(b->hdr.parent_name, 0, sizeof(b->hdr.parent_name));
	memset(b->hdr.locator, 0, sizeof(b->hdr.locator));
	b->meta_end = align_up(r->copies.size, VHD1_SECTOR);
	return vhd1_relate(b, &what, err);
}

int vhd1_repair_parent(struct vhd1_repairer *r, struct vhd_error *err)
{
	struct vhd1_builder *b;
	enum vhd_rule_idx rule;
	bool room;
	int rc;

	if (!r->req->parent || r->v->footer.type != VHD1_TYPE_DIFF ||
	    !vhd1_fix_header_ok(r) || !(r->v->footers_ok & VHD_COPY_SECOND) ||
	    !vhd1_fix_in_reach(r->copies.size + MiB))
		return 0;
	rc = vhd1_fix_end_free(r, &room, err);
	if (rc || !room)
		return rc;
	b = vhd_alloc(sizeof(*b));
	if (!b)
		return vhd_fail_nomem(err);
	rule = rule_for(r);
	rc = relate(r, b, err);
	if (!rc && !vhd1_is_related(r->v, b) &&
	    vhd1_may(r, rule, r->v->footer.data_off,
		     "\"%.200s\" is recorded as the parent%s",
		     r->req->parent->relative, rule == RULE_VHD1_PARENT_ID ?
		     ", with another identity than before" : ""))
		rc = write_all(r, b, err);
	vhd1_discard(b);
	return rc;
}
