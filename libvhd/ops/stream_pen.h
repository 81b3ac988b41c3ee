/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_STREAM_PEN_H
#define VHD_OPS_STREAM_PEN_H

/*
 * Writes a stream to a sink: small pieces together, zeros as such where the sink
 * takes them, with progress, which may cancel.
 */

#include "vhd/stream.h"

struct vhd_pen {
	const struct vhd_stream_sink *sink;
	uint64_t pos;		/* bytes that were given so far */
	uint64_t total;
	vhd_progress_fn progress;	/* may be NULL */
	void *progress_arg;
	uint8_t *buf;		/* what the sink has not seen yet */
	size_t fill;
	uint8_t *zeros;
};

/* The fields up to @buf are set. */
int vhd_pen_open(struct vhd_pen *pen, struct vhd_error *err);
void vhd_pen_close(struct vhd_pen *pen);

int vhd_pen_bytes(struct vhd_pen *pen, const void *buf, uint64_t len,
		  struct vhd_error *err);
int vhd_pen_zero(struct vhd_pen *pen, uint64_t len, struct vhd_error *err);
int vhd_pen_flush(struct vhd_pen *pen, struct vhd_error *err);

#endif
