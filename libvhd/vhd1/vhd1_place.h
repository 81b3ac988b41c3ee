/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_PLACE_H
#define VHD_VHD1_PLACE_H

/* The blocks of a file in the order of their places. */

#include "vhd1/vhd1_priv.h"

struct vhd1_block {
	uint64_t blk;
	uint64_t at;
};

/*
 * Who is told.  Blocks that lie in the metadata or past the end of the file are
 * left out.  Any but @arg may be NULL; those that return an int end the walk by
 * an error or by 1, which is none.
 */
struct vhd1_places {
	/* Two blocks share space.  Each that does is in at least one pair. */
	int (*overlap)(void *arg, const struct vhd1_block *a,
		       const struct vhd1_block *b, struct vhd_error *err);
	/* The next block in the order of the file. */
	int (*next)(void *arg, const struct vhd1_block *b,
		    struct vhd_error *err);
	/* Entries done of this pass; @pass of vhd1_place_passes(). */
	int (*tick)(void *arg, uint64_t pass, uint64_t done,
		    struct vhd_error *err);
	void *arg;
};

/*
 * VHD-X-12: does a block that ends at @end, 0 for none, lie in the seven sectors
 * in front of the one at @at, in an image with a batmap?
 */
static inline bool vhd1_is_packed(const struct vhd1 *v, uint64_t end,
				  uint64_t at)
{
	return v->has_batmap && end && end + 7 * VHD1_SECTOR > at;
}

uint64_t vhd1_place_passes(const struct vhd1 *v);
int vhd1_place_walk(struct vhd1 *v, const struct vhd1_places *to,
		    struct vhd_error *err);

#endif
