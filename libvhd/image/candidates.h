/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_CANDIDATES_H
#define VHD_IMAGE_CANDIDATES_H

/*
 * From the names that a child records to the paths where its parent may be
 * (VHD-L-20, VHD-L-22, VHDX-PATH-02 to -05).  No file is opened here.
 */

#include "engine/engine.h"

enum { VHD_CANDIDATES_MAX = 64 };

/* How names are compared with those of files. */
enum vhd_candidates_case {
	VHD_CASE_EXACT,
	VHD_CASE_IGNORED	/* needs a look into each directory */
};

struct vhd_candidates {
	char *path[VHD_CANDIDATES_MAX];
	size_t count;
	char *child_dir;	/* of the child's canonical name, or NULL */
	enum vhd_candidates_case how;
};

/*
 * @child is the child's name as it was opened.  @dirs (NULL-terminated, may be
 * NULL) are searched as well.  Each path is listed once, in the order in which
 * it is to be tried.  Exact ones need not exist; with the case ignored, those
 * that exist are listed.  False when there is no memory.
 */
bool vhd_candidates_list(const char *child, const struct vhd_parent_ref *ref,
			 const char *const *dirs, enum vhd_candidates_case how,
			 struct vhd_candidates *out);
void vhd_candidates_free(struct vhd_candidates *c);

#endif
