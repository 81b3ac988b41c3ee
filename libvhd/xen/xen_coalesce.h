/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_XEN_COALESCE_H
#define VHD_XEN_XEN_COALESCE_H

/* A coalesce: what its two files share. */

#include "base/alloc.h"
#include "image/change.h"
#include "vhd/xen.h"

struct vhd_coalesce {
	const char *path;
	struct vhd_xen_coalesce_opts opts;	/* complete */
	struct vhd_open_opts open;		/* complete */
	char into_path[4096];
	bool raw;			/* that is a raw disk */
	struct vhd_image *child;	/* alone */
	struct vhd_image *into;		/* alone, for writing */
	uint64_t sectors;		/* that the child holds */

	/* With VHD_XEN_ANCESTOR: files of the layers between. */
	char **between;
	uint32_t betweens;
};

/* What the child holds; a run like those of vhd_image_upper_run(). */
int vhd_coalesce_look(void *child, uint64_t off, uint64_t len,
		      struct vhd_run *run, uint32_t *layer,
		      struct vhd_error *err);

/* From the one into the other, both open; all but what closing does. */
int vhd_coalesce_copy(struct vhd_coalesce *c, struct vhd_error *err);

/*
 * xen_uncover.c: finds the layers between, and whether the ancestor is a raw
 * disk; and makes them give up what the child holds.
 */
int vhd_coalesce_between(struct vhd_coalesce *c, struct vhd_error *err);
int vhd_coalesce_uncover(struct vhd_coalesce *c, struct vhd_error *err);

/* xen_flatten.c: all of the chain, into a new file. */
int vhd_coalesce_new(struct vhd_coalesce *c, struct vhd_error *err);

#endif
