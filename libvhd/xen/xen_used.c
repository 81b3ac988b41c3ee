/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the content of an image ends: of a file that is its length, of a volume
 * it tells how much of it the image needs.  One pass over the table; nothing is
 * said about whether what it points at makes sense.
 */
#include "base/ckd.h"
#include "base/fail.h"
#include "codec/vhd1_locator.h"
#include "image/image_priv.h"
#include "vhd/xen.h"
#include "vhd1/vhd1_priv.h"
#include "xen/xen_used.h"

struct ending {
	const struct vhd1 *v;
	uint64_t end;
	uint64_t blocks;
};

static int block_end(void *arg, uint64_t blk, uint32_t entry,
		     struct vhd_error *err)
{
	struct ending *e = arg;

	(void)blk;
	(void)err;
	e->blocks++;
	e->end = max_u64(e->end, vhd1_entry_off(entry) + vhd1_stride(e->v));
	return 0;
}

/* Entries of 0 that are not stored: no block is there. */
static int hole(void *arg, uint64_t blk, uint64_t count, struct vhd_error *err)
{
	(void)arg;
	(void)blk;
	(void)count;
	(void)err;
	return 0;
}

/* Headers, table, batmap, and the room of the names. */
static uint64_t meta_end(const struct vhd1 *v)
{
	uint64_t end = v->hdr.table_off +
		       vhd1_table_space(v->hdr.max_entries);
	size_t i;

	for (i = 0; i < v->span_count; i++)
		end = max_u64(end, v->span[i].off + v->span[i].len);
	for (i = 0; i < VHD1_LOCATORS; i++) {
		const struct vhd1_locator *loc = &v->hdr.locator[i];
		uint64_t len = max_u64(vhd1_locator_space(loc), loc->len);

		/* What leads out of the file is nowhere. */
		if (loc->code && range_in(loc->off, len, v->tail_off))
			end = max_u64(end, loc->off + len);
	}
	return end;
}

int vhd_xen_end(struct vhd1 *v, uint64_t *used_out, uint64_t *blocks_out,
		struct vhd_error *err)
{
	struct ending e = { .v = v };
	const struct vhd1_walk walk = {
		.fn = block_end, .hole = hole, .arg = &e
	};
	int rc = 0;

	if (vhd1_is_sparse(v)) {
		e.end = meta_end(v);
		rc = vhd1_expose(v, err);
		if (!rc)
			rc = vhd1_table_walk(v, &walk, err);
	} else {
		e.end = v->virtual_size;
	}
	if (rc)
		return rc;
	if (used_out)
		*used_out = align_up(e.end, VHD1_SECTOR) + VHD1_FOOTER_LEN;
	if (blocks_out)
		*blocks_out = e.blocks;
	return 0;
}

int vhd_xen_used(struct vhd_image *img, uint64_t *used_out,
		 uint64_t *blocks_out, struct vhd_error *err)
{
	const struct vhd_layer *top = &img->layers[0];

	if (top->format != VHD_FORMAT_VHD)
		return vhd_fail(err, VHD_E_INVAL, "the image is not a VHD");
	return vhd_err_file(err, vhd_xen_end(top->eng, used_out, blocks_out,
					     err), vhd_layer_path(img, 0));
}

int vhd_xen_block(struct vhd_image *img, uint64_t block, uint64_t *bitmap_out,
		  uint64_t *data_out, struct vhd_error *err)
{
	const struct vhd_layer *top = &img->layers[0];
	struct vhd1 *v = top->eng;
	uint32_t entry;
	int rc;

	if (top->format != VHD_FORMAT_VHD || !vhd1_is_sparse(v))
		return vhd_fail(err, VHD_E_INVAL, "the image has no blocks");
	if (block >= v->hdr.max_entries)
		return vhd_fail(err, VHD_E_RANGE,
				"the table has %lu entries, and not %llu",
				(unsigned long)v->hdr.max_entries,
				(unsigned long long)block + 1);
	rc = vhd1_entry(v, block, &entry, err);
	if (rc)
		return vhd_err_file(err, rc, vhd_layer_path(img, 0));
	*bitmap_out = *data_out = VHD_NO_OFFSET;
	if (entry == VHD1_UNUSED)
		return 0;
	*bitmap_out = vhd1_entry_off(entry);
	*data_out = *bitmap_out + v->bitmap_len;
	return 0;
}
