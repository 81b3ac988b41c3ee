/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is an image as the tools of the storage managers want it?  The order is that
 * of what relies on what, so the first fault is the one that explains others.
 */
#include <time.h>

#include "base/fail.h"
#include "io/io_posix.h"
#include "vhd1/vhd1.h"
#include "xen/xen_check_priv.h"

/* From the footer that counts, whatever the other one says. */
static int open_with(struct vhd_xen_checker *c, struct vhd_error *err)
{
	const struct vhd_engine_open req = {
		.io = c->io,
		.flags = VHD_OPEN_CIPHERTEXT | VHD_OPEN_XEN_PARENT,
		.cache_bytes = 1 << 20,
	};

	return vhd1_open_as(&req, &c->footer->f, c->tail_off, &c->v, err);
}

static int check_sparse(struct vhd_xen_checker *c, struct vhd_error *err)
{
	int rc = vhd_xen_check_header(c, err);

	if (!rc)
		rc = open_with(c, err);
	if (!rc)
		rc = vhd_xen_check_parent_fields(c, err);
	if (!rc)
		rc = vhd_xen_check_blocks(c, err);
	if (!rc)
		rc = vhd_xen_check_batmap(c, err);
	if (!rc)
		rc = vhd_xen_check_locators(c, err);
	if (!rc && !c->alone)
		rc = vhd_xen_check_parent(c, err);
	if (!rc && c->flags & VHD_XEN_CHECK_DATA)
		rc = vhd_xen_check_data(c, err);
	return rc;
}

int vhd_xen_check_run(struct vhd_xen_checker *c, struct vhd_error *err)
{
	int rc;

	if (!(c->flags & VHD_XEN_CHECK_IGNORE_TIMES))
		c->now = (int64_t)time(NULL);
	rc = vhd_xen_check_footers(c, err);
	if (!rc && vhd_xen_check_sparse(c))
		rc = check_sparse(c, err);
	if (c->v)
		vhd1_engine.close(c->v);
	c->v = NULL;
	return rc;
}

int vhd_xen_check(const char *path, uint32_t flags, struct vhd_error *err)
{
	const uint32_t known = VHD_XEN_CHECK_USE_COPY |
			       VHD_XEN_CHECK_IGNORE_PARENT_ID |
			       VHD_XEN_CHECK_IGNORE_TIMES |
			       VHD_XEN_CHECK_DATA | VHD_XEN_CHECK_NO_OVERLAP;
	struct vhd_xen_checker c = { .flags = flags };
	int rc;

	if (!path || flags & ~known)
		return vhd_fail(err, VHD_E_INVAL, "no file is named, or the "
				"flags 0x%x are not known", (unsigned)flags);
	rc = vhd_io_open_posix(path, 0, &c.io, err);
	if (!rc)
		rc = vhd_xen_check_run(&c, err);
	vhd_io_close(&c.io, NULL);
	return rc ? vhd_err_file(err, rc, path) : 0;
}
