/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "engine/engine.h"
#include "image/probe.h"
#include "io/io_posix.h"
#include "support/base_rand.h"

#define STAMP_TIME INT64_C(1622505600)

const struct crash_type crash_types[CRASH_TYPES] = {
	{ "vhd-fixed", VHD_FORMAT_VHD, VHD_TYPE_FIXED },
	{ "vhd-dynamic", VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC },
	{ "vhd-diff", VHD_FORMAT_VHD, VHD_TYPE_DIFF },
	{ "vhdx-fixed", VHD_FORMAT_VHDX, VHD_TYPE_FIXED },
	{ "vhdx-dynamic", VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC },
	{ "vhdx-diff", VHD_FORMAT_VHDX, VHD_TYPE_DIFF },
};

const struct crash_type *crash_type_find(const char *name)
{
	for (size_t i = 0; i < CRASH_TYPES; i++) {
		if (!strcmp(crash_types[i].name, name))
			return &crash_types[i];
	}
	return NULL;
}

bool crash_setup_child(const struct crash_setup *s)
{
	return s->type->type == VHD_TYPE_DIFF;
}

static uint64_t draw_block(const struct crash_setup *s, uint64_t *rng)
{
	static const uint64_t vhd[] = { 4 * KiB, 16 * KiB, 16 * KiB, 64 * KiB,
					64 * KiB, 512 * KiB, 512 * KiB,
					2 * MiB };
	static const uint64_t vhdx[] = { MiB, MiB, MiB, 2 * MiB };

	if (s->type->format == VHD_FORMAT_VHDX)
		return vhdx[base_rand_below(rng, 4)];
	return vhd[base_rand_below(rng, 8)];
}

void crash_setup_draw(struct crash_setup *s)
{
	uint64_t rng = s->seed * UINT64_C(0x9e3779b97f4a7c15), blocks, tail;
	bool vhdx = s->type->format == VHD_FORMAT_VHDX;
	uint64_t block = draw_block(s, &rng);
	uint32_t sector = vhdx && base_rand_below(&rng, 3) == 0 ? 4096 : 512;

	s->xen = !vhdx && s->type->type != VHD_TYPE_FIXED &&
		 base_rand_below(&rng, 6) == 0;
	/* Xen knows blocks of 2 MiB only. */
	if (!s->block)
		s->block = s->xen ? 2 * MiB : block;
	s->xen = s->xen && s->block == 2 * MiB;
	s->sector = vhdx && s->sector ? s->sector : sector;
	blocks = 3 + base_rand_below(&rng, s->block < 512 * KiB ? 20 :
				     s->block > MiB ? 3 : 7);
	if (!s->mood)
		s->mood = (enum crash_mood)
			(1 + base_rand_below(&rng, CRASH_MOODS - 1));
	/* Enough new blocks for a log to go round. */
	if (s->mood >= CRASH_MOOD_LAZY && s->block <= MiB)
		blocks = 120;
	/* Now and then the last block is cut. */
	tail = base_rand_below(&rng, 3) ? 0 :
	       align_down(base_rand_below(&rng, s->block), 4096);
	if (!s->size)
		s->size = blocks * s->block + tail;
	if (s->type->type == VHD_TYPE_FIXED && s->size > 2 * MiB && !vhdx)
		s->size = 2 * MiB;
	if (!s->cache)
		s->cache = base_rand_below(&rng, 3) ? 0 : 1;
}

static void engine_build(struct vhd_io *io, const struct vhd_engine *ops,
			 struct vhd_build *what, void **bld_out)
{
	struct vhd_error err;

	if (ops->build(io, what, bld_out, &err))
		crash_die(__FILE__, __LINE__, err.msg);
}

static void engine_finish(const struct vhd_engine *ops, void *bld)
{
	CRASH_NEED(!ops->finish(bld, NULL));
	ops->discard(bld);
}

