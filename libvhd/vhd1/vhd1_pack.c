/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packing: blocks that are given up or moved towards the front, and a file that
 * ends where its last block does (VHD-R-8).
 *
 * A block that moves keeps the bit that it has in Xen's batmap: its new place is
 * aligned as Xen wants it (VHD-X-12).
 */
#include "vhd1/vhd1_reshape.h"

#include "base/ckd.h"
#include "base/fail.h"

int vhd1_pack(void *eng, uint64_t *limit_out, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	int rc = 0;

	if (!vhd1_is_sparse(v))
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"a fixed disk has no blocks to move");
	if (!v->write || !v->write->w || vhd_writer_touched(v->write->w))
		rc = vhd1_still(v, err);
	if (!rc)
		rc = vhd1_space_fresh(v, err);
	if (rc)
		return rc;
	v->write->floor = 0;
	*limit_out = v->write->tight_end;
	return 0;
}

/*
 * The bitmap is in the file before the writer's flush, and so before the entry:
 * this one has bits already.  The cache has to know it as well, for the page may
 * be of an earlier life.
 */
static int bitmap_move(struct vhd1 *v, uint64_t from, uint64_t to,
		       struct vhd_error *err)
{
	uint32_t pos;
	int rc = 0;

	for (pos = 0; !rc && pos < v->bitmap_len; pos += VHD1_SECTOR) {
		uint8_t raw[VHD1_SECTOR];

		rc = vhd_pcache_read(v->pc, from + pos, raw, sizeof(raw), err);
		if (!rc)
			rc = vhd_io_write(v->io, raw, sizeof(raw), to + pos,
					  err);
		if (!rc)
			rc = vhd_pcache_write(v->pc, to + pos, raw,
					      sizeof(raw), err);
	}
	return rc;
}

int vhd1_write_move(void *eng, uint64_t blk, const struct vhd_blk *b,
		    const struct vhd_place *to, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	uint64_t from = b->at - v->bitmap_len;
	int rc = bitmap_move(v, from, to->off, err);

	if (!rc)
		rc = vhd1_entry_put(v, blk, (uint32_t)(to->off / VHD1_SECTOR),
				    err);
	/* A bitmap may be on its way to a place that is nobody's. */
	if (rc)
		v->write->leak = true;
	else
		vhd_writer_release(v->write->w, from, vhd1_stride(v));
	return rc;
}
