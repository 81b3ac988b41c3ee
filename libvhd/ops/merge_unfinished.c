/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A merge that was interrupted, seen from an image whose chain has the ancestor.
 * That one is a mixture of two disks: what is above it shows a disk that is one
 * only where the merged image covers the mixture.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/fail.h"
#include "base/guid.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/merge_mark.h"
#include "ops/merge_unfinished.h"
#include "vhd/chain.h"

/* The layer of @img, above layer @below, that is merged; -1: none of them. */
static int64_t find_merged(const struct vhd_image *img, uint32_t below,
			   const struct vhd_mark_facts *f)
{
	for (uint32_t i = 0; i < below; i++) {
		const struct vhd_layer *l = &img->layers[i];

		/* Not every file system knows when a file was made. */
		if (vhd_guid_equal(&l->id, &f->top) ||
		    (f->top_birth &&
		     vhd_path_birth(vhd_io_name(l->io)) == f->top_birth))
			return i;
	}
	return -1;
}

int vhd_unfinished_find(const struct vhd_image *img, uint32_t from,
			struct vhd_unfinished *out, struct vhd_error *err)
{
	out->into = -1;
	for (uint32_t i = from; i < img->count; i++) {
		const struct vhd_layer *l = &img->layers[i];
		struct vhd_mark_facts f;
		bool found = false;
		int rc = 0;

		if (vhd_io_has_path(l->io))
			rc = vhd_mark_find(vhd_io_name(l->io), &f, &found, err);
		if (rc)
			return rc;
		if (!found || f.stage != VHD_MARK_COPY ||
		    !vhd_guid_equal(&f.into, &l->id))
			continue;
		out->into = i;
		out->merged = find_merged(img, i, &f);
		out->pos = f.pos;
		if (out->merged < 0)
			break;
	}
	return 0;
}

int vhd_merge_unfinished(struct vhd_image *img, int64_t *merged_out,
			 int64_t *into_out, uint64_t *pos_out,
			 struct vhd_error *err)
{
	struct vhd_unfinished p;
	int rc = vhd_unfinished_find(img, 0, &p, err);

	if (rc)
		return rc;
	*into_out = p.into;
	*merged_out = p.into < 0 ? -1 : p.merged;
	*pos_out = p.into < 0 ? 0 : p.pos;
	return 0;
}

static const char *name(const struct vhd_image *img, int64_t layer)
{
	return vhd_path_base(vhd_io_name(img->layers[layer].io));
}

int vhd_unfinished_refuse(const struct vhd_image *img, struct vhd_error *err)
{
	struct vhd_unfinished p;
	int rc = vhd_unfinished_find(img, 0, &p, err);

	if (rc || p.into < 0 || p.merged >= 0)
		return rc;
	return vhd_fail(err, VHD_E_REFUSED, "a merge into \"%.256s\" was "
			"interrupted and has to be finished first",
			name(img, p.into));
}

void vhd_unfinished_say(const struct vhd_image *img,
			const struct vhd_unfinished *p, char *msg, size_t room)
{
	if (p->merged < 0)
		snprintf(msg, room, "a merge into \"%.200s\" was interrupted, "
			 "and what this image shows is a mixture of two disks "
			 "until the same merge is finished", name(img, p->into));
	else
		snprintf(msg, room, "a merge of \"%.150s\" into \"%.150s\" was "
			 "interrupted after %" PRIu64 " of %" PRIu64 " bytes of "
			 "the disk: the same merge goes on there",
			 name(img, p->merged), name(img, p->into), p->pos,
			 img->layers[p->merged].size);
}
