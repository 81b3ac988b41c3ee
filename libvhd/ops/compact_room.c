/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long is the file, how long need it be?  What lies where is told by the
 * format (VHDX-SPC-01, VHD-W-22); sums and the highest end are all that is kept
 * of it.
 */
#include "base/ckd.h"
#include "ops/compact_priv.h"

/**
 * struct room - what the file holds
 *
 * @vhd:    its last sector is a footer, which does not count
 * @file:   its length
 * @end:    where the last thing in it ends
 * @fixed:  bytes of what is neither a block nor a bitmap
 * @fixed_end: where the last of that ends
 * @bitmaps, @bitmap: how many there are, and bytes of one
 */
struct room {
	bool vhd;
	uint64_t file;
	uint64_t end;
	uint64_t fixed;
	uint64_t fixed_end;
	uint64_t bitmaps;
	uint64_t bitmap;
};

static bool add(void *arg, enum vhd_region_kind kind, uint64_t off,
		uint64_t len, uint64_t block)
{
	struct room *r = arg;
	uint64_t end = off + len;

	(void)block;
	/* The footer, which goes where the file ends (VHD-F-1). */
	if (r->vhd && kind == VHD_REGION_HEADER && end >= r->file)
		return true;
	r->end = max_u64(r->end, end);
	switch (kind) {
	case VHD_REGION_HEADER:
	case VHD_REGION_LOG:
	case VHD_REGION_METADATA:
	case VHD_REGION_BAT:
		r->fixed += r->vhd ? len : align_up(len, MiB);
		r->fixed_end = max_u64(r->fixed_end, end);
		break;
	case VHD_REGION_BITMAP:
		r->bitmaps++;
		r->bitmap = len;
		break;
	case VHD_REGION_DATA:
	case VHD_REGION_RESERVED:
		break;
	}
	return true;
}

static int measure(struct compact *c, struct room *r, struct vhd_error *err)
{
	int rc;

	*r = (struct room){
		.vhd = c->img->layers[0].format == VHD_FORMAT_VHD,
	};
	rc = vhd_io_size(c->io, &r->file, err);
	return rc ? rc : vhd_layer_layout(c->img, 0, add, r, err);
}

int vhd_compact_estimate(struct compact *c, struct vhd_error *err)
{
	struct vhd_compact_result *res = c->res;
	struct room r;
	uint64_t end;
	int rc = measure(c, &r, err);

	if (rc)
		return rc;
	end = max_u64(r.fixed, r.fixed_end) + c->kept * c->block_size;
	/* A VHD's blocks have one each (and are aligned, VHD-X-12); a VHDX's
	 * are shared by many. */
	if (r.vhd)
		end += c->kept * align_up(r.bitmap, 4096) + 512;
	else
		end += min_u64(r.bitmaps, c->kept) * r.bitmap;
	res->new_file = min_u64(end, res->old_file);
	if (res->old_usage != VHD_NO_OFFSET)
		res->new_usage = res->old_usage -
				 min_u64(c->freed, res->old_usage);
	return 0;
}

int vhd_compact_hangs(struct compact *c, bool *yes_out, struct vhd_error *err)
{
	struct room r;
	int rc = measure(c, &r, err);

	if (rc)
		return rc;
	if (r.vhd)
		*yes_out = r.file >= r.end + 4096 + 512;
	else
		*yes_out = r.file > align_up(r.end, MiB);
	return 0;
}
