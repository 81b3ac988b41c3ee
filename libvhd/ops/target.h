/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_TARGET_H
#define VHD_OPS_TARGET_H

#include "vhd/ops.h"

/* Applies the target in @opts to the fields that the caller left open. */
int vhd_target_apply(struct vhd_create_opts *opts, struct vhd_error *err);

/* Whether it takes a disk with such sectors, once they are known. */
int vhd_target_sector(enum vhd_target target, uint32_t sector,
		      struct vhd_error *err);

/* @size rounded up to what the target needs. */
uint64_t vhd_target_round(enum vhd_target target, uint64_t size);

/* Whether it takes a disk of that size. */
int vhd_target_size(enum vhd_target target, uint64_t size,
		    struct vhd_error *err);

#endif
