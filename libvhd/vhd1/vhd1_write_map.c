/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_write.h"

#include <inttypes.h>
#include <string.h>

#include "base/barrier.h"
#include "base/bitmap.h"
#include "base/bytes.h"
#include "base/ckd.h"
#include "base/fail.h"

/*
 * What the writer asks about a block, and does to it (VHD-S, VHD-W-4 to
 * VHD-W-7).
 *
 * Readers run beside us and look at the table first.  So the bitmap of a new
 * block is right before its entry is, and bits of a block are only ever set
 * while it has space.
 *
 * The page that a new bitmap lies in may have been read while the space was
 * somebody else's, so all of the bitmap is written, not only what is to be
 * ones.
 *
 * Xen's batmap is left alone here: a clear bit is always right (VHD-X-5), and a set
 * one says what must then stay true, so a block that has it keeps its space.
 * Whether a block is full is read from its bitmap, as vhd1_map() does: where
 * the two disagree the image is damaged, and the same answer must come out.
 */

enum {
	SECTOR_BITS = VHD1_SECTOR * 8
};

static bool is_diff(const struct vhd1 *v)
{
	return v->footer.type == VHD1_TYPE_DIFF;
}

/* Does a new block show what is below it, until sectors of it are written?  That
 * may be the zeros of a dynamic disk. */
static bool shows_below(const struct vhd1 *v)
{
	return is_diff(v) || v->write->exact;
}

/* Writing to what is missing would hit the footer (VHD-B-9). */
static int whole_check(const struct vhd1 *v, uint64_t blk, uint64_t at,
		       struct vhd_error *err)
{
	uint64_t tail = v->tail_off;
	int rc = vhd1_place_check(v, blk, at, err);

	if (rc || at + vhd1_stride(v) <= tail)
		return rc;
	return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END, at,
		"block %" PRIu64 " at 0x%" PRIx64 " is cut off at 0x%" PRIx64
		": it must be repaired before it is written to", blk, at,
		tail);
}

int vhd1_write_look(void *eng, uint64_t blk, struct vhd_blk *out,
		    struct vhd_error *err)
{
	struct vhd1 *v = eng;
	uint64_t sectors = vhd1_sectors_of(v, blk), at, count = 0;
	bool set = false;
	uint32_t entry;
	int rc = vhd1_entry(v, blk, &entry, err);

	if (rc)
		return rc;
	if (entry == VHD1_UNUSED) {
		*out = (struct vhd_blk){
			.kind = shows_below(v) ? VHD_BLK_BELOW : VHD_BLK_ZERO
		};
		return 0;
	}
	at = vhd1_entry_off(entry);
	rc = whole_check(v, blk, at, err);
	if (!rc)
		rc = vhd1_bit_run(v, blk, at, 0, sectors, &set, &count, err);
	if (rc)
		return rc;
	*out = (struct vhd_blk){
		.kind = set && count == sectors ? VHD_BLK_FULL : VHD_BLK_SOME,
		.at = at + v->bitmap_len
	};
	return 0;
}

int vhd1_write_present(void *eng, uint64_t blk, const struct vhd_blk *b,
		       uint32_t from_sec, uint32_t to_sec, bool *yes_out,
		       uint32_t *count_out, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	uint64_t count;
	int rc = vhd1_bit_run(v, blk, b->at - v->bitmap_len, from_sec, to_sec,
			      yes_out, &count, err);

	if (!rc)
		*count_out = (uint32_t)count;
	return rc;
}

int vhd1_batmap_bit(struct vhd1 *v, uint64_t blk, bool *set_out,
		    struct vhd_error *err)
{
	uint64_t len = min_u64(UINT64_C(512) * v->batmap.map_sectors,
			       vhd1_batmap_covered(v->footer.current_size));
	uint8_t byte;
	int rc;

	*set_out = false;
	/* VHD-X-7: what is not covered counts as clear. */
	if (!v->has_batmap || blk / 8 >= len ||
	    (v->write && v->write->map_stale))
		return 0;
	rc = vhd_pcache_read(v->pc, v->batmap.map_off + blk / 8, &byte, 1, err);
	if (!rc)
		*set_out = vhd_bit_get(&byte, blk % 8, VHD_MSB_FIRST);
	return rc;
}

static void set_bits(uint8_t *map, uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t bytes = (size_t)((to - from) / 8);

		if (from % 8 || !bytes) {
			vhd_bit_set(map, from++, VHD_MSB_FIRST);
		} else {
			memset(map + from / 8, 0xff, bytes);
			from += UINT64_C(8) * bytes;
		}
	}
}

