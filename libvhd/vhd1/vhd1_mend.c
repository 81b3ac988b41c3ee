/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before the first change of a file: both of its footers are there, and the
 * trailing one ends it.
 *
 * A file is read with one sound footer.  Writing relies on the other one where
 * this one moves or is lost, so what is missing is written first (VHD-Y-1,
 * VHD-Y-4).  A trailing footer goes behind everything that has a place, and
 * over nothing but what may be one (VHD-Y-20): the table is scanned for that,
 * and damage in it stops us (VHD-Y-21).
 *
 * A copy that an interrupted change left behind becomes the trailing footer's
 * (VHD-W-10).
 *
 * Footers of 511 bytes get their last one (VHD-F-4); a file whose length is no
 * multiple of 512 gets its footer once more, where it belongs (VHD-G-3).
 */
#include "base/ckd.h"
#include "base/fail.h"
#include "io/stat.h"
#include "vhd1/vhd1_write.h"

static bool has(const struct vhd1 *v, uint32_t copy)
{
	return v->footers_ok & copy;
}

static int front_mend(struct vhd1 *v, struct vhd_error *err)
{
	int rc = vhd1_footer_put(v, 0, err);

	if (!rc)
		rc = vhd1_flush(v, err);
	if (rc)
		return rc;
	v->footers_ok |= VHD_COPY_FIRST;
	v->footers_step = false;
	return 0;
}

/* Where the trailing footer belongs. */
static int tail_find(struct vhd1 *v, uint64_t *off_out, struct vhd_error *err)
{
	uint64_t size = v->file_size;
	uint64_t end = align_up(size, VHD1_SECTOR), off;
	int rc;

	if (has(v, VHD_COPY_SECOND) && v->tail_off + VHD1_FOOTER_LEN_OLD == size) {
		*off_out = v->tail_off;
		return 0;
	}
	rc = vhd1_scan(v, err);
	if (rc)
		return rc;
	off = end - VHD1_FOOTER_LEN;
	if (has(v, VHD_COPY_SECOND) || off < v->write->content_end)
		off = max_u64(end, align_up(v->write->content_end, VHD1_SECTOR));
	*off_out = off;
	return 0;
}

static int tail_mend(struct vhd1 *v, struct vhd_error *err)
{
	uint64_t off;
	int rc = tail_find(v, &off, err);

	if (!rc)
		rc = vhd1_footer_put(v, off, err);
	if (!rc)
		rc = vhd1_flush(v, err);
	if (rc)
		return rc;
	/* The scan may have taken its place for free. */
	vhd_space_cut(&v->write->space, off);
	v->file_size = off + VHD1_FOOTER_LEN;
	v->tail_off = off;
	v->footers_ok |= VHD_COPY_SECOND;
	return 0;
}

/* May the file become shorter than it came? */
static bool may_shrink(const struct vhd1 *v)
{
	return v->write->packing ||
	       (v->write->exact && !vhd_io_is_device(v->io));
}

int vhd1_write_touch(void *eng, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	int rc = 0;

	if (!has(v, VHD_COPY_FIRST) || v->footers_step)
		rc = front_mend(v, err);
	if (!rc && (!has(v, VHD_COPY_SECOND) ||
		    v->file_size != v->tail_off + VHD1_FOOTER_LEN))
		rc = tail_mend(v, err);
	if (!rc)
		v->write->floor = may_shrink(v) ? 0 : v->tail_off;
	return rc;
}
