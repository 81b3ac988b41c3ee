/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one door between the library and a file.
 *
 * Backends (io_posix.c, io_mem.c, a caller's own) and the wrappers that tests
 * put around them (io_record.c, io_fault.c) are tables of functions that may do
 * less than they are asked: transfers may be short, calls may be interrupted,
 * slots may be missing.  Everything above this file wants the opposite: all
 * bytes or an error with a sentence in it.  That difference is made up here and
 * nowhere else, so no other file of the library calls a backend.
 *
 * What holds for every call:
 *
 *  - A transfer moves all bytes or fails.  After a failed write any part of the
 *    range may hold old or new bytes.
 *  - No range reaches past INT64_MAX, whatever was asked, so that a backend may
 *    convert offsets to off_t without looking.
 *  - EINTR is not an error.  Everything else that a backend reports is final:
 *    a failed flush above all is never tried again.
 *  - A backend that claims to have moved more than it was asked to, or nothing
 *    when writing, is broken, and that is an error and not a loop without end.
 *  - A slot that is missing, or that answers -EOPNOTSUPP, has a fallback.
 *
 * There is no file position and no buffer.  The only state is the counters,
 * which are relaxed atomics: they are statistics and order nothing; and how long
 * the file has been seen to be, so that a file which somebody cuts under us is
 * told from one that ends where its format lets it.
 */

#include "io/io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

/* Zeros are written in pieces of this size where nothing better works. */
#define ZERO_CHUNK (256 * KiB)

struct vhd_io {
	struct vhd_io_ops ops;	/* ours, so that newer slots are NULL */
	void *handle;
	char *name;
	const struct vhd_io *file;	/* that this one stands for; or NULL */
	_Atomic uint64_t reads, read_bytes;
	_Atomic uint64_t writes, write_bytes;
	_Atomic uint64_t flushes;
	_Atomic uint64_t seen_end;
};

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* The file has reached at least to @end. */
static void saw_end(struct vhd_io *io, uint64_t end)
{
	uint64_t old = atomic_load_explicit(&io->seen_end,
					    memory_order_relaxed);

	while (old < end && !atomic_compare_exchange_weak(&io->seen_end, &old,
							  end))
		;
}

static bool unsupported(int rc)
{
	return rc == -EOPNOTSUPP || rc == -ENOTSUP || rc == -ENOSYS;
}

/* The call failed with @rc, a negative errno: a sentence and a file name. */
static int fail_call(const struct vhd_io *io, int rc, uint64_t off,
		     const char *what, uint64_t len, struct vhd_error *err)
{
	rc = vhd_fail_errno(err, -rc, off,
			    "cannot %s %" PRIu64 " bytes at 0x%" PRIx64, what,
			    len, off);
	return vhd_err_file(err, rc, io->name);
}

/* Something other than a transfer failed with @rc, a negative errno. */
static int fail_plain(const struct vhd_io *io, int rc, const char *what,
		      struct vhd_error *err)
{
	rc = vhd_fail_errno(err, -rc, VHD_NO_OFFSET, "cannot %s", what);
	return vhd_err_file(err, rc, io->name);
}

/* For everything that changes the file. */
static int want_write(const struct vhd_io *io, const char *what, uint64_t len,
		      uint64_t off, struct vhd_error *err)
{
	int rc;

	if (!io->ops.pwrite) {
		rc = vhd_fail(err, VHD_E_READONLY,
			      "the file is open for reading only");
		return vhd_err_file(err, rc, io->name);
	}
	if (!range_in(off, len, INT64_MAX))
		return fail_call(io, -EFBIG, off, what, len, err);
	return 0;
}

int vhd_io_new(const struct vhd_io_ops *ops, void *handle, const char *name,
	       struct vhd_io **io_out, struct vhd_error *err)
{
	struct vhd_io *io;

	/* Without this much there is no close to call. */
	if (ops->size < sizeof(*ops))
		return vhd_fail(err, VHD_E_INVAL,
				"the table of I/O functions has %" PRIu32
				" bytes instead of %zu",
				ops->size, sizeof(*ops));
	io = vhd_alloc(sizeof(*io));
	if (!io) {
		if (ops->close)
			ops->close(handle);
		return vhd_fail_nomem(err);
	}
	io->ops = *ops;
	io->handle = handle;
	io->name = vhd_strdup(name);
	if (!io->name) {
		vhd_io_close(&io, NULL);
		return vhd_fail_nomem(err);
	}
	if (!ops->pread || !ops->get_size) {
		vhd_io_close(&io, NULL);
		return vhd_fail(err, VHD_E_INVAL,
				"the table of I/O functions lacks pread or "
				"get_size");
	}
	*io_out = io;
	return 0;
}

int vhd_io_close(struct vhd_io **io_ptr, struct vhd_error *err)
{
	struct vhd_io *io = io_ptr ? *io_ptr : NULL;
	int rc = 0;

	if (!io)
		return 0;
	*io_ptr = NULL;
	if (io->ops.close)
		rc = io->ops.close(io->handle);
	/* The descriptor is gone, and so is what would be tried again. */
	if (rc == -EINTR)
		rc = 0;
	if (rc)
		rc = fail_plain(io, rc, "close the file", err);
	vhd_free(io->name);
	vhd_free(io);
	return rc;
}

const char *vhd_io_name(const struct vhd_io *io)
{
	return io->name;
}

bool vhd_io_writable(const struct vhd_io *io)
{
	return io->ops.pwrite != NULL;
}

bool vhd_io_has_path(const struct vhd_io *io)
{
	return vhd_io_fd(vhd_io_file(io)) >= 0;
}

const struct vhd_io *vhd_io_file(const struct vhd_io *io)
{
	while (io->file)
		io = io->file;
	return io;
}

void vhd_io_stand_for(struct vhd_io *io, const struct vhd_io *file)
{
	io->file = file;
}

int vhd_io_fd(const struct vhd_io *io)
{
	return io->ops.fd ? io->ops.fd(io->handle) : -1;
}

/*
 * Reads until @len bytes are there or the file ends.  The range is sane.
 */
static int read_some(struct vhd_io *io, uint8_t *buf, size_t len, uint64_t off,
		     size_t *done_out, struct vhd_error *err)
{
	size_t done = 0;

	while (done < len) {
		int64_t n = io->ops.pread(io->handle, buf + done, len - done,
					  off + done);

		if (n == -EINTR)
			continue;
		count(&io->reads, 1);
		if (n > 0 && (uint64_t)n > len - done)
			n = -EIO;
		if (n < 0)
			return fail_call(io, (int)n, off + done, "read",
					 len - done, err);
		if (n == 0)
			break;
		count(&io->read_bytes, (uint64_t)n);
		done += (size_t)n;
	}
	*done_out = done;
	return 0;
}

/* The part of @len bytes at @off that a file can have. */
static size_t clip_len(size_t len, uint64_t off)
{
	if (off >= INT64_MAX)
		return 0;
	return (size_t)min_u64(len, INT64_MAX - off);
}

int vhd_io_read(struct vhd_io *io, void *buf, size_t len, uint64_t off,
		struct vhd_error *err)
{
	size_t done;
	int rc;

	rc = read_some(io, buf, clip_len(len, off), off, &done, err);
	if (rc)
		return rc;
	if (done == len)
		return 0;
	rc = vhd_fail(err, VHD_E_CORRUPT,
		      "the file ends %zu bytes into the %zu that are needed "
		      "from 0x%" PRIx64, done, len, off);
	if (err)
		err->off = off;
	return vhd_err_file(err, rc, io->name);
}

int vhd_io_read_padded(struct vhd_io *io, void *buf, size_t len, uint64_t off,
		       struct vhd_error *err)
{
	size_t done;
	int rc;

	rc = read_some(io, buf, clip_len(len, off), off, &done, err);
	if (rc)
		return rc;
	if (done < len && off + done < atomic_load(&io->seen_end)) {
		rc = vhd_fail_errno(err, EIO, off + done,
				    "the file ends at 0x%" PRIx64 " and was "
				    "longer before: another program has cut "
				    "it", off + done);
		return vhd_err_file(err, rc, io->name);
	}
	if (done < len)
		memset((uint8_t *)buf + done, 0, len - done);
	return 0;
}

int vhd_io_write(struct vhd_io *io, const void *buf, size_t len, uint64_t off,
		 struct vhd_error *err)
{
	const uint8_t *p = buf;
	size_t done = 0;
	int rc;

	rc = want_write(io, "write", len, off, err);
	if (rc)
		return rc;
	while (done < len) {
		int64_t n = io->ops.pwrite(io->handle, p + done, len - done,
					   off + done);

		if (n == -EINTR)
			continue;
		count(&io->writes, 1);
		if (n == 0 || (n > 0 && (uint64_t)n > len - done))
			n = -EIO;
		if (n < 0)
			return fail_call(io, (int)n, off + done, "write",
					 len - done, err);
		count(&io->write_bytes, (uint64_t)n);
		done += (size_t)n;
	}
	if (len)
		saw_end(io, off + len);
	return 0;
}

int vhd_io_flush(struct vhd_io *io, struct vhd_error *err)
{
	int rc;

	if (!io->ops.flush)
		return 0;
	do {
		rc = io->ops.flush(io->handle);
	} while (rc == -EINTR);
	count(&io->flushes, 1);
	if (!rc)
		return 0;
	/*
	 * Whatever the reason, what was written is lost or not, and nobody will
	 * ever know: no code that invites to try again.
	 */
	fail_plain(io, rc, "make what was written durable", err);
	if (err)
		err->code = VHD_E_IO;
	return VHD_E_IO;
}

int vhd_io_size(struct vhd_io *io, uint64_t *size_out, struct vhd_error *err)
{
	int64_t n;

	do {
		n = io->ops.get_size(io->handle);
	} while (n == -EINTR);
	if (n < 0)
		return fail_plain(io, (int)n, "find out the size of the file",
				  err);
	*size_out = (uint64_t)n;
	saw_end(io, *size_out);
	return 0;
}

int vhd_io_set_size(struct vhd_io *io, uint64_t size, struct vhd_error *err)
{
	int rc;

	rc = want_write(io, "set the size to", size, 0, err);
	if (rc)
		return rc;
	do {
		rc = io->ops.set_size ? io->ops.set_size(io->handle, size) :
					-EOPNOTSUPP;
	} while (rc == -EINTR);
	if (!rc) {
		atomic_store(&io->seen_end, size);
		return 0;
	}
	rc = vhd_fail_errno(err, -rc, VHD_NO_OFFSET,
			    "cannot set the size of the file to %" PRIu64
			    " bytes", size);
	return vhd_err_file(err, rc, io->name);
}

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

	rc = want_write(io, "zero", len, off, err);
	if (rc || !len)
		return rc;
	rc = call_range(io, io->ops.zero_range, len, off);
	if (unsupported(rc))
		return zero_by_writing(io, len, off, err);
	if (rc)
		return fail_call(io, rc, off, "zero", len, err);
	saw_end(io, off + len);
	return 0;
}

