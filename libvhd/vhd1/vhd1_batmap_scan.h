/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_BATMAP_SCAN_H
#define VHD_VHD1_BATMAP_SCAN_H

/*
 * The part of Xen's batmap that counts, bit by bit, against the table and the
 * sector bitmaps: for check and repair.
 */

#include "vhd1/vhd1_priv.h"

enum vhd1_bit_fault {
	VHD1_BIT_UNUSED,	/* the block is not allocated */
	VHD1_BIT_PARTIAL	/* its sector bitmap is not full */
};

/* @fault is told of each set bit that should not be. */
struct vhd1_batmap_scan {
	int (*fault)(void *arg, uint64_t blk, enum vhd1_bit_fault fault,
		     struct vhd_error *err);
	void *arg;
	bool table_only;	/* sector bitmaps are not read */
	uint32_t checksum;	/* out: of what is there */
};

int vhd1_batmap_scan(struct vhd1 *v, struct vhd1_batmap_scan *s,
		     struct vhd_error *err);

#endif
