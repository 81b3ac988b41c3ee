/* SPDX-License-Identifier: BSD-2-Clause */
/* What an image and its layers say about themselves. */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "image/image_priv.h"

uint64_t vhd_size(const struct vhd_image *img)
{
	return img->size;
}

uint32_t vhd_layers(const struct vhd_image *img)
{
	return img->count;
}

const char *vhd_layer_path(const struct vhd_image *img, uint32_t layer)
{
	return layer < img->count ? vhd_io_name(img->layers[layer].io) : NULL;
}

int vhd_layer_fd(const struct vhd_image *img, uint32_t layer)
{
	return layer < img->count ? vhd_io_fd(img->layers[layer].io) : -1;
}

static int no_layer(const struct vhd_image *img, uint32_t layer,
		    struct vhd_error *err)
{
	if (layer < img->count)
		return 0;
	return vhd_fail(err, VHD_E_INVAL, "the chain has %u layers, not %u",
			(unsigned int)img->count, (unsigned int)layer + 1);
}

int vhd_layer_info(struct vhd_image *img, uint32_t layer,
		   struct vhd_info *info_out, struct vhd_error *err)
{
	struct vhd_info *all;
	uint32_t room = info_out->size;
	int rc = no_layer(img, layer, err);

	if (rc)
		return rc;
	if (room < offsetof(struct vhd_info, virtual_size))
		return vhd_fail(err, VHD_E_INVAL, "struct vhd_info has no size");
	all = vhd_alloc(sizeof(*all));
	if (!all)
		return vhd_fail_nomem(err);
	img->layers[layer].ops->info(img->layers[layer].eng, all);
	all->disk_usage = vhd_io_disk_usage(img->layers[layer].io);
	room = (uint32_t)min_u64(room, sizeof(*all));
	all->size = room;
	memcpy(info_out, all, room);
	vhd_free(all);
	return 0;
}

size_t vhd_layer_locators(const struct vhd_image *img, uint32_t layer,
			  struct vhd_locator *loc, size_t max)
{
	struct vhd_parent_ref ref = { 0 };
	const struct vhd_layer *l = &img->layers[layer];

	if (layer >= img->count || !l->ops->parent(l->eng, &ref))
		return 0;
	if (ref.locator_count && max)
		memcpy(loc, ref.locators,
		       min_u64(ref.locator_count, max) * sizeof(*loc));
	return ref.locator_count;
}

int vhd_layer_usage(struct vhd_image *img, uint32_t layer, uint64_t bat_bytes,
		    struct vhd_usage *out, struct vhd_error *err)
{
	int rc = no_layer(img, layer, err);

	if (rc)
		return rc;
	rc = img->layers[layer].ops->usage(img->layers[layer].eng, bat_bytes,
					   out, err);
	return rc ? vhd_err_file(err, rc, vhd_layer_path(img, layer)) : 0;
}

int vhd_layer_layout(struct vhd_image *img, uint32_t layer, vhd_region_fn fn,
		     void *arg, struct vhd_error *err)
{
	int rc = no_layer(img, layer, err);

	if (rc)
		return rc;
	rc = img->layers[layer].ops->layout(img->layers[layer].eng, fn, arg,
					    err);
	return rc ? vhd_err_file(err, rc, vhd_layer_path(img, layer)) : 0;
}

void vhd_layer_io_stats(const struct vhd_image *img, uint32_t layer,
			struct vhd_io_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (layer < img->count)
		vhd_io_stats(img->layers[layer].io, out);
}
