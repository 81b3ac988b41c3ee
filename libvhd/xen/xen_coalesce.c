/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing an image into its parent, in the way of Xen: by the engine of merges
 * (ops/merge_copy.h), fed with the top layer alone and writing to the parent
 * alone (VHD_OPEN_EXACT), so that nothing below is needed.
 *
 * What may happen at any moment costs nothing.  The child covers all that changes
 * in the parent, so the disk that its users see is the same before, in between
 * and after; and the parent's writer keeps it sound.  There is nothing to go on
 * from: who was interrupted does it again.
 *
 * Xen takes a block that the batmap shows for full and does not look at its
 * bitmap (VHD-X-5).  We read such a block as its bitmap says, and here as Xen
 * does: what a guest of Xen has seen is not to be lost.
 */
#include "xen/xen_coalesce.h"

#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "io/stat.h"
#include "ops/merge_copy.h"
#include "vhd1/vhd1_write.h"

static struct vhd1 *vhd1_of(const struct vhd_image *img)
{
	return img->layers[0].format == VHD_FORMAT_VHD ? img->layers[0].eng
						       : NULL;
}

/* The rest of a block of which the bitmap says less than the batmap. */
static int look_full(struct vhd1 *v, uint64_t off, uint64_t len,
		     struct vhd_run *run, struct vhd_error *err)
{
	uint64_t blk = off >> v->block_shift;
	uint64_t in_blk = off & (v->hdr.block_size - 1);
	uint64_t at;
	uint32_t entry;
	bool full;
	int rc = vhd1_entry(v, blk, &entry, err);

	if (rc || entry == VHD1_UNUSED)
		return rc;
	rc = vhd1_batmap_bit(v, blk, &full, err);
	if (rc || !full)
		return rc;
	at = vhd1_entry_off(entry) + v->bitmap_len + in_blk;
	len = min_u64(len, v->hdr.block_size - in_blk);
	if (at + len > v->tail_off)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END, at,
				     "a block that the batmap shows full is "
				     "cut off");
	*run = (struct vhd_run){
		.len = len, .file_off = at, .kind = VHD_RUN_DATA,
		.flags = VHD_EXTENT_ALLOCATED,
	};
	return 0;
}

int vhd_coalesce_look(void *child, uint64_t off, uint64_t len,
		      struct vhd_run *run, uint32_t *layer,
		      struct vhd_error *err)
{
	struct vhd_image *img = child;
	struct vhd1 *v = vhd1_of(img);
	int rc = vhd_image_upper_run(img, 1, off, len, run, layer, err);

	if (rc || !v || run->kind != VHD_RUN_PARENT || !v->has_batmap)
		return rc;
	rc = look_full(v, off, len, run, err);
	return rc ? vhd_err_file(err, rc, vhd_layer_path(img, 0)) : 0;
}

static int open_child(struct vhd_coalesce *c, struct vhd_error *err)
{
	struct vhd_open_opts open = c->open;
	struct vhd_parent_ref ref = { 0 };
	const struct vhd_layer *l;
	int rc;

	open.format = VHD_FORMAT_VHD;
	open.flags |= VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT |
		      VHD_OPEN_CIPHERTEXT;
	open.parents = NULL;
	rc = vhd_open(c->path, &open, &c->child, err);
	if (rc)
		return rc;
	l = &c->child->layers[0];
	if (!l->ops->parent(l->eng, &ref))
		return vhd_err_file(err, vhd_fail(err, VHD_E_INVAL,
				    "the image is no differencing disk: there "
				    "is no parent to write it into"), c->path);
	c->raw = ref.raw;
	return 0;
}

static int open_into(struct vhd_coalesce *c, struct vhd_error *err)
{
	struct vhd_open_opts open = c->open;
	int rc;

	open.format = c->raw ? VHD_FORMAT_RAW : VHD_FORMAT_VHD;
	open.flags |= VHD_OPEN_RDWR | VHD_OPEN_NO_PARENT | VHD_OPEN_CIPHERTEXT |
		      VHD_OPEN_EXACT;
	open.flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;
	if (c->raw)
		open.flags |= VHD_OPEN_ALLOW_RAW;
	if (c->opts.flags & VHD_XEN_UNZEROED)
		open.flags |= VHD_OPEN_UNZEROED;
	open.parents = NULL;
	rc = vhd_open(c->into_path, &open, &c->into, err);
	if (!rc && vhd_file_id_same(&c->into->layers[0].file_id,
				    &c->child->layers[0].file_id))
		rc = vhd_err_file(err, vhd_fail(err, VHD_E_INVAL, "the image "
				  "is its own parent"), c->path);
	return rc;
}

