/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_reshape.h"

#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "codec/vhd1_geometry.h"
#include "image/change.h"
#include "support/base_rand.h"
#include "support/vhd1_mark.h"

enum { LONGEST = 96 * 1024, OPS = 24 };

/* A disk that needs a longer table when it grows: see vhdx.md 8.1. */
static const uint64_t table_full = 100 * GiB, table_long = 200 * GiB;
/* One whose batmap is longer than what lies free between aligned blocks. */
static const uint64_t map_long = 512 * GiB;

static uint64_t draw_size(struct crash_reshape *r, uint64_t most)
{
	uint64_t size = 1 + base_rand_below(&r->rng, most / 4096);

	return size * 4096;
}

/*
 * Now and then a VHDX's table lies behind its first blocks, because the disk was
 * smaller once.
 */
static bool had_growth(const struct crash_reshape *r)
{
	return (r->verb == CRASH_PACK || r->verb == CRASH_COMPACT) &&
	       r->setup.seed % 3 == 0 &&
	       r->setup.type->format == VHD_FORMAT_VHDX;
}

/* What the geometry of a disk says; 0 for a very small one. */
static uint64_t geometry_size(uint64_t size)
{
	return vhd1_geometry_size(vhd1_geometry_of(size));
}

static void draw(struct crash_reshape *r)
{
	struct crash_setup *s = &r->setup;
	bool vhdx = s->type->format == VHD_FORMAT_VHDX;

	if (vhdx && (r->verb == CRASH_GROW_TABLE || had_growth(r))) {
		s->block = MiB;
		s->sector = 512;
		s->size = table_full;
	}
	if (crash_reshape_tight(r, NULL)) {
		s->block = 2 * MiB;
		s->size = map_long;
	}
	crash_setup_draw(s);
	s->xen |= crash_reshape_tight(r, NULL);
	/* A table of several pages. */
	if (vhdx && r->verb == CRASH_SHRINK && s->seed % 3 == 1 &&
	    s->type->type != VHD_TYPE_FIXED)
		s->size += 3 * GiB;
	/* A last block that is cut is as good as one that is whole. */
	if (s->size != table_full && s->size != map_long &&
	    base_rand_below(&r->rng, 2))
		s->size += draw_size(r, s->block) % s->block;
	if (crash_reshape_qemu(r) && geometry_size(s->size))
		s->size = geometry_size(s->size);
	r->old_size = r->new_size = s->size;
	if (r->verb == CRASH_GROW)
		r->new_size += draw_size(r, 5 * s->block);
	else if (r->verb == CRASH_SHRINK)
		r->new_size = draw_size(r, s->size - 4096);
	else if (r->verb == CRASH_GROW_TABLE)
		r->new_size = vhdx ? table_long + draw_size(r, MiB)
				   : 600 * s->block;
}

/* Longer than the child now and then, so that it could be seen behind it. */
static void make_parent(struct crash_reshape *r)
{
	struct crash_setup s = r->setup;
	struct crash_model *m;

	s.size = min_u64(s.size, 24 * s.block);
	if (r->old_size != table_full && base_rand_below(&r->rng, 2))
		s.size += 4 * s.block;
	m = crash_model_new(s.seed, s.size);
	crash_parent_make(&r->parent, &s, m);
	crash_model_free(m);
}

/* Near the beginning, where blocks have neighbours, or at the very end. */
static uint64_t draw_off(struct crash_reshape *r, uint64_t len)
{
	uint64_t most = min_u64(r->old_size, 12 * r->setup.block);
	uint64_t off = base_rand_below(&r->rng, most);

	/* Or never there: the last block is what the parent shows. */
	if (base_rand_below(&r->rng, 6) == 0 && r->setup.seed % 4)
		off = r->old_size - 1 - base_rand_below(&r->rng, len);
	return align_down(min_u64(off, r->old_size - len), 512);
}

/* What compacting has to find: zeros, and bytes that a parent has as well. */
static void spend(struct crash_reshape *r, struct vhd_image *img)
{
	static uint8_t buf[LONGEST];
	uint64_t blk = 8 + base_rand_below(&r->rng, 4), len;

	if ((blk + 1) * r->setup.block > r->old_size)
		return;
	len = min_u64(LONGEST, r->setup.block);
	memset(buf, 0, (size_t)len);
	if (base_rand_below(&r->rng, 2))
		CRASH_NEED(!vhd_pread(img, buf, (size_t)len,
				      blk * r->setup.block, NULL));
	CRASH_NEED(!vhd_pwrite(img, buf, (size_t)len, blk * r->setup.block,
			       NULL));
}

static void work(struct crash_reshape *r, struct vhd_image *img)
{
	static uint8_t buf[LONGEST];
	uint64_t block = r->setup.block;
	bool tight = crash_reshape_tight(r, NULL);

	for (int i = 0; i < OPS; i++) {
		uint64_t len = 512 + align_down(base_rand_below(
				&r->rng, min_u64(LONGEST, r->old_size) - 512),
				512);
		uint64_t off = draw_off(r, len);

		if (i % 8 == 0 && (r->verb == CRASH_COMPACT ||
				   r->verb == CRASH_COMPACT_FS))
			spend(r, img);
		if (base_rand_below(&r->rng, 5) == 0 && !tight) {
			off = align_down(off, block);
			CRASH_NEED(!vhd_discard(img, off, min_u64(block,
						r->old_size - off), NULL));
			continue;
		}
		base_rand_fill(&r->rng, buf, (size_t)len);
		CRASH_NEED(!vhd_pwrite(img, buf, (size_t)len, off, NULL));
	}
}

