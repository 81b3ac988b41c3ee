/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/reserve.h"

#ifdef __linux__
#include <fcntl.h>
#include <sys/vfs.h>
#endif

#ifdef __linux__
enum { EXT = 0xef53, XFS = 0x58465342 };

/* Those that decide late where data goes; others would write zeros. */
static bool gains(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_type == EXT || fs.f_type == XFS);
}

#endif

bool vhd_io_overdoes(const struct vhd_io *io)
{
#ifdef __linux__
	int fd = vhd_io_fd(io);
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == XFS;
#else
	(void)io;
	return false;
#endif
}

bool vhd_io_reserve(struct vhd_io *io, uint64_t len, uint64_t off)
{
#ifdef __linux__
	int fd = vhd_io_fd(io);

	return fd >= 0 && gains(fd) &&
	       fallocate(fd, 0, (off_t)off, (off_t)len) == 0;
#else
	(void)io;
	(void)len;
	(void)off;
	return false;
#endif
}

int vhd_io_reach(struct vhd_io *io, uint64_t end, struct vhd_error *err)
{
	uint64_t size;
	int rc = vhd_io_size(io, &size, err);

	return rc || size >= end ? rc : vhd_io_set_size(io, end, err);
}
