/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_PROBE_H
#define VHD_IMAGE_PROBE_H

/* Which engine a file needs: the only place that knows them all. */

#include "engine/engine.h"

/* NULL for VHD_FORMAT_AUTO and unknown values. */
const struct vhd_engine *vhd_engine_of(enum vhd_format format);

/*
 * The engine for a file.  A @format other than AUTO is believed without a
 * look.  VHD_E_FORMAT with a sentence when no engine claims the file, unless
 * @allow_raw.
 */
int vhd_probe(struct vhd_io *io, enum vhd_format format, bool allow_raw,
	      const struct vhd_engine **out, struct vhd_error *err);

/*
 * A stream ends at @end with the bytes @last: how many of them are the footer of
 * a fixed VHD of that size, and no content.
 */
size_t vhd_probe_trailer(const uint8_t last[512], uint64_t end);

#endif
