/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_PARENT_H
#define VHD_IMAGE_PARENT_H

/* Finding the file that a child means by its parent. */

#include "image/layer.h"

struct vhd_parent_search {
	const struct vhd_layer *child;
	const struct vhd_parent_ref *ref;
	const struct vhd_open_opts *opts;
	struct vhd_layer_open how;
	const char *given;	/* the caller names the parent; or NULL */
	bool exact;		/* names in other letters are not looked for */
};

/*
 * Opens the parent: the one that the caller named, or the first candidate that
 * lies where parents may lie and has the recorded identity.  An error says what
 * was looked for and what was found instead.
 */
int vhd_parent_find(const struct vhd_parent_search *s,
		    struct vhd_layer *parent_out, struct vhd_error *err);

#endif
