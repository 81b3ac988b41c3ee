/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"
#include "io/stat.h"
#include "vhd1/vhd1_check.h"
#include "xen/xen_check_priv.h"

/* What is wrong with a footer, and which rule that is. */
struct fault {
	const char *what;
	enum vhd_rule_idx rule;
};

static bool cookie_is(const struct vhd1_copy *c, const char *cookie)
{
	return !memcmp(c->raw, cookie, 8);
}

static bool tap_unsupported(const struct vhd1_footer *f)
{
	return vhd1_footer_is_tap(f) &&
	       (f->creator_version <= VHD1_TAP_0_1 ||
		f->creator_version > VHD1_TAP_1_3);
}

static bool type_known(uint32_t type)
{
	return type == VHD1_TYPE_FIXED || type == VHD1_TYPE_DYNAMIC ||
	       type == VHD1_TYPE_DIFF;
}

/* The fields that say where and how large things are. */
static struct fault place_fault(const struct vhd_xen_checker *c,
				const struct vhd1_footer *f)
{
	bool sparse = f->type == VHD1_TYPE_DYNAMIC || f->type == VHD1_TYPE_DIFF;

	if (f->version != VHD1_VERSION_1_0)
		return (struct fault){ "invalid file format version",
				       RULE_VHD1_VERSION };
	if (f->type == VHD1_TYPE_FIXED && f->data_off != VHD1_NO_OFF)
		return (struct fault){ "invalid data offset",
				       RULE_VHD1_FIXED_DATA_OFFSET };
	if (sparse && (f->data_off % VHD1_SECTOR ||
		       f->data_off < VHD1_FOOTER_LEN ||
		       !range_in(f->data_off, VHD1_HEADER_LEN, c->copies.size)))
		return (struct fault){ "invalid data offset",
				       RULE_VHD1_DATA_OFFSET };
	if (vhd1_time_is_future(f->timestamp, c->now))
		return (struct fault){ "creation time in future",
				       RULE_VHD1_TIME_FUTURE };
	if (tap_unsupported(f))
		return (struct fault){ "unsupported tap creator version",
				       RULE_VHD1_TAP_VERSION };
	if (vhd1_geometry_size(f->geometry) > f->current_size)
		return (struct fault){ "geometry too large",
				       RULE_VHD1_GEOMETRY_LARGE };
	if (!type_known(f->type))
		return (struct fault){ "invalid type", RULE_VHD1_DISK_TYPE };
	return (struct fault){ NULL, VHD_RULE_NONE };
}

static struct fault flag_fault(const struct vhd1_footer *f)
{
	if (f->saved_state > 1)
		return (struct fault){ "invalid 'saved' state",
				       RULE_VHD1_SAVED_STATE_ODD };
	if (f->hidden > 1)
		return (struct fault){ "invalid 'hidden' state",
				       RULE_VHD1_HIDDEN_ODD };
	if (!vhd_is_zero(f->reserved, sizeof(f->reserved)))
		return (struct fault){ "invalid 'reserved' bits",
				       RULE_VHD1_RESERVED };
	if (vhd_is_zero(f->unique_id, sizeof(f->unique_id)))
		return (struct fault){ "invalid (NULL) uuid",
				       RULE_VHD1_ID_NULL };
	return (struct fault){ NULL, VHD_RULE_NONE };
}

static struct fault fault_of(const struct vhd_xen_checker *c,
			     const struct vhd1_copy *copy)
{
	const struct vhd1_footer *f = &copy->f;
	const uint32_t known = VHD1_FEATURE_TEMPORARY | VHD1_FEATURE_RESERVED;
	struct fault fault;

	/* VHD-X-20: the mark of a resize is another cookie. */
	if (!cookie_is(copy, VHD1_COOKIE))
		return (struct fault){ "invalid cookie",
				       copy->seal == VHD1_SEAL_POISON
					       ? RULE_VHD1_POISONED
					       : RULE_VHD1_FOOTERS_BAD };
	if (!vhd1_sealed(copy->seal))
		return (struct fault){ "invalid checksum",
				       RULE_VHD1_FOOTER_CHECKSUM };
	if (!(f->features & VHD1_FEATURE_RESERVED))
		return (struct fault){ "invalid 'reserved' feature",
				       RULE_VHD1_FEATURES };
	if (f->features & ~known)
		return (struct fault){ "invalid extra features",
				       RULE_VHD1_FEATURES };
	fault = place_fault(c, f);
	return fault.what ? fault : flag_fault(f);
}

