/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repair of a VHD.
 *
 * Stages, from the outside to the inside: what keeps the file from being opened,
 * where its footers are, what footer and header say, names of the parent, table
 * and blocks, Xen's batmap, and what lies inside of blocks.  A stage relies on
 * what the ones before have left, so the file is opened anew after each that has
 * changed it; one that has no consent for its damage stops nothing but what
 * would make that worse.
 *
 * Nothing is ever cut off but behind a fixed disk, whose length its footer says
 * (VHD-Y-21).
 */
#include "vhd1/vhd1_repair.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "vhd1/vhd1.h"

static bool ask(struct vhd1_repairer *r, enum vhd_rule_idx rule, uint64_t off,
		const char *msg)
{
	const struct vhd_mender *m = &r->req->mender;
	bool granted = vhd_mend_choice(m, rule);

	if (!vhd_mend_may(m, rule, off, "%s", msg)) {
		r->full = r->full || granted;
		return false;
	}
	r->stale = true;
	return true;
}

/* What could be done is told all the same. */
static bool is_held(const struct vhd1_repairer *r, enum vhd_rule_idx rule)
{
	return r->held && vhd_mend_choice(&r->req->mender, rule);
}

bool vhd1_may(struct vhd1_repairer *r, enum vhd_rule_idx rule, uint64_t off,
	      const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	if (is_held(r, rule))
		return false;
	if (!vhd_mend_choice(&r->req->mender, rule) &&
	    r->said[rule]++ >= VHD1_POSSIBLE)
		return false;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return ask(r, rule, off, msg);
}

bool vhd1_may_block(struct vhd1_repairer *r, enum vhd_rule_idx rule,
		    uint64_t off, uint64_t blk, uint64_t cost,
		    const char *fmt, ...)
{
	bool granted = vhd_mend_choice(&r->req->mender, rule);
	char msg[512];
	va_list ap;

	if (is_held(r, rule))
		return false;
	if (r->quiet[rule] >= cost && !r->full) {
		r->quiet[rule] -= cost;
		r->stale = true;
		return true;
	}
	if (r->said[rule]++ < VHD1_EACH) {
		va_start(ap, fmt);
		vsnprintf(msg, sizeof(msg), fmt, ap);
		va_end(ap);
		return ask(r, rule, off, msg);
	}
	if (!granted)
		return false;
	snprintf(msg, sizeof(msg), "the same is done for up to %" PRIu64
		 " more blocks, from block %" PRIu64 " on",
		 VHD1_COST_MANY / cost, blk);
	if (!ask(r, rule, off, msg))
		return false;
	r->quiet[rule] = VHD1_COST_MANY - cost;
	return true;
}

bool vhd1_chosen(const struct vhd1_repairer *r, enum vhd_rule_idx rule,
		 const char *word)
{
	const char *choice = vhd_mend_choice(&r->req->mender, rule);

	return choice && !strcmp(choice, word);
}

static int reopen(struct vhd1_repairer *r, struct vhd_error *err)
{
	if (!r->stale)
		return 0;
	vhd1_engine.close(r->v);
	r->v = NULL;
	r->stale = false;
	return vhd1_repair_open(r, err);
}

int vhd1_repair(const struct vhd_engine_repair *req, struct vhd_error *err)
{
	static int (*const stages[])(struct vhd1_repairer *,
				     struct vhd_error *) = {
		vhd1_repair_ends, vhd1_repair_footer, vhd1_repair_header,
		vhd1_repair_parent, vhd1_repair_locators, vhd1_repair_drop,
		vhd1_repair_table, vhd1_repair_overlaps, vhd1_repair_batmap,
		vhd1_repair_deep,
	};
	struct vhd1_repairer *r = vhd_alloc(sizeof(*r));
	size_t i;
	int rc;

	if (!r)
		return vhd_fail_nomem(err);
	r->req = req;
	r->io = req->io;
	rc = vhd1_repair_open(r, err);
	for (i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		if (!rc)
			rc = reopen(r, err);
		if (rc || !r->v)
			break;
		rc = stages[i](r, err);
	}
	vhd1_engine.close(r->v);
	vhd_free(r);
	return rc;
}
