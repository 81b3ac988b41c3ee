/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Undoing an interrupted resize.  All of the journal is looked at before a byte of
 * the image changes; see xen_journal_look.c and xen_journal_undo.c.
 */
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "image/image_priv.h"
#include "io/stat.h"
#include "xen/xen_poison.h"
#include "xen/xen_resize.h"

/* Whose journal may be applied?  Either footer says so, marked or not. */
static int id_check(struct vhd_io *image, uint64_t size,
		    const struct xen_journal_head *h, struct vhd_error *err)
{
	const struct vhd1_copy *c;
	struct vhd1_copies both;
	int rc = vhd1_copies_load(image, size, &both, err);

	if (rc)
		return rc;
	c = vhd_xen_is_footer(&both.front) ? &both.front : &both.tail;
	if (!vhd_xen_is_footer(c))
		return vhd_fail(err, VHD_E_FORMAT, "neither the start nor the "
				"end of the file is a VHD footer");
	if (memcmp(c->f.unique_id, h->id, sizeof(h->id)))
		return vhd_fail(err, VHD_E_INVAL, "this is the journal of "
				"another image: the unique ids differ");
	return 0;
}

/* What the journal does not hold has to be there still. */
static int length_check(uint64_t size, const struct xen_journal_head *h,
			struct vhd_error *err)
{
	if (size >= h->footer_off + VHD1_FOOTER_LEN)
		return 0;
	return vhd_fail(err, VHD_E_CORRUPT, "the image has %" PRIu64 " bytes, "
			"and had %" PRIu64 " before the resize", size,
			h->footer_off + VHD1_FOOTER_LEN);
}

int vhd_xen_revert_io(struct vhd_io *image, struct vhd_io *journal,
		  struct vhd_error *err)
{
	struct xen_journal_head h;
	uint64_t size = 0;
	int rc = vhd_xen_journal_load(journal, &h, err);

	if (!rc)
		rc = vhd_io_size(image, &size, err);
	if (!rc)
		rc = id_check(image, size, &h, err);
	if (!rc && xen_journal_is_over(&h))
		return vhd_xen_unpoison(image, err);
	if (!rc)
		rc = length_check(size, &h, err);
	if (!rc)
		rc = vhd_xen_journal_check(journal, &h, err);
	if (!rc)
		rc = vhd_xen_journal_undo(journal, &h, image,
				      vhd_io_is_device(image), err);
	return rc ? rc : vhd_xen_journal_commit(journal, &h, err);
}

static int revert(struct vhd_io *image, const char *path,
		  struct vhd_error *err)
{
	struct vhd_io *io = NULL;
	bool device;
	int rc = vhd_io_open_posix(path, VHD_POSIX_WRITE, &io, err);

	if (rc)
		return rc;
	device = vhd_io_is_device(io);
	rc = vhd_xen_revert_io(image, io, err);
	vhd_err_file(err, rc, path);
	vhd_io_close(&io, NULL);
	return rc || device ? rc : vhd_xen_journal_remove(path, err);
}

int vhd_xen_revert(const char *path, const char *journal,
		   const struct vhd_open_opts *open, struct vhd_error *err)
{
	struct vhd_open_opts how;
	struct vhd_io *io = NULL;
	int rc, rc2;

	if (!path || !journal)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = vhd_open_opts_get(open, &how, err);
	how.flags |= VHD_OPEN_RDWR;
	if (!rc)
		rc = vhd_image_io(path, &how, &io, err);
	if (rc)
		return rc;
	rc = revert(io, journal, err);
	rc2 = vhd_io_close(&io, rc ? NULL : err);
	return rc || rc2 ? vhd_err_file(err, rc ? rc : rc2, path) : 0;
}
