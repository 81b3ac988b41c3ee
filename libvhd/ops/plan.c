/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/plan.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "base/opts.h"
#include "image/image_priv.h"
#include "image/probe.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/merge_unfinished.h"
#include "ops/target.h"

int vhd_create_opts_get(const struct vhd_create_opts *in,
			struct vhd_create_opts *out, struct vhd_error *err)
{
	const uint32_t known = VHD_CREATE_FORCE | VHD_CREATE_PREALLOCATE |
			       VHD_CREATE_NO_SYNC | VHD_CREATE_ORPHAN |
			       VHD_CREATE_EXACT_SIZE | VHD_CREATE_RAW_PARENT |
			       VHD_CREATE_DEVICE;

	int rc = VHD_OPTS_COPY(vhd_create_opts, format, in, out, err);

	return rc ? rc : vhd_flags_check(out->flags, known, "create flags",
					 err);
}

enum vhd_format vhd_plan_format(const char *path)
{
	static const struct {
		const char *ext;
		enum vhd_format format;
	} exts[] = {
		{ ".vhd", VHD_FORMAT_VHD },   { ".avhd", VHD_FORMAT_VHD },
		{ ".vhdx", VHD_FORMAT_VHDX }, { ".avhdx", VHD_FORMAT_VHDX },
		{ ".raw", VHD_FORMAT_RAW },   { ".img", VHD_FORMAT_RAW },
	};
	const char *dot = strrchr(vhd_path_base(path), '.');
	size_t i;

	for (i = 0; dot && i < sizeof(exts) / sizeof(exts[0]); i++) {
		if (!strcasecmp(dot, exts[i].ext))
			return exts[i].format;
	}
	return VHD_FORMAT_AUTO;
}

static int decide_format(const char *path, struct vhd_create_opts *o,
			 struct vhd_plan *plan, struct vhd_error *err)
{
	int rc;

	if (o->format == VHD_FORMAT_AUTO)
		o->format = vhd_plan_format(path);
	if (o->block_size && (o->format == VHD_FORMAT_RAW ||
			      (o->format == VHD_FORMAT_VHD &&
			       o->type == VHD_TYPE_FIXED)))
		return vhd_fail(err, VHD_E_INVAL,
				"a %s disk has no blocks whose size could be "
				"chosen", o->format == VHD_FORMAT_RAW
						  ? "raw" : "fixed VHD");
	rc = vhd_target_apply(o, err);
	if (rc)
		return rc;
	if (o->format == VHD_FORMAT_AUTO)
		return vhd_fail(err, VHD_E_INVAL,
				"the name does not tell the format (.vhd, "
				".vhdx, .raw)");
	plan->format = o->format;
	plan->engine = vhd_engine_of(o->format);
	if (!plan->engine)
		return vhd_fail(err, VHD_E_INVAL, "there is no format number %d",
				(int)o->format);
	return 0;
}

static int decide_type(struct vhd_create_opts *o, struct vhd_error *err)
{
	if (o->type == VHD_TYPE_DEFAULT) {
		if (o->parent)
			o->type = VHD_TYPE_DIFF;
		else if (o->format == VHD_FORMAT_RAW)
			o->type = VHD_TYPE_FIXED;
		else
			o->type = VHD_TYPE_DYNAMIC;
	}
	if (o->type == VHD_TYPE_DIFF && !o->parent)
		return vhd_fail(err, VHD_E_INVAL,
				"a differencing image needs a parent");
	if (o->type != VHD_TYPE_DIFF && o->parent)
		return vhd_fail(err, VHD_E_INVAL,
				"a %s image cannot have a parent",
				vhd_type_name(o->type));
	return 0;
}

/* The name to record: from the new file's directory to the parent's file. */
static int relative_name(const char *path, const struct vhd_create_opts *o,
			 struct vhd_plan *plan, struct vhd_error *err)
{
	int rc = 0;

	if (!o->parent_name)
		rc = vhd_plan_relative(path, o->parent, &plan->parent_relative,
				       err);
	else
		plan->parent_relative = vhd_strdup(o->parent_name);
	if (!rc && !plan->parent_relative)
		rc = vhd_fail_nomem(err);
	plan->build.parent_relative = plan->parent_relative;
	plan->build.parent_windows = o->parent_win_path;
	return rc;
}

static bool is_exact(const struct vhd_create_opts *o)
{
	return o->target == VHD_TARGET_XEN && o->flags & VHD_CREATE_EXACT_SIZE;
}

