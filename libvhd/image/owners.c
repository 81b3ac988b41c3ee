/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/owners.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/alloc.h"
#include "base/ckd.h"

/*
 * A word: a tag above, four bytes below it.  Of pages each byte is one's layer
 * plus 1, and 0 when that is not known.  Of a chunk the first byte is, and the
 * second one says whether the layer answers all of it.
 */
enum { PAGES_IN_WORD = 4, TAG_SHIFT = 32 };

/* Of a place: a tag of 19 bits, the layer plus 1 in 8, and in 37 where it is in
 * the layer's file, in sectors of 512 bytes. */
enum { PLACE_TAG_SHIFT = 45, PLACE_LAYER_SHIFT = 37, PLACE_UNIT = 512 };
#define PLACE_MAX (UINT64_C(1) << PLACE_LAYER_SHIFT)
#define PLACE_TAGS (UINT64_C(1) << (64 - PLACE_TAG_SHIFT))

/* A larger number is not needed: to begin further up is right as well. */
enum { LAYER_MAX = 254 };

struct table {
	_Atomic uint64_t *words;
	unsigned int bits;	/* 2 to the power of these is how many */
};

struct vhd_owners {
	struct table chunks;
	struct table pages;
	struct table places;
	struct table spans;
};

/* Words for @wanted things in @bytes of memory. */
static int table_make(struct table *t, uint64_t wanted, uint64_t bytes)
{
	uint64_t limit = max_u64(bytes / sizeof(uint64_t), 64);

	while ((UINT64_C(1) << t->bits) < wanted &&
	       (UINT64_C(2) << t->bits) <= limit)
		t->bits++;
	t->words = vhd_alloc_array((size_t)1 << t->bits, sizeof(*t->words));
	return t->words ? 0 : -1;
}

struct vhd_owners *vhd_owners_new(uint64_t size, uint64_t budget)
{
	struct vhd_owners *o = vhd_alloc(sizeof(*o));
	uint64_t pages = div_ceil(size, VHD_OWNERS_PAGE);

	if (!o)
		return NULL;
	if (table_make(&o->chunks, div_ceil(size, VHD_OWNERS_CHUNK),
		       budget / 8) ||
	    table_make(&o->pages, div_ceil(pages, PAGES_IN_WORD),
		       budget / 8 * 3) ||
	    table_make(&o->places, pages, budget / 8 * 3) ||
	    table_make(&o->spans, div_ceil(size, VHD_OWNERS_SPAN),
		       budget / 8)) {
		vhd_owners_free(o);
		return NULL;
	}
	return o;
}

void vhd_owners_free(struct vhd_owners *o)
{
	if (!o)
		return;
	vhd_free(o->chunks.words);
	vhd_free(o->pages.words);
	vhd_free(o->places.words);
	vhd_free(o->spans.words);
	vhd_free(o);
}

static _Atomic uint64_t *slot(const struct table *t, uint64_t idx)
{
	return &t->words[idx & ((UINT64_C(1) << t->bits) - 1)];
}

static uint64_t tag(const struct table *t, uint64_t idx)
{
	return idx >> t->bits;
}

/* The four bytes that are known of @idx; 0: nothing. */
static uint32_t word_get(const struct table *t, uint64_t idx)
{
	uint64_t w = atomic_load_explicit(slot(t, idx), memory_order_relaxed);

	return w >> TAG_SHIFT == tag(t, idx) ? (uint32_t)w : 0;
}

static void word_set(struct table *t, uint64_t idx, uint32_t bytes)
{
	/* A disk larger than tags can tell apart: not remembered. */
	if (tag(t, idx) > UINT32_MAX)
		return;
	atomic_store_explicit(slot(t, idx), tag(t, idx) << TAG_SHIFT | bytes,
			      memory_order_relaxed);
}

static uint32_t byte_of(uint32_t layer)
{
	return (layer < LAYER_MAX ? layer : LAYER_MAX) + 1;
}

struct vhd_owners_chunk vhd_owners_chunk(const struct vhd_owners *o,
					 uint64_t off)
{
	uint32_t w = word_get(&o->chunks, off / VHD_OWNERS_CHUNK);
	struct vhd_owners_chunk c = { 0 };

	if (!w)
		return c;
	c.known = true;
	c.layer = (w & 0xff) - 1;
	c.whole = w >> 8 & 1;
	return c;
}

void vhd_owners_set_chunk(struct vhd_owners *o, uint64_t off, uint32_t layer,
			  bool whole)
{
	word_set(&o->chunks, off / VHD_OWNERS_CHUNK,
		 byte_of(layer) | (whole ? 1u << 8 : 0));
}

