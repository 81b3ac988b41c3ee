/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay in place.  The overlay has settled which change wins where, so each
 * byte is written once, in ascending order; the ring is read and never written
 * (VHDX-LOG-21), so nothing is lost by starting again.
 *
 * Order (VHDX-LOG-33), where [F] is a flush; the first one is for what another
 * program wrote before it was killed, the header that counts among it:
 *
 *	[F]
 *	header: new FileWriteGuid, LogGuid kept  [F]
 *	changes in place, length of the file     [F] before the log is cleared
 *	header: LogGuid zero                     [F]
 *	its copy in the other slot               [F]
 */
#include "vhdx/vhdx_apply.h"

#include "base/barrier.h"
#include "base/ckd.h"
#include "base/guid.h"
#include "vhdx/vhdx_replay_priv.h"
#include "vhdx/vhdx_update.h"

/* VHDX-HDR-11: replay is a modification. */
static int identity_write(struct vhdx_update *u, struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_update_current(u);
	int rc = vhd_guid_fresh(&h.file_write_guid, err);

	if (!rc)
		rc = vhd_io_flush(u->io, err);
	if (!rc)
		rc = vhdx_header_write(u, &h, err);
	return rc ? rc : vhd_io_flush(u->io, err);
}

/*
 * Zeros may be a long range: they take no space, and behind the end of the file
 * they come with its new length.
 */
static int piece_apply(struct vhd_io *io, const struct vhdx_overlay *ov,
		       const struct vhdx_piece *p, struct vhd_error *err)
{
	uint8_t page[VHDX_LOG_SECTOR];
	int rc;

	if (!p->data_off)
		return vhd_io_punch(io, p->len, p->off, err);
	rc = vhdx_overlay_read(ov, io, page, sizeof(page), p->off, err);
	return rc ? rc : vhd_io_write(io, page, sizeof(page), p->off, err);
}

static int pieces_apply(struct vhd_io *io, const struct vhdx_overlay *ov,
			struct vhd_error *err)
{
	uint64_t want = vhdx_overlay_file_size(ov);
	uint64_t size;
	int rc;

	for (size_t i = 0; i < ov->piece_count; i++) {
		rc = piece_apply(io, ov, &ov->pieces[i], err);
		if (rc)
			return rc;
	}
	/* VHDX-LOG-32 */
	rc = vhd_io_size(io, &size, err);
	if (!rc && size < want)
		rc = vhd_io_set_size(io, want, err);
	return rc;
}

static int log_clear(struct vhdx_update *u, struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_update_current(u);
	int rc;

	h.log_guid = (struct vhd_guid){ 0 };
	rc = vhdx_header_write(u, &h, err);
	if (!rc && vhd_barrier(VHD_BARRIER_HEADER_BEFORE_COPY))
		rc = vhd_io_flush(u->io, err);
	if (!rc)
		rc = vhdx_header_copy(u, err);
	return rc ? rc : vhd_io_flush(u->io, err);
}

int vhdx_apply(struct vhd_io *io, struct vhdx_headers *headers,
	       const struct vhdx_overlay *ov, struct vhd_error *err)
{
	struct vhdx_update u = { io, *headers };
	int rc;

	rc = identity_write(&u, err);
	if (!rc)
		rc = pieces_apply(io, ov, err);
	if (!rc && vhd_barrier(VHD_BARRIER_REPLAY_BEFORE_CLEAN))
		rc = vhd_io_flush(io, err);
	if (!rc)
		rc = log_clear(&u, err);
	*headers = u.headers;
	return rc;
}
