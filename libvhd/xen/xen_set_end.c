/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A volume is about to become shorter, or has become longer: the footer is written
 * where it will end.  What the footer says does not change, and the copy at the
 * front stands in for it meanwhile.
 */
#include <inttypes.h>

#include "base/fail.h"
#include "vhd/xen.h"
#include "xen/xen_file.h"
#include "xen/xen_used.h"

static int check(struct xen_file *f, uint64_t end, struct vhd_error *err)
{
	uint64_t used = 0;
	int rc;

	if (end % VHD1_SECTOR)
		return vhd_fail(err, VHD_E_INVAL, "%" PRIu64 " bytes are not a "
				"multiple of 512", end);
	rc = vhd_xen_end(f->v, &used, NULL, err);
	if (rc)
		return rc;
	if (end < used)
		return vhd_fail(err, VHD_E_INVAL, "%" PRIu64 " bytes are less "
				"than the %" PRIu64 " in use", end, used);
	if (f->device && end > f->size)
		return vhd_fail(err, VHD_E_NOSPACE, "the device has %" PRIu64
				" bytes", f->size);
	return 0;
}

static int write_end(struct xen_file *f, uint64_t end, struct vhd_error *err)
{
	uint8_t raw[VHD1_FOOTER_LEN];
	int rc;

	vhd1_footer_encode(&f->v->footer, raw);
	rc = vhd_io_write(f->io, raw, sizeof(raw), end - sizeof(raw), err);
	if (!rc)
		rc = vhd_io_flush(f->io, err);
	if (rc || f->device || f->size <= end)
		return rc;
	rc = vhd_io_set_size(f->io, end, err);
	return rc ? rc : vhd_io_flush(f->io, err);
}

int vhd_xen_file_set_end(struct xen_file *f, uint64_t end,
			 struct vhd_error *err)
{
	int rc = check(f, end, err);

	return rc ? rc : write_end(f, end, err);
}

int vhd_xen_set_end(const char *path, uint64_t end,
		    const struct vhd_open_opts *open, struct vhd_error *err)
{
	struct xen_file f;
	int rc = vhd_xen_file_open(path, XEN_FILE_PAST, open, &f, err);

	if (rc)
		return rc;
	return vhd_xen_file_close(&f, vhd_xen_file_set_end(&f, end, err), err);
}
