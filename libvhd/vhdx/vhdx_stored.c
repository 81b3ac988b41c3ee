/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holes of the file are known to be zeros without being read: the table of a
 * large empty disk is nothing else.  A pending log fills holes in, so what it
 * changes counts as stored.
 */
#include "vhdx/vhdx_stored.h"

#include "vhdx/vhdx_write.h"

int vhdx_next_in_file(const struct vhdx *x, uint64_t off, uint64_t end,
		      uint64_t *start_out, uint64_t *stop_out,
		      struct vhd_error *err)
{
	uint64_t start, stop, ov_start, ov_stop;
	int rc;

	rc = vhd_io_next_data(x->io, off, end, &start, &stop, err);
	if (rc)
		return rc;
	if (vhdx_overlay_next(x->overlay, off, &ov_start, &ov_stop) &&
	    ov_start < end && max_u64(ov_start, off) < start) {
		start = max_u64(ov_start, off);
		stop = min_u64(ov_stop, end);
	}
	/* Whole entries, whatever the file system's idea of a hole is. */
	*start_out = max_u64(align_down(start, 8), off);
	*stop_out = min_u64(align_up(stop, 8), end);
	return 0;
}

int vhdx_next_stored(const struct vhdx *x, uint64_t off, uint64_t end,
		     uint64_t *start_out, uint64_t *stop_out,
		     struct vhd_error *err)
{
	if (!vhdx_write_begun(x))
		return vhdx_next_in_file(x, off, end, start_out, stop_out, err);
	*start_out = off;
	*stop_out = end;
	return 0;
}
