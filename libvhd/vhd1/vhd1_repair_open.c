/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keeps a file from being opened, as far as it can be mended: footers of
 * which none is sealed, a cookie that says "resize in progress", a fixed disk
 * that is longer than its file.
 *
 * A footer without a right checksum is believed when a program could have
 * written it and everything it leads to is in order; then it is sealed again.
 * What else is wrong with its copy is for the next stage.
 */
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1.h"
#include "vhd1/vhd1_repair.h"

enum {
	ROUNDS = 4		/* each mends another thing, or is the last */
};

static void count_errors(void *arg, const struct vhd_rule *rule, uint64_t off,
			 const char *msg)
{
	unsigned *errors = arg;

	(void)off;
	(void)msg;
	*errors += rule->severity >= VHD_SEV_ERROR;
}

/* A broken rule is an answer, anything else an error. */
static int as_answer(int rc, const struct vhd_error *e, struct vhd_error *err)
{
	if (!rc || e->rule)
		return 0;
	if (err)
		*err = *e;
	return rc;
}

int vhd1_repair_try(struct vhd1_repairer *r, const struct vhd1_footer *f,
		    uint64_t tail_off, bool strict, bool *good_out,
		    struct vhd_error *err)
{
	unsigned errors = 0;
	const struct vhd_sink sink = { count_errors, &errors };
	const struct vhd_engine_open open = { .io = r->io, .sink = sink };
	struct vhd_engine_check check = { .now = r->req->now, .sink = sink };
	struct vhd_error e = { 0 };
	struct vhd1 *v = NULL;
	int rc;

	*good_out = false;
	if (vhd1_footer_judge(f) != VHD_RULE_NONE)
		return 0;
	rc = vhd1_open_as(&open, f, tail_off, &v, &e);
	if (rc)
		return as_answer(rc, &e, err);
	if (strict)
		rc = vhd1_check(v, &check, &e);
	vhd1_engine.close(v);
	*good_out = !rc && (!strict || !errors);
	return as_answer(rc, &e, err);
}

/*
 * Could a program have written this?  Bytes in the reserved area are none that
 * any does; without them the checksum may even be right.
 */
static bool believable(const struct vhd1_copy *c, bool strict,
		       struct vhd1_footer *out)
{
	uint8_t raw[VHD1_FOOTER_LEN];
	const size_t sum = offsetof(struct vhd1_footer_disk, checksum);

	*out = c->f;
	if (c->seal != VHD1_SEAL_BROKEN)
		return false;
	if (!strict || vhd1_footer_plausible(out))
		return true;
	memset(out->reserved, 0, sizeof(out->reserved));
	vhd1_footer_encode(out, raw);
	return !memcmp(raw + sum, c->raw + sum, sizeof(be32));
}

/* VHD-K-2: seals the first of the two that holds water. */
static int mend_bad(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1_copies *c = &r->copies;
	const struct vhd1_copy *all[] = { &c->tail, &c->front };
	const bool strict = !r->req->salvage;
	uint8_t raw[VHD1_FOOTER_LEN];
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct vhd1_copy *one = all[i];
		uint64_t tail = c->tail.seal == VHD1_SEAL_BROKEN ?
			c->tail.off : c->size;
		struct vhd1_footer f;
		bool good;
		int rc;

		if (!believable(one, strict, &f) ||
		    (f.type == VHD1_TYPE_FIXED &&
		     (one != &c->tail || f.current_size > one->off)))
			continue;
		rc = vhd1_repair_try(r, &f, tail, strict, &good, err);
		if (rc)
			return rc;
		if (!good)
			continue;
		if (!vhd1_may(r, RULE_VHD1_FOOTERS_BAD, one->off,
			      "the footer at 0x%" PRIx64 ", whose fields are "
			      "plausible, gets a right checksum", one->off))
			return 0;
		vhd1_footer_encode(&f, raw);
		return vhd1_fix_put(r, raw, sizeof(raw), one->off, err);
	}
	return r->req->salvage ? vhd1_repair_guess(r, err) : 0;
}

/* VHD-K-16: the resize had not begun, or had come to its end. */
static int mend_poison(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1_copies *c = &r->copies;
	const struct vhd1_copy *use = NULL;
	uint64_t tail = c->tail.seal == VHD1_SEAL_NONE ? c->size
						       : c->tail.off;
	uint8_t raw[VHD1_FOOTER_LEN];
	bool good;
	int rc;

	if (vhd1_sealed(c->tail.seal) || vhd1_copy_poisoned(&c->tail))
		use = &c->tail;
	else if (vhd1_sealed(c->front.seal) || vhd1_copy_poisoned(&c->front))
		use = &c->front;
	if (!use || use->f.type == VHD1_TYPE_FIXED)
		return 0;
	rc = vhd1_repair_try(r, &use->f, tail, true, &good, err);
	if (rc || !good)
		return rc;
	if (!vhd1_may(r, RULE_VHD1_POISONED, use->off,
		      "the mark of an interrupted resize is taken away: table "
		      "and footers are in order, but only the resize's journal "
		      "tells whether the blocks hold what they did, and it must "
		      "not be applied afterwards"))
		return 0;
	vhd1_footer_encode(&use->f, raw);
	if (tail < c->size)
		rc = vhd1_fix_put(r, raw, sizeof(raw), tail, err);
	return rc ? rc : vhd1_fix_put(r, raw, sizeof(raw), 0, err);
}

