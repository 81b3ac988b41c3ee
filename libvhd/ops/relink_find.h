/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_RELINK_FIND_H
#define VHD_OPS_RELINK_FIND_H

/* Finding the parent of a child that has lost it. */

#include "image/image_priv.h"

/* The images of some folders and who they are; looked at when first asked. */
struct vhd_kennel {
	const char *const *dirs;	/* ended by NULL; with all below them */
	struct vhd_kennel_entry *entry;
	size_t count, room;
	const char *image;		/* whose directory counts for all */
	char *beside;			/* the child's directory, looked at */
	bool looked, cut, nomem;
};

void vhd_kennel_free(struct vhd_kennel *k);

/*
 * The file that @child means by its parent: by the names that it records, then
 * by the identity in its own directory and in @k->dirs.  *@right_out: the record
 * leads there.  Without a parent, *@path_out is NULL; else the caller frees it.
 */
int vhd_relink_find(const struct vhd_layer *child,
		    const struct vhd_open_opts *open, struct vhd_kennel *k,
		    char **path_out, bool *right_out, struct vhd_error *err);

/*
 * Another file of the parent's identity, which opens or will when it is relinked:
 * for a record that leads to a layer that was merged.  NULL: there is none, or
 * there are several.  Caller frees.
 */
char *vhd_relink_other(const struct vhd_layer *child, struct vhd_kennel *k);

#endif
