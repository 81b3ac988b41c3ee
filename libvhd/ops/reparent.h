/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_REPARENT_H
#define VHD_OPS_REPARENT_H

/*
 * A child gets another record of its parent: identity, time, and names.  What
 * the child itself stores, and its own identity, stay.
 */

#include "image/layer.h"
#include "vhd/image.h"

enum {
	/* Find out whether it can be done, and whether it is needed. */
	VHD_REPARENT_DRY_RUN = 1 << 0
};

/*
 * Records the file @parent as the parent of @child, whatever is recorded now and
 * wherever that leads, durably.  Cut off at any moment the child has the old
 * record or the new one, and the same call finishes.
 *
 * @open says how to open @parent and what is below it (@open->parents begins
 * with the parent of @parent); its format and its size rule are those of the
 * child.  *@changed_out (may be NULL): the record was another one.
 *
 * VHD_E_INVAL for what is no differencing image, and for a parent of another
 * format, with other sectors, without an identity, or below which @child lies.
 */
int vhd_reparent(const char *child, const char *parent,
		 const struct vhd_open_opts *open, uint32_t flags,
		 bool *changed_out, struct vhd_error *err);

struct vhd_repair_parent;

/*
 * The same for a child that is open, and locked, as @io, with a parent that was
 * looked at (vhd_repair_parent_open()).
 */
int vhd_reparent_io(struct vhd_io *io, const struct vhd_engine *ops,
		    const struct vhd_repair_parent *parent,
		    enum vhd_size_rule size_rule, bool dry, bool *changed_out,
		    struct vhd_error *err);

#endif
