/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zeros are left out in three ways, cheapest first: extents that are zeros by
 * the map of the source, holes in the file below an extent of data, and, in
 * what was read, runs of whole 4 KiB grains that hold nothing but zeros.
 *
 * The buffer is as large as a second-level cache likes: larger ones fall out
 * of it between the read, the test for zeros, and the write.
 *
 * Who wants what can be had of a damaged disk is told of losses instead of
 * getting an error.  They are as small as can be found out: a page of the file
 * where it cannot be read, the block where its place is not known, what a
 * missing parent alone holds, what lies behind the end of the file.
 */
#include "ops/copy.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"
#include "image/image_priv.h"
#include "image/rw.h"

#define COPY_BUFFER (256u * 1024)
#define COPY_GRAIN 4096u
#define COPY_EXTENTS 64

struct state {
	const struct vhd_copy *copy;
	uint8_t *buf;
	uint64_t unit;		/* with losses: the smallest block of a layer */
};

/* A failure of the source that is a loss. */
static bool is_loss(const struct state *s, int rc)
{
	return s->copy->lost && (rc == VHD_E_IO || rc == VHD_E_CORRUPT ||
				 rc == VHD_E_PARENT);
}

static int give_lost(const struct state *s, uint64_t len, uint64_t off,
		     const struct vhd_error *why, struct vhd_error *err)
{
	return len ? s->copy->lost(s->copy->arg, len, off, why, err) : 0;
}

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

/* The same bytes again, page by page of the file; some cannot be read. */
static int copy_pages(const struct state *s, struct vhd_io *io,
		      uint64_t file_off, uint64_t len, uint64_t off,
		      struct vhd_error *err)
{
	int rc = 0;

	while (!rc && len) {
		size_t n = grain_len(file_off, (size_t)len);
		struct vhd_error why = { .code = VHD_OK };

		rc = vhd_io_read_padded(io, s->buf, n, file_off, &why);
		if (!rc)
			rc = give_bytes(s, n, off, err);
		else if (is_loss(s, rc))
			rc = give_lost(s, n, off, &why, err);
		else if (err)
			*err = why;
		file_off += n;
		off += n;
		len -= n;
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
		else if (is_loss(s, rc))
			rc = copy_pages(s, io, file_off, n, off, err);
		file_off += n;
		off += n;
		len -= n;
		if (!rc)
			rc = tell(s, off, err);
	}
	return rc;
}

/* Where the file of @e ends, or ended before it was made longer. */
static uint64_t real_end(const struct vhd_copy *copy,
			 const struct vhd_extent *e)
{
	uint64_t end = copy->src->layers[e->layer].file_end;

	return copy->lost && !e->layer ? min_u64(end, copy->real_end) : end;
}

/* Nothing is stored there: a hole, or no file any more. */
static int copy_hole(const struct state *s, const struct vhd_extent *e,
		     uint64_t pos, uint64_t end, struct vhd_error *err)
{
	uint64_t off = e->off + (pos - e->file_off);
	uint64_t real = max_u64(min_u64(real_end(s->copy, e), end), pos);
	struct vhd_error why = { .code = VHD_E_CORRUPT };
	int rc;

	if (!s->copy->lost)
		return give_zero(s, end - pos, off, err);
	rc = give_zero(s, real - pos, off, err);
	if (rc || real == end)
		return rc;
	vhd_fail(&why, VHD_E_CORRUPT, "it lies past the end of the file");
	vhd_err_file(&why, VHD_E_CORRUPT,
		     vhd_io_name(s->copy->src->layers[e->layer].io));
	return give_lost(s, end - real, off + (real - pos), &why, err);
}

static int copy_data(const struct state *s, const struct vhd_extent *e,
		     struct vhd_error *err)
{
	const struct vhd_layer *layer = &s->copy->src->layers[e->layer];
	struct vhd_io *io = layer->io;
	uint64_t pos = e->file_off;
	uint64_t all = e->file_off + e->len, end = all;
	int rc = 0;