/* Blocks of the parent that may have become full, in the child's table. */
static int show_full(void *arg, uint64_t blk, uint32_t entry,
		     struct vhd_error *err)
{
	(void)entry;
	return vhd1_show_full(arg, blk, err);
}

static int show_all_full(struct vhd_coalesce *c, struct vhd_error *err)
{
	struct vhd1 *child = vhd1_of(c->child), *into = vhd1_of(c->into);
	const struct vhd1_walk walk = { .fn = show_full, .arg = into };
	int rc;

	if (!into || !into->has_batmap ||
	    into->block_shift != child->block_shift)
		return 0;
	rc = vhd1_table_walk(child, &walk, err);
	return rc ? vhd_err_file(err, rc, c->into_path) : 0;
}

int vhd_coalesce_copy(struct vhd_coalesce *c, struct vhd_error *err)
{
	struct vhd_merge_copy m = {
		.up = c->child,
		.layers = 1,
		.into = c->into,
		.threads = c->opts.threads,
		.exact = true,
		.look = vhd_coalesce_look,
		.look_arg = c->child,
		.progress = c->opts.progress,
		.progress_arg = c->opts.progress_arg,
	};
	int rc = vhd_merge_copy_run(&m, err);

	if (!rc && m.data_bytes + m.zero_bytes)
		rc = show_all_full(c, err);
	c->sectors = div_ceil(m.data_bytes + m.zero_bytes, VHD1_SECTOR);
	return rc;
}

static int run(struct vhd_coalesce *c, struct vhd_error *err)
{
	int rc = open_child(c, err), rc2;

	if (!rc && c->opts.flags & VHD_XEN_ANCESTOR)
		rc = vhd_coalesce_between(c, err);
	else if (!rc && !c->opts.into)
		rc = vhd_xen_parent(c->path, c->into_path,
				    sizeof(c->into_path), NULL, err);
	if (!rc)
		rc = open_into(c, err);
	if (!rc)
		rc = vhd_coalesce_copy(c, err);
	rc2 = vhd_close(&c->into, rc ? NULL : err);
	rc = rc ? rc : rc2;
	if (!rc && c->opts.flags & VHD_XEN_ANCESTOR)
		rc = vhd_coalesce_uncover(c, err);
	vhd_close(&c->child, NULL);
	return rc;
}

static int get_opts(struct vhd_coalesce *c,
		    const struct vhd_xen_coalesce_opts *in,
		    struct vhd_error *err)
{
	const uint32_t known = VHD_XEN_ANCESTOR | VHD_XEN_UNZEROED |
			       VHD_XEN_NEW;
	const uint32_t named = VHD_XEN_ANCESTOR | VHD_XEN_NEW;

	int rc = VHD_OPTS_COPY(vhd_xen_coalesce_opts, into, in, &c->opts, err);

	if (!rc)
		rc = vhd_flags_check(c->opts.flags, known, "flags", err);
	if (rc)
		return rc;
	if ((c->opts.flags & named) == named)
		return vhd_fail(err, VHD_E_INVAL,
				"a new file is no ancestor");
	if (c->opts.flags & named && !c->opts.into)
		return vhd_fail(err, VHD_E_INVAL,
				"no file to write into is named");
	if (c->opts.into && strlen(c->opts.into) >= sizeof(c->into_path))
		return vhd_fail(err, VHD_E_RANGE, "the name is too long");
	if (c->opts.into)
		memcpy(c->into_path, c->opts.into, strlen(c->opts.into) + 1);
	return vhd_open_opts_get(c->opts.open, &c->open, err);
}

int vhd_xen_coalesce(const char *path,
		     const struct vhd_xen_coalesce_opts *opts,
		     uint64_t *sectors_out, struct vhd_error *err)
{
	struct vhd_coalesce c = { .path = path };
	int rc;

	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = get_opts(&c, opts, err);
	if (!rc)
		rc = c.opts.flags & VHD_XEN_NEW ? vhd_coalesce_new(&c, err)
						: run(&c, err);
	for (uint32_t i = 0; i < c.betweens; i++)
		vhd_free(c.between[i]);
	vhd_free(c.between);
	if (!rc && sectors_out)
		*sectors_out = c.sectors;
	return rc;
}