/* Facts of the parent that the child takes over (VHD-D, VHDX-MRG-01). */
static int inherit(struct vhd_create_opts *o, struct vhd_plan *plan,
		   struct vhd_error *err)
{
	const struct vhd_layer *p = &plan->parent->layers[0];
	struct vhd_build *b = &plan->build;
	int rc;

	b->parent_raw = p->format == VHD_FORMAT_RAW;
	if (b->parent_raw && o->format == VHD_FORMAT_VHD && !b->xen)
		return vhd_fail(err, VHD_E_INVAL,
				"the parent is a raw disk, which only a VHD "
				"made for Xen can have");
	if (!b->parent_raw && p->format != o->format)
		return vhd_fail(err, VHD_E_INVAL,
				"the parent is a %s image; a %s image can have "
				"only a parent of its own format",
				vhd_format_name(p->format),
				vhd_format_name(o->format));
	if (!b->parent_raw && vhd_guid_is_zero(&p->id))
		return vhd_fail(err, VHD_E_INVAL,
				"the parent has no id that a child could "
				"record");
	b->parent_id = p->id;
	b->parent_disk_id = p->disk_id;
	b->parent_timestamp = vhd_io_mtime(p->io);
	/* A given time is for reproducible bytes: nothing is later than it. */
	if (o->timestamp && b->parent_timestamp > o->timestamp)
		b->parent_timestamp = o->timestamp;
	if (!o->virtual_size)
		o->virtual_size = is_exact(o) && !b->parent_raw
					  ? plan->parent_info.vhd.current_size
					  : p->size;
	if (!o->logical_sector)
		o->logical_sector = p->logical_sector;
	if (o->logical_sector != p->logical_sector)
		return vhd_fail(err, VHD_E_INVAL,
				"the parent's logical sectors have %u bytes, "
				"the child's cannot have %u",
				(unsigned int)p->logical_sector,
				(unsigned int)o->logical_sector);
	rc = vhd_unfinished_refuse(plan->parent, err);
	if (rc)
		return rc;
	if (o->virtual_size < p->size)
		return vhd_fail(err, VHD_E_INVAL,
				"the parent's disk has %" PRIu64 " bytes, the "
				"child's cannot be smaller (%" PRIu64 ")",
				p->size, o->virtual_size);
	return 0;
}

/* VHD-D-7; what no writer makes is not passed on. */
static void inherit_block_size(struct vhd_create_opts *o,
			       const struct vhd_plan *plan)
{
	if (o->format == VHD_FORMAT_VHD && !plan->build.xen &&
	    !o->block_size && plan->parent_info.block_size >= 4096)
		o->block_size = plan->parent_info.block_size;
}

/* What the parent has written with a key the child has to read with it. */
static void inherit_key(struct vhd_create_opts *o, struct vhd_plan *plan)
{
	if (!o->key_hash && plan->parent_info.vhd.has_keyhash)
		o->key_hash = &plan->parent_info.key;
}

static int open_parent(const char *path, struct vhd_create_opts *o,
		       struct vhd_plan *plan, struct vhd_error *err)
{
	struct vhd_open_opts open;
	int rc = vhd_open_opts_get(o->open, &open, err);

	if (rc)
		return rc;
	if (o->flags & VHD_CREATE_RAW_PARENT)
		open.format = VHD_FORMAT_RAW;
	else if (plan->build.xen)
		open.flags |= VHD_OPEN_ALLOW_RAW;
	plan->parent_info.size = sizeof(plan->parent_info);
	rc = vhd_open(o->parent, &open, &plan->parent, err);
	if (!rc)
		rc = vhd_layer_info(plan->parent, 0, &plan->parent_info, err);
	if (!rc)
		rc = inherit(o, plan, err);
	if (rc)
		return vhd_err_file(err, rc, o->parent);
	inherit_block_size(o, plan);
	inherit_key(o, plan);
	rc = relative_name(path, o, plan, err);
	return rc ? vhd_err_file(err, rc, o->parent) : 0;
}

static int decide_size(struct vhd_create_opts *o,
		       const struct vhd_image *source, struct vhd_plan *plan,
		       struct vhd_error *err)
{
	bool copy = source != NULL;
	uint64_t source_size = copy ? source->size : 0;
	uint64_t unit = o->format == VHD_FORMAT_RAW ? 1 : o->logical_sector;
	uint64_t size = o->virtual_size ? o->virtual_size : source_size;

