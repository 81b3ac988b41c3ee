/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_XEN_PARENT_H
#define VHD_IMAGE_XEN_PARENT_H

/*
 * Which file Xen's tools take for the parent of an image: a matter of names
 * alone, the same for everybody who asks.
 */

#include "engine/engine.h"

/*
 * *@name_out is the canonical name of the parent of @child; the caller's
 * (vhd_free()).  @ref comes from an open with VHD_OPEN_XEN_PARENT.
 *
 * VHD_E_PARENT with the errno of the first name that leads nowhere;
 * VHD_E_CORRUPT when none is recorded.
 */
int vhd_xen_parent_name(const struct vhd_io *child,
			const struct vhd_parent_ref *ref, char **name_out,
			struct vhd_error *err);

/* The folder that relative names start from; NULL: there is none.  The caller's
 * (vhd_free()). */
char *vhd_xen_child_dir(const struct vhd_io *child);

#endif
