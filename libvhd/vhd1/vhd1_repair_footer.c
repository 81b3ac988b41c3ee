/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the footer says that it should not: one field at a time, in both of its
 * copies.
 *
 * The geometry is more than decoration where a program takes the size of the
 * disk from it: one that would make the disk smaller is not written.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "base/zero.h"
#include "vhd1/vhd1_check.h"
#include "vhd1/vhd1_repair.h"

static int mend_flags(struct vhd1_repairer *r, uint64_t off,
		      struct vhd_error *err)
{
	struct vhd1_footer *f = &r->v->footer;
	uint32_t want = (f->features & VHD1_FEATURE_TEMPORARY) |
			VHD1_FEATURE_RESERVED;
	int rc = 0;

	if (f->features != want &&
	    vhd1_may(r, RULE_VHD1_FEATURES, off, "features become 0x%08" PRIx32
		     " instead of 0x%08" PRIx32, want, f->features)) {
		f->features = want;
		rc = vhd1_fix_footer(r, err);
	}
	if (!rc && f->saved_state > 1 &&
	    vhd1_may(r, RULE_VHD1_SAVED_STATE_ODD, off,
		     "saved state flag is cleared, it was %u",
		     f->saved_state)) {
		f->saved_state = 0;
		rc = vhd1_fix_footer(r, err);
	}
	if (!rc && f->saved_state == 1 &&
	    vhd1_may(r, RULE_VHD1_SAVED_STATE, off,
		     "saved state flag is cleared")) {
		f->saved_state = 0;
		rc = vhd1_fix_footer(r, err);
	}
	if (!rc && f->hidden > 1 &&
	    vhd1_may(r, RULE_VHD1_HIDDEN_ODD, off,
		     "hidden flag becomes %u instead of %u",
		     vhd1_footer_is_tap(f), f->hidden)) {
		f->hidden = vhd1_footer_is_tap(f);
		rc = vhd1_fix_footer(r, err);
	}
	if (!rc && !vhd_is_zero(f->reserved, sizeof(f->reserved)) &&
	    vhd1_may(r, RULE_VHD1_RESERVED, off,
		     "reserved bytes of the footer become zeros")) {
		memset(f->reserved, 0, sizeof(f->reserved));
		rc = vhd1_fix_footer(r, err);
	}
	return rc;
}

static int mend_data_off(struct vhd1_repairer *r, uint64_t off,
			 struct vhd_error *err)
{
	struct vhd1_footer *f = &r->v->footer;

	if (vhd1_is_sparse(r->v) || f->data_off == VHD1_NO_OFF ||
	    !vhd1_may(r, RULE_VHD1_FIXED_DATA_OFFSET, off,
		      "data offset of the fixed disk becomes all ones"))
		return 0;
	f->data_off = VHD1_NO_OFF;
	return vhd1_fix_footer(r, err);
}

/* VHD-F-12, or else the only time that is known. */
static int mend_time(struct vhd1_repairer *r, uint64_t off,
		     struct vhd_error *err)
{
	static const char msg[] = "creation time is taken for seconds since "
				  "1970";
	struct vhd1_footer *f = &r->v->footer;
	int64_t now = r->req->now;

	if (!vhd1_time_is_future(f->timestamp, now))
		return 0;
	if (vhd1_time_was_unix(f->timestamp, now)) {
		if (!vhd1_may(r, RULE_VHD1_TIME_UNIX, off, "%s", msg) &&
		    !vhd1_may(r, RULE_VHD1_TIME_FUTURE, off, "%s", msg))
			return 0;
		now = f->timestamp;
	} else if (!vhd1_may(r, RULE_VHD1_TIME_FUTURE, off,
			     "creation time becomes the present time")) {
		return 0;
	}
	f->timestamp = vhd1_time_from_unix(now);
	return vhd1_fix_footer(r, err);
}

static bool id_bad(const struct vhd1 *v, const uint8_t id[16])
{
	return vhd_is_zero(id, 16) ||
	       (v->footer.type == VHD1_TYPE_DIFF &&
		!memcmp(id, v->hdr.parent_id, 16));
}

static int mend_id(struct vhd1_repairer *r, uint64_t off,
		   struct vhd_error *err)
{
	const struct vhd1_copy *front = &r->copies.front;
	struct vhd1_footer *f = &r->v->footer;
	bool null = vhd_is_zero(f->unique_id, sizeof(f->unique_id));
	struct vhd_guid id;

