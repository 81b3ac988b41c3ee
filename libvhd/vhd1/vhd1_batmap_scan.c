/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_batmap_scan.h"

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/ckd.h"
#include "base/fail.h"

enum {
	PIECE = 64 << 10
};

struct scanning {
	struct vhd1 *v;
	struct vhd1_batmap_scan *s;
	uint8_t *map;		/* a piece */
	uint8_t *bits;		/* a sector bitmap */
};

/* True when all sectors of a block are present. */
static int bitmap_full(struct scanning *g, uint32_t entry, bool *full_out,
		       struct vhd_error *err)
{
	uint64_t sectors = g->v->hdr.block_size / VHD1_SECTOR;
	int rc = vhd1_read(g->v, g->bits, g->v->bitmap_len,
			   vhd1_entry_off(entry), err);

	if (!rc)
		*full_out = vhd_bit_get(g->bits, 0, VHD_MSB_FIRST) &&
			    vhd_bit_run(g->bits, 0, sectors, VHD_MSB_FIRST) ==
				    sectors;
	return rc;
}

static int scan_bit(struct scanning *g, uint64_t blk, struct vhd_error *err)
{
	uint32_t entry;
	bool full;
	int rc = vhd1_entry(g->v, blk, &entry, err);

	if (rc)
		return rc;
	if (entry == VHD1_UNUSED)
		return g->s->fault(g->s->arg, blk, VHD1_BIT_UNUSED, err);
	if (g->s->table_only)
		return 0;
	rc = bitmap_full(g, entry, &full, err);
	if (!rc && !full)
		rc = g->s->fault(g->s->arg, blk, VHD1_BIT_PARTIAL, err);
	return rc;
}

/* Set bits among the first @bits of the piece, which begins with @blk. */
static int scan_bits(struct scanning *g, uint64_t bits, uint64_t blk,
		     struct vhd_error *err)
{
	uint64_t at = 0;
	int rc = 0;

	while (!rc && at < bits) {
		if (vhd_bit_get(g->map, at, VHD_MSB_FIRST)) {
			rc = scan_bit(g, blk + at, err);
			at++;
		} else {
			at += vhd_bit_run(g->map, at, bits, VHD_MSB_FIRST);
		}
	}
	return rc;
}

/* Bits behind what the checksum covers are clear (VHD-X-7). */
static int scan_map(struct scanning *g, struct vhd_error *err)
{
	const struct vhd1 *v = g->v;
	const struct vhd1_batmap *m = &v->batmap;
	uint64_t len = min_u64(UINT64_C(512) * m->map_sectors,
			       vhd1_batmap_covered(v->footer.current_size));
	uint64_t done = 0;
	uint32_t sum = 0;

	while (done < len) {
		size_t some = (size_t)min_u64(len - done, PIECE);
		uint64_t blk = done * 8;
		uint64_t bits = blk >= v->hdr.max_entries ? 0 :
			min_u64(some * UINT64_C(8), v->hdr.max_entries - blk);
		int rc = vhd_io_read(v->io, g->map, some, m->map_off + done,
				     err);

		/* First: a fault may be mended under our eyes. */
		sum = rc ? 0 : vhd1_batmap_sum(sum, g->map, some, m->version);
		if (!rc)
			rc = scan_bits(g, bits, blk, err);
		if (rc)
			return rc;
		done += some;
	}
	g->s->checksum = ~sum;
	return 0;
}

int vhd1_batmap_scan(struct vhd1 *v, struct vhd1_batmap_scan *s,
		     struct vhd_error *err)
{
	struct scanning g = { .v = v, .s = s };
	int rc;

	g.map = vhd_alloc(PIECE);
	g.bits = vhd_alloc(v->bitmap_len);
	if (g.map && g.bits)
		rc = scan_map(&g, err);
	else
		rc = vhd_fail_nomem(err);
	vhd_free(g.map);
	vhd_free(g.bits);
	return rc;
}
