/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a step that gives something up says of the bytes of the disk.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/ckd.h"
#include "vhd1/vhd1_repair.h"

const char *vhd1_loss_of(const struct vhd1_repairer *r, uint64_t blk,
			 uint64_t count, struct vhd1_loss *out)
{
	const struct vhd1 *v = r->v;
	uint64_t from, to, len = v->hdr.block_size;

	out->text[0] = '\0';
	if (ckd_mul(&from, blk, len) || ckd_mul(&to, count, len) ||
	    ckd_add(&to, to, from))
		return out->text;
	to = min_u64(to, v->virtual_size);
	if (from < to)
		snprintf(out->text, sizeof(out->text), ": disk bytes 0x%" PRIx64
			 " to 0x%" PRIx64 " are lost, and read %s then, also in "
			 "children made from this disk", from, to,
			 v->footer.type == VHD1_TYPE_DIFF ? "as the parent's"
							  : "as zeros");
	return out->text;
}
