/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From extents to pieces.  Two kinds of zeros never get further than this: those
 * that the image's map knows, and holes of the file in an extent of data.  A
 * piece ends on a grain, so that the next one begins with one.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/io.h"
#include "io/share.h"
#include "ops/copy_priv.h"

enum {
	/* Feeds asked for one piece at most, so that a call stays short. */
	MAX_FEEDS = 16
};
#define GO_BACK (8 * MiB)
#define SHARE_MOST GiB		/* so that it can be cancelled */

bool vhd_copy_is_loss(const struct vhd_copy *copy, int rc)
{
	return copy->lost && (rc == VHD_E_IO || rc == VHD_E_CORRUPT ||
			      rc == VHD_E_PARENT);
}

/* Blocks of no layer are smaller than this. */
static int find_unit(struct vhd_cutter *c, struct vhd_error *err)
{
	struct vhd_info *info = vhd_alloc(sizeof(*info));
	uint32_t i;
	int rc = info ? 0 : vhd_fail_nomem(err);

	c->unit = 256 * MiB;
	for (i = 0; !rc && i < vhd_layers(c->copy->src); i++) {
		info->size = sizeof(*info);
		rc = vhd_layer_info(c->copy->src, i, info, err);
		if (!rc && info->block_size)
			c->unit = min_u64(c->unit, info->block_size);
	}
	vhd_free(info);
	return rc;
}

static void find_sharers(struct vhd_cutter *c)
{
	const struct vhd_image *src = c->copy->src;
	uint32_t i;

	for (i = 0; i < src->count && i < COPY_SHARERS; i++) {
		if (vhd_io_may_share(c->copy->into, src->layers[i].io))
			c->share[i / 64] |= UINT64_C(1) << i % 64;
	}
}

int vhd_cutter_init(struct vhd_cutter *c, const struct vhd_copy *copy,
		    struct vhd_error *err)
{
	memset(c, 0, sizeof(*c));
	c->copy = copy;
	if (copy->share && copy->place && !copy->lost && !copy->stored_once)
		find_sharers(c);
	return copy->lost ? find_unit(c, err) : 0;
}

static bool layer_shares(const struct vhd_cutter *c, uint32_t layer)
{
	return layer < COPY_SHARERS && c->share[layer / 64] >> layer % 64 & 1;
}

bool vhd_cutter_shares(const struct vhd_cutter *c)
{
	uint64_t any = 0;
	size_t i;

	for (i = 0; i < COPY_SHARERS / 64; i++)
		any |= c->share[i];
	return any;
}

static void put(struct vhd_piece *p, enum vhd_chunk_kind kind,
		struct vhd_io *io, uint64_t file_off, uint64_t off,
		uint64_t len)
{
	struct vhd_chunk *last = p->chunks ? &p->chunk[p->chunks - 1] : NULL;

	p->length += len;
	if (kind == VHD_CHUNK_STORED)
		p->stored += len;
	if (last && last->kind == kind && last->io == io &&
	    last->off + last->len == off &&
	    (!io || last->file_off + last->len == file_off))
		last->len += len;
	else
		p->chunk[p->chunks++] = (struct vhd_chunk){ kind, io, file_off,
							    off, len };
}

/* A file that was cut off reads as zeros there, but should not. */
static uint64_t missing(const struct vhd_copy *copy, const struct vhd_extent *e)
{
	uint64_t file_end = copy->src->layers[e->layer].file_end;
	uint64_t end = e->file_off + e->len;

	if (e->kind != VHD_EXTENT_DATA || end <= file_end)
		return 0;
	return end - max_u64(e->file_off, file_end);
}

/* What was lost while looking for extents: a chunk of its own. */
static int fetch_lost(struct vhd_cutter *c, struct vhd_piece *p,
		      struct vhd_error *err)
{
	uint64_t lost = 0, off = c->next;
	int rc = vhd_feed_past(c, &c->count, &lost, err);

	if (!rc && lost)
		put(p, VHD_CHUNK_LOST, NULL, VHD_NO_OFFSET, off, lost);
	return rc;
}

