/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child is opened alone, so that it does not matter where its present record
 * leads, and its engine writes another one (engine.h, reparent).  The parent is
 * open, and locked for reading, meanwhile: what is recorded of it stays true.
 */
#include "ops/reparent.h"

#include "base/fail.h"
#include "image/image_priv.h"
#include "image/probe.h"
#include "io/stat.h"
#include "ops/repair.h"

/* VHDX-ITEM-05: what opening the chain would refuse. */
static int check_sectors(const struct vhd_engine *ops, void *eng,
			 const struct vhd_layer *parent,
			 struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };

	ops->info(eng, &info);
	if (info.format != VHD_FORMAT_VHDX ||
	    info.logical_sector == parent->logical_sector)
		return 0;
	return vhd_fail_code_rule(err, VHD_E_INVAL, RULE_VHDX_PARENT_SECTOR,
		VHD_NO_OFFSET, "logical sectors have %u bytes, those of the "
		"parent %s have %u", (unsigned int)info.logical_sector,
		vhd_io_name(parent->io), (unsigned int)parent->logical_sector);
}

int vhd_reparent_io(struct vhd_io *io, const struct vhd_engine *ops,
		    const struct vhd_repair_parent *parent,
		    enum vhd_size_rule size_rule, bool dry, bool *changed_out,
		    struct vhd_error *err)
{
	const struct vhd_engine_open req = {
		.io = io,
		.cache_bytes = UINT64_C(1) << 20,
		.size_rule = size_rule,
		.writable = !dry,
	};
	void *eng = NULL;
	bool changed = false;
	int rc, rc2 = 0;

	if (!ops->reparent)
		return vhd_fail(err, VHD_E_INVAL, "a %s disk has no parent",
				vhd_format_name(ops->format));
	rc = ops->open(&req, &eng, err);
	if (rc)
		return rc;
	rc = check_sectors(ops, eng, &parent->image->layers[0], err);
	if (!rc)
		rc = ops->reparent(eng, &parent->facts, dry, &changed, err);
	if (!dry)
		rc2 = ops->shut(eng, rc ? NULL : err);
	ops->close(eng);
	rc = rc ? rc : rc2;
	if (!rc && changed_out)
		*changed_out = changed;
	return rc;
}

/* Is the child a layer of the new parent's chain?  Asked without locks, so that
 * the answer is not that the file is in use. */
static int look(const char *child, const char *parent,
		const struct vhd_open_opts *open, struct vhd_error *err)
{
	struct vhd_open_opts alone = *open;
	struct vhd_repair_parent seen = { .image = NULL };
	const struct vhd_engine *ops;
	struct vhd_io *io = NULL;
	int rc;

	alone.flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD);
	alone.flags |= VHD_OPEN_NO_LOCK;
	rc = vhd_image_io(child, &alone, &io, err);
	if (!rc)
		rc = vhd_probe(io, open->format, false, &ops, err);
	if (!rc)
		rc = vhd_repair_parent_open(child, io, ops->format, parent,
					    &alone, &seen, err);
	vhd_repair_parent_close(&seen);
	vhd_io_close(&io, NULL);
	return rc ? vhd_err_file(err, rc, child) : 0;
}

static int change(const char *child, const char *parent,
		  const struct vhd_open_opts *open, uint32_t flags,
		  bool *changed_out, struct vhd_error *err)
{
	const bool dry = flags & VHD_REPARENT_DRY_RUN;
	struct vhd_open_opts alone = *open, below = *open;
	struct vhd_repair_parent p = { .image = NULL };
	const struct vhd_engine *ops;
	struct vhd_io *io = NULL;
	int rc, rc2;

	alone.flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD);
	if (!dry) {
		alone.flags |= VHD_OPEN_RDWR;
		alone.flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;
	}
	if (!dry)
		below.flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;
	rc = vhd_image_io(child, &alone, &io, err);
	if (!rc)
		rc = vhd_probe(io, open->format, false, &ops, err);
	if (!rc)
		rc = vhd_repair_parent_open(child, io, ops->format, parent,
					    &below, &p, err);
	if (!rc)
		rc = vhd_reparent_io(io, ops, &p, open->size_rule, dry,
				     changed_out, err);
	if (rc)
		vhd_err_file(err, rc, child);
	vhd_repair_parent_close(&p);
	rc2 = vhd_io_close(&io, rc ? NULL : err);
	return rc ? rc : rc2;
}

int vhd_reparent(const char *child, const char *parent,
		 const struct vhd_open_opts *open, uint32_t flags,
		 bool *changed_out, struct vhd_error *err)
{
	struct vhd_open_opts opts;
	int rc = vhd_open_opts_get(open, &opts, err);

	opts.flags &= ~(uint32_t)VHD_OPEN_NO_PARENT;
	if (!rc)
		rc = look(child, parent, &opts, err);
	if (!rc)
		rc = change(child, parent, &opts, flags, changed_out, err);
	return rc;
}
