/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What some layers hold, in a new image.  Nothing of the chain changes, so its
 * children, identities and locks are of no concern.
 */
#include <stdio.h>

#include "base/fail.h"
#include "base/opts.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/convert.h"
#include "ops/fill.h"
#include "ops/merge_copy.h"
#include "vhd/chain.h"

struct new_image {
	struct vhd_merge_opts opts;
	struct vhd_open_opts open;
	struct vhd_create_opts create;
	struct vhd_image *src;
	uint32_t layers;		/* that go into it */
	struct vhd_merge_result result;
};

static int get_opts(struct new_image *n, const struct vhd_create_opts *create,
		    const struct vhd_merge_opts *in, struct vhd_error *err)
{
	const uint32_t known = VHD_CHANGE_DRY_RUN | VHD_CHANGE_ORPHAN;
	int rc = vhd_create_opts_get(create, &n->create, err);

	if (!rc)
		rc = VHD_OPTS_COPY(vhd_merge_opts, into, in, &n->opts, err);
	if (!rc)
		rc = vhd_flags_check(n->opts.flags, known, "merge flags", err);
	if (!rc)
		rc = vhd_open_opts_get(n->opts.open, &n->open, err);
	if (!rc && (n->create.parent || n->create.type == VHD_TYPE_DIFF))
		rc = vhd_fail(err, VHD_E_INVAL, "the chain says what the "
			      "parent of the new image is");
	n->open.flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD |
				     VHD_OPEN_NO_PARENT);
	return rc;
}

/* All layers down to the ancestor, and that one too. */
static int count_layers(struct new_image *n, struct vhd_error *err)
{
	struct vhd_file_id id = { 0 };

	n->layers = 2;
	if (n->src->count == 1)
		return vhd_fail(err, VHD_E_INVAL,
				"the image has no parent to merge with");
	if (!n->opts.into)
		return 0;
	vhd_path_file_id(n->opts.into, &id);
	for (uint32_t i = 1; i < n->src->count; i++) {
		n->layers = i + 1;
		if (vhd_file_id_same(&n->src->layers[i].file_id, &id))
			return 0;
	}
	return vhd_fail(err, VHD_E_INVAL, "%.256s is not one of the layers "
			"below the image", n->opts.into);
}

static void tell(const struct new_image *n, const char *dst)
{
	char msg[300];

	for (uint32_t i = 0; n->opts.note && i < n->layers; i++) {
		snprintf(msg, sizeof(msg), "goes into %.256s", dst);
		n->opts.note(n->opts.note_arg, vhd_layer_path(n->src, i), msg);
	}
	if (!n->opts.note || n->layers == n->src->count)
		return;
	snprintf(msg, sizeof(msg), "gets %.256s as its parent",
		 vhd_path_base(vhd_layer_path(n->src, n->layers)));
	n->opts.note(n->opts.note_arg, dst, msg);
}

static bool dry(const struct new_image *n)
{
	return n->opts.flags & VHD_CHANGE_DRY_RUN;
}

/* Nothing is below: a copy of the disk. */
static int stand_alone(struct new_image *n, const char *dst,
		       struct vhd_error *err)
{
	struct vhd_transfer t = {
		.src = n->src,
		.dst = dst,
		.create = n->create,
		.threads = n->opts.threads,
		.progress = n->opts.progress,
		.progress_arg = n->opts.progress_arg,
	};
	struct vhd_convert_result r = { 0 };
	int rc;

	if (t.create.format == VHD_FORMAT_AUTO)
		t.create.format = vhd_plan_format(dst);
	if (t.create.format == VHD_FORMAT_AUTO)
		t.create.format = n->src->layers[0].format;
	rc = vhd_transfer_run(&t, &r, err);
	n->result.data_bytes = r.data_bytes;
	n->result.zero_bytes = r.zero_bytes;
	return rc;
}

/* How the new image's parent and what is below it are to be opened. */
static void below_opts(const struct new_image *n, struct vhd_open_opts *out)
{
	uint32_t i = 0;

	*out = n->open;
	out->format = VHD_FORMAT_AUTO;
	while (i < n->layers && out->parents && out->parents[i])
		i++;
	out->parents = i == n->layers ? out->parents + i : NULL;
}

static int fill(struct new_image *n, struct vhd_image *into,
		struct vhd_error *err)
{
	struct vhd_merge_copy c = {
		.up = n->src,
		.layers = n->layers,
		.into = into,
		.threads = n->opts.threads,
		.progress = n->opts.progress,
		.progress_arg = n->opts.progress_arg,
	};
	int rc = vhd_merge_copy_run(&c, err);

	n->result.data_bytes = c.data_bytes;
	n->result.zero_bytes = c.zero_bytes;
	return rc;
}

static int as_child(struct new_image *n, const char *dst,
		    struct vhd_error *err)
{
	const struct vhd_layer *below = &n->src->layers[n->layers];
	struct vhd_filling f = { 0 };
	struct vhd_open_opts open;
	int rc;

	below_opts(n, &open);
	if (below->format == VHD_FORMAT_RAW) {
		open.format = VHD_FORMAT_RAW;
		n->create.target = VHD_TARGET_XEN;
	}
	n->create.parent = vhd_io_name(below->io);
	n->create.open = &open;
	if (n->create.format == VHD_FORMAT_AUTO)
		n->create.format = n->src->layers[0].format;
	if (!n->create.virtual_size)
		n->create.virtual_size = n->src->size;
	rc = vhd_filling_open(dst, &n->create, NULL, &f, err);
	if (!rc)
		rc = fill(n, f.img, err);
	if (!rc)
		rc = vhd_filling_commit(&f, err);
	vhd_filling_close(&f);
	return rc;
}

static int make(struct new_image *n, const char *dst, struct vhd_error *err)
{
	int rc = vhd_builder_spares(n->src, "source", dst, err);

	if (!rc && n->create.virtual_size &&
	    n->create.virtual_size < n->src->size)
		rc = vhd_fail(err, VHD_E_INVAL,
			      "the new disk is smaller than the old one");
	if (rc)
		return rc;
	tell(n, dst);
	if (dry(n))
		return fill(n, NULL, err);
	if (n->layers == n->src->count)
		return stand_alone(n, dst, err);
	return as_child(n, dst, err);
}

int vhd_merge_new(const char *path, const char *dst,
		  const struct vhd_create_opts *create,
		  const struct vhd_merge_opts *opts,
		  struct vhd_merge_result *result_out, struct vhd_error *err)
{
	struct new_image n = { .src = NULL };
	int rc;

	if (!path || !dst)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = get_opts(&n, create, opts, err);
	if (!rc)
		rc = vhd_open(path, &n.open, &n.src, err);
	if (!rc)
		rc = count_layers(&n, err);
	n.result.layers = n.layers;
	if (!rc)
		rc = vhd_err_file(err, make(&n, dst, err), dst);
	if (!rc && result_out)
		*result_out = n.result;
	vhd_close(&n.src, NULL);
	return rc ? vhd_err_file(err, rc, path) : 0;
}
