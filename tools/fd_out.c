/* SPDX-License-Identifier: BSD-2-Clause */
#include "fd_out.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sigint.h"
#include "stream.h"

enum { PIPE_ROOM = 1 << 20 };

/*
 * Behind the end of a file all is zeros, so that is where we may skip; with
 * O_APPEND every write goes to the end, wherever we are.
 */
static bool at_end_of_file(int fd, uint64_t *pos_out)
{
	int flags = fcntl(fd, F_GETFL);
	off_t pos = lseek(fd, 0, SEEK_CUR);
	struct stat st;

	if (flags < 0 || flags & O_APPEND || pos < 0 || fstat(fd, &st) != 0 ||
	    !S_ISREG(st.st_mode) || st.st_size != pos)
		return false;
	*pos_out = (uint64_t)pos;
	return true;
}

void fd_out_begin(struct fd_out *out, int fd)
{
	memset(out, 0, sizeof(*out));
	out->fd = fd;
	out->holes = at_end_of_file(fd, &out->pos);
	out->end = out->pos;
	/* Fewer turns between us and the reader; whoever has no pipe fails. */
	fcntl(fd, F_SETPIPE_SZ, PIPE_ROOM);
}

int fd_out_write(void *arg, const void *buf, size_t len)
{
	struct fd_out *out = arg;
	int rc;

	if (!out->holes)
		return stream_write(out->fd, buf, len);
	rc = stream_pwrite(out->fd, buf, len, out->pos);
	out->pos += len;
	out->end = out->pos;
	return rc;
}

int fd_out_zero(void *arg, uint64_t len)
{
	static const char zeros[65536];
	struct fd_out *out = arg;
	int rc = 0;

	if (out->holes) {
		out->pos += len;
		return sigint_seen() ? -EINTR : 0;
	}
	while (rc == 0 && len > 0) {
		size_t n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);

		rc = stream_write(out->fd, zeros, n);
		len -= n;
	}
	return rc;
}

int fd_out_end(struct fd_out *out)
{
	if (!out->holes)
		return 0;
	/* Whoever shares the descriptor goes on where we end. */
	if (lseek(out->fd, (off_t)out->pos, SEEK_SET) < 0)
		return -errno;
	if (out->pos > out->end && ftruncate(out->fd, (off_t)out->pos) != 0)
		return -errno;
	return 0;
}