static int fetch(struct vhd_cutter *c, struct vhd_piece *p,
		 struct vhd_error *err)
{
	const struct vhd_copy_feed *feed = c->copy->feed;
	size_t i;
	int rc;

	c->now = 0;
	c->count = 0;
	c->pos = 0;
	if (feed)
		rc = feed->next(feed->arg, c->ext, COPY_EXTENTS, &c->count,
				err);
	else
		rc = vhd_feed_disk(c, &c->count, err);
	if (!feed && vhd_copy_is_loss(c->copy, rc))
		rc = fetch_lost(c, p, err);
	for (i = 0; !rc && i < c->count; i++)
		c->missing += missing(c->copy, &c->ext[i]);
	return rc;
}

/*
 * Nothing is stored in [file_off, file_off + len): a hole, or no file any more.
 * What lies behind the end that the file really has is lost.
 */
static void put_hole(struct vhd_cutter *c, struct vhd_piece *p,
		     const struct vhd_extent *e, uint64_t file_off,
		     uint64_t len)
{
	const struct vhd_layer *layer = &c->copy->src->layers[e->layer];
	uint64_t off = e->off + (file_off - e->file_off), zeros = len;
	uint64_t real = layer->file_end;

	if (c->copy->lost && !e->layer)
		real = min_u64(real, c->copy->real_end);
	if (c->copy->lost && file_off + len > real)
		zeros = real > file_off ? real - file_off : 0;
	if (zeros) {
		put(p, VHD_CHUNK_ZERO, NULL, VHD_NO_OFFSET, off, zeros);
		c->pos += zeros;
		return;
	}
	memset(&c->why, 0, sizeof(c->why));
	vhd_fail(&c->why, VHD_E_CORRUPT, "it lies past the end of the file");
	vhd_err_file(&c->why, VHD_E_CORRUPT, vhd_io_name(layer->io));
	put(p, VHD_CHUNK_LOST, NULL, VHD_NO_OFFSET, off, len);
	c->pos += len;
}

/*
 * Asks for the stretch that @file_off is in or before.  Blocks may come from the
 * back of a file to its front: then what lies somewhat before is asked for as
 * well, so that not each of them walks all that has been walked already.
 */
static int ask(const struct vhd_copy_known *k, struct vhd_io *io,
	       uint64_t file_off, uint64_t far, uint64_t *off_out,
	       uint64_t *stop_out, struct vhd_error *err)
{
	if (k->io == io && file_off < k->asked) {
		uint64_t from = file_off - min_u64(file_off, GO_BACK);
		int rc = vhd_io_next_data(io, from, far, off_out, stop_out,
					  err);

		if (rc || (*off_out <= file_off && file_off < *stop_out))
			return rc;
	}
	return vhd_io_next_data(io, file_off, far, off_out, stop_out, err);
}

/*
 * The next stored bytes of a layer's file, [*off_out, *end_out), from @file_off
 * on and as far as @end.  That a byte is stored is remembered of each layer, so
 * that a file is asked once for each of its stretches and not for each extent:
 * some file systems look at all pages up to the next hole to answer.  Holes are
 * not remembered, since something may be written there.
 */
static int know(struct vhd_cutter *c, uint32_t layer, uint64_t file_off,
		uint64_t end, uint64_t *off_out, uint64_t *end_out,
		struct vhd_error *err)
{
	struct vhd_copy_known *k = &c->known[layer % COPY_KNOWN];
	struct vhd_io *io = c->copy->src->layers[layer].io;
	uint64_t far = c->copy->stored_once ? end : INT64_MAX;

	if (k->io != io || file_off < k->off || file_off >= k->end) {
		uint64_t off, stop;
		int rc = ask(k, io, file_off, far, &off, &stop, err);

		if (vhd_copy_is_loss(c->copy, rc)) {
			/* What cannot be asked has to be tried. */
			off = file_off;
			stop = end;
		} else if (rc) {
			return rc;
		}
		*k = (struct vhd_copy_known){ io, off, stop, file_off };
	}
	*off_out = min_u64(max_u64(k->off, file_off), end);
	*end_out = min_u64(k->end, end);
	return 0;
}