	if (unit > 1 && !is_pow2(unit))
		return vhd_fail(err, VHD_E_INVAL,
				"logical sectors of %" PRIu64 " bytes do not "
				"exist; 512 and 4096 do", unit);
	if (source_size && size < source_size)
		return vhd_fail(err, VHD_E_INVAL,
				"the source has %" PRIu64 " bytes, which do "
				"not fit in %" PRIu64, source_size, size);
	if (!size && o->format != VHD_FORMAT_RAW)
		return vhd_fail(err, VHD_E_INVAL, copy
					? "the source is an empty disk, which "
					  "no image can hold"
					: "the disk needs a size");
	/* A copy may end in part of a sector; a size that was asked for not. */
	if (!o->virtual_size && size <= UINT64_MAX - unit)
		size = align_up(size, unit);
	if (!is_exact(o))
		size = vhd_target_round(o->target, size);
	plan->build.virtual_size = size;
	return vhd_target_size(o->target, size, err);
}

/* What is for VHD, or VHD on Xen, only. */
static int decide_extras(const struct vhd_create_opts *o,
			 struct vhd_plan *plan, struct vhd_error *err)
{
	struct vhd_build *b = &plan->build;

	if (o->room_size && o->format != VHD_FORMAT_VHD)
		return vhd_fail(err, VHD_E_INVAL,
				"only the metadata of a VHD can have room for a "
				"larger disk");
	if (o->key_hash && !b->xen)
		return vhd_fail(err, VHD_E_INVAL,
				"the disk is encrypted, which only a VHD made "
				"for Xen can record");
	b->exact = is_exact(o);
	b->room_size = o->room_size;
	if (o->key_hash)
		plan->key = *o->key_hash;
	b->key = o->key_hash ? &plan->key : NULL;
	return 0;
}

static int decide_rest(const struct vhd_create_opts *o, struct vhd_plan *plan,
		       struct vhd_error *err)
{
	struct vhd_build *b = &plan->build;
	bool vhdx = o->format == VHD_FORMAT_VHDX;

	b->type = o->type;
	b->logical_sector = o->logical_sector;
	b->physical_sector = o->physical_sector;
	if (!b->physical_sector)
		b->physical_sector = vhdx ? 4096 : 512;
	b->block_size = o->block_size;
	if (!b->block_size)
		b->block_size = vhdx && o->type != VHD_TYPE_DIFF ? 32 * MiB
								 : 2 * MiB;
	b->timestamp = o->timestamp ? o->timestamp : (int64_t)time(NULL);
	b->seed = o->guid;
	if (vhd_guid_is_zero(&b->seed) && vhd_guid_fresh(&b->seed, err))
		return VHD_E_IO;
	plan->flags = o->flags;
	plan->progress = o->progress;
	plan->progress_arg = o->progress_arg;
	b->flags = o->flags;
	return decide_extras(o, plan, err);
}

/* What would be forgotten is refused. */
static int check_sectors(const struct vhd_create_opts *o, struct vhd_error *err)
{
	uint32_t largest = o->logical_sector > o->physical_sector
				   ? o->logical_sector : o->physical_sector;

	if (o->format == VHD_FORMAT_VHDX || largest <= 512)
		return 0;
	return vhd_fail(err, VHD_E_INVAL,
			"only a VHDX can have sectors of %u bytes",
			(unsigned int)largest);
}

/* A guest would not recognise its disk with sectors of another size. */
static uint32_t default_sector(const struct vhd_create_opts *o,
			       const struct vhd_image *source)
{
	if (source && o->format == VHD_FORMAT_VHDX)
		return source->layers[0].logical_sector;
	return 512;
}

int vhd_plan_make(const char *path, const struct vhd_create_opts *opts,
		  const struct vhd_image *source, struct vhd_plan *plan,
		  struct vhd_error *err)
{
	struct vhd_create_opts o;
	int rc;

	memset(plan, 0, sizeof(*plan));
	rc = vhd_create_opts_get(opts, &o, err);
	if (!rc)
		rc = decide_format(path, &o, plan, err);
	if (!rc)
		rc = decide_type(&o, err);
	plan->build.xen = o.target == VHD_TARGET_XEN;
	if (!rc && o.parent)
		rc = open_parent(path, &o, plan, err);
	if (!rc)
		rc = check_sectors(&o, err);
	if (!o.logical_sector)
		o.logical_sector = default_sector(&o, source);
	if (!rc)
		rc = vhd_target_sector(o.target, o.logical_sector, err);
	if (!rc)
		rc = decide_size(&o, source, plan, err);
	if (!rc)
		rc = decide_rest(&o, plan, err);
	return rc;
}

void vhd_plan_free(struct vhd_plan *plan)
{
	vhd_close(&plan->parent, NULL);
	vhd_free(plan->parent_relative);
	memset(plan, 0, sizeof(*plan));
}
