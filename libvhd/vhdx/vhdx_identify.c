/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who an image is for its children: the DataWriteGuid (vhdx.md 4.1).  A change of
 * what the guest sees gives it a fresh one; who knows better says so here.
 */
#include "base/fail.h"
#include "base/guid.h"
#include "vhdx/vhdx_write.h"

static int identify_step(void *eng, void *arg, struct vhd_error *err)
{
	const struct vhdx *x = eng;
	const struct vhd_guid *id = arg;

	return vhdx_log_identify(x->write->log, id, err);
}

int vhdx_identify(void *eng, const struct vhd_guid *id, struct vhd_error *err)
{
	struct vhdx *x = eng;
	struct vhd_guid copy = *id;

	/* No child could name it (VHDX-HDR-17). */
	if (vhd_guid_is_zero(id))
		return vhd_fail(err, VHD_E_INVAL,
				"a DataWriteGuid of zeros is no identity");
	if (!vhdx_write_begun(x))
		return vhdx_log_identify(x->write->log, &copy, err);
	return vhd_writer_aside(x->write->w, identify_step, &copy, err);
}
