/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_CHECK_PRIV_H
#define VHD_XEN_CHECK_PRIV_H

/*
 * vhd_xen_check(): each part returns at the first fault, as an error whose
 * sentence is the one that clients of the storage managers know.
 */

#include "vhd/xen.h"
#include "vhd1/vhd1_copies.h"
#include "vhd1/vhd1_priv.h"

struct vhd_xen_checker {
	struct vhd_io *io;
	uint32_t flags;			/* VHD_XEN_CHECK_* */
	bool alone;			/* nobody looks for the parent */
	int64_t now;			/* 0: times are not looked at */
	struct vhd1_copies copies;
	const struct vhd1_copy *footer;	/* the one that counts */
	uint64_t tail_off;		/* no block lies at or behind it */
	struct vhd1 *v;			/* opened with that footer */
};

static inline bool vhd_xen_check_sparse(const struct vhd_xen_checker *c)
{
	return c->footer->f.type != VHD1_TYPE_FIXED;
}

/* xen_check.c: all of it, of a file that stays open. */
int vhd_xen_check_run(struct vhd_xen_checker *c, struct vhd_error *err);

/* xen_check_footer.c: loads the copies, and chooses one. */
int vhd_xen_check_footers(struct vhd_xen_checker *c, struct vhd_error *err);

/* xen_check_header.c: the dynamic header, before and after @v is there. */
int vhd_xen_check_header(struct vhd_xen_checker *c, struct vhd_error *err);
int vhd_xen_check_parent_fields(struct vhd_xen_checker *c,
				struct vhd_error *err);

/* xen_check_blocks.c */
int vhd_xen_check_blocks(struct vhd_xen_checker *c, struct vhd_error *err);
int vhd_xen_check_batmap(struct vhd_xen_checker *c, struct vhd_error *err);
int vhd_xen_check_data(struct vhd_xen_checker *c, struct vhd_error *err);

/* xen_check_parent.c: the locators, and what they lead to. */
int vhd_xen_check_locators(struct vhd_xen_checker *c, struct vhd_error *err);
int vhd_xen_check_parent(struct vhd_xen_checker *c, struct vhd_error *err);

#endif
