/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "image/write.h"
#include "vhd/xen.h"
#include "vhd1/vhd1_write.h"
#include "xen/xen_blocks.h"

int vhd_xen_blocks(struct vhd_image *img,
		   int (*fn)(void *arg, uint64_t off, size_t len,
			     struct vhd_error *err),
		   void *arg, struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	int rc = vhd_layer_info(img, 0, &info, err);

	for (uint64_t blk = 0; !rc && blk < info.block_count; blk++) {
		uint64_t off = blk * info.block_size, at, data;

		rc = vhd_xen_block(img, blk, &at, &data, err);
		if (rc || at == VHD_NO_OFFSET)
			continue;
		rc = fn(arg, off, (size_t)min_u64(info.block_size,
						  info.virtual_size - off),
			err);
	}
	return rc;
}

/* Whether that can be told without reading. */
static bool shows_zeros(struct vhd_image *img, uint64_t off, uint64_t len)
{
	struct vhd_extent ext;
	size_t n;

	while (len) {
		if (vhd_resolve(img, off, len, &ext, 1, &n, NULL) || !n ||
		    ext.kind != VHD_EXTENT_ZERO)
			return false;
		off += ext.len;
		len -= ext.len;
	}
	return true;
}

static int fill_block(struct vhd_image *img, bool sparse, uint8_t *buf,
		      uint64_t off, size_t len, struct vhd_error *err)
{
	int rc;

	if (sparse && shows_zeros(img, off, len))
		return vhd_image_store_zeroes(img, off, len, err);
	rc = vhd_pread(img, buf, len, off, err);
	return rc ? rc : vhd_pwrite(img, buf, len, off, err);
}

static int fill_range(struct vhd_image *img, const struct vhd_info *info,
		      bool sparse, uint64_t off, uint64_t end,
		      struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc((size_t)info->block_size);
	struct vhd1 *v = img->layers[0].eng;
	int rc = buf ? 0 : vhd_fail_nomem(err);

	off = align_down(off, info->block_size);
	for (; !rc && off < end; off += info->block_size) {
		size_t len = (size_t)min_u64(info->block_size,
					     info->virtual_size - off);

		rc = fill_block(img, sparse, buf, off, len, err);
		if (!rc)
			rc = vhd1_show_full(v, off / info->block_size, err);
	}
	vhd_free(buf);
	return rc ? rc : vhd_flush(img, err);
}

int vhd_xen_fill_image(struct vhd_image *img, uint64_t off, uint64_t len,
		       uint32_t flags, struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	int rc = vhd_layer_info(img, 0, &info, err);

	if (rc)
		return rc;
	if (info.format != VHD_FORMAT_VHD || !info.block_size)
		return vhd_fail(err, VHD_E_INVAL,
				"the image is no VHD with blocks");
	if (!range_in(off, len, info.virtual_size))
		return vhd_fail(err, VHD_E_RANGE, "the disk has %" PRIu64
				" bytes, and %" PRIu64 " from %" PRIu64
				" on are behind its end", info.virtual_size, len,
				off);
	return fill_range(img, &info, flags & VHD_XEN_FILL_SPARSE, off,
			  off + len, err);
}

int vhd_xen_fill(const char *path, uint64_t off, uint64_t len,
		 uint32_t flags, const struct vhd_open_opts *open,
		 struct vhd_error *err)
{
	struct vhd_open_opts how;
	struct vhd_image *img = NULL;
	int rc, rc2;

	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = vhd_flags_check(flags, VHD_XEN_FILL_SPARSE, "flags", err);
	if (rc)
		return rc;
	rc = vhd_open_opts_get(open, &how, err);
	how.flags |= VHD_OPEN_RDWR | VHD_OPEN_EXACT;
	if (!rc)
		rc = vhd_open(path, &how, &img, err);
	if (!rc)
		rc = vhd_xen_fill_image(img, off, len, flags, err);
	rc2 = vhd_close(&img, rc ? NULL : err);
	rc = rc ? rc : rc2;
	return vhd_err_file(err, rc, path);
}
