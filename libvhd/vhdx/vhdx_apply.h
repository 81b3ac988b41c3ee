/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_APPLY_H
#define VHD_VHDX_APPLY_H

#include "vhdx/vhdx_replay.h"

/*
 * Replays a pending log into the file, for an open for writing (VHDX-LOG-33).
 * @ov is what vhdx_replay_load() made of it.  Afterwards the file reads without
 * @ov as it did with it, has its length, and its headers say that nothing is
 * pending; @headers follows.  The file's identity is new, the data's is not
 * (VHDX-LOG-34).
 *
 * After a failure, or a power cut, at any point the log is still there for the
 * next one to replay (VHDX-LOG-39).
 *
 * Returns: 0; VHD_E_IO, VHD_E_NOSPACE, VHD_E_NOMEM; VHD_E_UNSUPPORTED.
 */
int vhdx_apply(struct vhd_io *io, struct vhdx_headers *headers,
	       const struct vhdx_overlay *ov, struct vhd_error *err);

#endif
