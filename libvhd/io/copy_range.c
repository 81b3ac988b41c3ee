/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/copy_range.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/share.h"

enum { PIECE = 512 << 10 };

static int copy_bytes(struct vhd_copier *c, uint64_t from, uint64_t to,
		      uint64_t len, struct vhd_error *err)
{
	int rc = 0;

	if (!c->buf)
		c->buf = vhd_alloc_aligned(4096, PIECE);
	if (!c->buf)
		return vhd_fail_nomem(err);
	while (!rc && len) {
		size_t n = (size_t)min_u64(len, PIECE);

		rc = vhd_io_read(c->src, c->buf, n, from, err);
		if (!rc)
			rc = vhd_io_write(c->dst, c->buf, n, to, err);
		from += n;
		to += n;
		len -= n;
	}
	return rc;
}

int vhd_copier_run(struct vhd_copier *c, uint64_t from, uint64_t to,
		   uint64_t len, struct vhd_error *err)
{
	int rc = 0;

	while (!rc && len) {
		uint64_t n = len;
		enum vhd_share got = VHD_SHARE_NEVER;

		if (!c->no_share)
			got = vhd_io_share(c->dst, to, c->src, from, len, &n);
		c->no_share = got == VHD_SHARE_NEVER;
		if (got == VHD_SHARE_NEVER)
			n = len;
		else if (got == VHD_SHARE_NOT_HERE)
			n = vhd_io_share_skip(c->dst, to, from, len);
		if (got != VHD_SHARE_DONE)
			rc = copy_bytes(c, from, to, n, err);
		from += n;
		to += n;
		len -= n;
	}
	return rc;
}

int vhd_copier_run_stored(struct vhd_copier *c, uint64_t from, uint64_t to,
			  uint64_t len, struct vhd_error *err)
{
	uint64_t pos = from, end = from + len, start, stop;
	int rc = 0;

	while (!rc && pos < end) {
		rc = vhd_io_next_data(c->src, pos, end, &start, &stop, err);
		if (!rc && start < end)
			rc = vhd_copier_run(c, start, to + (start - from),
					    stop - start, err);
		pos = stop;
	}
	return rc;
}

void vhd_copier_free(struct vhd_copier *c)
{
	vhd_free(c->buf);
	c->buf = NULL;
}
