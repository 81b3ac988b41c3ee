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