	if (!id_bad(r->v, f->unique_id))
		return 0;
	/* One that a repair had written when it was interrupted. */
	if (r->v->footers_differ && vhd1_sealed(front->seal) &&
	    !id_bad(r->v, front->f.unique_id))
		memcpy(id.b, front->f.unique_id, sizeof(id.b));
	else if (!vhd_guid_random(&id))
		return 0;
	if (!vhd1_may(r, null ? RULE_VHD1_ID_NULL : RULE_VHD1_ID_OF_PARENT, off,
		      "the disk gets a new unique id"))
		return 0;
	memcpy(f->unique_id, id.b, sizeof(f->unique_id));
	return vhd1_fix_footer(r, err);
}

/* The rule that the geometry breaks, as check sees it. */
static enum vhd_rule_idx geometry_rule(const struct vhd1 *v)
{
	const struct vhd1_footer *f = &v->footer;
	uint64_t chs = vhd1_geometry_size(f->geometry);

	if (!chs)
		return RULE_VHD1_GEOMETRY_ZERO;
	if (vhd1_geometry_past_table(v))
		return RULE_VHD1_GEOMETRY_PAST_TABLE;
	if (chs > f->current_size && chs != VHD1_CHS_MAX)
		return RULE_VHD1_GEOMETRY_LARGE;
	if (!vhd1_geometry_fits(f->geometry, f->current_size))
		return RULE_VHD1_GEOMETRY;
	return VHD_RULE_NONE;
}

/* Would QEMU show less of the disk than there is? */
static bool cuts(const struct vhd1_footer *f)
{
	uint64_t chs = vhd1_geometry_size(f->geometry);

	return chs && chs < f->current_size &&
	       vhd1_qemu_uses_chs(f->creator_app, chs, VHD1_QEMU_9);
}

/* Does the disk stay at least as large as it was, and fit? */
static bool size_fits(const struct vhd1 *v, const struct vhd1_footer *with)
{
	uint64_t size = vhd1_footer_size(with, VHD_SIZE_AUTO);
	uint64_t room = v->tail_off;

	if (vhd1_is_sparse(v))
		room = (uint64_t)v->hdr.max_entries * v->hdr.block_size;
	return size >= v->virtual_size && size <= room;
}

static int mend_geometry(struct vhd1_repairer *r, uint64_t off,
			 struct vhd_error *err)
{
	struct vhd1_footer *f = &r->v->footer, with = *f;
	enum vhd_rule_idx rule = geometry_rule(r->v);

	if (rule == VHD_RULE_NONE)
		return 0;
	with.geometry = vhd1_geometry_of(f->current_size);
	/* VHD-C-7: the largest one says that the size counts. */
	if (cuts(&with) || !size_fits(r->v, &with))
		with.geometry = (struct vhd1_geometry){ 65535, 16, 255 };
	/* A disk smaller than a cylinder has none. */
	if (!vhd1_geometry_size(with.geometry) || !size_fits(r->v, &with) ||
	    !vhd1_may(r, rule, off, "geometry becomes %u/%u/%u instead of "
		      "%u/%u/%u", with.geometry.cylinders, with.geometry.heads,
		      with.geometry.sectors, f->geometry.cylinders,
		      f->geometry.heads, f->geometry.sectors))
		return 0;
	f->geometry = with.geometry;
	return vhd1_fix_footer(r, err);
}

/* VHD-K-12: programs go by the size where the creator is one of few. */
static int mend_cut(struct vhd1_repairer *r, uint64_t off,
		    struct vhd_error *err)
{
	struct vhd1_footer *f = &r->v->footer, with = *f;

	vhd1_footer_own(&with);
	/* VHD-D-2: only Xen's creator stands for a raw parent without an id. */
	if (f->type == VHD1_TYPE_DIFF && vhd1_footer_is_tap(f) &&
	    vhd_is_zero(r->v->hdr.parent_id, sizeof(r->v->hdr.parent_id)))
		return 0;
	if (!cuts(f) ||
	    !size_fits(r->v, &with) ||
	    !vhd1_may(r, RULE_VHD1_GEOMETRY_CUTS, off, "the recorded creator "
		      "becomes \"win \": QEMU then goes by the size"))
		return 0;
	*f = with;
	return vhd1_fix_footer(r, err);
}

int vhd1_repair_footer(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1 *v = r->v;
	uint64_t off = v->footer_used == VHD_COPY_FIRST ? 0 : v->tail_off;
	int rc;

	if (!vhd1_is_sparse(v) ? !vhd1_sealed(r->copies.tail.seal)
			       : !vhd1_fix_footer_ok(r))
		return 0;
	rc = mend_flags(r, off, err);
	if (!rc)
		rc = mend_data_off(r, off, err);
	if (!rc)
		rc = mend_time(r, off, err);
	if (!rc)
		rc = mend_id(r, off, err);
	if (!rc)
		rc = mend_geometry(r, off, err);
	return rc ? rc : mend_cut(r, off, err);
}
