/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_TARGET_H
#define VHD_OPS_TARGET_H

#include "vhd/ops.h"

/* What a consumer of images demands. */
struct vhd_target_rule {
	enum vhd_target target;
	const char *name;
	enum vhd_format format;		/* when the caller leaves it open */
	bool only_format;		/* no other one will do */
	enum vhd_type type;		/* DEFAULT: any */
	uint64_t size_align;		/* the disk's size is a multiple */
	uint64_t size_least;		/* 0: any */
	uint64_t size_most;		/* 0: what the format can have */
	uint64_t vhdx_block;		/* 0: the format's default */
	uint64_t vhd_block;
	uint32_t flags;			/* VHD_CREATE_* it needs */
	uint32_t logical_sector;	/* the only one it takes; 0: any */
	bool xen;
};

/* NULL for VHD_TARGET_NONE and unknown values. */
const struct vhd_target_rule *vhd_target_rule_of(enum vhd_target target);

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
