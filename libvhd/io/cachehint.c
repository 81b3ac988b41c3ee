/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hints to the system's cache.
 *
 * Waiting for write-back takes the news of a failure away from the next flush of
 * the same descriptor (the kernel tells each descriptor once), so whoever waits
 * here has to be told.  Starting it does not.
 *
 * The cache drops only what lies wholly inside of a range, and it keeps a file in
 * pieces of up to some MiB that begin on multiples of their size.  So a range that
 * begins in such a piece is made to begin with it: what was forgotten before costs
 * next to nothing the second time.
 */
#include "io/cachehint.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/ckd.h"
#include "base/fail.h"

#define PIECE (4 * MiB)

/* Some systems have less than Linux. */
static void drop(int fd, uint64_t off, uint64_t len)
{
#ifdef POSIX_FADV_DONTNEED
	posix_fadvise(fd, (off_t)off, (off_t)len, POSIX_FADV_DONTNEED);
#else
	(void)fd;
	(void)off;
	(void)len;
#endif
}

/* 0 or an errno; @wait: until it is on the disk. */
static int write_back(int fd, uint64_t off, uint64_t len, bool wait)
{
#ifdef SYNC_FILE_RANGE_WRITE
	unsigned int how = SYNC_FILE_RANGE_WRITE;

	if (wait)
		how |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
	return sync_file_range(fd, (off_t)off, (off_t)len, how) ? errno : 0;
#else
	(void)off;
	(void)len;
	return wait && fdatasync(fd) ? errno : 0;
#endif
}

/* The descriptor, and a range that off_t holds; -1: nothing to be done. */
static int prepare(const struct vhd_io *io, uint64_t off, uint64_t *len)
{
	if (off >= INT64_MAX)
		return -1;
	*len = min_u64(*len, INT64_MAX - off);
	return vhd_io_fd(io);
}

void vhd_io_writeback_start(struct vhd_io *io, uint64_t off, uint64_t len)
{
	int fd = prepare(io, off, &len);

	if (fd >= 0 && vhd_io_writable(io))
		write_back(fd, off, len, false);
}

/* Only these say that bytes were lost; others, that it cannot be done. */
static bool is_loss(int os_errno)
{
	return os_errno == EIO || os_errno == ENOSPC || os_errno == EDQUOT;
}

int vhd_io_forget(struct vhd_io *io, uint64_t off, uint64_t len,
		  struct vhd_error *err)
{
	int fd = prepare(io, off, &len), e = 0;

	if (fd < 0)
		return 0;
	if (vhd_io_writable(io))
		e = write_back(fd, off, len, true);
	if (is_loss(e)) {
		vhd_fail_errno(err, e, off,
			       "cannot make what was written durable");
		if (err)
			err->code = VHD_E_IO;
		return vhd_err_file(err, VHD_E_IO, vhd_io_name(io));
	}
	if (len)
		len += off % PIECE;
	drop(fd, align_down(off, PIECE), len);
	return 0;
}