/* The disk gets the size that there is room for. */
static int shrink_fixed(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1_copy *t = &r->copies.tail;
	struct vhd1_footer f = t->f;
	uint8_t raw[VHD1_FOOTER_LEN];

	f.current_size = align_down(t->off, VHD1_SECTOR);
	f.geometry = vhd1_geometry_of(f.current_size);
	if (f.current_size &&
	    vhd1_may(r, RULE_VHD1_FIXED_SHORT, t->off,
		     "the disk gets the size of what is there, %" PRIu64
		     " bytes: what was behind that is lost, also to children "
		     "made from it", f.current_size)) {
		vhd1_footer_encode(&f, raw);
		return vhd1_fix_put(r, raw, sizeof(raw), t->off, err);
	}
	return 0;
}

/*
 * VHD-K-18.  There is one footer only, so the new one is durable before the old
 * one, which lies where guest data belongs, is overwritten by zeros.
 */
static int mend_short(struct vhd1_repairer *r, struct vhd_error *err)
{
	static const uint8_t zeros[VHD1_FOOTER_LEN];
	const struct vhd1_copy *t = &r->copies.tail;
	uint64_t size = t->f.current_size;
	uint64_t to = align_up(size, VHD1_SECTOR);
	int rc;

	if (!vhd1_sealed(t->seal) || !vhd1_footer_plausible(&t->f))
		return 0;
	if (vhd1_chosen(r, RULE_VHD1_FIXED_SHORT, "shrink"))
		return shrink_fixed(r, err);
	if (to < r->copies.size || !vhd1_fix_in_reach(to) ||
	    !vhd1_may(r, RULE_VHD1_FIXED_SHORT, t->off,
		      "the last %" PRIu64 " bytes of the disk, which are not "
		      "in the file, become zeros, also in children made from "
		      "it", size - t->off))
		return 0;
	rc = vhd1_fix_put(r, t->raw, sizeof(t->raw), to, err);
	return rc ? rc : vhd1_fix_put(r, zeros,
				      (size_t)min_u64(sizeof(zeros),
						      to - t->off),
				      t->off, err);
}

/* What keeps a dynamic disk from being opened though it has a footer. */
static bool is_header(const struct vhd_rule *rule)
{
	static const enum vhd_rule_idx all[] = {
		RULE_VHD1_DATA_OFFSET, RULE_VHD1_HDR_COOKIE,
		RULE_VHD1_HDR_CHECKSUM, RULE_VHD1_HDR_VERSION,
		RULE_VHD1_BLOCK_SIZE, RULE_VHD1_BAT_PLACE,
		RULE_VHD1_BAT_OVERLAP, RULE_VHD1_BAT_SHORT,
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (rule == vhd_rule_get(all[i]))
			return true;
	return false;
}

static int mend(struct vhd1_repairer *r, const struct vhd_rule *rule,
		struct vhd_error *err)
{
	if (r->req->salvage && is_header(rule))
		return vhd1_repair_guess_rest(r, (enum vhd_rule_idx)(
			rule - vhd_rule_get((enum vhd_rule_idx)0)), err);
	if (rule == vhd_rule_get(RULE_VHD1_FOOTERS_BAD))
		return mend_bad(r, err);
	if (rule == vhd_rule_get(RULE_VHD1_POISONED))
		return mend_poison(r, err);
	if (rule == vhd_rule_get(RULE_VHD1_FIXED_SHORT))
		return mend_short(r, err);
	if (rule == vhd_rule_get(RULE_VHD1_FIXED_NO_FOOTER) && r->req->salvage)
		return vhd1_repair_guess(r, err);
	return 0;
}

int vhd1_repair_open(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd_engine_open open = { .io = r->io };
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		struct vhd_error e = { 0 };
		void *eng = NULL;
		uint64_t size;
		int rc = vhd_io_size(r->io, &size, err);

		if (!rc && size >= VHD1_FOOTER_LEN_OLD)
			rc = vhd1_copies_load(r->io, size, &r->copies, err);
		if (rc || size < VHD1_FOOTER_LEN_OLD)
			return rc;
		rc = vhd1_engine.open(&open, &eng, &e);
		if (!rc) {
			r->v = eng;
			r->held = r->v->footers_ok == VHD_COPY_FIRST &&
				  vhd1_copy_killed(&r->copies.tail) &&
				  !vhd_mend_choice(&r->req->mender,
						   RULE_VHD1_FOOTER_KILLED);
			r->stale = r->map_known = r->end_known = false;
			return 0;
		}
		if (!e.rule)
			return as_answer(rc, &e, err);
		r->stale = false;
		rc = mend(r, e.rule, err);
		if (rc || !r->stale)
			return rc;
	}
	return 0;
}
