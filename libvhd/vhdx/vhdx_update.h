/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_UPDATE_H
#define VHD_VHDX_UPDATE_H

/*
 * Header updates (vhdx.md 4.2).  One update is one write of 4 KiB to the slot
 * that does not count, after which it counts.  Nothing here flushes, and what is
 * written to one slot has to be durable before the other one is written: two
 * slots on their way at once could both be torn, and the file would be lost
 * (VHDX-HDR-22).
 */

#include "codec/vhdx_header.h"
#include "io/io.h"

struct vhdx_update {
	struct vhd_io *io;
	struct vhdx_headers headers;	/* as they are in the file */
};

static inline const struct vhdx_header *
vhdx_update_current(const struct vhdx_update *u)
{
	return &u->headers.hdr[u->headers.current];
}

/*
 * Writes a header with the GUIDs and the place of the log of @fields and the
 * next sequence number.  After a failure the current header is what it was; the
 * same may be tried again.
 *
 * Returns: 0; VHD_E_UNSUPPORTED when there is no next number; VHD_E_NOMEM;
 *          what writing returns.
 */
int vhdx_header_write(struct vhdx_update *u, const struct vhdx_header *fields,
		      struct vhd_error *err);
/* What the current header says, in the other slot as well. */
int vhdx_header_copy(struct vhdx_update *u, struct vhd_error *err);

/*
 * Where next to no sequence numbers are left, begins with small ones again: the
 * other slot says what the current one says, and then the current one follows,
 * each durable before the next.  For a repair; nobody else comes near the end.
 */
int vhdx_header_renumber(struct vhdx_update *u, struct vhd_error *err);

#endif
