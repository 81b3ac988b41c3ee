/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A footer for a file that has none, so that what is in it can be copied out.
 *
 * A dynamic header near the front says all that is needed but the size of the
 * disk, which its owner may know; else it is all that the table has room for.
 * A header that is lost is made up where something reads like its table.  A
 * footer that lies as far from the front as the disk in front of it is long is
 * that of a fixed disk to which something was appended.  Without any of that
 * the file is taken for a fixed disk that lost its footer (VHD-Y-25); nothing
 * in it says so, but for a length that the owner knows.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "base/zero.h"
#include "vhd1/vhd1_repair.h"

enum {
	LOOK_LEN = 4 << 20,	/* of the file */
	PIECE = 64 << 10
};

static void footer_init(struct vhd1_repairer *r, struct vhd1_footer *f,
			uint64_t size)
{
	struct vhd_guid id = { { 1 } };

	*f = (struct vhd1_footer){
		.features = VHD1_FEATURE_RESERVED,
		.version = VHD1_VERSION_1_0,
		.data_off = VHD1_NO_OFF,
		.timestamp = vhd1_time_from_unix(r->req->now),
		.original_size = size,
		.current_size = size,
		.geometry = vhd1_geometry_of(size),
		.type = VHD1_TYPE_FIXED,
	};
	vhd1_footer_own(f);
	vhd_guid_random(&id);
	memcpy(f->unique_id, id.b, sizeof(f->unique_id));
}

static bool usable(const struct vhd1_repairer *r, const uint8_t *raw,
		   uint64_t off, struct vhd1_header *h)
{
	if (vhd1_header_seal(raw) == VHD1_SEAL_NONE)
		return false;
	vhd1_header_decode(raw, h);
	return h->max_entries &&
	       vhd1_header_judge(h, off, r->copies.size) == VHD_RULE_NONE;
}

/* 0 at @off_out: there is none.  @buf has PIECE + VHD1_HEADER_LEN bytes. */
static int header_find(struct vhd1_repairer *r, uint8_t *buf,
		       struct vhd1_header *h, uint64_t *off_out,
		       struct vhd_error *err)
{
	uint64_t end = min_u64(LOOK_LEN, r->copies.size), at, i;

	*off_out = 0;
	for (at = VHD1_SECTOR; at < end; at += PIECE) {
		int rc = vhd_io_read_padded(r->io, buf,
					    PIECE + VHD1_HEADER_LEN, at, err);

		if (rc)
			return rc;
		for (i = 0; i < PIECE; i += VHD1_SECTOR) {
			if (!usable(r, buf + i, at + i, h))
				continue;
			*off_out = at + i;
			return 0;
		}
	}
	return 0;
}

static int from_header(struct vhd1_repairer *r, const struct vhd1_header *h,
		       uint64_t off, struct vhd_error *err)
{
	uint64_t room = (uint64_t)h->max_entries * h->block_size, size = room;
	uint8_t raw[VHD1_FOOTER_LEN];
	struct vhd1_footer f;
	bool good;
	int rc;

	if (r->req->disk_size)
		size = min_u64(align_down(r->req->disk_size, VHD1_SECTOR),
			       room);
	footer_init(r, &f, size);
	f.data_off = off;
	f.type = vhd_is_zero(h->parent_id, sizeof(h->parent_id)) ?
		VHD1_TYPE_DYNAMIC : VHD1_TYPE_DIFF;
	rc = vhd1_repair_try(r, &f, r->copies.size, false, &good, err);
	if (rc || !good ||
	    !vhd1_may(r, RULE_VHD1_FOOTERS_BAD, 0, "a footer is made up from "
		      "the dynamic header at 0x%" PRIx64 ": %" PRIu64
		      " bytes of disk", off, size))
		return rc;
	if (!r->req->disk_size)
		vhd_engine_doubt(r->req, size - h->block_size, UINT64_MAX,
				 "where the disk ends is a guess");
	vhd1_footer_encode(&f, raw);
	return vhd1_fix_put(r, raw, sizeof(raw), 0, err);
}

/* Data ends where the trailing footer is, or was. */
static uint64_t data_end(const struct vhd1_repairer *r)
{
	const struct vhd1_copy *t = &r->copies.tail;

	return t->seal == VHD1_SEAL_NONE ? r->copies.size : t->off;
}

static int put_header(struct vhd1_repairer *r, enum vhd_rule_idx rule,
		      const struct vhd1_header *h, uint64_t off, bool *put_out,
		      struct vhd_error *err)
{
	uint8_t raw[VHD1_HEADER_LEN];

	*put_out = h->block_size && vhd1_header_judge(h, off, data_end(r)) ==
						    VHD_RULE_NONE &&
		   vhd1_may(r, rule, off, "a dynamic header is made up from "
			    "what reads like a table at 0x%" PRIx64 ": %" PRIu32
			    " blocks of %" PRIu32 " bytes", h->table_off,
			    h->max_entries, h->block_size);
	if (!*put_out)
		return 0;
	vhd_engine_doubt(r->req, 0, UINT64_MAX, "where the blocks of the disk "
			 "are is a guess: its dynamic header is lost");
	vhd1_header_encode(h, raw);
	return vhd1_fix_put(r, raw, sizeof(raw), off, err);
}

static int from_table(struct vhd1_repairer *r, bool *done_out,
		      struct vhd_error *err)
{
	struct vhd1_header h;
	int rc = vhd1_guess_header(r, data_end(r), align_down(r->req->disk_size,
							      VHD1_SECTOR),
				   &h, err);

