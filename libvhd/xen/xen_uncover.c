/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layers between an image and the ancestor that it was written into.  Where
 * they hold a sector that the image holds too they hide what the ancestor has
 * now, and give it up.  Until the image is gone nobody sees a difference.
 */
#include "xen/xen_coalesce.h"

#include "base/ckd.h"
#include "base/fail.h"
#include "io/stat.h"
#include "vhd1/vhd1_uncover.h"

static int list_between(struct vhd_coalesce *c, const struct vhd_image *chain,
			uint32_t count, struct vhd_error *err)
{
	c->between = vhd_alloc_array((size_t)count + 1, sizeof(*c->between));
	if (!c->between)
		return vhd_fail_nomem(err);
	for (uint32_t i = 1; i <= count; i++) {
		char *name = vhd_strdup(vhd_layer_path(chain, i));

		if (!name)
			return vhd_fail_nomem(err);
		c->between[c->betweens++] = name;
	}
	return 0;
}

int vhd_coalesce_between(struct vhd_coalesce *c, struct vhd_error *err)
{
	struct vhd_open_opts open = c->open;
	struct vhd_file_id id = { 0 };
	struct vhd_image *chain = NULL;
	uint32_t at = 1;
	int rc;

	open.flags |= VHD_OPEN_NO_LOCK | VHD_OPEN_IGNORE_PARENT_ID |
		      VHD_OPEN_CIPHERTEXT;
	rc = vhd_open(c->path, &open, &chain, err);
	if (rc)
		return rc;
	vhd_path_file_id(c->into_path, &id);
	while (at < chain->count &&
	       !vhd_file_id_same(&chain->layers[at].file_id, &id))
		at++;
	if (at == chain->count)
		rc = vhd_fail(err, VHD_E_INVAL, "%.128s is not one of the "
			      "layers below the image", c->into_path);
	else
		rc = list_between(c, chain, at - 1, err);
	c->raw = !rc && chain->layers[at].format == VHD_FORMAT_RAW;
	vhd_close(&chain, NULL);
	return rc;
}

/* The run at @off is the image's, and so no longer that of @between. */
static int uncover_run(struct vhd_coalesce *c, struct vhd_image *between,
		       uint64_t off, uint64_t *len_out, struct vhd_error *err)
{
	uint64_t left = min_u64(vhd_size(c->child), vhd_size(between)) - off;
	struct vhd_run run;
	uint32_t layer;
	int rc = vhd_coalesce_look(c->child, off, left, &run, &layer, err);

	if (rc)
		return rc;
	*len_out = run.len;
	if (run.kind == VHD_RUN_PARENT)
		return 0;
	return vhd1_uncover(between->layers[0].eng, off, run.len, err);
}

static int uncover_all(struct vhd_coalesce *c, struct vhd_image *between,
		       struct vhd_error *err)
{
	uint64_t end = min_u64(vhd_size(c->child), vhd_size(between));
	int rc = vhd1_uncover_begin(between->layers[0].eng, err);

	for (uint64_t off = 0, len; !rc && off < end; off += len) {
		rc = uncover_run(c, between, off, &len, err);
		if (!rc && c->opts.progress &&
		    !c->opts.progress(c->opts.progress_arg, end, end))
			rc = vhd_fail(err, VHD_E_CANCELLED, "cancelled");
	}
	return rc;
}

static int uncover_one(struct vhd_coalesce *c, const char *path,
		       struct vhd_error *err)
{
	struct vhd_open_opts open = c->open;
	struct vhd_image *img = NULL;
	int rc, rc2;

	open.format = VHD_FORMAT_VHD;
	open.flags |= VHD_OPEN_RDWR | VHD_OPEN_NO_PARENT | VHD_OPEN_CIPHERTEXT |
		      VHD_OPEN_EXACT;
	open.flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;
	open.parents = NULL;
	rc = vhd_open(path, &open, &img, err);
	if (!rc)
		rc = uncover_all(c, img, err);
	rc2 = vhd_close(&img, rc ? NULL : err);
	rc = rc ? rc : rc2;
	return rc ? vhd_err_file(err, rc, path) : 0;
}

int vhd_coalesce_uncover(struct vhd_coalesce *c, struct vhd_error *err)
{
	int rc = 0;

	/* From below: an upper one hides what was not done yet. */
	for (uint32_t i = c->betweens; !rc && i--;)
		rc = uncover_one(c, c->between[i], err);
	return rc;
}
