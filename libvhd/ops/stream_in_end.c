/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a stream.
 *
 * What was opened as an image is opened once more, now that the length is known
 * and the last bytes are there, by the same code that opens files: it looks at
 * the footer behind the data, and it says "fixed VHD" when the beginning was only
 * what a guest wrote.  It has to find the same image again.
 *
 * A VHDX has nothing at its end.  It is all there when the last byte that
 * was needed has come.
 */
#include "ops/stream_in.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "image/image_priv.h"
#include "io/io_forward.h"
#include "ops/copy_forward.h"

enum { FOOTER_LEN = 512 };

static int fail_other(struct vhd_error *err)
{
	return vhd_fail(err, VHD_E_CORRUPT, "what the end of the stream says "
			"is not what its beginning said: store it in a file "
			"and look with vhd-util check");
}

static int fail_footer(uint64_t size, struct vhd_error *err)
{
	return vhd_fail(err, VHD_E_CORRUPT, "the stream ended after %" PRIu64
			" bytes without the footer that ends a VHD: it was cut "
			"off", size);
}

/* VHD-E-1: a footer ends it too. */
static int check_footer(const struct vhd_layer *layer, struct vhd_error *err)
{
	struct vhd_info *info = vhd_alloc(sizeof(*info));
	int rc = 0;

	if (!info)
		return vhd_fail_nomem(err);
	info->size = sizeof(*info);
	layer->ops->info(layer->eng, info);
	if (info->vhd.footers_ok == VHD_COPY_FIRST)
		rc = fail_footer(layer->file_end, err);
	vhd_free(info);
	return rc;
}

static int check_place(const struct vhd_image *img,
		       const struct vhd_layer *now, struct vhd_error *err)
{
	uint64_t size = now->file_end;

	if (size >= FOOTER_LEN &&
	    vhd_forward_needed(img->forward) <= size - FOOTER_LEN)
		return 0;
	return vhd_fail(err, VHD_E_CORRUPT, "data lies behind the footer of "
			"the VHD, which ended after %" PRIu64 " bytes", size);
}

static int check_again(struct vhd_image *img, struct vhd_error *err)
{
	const struct vhd_layer *was = &img->layers[0];
	struct vhd_layer_open how = {
		.format = VHD_FORMAT_AUTO,
		.allow_raw = true,
		.cache_bytes = 64 << 10,
		.size_rule = img->size_rule,
	};
	struct vhd_layer now = { 0 };
	struct vhd_io *io = NULL;
	int rc = vhd_forward_view(img->forward, &io, err);

	if (!rc)
		rc = vhd_layer_open(io, &how, &now, err);
	if (rc)
		return rc;
	if (now.format != was->format || now.size != was->size ||
	    memcmp(&now.id, &was->id, sizeof(now.id)) != 0)
		rc = fail_other(err);
	else if (now.format == VHD_FORMAT_VHD)
		rc = check_footer(&now, err);
	if (!rc && now.format == VHD_FORMAT_VHD)
		rc = check_place(img, &now, err);
	vhd_layer_close(&now, NULL);
	return rc;
}

int vhd_stream_in_end(struct vhd_image *img, struct vhd_error *err)
{
	int rc = vhd_forward_drain(img->forward, err);

	if (!rc && img->layers[0].format != VHD_FORMAT_RAW)
		rc = check_again(img, err);
	return rc ? vhd_err_file(err, rc, vhd_io_name(img->layers[0].io)) : 0;
}

struct whole {
	const struct vhd_layer *layer;
	uint64_t block_size;
	uint64_t end;		/* of the data of the disk */
};

static bool find_end(void *arg, enum vhd_region_kind kind, uint64_t off,
		     uint64_t len, uint64_t blk)
{
	struct whole *w = arg;
	uint64_t start;

	if (kind != VHD_REGION_DATA || ckd_mul(&start, blk, w->block_size) ||
	    start >= w->layer->size)
		return true;
	w->end = max_u64(w->end, off + min_u64(len, w->layer->size - start));
	return true;
}

int vhd_stream_in_whole(struct vhd_image *img, struct vhd_error *err)
{
	struct whole w = { .layer = &img->layers[0] };
	int rc = 0;

	switch (w.layer->format) {
	case VHD_FORMAT_VHD:
		rc = check_footer(w.layer, err);
		break;
	case VHD_FORMAT_VHDX:
		rc = vhd_forward_block_size(img, &w.block_size, err);
		if (!rc)
			rc = vhd_layer_layout(img, 0, find_end, &w, err);
		break;
	case VHD_FORMAT_AUTO:
	case VHD_FORMAT_RAW:
		break;
	}
	if (!rc && w.end > w.layer->file_end)
		rc = vhd_fail(err, VHD_E_CORRUPT, "the stream ended after %"
			      PRIu64 " bytes, and the image has data up to %"
			      PRIu64 ": it was cut off", w.layer->file_end,
			      w.end);
	return rc ? vhd_err_file(err, rc, vhd_io_name(w.layer->io)) : 0;
}
