/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_LINK_H
#define VHD_IMAGE_LINK_H

#include "image/layer.h"

/* A child and the parent that was found for it. */
struct vhd_link {
	const struct vhd_layer *child;
	const struct vhd_layer *parent;
	const struct vhd_parent_ref *ref;
	uint32_t index;			/* of the child */
	const struct vhd_reporter *reporter;	/* may be NULL */
};

/* Reports what is odd about a parent that is the right one. */
void vhd_link_compare(const struct vhd_link *l);

#endif
