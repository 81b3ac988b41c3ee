/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/stream_pen.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

enum {
	ROOM = 128 << 10,
	/* From here on a write of its own is cheaper than gathering. */
	LARGE = 32 << 10,
	/* Between two questions whether to go on. */
	ZERO_STEP = 64 << 20
};

static int took(const struct vhd_pen *pen, int rc, struct vhd_error *err)
{
	if (!rc)
		return 0;
	return vhd_fail_errno(err, -rc, VHD_NO_OFFSET,
			      "cannot write the stream, after %" PRIu64
			      " bytes of %" PRIu64, pen->pos - pen->fill,
			      pen->total);
}

static int tell(const struct vhd_pen *pen, struct vhd_error *err)
{
	if (!pen->progress ||
	    pen->progress(pen->progress_arg, pen->pos, pen->total))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
}

int vhd_pen_open(struct vhd_pen *pen, struct vhd_error *err)
{
	pen->fill = 0;
	pen->pos = 0;
	pen->buf = vhd_alloc_aligned(4096, ROOM);
	pen->zeros = vhd_alloc_aligned(4096, ROOM);
	if (!pen->buf || !pen->zeros)
		return vhd_fail_nomem(err);
	memset(pen->zeros, 0, ROOM);
	return 0;
}

void vhd_pen_close(struct vhd_pen *pen)
{
	vhd_free(pen->buf);
	vhd_free(pen->zeros);
	pen->buf = NULL;
	pen->zeros = NULL;
}

int vhd_pen_flush(struct vhd_pen *pen, struct vhd_error *err)
{
	size_t len = pen->fill;
	int rc = 0;

	if (len)
		rc = took(pen, pen->sink->write(pen->sink->arg, pen->buf, len),
			  err);
	pen->fill = 0;
	return rc ? rc : tell(pen, err);
}

static int gather(struct vhd_pen *pen, const uint8_t *bytes, uint64_t len,
		  struct vhd_error *err)
{
	int rc = 0;

	while (!rc && len) {
		size_t n = (size_t)min_u64(len, ROOM - pen->fill);

		memcpy(pen->buf + pen->fill, bytes, n);
		pen->fill += n;
		pen->pos += n;
		bytes += n;
		len -= n;
		if (pen->fill == ROOM)
			rc = vhd_pen_flush(pen, err);
	}
	return rc;
}

/* What was gathered and did not fill its room goes first. */
static int direct(struct vhd_pen *pen, const void *bytes, uint64_t len,
		  struct vhd_error *err)
{
	int rc = pen->fill ? vhd_pen_flush(pen, err) : 0;

	if (rc)
		return rc;
	rc = took(pen, pen->sink->write(pen->sink->arg, bytes, (size_t)len),
		  err);
	pen->pos += len;
	return rc ? rc : tell(pen, err);
}

int vhd_pen_bytes(struct vhd_pen *pen, const void *buf, uint64_t len,
		  struct vhd_error *err)
{
	return len < LARGE ? gather(pen, buf, len, err)
			   : direct(pen, buf, len, err);
}

int vhd_pen_zero(struct vhd_pen *pen, uint64_t len, struct vhd_error *err)
{
	bool known = pen->sink->zero && len >= LARGE;
	int rc = 0;

	if (known && pen->fill)
		rc = vhd_pen_flush(pen, err);
	while (!rc && len) {
		uint64_t n = min_u64(len, known ? ZERO_STEP : ROOM);

		if (known) {
			rc = took(pen, pen->sink->zero(pen->sink->arg, n), err);
			pen->pos += n;
			rc = rc ? rc : tell(pen, err);
		} else {
			rc = vhd_pen_bytes(pen, pen->zeros, n, err);
		}
		len -= n;
	}
	return rc;
}
