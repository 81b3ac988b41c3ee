/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/change.h"

#include "base/ckd.h"
#include "base/fail.h"

/* The top layer, as the functions here use it. */
static struct vhd_layer *top(struct vhd_image *img)
{
	return &img->layers[0];
}

static int named(struct vhd_image *img, int rc, struct vhd_error *err)
{
	return vhd_err_file(err, rc, vhd_io_name(top(img)->io));
}

static int cannot(struct vhd_image *img, const char *what,
		  struct vhd_error *err)
{
	int rc;

	if (!img->writer)
		rc = vhd_fail(err, VHD_E_READONLY,
			      "the image is open for reading only");
	else
		rc = vhd_fail(err, VHD_E_UNSUPPORTED,
			      "a %s image %s", vhd_format_name(top(img)->format),
			      what);
	return named(img, rc, err);
}

uint64_t vhd_image_block_size(const struct vhd_image *img)
{
	struct vhd_info info = { .size = sizeof(info) };

	img->layers[0].ops->info(img->layers[0].eng, &info);
	return info.block_size ? info.block_size : img->size;
}

uint64_t vhd_image_blocks(const struct vhd_image *img)
{
	uint64_t size = vhd_image_block_size(img);

	return size ? div_ceil(img->size, size) : 0;
}

int vhd_image_drop(struct vhd_image *img, uint64_t blk, enum vhd_unmap how,
		   bool *done_out, struct vhd_error *err)
{
	int rc;

	if (!img->writer)
		return cannot(img, "gives up no blocks", err);
	rc = vhd_writer_ready(img->writer, err);
	if (!rc)
		rc = vhd_writer_unmap(img->writer, blk, how, done_out, err);
	return named(img, rc, err);
}

int vhd_image_block_look(struct vhd_image *img, uint64_t blk,
			 struct vhd_blk *out, struct vhd_error *err)
{
	if (!img->writer)
		return cannot(img, "has no blocks to move", err);
	return named(img, vhd_writer_look(img->writer, blk, out, err), err);
}

int vhd_image_touch(struct vhd_image *img, struct vhd_error *err)
{
	if (!img->writer)
		return cannot(img, "is not changed", err);
	return named(img, vhd_writer_ready(img->writer, err), err);
}

int vhd_image_move_block(struct vhd_image *img, uint64_t blk, uint64_t limit,
			 bool *moved_out, struct vhd_error *err)
{
	int rc;

	if (!img->writer)
		return cannot(img, "moves no blocks", err);
	rc = vhd_writer_move(img->writer, blk, limit, moved_out, err);
	return named(img, rc, err);
}

int vhd_image_resize(struct vhd_image *img,
		     const struct vhd_engine_resize *req,
		     struct vhd_error *err)
{
	struct vhd_layer *l = top(img);

	if (!img->writer || !l->ops->resize)
		return cannot(img, "cannot be resized", err);
	return named(img, l->ops->resize(l->eng, req, err), err);
}

int vhd_image_set_check(struct vhd_image *img, const struct vhd_attrs *what,
			struct vhd_error *err)
{
	struct vhd_layer *l = top(img);

	if (!l->ops->set_check)
		return cannot(img, "has no headers to change", err);
	return named(img, l->ops->set_check(l->eng, what, err), err);
}

int vhd_image_set(struct vhd_image *img, const struct vhd_attrs *what,
		  struct vhd_error *err)
{
	struct vhd_layer *l = top(img);

	if (!img->writer || !l->ops->set)
		return cannot(img, "has no headers to change", err);
	return named(img, l->ops->set(l->eng, what, err), err);
}

int vhd_image_identify(struct vhd_image *img, const struct vhd_guid *id,
		       struct vhd_error *err)
{
	struct vhd_layer *l = top(img);

	if (!img->writer || !l->ops->identify)
		return cannot(img, "has no identity to change", err);
	return named(img, l->ops->identify(l->eng, id, err), err);
}

int vhd_image_link2(struct vhd_image *img, const struct vhd_guid *id,
		    struct vhd_error *err)
{
	struct vhd_layer *l = top(img);

	if (!l->ops->link2)
		return 0;
	if (!img->writer)
		return cannot(img, "is not changed", err);
	return named(img, l->ops->link2(l->eng, id, err), err);
}

int vhd_image_pack(struct vhd_image *img, uint64_t *limit_out,
		   struct vhd_error *err)
{
	struct vhd_layer *l = top(img);

	if (!img->writer || !l->ops->pack)
		return cannot(img, "cannot be packed", err);
	return named(img, l->ops->pack(l->eng, limit_out, err), err);
}

int vhd_image_pack_rest(struct vhd_image *img, uint64_t limit,
			struct vhd_error *err)
{
	struct vhd_layer *l = top(img);

	if (!l->ops->pack_rest)
		return 0;
	if (!img->writer)
		return cannot(img, "cannot be packed", err);
	return named(img, l->ops->pack_rest(l->eng, limit, err), err);
}

int vhd_image_upper_run(struct vhd_image *img, uint32_t upper, uint64_t off,
			uint64_t len, struct vhd_run *run_out,
			uint32_t *layer_out, struct vhd_error *err)
{
	uint32_t i;

	for (i = 0; i < upper; i++) {
		struct vhd_layer *layer = &img->layers[i];
		int rc;

		*layer_out = i;
		if (off >= layer->size) {
			*run_out = (struct vhd_run){
				len, VHD_NO_OFFSET, VHD_RUN_ZERO,
				VHD_EXTENT_UNMAPPED
			};
			return 0;
		}
		len = min_u64(len, layer->size - off);
		rc = vhd_layer_run(layer, false, off, len, run_out, err);
		if (rc || run_out->kind != VHD_RUN_PARENT)
			return rc;
		len = run_out->len;
	}
	return 0;
}
