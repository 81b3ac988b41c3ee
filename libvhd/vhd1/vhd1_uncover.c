/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sector at a time loses its bit, in the file itself; Xen's batmap stops
 * showing the block before that (VHD-X-10).
 */
#include "vhd1/vhd1_uncover.h"

#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_reshape.h"

int vhd1_uncover_begin(struct vhd1 *v, struct vhd_error *err)
{
	if (v->footer.type != VHD1_TYPE_DIFF)
		return vhd_fail(err, VHD_E_INVAL,
				"the image is no differencing disk");
	return vhd1_still(v, err);
}

/* Bits [from, to) of block @blk, where there are any. */
static int uncover_block(struct vhd1 *v, uint64_t blk, uint64_t from,
			 uint64_t to, struct vhd_error *err)
{
	uint64_t at, count;
	uint32_t entry;
	bool set, may;
	int rc = vhd1_entry(v, blk, &entry, err);

	if (rc || entry == VHD1_UNUSED)
		return rc;
	at = vhd1_entry_off(entry);
	rc = vhd1_place_check(v, blk, at, err);
	if (!rc)
		rc = vhd1_bit_run(v, blk, at, from, to, &set, &count, err);
	if (rc || (!set && count == to - from))
		return rc;
	rc = vhd1_unmark(v, blk, &may, err);
	if (rc)
		return rc;
	if (!may)
		return vhd_fail(err, VHD_E_NOSPACE, "there is no room to change "
				"the batmap, which shows block %" PRIu64
				" full", blk);
	vhd1_full_forget(v, blk);
	return vhd1_bits_store(v, at, from, to, false, err);
}

int vhd1_uncover(struct vhd1 *v, uint64_t off, uint64_t len,
		 struct vhd_error *err)
{
	uint64_t end = off + len;
	int rc = 0;

	while (!rc && off < end) {
		uint64_t blk = off >> v->block_shift;
		uint64_t first = blk << v->block_shift;
		uint64_t stop = min_u64(end, first + v->hdr.block_size);

		rc = uncover_block(v, blk, (off - first) / VHD1_SECTOR,
				   div_ceil(stop - first, VHD1_SECTOR), err);
		off = stop;
	}
	return rc;
}
