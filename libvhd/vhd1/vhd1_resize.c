/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A dynamic or differencing disk of another size.
 *
 * Larger (VHD-R-2, VHD-W-20): what was hidden behind the end is wiped, the table
 * gets its new length while the disk still has its old size, which a longer table
 * fits as well (VHD-H-4), and the footers come last.
 *
 * Smaller (VHD-R-3): the footers come first.  From then on nothing leads to what
 * is behind the end but a table that is longer than need be; what it leads to is
 * given up afterwards, and an interrupted call is finished by one for the same
 * size.
 */
#include "vhd1/vhd1_reshape.h"

#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"

#define SIZE_CAP (2040 * GiB)		/* VHD-M-1 */

static uint64_t blocks_of(const struct vhd1 *v, uint64_t size)
{
	return div_ceil(size, v->hdr.block_size);
}

/*
 * The batmap shows nothing from block @keep on, nor @but: entries there will be
 * dropped, and bits behind what its checksum covers will be covered.
 */
static int batmap_trim(struct vhd1 *v, uint64_t keep, uint64_t but,
		       struct vhd_error *err)
{
	const struct vhd1_map_edit e = { .keep = keep, .but = but };
	bool differs = false;
	int rc = 0;

	if (!v->has_batmap)
		return 0;
	rc = vhd1_batmap_differs(v, &e, &differs, err);
	if (!rc && differs)
		rc = vhd1_batmap_put(v, &e, err);
	return rc;
}

static int footers_resize(struct vhd1 *v, uint64_t size, struct vhd_error *err)
{
	vhd1_footer_resize(&v->footer, size);
	v->virtual_size = size;
	return vhd1_footers_put(v, err);
}

static int grow(struct vhd1 *v, const struct vhd_engine_resize *req,
		struct vhd_error *err)
{
	uint64_t old = v->virtual_size, keep = blocks_of(v, old);
	uint64_t below = min_u64(req->below, req->size);
	uint64_t entries = blocks_of(v, req->size);
	int rc = vhd1_edge_cover(v, below, err);

	if (!rc)
		rc = batmap_trim(v, keep, VHD_NO_OFFSET, err);
	if (!rc)
		rc = vhd1_entries_drop(v, keep, err);
	if (!rc)
		rc = vhd1_recast(v, (uint32_t)entries, req, err);
	if (!rc)
		rc = vhd1_edge_wipe(v, old, req->size, below, err);
	return rc ? rc : footers_resize(v, req->size, err);
}

/* The table ends with the disk; only its header's first sector changes. */
static int table_cut(struct vhd1 *v, struct vhd_error *err)
{
	uint64_t count = vhd1_block_count(v);
	uint8_t raw[VHD1_HEADER_LEN];
	int rc;

	/* Where Xen's batmap is follows from the length, and Xen minds not. */
	if (vhd1_footer_is_tap(&v->footer) || v->hdr.max_entries <= count + 1)
		return 0;
	v->hdr.max_entries = (uint32_t)count;
	vhd1_header_encode(&v->hdr, raw);
	rc = vhd_io_write(v->io, raw, VHD1_SECTOR, v->footer.data_off, err);
	return rc ? rc : vhd1_flush(v, err);
}

/* The disk has its size; what is behind it goes. */
static int give_up(struct vhd1 *v, struct vhd_error *err)
{
	uint64_t size = v->virtual_size;
	uint64_t end = align_up(size, v->hdr.block_size);
	int rc = vhd1_entries_drop(v, vhd1_block_count(v), err);

	if (!rc && end > size)
		rc = vhd1_edge_hide(v, size, end, err);
	return rc ? rc : table_cut(v, err);
}

static int shrink(struct vhd1 *v, const struct vhd_engine_resize *req,
		  struct vhd_error *err)
{
	uint64_t size = req->size, keep = blocks_of(v, size);
	bool part = size % v->hdr.block_size;
	int rc = batmap_trim(v, keep, part ? keep - 1 : VHD_NO_OFFSET, err);

	if (!rc && (size != v->virtual_size ||
		    size != v->footer.current_size))
		rc = footers_resize(v, size, err);
	return rc ? rc : give_up(v, err);
}

static int resize_sparse(struct vhd1 *v, const struct vhd_engine_resize *req,
			 struct vhd_error *err)
{
	int rc = vhd1_space_fresh(v, err);

	if (rc)
		return rc;
	if (req->size > v->virtual_size) {
		rc = grow(v, req, err);
	} else {
		rc = vhd1_recast(v, v->hdr.max_entries, req, err);
		if (!rc)
			rc = shrink(v, req, err);
		v->write->floor = 0;
	}
	if (!rc)
		return vhd1_write_trim(v, err);
	/* What was done so far stays; the file need not be longer for it. */
	if (rc == VHD_E_CANCELLED || rc == VHD_E_NOSPACE)
		vhd1_write_trim(v, NULL);
	return rc;
}

static int size_check(const struct vhd1 *v, uint64_t size,
		      struct vhd_error *err)
{
	if (!size || size % VHD1_SECTOR)
		return vhd_fail(err, VHD_E_INVAL, "a disk of %" PRIu64
				" bytes is not a whole number of sectors of "
				"512", size);
	if (vhd1_is_sparse(v) && (size > SIZE_CAP ||
				  blocks_of(v, size) > UINT32_MAX))
		return vhd_fail(err, VHD_E_INVAL, "%" PRIu64 " bytes are over "
				"the 2040 GiB that a VHD with blocks can have",
				size);
	if (size > (UINT64_C(1) << 62))
		return vhd_fail(err, VHD_E_INVAL, "%" PRIu64 " bytes are more "
				"than a file can have", size);
	if (v->footer.saved_state)
		return vhd_fail_code_rule(err, VHD_E_REFUSED,
			RULE_VHD1_SAVED_STATE, v->tail_off, "the state of a "
			"machine was saved that depends on this disk as it "
			"is");
	return 0;
}

int vhd1_resize(void *eng, const struct vhd_engine_resize *req,
		struct vhd_error *err)
{
	struct vhd1 *v = eng;
	int rc = size_check(v, req->size, err);

	if (!rc)
		rc = vhd1_still(v, err);
	if (rc)
		return rc;
	/* The writer knows the old size, and the cache the old table. */
	rc = vhd1_shut(v, err);
	if (rc)
		return rc;
	return vhd1_is_sparse(v) ? resize_sparse(v, req, err)
				 : vhd1_resize_fixed(v, req->size, err);
}