	if (s->copy->lost)
		end = max_u64(min_u64(all, layer->file_end), pos);
	while (!rc && pos < end) {
		uint64_t start, stop;

		rc = vhd_io_next_data(io, pos, end, &start, &stop, err);
		if (is_loss(s, rc)) {
			/* What cannot be asked has to be tried. */
			start = pos;
			stop = end;
			rc = 0;
		}
		if (!rc && start > pos)
			rc = copy_hole(s, e, pos, start, err);
		if (!rc && stop > start)
			rc = copy_stored(s, io, start, stop - start,
					 e->off + (start - e->file_off), err);
		pos = stop;
	}
	return !rc && all > end ? copy_hole(s, e, end, all, err) : rc;
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

static int copy_extents(const struct state *s, const struct vhd_extent *ext,
			size_t n, uint64_t *missing_out, struct vhd_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		if (ext[i].kind == VHD_EXTENT_DATA) {
			*missing_out += missing(s->copy, &ext[i]);
			rc = copy_data(s, &ext[i], err);
		} else {
			rc = give_zero(s, ext[i].len, ext[i].off, err);
		}
		if (!rc)
			rc = tell(s, ext[i].off + ext[i].len, err);
	}
	return rc;
}

/*
 * Nobody knows what lies at @off.  When it is not a matter of what a look ahead
 * came upon, so much is lost as shares the fate: the rest of the block at most.
 */
static int pass_over(const struct state *s, uint64_t off, uint64_t *len_out,
		     struct vhd_error *err)
{
	uint64_t end = min_u64(off - off % s->unit + s->unit,
			       vhd_size(s->copy->src));
	struct vhd_error why = { .code = VHD_OK };
	uint64_t lost = 0;
	struct vhd_extent e;
	int rc = vhd_image_look(s->copy->src, off, end - off, &e, &why);

	*len_out = e.len ? e.len : end - off;
	if (!rc)
		return copy_extents(s, &e, 1, &lost, err);
	if (!is_loss(s, rc)) {
		if (err)
			*err = why;
		return rc;
	}
	rc = give_lost(s, *len_out, off, &why, err);
	return rc ? rc : tell(s, off + *len_out, err);
}

/* Blocks of no layer are smaller than this. */
static int find_unit(struct state *s, struct vhd_error *err)
{
	struct vhd_info *info = vhd_alloc(sizeof(*info));
	uint32_t i;
	int rc = info ? 0 : vhd_fail_nomem(err);

	s->unit = 256 * MiB;
	for (i = 0; !rc && i < vhd_layers(s->copy->src); i++) {
		info->size = sizeof(*info);
		rc = vhd_layer_info(s->copy->src, i, info, err);
		if (!rc && info->block_size)
			s->unit = min_u64(s->unit, info->block_size);
	}
	vhd_free(info);
	return rc;
}

int vhd_copy_run(const struct vhd_copy *copy, uint64_t *missing_out,
		 struct vhd_error *err)
{
	struct state s = { .copy = copy };
	struct vhd_extent ext[COPY_EXTENTS];
	uint64_t off = 0, size = vhd_size(copy->src), lost = 0;
	int rc;

	s.buf = vhd_alloc_aligned(4096, COPY_BUFFER);
	if (!s.buf)
		return vhd_fail_nomem(err);
	rc = tell(&s, 0, err);
	if (!rc && copy->lost)
		rc = find_unit(&s, err);
	while (!rc && off < size) {
		uint64_t len;
		size_t n;

		rc = vhd_resolve(copy->src, off, size - off, ext, COPY_EXTENTS,
				 &n, err);
		if (!rc) {
			len = ext[n - 1].off + ext[n - 1].len - off;
			rc = copy_extents(&s, ext, n, &lost, err);
		} else if (is_loss(&s, rc)) {
			rc = pass_over(&s, off, &len, err);
		} else {
			break;
		}
		off += len;
	}
	vhd_free(s.buf);
	if (!rc && missing_out)
		*missing_out = lost;
	return rc;
}
