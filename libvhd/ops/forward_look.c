/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ckd.h"
#include "base/fail.h"
#include "ops/copy_forward.h"
#include "ops/forward_order.h"

static int look_blocks(struct forward_order *o, uint64_t block_size,
		       int (*data)(void *arg, uint64_t len, uint64_t off,
				   struct vhd_error *err),
		       void *arg, struct vhd_error *err)
{
	uint64_t size = vhd_size(o->img);
	struct forward_blk b;
	bool more = true;
	int rc = 0;

	while (!rc && more) {
		rc = vhd_forward_order_next(o, &b, &more, err);
		if (rc || !more || b.blk >= div_ceil(size, block_size))
			continue;
		rc = data(arg, min_u64(block_size, size - b.blk * block_size),
			  b.blk * block_size, err);
	}
	return rc;
}

int vhd_forward_look(struct vhd_image *src,
		     int (*data)(void *arg, uint64_t len, uint64_t off,
				 struct vhd_error *err),
		     void *arg, struct vhd_error *err)
{
	uint64_t block_size = 0;
	struct forward_order o;
	int rc = vhd_forward_block_size(src, &block_size, err);

	if (rc)
		return rc;
	if (!block_size)
		return data(arg, vhd_size(src), 0, err);
	rc = vhd_forward_order_begin(&o, src, err);
	if (!rc && !o.ascending)
		rc = vhd_forward_fail_order(err);
	if (!rc)
		rc = look_blocks(&o, block_size, data, arg, err);
	vhd_forward_order_end(&o);
	return rc;
}
