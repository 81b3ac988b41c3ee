/* SPDX-License-Identifier: BSD-2-Clause */
/* The layers of an image, from the top down. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "image/image_priv.h"

int vhd_image_push(struct vhd_image *img, struct vhd_layer *layer,
		   struct vhd_error *err)
{
	if (img->count == img->room) {
		uint32_t room = img->room ? img->room * 2 : 4;
		struct vhd_layer *more = vhd_alloc_array(room, sizeof(*more));

		if (!more)
			return vhd_fail_nomem(err);
		if (img->count)
			memcpy(more, img->layers, img->count * sizeof(*more));
		vhd_free(img->layers);
		img->layers = more;
		img->room = room;
	}
	img->layers[img->count++] = *layer;
	memset(layer, 0, sizeof(*layer));
	return 0;
}

int vhd_layer_image(struct vhd_image *img, uint32_t layer,
		    struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_image *part;

	if (layer >= img->count)
		return vhd_fail(err, VHD_E_INVAL,
				"the chain has %u layers, not %u",
				(unsigned int)img->count,
				(unsigned int)layer + 1);
	/* What is being written is read through its writer. */
	if (!layer && img->writer)
		return vhd_fail(err, VHD_E_INVAL,
				"layer 0 is open for writing");
	part = vhd_alloc(sizeof(*part));
	if (!part)
		return vhd_fail_nomem(err);
	part->layers = img->layers + layer;
	part->count = img->count - layer;
	part->size = part->layers[0].size;
	part->torn = img->torn;
	part->cache_bytes = img->cache_bytes;
	part->borrowed = true;
	*img_out = part;
	return 0;
}
