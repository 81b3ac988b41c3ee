/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_COPY_FORWARD_H
#define VHD_OPS_COPY_FORWARD_H

/* The disk of an image that comes as a stream, for the copy engine. */

#include "ops/copy.h"

struct vhd_feed_forward;

/* @src has src->forward, and is read here for the first time. */
int vhd_feed_forward_new(struct vhd_image *src, struct vhd_feed_forward **f_out,
			 struct vhd_error *err);
void vhd_feed_forward_free(struct vhd_feed_forward *f);

/*
 * One block at a time.  What an extent says has to be read before the next ones
 * are asked for.  When there are no more, the stream was read to its end and is
 * all there.
 */
const struct vhd_copy_feed *
vhd_feed_forward_get(const struct vhd_feed_forward *f);

/*
 * Extents come in the order of the disk, and zeros are named.  Otherwise they come
 * in the order of the file, and what they leave out are zeros.
 */
bool vhd_feed_forward_ordered(const struct vhd_feed_forward *f);

/* vhd_copy_run() of such a source. */
int vhd_copy_forward_run(const struct vhd_copy *copy,
			 struct vhd_copy_result *result_out,
			 struct vhd_error *err);

/*
 * The blocks that have data, front to back, without reading any: VHD_E_UNSUPPORTED
 * when they do not come in that order.
 */
int vhd_forward_look(struct vhd_image *src,
		     int (*data)(void *arg, uint64_t len, uint64_t off,
				 struct vhd_error *err),
		     void *arg, struct vhd_error *err);

/* Of its blocks; 0: it has none. */
int vhd_forward_block_size(struct vhd_image *src, uint64_t *size_out,
			   struct vhd_error *err);
int vhd_forward_fail_order(struct vhd_error *err);

#endif
