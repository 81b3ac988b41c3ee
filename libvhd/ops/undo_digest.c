/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/undo_file.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/zero.h"

#define CHUNK (64 * KiB)

static uint32_t digest_page(uint32_t crc, uint64_t off, const uint8_t *page,
			    size_t len)
{
	le64 at = le64_make(off);

	if (vhd_is_zero(page, len))
		return crc;
	crc = vhd_crc32c(crc, &at, sizeof(at));
	return vhd_crc32c(crc, page, len);
}

/* Pages are counted from the beginning of the range. */
static int digest_data(struct vhd_io *io, uint64_t base, uint64_t off,
		       uint64_t end, uint8_t *buf, uint32_t *crc,
		       struct vhd_error *err)
{
	int rc = 0;

	while (!rc && off < end) {
		size_t n = (size_t)min_u64(end - off, CHUNK);

		rc = vhd_io_read(io, buf, n, off, err);
		for (size_t at = 0; !rc && at < n; at += UNDO_SECTOR)
			*crc = digest_page(*crc, off - base + at, buf + at,
					   (size_t)min_u64(UNDO_SECTOR,
							   n - at));
		off += n;
	}
	return rc;
}

int vhd_undo_digest(struct vhd_io *io, uint64_t off, uint64_t len,
		uint32_t *crc_out, struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc(CHUNK);
	uint64_t size = 0, end, at = off;
	uint32_t crc = 0;
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	rc = vhd_io_size(io, &size, err);
	end = min_u64(off + len, size);
	while (!rc && at < end) {
		uint64_t start, stop;

		rc = vhd_io_next_data(io, at, end, &start, &stop, err);
		if (rc || start >= end)
			break;
		/* Holes do not begin where the pages of the range do. */
		start = off + align_down(start - off, UNDO_SECTOR);
		at = min_u64(off + align_up(stop - off, UNDO_SECTOR), end);
		rc = digest_data(io, off, start, at, buf, &crc, err);
	}
	vhd_free(buf);
	*crc_out = crc;
	return rc;
}
