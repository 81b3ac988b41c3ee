/* SPDX-License-Identifier: BSD-2-Clause */
#include "fd_in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "sigint.h"

enum {
	/* A signal that comes just before read() waits would not end it. */
	LOOK_MS = 200,
	PIPE_LEN = 1 << 20
};

static int64_t read_fd(void *arg, void *buf, size_t len)
{
	int fd = *(const int *)arg;

	while (!sigint_seen()) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		n = poll(&p, 1, LOOK_MS);
		if (n == 0 || (n < 0 && errno == EINTR))
			continue;
		n = read(fd, buf, len);
		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	return -EINTR;
}

void fd_in_begin(struct fd_in *in, const int *fd)
{
	fd_in_over(in, read_fd, (void *)fd);
#ifdef F_SETPIPE_SZ
	/* Fewer turns of who writes and who reads; no matter when refused. */
	(void)fcntl(*fd, F_SETPIPE_SZ, PIPE_LEN);
#endif
}

void fd_in_over(struct fd_in *in,
		int64_t (*read_fn)(void *arg, void *buf, size_t len), void *arg)
{
	in->read = read_fn;
	in->arg = arg;
	in->at = 0;
	in->have = 0;
}

int64_t fd_in_peek(struct fd_in *in, const unsigned char **bytes, size_t len)
{
	memmove(in->head, in->head + in->at, in->have - in->at);
	in->have -= in->at;
	in->at = 0;
	while (in->have < len) {
		int64_t n = in->read(in->arg, in->head + in->have,
				     len - in->have);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		in->have += (size_t)n;
	}
	*bytes = in->head;
	return (int64_t)(in->have < len ? in->have : len);
}

int64_t fd_in_read(void *arg, void *buf, size_t len)
{
	struct fd_in *in = arg;
	size_t n = in->have - in->at;

	if (n == 0)
		return in->read(in->arg, buf, len);
	if (n > len)
		n = len;
	memcpy(buf, in->head + in->at, n);
	in->at += n;
	return (int64_t)n;
}
