/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign/part_io.h"

#include <errno.h>
#include <unistd.h>

static int64_t part_pread(void *h, void *buf, size_t len, uint64_t off)
{
	const struct part_io *part = h;
	ssize_t n;

	if (off >= part->len)
		return 0;
	if (len > part->len - off)
		len = (size_t)(part->len - off);
	n = pread(part->fd, buf, len, (off_t)(part->off + off));
	return n < 0 ? -errno : n;
}

static int64_t part_size(void *h)
{
	const struct part_io *part = h;

	return (int64_t)part->len;
}

const struct vhd_io_ops part_io_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = part_pread,
	.get_size = part_size,
};