/* @kill: the program ends after a flush, without closing. */
static void life(struct crash_reshape *r, struct crash_file *f, bool kill)
{
	struct vhd_image *img = NULL;
	struct crash_base *then = NULL;
	struct vhd_open_opts opts;
	const char *parents[2];
	bool full;

	crash_reshape_tight(r, &full);
	crash_disk_opts(&r->setup, &r->parent, true, &opts, parents);
	CRASH_NEED(!vhd_open_io(&crash_file_ops, f, "image", &opts, &img,
				NULL));
	if (!crash_reshape_keyed(r) && !full)
		work(r, img);
	if (kill) {
		CRASH_NEED(!vhd_flush(img, NULL));
		then = crash_file_freeze(f);
	}
	CRASH_NEED(!vhd_close(&img, NULL));
	if (!kill)
		then = crash_file_freeze(f);
	crash_base_free(r->base);
	r->base = then;
}

/* Blocks that are full, and that Xen's batmap shows (VHD-X-5). */
static void mark(struct crash_reshape *r)
{
	size_t len = (size_t)r->setup.block;
	struct crash_file *f = crash_file_new();
	uint8_t *buf = crash_alloc(len, 1);
	struct crash_base *then;
	struct vhd_image *img = NULL;
	struct vhd_open_opts opts;
	const char *parents[2];
	struct vhd_io *io = NULL;
	bool tight, full;

	crash_file_reset(f, r->base);
	crash_disk_opts(&r->setup, &r->parent, true, &opts, parents);
	CRASH_NEED(!vhd_open_io(&crash_file_ops, f, "image", &opts, &img,
				NULL));
	memset(buf, 0x77, len);
	tight = crash_reshape_tight(r, &full);
	for (uint64_t blk = 0; blk < 24 && (blk + 1) * len <= r->old_size;
	     blk++) {
		uint64_t n = full || base_rand_below(&r->rng, 2) ? len : 0;

		/* Where a map is going to be, should the block go. */
		if (tight && !n)
			n = LONGEST;
		CRASH_NEED(!vhd_pwrite(img, buf, n, blk * len, NULL));
	}
	CRASH_NEED(!vhd_close(&img, NULL));
	CRASH_NEED(!vhd_io_new(&crash_file_ops, f, "image", &io, NULL));
	vhd1_mark_full(io);
	vhd_io_close(&io, NULL);
	/* The file lies over the old one. */
	then = crash_file_freeze(f);
	crash_base_free(r->base);
	r->base = then;
	crash_file_free(f);
	free(buf);
}

static void note_identity(struct crash_reshape *r)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct crash_file *f = crash_file_new();
	struct vhd_image *img = NULL;

	crash_file_reset(f, r->base);
	if (!crash_reshape_open(r, f, &img, r->fail))
		crash_die(__FILE__, __LINE__, r->fail->text);
	CRASH_NEED(!vhd_layer_info(img, 0, &info, NULL));
	r->old_id = info.id;
	vhd_close(&img, NULL);
	crash_file_free(f);
}

static void grow(struct crash_reshape *r, struct crash_file *f)
{
	const struct vhd_engine_resize req = { .size = table_long };
	struct vhd_image *img = NULL;
	struct vhd_open_opts opts;
	const char *parents[2];

	crash_disk_opts(&r->setup, &r->parent, true, &opts, parents);
	CRASH_NEED(!vhd_open_io(&crash_file_ops, f, "image", &opts, &img,
				NULL));
	CRASH_NEED(!vhd_image_resize(img, &req, NULL));
	CRASH_NEED(!vhd_close(&img, NULL));
	r->setup.size = r->old_size = r->new_size = table_long;
}

void crash_reshape_make(struct crash_reshape *r)
{
	struct crash_file *f = crash_file_new();
	bool tight = crash_reshape_tight(r, NULL);

	r->rng = r->setup.seed * 977 + r->verb;
	draw(r);
	if (crash_setup_child(&r->setup))
		make_parent(r);
	crash_image_build(f, &r->setup, &r->parent);
	crash_reshape_kind_begin(r, f);
	life(r, f, false);
	if (had_growth(r)) {
		grow(r, f);
		life(r, f, false);
	}
	if (base_rand_below(&r->rng, 2) && !tight) {
		crash_image_poison(f, &r->setup);
		life(r, f, false);
	}
	if (base_rand_below(&r->rng, 3) == 0 && !tight)
		life(r, f, true);
	crash_file_free(f);
	if (r->setup.xen && !crash_reshape_keyed(r))
		mark(r);
	crash_reshape_kind_end(r);
#ifdef CRASH_DEVICES
	r->device = r->verb >= CRASH_RELINK && r->setup.seed % 4 == 1;
	if (r->device)
		crash_reshape_to_device(r);
	crash_reshape_devices(r->device);
#endif
	note_identity(r);
}

void crash_reshape_free(struct crash_reshape *r)
{
#ifdef CRASH_DEVICES
	crash_reshape_devices(false);
#endif
	crash_parent_drop(&r->parent);
	crash_base_free(r->base);
}