int vhd_io_try_punch(struct vhd_io *io, uint64_t len, uint64_t off,
		     bool *done_out, struct vhd_error *err)
{
	int rc;

	rc = want_write(io, "free", len, off, err);
	if (rc)
		return rc;
	if (len)
		rc = call_range(io, io->ops.punch_hole, len, off);
	if (rc && !unsupported(rc))
		return fail_call(io, rc, off, "free", len, err);
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
	if (unsupported(rc))
		rc = all_is_data(io, off, &start, &stop, err);
	else if (rc == -ENXIO)
		rc = 0, start = stop = UINT64_MAX;
	else if (rc)
		rc = fail_call(io, rc, off, "look for data in", end - off,
			       err);
	if (rc)
		return rc;
	*start_out = min_u64(max_u64(start, off), end);
	*stop_out = min_u64(stop, end);
	return 0;
}

int vhd_io_lock(struct vhd_io *io, enum vhd_lock_mode mode,
		struct vhd_error *err)
{
	int rc;

	if (!io->ops.lock)
		return 0;
	do {
		rc = io->ops.lock(io->handle, mode);
	} while (rc == -EINTR);
	if (!rc)
		return 0;
	if (rc != -EAGAIN)
		return fail_plain(io, rc, "lock the file", err);
	rc = vhd_fail(err, VHD_E_BUSY, "another program has the file open%s",
		      mode == VHD_LOCK_READ ? " for writing" : "");
	if (err)
		err->os_errno = EAGAIN;
	return vhd_err_file(err, rc, io->name);
}

void vhd_io_stats(const struct vhd_io *io, struct vhd_io_stats *out)
{
	*out = (struct vhd_io_stats){
		.reads = atomic_load_explicit(&io->reads,
					      memory_order_relaxed),
		.read_bytes = atomic_load_explicit(&io->read_bytes,
						   memory_order_relaxed),
		.writes = atomic_load_explicit(&io->writes,
					       memory_order_relaxed),
		.write_bytes = atomic_load_explicit(&io->write_bytes,
						    memory_order_relaxed),
		.flushes = atomic_load_explicit(&io->flushes,
						memory_order_relaxed),
	};
}
