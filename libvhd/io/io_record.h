/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_RECORD_H
#define VHD_IO_RECORD_H

/*
 * The recorder: a backend that passes every call on to another one and notes
 * each write, size change, zeroing and flush, in order, with its bytes.  From
 * the trace every state that a power cut can leave is rebuilt: the calls up to
 * a flush happened; of those after it any subset may have, in any order, torn
 * at sector borders.
 */

#include "io/io.h"

enum vhd_trace_kind {
	VHD_TRACE_WRITE,
	VHD_TRACE_ZERO,		/* zero_range: may make the file longer */
	VHD_TRACE_PUNCH,	/* punch_hole: never does */
	VHD_TRACE_SIZE,		/* off is the new size */
	VHD_TRACE_FLUSH
};

struct vhd_trace_op {
	enum vhd_trace_kind kind;
	uint64_t off;
	uint64_t len;
	uint8_t *data;		/* VHD_TRACE_WRITE only */
};

struct vhd_trace;

struct vhd_trace *vhd_trace_new(void);
void vhd_trace_free(struct vhd_trace *t);
size_t vhd_trace_count(const struct vhd_trace *t);
const struct vhd_trace_op *vhd_trace_op(const struct vhd_trace *t, size_t i);

/* Applies one operation to a file: how states are rebuilt. */
int vhd_trace_apply(const struct vhd_trace_op *op, struct vhd_io *io,
		    struct vhd_error *err);

/*
 * The wrapper.  It takes over @inner_handle, not @trace, which must live
 * longer.  NULL when there is no memory; @inner_handle is then closed.
 */
extern const struct vhd_io_ops vhd_record_ops;
void *vhd_record_new(const struct vhd_io_ops *inner, void *inner_handle,
		     struct vhd_trace *trace);

#endif
