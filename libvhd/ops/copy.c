/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zeros are left out in three ways, cheapest first: extents that are zeros by
 * the map of the source, holes in the file below an extent of data, and, in
 * what was read, runs of whole 4 KiB grains that hold nothing but zeros.
 *
 * The buffer is as large as a second-level cache likes: larger ones fall out
 * of it between the read, the test for zeros, and the write.
 */
#include "ops/copy.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"
#include "image/image_priv.h"

#define COPY_BUFFER (256u * 1024)
#define COPY_GRAIN 4096u
#define COPY_EXTENTS 64

struct state {
	const struct vhd_copy *copy;
	uint8_t *buf;
};

static int tell(const struct state *s, uint64_t done, struct vhd_error *err)
{
	const struct vhd_copy *c = s->copy;

	if (!c->progress ||
	    c->progress(c->progress_arg, done, vhd_size(c->src)))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
}

static int give_zero(const struct state *s, uint64_t len, uint64_t off,
		     struct vhd_error *err)
{
	if (!len || !s->copy->zero)
		return 0;
	return s->copy->zero(s->copy->arg, len, off, err);
}

/* Length of the grain at @p; grains lie on multiples of COPY_GRAIN. */
static size_t grain_len(uint64_t off, size_t left)
{
	return (size_t)min_u64(COPY_GRAIN - off % COPY_GRAIN, left);
}

/* Hands out @len bytes that were read, zeros and data apart. */
static int give_bytes(const struct state *s, size_t len, uint64_t off,
		      struct vhd_error *err)
{
	const uint8_t *p = s->buf;
	int rc = 0;

	while (!rc && len) {
		size_t run = grain_len(off, len);
		bool zero = vhd_is_zero(p, run);

		while (run < len) {
			size_t n = grain_len(off + run, len - run);

			if (vhd_is_zero(p + run, n) != zero)
				break;
			run += n;
		}
		if (zero)
			rc = give_zero(s, run, off, err);
		else
			rc = s->copy->data(s->copy->arg, p, run, off, err);
		p += run;
		off += run;
		len -= run;
	}
	return rc;
}

/* Bytes that the file of @e really stores, in cache-sized pieces. */
static int copy_stored(const struct state *s, struct vhd_io *io,
		       uint64_t file_off, uint64_t len, uint64_t off,
		       struct vhd_error *err)
{
	int rc = 0;

	while (!rc && len) {
		size_t n = (size_t)min_u64(len, COPY_BUFFER - off % COPY_GRAIN);

		rc = vhd_io_read_padded(io, s->buf, n, file_off, err);
		if (!rc)
			rc = give_bytes(s, n, off, err);
		file_off += n;
		off += n;
		len -= n;
		if (!rc)
			rc = tell(s, off, err);
	}
	return rc;
}

static int copy_data(const struct state *s, const struct vhd_extent *e,
		     struct vhd_error *err)
{
	struct vhd_io *io = s->copy->src->layers[e->layer].io;
	uint64_t pos = e->file_off;
	uint64_t end = e->file_off + e->len;
	uint64_t off = e->off;
	int rc = 0;

	while (!rc && pos < end) {
		uint64_t start, stop;

		rc = vhd_io_next_data(io, pos, end, &start, &stop, err);
		if (rc)
			break;
		rc = give_zero(s, start - pos, off, err);
		off += start - pos;
		if (!rc && stop > start)
			rc = copy_stored(s, io, start, stop - start, off, err);
		off += stop - start;
		pos = stop;
	}
	return rc;
}

/* A file that was cut off reads as zeros there, but should not. */
static uint64_t missing(const struct vhd_copy *copy, const struct vhd_extent *e)
{
	uint64_t file_end = copy->src->layers[e->layer].file_end;
	uint64_t end = e->file_off + e->len;

	if (end <= file_end)
		return 0;
	return end - max_u64(e->file_off, file_end);
}

int vhd_copy_run(const struct vhd_copy *copy, uint64_t *missing_out,
		 struct vhd_error *err)
{
	struct state s = { .copy = copy };
	struct vhd_extent ext[COPY_EXTENTS];
	uint64_t off = 0, size = vhd_size(copy->src), lost = 0;
	int rc = 0;

	s.buf = vhd_alloc_aligned(4096, COPY_BUFFER);
	if (!s.buf)
		return vhd_fail_nomem(err);
	rc = tell(&s, 0, err);
	while (!rc && off < size) {
		size_t n, i;

		rc = vhd_resolve(copy->src, off, size - off, ext, COPY_EXTENTS,
				 &n, err);
		for (i = 0; !rc && i < n; i++) {
			if (ext[i].kind == VHD_EXTENT_DATA) {
				lost += missing(copy, &ext[i]);
				rc = copy_data(&s, &ext[i], err);
			} else {
				rc = give_zero(&s, ext[i].len, ext[i].off, err);
			}
			off = ext[i].off + ext[i].len;
			if (!rc)
				rc = tell(&s, off, err);
		}
	}
	vhd_free(s.buf);
	if (!rc && missing_out)
		*missing_out = lost;
	return rc;
}