/* A new bitmap at @at, all of it: ones for [from, to), zeros elsewhere. */
static int bits_new(struct vhd1 *v, uint64_t at, uint64_t from, uint64_t to,
		    struct vhd_error *err)
{
	uint64_t pos;
	int rc = 0;

	for (pos = 0; !rc && pos < v->bitmap_len; pos += VHD1_SECTOR) {
		uint8_t raw[VHD1_SECTOR] = { 0 };
		uint64_t first = 8 * pos, a, b;

		a = max_u64(from, first);
		b = min_u64(to, first + SECTOR_BITS);
		if (a < b)
			set_bits(raw, a - first, b - first);
		rc = vhd_pcache_write(v->pc, at + pos, raw, sizeof(raw), err);
	}
	return rc;
}

/* [from, to) in addition to what the bitmap at @at has. */
static int bits_add(struct vhd1 *v, uint64_t at, uint64_t from, uint64_t to,
		    struct vhd_error *err)
{
	int rc = 0;

	while (!rc && from < to) {
		uint64_t first = from - from % 8;
		uint64_t stop = min_u64(to, first + SECTOR_BITS);
		size_t len = (size_t)div_ceil(stop - first, 8);
		uint8_t raw[VHD1_SECTOR];

		rc = vhd_pcache_read(v->pc, at + first / 8, raw, len, err);
		if (rc)
			break;
		set_bits(raw, from - first, stop - first);
		rc = vhd_pcache_write(v->pc, at + first / 8, raw, len, err);
		from = stop;
	}
	return rc;
}

int vhd1_entry_put(struct vhd1 *v, uint64_t blk, uint32_t entry,
		   struct vhd_error *err)
{
	be32 raw = be32_make(entry);

	return vhd_pcache_write(v->pc, v->hdr.table_off + 4 * blk, &raw,
				sizeof(raw), err);
}

/*
 * Sets bits of block @blk, whose data is or will be at @at.  A block that had no
 * space shows these alone.
 */
static int bits_put(struct vhd1 *v, uint64_t blk, uint64_t at, uint64_t from,
		    uint64_t to, struct vhd_error *err)
{
	uint64_t map_off = at - v->bitmap_len;
	uint32_t entry;
	int rc = vhd1_entry(v, blk, &entry, err);

	if (rc)
		return rc;
	if (entry != VHD1_UNUSED)
		return bits_add(v, map_off, from, to, err);
	if (vhd_barrier(VHD_BARRIER_WIPE_STALE_BITS))
		rc = bits_new(v, map_off, from, to, err);
	else
		rc = bits_add(v, map_off, from, to, err);
	if (!rc)
		rc = vhd1_entry_put(v, blk, (uint32_t)(map_off / VHD1_SECTOR), err);
	/* A bitmap may be on its way to a place that is nobody's. */
	if (rc)
		v->write->leak = true;
	return rc;
}

int vhd1_write_map(void *eng, uint64_t blk, uint64_t at, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	uint64_t sectors = v->hdr.block_size / VHD1_SECTOR;

	/* What lies behind the end of the disk may come to light later. */
	if (v->write->exact)
		sectors = vhd1_sectors_of(v, blk);
	return bits_put(v, blk, at, 0, sectors, err);
}

int vhd1_write_mark(void *eng, uint64_t blk, const struct vhd_blk *b,
		    uint64_t at, uint32_t from_sec, uint32_t to_sec,
		    struct vhd_error *err)
{
	/* Bits that lie in somebody's block would change its data. */
	int rc = vhd1_scan(eng, err);

	(void)b;
	return rc ? rc : bits_put(eng, blk, at, from_sec, to_sec, err);
}

/*
 * Zeros without space: only a dynamic disk can say that (VHD-S-14); what the
 * parent has: only a differencing one.  Xen's bit is cleared before the entry
 * (VHD-X-10).
 */
int vhd1_write_unmap(void *eng, uint64_t blk, const struct vhd_blk *b,
		     enum vhd_unmap how, bool *done_out, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	bool may;
	int rc;

	*done_out = false;
	if (is_diff(v) != (how == VHD_UNMAP_BELOW))
		return 0;
	*done_out = b->kind == VHD_BLK_ZERO || b->kind == VHD_BLK_BELOW;
	if (*done_out)
		return 0;
	/* Before the table changes: the scan would take this for free. */
	rc = vhd1_scan(v, err);
	if (!rc)
		rc = vhd1_unmark(v, blk, &may, err);
	if (rc || !may)
		return rc;
	rc = vhd1_entry_put(v, blk, VHD1_UNUSED, err);
	if (rc)
		return rc;
	vhd1_full_forget(v, blk);
	vhd_writer_release(v->write->w, b->at - v->bitmap_len, vhd1_stride(v));
	*done_out = true;
	return 0;
}
