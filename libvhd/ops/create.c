/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fail.h"
#include "ops/builder.h"
#include "ops/plan.h"
#include "vhd/ops.h"

int vhd_create(const char *path, const struct vhd_create_opts *opts,
	       struct vhd_error *err)
{
	struct vhd_plan plan;
	struct vhd_builder b = { 0 };
	int rc;

	if (!path || !opts)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = vhd_plan_make(path, opts, NULL, &plan, err);
	if (!rc && plan.parent)
		rc = vhd_builder_spares(plan.parent, "parent", path, err);
	if (!rc)
		rc = vhd_builder_open(path, &plan, &b, err);
	if (!rc)
		rc = vhd_builder_commit(&b, err);
	if (rc)
		vhd_err_file(err, rc, path);
	if (b.plan)
		vhd_builder_close(&b);
	vhd_plan_free(&plan);
	return rc;
}
