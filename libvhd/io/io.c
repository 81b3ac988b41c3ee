/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one door between the library and a file.
 *
 * Backends (io_posix.c, io_mem.c, a caller's own) and the wrappers that tests
 * put around them (io_record.c, io_fault.c) are tables of functions that may do
 * less than they are asked: transfers may be short, calls may be interrupted,
 * slots may be missing.  Everything above this file wants the opposite: all
 * bytes or an error with a sentence in it.  That difference is made up here, for
 * zeros and holes in io_hole.c, and nowhere else: no other file of the library
 * calls a backend.
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
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/io_priv.h"

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Those of this thread, and of some others: Fibonacci hashing of its handle,
 * which is a number or a pointer everywhere we run. */
static struct vhd_io_counts *mine(struct vhd_io *io)
{
	uint64_t self = (uint64_t)(uintptr_t)pthread_self();
	uint64_t hash = self * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	return &io->counts[hash * VHD_IO_COUNTS >> 32];
}

void vhd_io_saw_end(struct vhd_io *io, uint64_t end)
{
	uint64_t old = atomic_load_explicit(&io->seen_end,
					    memory_order_relaxed);

	while (old < end && !atomic_compare_exchange_weak(&io->seen_end, &old,
							  end))
		;
}

int vhd_io_fail_call(const struct vhd_io *io, int rc, uint64_t off,
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

int vhd_io_want_write(const struct vhd_io *io, const char *what, uint64_t len,
		      uint64_t off, struct vhd_error *err)
{
	int rc;

	if (!io->ops.pwrite) {
		rc = vhd_fail(err, VHD_E_READONLY,
			      "the file is open for reading only");
		return vhd_err_file(err, rc, io->name);
	}
	if (!range_in(off, len, INT64_MAX))
		return vhd_io_fail_call(io, -EFBIG, off, what, len, err);
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
		count(&mine(io)->reads, 1);
		if (n > 0 && (uint64_t)n > len - done)
			n = -EIO;
		if (n < 0)
			return vhd_io_fail_call(io, (int)n, off + done, "read",
					 len - done, err);
		if (n == 0)
			break;
		count(&mine(io)->read_bytes, (uint64_t)n);
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

int vhd_io_fail_cut(const struct vhd_io *io, uint64_t end,
		    struct vhd_error *err)
{
	int rc = vhd_fail_errno(err, EIO, end, "the file ends at 0x%" PRIx64
				" and was longer before: another program has "
				"cut it", end);

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
	if (done < len && off + done < atomic_load(&io->seen_end))
		return vhd_io_fail_cut(io, off + done, err);
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

	rc = vhd_io_want_write(io, "write", len, off, err);
	if (rc)
		return rc;
	while (done < len) {
		int64_t n = io->ops.pwrite(io->handle, p + done, len - done,
					   off + done);

		if (n == -EINTR)
			continue;
		count(&mine(io)->writes, 1);
		if (n == 0 || (n > 0 && (uint64_t)n > len - done))
			n = -EIO;
		if (n < 0)
			return vhd_io_fail_call(io, (int)n, off + done, "write",
					 len - done, err);
		count(&mine(io)->write_bytes, (uint64_t)n);
		done += (size_t)n;
	}
	if (len)
		vhd_io_saw_end(io, off + len);
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
	count(&mine(io)->flushes, 1);
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
	vhd_io_saw_end(io, *size_out);
	return 0;
}

int vhd_io_set_size(struct vhd_io *io, uint64_t size, struct vhd_error *err)
{
	int rc;

	rc = vhd_io_want_write(io, "set the size to", size, 0, err);
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

static uint64_t value(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void vhd_io_stats(const struct vhd_io *io, struct vhd_io_stats *out)
{
	*out = (struct vhd_io_stats){ 0 };
	for (size_t i = 0; i < VHD_IO_COUNTS; i++) {
		const struct vhd_io_counts *c = &io->counts[i];

		out->reads += value(&c->reads);
		out->read_bytes += value(&c->read_bytes);
		out->writes += value(&c->writes);
		out->write_bytes += value(&c->write_bytes);
		out->flushes += value(&c->flushes);
	}
}