/* How much of @len bytes at @off fits what is left of the buffer. */
static uint64_t fitting(const struct vhd_piece *p, uint64_t off, uint64_t len)
{
	uint64_t room = COPY_BUFFER - p->stored;

	if (len <= room)
		return len;
	if (room > COPY_GRAIN)
		room -= (off + room) % COPY_GRAIN;
	return room;
}

/* *@full_out: the rest is for another piece. */
static int cut_data(struct vhd_cutter *c, const struct vhd_extent *e,
		    struct vhd_piece *p, bool *full_out, struct vhd_error *err)
{
	const struct vhd_layer *layer = &c->copy->src->layers[e->layer];
	uint64_t file_off = e->file_off + c->pos, off = e->off + c->pos;
	uint64_t end = e->file_off + e->len, n, start, stop;
	int rc;

	if (c->copy->lost && file_off >= layer->file_end) {
		put_hole(c, p, e, file_off, end - file_off);
		return 0;
	}
	if (c->copy->lost)
		end = min_u64(end, layer->file_end);
	rc = know(c, e->layer, file_off, end, &start, &stop, err);
	if (rc)
		return rc;
	if (start > file_off) {
		put_hole(c, p, e, file_off, start - file_off);
		return 0;
	}
	end = stop;
	n = end - file_off;
	if (n >= VHD_SHARE_LEAST && !c->plain && layer_shares(c, e->layer)) {
		*full_out = true;
		if (p->chunks)
			return 0;
		n = min_u64(n, SHARE_MOST);
		p->shared = true;
	} else {
		n = fitting(p, off, c->plain ? min_u64(n, c->plain) : n);
		*full_out = !n;
		c->plain -= c->plain ? n : 0;
	}
	if (n)
		put(p, VHD_CHUNK_STORED, layer->io, file_off, off, n);
	c->pos += n;
	p->ahead = end - file_off - n;
	return 0;
}

static int cut_one(struct vhd_cutter *c, struct vhd_piece *p, bool *full_out,
		   struct vhd_error *err)
{
	const struct vhd_extent *e = &c->ext[c->now];
	int rc = 0;

	if (e->kind == VHD_EXTENT_DATA) {
		rc = cut_data(c, e, p, full_out, err);
	} else {
		put(p, VHD_CHUNK_ZERO, NULL, VHD_NO_OFFSET, e->off, e->len);
		c->pos = e->len;
	}
	if (c->pos == e->len) {
		c->now++;
		c->pos = 0;
	}
	return rc;
}

int vhd_cut(struct vhd_cutter *c, struct vhd_piece *p, struct vhd_error *err)
{
	/* Losses are told at once, and in order. */
	size_t most = c->copy->lost ? 1 : COPY_CHUNKS;
	bool full = false;
	int feeds = 0, rc = 0;

	p->chunks = 0;
	p->stored = 0;
	p->length = 0;
	p->ahead = 0;
	p->shared = false;
	while (!rc && !full && p->chunks < most && p->stored < COPY_BUFFER) {
		if (c->now < c->count) {
			rc = cut_one(c, p, &full, err);
			continue;
		}
		if (feeds++ == MAX_FEEDS && p->chunks)
			break;
		/* What a stream gives now must be read before it goes on. */
		if (c->copy->stored_once && p->stored)
			break;
		rc = fetch(c, p, err);
		if (!c->count)
			break;
	}
	return rc;
}

void vhd_cut_again(struct vhd_cutter *c, const struct vhd_share_end *end)
{
	/* The extent may be done with: it is still there. */
	if (!c->pos && c->now) {
		c->now--;
		c->pos = c->ext[c->now].len;
	}
	c->pos -= end->left;
	c->plain = end->plain;
	if (end->never) {
		uint32_t layer = c->ext[c->now].layer;

		c->share[layer / 64] &= ~(UINT64_C(1) << layer % 64);
	}
}
