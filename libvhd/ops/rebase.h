/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_REBASE_H
#define VHD_OPS_REBASE_H

/* A rebase under way. */

#include "ops/compare_walk.h"
#include "ops/repair.h"
#include "vhd/chain.h"

struct vhd_rebase {
	const char *path, *parent;
	struct vhd_rebase_opts opts;
	struct vhd_open_opts open;	/* the child, as it is */
	struct vhd_open_opts below;	/* the new parent */
	struct vhd_image *img;		/* the child, with its old parents */
	struct vhd_image *old;		/* the disk that these show */
	struct vhd_repair_parent to;
	struct vhd_compare_walk walk;
	uint64_t zero_end;		/* block that became zeros ends there */
	uint64_t mixed;			/* and one that could not, plus one */
	uint64_t asked;			/* bytes that the child does not answer */
	bool begun;			/* something was written, */
	uint64_t since;			/* and this much since the last flush */
};

static inline bool vhd_rebase_is_dry(const struct vhd_rebase *r)
{
	return r->opts.flags & VHD_CHANGE_DRY_RUN;
}

/*
 * Brings the child what the old parent has and the new one has not, durably;
 * a dry one only counts that.
 */
int vhd_rebase_copy(struct vhd_rebase *r, struct vhd_error *err);

#endif
