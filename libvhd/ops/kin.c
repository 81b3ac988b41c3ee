/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/kin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "io/path.h"
#include "io/stat.h"
#include "vhd/ops.h"

struct count {
	struct vhd_kin *kin;
	const struct vhd_file_id *except;
	size_t except_count;
};

static bool on_child(void *arg, const char *path)
{
	struct count *c = arg;
	struct vhd_file_id id = { 0 };

	vhd_path_file_id(path, &id);
	for (size_t i = 0; i < c->except_count; i++) {
		if (vhd_file_id_same(&id, &c->except[i]))
			return true;
	}
	if (!c->kin->count++)
		snprintf(c->kin->first, sizeof(c->kin->first), "%s",
			 vhd_path_base(path));
	return true;
}

int vhd_kin_find(struct vhd_image *img, const struct vhd_file_id *except,
		 size_t except_count, struct vhd_kin *out,
		 struct vhd_error *err)
{
	struct count c = { out, except, except_count };

	memset(out, 0, sizeof(*out));
	return vhd_children(img, on_child, &c, err);
}

static int fail_kin(const struct vhd_kin *kin, struct vhd_error *err)
{
	if (kin->count == 1)
		return vhd_fail(err, VHD_E_REFUSED, "the image is the parent "
				"of \"%s\", whose disk would be spoilt",
				kin->first);
	return vhd_fail(err, VHD_E_REFUSED, "the image is the parent of %"
			PRIu32 " images, \"%s\" among them, whose disks would "
			"be spoilt", kin->count, kin->first);
}

int vhd_refuse_children(struct vhd_image *img, struct vhd_error *err)
{
	struct vhd_kin kin;
	int rc = vhd_kin_find(img, NULL, 0, &kin, err);

	if (!rc && kin.count)
		rc = fail_kin(&kin, err);
	return vhd_err_file(err, rc, vhd_io_name(img->layers[0].io));
}

int vhd_kin_refuse(struct vhd_image *img, uint32_t flags,
		   struct vhd_error *err)
{
	return flags & VHD_CHANGE_ORPHAN ? 0 : vhd_refuse_children(img, err);
}
