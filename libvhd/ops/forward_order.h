/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_FORWARD_ORDER_H
#define VHD_OPS_FORWARD_ORDER_H

/* The blocks of an image in the order in which its file has them. */

#include "image/image_priv.h"

struct forward_blk {
	uint64_t off;		/* of its data in the file */
	uint64_t blk;
};

struct forward_order {
	struct vhd_image *img;
	struct forward_blk *list;	/* the next ones */
	size_t count, room, at;
	struct forward_blk last;	/* of those before them */
	struct forward_blk prev;	/* while the table is walked */
	uint64_t total, given;
	uint64_t first_off;	/* of the first data in the file, if there is */
	uint64_t bitmap_len;	/* in front of the data of each; 0: none */
	bool walked;
	bool ascending;		/* the order of the disk is that of the file */
	bool dropped;		/* blocks behind the list were seen */
	bool no_memory;
};

/* Walks the table once. */
int vhd_forward_order_begin(struct forward_order *o, struct vhd_image *img,
			    struct vhd_error *err);
/* *@more_out false: there are no more. */
int vhd_forward_order_next(struct forward_order *o, struct forward_blk *out,
			   bool *more_out, struct vhd_error *err);
void vhd_forward_order_end(struct forward_order *o);

#endif
