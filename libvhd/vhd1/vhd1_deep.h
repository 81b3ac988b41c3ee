/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_DEEP_H
#define VHD_VHD1_DEEP_H

/* What lies inside of blocks, block by block: for check and repair. */

#include "vhd1/vhd1_priv.h"

/* A block that lies where a block can be, whole. */
struct vhd1_inside {
	uint64_t blk;
	uint64_t at;		/* of its bitmap */
	uint32_t sectors;
	const uint8_t *bits;	/* the bitmap, MSB first */
	/* Sectors that hold anything but zeros; not looked at in a
	 * differencing disk, unless @data of struct vhd1_deep is set. */
	const uint8_t *data;
};

struct vhd1_deep {
	int (*block)(void *arg, const struct vhd1_inside *b,
		     struct vhd_error *err);
	int (*tick)(void *arg, uint64_t done, struct vhd_error *err);
	void *arg;
	bool data;
};

int vhd1_deep_walk(struct vhd1 *v, const struct vhd1_deep *to,
		   struct vhd_error *err);

#endif
