/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a disk was, from its table of blocks: for salvage, when the metadata does
 * not say.  Blocks do not overlap, so the least distance between two is the
 * largest that their size can be; and the disk goes at least to the end of the
 * last block that has data.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_repair_meta.h"

enum { PIECE = 65536, PLACES_MAX = 4096 };

struct table_walk {
	struct vhdx_fix *m;
	void (*fn)(struct table_walk *w, uint64_t idx,
		   const struct vhdx_batent *ent);
	struct vhdx_geom geom;
	uint64_t last_blk;
	bool any;
	uint64_t *places;
	size_t count;
};

static int walk(struct table_walk *w, struct vhd_error *err)
{
	uint64_t base = w->m->regions.bat.off, off = base;
	uint64_t end = base + w->m->regions.bat.len, stop = base;
	le64 *buf = vhd_alloc(PIECE);
	int rc = 0;

	if (!buf)
		return vhd_fail_nomem(err);
	while (!rc && off < end) {
		size_t len;

		if (off >= stop) {
			rc = vhd_io_next_data(w->m->io, off, end, &off, &stop,
					      err);
			off = align_down(off, sizeof(*buf));
			if (rc || off >= end)
				break;
		}
		len = (size_t)min_u64(end - off, PIECE);
		rc = vhd_io_read_padded(w->m->io, buf, len, off, err);
		for (size_t i = 0; !rc && i < len / sizeof(*buf); i++) {
			struct vhdx_batent ent = vhdx_batent_decode(buf[i]);

			if (vhdx_state_has_data(ent.state))
				w->fn(w, (off - base) / sizeof(*buf) + i,
				      &ent);
		}
		off += len;
	}
	vhd_free(buf);
	return rc;
}

static void place_note(struct table_walk *w, uint64_t idx,
		       const struct vhdx_batent *ent)
{
	(void)idx;
	if (w->count < PLACES_MAX && ent->file_off < w->m->file_size)
		w->places[w->count++] = ent->file_off;
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int vhdx_fix_guess_block_size(struct vhdx_fix *m, uint32_t *size_out,
			      struct vhd_error *err)
{
	struct table_walk w = { .m = m, .fn = place_note };
	uint64_t least = VHDX_BLOCK_SIZE_MAX, size = VHDX_BLOCK_SIZE_MIN;
	int rc;

	w.places = vhd_alloc_array(PLACES_MAX, sizeof(*w.places));
	if (!w.places)
		return vhd_fail_nomem(err);
	rc = walk(&w, err);
	qsort(w.places, w.count, sizeof(*w.places), ascending);
	for (size_t i = 1; i < w.count; i++) {
		if (w.places[i] > w.places[i - 1])
			least = min_u64(least,
					w.places[i] - w.places[i - 1]);
	}
	if (w.count)
		least = min_u64(least, m->file_size - w.places[w.count - 1]);
	while (2 * size <= least)
		size *= 2;
	vhd_free(w.places);
	*size_out = (uint32_t)size;
	return rc;
}

static void last_note(struct table_walk *w, uint64_t idx,
		      const struct vhdx_batent *ent)
{
	(void)ent;
	if (vhdx_bat_idx_is_bitmap(&w->geom, idx))
		return;
	w->any = true;
	w->last_blk = vhdx_blk_of_bat_idx(&w->geom, idx);
}

int vhdx_fix_guess_disk_size(struct vhdx_fix *m, uint32_t block_size,
			     uint32_t sector, uint64_t *size_out,
			     struct vhd_error *err)
{
	struct table_walk w = { .m = m, .fn = last_note };
	int rc;

	vhdx_geom_init(&w.geom, VHDX_DISK_SIZE_MAX, block_size, sector);
	rc = walk(&w, err);
	*size_out = w.any ? min_u64((w.last_blk + 1) * block_size,
				    VHDX_DISK_SIZE_MAX) : 0;
	return rc;
}
