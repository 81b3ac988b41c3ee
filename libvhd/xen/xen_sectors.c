/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an image holds, sector by sector, against what is below it.
 *
 * The runs of one layer are cut into those of the layer below, and what that does
 * not hold goes on to the next one: memory is the depth of the chain, time that of
 * reading the bitmaps.
 */
#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "image/image_priv.h"
#include "vhd/xen.h"
#include "vhd1/vhd1_priv.h"

enum { SECTOR = 512 };

struct counting {
	const struct vhd_image *img;
	struct vhd1_hole *hole;		/* of the file of each layer */
	uint32_t count;			/* layers that are looked at */
};

/* Of a raw disk all is there; holes in its file are no absence. */
static bool holds(const struct vhd_layer *layer, const struct vhd_run *run)
{
	return layer->format == VHD_FORMAT_RAW || run->kind == VHD_RUN_DATA;
}

static const struct vhd1 *sparse_vhd(const struct vhd_layer *layer)
{
	const struct vhd1 *v = layer->eng;

	return layer->format == VHD_FORMAT_VHD && vhd1_is_sparse(v) ? v : NULL;
}

/*
 * Is nothing marked in the block at @off?  Of an image with space for all of its
 * blocks most bitmaps are in holes, which need not be read.
 */
static int is_blank(const struct vhd_layer *layer, struct vhd1_hole *h,
		    uint64_t off, bool *yes_out, uint64_t *rest_out,
		    struct vhd_error *err)
{
	struct vhd1 *v = layer->eng;
	uint64_t blk;
	uint32_t entry;
	int rc;

	*yes_out = false;
	if (!sparse_vhd(layer))
		return 0;
	blk = off >> v->block_shift;
	rc = vhd1_entry(v, blk, &entry, err);
	if (rc || entry == VHD1_UNUSED)
		return rc;
	*rest_out = v->hdr.block_size - (off & (v->hdr.block_size - 1));
	rc = vhd1_place_check(v, blk, vhd1_entry_off(entry), err);
	return rc ? rc : vhd1_in_hole(v, h, vhd1_entry_off(entry),
				      v->bitmap_len, yes_out, err);
}

/* A run of layer @i from @off on; past its end it holds nothing. */
static int run_at(struct counting *c, uint32_t i, uint64_t off, uint64_t len,
		  bool *held_out, uint64_t *len_out, struct vhd_error *err)
{
	const struct vhd_layer *layer = &c->img->layers[i];
	uint64_t rest = 0;
	struct vhd_run run;
	bool blank;
	int rc;

	*held_out = false;
	*len_out = len;
	if (off >= layer->size)
		return 0;
	len = min_u64(len, layer->size - off);
	rc = is_blank(layer, &c->hole[i], off, &blank, &rest, err);
	if (rc)
		return vhd_err_file(err, rc, vhd_io_name(layer->io));
	*len_out = min_u64(len, rest);
	if (blank)
		return 0;
	rc = vhd_layer_run(layer, true, off, len, &run, err);
	if (rc)
		return rc;
	*held_out = holds(layer, &run);
	*len_out = run.len;
	return 0;
}

/* Adds to @missing what neither layer of [@from, @to) holds. */
static int count_missing(struct counting *c, uint32_t from, uint32_t to,
			 uint64_t off, uint64_t len, uint64_t *missing,
			 struct vhd_error *err)
{
	int rc = 0;

	if (from == to) {
		*missing += len / SECTOR;
		return 0;
	}
	while (!rc && len) {
		uint64_t n;
		bool held;

		rc = run_at(c, from, off, len, &held, &n, err);
		if (rc)
			return rc;
		if (!held)
			rc = count_missing(c, from + 1, to, off, n, missing,
					   err);
		off += n;
		len -= n;
	}
	return rc;
}

static int count_run(struct counting *c, uint32_t layer, uint64_t off,
		     uint64_t len, struct vhd_xen_sectors *out,
		     struct vhd_error *err)
{
	int rc = 0;

	out->written += len / SECTOR;
	if (layer + 1 < c->count)
		rc = count_missing(c, layer + 1, layer + 2, off, len,
				   &out->not_in_parent, err);
	if (!rc && layer + 1 < c->count)
		rc = count_missing(c, layer + 1, c->count, off, len,
				   &out->not_in_ancestors, err);
	return rc;
}

/* From the table alone. */
static int count_space(const struct vhd_layer *l, struct vhd_xen_sectors *out,
		       struct vhd_error *err)
{
	const struct vhd1 *v = sparse_vhd(l);
	uint64_t most = v ? vhd1_table_len(v->hdr.max_entries) : UINT64_MAX;
	struct vhd_usage usage = { 0 };
	int rc = l->ops->usage(l->eng, most, &usage, err);

	out->allocated = usage.data_bytes / SECTOR;
	return rc ? vhd_err_file(err, rc, vhd_io_name(l->io)) : 0;
}

static int count_all(struct counting *c, uint32_t layer,
		     struct vhd_xen_sectors *out, struct vhd_error *err)
{
	const struct vhd_layer *l = &c->img->layers[layer];
	uint64_t off = 0;
	int rc = count_space(l, out, err);

	while (!rc && off < l->size) {
		uint64_t n;
		bool held;

		rc = run_at(c, layer, off, l->size - off, &held, &n, err);
		if (!rc && held)
			rc = count_run(c, layer, off, n, out, err);
		off += rc ? 0 : n;
	}
	return rc;
}

int vhd_xen_sectors(struct vhd_image *img, uint32_t layer, uint32_t flags,
		    struct vhd_xen_sectors *out, struct vhd_error *err)
{
	struct vhd_xen_sectors all = { .size = sizeof(all) };
	struct counting c = { .img = img };
	int rc;

	if (!img || layer >= img->count || !out || out->size < sizeof(all))
		return vhd_fail(err, VHD_E_INVAL, "there is no layer %u, or no "
				"room for what it holds", (unsigned)layer);
	rc = vhd_flags_check(flags, VHD_XEN_SECTORS_ALONE, "flags", err);
	if (rc)
		return rc;
	c.count = flags & VHD_XEN_SECTORS_ALONE ? layer + 1 : img->count;
	c.hole = vhd_alloc_array(img->count, sizeof(*c.hole));
	if (!c.hole)
		return vhd_fail_nomem(err);
	all.has_parent = layer + 1 < c.count;
	rc = count_all(&c, layer, &all, err);
	vhd_free(c.hole);
	if (!rc)
		*out = all;
	return rc;
}