static struct vhd_build plan(const struct crash_setup *s, uint32_t who)
{
	static const struct vhd_guid first = {
		{ 0x51, 0x0c, 0x77, 0x12, 0x0e, 0x40, 0x4c, 0x18, 0xa7, 0x25,
		  0x0f, 0xd1, 0x83, 0x62, 0xbe, 0x11 }
	};
	struct vhd_build what = {
		.type = s->type->type, .virtual_size = s->size,
		.block_size = s->block, .logical_sector = s->sector,
		.physical_sector = s->type->format == VHD_FORMAT_VHDX ? 4096
								      : 512,
		.xen = s->xen, .timestamp = STAMP_TIME,
	};

	vhd_guid_derive(&first, who + 2 * (uint32_t)s->seed, &what.seed);
	return what;
}

/* Stamps in most blocks, a run in each. */
static void fill_parent(struct vhd_io *io, const struct vhd_engine *ops,
			void *bld, const struct crash_setup *s,
			struct crash_model *m)
{
	uint64_t rng = s->seed * 7 + 5;
	uint64_t n = min_u64(crash_model_sectors(m), s->size / CRASH_SEC);
	uint64_t per = s->block / CRASH_SEC, sec, at, len;
	uint8_t buf[CRASH_SEC];

	for (uint64_t blk = 0; blk * per < n; blk++) {
		uint64_t first = blk * per + base_rand_below(&rng, per);
		uint64_t count = 1 + base_rand_below(&rng, 200);

		if (base_rand_below(&rng, 3) == 0)
			first = blk * per;
		if (base_rand_below(&rng, 4) == 0)
			continue;
		for (sec = first; sec < min_u64(first + count, n); sec++) {
			CRASH_NEED(!ops->place(bld, sec * CRASH_SEC, &at, &len,
					       NULL));
			crash_model_data(m, CRASH_OP_PARENT, buf, CRASH_SEC,
					 sec * CRASH_SEC);
			CRASH_NEED(!vhd_io_write(io, buf, CRASH_SEC, at,
						 NULL));
			crash_model_preset(m, sec);
		}
	}
}

static void read_info(struct crash_parent *p)
{
	struct vhd_image *img = NULL;

	CRASH_NEED(!vhd_open(p->path, NULL, &img, NULL));
	p->info.size = sizeof(p->info);
	CRASH_NEED(!vhd_layer_info(img, 0, &p->info, NULL));
	vhd_close(&img, NULL);
}

void crash_parent_make(struct crash_parent *p, const struct crash_setup *s,
		       struct crash_model *m)
{
	const struct vhd_engine *ops = vhd_engine_of(s->type->format);
	struct vhd_build what = plan(s, 0);
	const char *dir = getenv("TMPDIR");
	struct vhd_io *io = NULL;
	void *bld = NULL;
	int fd;

	snprintf(p->path, sizeof(p->path), "%s/crash-parent-XXXXXX",
		 dir ? dir : "/tmp");
	fd = mkstemp(p->path);
	CRASH_NEED(fd >= 0);
	close(fd);
	CRASH_NEED(!vhd_io_open_posix(p->path, VHD_POSIX_WRITE, &io, NULL));
	what.type = VHD_TYPE_DYNAMIC;
	engine_build(io, ops, &what, &bld);
	fill_parent(io, ops, bld, s, m);
	engine_finish(ops, bld);
	CRASH_NEED(!vhd_io_close(&io, NULL));
	read_info(p);
}

void crash_parent_drop(struct crash_parent *p)
{
	if (p->path[0])
		unlink(p->path);
	p->path[0] = '\0';
}

void crash_image_build(struct crash_file *f, const struct crash_setup *s,
		       const struct crash_parent *p)
{
	const struct vhd_engine *ops = vhd_engine_of(s->type->format);
	struct vhd_build what = plan(s, 1);
	struct vhd_io *io = NULL;
	void *bld = NULL;

	if (crash_setup_child(s)) {
		what.parent_id = p->info.id;
		what.parent_disk_id = p->info.vhdx.disk_id;
		what.parent_timestamp = STAMP_TIME;
		what.parent_relative = "parent";
	}
	CRASH_NEED(!vhd_io_new(&crash_file_ops, f, "image", &io, NULL));
	engine_build(io, ops, &what, &bld);
	engine_finish(ops, bld);
	vhd_io_close(&io, NULL);
}

