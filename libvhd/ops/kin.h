/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_KIN_H
#define VHD_OPS_KIN_H

/* The children of an image, as far as they are known: see vhd_children(). */

#include "image/image_priv.h"
#include "vhd/change.h"
#include "vhd/ops.h"

enum { VHD_KIN_NAME = 128, VHD_KIN_FILES = 65536 };

struct vhd_kin {
	uint32_t count;
	char first[VHD_KIN_NAME];	/* file of one of them, shortened */
};

/* vhd_children() with another limit. */
int vhd_kin_search(struct vhd_image *img, uint32_t most, vhd_child_fn fn,
		   void *arg, struct vhd_error *err);

/*
 * Counts the children of @img, but for those that are one of the @except_count
 * files @except.
 */
int vhd_kin_find(struct vhd_image *img, const struct vhd_file_id *except,
		 size_t except_count, struct vhd_kin *out,
		 struct vhd_error *err);

/*
 * vhd_refuse_children() unless @flags have VHD_CHANGE_ORPHAN: whoever changes
 * what @img shows, or its identity, asks first.
 */
int vhd_kin_refuse(struct vhd_image *img, uint32_t flags,
		   struct vhd_error *err);

#endif
