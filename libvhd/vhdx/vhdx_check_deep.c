/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What only a look at the content shows (VHDX-CHK-68, 73): sector bitmaps that
 * are not needed or say too much, and data that the file system does not give
 * back.  Made on request: it reads everything that is stored.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "vhdx/vhdx_bitmap.h"
#include "vhdx/vhdx_check_priv.h"

enum {
	READ_LEN = 1 << 20,
	RETRY_LEN = 1 << 16		/* pieces of a read that failed */
};

/* Bytes of one block that cannot be read. */
struct loss {
	uint64_t first_off;
	uint64_t len;
};

/* Only failing to read is a finding; all else ends the check. */
static bool lost(struct vhdx_check *c, uint8_t *buf, uint64_t off, size_t len)
{
	struct vhd_error why = { .code = 0 };
	int rc = vhd_io_read_padded(c->x->io, buf, len, off, &why);

	if (rc && rc != VHD_E_IO) {
		c->rc = rc;
		if (c->err)
			*c->err = why;
	}
	return rc == VHD_E_IO;
}

static void read_piece(struct vhdx_check *c, uint8_t *buf, uint64_t off,
		       size_t len, struct loss *loss)
{
	if (!lost(c, buf, off, len))
		return;
	for (size_t at = 0; at < len && !c->rc; at += RETRY_LEN) {
		size_t n = (size_t)min_u64(len - at, RETRY_LEN);

		if (!lost(c, buf, off + at, n))
			continue;
		if (!loss->len)
			loss->first_off = off + at;
		loss->len += n;
	}
}

/*
 * The first stored byte in [off, end) and where the file system's data ends;
 * holes are remembered, so that a large one is asked about once.
 */
static bool next_data(struct vhdx_check *c, uint64_t off, uint64_t end,
		      uint64_t *start_out, uint64_t *stop_out)
{
	struct vhdx_deep *d = &c->deep;

	if (off >= d->hole_off && off < d->hole_end)
		off = d->hole_end;
	if (off >= end)
		return false;
	c->rc = vhd_io_next_data(c->x->io, off, c->x->file_size, start_out,
				 stop_out, c->err);
	if (c->rc)
		return false;
	d->hole_off = off;
	d->hole_end = *start_out;
	*stop_out = min_u64(*stop_out, end);
	return *start_out < end;
}

/* All that is stored of [off, end), which nobody has read before. */
static void read_all(struct vhdx_check *c, uint64_t off, uint64_t end,
		     uint64_t done, struct loss *loss)
{
	uint64_t start, stop;

	while (next_data(c, off, end, &start, &stop)) {
		if (!vhdx_check_go_on(c, done))
			break;
		stop = min_u64(stop, start + READ_LEN);
		read_piece(c, c->deep.buf, start, (size_t)(stop - start),
			   loss);
		off = stop;
		if (c->rc)
			break;
	}
}

/* The MiB of a block, each once, however many blocks claim it. */
static void read_block(struct vhdx_check *c, uint64_t off, uint64_t end,
		       uint64_t done, struct loss *loss)
{
	uint64_t twice;

	for (; off < end && !c->rc; off += MiB) {
		uint64_t stop = min_u64(off + MiB, end);

		if (!vhdx_space_mark(&c->deep.read, off, MiB, &twice))
			read_all(c, off, stop, done, loss);
	}
}

static void check_data(struct vhdx_check *c, uint64_t idx, uint64_t off,
		       uint64_t len)
{
	uint64_t end = min_u64(off + len, c->x->file_size);
	char name[VHDX_OWNER_ROOM];
	struct loss loss = { 0 };

	read_block(c, off, end, 2 * c->x->bat_room + idx, &loss);
	if (loss.len)
		vhdx_find(&c->tally, RULE_VHDX_UNREADABLE, loss.first_off,
			  "0x%" PRIx64 " bytes of %s cannot be read, the first "
			  "ones at 0x%" PRIx64, loss.len,
			  vhdx_owner_name(c->x, idx, name), loss.first_off);
}