	*done_out = false;
	if (!rc)
		rc = put_header(r, RULE_VHD1_FOOTERS_BAD, &h, VHD1_FOOTER_LEN,
				done_out, err);
	return rc || !*done_out ? rc : from_header(r, &h, VHD1_FOOTER_LEN, err);
}

/* @off of the header, in every footer there is; one there will be. */
static int put_footers(struct vhd1_repairer *r, uint64_t off,
		       struct vhd_error *err)
{
	const struct vhd1_copies *c = &r->copies;
	bool tail = vhd1_sealed(c->tail.seal);
	struct vhd1_footer f = tail ? c->tail.f : c->front.f;
	uint8_t raw[VHD1_FOOTER_LEN];
	int rc;

	if (f.data_off == off)
		return 0;
	f.data_off = off;
	vhd1_footer_encode(&f, raw);
	rc = vhd1_fix_put(r, raw, sizeof(raw), 0, err);
	if (!rc && tail && !c->tail.old)
		rc = vhd1_fix_put(r, raw, sizeof(raw), c->tail.off, err);
	return rc;
}

int vhd1_repair_guess_rest(struct vhd1_repairer *r, enum vhd_rule_idx rule,
			   struct vhd_error *err)
{
	const struct vhd1_copies *c = &r->copies;
	const struct vhd1_footer *f = vhd1_sealed(c->tail.seal) ? &c->tail.f
								: &c->front.f;
	uint64_t size = r->req->disk_size ? r->req->disk_size : f->current_size;
	uint64_t off = VHD1_FOOTER_LEN;
	struct vhd1_header h;
	bool put;
	int rc;

	rc = vhd1_guess_header(r, data_end(r), align_down(size, VHD1_SECTOR),
			       &h, err);
	if (!rc)
		rc = put_header(r, rule, &h, off, &put, err);
	return rc || !put ? rc : put_footers(r, off, err);
}

/* Is this, at @off, the footer of a fixed disk that ends there? */
static bool ends_here(const struct vhd1_repairer *r, const uint8_t *raw,
		      uint64_t off)
{
	struct vhd1_footer f;

	if (!vhd1_sealed(vhd1_footer_seal(raw)))
		return false;
	vhd1_footer_decode(raw, &f);
	return f.type == VHD1_TYPE_FIXED && f.current_size == off &&
	       vhd1_footer_judge(&f) == VHD_RULE_NONE &&
	       (!r->req->disk_size || r->req->disk_size == off);
}

/* The last such footer becomes that of the file.  @buf has PIECE bytes. */
static int from_appended(struct vhd1_repairer *r, uint8_t *buf, bool *done_out,
			 struct vhd_error *err)
{
	uint64_t size = r->copies.size, at = align_up(size, PIECE), i;
	uint64_t end = size - min_u64(size, LOOK_LEN);

	while (at > end) {
		int rc;

		at -= PIECE;
		rc = vhd_io_read_padded(r->io, buf, PIECE, at, err);
		if (rc)
			return rc;
		for (i = PIECE; i > 0; i -= VHD1_SECTOR) {
			const uint8_t *raw = buf + i - VHD1_SECTOR;
			uint64_t off = at + i - VHD1_SECTOR;

			if (!ends_here(r, raw, off))
				continue;
			*done_out = true;
			if (!vhd1_may(r, RULE_VHD1_FOOTERS_BAD, off, "a fixed "
				      "disk ends with its footer at 0x%" PRIx64
				      "; what was appended is no part of it",
				      off))
				return 0;
			return vhd1_fix_put(r, raw, VHD1_FOOTER_LEN,
					    align_up(size, VHD1_SECTOR), err);
		}
	}
	return 0;
}

static int from_length(struct vhd1_repairer *r, struct vhd_error *err)
{
	const struct vhd1_copy *t = &r->copies.tail;
	uint64_t there = r->copies.size, size, to;
	uint8_t raw[VHD1_FOOTER_LEN];
	struct vhd1_footer f;

	if (t->seal == VHD1_SEAL_BROKEN)
		there = t->off;
	size = r->req->disk_size ? r->req->disk_size : there;
	size = align_down(size, VHD1_SECTOR);
	to = align_up(max_u64(size, r->copies.size), VHD1_SECTOR);
	if (!size || size > INT64_MAX - MiB ||
	    !vhd1_may(r, RULE_VHD1_FOOTERS_BAD, to, "the file is taken "
		      "for a fixed disk of %" PRIu64 " bytes, %" PRIu64
		      " of which are there", size, min_u64(size, there)))
		return 0;
	if (r->req->disk_size != there)
		vhd_engine_doubt(r->req, 0, UINT64_MAX, "nothing in the file "
				 "says that it is a disk, or of which kind");
	footer_init(r, &f, size);
	vhd1_footer_encode(&f, raw);
	return vhd1_fix_put(r, raw, sizeof(raw), to, err);
}

int vhd1_repair_guess(struct vhd1_repairer *r, struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc(PIECE + VHD1_HEADER_LEN);
	struct vhd1_header h;
	bool done = false;
	uint64_t off;
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	rc = header_find(r, buf, &h, &off, err);
	if (!rc && !off)
		rc = from_appended(r, buf, &done, err);
	vhd_free(buf);
	if (rc || done)
		return rc;
	if (off)
		return from_header(r, &h, off, err);
	if (r->req->disk_size != data_end(r))
		rc = from_table(r, &done, err);
	return rc || done ? rc : from_length(r, err);
}
