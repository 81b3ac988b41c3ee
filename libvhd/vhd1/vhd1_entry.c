/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of the table and bits of bitmaps, changed in the file itself, a sector
 * at a time (VHD-B-11).  Nothing waits in the cache (vhd1_still()).
 */
#include "vhd1/vhd1_reshape.h"

#include <string.h>

#include "base/bitmap.h"
#include "base/bytes.h"
#include "base/ckd.h"

int vhd1_entry_store(struct vhd1 *v, uint64_t blk, uint32_t entry,
		     struct vhd_error *err)
{
	uint64_t off = v->hdr.table_off + 4 * blk;
	be32 raw = be32_make(entry);
	uint8_t sector[VHD1_SECTOR];
	int rc;

	rc = vhd_io_read(v->io, sector, sizeof(sector),
			 align_down(off, VHD1_SECTOR), err);
	if (rc)
		return rc;
	memcpy(sector + off % VHD1_SECTOR, &raw, sizeof(raw));
	return vhd_io_write(v->io, sector, sizeof(sector),
			    align_down(off, VHD1_SECTOR), err);
}

static void bits_put(uint8_t *map, uint64_t from, uint64_t to, bool set)
{
	for (; from < to; from++) {
		if (set)
			vhd_bit_set(map, from, VHD_MSB_FIRST);
		else
			vhd_bit_clear(map, from, VHD_MSB_FIRST);
	}
}

int vhd1_bits_store(struct vhd1 *v, uint64_t at, uint64_t from, uint64_t to,
		    bool set, struct vhd_error *err)
{
	const uint64_t bits = 8 * VHD1_SECTOR;
	int rc = 0;

	while (!rc && from < to) {
		uint64_t first = align_down(from, bits);
		uint64_t stop = min_u64(to, first + bits);
		uint8_t sector[VHD1_SECTOR];

		rc = vhd_io_read(v->io, sector, sizeof(sector), at + first / 8,
				 err);
		if (rc)
			break;
		bits_put(sector, from - first, stop - first, set);
		rc = vhd_io_write(v->io, sector, sizeof(sector),
				  at + first / 8, err);
		from = stop;
	}
	return rc;
}

struct dropping {
	struct vhd1 *v;
	uint64_t keep;
	bool unmarked;			/* no others */
	uint64_t at;			/* of @sector; VHD_NO_OFFSET: none */
	bool any;
	uint8_t sector[VHD1_SECTOR];	/* of the table */
};

static int drop_store(struct dropping *d, struct vhd_error *err)
{
	uint64_t at = d->at;

	d->at = VHD_NO_OFFSET;
	if (at == VHD_NO_OFFSET)
		return 0;
	return vhd_io_write(d->v->io, d->sector, sizeof(d->sector), at, err);
}

static int drop_load(struct dropping *d, uint64_t at, struct vhd_error *err)
{
	int rc;

	if (d->at == at)
		return 0;
	rc = drop_store(d, err);
	if (!rc)
		rc = vhd_io_read(d->v->io, d->sector, sizeof(d->sector), at,
				 err);
	if (!rc)
		d->at = at;
	return rc;
}

/* What is freed here is taken by nobody before the flush. */
static int drop(void *arg, uint64_t blk, uint32_t entry, struct vhd_error *err)
{
	struct dropping *d = arg;
	struct vhd1_write *wr = d->v->write;
	uint64_t off = d->v->hdr.table_off + 4 * blk;
	be32 raw = be32_make(VHD1_UNUSED);
	bool marked = false;
	int rc = 0;

	if (blk >= d->keep && d->unmarked)
		rc = vhd1_batmap_bit(d->v, blk, &marked, err);
	if (rc || marked || blk < d->keep)
		return rc;
	rc = drop_load(d, align_down(off, VHD1_SECTOR), err);
	if (rc)
		return rc;
	memcpy(d->sector + off % VHD1_SECTOR, &raw, sizeof(raw));
	d->any = true;
	/* Of blocks in doubt, the space may be no space, or be given twice. */
	if (!wr->doomed)
		vhd_space_add(&wr->space, vhd1_entry_off(entry),
			      vhd1_stride(d->v), VHD_SPACE_DIRTY);
	return 0;
}

static int drop_all(struct dropping *d, struct vhd_error *err)
{
	const struct vhd1_walk walk = { .fn = drop, .arg = d };
	int rc;

	d->at = VHD_NO_OFFSET;
	rc = vhd1_table_walk(d->v, &walk, err);
	if (!rc)
		rc = drop_store(d, err);
	return rc || !d->any ? rc : vhd1_flush(d->v, err);
}

int vhd1_entries_drop(struct vhd1 *v, uint64_t keep, struct vhd_error *err)
{
	struct dropping d = { .v = v, .keep = keep };

	return keep < v->hdr.max_entries ? drop_all(&d, err) : 0;
}

int vhd1_entries_drop_unmarked(struct vhd1 *v, struct vhd_error *err)
{
	struct dropping d = { .v = v, .unmarked = true };

	return drop_all(&d, err);
}
