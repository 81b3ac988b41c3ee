/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "io/stat.h"
#include "ops/plan.h"
#include "ops/repair.h"

/* A chain must not come back to the file it began with. */
static int check_chain(const struct vhd_image *parent, struct vhd_io *io,
		       struct vhd_error *err)
{
	struct vhd_file_id id;

	vhd_io_file_id(io, &id);
	for (uint32_t i = 0; i < parent->count; i++) {
		if (vhd_file_id_same(&id, &parent->layers[i].file_id))
			return vhd_fail(err, VHD_E_INVAL, i
					? "the image is itself a parent of "
					  "this file"
					: "an image cannot be its own parent");
	}
	return 0;
}

static int check_facts(const struct vhd_layer *p, enum vhd_format format,
		       struct vhd_error *err)
{
	if (p->format == VHD_FORMAT_RAW)
		return 0;
	if (p->format != format)
		return vhd_fail(err, VHD_E_INVAL,
				"the parent is a %s image; a %s image can have "
				"only a parent of its own format",
				vhd_format_name(p->format),
				vhd_format_name(format));
	if (vhd_guid_is_zero(&p->id))
		return vhd_fail(err, VHD_E_INVAL,
				"the parent has no id that a child could "
				"record");
	return 0;
}

static int open_parent(enum vhd_format format, const char *parent,
		       const struct vhd_open_opts *opts,
		       struct vhd_repair_parent *out, struct vhd_error *err)
{
	struct vhd_open_opts open = *opts;

	/* That is the image's. */
	open.format = VHD_FORMAT_AUTO;
	open.flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD |
				  VHD_OPEN_ALLOW_RAW);
	if (format == VHD_FORMAT_VHD)
		open.flags |= VHD_OPEN_ALLOW_RAW;
	return vhd_open(parent, &open, &out->image, err);
}

int vhd_repair_parent_open(const char *path, struct vhd_io *io,
			   enum vhd_format format, const char *parent,
			   const struct vhd_open_opts *open,
			   struct vhd_repair_parent *out,
			   struct vhd_error *err)
{
	const struct vhd_layer *layer;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = open_parent(format, parent, open, out, err);
	if (!rc)
		rc = check_chain(out->image, io, err);
	if (!rc)
		rc = check_facts(&out->image->layers[0], format, err);
	if (!rc)
		rc = vhd_plan_relative(path, parent, &out->relative, err);
	if (rc)
		return vhd_err_file(err, rc, parent);
	layer = &out->image->layers[0];
	out->facts = (struct vhd_engine_parent){
		.raw = layer->format == VHD_FORMAT_RAW,
		.id = layer->id,
		.disk_id = layer->disk_id,
		.timestamp = vhd_io_mtime(layer->io),
		.relative = out->relative,
	};
	return 0;
}

void vhd_repair_parent_close(struct vhd_repair_parent *p)
{
	vhd_close(&p->image, NULL);
	vhd_free(p->relative);
	memset(p, 0, sizeof(*p));
}
