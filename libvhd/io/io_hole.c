/* SPDX-License-Identifier: BSD-2-Clause */
/* Zeros and holes of a file, where the backend knows of such, and where not. */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/io_priv.h"

/* Zeros are written in pieces of this size where nothing better works. */
#define ZERO_CHUNK (256 * KiB)

/* The last resort of vhd_io_zero(). */
static int zero_by_writing(struct vhd_io *io, uint64_t len, uint64_t off,
			   struct vhd_error *err)
{
	size_t chunk = (size_t)min_u64(len, ZERO_CHUNK);
	uint64_t done = 0;
	void *zeros;
	int rc = 0;

	if (!len)
		return 0;
	zeros = vhd_alloc(chunk);
	if (!zeros)
		return vhd_err_file(err, vhd_fail_nomem(err), io->name);
	while (!rc && done < len) {
		size_t n = (size_t)min_u64(len - done, chunk);

		rc = vhd_io_write(io, zeros, n, off + done, err);
		done += n;
	}
	vhd_free(zeros);
	return rc;
}

static int call_range(struct vhd_io *io,
		      int (*fn)(void *h, uint64_t len, uint64_t off),
		      uint64_t len, uint64_t off)
{
	int rc;

	if (!fn)
		return -EOPNOTSUPP;
	do {
		rc = fn(io->handle, len, off);
	} while (rc == -EINTR);
	return rc;
}

int vhd_io_zero(struct vhd_io *io, uint64_t len, uint64_t off,
		struct vhd_error *err)
{
	int rc;

	rc = vhd_io_want_write(io, "zero", len, off, err);
	if (rc || !len)
		return rc;
	rc = call_range(io, io->ops.zero_range, len, off);
	if (vhd_io_unsupported(rc))
		return zero_by_writing(io, len, off, err);
	if (rc)
		return vhd_io_fail_call(io, rc, off, "zero", len, err);
	vhd_io_saw_end(io, off + len);
	return 0;
}

int vhd_io_try_punch(struct vhd_io *io, uint64_t len, uint64_t off,
		     bool *done_out, struct vhd_error *err)
{
	int rc;

	rc = vhd_io_want_write(io, "free", len, off, err);
	if (rc)
		return rc;
	if (len)
		rc = call_range(io, io->ops.punch_hole, len, off);
	if (rc && !vhd_io_unsupported(rc))
		return vhd_io_fail_call(io, rc, off, "free", len, err);
	*done_out = !rc;
	return 0;
}

int vhd_io_punch(struct vhd_io *io, uint64_t len, uint64_t off,
		 struct vhd_error *err)
{
	uint64_t size = 0;
	bool done = false;
	int rc;

	rc = vhd_io_try_punch(io, len, off, &done, err);
	if (rc || done)
		return rc;

	/* Punching never makes a file longer; zeroing would. */
	rc = vhd_io_size(io, &size, err);
	if (rc || off >= size)
		return rc;
	return vhd_io_zero(io, min_u64(len, size - off), off, err);
}

/* Without better knowledge the whole file is data. */
static int all_is_data(struct vhd_io *io, uint64_t off, uint64_t *start,
		       uint64_t *stop, struct vhd_error *err)
{
	uint64_t size = 0;
	int rc;

	rc = vhd_io_size(io, &size, err);
	if (rc)
		return rc;
	*start = off < size ? off : UINT64_MAX;
	*stop = off < size ? size : UINT64_MAX;
	return 0;
}

/* No more data because another program has cut the file is not just a hole.  (A
 * view of a file may see it shrink by our own hand.) */
static int check_cut(struct vhd_io *io, uint64_t off, struct vhd_error *err)
{
	uint64_t size = 0;
	int rc;

	if (vhd_io_fd(io) < 0 || off >= atomic_load(&io->seen_end))
		return 0;
	rc = vhd_io_size(io, &size, err);
	if (rc || size >= atomic_load(&io->seen_end))
		return rc;
	return vhd_io_fail_cut(io, size, err);
}

int vhd_io_next_data(struct vhd_io *io, uint64_t off, uint64_t end,
		     uint64_t *start_out, uint64_t *stop_out,
		     struct vhd_error *err)
{
	uint64_t start = UINT64_MAX, stop = UINT64_MAX;
	int rc = -ENXIO;

	if (off < end && off < INT64_MAX) {
		do {
			rc = io->ops.next_data ?
				io->ops.next_data(io->handle, off, &start,
						  &stop) : -EOPNOTSUPP;
		} while (rc == -EINTR);
		if (!rc && (start >= stop || stop <= off))
			rc = -EIO;
	}
	if (vhd_io_unsupported(rc)) {
		rc = all_is_data(io, off, &start, &stop, err);
	} else if (rc == -ENXIO) {
		start = stop = UINT64_MAX;
		rc = off < end ? check_cut(io, off, err) : 0;
	} else if (rc) {
		rc = vhd_fail_errno(err, -rc, off, "cannot look for data from "
				    "0x%" PRIx64 " on", off);
		vhd_err_file(err, rc, io->name);
	}
	if (rc)
		return rc;
	*start_out = min_u64(max_u64(start, off), end);
	*stop_out = min_u64(stop, end);
	return 0;
}
