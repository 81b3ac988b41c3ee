/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last block of a disk need not be all of the disk's.  What lies behind the
 * end in it, and in blocks behind it that some program left, is anything; when
 * the end moves it must not come to light, and a parent that is longer must not
 * show through.
 *
 * VHD has no word for "zeros, whatever the parent says" but zeros that are
 * stored (VHD-S-14).  Of these only so many are written.
 */
#include "vhd1/vhd1_reshape.h"

#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"

enum { ZERO_BLOCKS_MAX = 1024 };

static uint64_t to_blk(const struct vhd1 *v, uint64_t off)
{
	return off >> v->block_shift;
}

/* Zeros for the bytes [from, to) of the disk, in a block that is at @at. */
static int wipe_data(struct vhd1 *v, uint64_t at, uint64_t from, uint64_t to,
		     struct vhd_error *err)
{
	uint64_t in = from & (v->hdr.block_size - 1);
	int rc = vhd_io_punch(v->io, to - from, at + v->bitmap_len + in, err);

	return rc ? rc : vhd1_flush(v, err);
}

/* Their bits, durably. */
static int put_bits(struct vhd1 *v, uint64_t at, uint64_t from, uint64_t to,
		    bool set, struct vhd_error *err)
{
	uint64_t start = align_down(from, v->hdr.block_size);
	int rc = vhd1_bits_store(v, at, (from - start) / VHD1_SECTOR,
				 (to - start) / VHD1_SECTOR, set, err);

	return rc ? rc : vhd1_flush(v, err);
}

/* A new block, with these bytes present, and zeros. */
static int zero_block(struct vhd1 *v, uint64_t from, uint64_t to,
		      struct vhd_error *err)
{
	struct vhd_place at;
	int rc = vhd1_place_new(v, to_blk(v, from), &at, err);

	if (!rc)
		rc = vhd_io_punch(v->io, at.len, at.off, err);
	if (!rc)
		rc = put_bits(v, at.off, from, to, true, err);
	if (!rc)
		rc = vhd1_entry_store(v, to_blk(v, from),
				      (uint32_t)(at.off / VHD1_SECTOR), err);
	return rc ? rc : vhd1_flush(v, err);
}

/* The entry of a block, straight from the table. */
static int entry_of(struct vhd1 *v, uint64_t blk, uint32_t *out,
		    struct vhd_error *err)
{
	be32 raw;
	int rc = vhd_io_read(v->io, &raw, sizeof(raw),
			     v->hdr.table_off + 4 * blk, err);

	if (!rc)
		*out = be32_get(raw);
	return rc;
}

/* [from, to), inside a block, is to read as zeros; @over: also over a parent. */
static int wipe_block(struct vhd1 *v, uint64_t from, uint64_t to, bool over,
		      struct vhd_error *err)
{
	uint64_t end = align_down(from, v->hdr.block_size) + v->hdr.block_size;
	uint32_t entry;
	int rc = entry_of(v, to_blk(v, from), &entry, err);

	if (rc)
		return rc;
	if (entry == VHD1_UNUSED)
		return over ? zero_block(v, from, end, err) : 0;
	/* Where the bits say otherwise, nobody reads the data. */
	rc = wipe_data(v, vhd1_entry_off(entry), from, end, err);
	if (!rc && over)
		rc = put_bits(v, vhd1_entry_off(entry), from, to, true, err);
	return rc;
}

/* Can all that a parent would show be covered with zeros? */
int vhd1_edge_cover(struct vhd1 *v, uint64_t below, struct vhd_error *err)
{
	uint64_t first = to_blk(v, v->virtual_size);
	uint64_t count;

	if (v->footer.type != VHD1_TYPE_DIFF || below <= v->virtual_size)
		return 0;
	count = div_ceil(below, v->hdr.block_size) - first;
	if (count <= ZERO_BLOCKS_MAX)
		return 0;
	return vhd_fail(err, VHD_E_UNSUPPORTED, "the parent is larger than this "
			"disk, and %" PRIu64 " blocks of zeros would have to "
			"hide what it holds there: flatten the image first",
			count);
}

/*
 * [from, to), the end of the disk before and after, is to read as zeros; the
 * parent has @below bytes.  Entries from the old end on are unused, and the
 * table is long enough.
 */
int vhd1_edge_wipe(struct vhd1 *v, uint64_t from, uint64_t to, uint64_t below,
		   struct vhd_error *err)
{
	bool diff = v->footer.type == VHD1_TYPE_DIFF;
	uint64_t size = v->hdr.block_size;
	int rc = 0;

	if (!diff)
		below = 0;
	if (from % size) {
		uint64_t end = min_u64(to, align_up(from, size));

		rc = wipe_block(v, from, end, below > from, err);
		from = end;
	}
	while (!rc && from < to && from < below) {
		uint64_t end = min_u64(to, from + size);

		rc = wipe_block(v, from, end, true, err);
		from = end;
	}
	return rc;
}

/*
 * [from, to), behind the new end of the disk in its last block, is given up:
 * zeros, and no bits (VHD-R-3).
 */
int vhd1_edge_hide(struct vhd1 *v, uint64_t from, uint64_t to,
		   struct vhd_error *err)
{
	uint32_t entry;
	int rc = entry_of(v, to_blk(v, from), &entry, err);

	if (rc || entry == VHD1_UNUSED)
		return rc;
	rc = wipe_data(v, vhd1_entry_off(entry), from, to, err);
	if (!rc)
		rc = put_bits(v, vhd1_entry_off(entry), from, to, false, err);
	return rc;
}
