/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fault wrapper.
 *
 * A call that is made to fail does not reach the inner backend: the file is as
 * it was.  (What a failed write may leave behind is the recorder's subject.)  A
 * call that the inner backend does not have is not counted.  Transfers that are
 * cut short are counted one by one, so with short_io a single request may be
 * failed in its middle.
 *
 * A full disk is played by @limit: bytes below it are written, a write that
 * reaches past it is short, one that begins there fails.
 *
 * As with the recorder there are no vectors and no descriptor, which would be
 * ways around it.
 */

#include "io/io_fault.h"

#include <errno.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/ckd.h"

struct fault {
	const struct vhd_io_ops *inner;
	void *handle;
	pthread_mutex_t lock;		/* guards plan->calls */
	struct vhd_fault_plan *plan;
};

/* Counts a call; 0, or the error with which it is to fail. */
static int meet(struct fault *f, uint32_t kind)
{
	struct vhd_fault_plan *p = f->plan;
	int rc = 0;

	pthread_mutex_lock(&f->lock);
	if (p->kinds & kind) {
		p->calls++;
		if (p->fail_at && (p->calls == p->fail_at ||
				   (p->sticky && p->calls > p->fail_at)))
			rc = p->os_errno ? -p->os_errno : -EIO;
	}
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static size_t shorten(const struct fault *f, size_t len)
{
	size_t most = f->plan->short_io;

	return most && len > most ? most : len;
}

static int64_t fault_pread(void *h, void *buf, size_t len, uint64_t off)
{
	struct fault *f = h;
	int rc = meet(f, VHD_FAULT_READ);

	if (rc)
		return rc;
	return f->inner->pread(f->handle, buf, shorten(f, len), off);
}

static int64_t fault_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	struct fault *f = h;
	uint64_t limit = f->plan->limit;
	int rc;

	if (!f->inner->pwrite)
		return -EBADF;
	rc = meet(f, VHD_FAULT_WRITE);
	if (rc)
		return rc;
	if (limit && len) {
		if (off >= limit)
			return -ENOSPC;
		len = (size_t)min_u64(len, limit - off);
	}
	return f->inner->pwrite(f->handle, buf, shorten(f, len), off);
}

static int fault_flush(void *h)
{
	struct fault *f = h;
	int rc;

	if (!f->inner->flush)
		return 0;
	rc = meet(f, VHD_FAULT_FLUSH);
	return rc ? rc : f->inner->flush(f->handle);
}

static int64_t fault_get_size(void *h)
{
	struct fault *f = h;
	int rc = meet(f, VHD_FAULT_SIZE);

	return rc ? rc : f->inner->get_size(f->handle);
}

static int fault_set_size(void *h, uint64_t size)
{
	struct fault *f = h;
	int rc;

	if (!f->inner->set_size)
		return -EOPNOTSUPP;
	rc = meet(f, VHD_FAULT_SIZE);
	return rc ? rc : f->inner->set_size(f->handle, size);
}

static int fault_zero_range(void *h, uint64_t len, uint64_t off)
{
	struct fault *f = h;
	uint64_t limit = f->plan->limit;
	int rc;

	if (!f->inner->zero_range)
		return -EOPNOTSUPP;
	rc = meet(f, VHD_FAULT_ZERO);
	if (rc)
		return rc;
	if (limit && !range_in(off, len, limit))
		return -ENOSPC;
	return f->inner->zero_range(f->handle, len, off);
}

static int fault_punch_hole(void *h, uint64_t len, uint64_t off)
{
	struct fault *f = h;
	int rc;

	if (!f->inner->punch_hole)
		return -EOPNOTSUPP;
	rc = meet(f, VHD_FAULT_ZERO);
	return rc ? rc : f->inner->punch_hole(f->handle, len, off);
}

static int fault_next_data(void *h, uint64_t off, uint64_t *start_out,
			   uint64_t *end_out)
{
	struct fault *f = h;

	if (!f->inner->next_data)
		return -EOPNOTSUPP;
	return f->inner->next_data(f->handle, off, start_out, end_out);
}

static int fault_lock(void *h, enum vhd_lock_mode mode)
{
	struct fault *f = h;

	return f->inner->lock ? f->inner->lock(f->handle, mode) : 0;
}

static int fault_close(void *h)
{
	struct fault *f = h;
	int rc = 0;

	if (f->inner->close)
		rc = f->inner->close(f->handle);
	pthread_mutex_destroy(&f->lock);
	vhd_free(f);
	return rc;
}

const struct vhd_io_ops vhd_fault_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = fault_pread,
	.pwrite = fault_pwrite,
	.flush = fault_flush,
	.get_size = fault_get_size,
	.set_size = fault_set_size,
	.zero_range = fault_zero_range,
	.punch_hole = fault_punch_hole,
	.next_data = fault_next_data,
	.lock = fault_lock,
	.close = fault_close,
};

void *vhd_fault_new(const struct vhd_io_ops *inner, void *inner_handle,
		    struct vhd_fault_plan *plan)
{
	struct fault *f = vhd_alloc(sizeof(*f));

	if (!f || pthread_mutex_init(&f->lock, NULL)) {
		if (inner->close)
			inner->close(inner_handle);
		vhd_free(f);
		return NULL;
	}
	f->inner = inner;
	f->handle = inner_handle;
	f->plan = plan;
	return f;
}
