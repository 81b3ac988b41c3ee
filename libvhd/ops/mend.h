/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_MEND_H
#define VHD_OPS_MEND_H

/*
 * An engine's repair, run on a patch until there is nothing left that it may
 * do.  Nothing is written to the file: whoever owns the patch decides about
 * that.
 */

#include "engine/engine.h"
#include "io/io_patch.h"
#include "ops/told.h"
#include "vhd/repair.h"

/* A plan that takes more memory than this is carried out in parts. */
#define VHD_MEND_BUDGET (UINT64_C(64) << 20)

/* What is granted: a choice for each rule, NULL where there is no consent. */
struct vhd_grants {
	const char *choice[VHD_RULE_COUNT];
};

struct vhd_mend {
	/* To be filled in. */
	const struct vhd_engine *engine;
	struct vhd_patch *patch;
	/* @io, @mender, @copy and its argument are set here. */
	struct vhd_engine_repair req;
	const struct vhd_grants *grants;
	const char *file;		/* its name, for steps */
	vhd_repair_step_fn step;	/* may be NULL */
	void *step_arg;
	struct vhd_told *told;

	/* Counted up: what was told. */
	uint64_t steps, possible;
	/* The budget was used up: there is more to do. */
	bool full;

	/* Of the present round. */
	uint64_t granted;
	bool news;
};

/* What needs no consent is granted, nothing else. */
void vhd_grants_init(struct vhd_grants *g);
/* Everything that can be done at all is. */
void vhd_grants_all(struct vhd_grants *g);
/* VHD_E_INVAL for rules and choices that do not exist. */
int vhd_grants_add(struct vhd_grants *g, const struct vhd_consent *consents,
		   size_t count, struct vhd_error *err);

int vhd_mend_run(struct vhd_mend *m, struct vhd_error *err);

/* Tells of a step that could be made if the owner named the parent. */
void vhd_mend_offer_parent(struct vhd_mend *m, enum vhd_rule_idx rule,
			   const char *msg);

#endif