/* A bitmap that cannot be used was reported with its entry. */
static bool find_bitmap(struct vhdx_check *c, uint64_t *off_out)
{
	struct vhd_error why = { .code = 0 };
	int rc = vhdx_bitmap_find(c->x, c->chunk, off_out, &why);

	if (rc && !why.rule) {
		c->rc = rc;
		if (c->err)
			*c->err = why;
	}
	return !rc;
}

/* Are the bits [first, end) all alike?  Then *@value_out says how. */
static bool all_alike(struct vhdx_check *c, uint64_t map_off, uint64_t first,
		      uint64_t end, bool *value_out)
{
	struct vhd_error why = { .code = 0 };
	uint64_t count = 0;
	int rc;

	rc = vhdx_bitmap_count(c->x, map_off, first, end, value_out, &count,
			       &why);
	if (rc && !why.rule) {
		c->rc = rc;
		if (c->err)
			*c->err = why;
	}
	return !rc && count == end - first;
}

static void check_bits(struct vhdx_check *c, uint64_t idx)
{
	const struct vhdx_geom *g = &c->x->geom;
	uint64_t blk = idx - c->chunk;
	uint64_t first = vhdx_bitmap_bit_of_off(g, vhdx_off_of_blk(g, blk));
	uint64_t end = first + (vhdx_blk_len(g, blk) >> g->sector_shift);
	uint64_t map_off;
	bool value;

	if (!find_bitmap(c, &map_off) ||
	    !all_alike(c, map_off, first, end, &value))
		return;
	vhdx_find(&c->tally, value ? RULE_VHDX_BITMAP_FULL :
				     RULE_VHDX_BITMAP_EMPTY,
		  vhdx_bat_file_off(c->x, idx),
		  "block %" PRIu64 " is partially present, and its sector "
		  "bitmap has it all %s", blk,
		  value ? "here" : "in the parent");
}

void vhdx_check_content(struct vhdx_check *c, uint64_t idx, uint64_t raw)
{
	struct vhdx_batent ent = vhdx_batent_unpack(raw);
	uint64_t len;

	if (!vhdx_owns(c->x, idx, &ent, &len))
		return;
	if (idx != c->slot_idx && ent.state == VHDX_PARTIALLY_PRESENT &&
	    c->x->meta.has_parent)
		check_bits(c, idx);
	if (!c->rc)
		check_data(c, idx, ent.file_off, len);
}

int vhdx_check_deep_begin(struct vhdx_check *c)
{
	c->deep.buf = vhd_alloc(READ_LEN);
	if (!c->deep.buf)
		return vhd_fail_nomem(c->err);
	return vhdx_space_init(&c->deep.read, c->x->file_size, c->err);
}

void vhdx_check_deep_end(struct vhdx_check *c)
{
	vhd_free(c->deep.buf);
	vhdx_space_free(&c->deep.read);
}

/* The last chunk's bitmap, behind the last sector (VHDX-SB-05). */
void vhdx_check_content_end(struct vhdx_check *c)
{
	const struct vhdx_geom *g = &c->x->geom;
	uint64_t end = UINT64_C(1) << VHDX_CHUNK_SECTORS_SHIFT;
	uint64_t bit, map_off;
	bool value;

	if (!c->x->meta.has_parent || !g->disk_size)
		return;
	c->chunk = vhdx_chunk_of_blk(g, g->blk_count - 1);
	bit = vhdx_bitmap_bit_of_off(g, g->disk_size);
	if (!bit || !find_bitmap(c, &map_off))
		return;
	if (all_alike(c, map_off, bit, end, &value) && !value)
		return;
	if (!c->rc)
		vhdx_find(&c->tally, RULE_VHDX_BITMAP_BEYOND, map_off + bit / 8,
			  "sector bitmap of chunk %" PRIu64 " has bits set past "
			  "the end of the disk", c->chunk);
}
