/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/io_lenient.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

enum { PAGE = 4096, SECTOR = 512 };

struct lenient {
	struct vhd_io *inner;
	const bool *on;
};

static int errno_of(const struct vhd_error *e)
{
	return e->os_errno ? -e->os_errno : -EIO;
}

static void read_sectors(const struct lenient *l, uint8_t *buf, size_t len,
			 uint64_t off)
{
	while (len) {
		size_t n = (size_t)min_u64(len, SECTOR - off % SECTOR);

		if (vhd_io_read(l->inner, buf, n, off, NULL))
			memset(buf, 0, n);
		buf += n;
		off += n;
		len -= n;
	}
}

/* Page by page, and sector by sector where a page fails. */
static void read_pages(const struct lenient *l, uint8_t *buf, size_t len,
		       uint64_t off)
{
	while (len) {
		size_t n = (size_t)min_u64(len, PAGE - off % PAGE);

		if (vhd_io_read(l->inner, buf, n, off, NULL))
			read_sectors(l, buf, n, off);
		buf += n;
		off += n;
		len -= n;
	}
}

static int64_t lenient_pread(void *h, void *buf, size_t len, uint64_t off)
{
	const struct lenient *l = h;
	struct vhd_error e = { .code = VHD_OK };
	uint64_t size;

	if (vhd_io_size(l->inner, &size, &e))
		return errno_of(&e);
	if (off >= size)
		return 0;
	len = (size_t)min_u64(len, size - off);
	if (!vhd_io_read(l->inner, buf, len, off, &e))
		return (int64_t)len;
	if (!*l->on || e.code != VHD_E_IO)
		return errno_of(&e);
	read_pages(l, buf, len, off);
	return (int64_t)len;
}

static int64_t lenient_get_size(void *h)
{
	const struct lenient *l = h;
	struct vhd_error e = { .code = VHD_OK };
	uint64_t size;

	return vhd_io_size(l->inner, &size, &e) ? errno_of(&e) : (int64_t)size;
}

static int lenient_next_data(void *h, uint64_t off, uint64_t *start_out,
			     uint64_t *end_out)
{
	const struct lenient *l = h;
	struct vhd_error e = { .code = VHD_OK };
	uint64_t size;

	if (vhd_io_size(l->inner, &size, &e))
		return errno_of(&e);
	if (off >= size)
		return -ENXIO;
	if (vhd_io_next_data(l->inner, off, size, start_out, end_out, &e))
		return errno_of(&e);
	return *start_out < size ? 0 : -ENXIO;
}

static int lenient_fd(void *h)
{
	return vhd_io_fd(((const struct lenient *)h)->inner);
}

static int lenient_close(void *h)
{
	vhd_free(h);
	return 0;
}

static const struct vhd_io_ops lenient_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = lenient_pread,
	.get_size = lenient_get_size,
	.next_data = lenient_next_data,
	.fd = lenient_fd,
	.close = lenient_close,
};

int vhd_io_open_lenient(struct vhd_io *inner, const bool *lenient,
			struct vhd_io **io_out, struct vhd_error *err)
{
	struct lenient *l = vhd_alloc(sizeof(*l));

	if (!l)
		return vhd_fail_nomem(err);
	l->inner = inner;
	l->on = lenient;
	return vhd_io_new(&lenient_ops, l, vhd_io_name(inner), io_out, err);
}
