/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chains: from an image down through its parents until a layer needs none.
 *
 * A chain that cannot be completed fails to open: a missing parent is never
 * served as zeros (VHDX-RD-04).  Loops are found by the identity of the files,
 * through whatever names they were reached; the depth has a limit (VHD-D-9,
 * VHDX-PAR-20).
 */
#include "image/chain.h"

#include <inttypes.h>

#include "base/fail.h"
#include "image/link.h"
#include "image/parent.h"
#include "io/stat.h"

/* The two formats have rules of their own for the same things. */
static enum vhd_rule_idx pick(const struct vhd_layer *child,
			      enum vhd_rule_idx vhd1, enum vhd_rule_idx vhdx)
{
	return child->format == VHD_FORMAT_VHDX ? vhdx : vhd1;
}

static int check_loop(const struct vhd_image *img,
		      const struct vhd_layer *parent, struct vhd_error *err)
{
	const struct vhd_layer *child = &img->layers[img->count - 1];
	uint32_t i;

	for (i = 0; i < img->count; i++) {
		if (!vhd_file_id_same(&img->layers[i].file_id,
				      &parent->file_id))
			continue;
		return vhd_fail_code_rule(
			err, VHD_E_PARENT,
			pick(child, RULE_VHD1_CHAIN, RULE_VHDX_CHAIN),
			VHD_NO_OFFSET,
			"the chain of parents comes back to %s",
			vhd_io_name(img->layers[i].io));
	}
	return 0;
}

static int check_sector(const struct vhd_layer *child,
			const struct vhd_layer *parent, struct vhd_error *err)
{
	if (child->format != VHD_FORMAT_VHDX ||
	    child->logical_sector == parent->logical_sector)
		return 0;
	return vhd_fail_code_rule(
		err, VHD_E_PARENT, RULE_VHDX_PARENT_SECTOR, VHD_NO_OFFSET,
		"logical sectors have %u bytes, those of the parent %s have %u",
		(unsigned int)child->logical_sector, vhd_io_name(parent->io),
		(unsigned int)parent->logical_sector);
}

/* The parent of the present lowest layer; *index counts opts->parents. */
static int open_one(struct vhd_image *img, const struct vhd_parent_ref *ref,
		    const struct vhd_open_opts *opts,
		    const struct vhd_layer_open *how, struct vhd_error *err)
{
	const struct vhd_layer *child = &img->layers[img->count - 1];
	struct vhd_parent_search search = {
		.child = child,
		.ref = ref,
		.opts = opts,
		.how = *how,
		.given = NULL,
	};
	struct vhd_layer parent = { 0 };
	uint32_t i;
	int rc;

	search.how.index = img->count;
	for (i = 0; opts->parents && opts->parents[i]; i++) {
		if (i + 1 == img->count)
			search.given = opts->parents[i];
	}
	rc = vhd_parent_find(&search, &parent, err);
	if (!rc)
		rc = check_loop(img, &parent, err);
	if (!rc)
		rc = check_sector(child, &parent, err);
	if (!rc) {
		vhd_link_compare(&(struct vhd_link){
			child, &parent, ref, img->count - 1, how->reporter });
		rc = vhd_image_push(img, &parent, err);
	}
	if (rc)
		vhd_err_file(err, rc, vhd_io_name(child->io));
	vhd_layer_close(&parent, NULL);
	return rc;
}

static int too_deep(const struct vhd_layer *low, uint32_t depth,
		    struct vhd_error *err)
{
	int rc = vhd_fail_code_rule(
		err, VHD_E_PARENT,
		pick(low, RULE_VHD1_CHAIN, RULE_VHDX_CHAIN), VHD_NO_OFFSET,
		"the chain has more than %" PRIu32 " layers", depth);

	return vhd_err_file(err, rc, vhd_io_name(low->io));
}

static int open_all(struct vhd_image *img, const struct vhd_open_opts *opts,
		    const struct vhd_layer_open *how, struct vhd_error *err)
{
	for (;;) {
		struct vhd_layer *low = &img->layers[img->count - 1];
		struct vhd_parent_ref ref = { 0 };
		int rc;

		if (!low->ops->parent(low->eng, &ref))
			return 0;
		if (opts->flags & VHD_OPEN_NO_PARENT) {
			img->torn = true;
			return 0;
		}
		if (img->count >= opts->max_depth)
			return too_deep(low, opts->max_depth, err);
		rc = open_one(img, &ref, opts, how, err);
		if (rc)
			return rc;
	}
}

int vhd_chain_open(struct vhd_image *img, const struct vhd_open_opts *opts,
		   const struct vhd_layer_open *how, struct vhd_error *err)
{
	struct vhd_error *broken = how->reporter ? how->reporter->broken
						 : NULL;
	int rc = open_all(img, opts, how, broken ? broken : err);

	if (!broken || !rc)
		return rc;
	img->torn = true;
	return 0;
}
