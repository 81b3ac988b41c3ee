/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "image/image_priv.h"
#include "image/xen_parent.h"
#include "vhd/xen.h"

static const struct vhd_open_opts how = {
	.size = sizeof(how),
	.flags = VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT | VHD_OPEN_POISONED |
		 VHD_OPEN_XEN_PARENT,
	.format = VHD_FORMAT_VHD,
};

static int put(char *name, char *buf, size_t room, struct vhd_error *err)
{
	size_t len = strlen(name);

	if (len < room)
		memcpy(buf, name, len + 1);
	vhd_free(name);
	return len < room ? 0 : vhd_fail(err, VHD_E_RANGE, "the name of the "
					 "parent has %zu bytes", len);
}

int vhd_xen_layer_parent(struct vhd_image *img, uint32_t layer, char *buf,
			 size_t room, bool *raw_out, struct vhd_error *err)
{
	struct vhd_parent_ref ref = { 0 };
	const struct vhd_layer *l;
	char *name = NULL;
	int rc;

	if (!buf || layer >= img->count)
		return vhd_fail(err, VHD_E_INVAL, "there is no %s",
				buf ? "such layer" : "room for a name");
	l = &img->layers[layer];
	if (!l->ops->parent(l->eng, &ref)) {
		rc = vhd_fail(err, VHD_E_INVAL, "the image has no parent");
		return vhd_err_file(err, rc, vhd_io_name(l->io));
	}
	rc = vhd_xen_parent_name(l->io, &ref, &name, err);
	if (!rc)
		rc = put(name, buf, room, err);
	if (!rc && raw_out)
		*raw_out = ref.raw;
	return rc;
}

int vhd_xen_parent(const char *path, char *buf, size_t room, bool *raw_out,
		   struct vhd_error *err)
{
	struct vhd_image *img = NULL;
	int rc = vhd_open(path, &how, &img, err);

	if (!rc)
		rc = vhd_xen_layer_parent(img, 0, buf, room, raw_out, err);
	vhd_close(&img, NULL);
	return rc;
}
