/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deep chains: who answers is found out once (image/owners.h).
 *
 * The first read in a chunk asks, from the top down, which layer is the first
 * that does not leave all of the chunk to its parent.  Often it has all of it,
 * and that is the end of the matter: most of a disk belongs to one layer.  Else
 * the first read of a page asks the same about 64 KiB, or about the page, from
 * that layer on, and as far behind as the answer goes.
 *
 * Where the page is in that layer's file is remembered too: next time no table
 * and no bitmap is looked at, of which 64 layers have more than a processor's
 * cache holds.
 *
 * The rest is where to begin, not who answers: that is also true of a page whose
 * sectors come from several layers.  A layer that ends early is like one that
 * answers, since nothing below it shows (VHD-D-6, VHDX-RD-03).
 *
 * A failure is nobody's business here.  The walk from the top will meet it, if it
 * concerns the bytes that were asked for.
 */
#include "image/shortcut.h"

#include "base/ckd.h"
#include "image/owners.h"

/* A walk over fewer layers costs no more than to remember. */
enum { DEEP = 3 };

/* Pieces in which a layer may have a chunk that it has as a whole. */
enum { MAX_PIECES = 16 };

/* What this may take: a part of what the caches of the layers may. */
enum { SHARE = 2 };

/* What the caches of all layers may take. */
static uint64_t caches(const struct vhd_image *img)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < img->count; i++) {
		if (ckd_add(&sum, sum, vhd_layer_cache(img->cache_bytes, i)))
			return UINT64_MAX;
	}
	return sum;
}

static struct vhd_owners *owners_of(struct vhd_image *img)
{
	struct vhd_owners *o = atomic_load_explicit(&img->owners,
						    memory_order_acquire);
	struct vhd_owners *none = NULL;

	if (o)
		return o;
	o = vhd_owners_new(img->size, caches(img) / SHARE);
	if (!o)
		return NULL;
	if (atomic_compare_exchange_strong(&img->owners, &none, o))
		return o;
	vhd_owners_free(o);
	return none;
}

/* Does the layer answer all of the range? */
static bool answers_all(const struct vhd_layer *layer, uint64_t off,
			uint64_t len)
{
	int i;

	for (i = 0; len && i < MAX_PIECES; i++) {
		struct vhd_run run;

		if (vhd_layer_run(layer, true, off, len, &run, NULL) ||
		    run.kind == VHD_RUN_PARENT)
			return false;
		off += run.len;
		len -= run.len;
	}
	return !len;
}

/*
 * From layer @first on, the one that does not leave all of [off, off + unit) to
 * its parent.  *@len_out is how much of [off, off + len) the layers above it
 * leave to it, at least @unit.
 */
static uint32_t ask(const struct vhd_image *img, uint32_t first, uint64_t off,
		    uint64_t unit, uint64_t len, uint64_t *len_out)
{
	uint32_t i;

	for (i = first; i < img->count && off < img->layers[i].size; i++) {
		const struct vhd_layer *layer = &img->layers[i];
		struct vhd_run run;

		if (layer->size - off < unit ||
		    vhd_layer_run(layer, true, off,
				  min_u64(len, layer->size - off), &run,
				  NULL) ||
		    run.kind != VHD_RUN_PARENT || run.len < unit)
			break;
		len = run.len;
	}
	*len_out = len;
	return i;
}

static bool has_all(const struct vhd_image *img, uint32_t layer, uint64_t off,
		    uint64_t len)
{
	const struct vhd_layer *l = &img->layers[layer];

	if (layer == img->count || off >= l->size)
		return true;
	return l->size - off >= len && answers_all(l, off, len);
}

static struct vhd_owners_chunk learn_chunk(const struct vhd_image *img,
					   struct vhd_owners *o, uint64_t off)
{
	uint64_t start = align_down(off, VHD_OWNERS_CHUNK);
	uint64_t len = min_u64(VHD_OWNERS_CHUNK, img->size - start);
	struct vhd_owners_chunk c = { .known = true };
	uint64_t same;

	c.layer = ask(img, vhd_shortcut_first(img), start, len, len, &same);
	c.whole = has_all(img, c.layer, start, len);
	vhd_owners_set_chunk(o, start, c.layer, c.whole);
	return c;
}

/* Whole pages of data in one piece: next time the layer need not be asked. */
static void learn_places(struct vhd_owners *o, uint32_t layer, uint64_t off,
			 const struct vhd_run *run)
{
	uint64_t start = align_up(off, VHD_OWNERS_PAGE);
	uint64_t end = align_down(off + run->len, VHD_OWNERS_PAGE);

	if (run->kind == VHD_RUN_DATA && start < end)
		vhd_owners_set_places(o, start, end - start, layer,
				      run->file_off + (start - off));
}