struct used {
	uint64_t off, end;
};

struct use {
	const struct crash_setup *setup;
	struct used *used;
	size_t count;
	uint64_t first;		/* blocks may lie from here on */
	uint64_t bitmap;	/* VHDX: of the first chunk */
	bool has[128];		/* blocks with space */
};

static bool note_use(void *arg, enum vhd_region_kind kind, uint64_t off,
		     uint64_t len, uint64_t block)
{
	struct use *u = arg;

	u->used = crash_grow(u->used, u->count + 1, sizeof(*u->used));
	u->used[u->count++] = (struct used){ off, off + len };
	if (kind == VHD_REGION_BAT || kind == VHD_REGION_METADATA ||
	    kind == VHD_REGION_LOG)
		u->first = max_u64(u->first, off + len);
	if (kind == VHD_REGION_BITMAP && block == 0)
		u->bitmap = off;
	if (kind == VHD_REGION_DATA && block < sizeof(u->has))
		u->has[block] = true;
	return true;
}

static int by_off(const void *a, const void *b)
{
	const struct used *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static void poison(struct crash_file *f, uint64_t off, uint64_t end)
{
	uint8_t bytes[CRASH_SECTOR];

	memset(bytes, 0xb5, sizeof(bytes));
	while (off < end) {
		uint64_t n = min_u64(end - off, sizeof(bytes));

		crash_file_write(f, bytes, n, off);
		off += n;
	}
}

/* In front of the blocks there is reserved space. */
static void poison_gaps(struct crash_file *f, struct use *u)
{
	uint64_t at = u->first;

	qsort(u->used, u->count, sizeof(*u->used), by_off);
	for (size_t i = 0; i < u->count; i++) {
		if (u->used[i].off > at)
			poison(f, at, u->used[i].off);
		at = max_u64(at, u->used[i].end);
	}
	if (crash_file_size(f) > at)
		poison(f, at, crash_file_size(f));
}

/* Free space between the last block and the footer. */
static void poison_end(struct crash_file *f, const struct crash_setup *s)
{
	uint64_t end = crash_file_size(f) - CRASH_SECTOR;
	uint64_t more = (s->seed % 3 + 1) * (s->block + CRASH_PAGE);
	uint8_t footer[CRASH_SECTOR];

	if (s->type->format != VHD_FORMAT_VHD ||
	    s->type->type == VHD_TYPE_FIXED)
		return;
	crash_file_read(f, footer, sizeof(footer), end);
	poison(f, end, end + more);
	crash_file_write(f, footer, sizeof(footer), end + more);
}

/* Bits of a block that is not partial mean nothing (VHDX-SB). */
static void poison_bits(struct crash_file *f, const struct use *u)
{
	uint64_t bytes = u->setup->block / u->setup->sector / 8;
	uint64_t n = div_ceil(u->setup->size, u->setup->block);
	uint8_t *ones;

	if (u->setup->type->format != VHD_FORMAT_VHDX || !u->bitmap)
		return;
	ones = crash_alloc((size_t)bytes, 1);
	memset(ones, 0xff, (size_t)bytes);
	for (uint64_t i = 0; i < min_u64(n, sizeof(u->has)); i++) {
		if (!u->has[i])
			crash_file_write(f, ones, bytes, u->bitmap + i * bytes);
	}
	free(ones);
}

void crash_image_poison(struct crash_file *f, const struct crash_setup *s)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct use u = { .setup = s };

	opts.flags = VHD_OPEN_NO_PARENT;
	CRASH_NEED(!vhd_open_io(&crash_file_ro_ops, f, "image", &opts, &img,
				NULL));
	CRASH_NEED(!vhd_layer_layout(img, 0, note_use, &u, NULL));
	vhd_close(&img, NULL);
	poison_gaps(f, &u);
	poison_bits(f, &u);
	poison_end(f, s);
	free(u.used);
}