/* The byte of a page. */
static uint32_t page_get(const struct vhd_owners *o, uint64_t page)
{
	uint32_t w = word_get(&o->pages, page / PAGES_IN_WORD);

	return w >> 8 * (page % PAGES_IN_WORD) & 0xff;
}

bool vhd_owners_pages(const struct vhd_owners *o, uint64_t off, uint64_t *len,
		      uint32_t *layer_out)
{
	uint64_t page = off / VHD_OWNERS_PAGE;
	uint64_t last = (off + *len - 1) / VHD_OWNERS_PAGE;
	uint32_t byte = page_get(o, page);

	if (!byte)
		return false;
	while (page < last && page_get(o, page + 1) == byte)
		page++;
	*len = min_u64(*len, (page + 1) * VHD_OWNERS_PAGE - off);
	*layer_out = byte - 1;
	return true;
}

void vhd_owners_set_pages(struct vhd_owners *o, uint64_t off, uint64_t len,
			  uint32_t layer)
{
	uint64_t page = off / VHD_OWNERS_PAGE;
	uint64_t end = page + len / VHD_OWNERS_PAGE;

	while (page < end) {
		uint64_t idx = page / PAGES_IN_WORD;
		uint32_t w = word_get(&o->pages, idx);

		for (; page < end && page / PAGES_IN_WORD == idx; page++) {
			unsigned int shift = 8 * (page % PAGES_IN_WORD);

			w &= ~(UINT32_C(0xff) << shift);
			w |= byte_of(layer) << shift;
		}
		word_set(&o->pages, idx, w);
	}
}

/* The place of a page or span; 0: not known. */
static uint64_t place_get(const struct table *t, uint64_t idx)
{
	uint64_t w = atomic_load_explicit(slot(t, idx), memory_order_relaxed);

	if (w >> PLACE_TAG_SHIFT != tag(t, idx))
		return 0;
	return w & ((UINT64_C(1) << PLACE_TAG_SHIFT) - 1);
}

static bool place_find(const struct table *t, uint64_t unit, uint64_t off,
		       uint64_t *len, uint32_t *layer_out,
		       uint64_t *file_off_out)
{
	uint64_t idx = off / unit, last = (off + *len - 1) / unit;
	uint64_t place = place_get(t, idx), next = place;

	if (!place)
		return false;
	*layer_out = (uint32_t)(place >> PLACE_LAYER_SHIFT) - 1;
	*file_off_out = (place & (PLACE_MAX - 1)) * PLACE_UNIT + off % unit;
	while (idx < last) {
		next += unit / PLACE_UNIT;
		if (place_get(t, idx + 1) != next)
			break;
		idx++;
	}
	*len = min_u64(*len, (idx + 1) * unit - off);
	return true;
}

bool vhd_owners_place(const struct vhd_owners *o, uint64_t off, uint64_t *len,
		      uint32_t *layer_out, uint64_t *file_off_out)
{
	return place_find(&o->spans, VHD_OWNERS_SPAN, off, len, layer_out,
			  file_off_out) ||
	       place_find(&o->places, VHD_OWNERS_PAGE, off, len, layer_out,
			  file_off_out);
}

/* [off, end) is whole units; what a word has no bits for is not remembered. */
static void place_set(struct table *t, uint64_t unit, uint64_t off,
		      uint64_t end, uint32_t layer, uint64_t file_off)
{
	uint64_t idx, sec = file_off / PLACE_UNIT;

	for (idx = off / unit; idx < end / unit; idx++) {
		if (sec >= PLACE_MAX || tag(t, idx) >= PLACE_TAGS)
			return;
		atomic_store_explicit(slot(t, idx),
				      tag(t, idx) << PLACE_TAG_SHIFT |
				      (uint64_t)(layer + 1)
					      << PLACE_LAYER_SHIFT | sec,
				      memory_order_relaxed);
		sec += unit / PLACE_UNIT;
	}
}

void vhd_owners_set_places(struct vhd_owners *o, uint64_t off, uint64_t len,
			   uint32_t layer, uint64_t file_off)
{
	uint64_t end = off + len;
	uint64_t from = align_up(off, VHD_OWNERS_SPAN);
	uint64_t to = align_down(end, VHD_OWNERS_SPAN);

	if (layer >= LAYER_MAX || file_off % PLACE_UNIT)
		return;
	if (from >= to)
		from = to = end;
	place_set(&o->places, VHD_OWNERS_PAGE, off, from, layer, file_off);
	place_set(&o->spans, VHD_OWNERS_SPAN, from, to, layer,
		  file_off + (from - off));
	place_set(&o->places, VHD_OWNERS_PAGE, to, end, layer,
		  file_off + (to - off));
}
