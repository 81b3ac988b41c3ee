/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extents are looked up in batches and cut where the file has holes, so that
 * what is not stored is known to be zeros without reading it.  An answer about
 * a file's holes is kept: one look often serves many extents.
 */
#include "ops/compare_side.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/stat.h"
#include "vhd/write.h"

int vhd_compare_side_open(struct vhd_compare_side *s, struct vhd_image *img,
			  size_t room, struct vhd_error *err)
{
	memset(s, 0, sizeof(*s));
	s->img = img;
	s->buf = vhd_alloc_aligned(4096, room);
	return s->buf ? 0 : vhd_fail_nomem(err);
}

static void forget(struct vhd_compare_side *s)
{
	if (s->move)
		vhd_read_end(s->img, &s->move);
	s->count = s->next = 0;
	/* Where somebody writes, holes do not stay. */
	if (s->img->writer)
		s->asked = NULL;
}

void vhd_compare_side_close(struct vhd_compare_side *s)
{
	if (s->img)
		forget(s);
	vhd_free(s->buf);
	s->buf = NULL;
}

/* The extent that @off lies in, which is inside the disk. */
static int find(struct vhd_compare_side *s, uint64_t off,
		const struct vhd_extent **ext_out, struct vhd_error *err)
{
	uint64_t end;
	int rc;

	/* Some go back a little, after they looked ahead. */
	if (s->next && off < s->ext[s->next - 1].off + s->ext[s->next - 1].len)
		s->next = 0;
	for (; s->next < s->count; s->next++) {
		const struct vhd_extent *e = &s->ext[s->next];

		if (off < e->off)
			break;
		if (off - e->off < e->len) {
			*ext_out = e;
			return 0;
		}
	}
	forget(s);
	end = min_u64(s->limit, vhd_size(s->img));
	rc = vhd_read_begin(s->img, off, end - off, s->ext,
			    VHD_COMPARE_EXTENTS, &s->count, &s->move, err);
	*ext_out = &s->ext[0];
	return rc;
}

/* Cuts a piece of data to what is stored, or to a hole, which is zeros. */
static int cut(struct vhd_compare_side *s, struct vhd_compare_piece *p,
	       struct vhd_error *err)
{
	int rc;

	if (s->asked != p->layer || p->file_off < s->hole_off ||
	    p->file_off >= s->data_end) {
		s->asked = NULL;
		rc = vhd_io_next_data(p->layer->io, p->file_off,
				      p->file_off + p->len, &s->data_off,
				      &s->data_end, err);
		if (rc)
			return vhd_err_file(err, rc, vhd_io_name(p->layer->io));
		s->asked = p->layer;
		s->hole_off = p->file_off;
	}
	if (p->file_off >= s->data_off) {
		p->len = min_u64(p->len, s->data_end - p->file_off);
		return 0;
	}
	p->len = min_u64(p->len, s->data_off - p->file_off);
	p->layer = NULL;
	return 0;
}

int vhd_compare_side_look(struct vhd_compare_side *s, uint64_t off,
			  uint64_t end, struct vhd_compare_piece *out,
			  struct vhd_error *err)
{
	const struct vhd_extent *e;
	int rc;

	*out = (struct vhd_compare_piece){ .len = end - off };
	if (off >= vhd_size(s->img))
		return 0;
	rc = find(s, off, &e, err);
	if (rc)
		return rc;
	out->len = min_u64(end - off, e->len - (off - e->off));
	if (e->kind == VHD_EXTENT_ZERO)
		return 0;
	out->layer = &s->img->layers[e->layer];
	out->file_off = e->file_off + (off - e->off);
	return cut(s, out, err);
}

static int fetch(struct vhd_compare_side *s, uint8_t *buf,
		 const struct vhd_compare_piece *p, struct vhd_error *err)
{
	struct vhd_io *io = p->layer->io;
	int rc = vhd_io_read_padded(io, buf, (size_t)p->len, p->file_off, err);

	s->read_bytes += p->len;
	return rc ? vhd_err_file(err, rc, vhd_io_name(io)) : 0;
}

int vhd_compare_side_read(struct vhd_compare_side *s, uint64_t off, size_t len,
			  const uint8_t **bytes_out, struct vhd_error *err)
{
	bool zero = true;
	size_t pos = 0;
	int rc = 0;

	while (!rc && pos < len) {
		struct vhd_compare_piece p;

		rc = vhd_compare_side_look(s, off + pos, off + len, &p, err);
		if (rc)
			break;
		if (p.layer) {
			rc = fetch(s, s->buf + pos, &p, err);
			zero = false;
		} else {
			memset(s->buf + pos, 0, (size_t)p.len);
		}
		pos += (size_t)p.len;
	}
	*bytes_out = zero ? NULL : s->buf;
	return rc;
}

bool vhd_compare_piece_same(const struct vhd_compare_piece *a,
			    const struct vhd_compare_piece *b)
{
	if (!a->layer || !b->layer)
		return a->layer == b->layer;
	if (a->file_off != b->file_off)
		return false;
	return a->layer->io == b->layer->io ||
	       vhd_file_id_same(&a->layer->file_id, &b->layer->file_id);
}
