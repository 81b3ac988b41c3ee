/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel wants places, lengths and memory in multiples of a sector, and says
 * EINVAL to others: pages serve for every device.  Whole pages around what is
 * asked for are read into memory that begins at one, and copied from there.
 */
#include "io/io_direct.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/io_posix.h"

enum { PAGE = 4096, STEP = 16 * PAGE };

struct direct {
	struct vhd_io *below;
	int fd;
};

/* What fits into a step, @skip bytes into it, in whole pages. */
static size_t pages(size_t len, size_t skip)
{
	if (len > STEP - skip)
		return STEP;
	return (skip + len + PAGE - 1) / PAGE * PAGE;
}

static int64_t direct_pread(void *h, void *buf, size_t len, uint64_t off)
{
	const struct direct *d = h;
	size_t skip = (size_t)(off % PAGE);
	size_t want = pages(len, skip);
	void *mem = vhd_alloc_aligned(PAGE, want);
	int64_t got;

	if (!mem)
		return -ENOMEM;
	got = pread(d->fd, mem, want, (off_t)(off - skip));
	/* A device below that wants more than pages. */
	if (got < 0 && errno == EINVAL && fcntl(d->fd, F_SETFL, 0) == 0)
		got = pread(d->fd, mem, want, (off_t)(off - skip));
	if (got < 0) {
		got = -errno;
	} else {
		/* The end of the device may be in the middle of a page. */
		got -= (int64_t)skip;
		if (got < 0)
			got = 0;
		if ((uint64_t)got > len)
			got = (int64_t)len;
		memcpy(buf, (char *)mem + skip, (size_t)got);
	}
	vhd_free(mem);
	return got;
}

static int64_t direct_get_size(void *h)
{
	const struct direct *d = h;
	off_t n = lseek(d->fd, 0, SEEK_END);

	return n < 0 ? -errno : n;
}

static int direct_close(void *h)
{
	struct direct *d = h;

	vhd_io_close(&d->below, NULL);
	vhd_free(d);
	return 0;
}

static const struct vhd_io_ops direct_ops = {
	.size = sizeof(direct_ops),
	.pread = direct_pread,
	.get_size = direct_get_size,
	.close = direct_close,
};

static bool can(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) &&
	       fcntl(fd, F_SETFL, O_DIRECT) == 0;
}

int vhd_io_open_direct(const char *path, struct vhd_io **io_out,
		       struct vhd_error *err)
{
	struct vhd_io *below = NULL;
	struct direct *d;
	int rc = vhd_io_open_posix(path, 0, &below, err);

	if (rc)
		return rc;
	if (!can(vhd_io_fd(below))) {
		*io_out = below;
		return 0;
	}
	d = vhd_alloc(sizeof(*d));
	if (!d) {
		vhd_io_close(&below, NULL);
		return vhd_fail_nomem(err);
	}
	d->below = below;
	d->fd = vhd_io_fd(below);
	return vhd_io_new(&direct_ops, d, path, io_out, err);
}
