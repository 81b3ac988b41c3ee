/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk, front to back.  Of a damaged one, what cannot be looked up is lost as
 * far as it shares one fate, and no further.
 */
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "image/rw.h"
#include "ops/copy_priv.h"

int vhd_feed_disk(struct vhd_cutter *c, size_t *n_out, struct vhd_error *err)
{
	struct vhd_image *src = c->copy->src;
	uint64_t size = vhd_size(src);
	int rc;

	*n_out = 0;
	if (c->next >= size)
		return 0;
	rc = vhd_image_resolve(src, true, c->next, size - c->next, c->ext,
			       COPY_EXTENTS, n_out, err);
	if (!rc)
		c->next = c->ext[*n_out - 1].off + c->ext[*n_out - 1].len;
	return rc;
}

int vhd_feed_past(struct vhd_cutter *c, size_t *n_out, uint64_t *lost_out,
		  struct vhd_error *err)
{
	uint64_t end = min_u64(c->next - c->next % c->unit + c->unit,
			       vhd_size(c->copy->src));
	struct vhd_extent e;
	int rc;

	memset(&c->why, 0, sizeof(c->why));
	rc = vhd_image_look(c->copy->src, c->next, end - c->next, &e, &c->why);
	if (!e.len)
		e.len = end - c->next;
	c->next += e.len;
	*n_out = 0;
	*lost_out = 0;
	if (!rc) {
		c->ext[0] = e;
		*n_out = 1;
		return 0;
	}
	if (vhd_copy_is_loss(c->copy, rc)) {
		*lost_out = e.len;
		return 0;
	}
	if (err)
		*err = c->why;
	return rc;
}
