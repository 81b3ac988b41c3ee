/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All data of an image is forgotten: the batmap first, for a bit without a block is
 * an error (VHD-X-10), then the table, then the end of the file.
 *
 * The batmap changes by way of some free room (vhd1_batmap_put.c).  A device that
 * has none gets it from the blocks that the batmap does not show, which go first.
 * Where it shows every one of them it is overwritten: until the call is made again,
 * a cut then leaves a batmap whose checksum is wrong, which our programs open and
 * Xen's do not.
 *
 * The table may say what it likes: who has blocks that lie over each other, or
 * where none can be, is rid of them.
 */
#include <errno.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "vhd/xen.h"
#include "vhd1/vhd1_reshape.h"
#include "xen/xen_file.h"

/* Of a map without a bit, however long. */
#define EMPTY_SUM UINT32_MAX

static const struct vhd1_map_edit none = { .keep = 0, .but = VHD_NO_OFFSET };

static int clear_in_place(struct vhd1 *v, struct vhd_error *err)
{
	struct vhd1_batmap next;
	int rc = vhd1_batmap_copy(v, &none, v->batmap_hdr_off,
				  v->batmap.map_off, v->batmap.map_sectors,
				  &next, err);

	if (!rc)
		rc = vhd1_flush(v, err);
	if (!rc)
		v->batmap = next;
	return rc;
}

/* What the blocks that nobody marked have held is room. */
static int make_room(struct vhd1 *v, struct vhd_error *err)
{
	int rc = vhd1_entries_drop_unmarked(v, err);

	if (rc)
		return rc;
	v->write->scanned = false;
	vhd_space_clear(&v->write->space);
	return vhd1_scan(v, err);
}

static int clear_batmap(struct vhd1 *v, struct vhd_error *err)
{
	bool differs = false;
	int rc;

	if (!v->has_batmap)
		return 0;
	rc = vhd1_batmap_differs(v, &none, &differs, err);
	if (rc || (!differs && v->batmap.checksum == EMPTY_SUM))
		return rc;
	/* All that a cut has kept from changing is one sector. */
	if (!differs)
		return clear_in_place(v, err);
	rc = vhd1_batmap_put(v, &none, err);
	if (rc == VHD_E_NOSPACE) {
		rc = make_room(v, err);
		if (!rc)
			rc = vhd1_batmap_put(v, &none, err);
	}
	return rc == VHD_E_NOSPACE ? clear_in_place(v, err) : rc;
}

/* Is anything but the map itself there?  There are no blocks any more. */
static bool is_taken(const struct vhd1 *v, uint64_t off, uint64_t len)
{
	for (size_t i = 0; i < v->span_count; i++) {
		const struct vhd1_span *s = &v->span[i];

		if (s->off != v->batmap.map_off &&
		    ranges_overlap(off, len, s->off, s->len))
			return true;
	}
	return false;
}

/* A change that was cut off may have left the map at the end of the file. */
static int bring_home(struct vhd1 *v, struct vhd_error *err)
{
	uint64_t home = v->batmap_hdr_off + VHD1_BATMAP_LEN;
	uint64_t away = v->batmap.map_off;
	uint64_t len = UINT64_C(512) * v->batmap.map_sectors;
	struct vhd1_batmap next = v->batmap;
	uint8_t raw[VHD1_BATMAP_LEN];
	int rc;

	if (!v->has_batmap || away <= home || ranges_overlap(home, len, away,
							     len) ||
	    is_taken(v, home, len))
		return 0;
	rc = vhd1_batmap_copy(v, &none, 0, home, v->batmap.map_sectors, &next,
			      err);
	if (!rc)
		rc = vhd1_flush(v, err);
	vhd1_batmap_encode(&next, raw);
	if (!rc)
		rc = vhd_io_write(v->io, raw, sizeof(raw), v->batmap_hdr_off,
				  err);
	if (!rc)
		rc = vhd1_flush(v, err);
	if (rc)
		return rc;
	v->batmap = next;
	vhd_space_remove(&v->write->space, home, len);
	vhd_space_add(&v->write->space, away, len, VHD_SPACE_DIRTY);
	return 0;
}

/* Once more, now that no block is in the way of another. */
static int find_space(struct vhd1 *v, struct vhd_error *err)
{
	v->write->doomed = false;
	v->write->scanned = false;
	vhd_space_clear(&v->write->space);
	return vhd1_scan(v, err);
}

int vhd_xen_file_forget(struct xen_file *f, struct vhd_error *err)
{
	struct vhd1 *v = f->v;
	int rc;

	if (!vhd1_is_sparse(v)) {
		rc = vhd_fail(err, VHD_E_UNSUPPORTED,
			      "a fixed disk cannot forget its data");
		if (err)
			err->os_errno = ENOSYS;
		return rc;
	}
	/* A file may become shorter than it came; a device cannot. */
	v->write->packing = !f->device;
	v->write->crumbs = true;
	v->write->doomed = true;
	rc = vhd1_still(v, err);
	if (!rc)
		rc = vhd1_scan(v, err);
	if (!rc)
		rc = clear_batmap(v, err);
	if (!rc)
		rc = vhd1_entries_drop(v, 0, err);
	if (!rc)
		rc = find_space(v, err);
	return rc ? rc : bring_home(v, err);
}

int vhd_xen_forget(const char *path, const struct vhd_open_opts *open,
		   struct vhd_error *err)
{
	struct xen_file f;
	int rc = vhd_xen_file_open(path, XEN_FILE_WRITER, open, &f, err);

	if (rc)
		return rc;
	return vhd_xen_file_close(&f, vhd_xen_file_forget(&f, err), err);
}
