/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/walk.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "image/rw.h"

/* Begins and ends at guest offsets; ends at 0 until it was asked for. */
struct vhd_walk_run {
	uint64_t start, end;
	struct vhd_run run;
};

bool vhd_walk_begin(struct vhd_walk *w, struct vhd_image *img, bool moving)
{
	*w = (struct vhd_walk){ img, moving, NULL };
	w->runs = vhd_alloc_array(img->count, sizeof(*w->runs));
	return w->runs;
}

void vhd_walk_end(struct vhd_walk *w)
{
	vhd_free(w->runs);
	w->runs = NULL;
}

/* What layer @i says of @off, which lies inside it. */
static int ask(const struct vhd_walk *w, uint32_t i, uint64_t off,
	       uint64_t limit, struct vhd_error *err)
{
	const struct vhd_layer *layer = &w->img->layers[i];
	struct vhd_walk_run *r = &w->runs[i];
	int rc = vhd_layer_run(layer, w->moving, off,
			       min_u64(limit, layer->size) - off, &r->run, err);

	if (rc)
		return rc;
	r->start = off;
	r->end = off + r->run.len;
	return 0;
}

int vhd_walk_look(struct vhd_walk *w, uint64_t off, uint64_t limit,
		  struct vhd_extent *ext_out, struct vhd_error *err)
{
	const struct vhd_image *img = w->img;
	uint64_t end = limit;
	uint32_t i;

	for (i = 0; i < img->count && off < img->layers[i].size; i++) {
		const struct vhd_walk_run *r = &w->runs[i];

		if (off >= r->end) {
			int rc = ask(w, i, off, limit, err);

			if (rc)
				return rc;
		}
		end = min_u64(end, r->end);
		if (r->run.kind != VHD_RUN_PARENT) {
			vhd_extent_set(ext_out, off, end - off, i, &r->run);
			if (r->run.kind == VHD_RUN_DATA)
				ext_out->file_off += off - r->start;
			return 0;
		}
	}
	return vhd_image_bottom(img, i, off, end - off, ext_out, err);
}
