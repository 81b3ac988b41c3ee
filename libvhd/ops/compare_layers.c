/* SPDX-License-Identifier: BSD-2-Clause */
/* What the upper layers of a chain hold: what a backup has to take. */
#include "base/ckd.h"
#include "base/fail.h"
#include "image/change.h"
#include "vhd/compare.h"

/*
 * A layer that has nothing to say looks ahead in its table, in vain when the
 * next one ends the run soon: looks are short at first, and longer where much
 * was found.
 */
#define FIRST_REACH (64 * MiB)

struct walk {
	struct vhd_image *img;
	uint32_t layers;
	uint64_t below;		/* where the disk below ends */
	bool (*fn)(void *arg, const struct vhd_extent *ext);
	void *arg;
	struct vhd_extent ext;	/* not told of yet; its length may be 0 */
};

/* True when @b goes on where @a ends. */
static bool follows(const struct vhd_extent *a, const struct vhd_extent *b)
{
	if (!a->len || a->off + a->len != b->off || a->kind != b->kind ||
	    a->layer != b->layer || a->flags != b->flags)
		return false;
	return a->kind == VHD_EXTENT_ZERO || a->file_off + a->len == b->file_off;
}

/* False: the caller wants no more. */
static bool add(struct walk *w, const struct vhd_extent *ext)
{
	if (follows(&w->ext, ext)) {
		w->ext.len += ext->len;
		return true;
	}
	if (w->ext.len && !w->fn(w->arg, &w->ext))
		return false;
	w->ext = *ext;
	return true;
}

/* Zeros are an answer only where there is something below that they hide. */
static bool answers(const struct walk *w, const struct vhd_run *run,
		    uint64_t off)
{
	switch (run->kind) {
	case VHD_RUN_DATA:
		return true;
	case VHD_RUN_ZERO:
		return off < w->below;
	case VHD_RUN_PARENT:
		break;
	}
	return false;
}

static int look(struct walk *w, uint64_t off, uint64_t len,
		struct vhd_run *run, bool *more_out, struct vhd_error *err)
{
	struct vhd_extent ext = { .off = off };
	int rc;

	if (off < w->below)
		len = min_u64(len, w->below - off);
	rc = vhd_image_upper_run(w->img, w->layers, off, len, run, &ext.layer,
				 err);
	*more_out = true;
	if (rc || !answers(w, run, off))
		return rc;
	ext.len = run->len;
	ext.flags = run->flags;
	ext.kind = run->kind == VHD_RUN_DATA ? VHD_EXTENT_DATA
					     : VHD_EXTENT_ZERO;
	ext.file_off = run->kind == VHD_RUN_DATA ? run->file_off
						 : VHD_NO_OFFSET;
	*more_out = add(w, &ext);
	return 0;
}

int vhd_layer_changes(struct vhd_image *img, uint32_t layers,
		      bool (*fn)(void *arg, const struct vhd_extent *ext),
		      void *arg, struct vhd_error *err)
{
	struct walk w = { .img = img, .layers = layers, .fn = fn, .arg = arg };
	uint64_t off = 0, reach = FIRST_REACH, size;
	bool more = true;

	if (!img || !fn || !layers || layers > vhd_layers(img))
		return vhd_fail(err, VHD_E_INVAL,
				"the chain has %u layers, not %u",
				img ? (unsigned int)vhd_layers(img) : 0,
				(unsigned int)layers);
	size = vhd_size(img);
	if (layers < vhd_layers(img))
		w.below = img->layers[layers].size;
	else if (img->torn)
		w.below = UINT64_MAX;
	while (more && off < size) {
		struct vhd_run run;
		int rc = look(&w, off, min_u64(size - off, reach), &run, &more,
			      err);

		if (rc)
			return rc;
		off += run.len;
		reach = max_u64(FIRST_REACH, 2 * run.len);
	}
	if (more && w.ext.len)
		fn(arg, &w.ext);
	return 0;
}
