/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a piece, and telling its zeros from its data while it is in cache. */
#include "base/alloc.h"
#include "base/ckd.h"
#include "base/sum.h"
#include "base/zero.h"
#include "io/cachehint.h"
#include "io/io.h"
#include "ops/copy_priv.h"

struct vhd_piece *vhd_piece_new(void)
{
	struct vhd_piece *p = vhd_alloc(sizeof(*p));

	if (!p)
		return NULL;
	p->buf = vhd_alloc_aligned(4096, COPY_BUFFER);
	if (p->buf)
		return p;
	vhd_free(p);
	return NULL;
}

void vhd_piece_free(struct vhd_piece *p)
{
	if (p)
		vhd_free(p->buf);
	vhd_free(p);
}

int vhd_piece_read(const struct vhd_copy *copy, struct vhd_piece *p,
		   struct vhd_error *err)
{
	uint8_t *at = p->buf;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < p->chunks; i++) {
		const struct vhd_chunk *c = &p->chunk[i];

		if (c->kind != VHD_CHUNK_STORED)
			continue;
		rc = vhd_io_read_padded(c->io, at, (size_t)c->len,
					c->file_off, err);
		if (!rc && copy->forget)
			rc = vhd_io_forget(c->io, c->file_off, c->len, err);
		at += c->len;
	}
	return rc;
}

/* Goes on with the last span where both are alike and lie together. */
static void put_span(struct vhd_piece *p, uint64_t off, uint64_t len,
		     const uint8_t *bytes)
{
	struct vhd_copy_span *last = p->spans ? &p->span[p->spans - 1] : NULL;

	if (last && last->off + last->len == off &&
	    (bytes ? last->bytes && last->bytes + last->len == bytes
		   : !last->bytes))
		last->len += len;
	else
		p->span[p->spans++] = (struct vhd_copy_span){ off, len, bytes };
}

/* Runs of whole grains of the disk, and what is left of some at the ends. */
static void scan_chunk(const struct vhd_chunk *c, const uint8_t *bytes,
		       struct vhd_piece *p)
{
	uint64_t off = c->off, left = c->len;

	while (left) {
		uint64_t head = (COPY_GRAIN - off % COPY_GRAIN) % COPY_GRAIN;
		size_t n = (size_t)(head ? min_u64(head, left) : left);
		bool zero;

		n = vhd_zero_run(bytes, n, COPY_GRAIN, &zero);
		put_span(p, off, n, zero ? NULL : bytes);
		off += n;
		bytes += n;
		left -= n;
	}
}

void vhd_piece_scan(const struct vhd_copy *copy, struct vhd_piece *p)
{
	const uint8_t *at = p->buf;
	size_t i;

	p->spans = 0;
	p->sum = 0;
	for (i = 0; i < p->chunks; i++) {
		const struct vhd_chunk *c = &p->chunk[i];

		if (c->kind != VHD_CHUNK_STORED)
			put_span(p, c->off, c->len, NULL);
		else if (copy->whole)
			put_span(p, c->off, c->len, at);
		else
			scan_chunk(c, at, p);
		if (c->kind == VHD_CHUNK_STORED)
			at += c->len;
	}
	for (i = 0; copy->digest && i < p->spans; i++) {
		if (p->span[i].bytes)
			p->sum += vhd_sum(p->span[i].bytes,
					  (size_t)p->span[i].len,
					  p->span[i].off);
	}
}
