/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_deep.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"

enum {
	PIECE = 64 << 10,
	TICK_BLOCKS = 16
};

struct diving {
	struct vhd1 *v;
	const struct vhd1_deep *to;
	struct vhd1_hole hole, bare;	/* in data, and in bitmaps */
	uint8_t *bits, *data;	/* bitmap_len bytes each */
	uint8_t *piece;
	uint64_t looked;	/* blocks since the last tick */
};

/* Marks the sectors from @sec on of which the piece is not zero. */
static void mark(struct diving *d, uint64_t sec, size_t len)
{
	size_t i;

	if (vhd_is_zero(d->piece, len))
		return;
	for (i = 0; i < len / VHD1_SECTOR; i++)
		if (!vhd_is_zero(d->piece + i * VHD1_SECTOR, VHD1_SECTOR))
			vhd_bit_set(d->data, sec + i, VHD_MSB_FIRST);
}

static int data_look(struct diving *d, uint64_t at, struct vhd_error *err)
{
	const struct vhd1 *v = d->v;
	uint64_t done = 0;

	memset(d->data, 0, v->bitmap_len);
	while (done < v->hdr.block_size) {
		uint64_t off = at + v->bitmap_len + done;
		size_t len = (size_t)min_u64(PIECE, v->hdr.block_size - done);
		bool hole;
		int rc = vhd1_in_hole(d->v, &d->hole, off, len, &hole, err);

		if (!rc && !hole)
			rc = vhd1_read(d->v, d->piece, len, off, err);
		if (rc)
			return rc;
		if (!hole)
			mark(d, done / VHD1_SECTOR, len);
		done += len;
	}
	return 0;
}

/* Space that was never written to has no bitmap in the file. */
static int bits_read(struct diving *d, uint64_t at, struct vhd_error *err)
{
	const uint32_t len = d->v->bitmap_len;
	bool hole;
	int rc = vhd1_in_hole(d->v, &d->bare, at, len, &hole, err);

	if (rc || !hole)
		return rc ? rc : vhd1_read(d->v, d->bits, len, at, err);
	memset(d->bits, 0, len);
	return 0;
}

static int enter(void *arg, uint64_t blk, uint32_t entry,
		 struct vhd_error *err)
{
	struct diving *d = arg;
	struct vhd1 *v = d->v;
	struct vhd1_inside b = {
		.blk = blk, .at = vhd1_entry_off(entry),
		.bits = d->bits, .data = d->data,
	};
	int rc;

	if (blk >= vhd1_block_count(v) ||
	    !range_in(b.at, vhd1_stride(v), v->tail_off) ||
	    vhd1_span_hit(v, b.at, v->span_hard))
		return 0;
	b.sectors = (uint32_t)vhd1_sectors_of(v, blk);
	rc = bits_read(d, b.at, err);
	if (rc || vhd1_sealed(vhd1_footer_seal(d->bits)))
		return rc;
	if (v->footer.type == VHD1_TYPE_DYNAMIC || d->to->data)
		rc = data_look(d, b.at, err);
	if (!rc)
		rc = d->to->block(d->to->arg, &b, err);
	if (!rc && d->to->tick && ++d->looked % TICK_BLOCKS == 0)
		rc = d->to->tick(d->to->arg, blk, err);
	return rc;
}

int vhd1_deep_walk(struct vhd1 *v, const struct vhd1_deep *to,
		   struct vhd_error *err)
{
	struct diving d = { .v = v, .to = to };
	const struct vhd1_walk walk = { .fn = enter, .arg = &d };
	int rc;

	d.bits = vhd_alloc(v->bitmap_len);
	d.data = vhd_alloc(v->bitmap_len);
	d.piece = vhd_alloc(PIECE);
	if (d.bits && d.data && d.piece)
		rc = vhd1_table_walk(v, &walk, err);
	else
		rc = vhd_fail_nomem(err);
	vhd_free(d.bits);
	vhd_free(d.data);
	vhd_free(d.piece);
	return rc;
}
