/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A dynamic header for a file that has none, so that its blocks can be copied.
 *
 * A table is what reads like one: from a sector on nothing but unused entries
 * and places in the file behind it.  Blocks have one length, bitmap included, so
 * the distances between them are multiples of it: their greatest common divisor
 * is that length or, where blocks are missing, some multiple, and the room that
 * all of them take together tells which.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_repair.h"

enum {
	TABLE_USUAL = 0x600,
	TABLE_LAST = 1 << 20,		/* no table begins behind that */
	ENTRIES_MAX = 4 << 20,		/* 2 TiB in blocks of 512 KiB */
	PIECE = 64 << 10,
	BLOCK_LEAST = 64 << 10,
	BLOCK_MOST = 256 << 20,
	BLOCK_USUAL = 2 << 20,
	READ_MAX = 64 << 20
};

/* What reads like a table.  Places are sectors. */
struct found {
	uint64_t off;
	uint64_t count, used;
	uint64_t low, high;		/* of the used ones */
	uint64_t step;			/* divides all distances; 0: only one */
	uint64_t end;			/* of the data */
};

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* False: this is no entry, the table ends in front of it. */
static bool take(struct found *t, uint32_t entry)
{
	uint64_t behind = t->off / VHD1_SECTOR + 1;

	if (entry == VHD1_UNUSED)
		return true;
	if (entry < behind || entry >= t->end)
		return false;
	if (t->used++)
		t->step = gcd(t->step, entry > t->high ? entry - t->high
						       : t->high - entry);
	else
		t->low = t->high = entry;
	t->low = min_u64(t->low, entry);
	t->high = max_u64(t->high, entry);
	return true;
}

/* How many entries there is room for in front of the first block. */
static uint64_t room(const struct found *t)
{
	if (!t->used)
		return ENTRIES_MAX;
	return min_u64(ENTRIES_MAX, (t->low * VHD1_SECTOR - t->off) / 4);
}

static int scan(struct vhd1_repairer *r, uint8_t *buf, struct found *t,
		struct vhd_error *err)
{
	size_t len = VHD1_SECTOR;

	while (t->count < room(t)) {
		const be32 *e = (const void *)buf;
		uint64_t at = t->off + 4 * t->count, i;
		int rc = vhd_io_read_padded(r->io, buf, len, at, err);

		if (rc)
			return rc;
		for (i = 0; i < len / 4 && t->count < room(t); i++) {
			if (!take(t, be32_get(e[i])))
				return 0;
			t->count++;
		}
		len = PIECE;
	}
	return 0;
}

static uint64_t sectors(uint32_t block_size)
{
	return (vhd1_bitmap_len(block_size) + block_size) / VHD1_SECTOR;
}

/* Some programs begin blocks, or their data, on borders of 4 KiB or 1 MiB. */
static uint64_t stride(const struct found *t, uint32_t block_size)
{
	static const uint64_t borders[] = { 1, 8, 2048 };
	size_t i;

	for (i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
		uint64_t len = align_up(sectors(block_size), borders[i]);

		if (t->step % len == 0)
			return len;
	}
	return 0;
}

static bool suits(const struct found *t, uint32_t block_size, uint64_t size,
		  bool whole)
{
	uint64_t len = stride(t, block_size), span = t->end - t->low;

	if (!len || (size && div_ceil(size, block_size) > t->count))
		return false;
	return whole ? span >= (t->used - 1) * len + sectors(block_size)
		     : span >= (t->used - 1) * len;
}

/* 0: none makes sense.  One block says little, so the usual length it is. */
static uint32_t block_size(const struct found *t, uint64_t size)
{
	uint32_t most = BLOCK_MOST, bs;

	if (!t->used)
		return size && div_ceil(size, BLOCK_USUAL) <= t->count
			? BLOCK_USUAL : 0;
	if (t->used == 1)
		most = BLOCK_USUAL;
	for (bs = most; bs >= BLOCK_LEAST; bs /= 2)
		if (suits(t, bs, size, true))
			return bs;
	for (bs = BLOCK_USUAL; bs >= BLOCK_LEAST; bs /= 2)
		if (suits(t, bs, size, false))
			return bs;
	return 0;
}

/* Without the size of the disk it takes a table that fills its sectors. */
static bool is_table(const struct found *t, uint64_t size)
{
	if (size)
		return true;
	return t->used && t->count >= VHD1_SECTOR / 4 &&
	       (t->count % (VHD1_SECTOR / 4) == 0 || t->count == room(t));
}

static int try_at(struct vhd1_repairer *r, uint8_t *buf, uint64_t off,
		  uint64_t end, uint64_t size, uint64_t *read_len,
		  struct vhd1_header *h, struct vhd_error *err)
{
	struct found t = { .off = off, .end = end / VHD1_SECTOR };
	uint32_t bs;
	int rc = scan(r, buf, &t, err);

	*read_len += 4 * t.count;
	if (rc || !t.count || t.count > room(&t) || !is_table(&t, size))
		return rc;
	bs = block_size(&t, size);
	if (!bs)
		return 0;
	*h = (struct vhd1_header){
		.next_off = VHD1_NO_OFF,
		.table_off = off,
		.version = VHD1_VERSION_1_0,
		.max_entries = (uint32_t)(size ? div_ceil(size, bs) : t.count),
		.block_size = bs,
	};
	return 0;
}

int vhd1_guess_header(struct vhd1_repairer *r, uint64_t end, uint64_t size,
		      struct vhd1_header *h, struct vhd_error *err)
{
	uint64_t last = min_u64(end, TABLE_LAST), off = VHD1_FOOTER_LEN;
	uint8_t *buf = vhd_alloc(PIECE);
	uint64_t read_len = 0;
	int rc;

	h->block_size = 0;
	if (!buf)
		return vhd_fail_nomem(err);
	rc = try_at(r, buf, TABLE_USUAL, end, size, &read_len, h, err);
	while (!rc && !h->block_size && off < last && read_len < READ_MAX) {
		rc = try_at(r, buf, off, end, size, &read_len, h, err);
		off += VHD1_SECTOR;
	}
	vhd_free(buf);
	return rc;
}
