/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a volume, and naming what it does not use.
 */
#include "common/fs/fs_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fs_left(struct fs_part *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	return FS_LEFT;
}

int vol_read(struct fs_vol *v, void *buf, size_t len, uint64_t off)
{
	if (!range_in(off, len, v->len))
		return fs_left(v->part,
			       "it refers to bytes outside of itself");
	return v->disk->read(v->disk->arg, buf, len, v->part->off + off);
}

int sink_flush(struct fs_sink *s)
{
	uint64_t len = s->len;

	s->len = 0;
	if (!len || !s->emit)
		return FS_OK;
	return s->emit(s->arg, s->off, len) ? FS_OK : FS_ENDED;
}

static int sink_put(struct fs_sink *s, uint64_t off, uint64_t len)
{
	int rc;

	if (s->len && s->off + s->len == off) {
		s->len += len;
		return FS_OK;
	}
	rc = sink_flush(s);
	s->off = off;
	s->len = len;
	return rc;
}

int vol_unused(struct fs_vol *v, uint64_t off, uint64_t len)
{
	if (!len)
		return FS_OK;
	if (!range_in(off, len, v->len) || off < v->next)
		return fs_left(v->part, "its records of free space overlap or "
				"lie outside of it");
	v->next = off + len;
	v->unused += len;
	return v->sink ? sink_put(v->sink, v->part->off + off, len) : FS_OK;
}

static int bits_close(struct fs_vol *v, struct fs_bits *b)
{
	if (!b->open)
		return FS_OK;
	b->open = false;
	b->zeros += b->at - b->run;
	return vol_unused(v, b->base + b->run * b->unit,
			  (b->at - b->run) * b->unit);
}

/* @count units that are all the same. */
static int take_same(struct fs_vol *v, struct fs_bits *b, bool used,
		     uint32_t count)
{
	int rc = used ? bits_close(v, b) : FS_OK;

	if (!used && !b->open) {
		b->open = true;
		b->run = b->at;
	}
	b->at += count;
	return rc;
}

int bits_one(struct fs_vol *v, struct fs_bits *b, bool used)
{
	return take_same(v, b, used, 1);
}

int bits_take(struct fs_vol *v, struct fs_bits *b, const uint8_t *map,
	      size_t len)
{
	size_t i;
	int rc = FS_OK, bit;

	for (i = 0; i < len && !rc; i++) {
		if ((map[i] == 0 || map[i] == 0xff) && b->count - b->at >= 8) {
			rc = take_same(v, b, map[i] == 0xff, 8);
			continue;
		}
		for (bit = 0; bit < 8 && b->at < b->count && !rc; bit++)
			rc = take_same(v, b, map[i] >> bit & 1, 1);
	}
	return rc;
}

int bits_end(struct fs_vol *v, struct fs_bits *b)
{
	return bits_close(v, b);
}