/* How much of [start, start + len) a layer answers in one piece. */
static uint64_t answered(const struct vhd_image *img, struct vhd_owners *o,
			 uint32_t layer, uint64_t start, uint64_t len)
{
	const struct vhd_layer *l = &img->layers[layer];
	struct vhd_run run;

	if (layer == img->count || start >= l->size)
		return len;
	if (vhd_layer_run(l, true, start, min_u64(len, l->size - start), &run,
			  NULL))
		return 0;
	learn_places(o, layer, start, &run);
	return run.len;
}

/*
 * Remembers the unit at @start, and what lies behind it that the same layers
 * leave to the same one and that it answers, up to @end.  *@same_out is how much
 * that is; less than @unit: the layer does not answer all of the unit, of which
 * @unit bytes at least are to begin with it all the same.
 */
static uint32_t learn_unit(const struct vhd_image *img, struct vhd_owners *o,
			   uint32_t first, uint64_t start, uint64_t unit,
			   uint64_t end, uint64_t *same_out)
{
	uint64_t same;
	uint32_t layer = ask(img, first, start, unit, end - start, &same);

	*same_out = answered(img, o, layer, start, same);
	/* The last page of the disk may be a part of one. */
	if (start + *same_out < img->size)
		*same_out = align_down(*same_out, VHD_OWNERS_PAGE);
	vhd_owners_set_pages(o, start,
			     align_up(*same_out, VHD_OWNERS_PAGE), layer);
	return layer;
}

/*
 * The span at @off, if one layer answers all of it; else the page.  Both with
 * what lies behind.
 */
static uint32_t learn_pages(const struct vhd_image *img, struct vhd_owners *o,
			    uint32_t first, uint64_t off, uint64_t *len)
{
	uint64_t end = min_u64(align_down(off, VHD_OWNERS_CHUNK) +
			       VHD_OWNERS_CHUNK, img->size);
	uint64_t start = align_down(off, VHD_OWNERS_SPAN);
	uint64_t unit = min_u64(VHD_OWNERS_SPAN, end - start);
	uint64_t same;
	uint32_t layer = learn_unit(img, o, first, start, unit, end, &same);

	if (same < unit) {
		/* What was found out of the layers is about the span. */
		end = start + unit;
		start = align_down(off, VHD_OWNERS_PAGE);
		unit = min_u64(VHD_OWNERS_PAGE, end - start);
		layer = learn_unit(img, o, layer, start, unit, end, &same);
		vhd_owners_set_pages(o, start, VHD_OWNERS_PAGE, layer);
		same = max_u64(same, unit);
	}
	*len = min_u64(*len, start + same - off);
	return layer;
}

/* A chunk that is not one layer's. */
static void look_at_pages(const struct vhd_image *img, struct vhd_owners *o,
			  uint32_t first, bool moving, uint64_t off,
			  struct vhd_shortcut *s)
{
	if (moving &&
	    vhd_owners_place(o, off, &s->len, &s->layer, &s->place))
		return;
	s->learn = moving;
	if (vhd_owners_pages(o, off, &s->len, &s->layer))
		return;
	s->layer = learn_pages(img, o, first, off, &s->len);
}

struct vhd_shortcut vhd_shortcut(struct vhd_image *img, bool moving,
				 uint64_t off, uint64_t len)
{
	struct vhd_shortcut s = { .len = len, .place = VHD_NO_OFFSET,
				  .layer = vhd_shortcut_first(img) };
	struct vhd_owners_chunk c;
	struct vhd_owners *o;

	if (img->count < DEEP || len > VHD_SHORTCUT_MAX)
		return s;
	o = owners_of(img);
	if (!o)
		return s;
	s.len = min_u64(len, VHD_OWNERS_CHUNK - off % VHD_OWNERS_CHUNK);
	c = vhd_owners_chunk(o, off);
	if (!c.known)
		c = learn_chunk(img, o, off);
	if (c.whole)
		s.layer = c.layer;
	else
		look_at_pages(img, o, c.layer, moving, off, &s);
	return s;
}

void vhd_shortcut_learn(struct vhd_image *img, uint32_t layer, uint64_t off,
			const struct vhd_run *run)
{
	struct vhd_owners *o = atomic_load_explicit(&img->owners,
						    memory_order_acquire);

	if (o)
		learn_places(o, layer, off, run);
}
