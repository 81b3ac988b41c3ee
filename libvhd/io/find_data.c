/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/find_data.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"

enum { LOOK_LEN = 64 << 10 };

static int look(struct vhd_io *io, uint8_t *buf, uint64_t off, uint64_t end,
		uint64_t *at_out, struct vhd_error *err)
{
	size_t len = (size_t)min_u64(end - off, LOOK_LEN), i = 0;
	int rc = vhd_io_read_padded(io, buf, len, off, err);

	*at_out = end;
	if (rc || vhd_is_zero(buf, len))
		return rc;
	while (!buf[i])
		i++;
	*at_out = off + i;
	return 0;
}

int vhd_io_find_data(struct vhd_io *io, uint64_t off, uint64_t end,
		     uint64_t *budget, uint64_t *at_out, struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc(LOOK_LEN);
	uint64_t start = off, stop = off, at = end;
	int rc = 0;

	if (!buf)
		return vhd_fail_nomem(err);
	while (!rc && at == end && off < end && *budget) {
		if (off >= stop)
			rc = vhd_io_next_data(io, off, end, &start, &stop, err);
		off = max_u64(off, start);
		if (rc || off >= end)
			break;
		--*budget;
		rc = look(io, buf, off, end, &at, err);
		off = align_down(off, MiB) + MiB;
	}
	*at_out = at;
	vhd_free(buf);
	return rc;
}
