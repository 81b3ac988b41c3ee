/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fixed disk of another size (VHD-R-1).
 *
 * Its footer is all that makes the file an image, and there is one only.  At
 * every instant the last sector of the file is a footer, and what it says fits
 * into the file: more room than the disk needs is in order, less is not.
 *
 *	larger	the footer, with the old size, goes to the new end
 *		what lies between is made zeros, the old footer included
 *		the footer gets the new size
 *	smaller	the footer gets the new size where it is
 *		it is written behind the new end, over what is given up
 *		the file is cut
 */
#include "base/ckd.h"
#include "vhd1/vhd1_reshape.h"

/* A footer that was written in part must not be what the file ends with. */
static void retreat(struct vhd1 *v, uint64_t size)
{
	uint64_t now;

	if (!vhd_io_size(v->io, &now, NULL) && now > size)
		vhd_io_set_size(v->io, size, NULL);
}

static int move_out(struct vhd1 *v, uint64_t to, struct vhd_error *err)
{
	int rc = vhd1_footer_put(v, to, err);

	if (rc) {
		retreat(v, v->file_size);
		return rc;
	}
	rc = vhd1_flush(v, err);
	if (rc)
		return rc;
	v->tail_off = to;
	v->file_size = to + VHD1_FOOTER_LEN;
	return 0;
}

static int wipe(struct vhd1 *v, uint64_t from, uint64_t to,
		struct vhd_error *err)
{
	int rc;

	if (from >= to)
		return 0;
	rc = vhd_io_punch(v->io, to - from, from, err);
	return rc ? rc : vhd1_flush(v, err);
}

/* What comes into view was the footer, or never part of the disk. */
static int uncover(struct vhd1 *v, uint64_t size, struct vhd_error *err)
{
	uint64_t old = v->tail_off, end = min_u64(size, v->file_size);
	int rc = 0;

	if (size > old)
		rc = move_out(v, size, err);
	return rc ? rc : wipe(v, v->virtual_size, end, err);
}

/* The footer moves to the end of the disk.  A device keeps its length. */
static int tighten(struct vhd1 *v, uint64_t size, struct vhd_error *err)
{
	int rc;

	if (v->tail_off == size)
		return 0;
	rc = vhd1_footer_put(v, size, err);
	if (!rc)
		rc = vhd1_flush(v, err);
	if (rc || vhd_io_set_size(v->io, size + VHD1_FOOTER_LEN, NULL))
		return rc;
	v->tail_off = size;
	v->file_size = size + VHD1_FOOTER_LEN;
	return vhd1_flush(v, err);
}

int vhd1_resize_fixed(struct vhd1 *v, uint64_t size, struct vhd_error *err)
{
	int rc = 0;

	if (size > v->virtual_size)
		rc = uncover(v, size, err);
	if (!rc && (size != v->virtual_size ||
		    size != v->footer.current_size)) {
		vhd1_footer_resize(&v->footer, size);
		rc = vhd1_footers_put(v, err);
		v->virtual_size = size;
	}
	return rc ? rc : tighten(v, size, err);
}
