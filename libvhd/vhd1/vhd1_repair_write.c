/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a repair writes.  Each function leaves the file at each flush no worse
 * than it was:
 *
 *  - a footer that changes is written at the front, made durable, and then at
 *    the end, which is the one that counts: so until the second is done the
 *    damage is still there to be found, and mending it makes both alike;
 *  - a footer that moves is behind everything, so a file that ends in one does
 *    so at any time;
 *  - a block that moves is complete at its new place, with the footer behind it,
 *    before the table says so (VHD-W-8); its old place is given up;
 *  - what Xen's batmap says about a block is taken back before the table or a
 *    bitmap changes (VHD-X-10).
 */
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_repair.h"
#include "vhd1/vhd1_write.h"

enum { ALIGN = 4096 };		/* VHD-A-4 */

int vhd1_fix_put(struct vhd1_repairer *r, const void *buf, size_t len,
		 uint64_t off, struct vhd_error *err)
{
	int rc = vhd_io_write(r->io, buf, len, off, err);

	return rc ? rc : vhd_io_flush(r->io, err);
}

/* Sealing a footer that has no right checksum needs consent of its own. */
bool vhd1_fix_footer_ok(const struct vhd1_repairer *r)
{
	return r->v->footers_ok;
}

int vhd1_fix_footer(struct vhd1_repairer *r, struct vhd_error *err)
{
	struct vhd1 *v = r->v;
	const struct vhd1_copy *t = &r->copies.tail;
	bool apart = v->footers_differ || v->footers_step;
	uint32_t where = apart ? v->footer_used : v->footers_ok;
	uint8_t raw[VHD1_FOOTER_LEN];
	int rc = 0;

	vhd1_footer_encode(&v->footer, raw);
	/* The one that counts changes last: until then this is done again. */
	if (where & VHD_COPY_FIRST)
		rc = vhd1_fix_put(r, raw, sizeof(raw), 0, err);
	if (!rc && (where & VHD_COPY_SECOND))
		rc = vhd1_fix_put(r, raw, t->old ? VHD1_FOOTER_LEN_OLD
						 : VHD1_FOOTER_LEN,
				  t->off, err);
	return rc;
}

int vhd1_fix_tail(struct vhd1_repairer *r, uint64_t to, struct vhd_error *err)
{
	const struct vhd1_copies *c = &r->copies;
	const struct vhd1_copy *from = &c->tail;

	if (!vhd1_sealed(from->seal))
		from = &c->front;
	return vhd1_fix_put(r, from->raw, sizeof(from->raw), to, err);
}

bool vhd1_fix_header_ok(const struct vhd1_repairer *r)
{
	return !r->v->header_unsealed;
}

/*
 * VHD-W-12: a change within the first sector, where the checksum is, is atomic;
 * others are not, and what is torn shows in the checksum.
 */
int vhd1_fix_header(struct vhd1_repairer *r, struct vhd_error *err)
{
	uint64_t off = r->v->footer.data_off;
	uint8_t old[VHD1_HEADER_LEN], raw[VHD1_HEADER_LEN];
	int rc = vhd_io_read(r->io, old, sizeof(old), off, err);

	if (rc)
		return rc;
	vhd1_header_encode(&r->v->hdr, raw);
	if (!memcmp(old + VHD1_SECTOR, raw + VHD1_SECTOR, VHD1_SECTOR))
		return vhd1_fix_put(r, raw, VHD1_SECTOR, off, err);
	return vhd1_fix_put(r, raw, sizeof(raw), off, err);
}

static int on_entry(void *arg, uint64_t blk, uint32_t entry,
		    struct vhd_error *err)
{
	struct vhd1_repairer *r = arg;
	const struct vhd1 *v = r->v;
	uint64_t at = vhd1_entry_off(entry), len = vhd1_stride(v);

	(void)blk;
	(void)err;
	r->map_taken = ranges_overlap(at, len, v->batmap_hdr_off,
				      VHD1_BATMAP_LEN) ||
		       ranges_overlap(at, len, v->batmap.map_off,
				      UINT64_C(512) * v->batmap.map_sectors);
	return r->map_taken;
}

int vhd1_fix_map_taken(struct vhd1_repairer *r, bool *yes_out,
		       struct vhd_error *err)
{
	const struct vhd1_walk walk = { .fn = on_entry, .arg = r };
	int rc = 0;

	if (!r->map_known) {
		r->map_taken = false;
		rc = vhd1_table_walk(r->v, &walk, err);
		r->map_known = !rc;
	}
	*yes_out = r->map_taken;
	return rc;
}

int vhd1_fix_entry(struct vhd1_repairer *r, uint64_t blk, uint32_t entry,
		   struct vhd_error *err)
{
	be32 raw = be32_make(entry);

	return vhd_io_write(r->io, &raw, sizeof(raw),
			    r->v->hdr.table_off + 4 * blk, err);
}

static uint64_t block_align(const struct vhd1 *v, uint64_t off)
{
	return align_up(off + v->bitmap_len, ALIGN) - v->bitmap_len;
}

static int move_place(struct vhd1_repairer *r, uint64_t *to_out,
		      struct vhd_error *err)
{
	const uint64_t len = vhd1_stride(r->v) + VHD1_FOOTER_LEN;
	uint64_t to, from;
	int rc = vhd_io_size(r->io, &to, err);

	if (rc)
		return rc;
	do {
		from = block_align(r->v, to);
		to = vhd1_fix_apart(r, from, len);
	} while (to != from);
	*to_out = to;
	return 0;
}

bool vhd1_fix_can_move(struct vhd1_repairer *r)
{
	uint64_t to;

	/* Twins without a right checksum are believed where they are. */
	return r->req->copy && vhd1_fix_footer_ok(r) &&
	       !move_place(r, &to, NULL) &&
	       to < VHD1_FILE_CAP &&
	       vhd1_stride(r->v) + VHD1_FOOTER_LEN <= VHD1_FILE_CAP - to;
}

int vhd1_fix_move(struct vhd1_repairer *r, uint64_t blk, uint64_t at,
		  uint64_t len, struct vhd_error *err)
{
	const uint64_t whole = align_down(len, VHD1_SECTOR);
	uint8_t rest[VHD1_SECTOR];
	uint64_t to, end;
	int rc = move_place(r, &to, err);

	if (rc)
		return rc;
	end = to + vhd1_stride(r->v);
	rc = r->req->copy(r->req->copy_arg, at, to, whole, err);
	if (!rc && len > whole)
		rc = vhd_io_read(r->io, rest, (size_t)(len - whole),
				 at + whole, err);
	if (!rc && len > whole)
		rc = vhd_io_write(r->io, rest, (size_t)(len - whole),
				  to + whole, err);
	if (!rc && vhd1_sealed(r->copies.tail.seal))
		rc = vhd1_fix_tail(r, end, err);
	else if (!rc)
		rc = vhd_io_set_size(r->io, end, err);
	if (!rc)
		rc = vhd_io_flush(r->io, err);
	if (!rc)
		rc = vhd1_fix_entry(r, blk, (uint32_t)(to / VHD1_SECTOR), err);
	return rc ? rc : vhd_io_flush(r->io, err);
}
