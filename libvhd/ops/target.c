/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/target.h"

#include "base/ckd.h"
#include "base/fail.h"

/* What a consumer of images demands. */
struct target_rule {
	enum vhd_target target;
	const char *name;
	enum vhd_format format;		/* when the caller leaves it open */
	bool only_format;		/* no other one will do */
	enum vhd_type type;		/* DEFAULT: any */
	uint64_t size_align;		/* the disk's size is a multiple */
	uint64_t size_least;		/* 0: any */
	uint64_t size_most;		/* 0: what the format can have */
	uint64_t vhdx_block;		/* 0: the format's default */
	uint64_t vhd_block;
	uint32_t flags;			/* VHD_CREATE_* it needs */
	uint32_t logical_sector;	/* the only one it takes; 0: any */
	bool xen;
};

static const struct target_rule rules[] = {
	/* VHD-A-10, VHD-A-12 */
	{ .target = VHD_TARGET_AZURE, .name = "azure",
	  .format = VHD_FORMAT_VHD, .only_format = true,
	  .type = VHD_TYPE_FIXED, .size_align = MiB, .size_least = 20 * MiB,
	  .size_most = 32 * TiB },
	/* VHDX-NEW-08; VHD-A-13: Windows refuses sparse files */
	{ .target = VHD_TARGET_HYPERV, .name = "hyperv",
	  .format = VHD_FORMAT_VHDX, .size_align = MiB,
	  .flags = VHD_CREATE_PREALLOCATE },
	/* VHD-X: tap 1.3 with a batmap, 2 MiB blocks */
	{ .target = VHD_TARGET_XEN, .name = "xen",
	  .format = VHD_FORMAT_VHD, .only_format = true,
	  .size_align = 2 * MiB, .vhd_block = 2 * MiB, .xen = true },
	/* VHDX-WIN-08 */
	{ .target = VHD_TARGET_WSL, .name = "wsl",
	  .format = VHD_FORMAT_VHDX, .only_format = true,
	  .type = VHD_TYPE_DYNAMIC, .size_align = MiB, .vhdx_block = MiB,
	  .logical_sector = 512 },
	/* VHD-Q, VHD-C-11: no VHD means the same to all its versions; blocks
	 * are those it makes itself up to 100 GiB (vhdx.md 18) */
	{ .target = VHD_TARGET_QEMU, .name = "qemu",
	  .format = VHD_FORMAT_VHDX, .only_format = true,
	  .type = VHD_TYPE_DYNAMIC, .size_align = MiB, .vhdx_block = 16 * MiB,
	  .logical_sector = 512 },
};

/* NULL for VHD_TARGET_NONE and unknown values. */
static const struct target_rule *rule_of(enum vhd_target target)
{
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].target == target)
			return &rules[i];
	}
	return NULL;
}

static int wrong(struct vhd_error *err, const struct target_rule *t,
		 const char *what, const char *must, const char *is)
{
	return vhd_fail(err, VHD_E_INVAL, "%s needs %s %s, not %s", t->name,
			what, must, is);
}

int vhd_target_apply(struct vhd_create_opts *opts, struct vhd_error *err)
{
	const struct target_rule *t = rule_of(opts->target);
	bool vhdx;

	if (opts->target == VHD_TARGET_NONE)
		return 0;
	if (!t)
		return vhd_fail(err, VHD_E_INVAL, "there is no target number %d",
				(int)opts->target);
	if (opts->format == VHD_FORMAT_AUTO)
		opts->format = t->format;
	vhdx = opts->format == VHD_FORMAT_VHDX;
	if (opts->format == VHD_FORMAT_RAW ||
	    (t->only_format && opts->format != t->format))
		return wrong(err, t, "format", vhd_format_name(t->format),
			     vhd_format_name(opts->format));
	if (t->type != VHD_TYPE_DEFAULT) {
		if (opts->type == VHD_TYPE_DEFAULT)
			opts->type = t->type;
		if (opts->type != t->type)
			return wrong(err, t, "type", vhd_type_name(t->type),
				     vhd_type_name(opts->type));
	}
	if (!opts->block_size)
		opts->block_size = vhdx ? t->vhdx_block : t->vhd_block;
	if (t->xen && opts->block_size != t->vhd_block)
		return wrong(err, t, "blocks of", "2 MiB", "another size");
	opts->flags |= t->flags;
	return 0;
}

int vhd_target_sector(enum vhd_target target, uint32_t sector,
		      struct vhd_error *err)
{
	const struct target_rule *t = rule_of(target);

	if (!t || !t->logical_sector || sector == t->logical_sector)
		return 0;
	return vhd_fail(err, VHD_E_INVAL,
			"%s needs logical sectors of %u bytes, not %u", t->name,
			(unsigned int)t->logical_sector, (unsigned int)sector);
}

/*
 * libvhd reads a batmap of one sector less than it should when the number of
 * blocks is no multiple of 8 and their bits just fill sectors (VHD-X-7).
 */
static uint64_t avoid_xen_defect(uint64_t size)
{
	uint64_t blocks = div_ceil(size, 2 * MiB);

	if (blocks % 8 && blocks / 8 && blocks / 8 % 512 == 0)
		return align_up(size, 16 * MiB);
	return size;
}

uint64_t vhd_target_round(enum vhd_target target, uint64_t size)
{
	const struct target_rule *t = rule_of(target);

	if (!t || size > UINT64_MAX - 64 * MiB)
		return size;
	size = align_up(max_u64(size, t->size_least), t->size_align);
	return t->xen ? avoid_xen_defect(size) : size;
}

int vhd_target_size(enum vhd_target target, uint64_t size,
		    struct vhd_error *err)
{
	const struct target_rule *t = rule_of(target);

	if (!t || !t->size_most || size <= t->size_most)
		return 0;
	return vhd_fail(err, VHD_E_INVAL, "%s takes disks up to %llu TiB, and "
			"this one would have %llu bytes", t->name,
			(unsigned long long)(t->size_most / TiB),
			(unsigned long long)size);
}
