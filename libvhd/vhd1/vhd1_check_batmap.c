/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_check.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/ckd.h"
#include "base/fail.h"

/* VHD-K-55 to VHD-K-57: the batmap against its checksum and the table. */

enum {
	PIECE = 64 << 10
};

/* True when all sectors of a block are present. */
static int bitmap_full(struct vhd1 *v, uint32_t entry, uint8_t *buf,
		       bool *full_out, struct vhd_error *err)
{
	uint64_t sectors = v->hdr.block_size / VHD1_SECTOR;
	int rc = vhd1_read(v, buf, v->bitmap_len, vhd1_entry_off(entry), err);

	if (!rc)
		*full_out = vhd_bit_get(buf, 0, VHD_MSB_FIRST) &&
			    vhd_bit_run(buf, 0, sectors, VHD_MSB_FIRST) ==
				    sectors;
	return rc;
}

static int check_bit(struct vhd1_checker *c, uint64_t blk, uint8_t *buf,
		     struct vhd_error *err)
{
	uint64_t off = c->v->batmap.map_off + blk / 8;
	uint32_t entry;
	bool full;
	int rc;

	rc = vhd1_entry(c->v, blk, &entry, err);
	if (rc)
		return rc;
	if (entry == VHD1_UNUSED) {
		if (vhd1_may_say(c, RULE_VHD1_BATMAP_BIT))
			vhd_report(c->sink, RULE_VHD1_BATMAP_BIT, off,
				   "batmap shows block %" PRIu64 " full, and "
				   "it is not allocated", blk);
		return 0;
	}
	rc = bitmap_full(c->v, entry, buf, &full, err);
	if (!rc && !full && vhd1_may_say(c, RULE_VHD1_BATMAP_BIT))
		vhd_report(c->sink, RULE_VHD1_BATMAP_BIT, off,
			   "batmap shows block %" PRIu64 " full, and its "
			   "sector bitmap is not", blk);
	return rc;
}

/* Set bits among the @bits of @map, which begin with block @blk. */
static int check_bits(struct vhd1_checker *c, const uint8_t *map,
		      uint64_t bits, uint64_t blk, uint8_t *buf,
		      struct vhd_error *err)
{
	uint64_t at = 0;
	int rc = 0;

	while (!rc && at < bits) {
		if (vhd_bit_get(map, at, VHD_MSB_FIRST)) {
			rc = check_bit(c, blk + at, buf, err);
			at++;
		} else {
			at += vhd_bit_run(map, at, bits, VHD_MSB_FIRST);
		}
	}
	return rc;
}

/* The part of the map that counts: bits behind it are clear (VHD-X-7). */
static int check_map(struct vhd1_checker *c, uint8_t *map, uint8_t *buf,
		     struct vhd_error *err)
{
	const struct vhd1_batmap *m = &c->v->batmap;
	uint64_t len = min_u64(UINT64_C(512) * m->map_sectors,
			       vhd1_batmap_covered(c->v->footer.current_size));
	uint64_t done = 0;
	uint32_t sum = 0;

	while (done < len) {
		size_t some = (size_t)min_u64(len - done, PIECE);
		uint64_t blk = done * 8;
		uint64_t bits = blk >= c->v->hdr.max_entries ? 0 :
			min_u64(some * UINT64_C(8),
				c->v->hdr.max_entries - blk);
		int rc = vhd_io_read(c->v->io, map, some, m->map_off + done,
				     err);

		if (!rc)
			rc = check_bits(c, map, bits, blk, buf, err);
		if (rc)
			return rc;
		sum = vhd1_batmap_sum(sum, map, some, m->version);
		done += some;
	}
	if (~sum != m->checksum)
		vhd_report(c->sink, RULE_VHD1_BATMAP_CHECKSUM,
			   c->v->batmap_hdr_off, "checksum of the batmap is "
			   "0x%08" PRIx32 ", recorded is 0x%08" PRIx32, ~sum,
			   m->checksum);
	return 0;
}

int vhd1_check_batmap(struct vhd1_checker *c, struct vhd_error *err)
{
	uint8_t *map = vhd_alloc(PIECE);
	uint8_t *buf = vhd_alloc(c->v->bitmap_len);
	int rc;

	if (map && buf)
		rc = check_map(c, map, buf, err);
	else
		rc = vhd_fail_nomem(err);
	if (!rc && vhd1_batmap_defect(c->v->footer.current_size))
		vhd_report(c->sink, RULE_VHD1_BATMAP_ROUNDING,
			   c->v->batmap_hdr_off, "libvhd miscounts the batmap "
			   "of a disk of %" PRIu64 " bytes",
			   c->v->footer.current_size);
	vhd_free(map);
	vhd_free(buf);
	return rc;
}
