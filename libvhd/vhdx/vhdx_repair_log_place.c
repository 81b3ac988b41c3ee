/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A place for a log that is empty (VHDX-CHK-11): whoever writes to the file will
 * need one.  It goes where logs usually are, if nothing else is there, else behind
 * everything: behind the last block even if the file ends inside that.  It is
 * zeroed before the headers name it (VHDX-RSZ-10).
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_repair_priv.h"

#define FRONT MiB
#define LOG_LEN MiB
/* Entries that point farther past the end of the file are not believed. */
#define REACH GiB

/* Where the blocks end, and is the usual place of a log free? */
struct ends {
	uint64_t end;
	bool front_free;
};

static int blocks_end(struct vhdx *x, uint64_t limit, struct ends *out,
		      struct vhd_error *err)
{
	struct vhdx_bat_iter it;
	uint64_t idx, raw;
	bool found;
	int rc;

	rc = vhdx_bat_iter_begin(&it, x, x->bat_room, UINT64_MAX, err);
	if (rc)
		return rc;
	while (!(rc = vhdx_bat_iter_next(&it, &found, &idx, &raw, err)) &&
	       found) {
		uint64_t off = vhdx_batent_unpack(raw).file_off;
		uint64_t len = vhdx_bat_idx_is_bitmap(&x->geom, idx) ?
				       VHDX_BITMAP_LEN : x->geom.block_size;

		if (range_in(off, len, limit))
			out->end = max_u64(out->end, off + len);
		if (ranges_overlap(off, len, FRONT, LOG_LEN))
			out->front_free = false;
	}
	vhdx_bat_iter_end(&it);
	return rc;
}

/* The file as far as it can be looked at without headers; no log is pending. */
static int view_open(struct vhdx_fix *m, struct vhdx **x_out,
		     struct vhd_error *err)
{
	struct vhdx *x = vhd_alloc(sizeof(*x));
	int rc;

	if (!x)
		return vhd_fail_nomem(err);
	x->io = m->io;
	x->real_size = m->file_size;
	x->file_size = m->file_size;
	rc = vhdx_load_regions(x, NULL, err);
	if (!rc)
		rc = vhdx_load_meta(x, NULL, err);
	if (rc)
		vhdx_close(x);
	else
		*x_out = x;
	return rc;
}

/* In a file that cannot be opened any block may hang over the end. */
static int ends_find(struct vhdx_fix *m, struct ends *out,
		     struct vhd_error *err)
{
	uint64_t end = align_up(m->file_size, MiB);
	struct vhd_error why = { 0 };
	struct vhdx *x = NULL;
	int rc = view_open(m, &x, &why);

	*out = (struct ends){ .end = end + VHDX_BLOCK_SIZE_MAX };
	if (rc && !why.rule) {
		if (err)
			*err = why;
		return rc;
	}
	if (rc)
		return 0;
	out->end = end;
	out->front_free = !vhdx_taken(x, FRONT, LOG_LEN) &&
			  range_in(FRONT, LOG_LEN, m->file_size);
	rc = blocks_end(x, end + REACH, out, err);
	vhdx_close(x);
	return rc;
}

int vhdx_fix_log_make(struct vhdx_fix *m, const struct vhdx_header *fields,
		      struct vhd_error *err)
{
	struct vhdx_header h = *fields;
	struct ends ends;
	int rc = ends_find(m, &ends, err);

	if (rc)
		return rc;
	h.log_off = ends.front_free ? FRONT : ends.end;
	h.log_len = LOG_LEN;
	h.log_guid = (struct vhd_guid){ 0 };
	if (h.log_off + LOG_LEN > m->file_size)
		rc = vhd_io_set_size(m->io, h.log_off + LOG_LEN, err);
	if (!rc)
		rc = vhd_io_zero(m->io, LOG_LEN, h.log_off, err);
	if (!rc)
		rc = vhd_io_flush(m->io, err);
	return rc ? rc : vhdx_fix_headers_write(m, &h, err);
}

int vhdx_fix_log_place(struct vhdx_fix *m, struct vhd_error *err)
{
	const struct vhdx_header *h = vhdx_fix_header(m);

	/* Nobody will write to a copy that is only read. */
	if (m->log.len || m->req->salvage ||
	    !vhdx_fix_may(m, RULE_VHDX_LOG_PLACE_IDLE, h->log_off,
			  "an empty log is made where there is room for it:"
			  " that at 0x%" PRIx64 ", 0x%" PRIx32 " bytes long,"
			  " cannot be used", h->log_off, h->log_len))
		return 0;
	return vhdx_fix_log_make(m, h, err);
}
