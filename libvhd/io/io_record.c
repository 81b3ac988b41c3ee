/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder: what a power cut can leave is computed from what it wrote down.
 *
 * The order of the trace must be an order in which the calls may really have
 * happened, or the proof proves nothing.  So each call that changes the file
 * runs, and is noted, under one lock: a write that is in the trace before a
 * flush had returned before that flush began, and overlapping writes stand in
 * the order in which they reached the file.  Reads do not wait.
 *
 * A call is noted when it has succeeded, with what it really did: a short write
 * with the bytes that were moved.  Memory for the note is found first, so that
 * no change of the file goes unnoted.
 *
 * The wrapper has no descriptor, whatever the inner backend has: what is done
 * through a descriptor would not be in the trace.  It has no vectors either;
 * they come in as plain writes.
 */

#include "io/io_record.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

struct vhd_trace {
	pthread_mutex_t lock;	/* guards all fields, and the inner calls */
	struct vhd_trace_op *ops;
	size_t count, room;
};

struct recorder {
	const struct vhd_io_ops *inner;
	void *handle;
	struct vhd_trace *trace;
};

struct vhd_trace *vhd_trace_new(void)
{
	struct vhd_trace *t = vhd_alloc(sizeof(*t));

	if (t && pthread_mutex_init(&t->lock, NULL)) {
		vhd_free(t);
		t = NULL;
	}
	return t;
}

void vhd_trace_free(struct vhd_trace *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->count; i++)
		vhd_free(t->ops[i].data);
	pthread_mutex_destroy(&t->lock);
	vhd_free(t->ops);
	vhd_free(t);
}

size_t vhd_trace_count(const struct vhd_trace *t)
{
	return t->count;
}

const struct vhd_trace_op *vhd_trace_op(const struct vhd_trace *t, size_t i)
{
	return i < t->count ? &t->ops[i] : NULL;
}

int vhd_trace_apply(const struct vhd_trace_op *op, struct vhd_io *io,
		    struct vhd_error *err)
{
	switch (op->kind) {
	case VHD_TRACE_WRITE:
		return vhd_io_write(io, op->data, (size_t)op->len, op->off,
				    err);
	case VHD_TRACE_ZERO:
		return vhd_io_zero(io, op->len, op->off, err);
	case VHD_TRACE_PUNCH:
		return vhd_io_punch(io, op->len, op->off, err);
	case VHD_TRACE_SIZE:
		return vhd_io_set_size(io, op->off, err);
	case VHD_TRACE_FLUSH:
		return vhd_io_flush(io, err);
	}
	return vhd_fail(err, VHD_E_INVAL, "this is no recorded operation");
}

static bool make_room_locked(struct vhd_trace *t)
{
	size_t room = t->room ? t->room * 2 : 64;
	struct vhd_trace_op *ops;

	if (t->count < t->room)
		return true;
	ops = vhd_alloc_array(room, sizeof(*ops));
	if (!ops)
		return false;
	if (t->count)
		memcpy(ops, t->ops, t->count * sizeof(*ops));
	vhd_free(t->ops);
	t->ops = ops;
	t->room = room;
	return true;
}

static int64_t record_pread(void *h, void *buf, size_t len, uint64_t off)
{
	struct recorder *r = h;

	return r->inner->pread(r->handle, buf, len, off);
}

static int64_t record_pwrite(void *h, const void *buf, size_t len,
			     uint64_t off)
{
	struct recorder *r = h;
	struct vhd_trace *t = r->trace;
	uint8_t *copy;
	int64_t n = -ENOMEM;

	if (!r->inner->pwrite)
		return -EBADF;
	copy = vhd_alloc(len);
	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, buf, len);
	pthread_mutex_lock(&t->lock);
	if (make_room_locked(t)) {
		/* The copy is written, so that both are the same for sure. */
		n = r->inner->pwrite(r->handle, copy, len, off);
		if (n > 0) {
			t->ops[t->count++] = (struct vhd_trace_op){
				VHD_TRACE_WRITE, off, (uint64_t)n, copy };
			copy = NULL;
		}
	}
	pthread_mutex_unlock(&t->lock);
	vhd_free(copy);
	return n;
}

/* Runs one of the calls without data, and notes it when it succeeds. */
static int run(struct recorder *r, enum vhd_trace_kind kind, uint64_t len,
	       uint64_t off)
{
	const struct vhd_io_ops *in = r->inner;
	struct vhd_trace *t = r->trace;
	int rc = -EOPNOTSUPP;

	pthread_mutex_lock(&t->lock);
	if (!make_room_locked(t)) {
		pthread_mutex_unlock(&t->lock);
		return -ENOMEM;
	}
	switch (kind) {
	case VHD_TRACE_WRITE:
		break;
	case VHD_TRACE_ZERO:
		if (in->zero_range)
			rc = in->zero_range(r->handle, len, off);
		break;
	case VHD_TRACE_PUNCH:
		if (in->punch_hole)
			rc = in->punch_hole(r->handle, len, off);
		break;
	case VHD_TRACE_SIZE:
		if (in->set_size)
			rc = in->set_size(r->handle, off);
		break;
	case VHD_TRACE_FLUSH:
		rc = in->flush ? in->flush(r->handle) : 0;
		break;
	}
	if (!rc)
		t->ops[t->count++] = (struct vhd_trace_op){ kind, off, len,
							    NULL };
	pthread_mutex_unlock(&t->lock);
	return rc;
}

static int record_flush(void *h)
{
	return run(h, VHD_TRACE_FLUSH, 0, 0);
}

static int64_t record_get_size(void *h)
{
	struct recorder *r = h;

	return r->inner->get_size(r->handle);
}

static int record_set_size(void *h, uint64_t size)
{
	return run(h, VHD_TRACE_SIZE, 0, size);
}

static int record_zero_range(void *h, uint64_t len, uint64_t off)
{
	return run(h, VHD_TRACE_ZERO, len, off);
}

static int record_punch_hole(void *h, uint64_t len, uint64_t off)
{
	return run(h, VHD_TRACE_PUNCH, len, off);
}

static int record_next_data(void *h, uint64_t off, uint64_t *start_out,
			    uint64_t *end_out)
{
	struct recorder *r = h;

	if (!r->inner->next_data)
		return -EOPNOTSUPP;
	return r->inner->next_data(r->handle, off, start_out, end_out);
}

static int record_lock(void *h, enum vhd_lock_mode mode)
{
	struct recorder *r = h;

	return r->inner->lock ? r->inner->lock(r->handle, mode) : 0;
}

static int record_close(void *h)
{
	struct recorder *r = h;
	int rc = 0;

	if (r->inner->close)
		rc = r->inner->close(r->handle);
	vhd_free(r);
	return rc;
}

const struct vhd_io_ops vhd_record_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = record_pread,
	.pwrite = record_pwrite,
	.flush = record_flush,
	.get_size = record_get_size,
	.set_size = record_set_size,
	.zero_range = record_zero_range,
	.punch_hole = record_punch_hole,
	.next_data = record_next_data,
	.lock = record_lock,
	.close = record_close,
};

void *vhd_record_new(const struct vhd_io_ops *inner, void *inner_handle,
		     struct vhd_trace *trace)
{
	struct recorder *r = vhd_alloc(sizeof(*r));

	if (!r) {
		if (inner->close)
			inner->close(inner_handle);
		return NULL;
	}
	*r = (struct recorder){ inner, inner_handle, trace };
	return r;
}