static int fail_fault(const struct fault *fault, const char *which,
		      const struct vhd1_copy *copy, struct vhd_error *err)
{
	return vhd_fail_rule(err, fault->rule, copy->off,
			     "%s footer invalid: %s", which, fault->what);
}

/* A fixed disk has one footer, and all of the disk in front of it. */
static int take_fixed(struct vhd_xen_checker *c, struct vhd_error *err)
{
	const struct vhd1_copy *tail = &c->copies.tail;

	c->footer = tail;
	if (tail->f.current_size <= tail->off)
		return 0;
	return vhd_fail_rule(err, RULE_VHD1_FIXED_SHORT, tail->off,
			     "primary footer invalid: disk larger than file");
}

/* A header that leads to the same table, whatever it says of the parent. */
static int header_of(const struct vhd_xen_checker *c, uint64_t off,
		     struct vhd1_header *out, bool *sound_out,
		     struct vhd_error *err)
{
	uint8_t raw[VHD1_HEADER_LEN];
	int rc = vhd_io_read(c->io, raw, sizeof(raw), off, err);

	if (rc)
		return rc;
	vhd1_header_decode(raw, out);
	*sound_out = vhd1_header_seal(raw) == VHD1_SEAL_OK;
	return 0;
}

/*
 * The header of a differencing disk moves out and back while the parent changes
 * (vhd1_reparent.c), and the footers follow it one by one.  In between either
 * leads to a header that is sound.  No other tool knows of such a step; here it
 * is in order, as it is for all who open the image, but where a guest would spoil
 * the header (xen_check_blocks.c).
 */
static int half_turned(const struct vhd_xen_checker *c, bool *yes_out,
		       struct vhd_error *err)
{
	struct vhd1_copies same = c->copies;
	struct vhd1_header a, b;
	bool a_sound, b_sound;
	int rc;

	*yes_out = false;
	same.front.f.data_off = same.tail.f.data_off;
	if (same.tail.f.type != VHD1_TYPE_DIFF || !vhd1_copies_same(&same))
		return 0;
	rc = header_of(c, c->copies.tail.f.data_off, &a, &a_sound, err);
	if (!rc)
		rc = header_of(c, c->copies.front.f.data_off, &b, &b_sound,
			       err);
	*yes_out = !rc && a_sound && b_sound && a.table_off == b.table_off &&
		   a.max_entries == b.max_entries &&
		   a.block_size == b.block_size;
	return rc;
}

/* Where the trailing footer is, or would be. */
static uint64_t tail_place(const struct vhd_xen_checker *c)
{
	if (c->copies.tail.seal != VHD1_SEAL_NONE)
		return c->copies.tail.off;
	if (vhd_io_is_device(c->io))
		return align_down(c->copies.size, VHD1_SECTOR) -
		       VHD1_FOOTER_LEN;
	return c->copies.size;
}

int vhd_xen_check_footers(struct vhd_xen_checker *c, struct vhd_error *err)
{
	const struct vhd1_copy *tail = &c->copies.tail;
	const struct vhd1_copy *front = &c->copies.front;
	bool lenient = c->flags & VHD_XEN_CHECK_USE_COPY;
	struct fault first, second;
	bool turned = false;
	uint64_t size = 0;
	int rc = vhd_io_size(c->io, &size, err);

	if (!rc && size < VHD1_FOOTER_LEN_OLD)
		return vhd_fail_rule(err, RULE_VHD1_FILE_TOO_SMALL,
				     VHD_NO_OFFSET,
				     "error reading primary footer: -22");
	if (!rc)
		rc = vhd1_copies_load(c->io, size, &c->copies, err);
	if (rc)
		return rc;
	c->tail_off = tail_place(c);
	first = fault_of(c, tail);
	if (first.what && !lenient)
		return fail_fault(&first, "primary", tail, err);
	if (!first.what && tail->f.type == VHD1_TYPE_FIXED)
		return take_fixed(c, err);
	second = fault_of(c, front);
	if (!second.what && front->f.type == VHD1_TYPE_FIXED)
		second = (struct fault){ "invalid type",
					 RULE_VHD1_FIXED_NO_FOOTER };
	if (second.what)
		return fail_fault(&second, "backup", front, err);
	if (!lenient && !vhd1_copies_same(&c->copies))
		rc = half_turned(c, &turned, err);
	if (rc)
		return rc;
	if (!lenient && !turned && !vhd1_copies_same(&c->copies))
		return vhd_fail_rule(err, RULE_VHD1_FOOTERS_DIFFER, 0,
				     "primary and backup footers do not match");
	c->footer = lenient ? front : tail;
	return 0;
}
