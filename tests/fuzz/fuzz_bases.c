/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz_bases.h"

#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "base/zero.h"
#include "engine/engine.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_edit.h"
#include "image/probe.h"
#include "io/io_mem.h"

/* 2021-06-01, in every image. */
#define STAMP INT64_C(1622505600)

enum { EDITS = 3, PIECE_LEN = 700 };

struct recipe {
	const char *name;
	enum vhd_format format;
	enum vhd_type type;
	uint64_t size, block;
	uint32_t sector;
	bool xen;
	int parent;		/* -1: none, -2: a raw file */
	uint64_t data[4];	/* guest offsets plus 1 that hold something */
	void (*edit[EDITS])(struct vhd_io *io);
};

#define VHD VHD_FORMAT_VHD
#define VHDX VHD_FORMAT_VHDX

static const struct recipe recipes[FUZZ_BASES] = {
	{ "vhd-fixed", VHD, VHD_TYPE_FIXED, MiB + 512, 0, 0, false, -1,
	  { 1, 600000 }, { NULL } },
	{ "vhd-dynamic", VHD, VHD_TYPE_DYNAMIC, 10 * MiB + 1536, 2 * MiB, 0,
	  false, -1, { 1, 5 * MiB, 10 * MiB + 2 }, { NULL } },
	{ "vhd-small-blocks", VHD, VHD_TYPE_DYNAMIC, 8 * MiB, 512 * KiB, 0,
	  false, -1, { 100, MiB - 200, 7 * MiB }, { NULL } },
	{ "vhd-tiny-blocks", VHD, VHD_TYPE_DYNAMIC, MiB, 4096, 0, false, -1,
	  { 1, 65536, 99999, MiB - 1000 }, { NULL } },
	{ "vhd-xen", VHD, VHD_TYPE_DYNAMIC, 32 * MiB, 2 * MiB, 0, true, -1,
	  { 1, 9 * MiB }, { fuzz_edit_vhd_batmap } },
	{ "vhd-diff", VHD, VHD_TYPE_DIFF, 10 * MiB + 1536, 2 * MiB, 0, false,
	  1, { 1, 3 * MiB }, { fuzz_edit_vhd_partial } },
	{ "vhd-diff-xen", VHD, VHD_TYPE_DIFF, 32 * MiB, 2 * MiB, 0, true, 4,
	  { 4 * MiB, 1 }, { fuzz_edit_vhd_partial } },
	{ "vhd-diff-raw", VHD, VHD_TYPE_DIFF, 4 * MiB, 2 * MiB, 0, true, -2,
	  { 1 }, { NULL } },
	{ "vhdx-dynamic", VHDX, VHD_TYPE_DYNAMIC, 16 * MiB, MiB, 512, false,
	  -1, { 1, 3 * MiB, 15 * MiB }, { fuzz_edit_vhdx_states } },
	{ "vhdx-fixed", VHDX, VHD_TYPE_FIXED, 4 * MiB, MiB, 512, false, -1,
	  { 1, 2 * MiB }, { NULL } },
	{ "vhdx-4k", VHDX, VHD_TYPE_DYNAMIC, 33 * MiB, 8 * MiB, 4096, false,
	  -1, { 1, 31 * MiB }, { NULL } },
	{ "vhdx-large", VHDX, VHD_TYPE_DYNAMIC, 64 * TiB, MiB, 512, false, -1,
	  { 1, 9 * TiB, 64 * TiB - MiB }, { NULL } },
	{ "vhdx-diff", VHDX, VHD_TYPE_DIFF, 16 * MiB, 2 * MiB, 512, false, 8,
	  { 0 }, { fuzz_edit_vhdx_partial } },
	{ "vhdx-log", VHDX, VHD_TYPE_DYNAMIC, 16 * MiB, MiB, 512, false, -1,
	  { 1, 12 * MiB }, { fuzz_edit_vhdx_states, fuzz_edit_vhdx_log } },
	{ "vhdx-log-grow", VHDX, VHD_TYPE_DYNAMIC, GiB, 32 * MiB, 512, false,
	  -1, { 1 }, { fuzz_edit_vhdx_log_grow } },
	{ "vhdx-diff-log", VHDX, VHD_TYPE_DIFF, 16 * MiB, 2 * MiB, 512, false,
	  8, { 0 }, { fuzz_edit_vhdx_partial, fuzz_edit_vhdx_log_grow } },
};

const char *fuzz_base_name(unsigned which)
{
	return recipes[which].name;
}

enum vhd_format fuzz_base_format(unsigned which)
{
	return recipes[which].format;
}

int fuzz_base_parent(unsigned which)
{
	return recipes[which].parent < 0 ? -1 : recipes[which].parent;
}

/* The identity of base @which follows from its number alone. */
static struct vhd_guid seed_of(int which)
{
	static const struct vhd_guid first = {
		{ 0x6d, 0x3b, 0x11, 0x52, 0x9e, 0x40, 0x4c, 0x18, 0xa7, 0x25,
		  0x0f, 0xd1, 0x83, 0x62, 0xbe, 0x5a }
	};
	struct vhd_guid out;

	vhd_guid_derive(&first, (uint32_t)which, &out);
	return out;
}

static void build(struct vhd_io *io, const struct recipe *r, int which);

static void set_parent(struct vhd_build *what, const struct recipe *r)
{
	const struct recipe *p;
	struct vhd_info info;
	struct vhd_io *io;

	what->parent_relative = "fuzz-parent";
	what->parent_windows = "C:\\fuzz\\fuzz-parent";
	what->parent_timestamp = STAMP;
	if (r->parent < 0) {
		what->parent_raw = true;
		return;
	}
	p = &recipes[r->parent];
	FUZZ_CHECK(!vhd_io_open_mem(NULL, 0, &io, NULL));
	build(io, p, r->parent);
	fuzz_edit_info(io, &info);
	what->parent_id = info.id;
	what->parent_disk_id = info.vhdx.disk_id;
	vhd_io_close(&io, NULL);
}

static void place(struct vhd_io *io, const struct vhd_engine *ops, void *bld,
		  const struct recipe *r)
{
	uint8_t piece[PIECE_LEN];
	uint64_t off, at, len;
	size_t i, j;

	for (i = 0; i < 4 && r->data[i]; i++) {
		off = align_down(r->data[i] - 1, 512);
		FUZZ_CHECK(!ops->place(bld, off, &at, &len, NULL));
		for (j = 0; j < sizeof(piece); j++)
			piece[j] = (uint8_t)(1 + i + j % 50);
		len = min_u64(len, sizeof(piece));
		FUZZ_CHECK(!vhd_io_write(io, piece, (size_t)len, at, NULL));
	}
}

static void build(struct vhd_io *io, const struct recipe *r, int which)
{
	const struct vhd_engine *ops = vhd_engine_of(r->format);
	struct vhd_build what = {
		.type = r->type, .virtual_size = r->size,
		.block_size = r->block, .logical_sector = r->sector,
		.xen = r->xen, .timestamp = STAMP, .seed = seed_of(which),
	};
	struct vhd_error err;
	void *bld = NULL;
	int i;

	if (r->type == VHD_TYPE_DIFF)
		set_parent(&what, r);
	fuzz_no_error(ops->build(io, &what, &bld, &err), &err);
	place(io, ops, bld, r);
	fuzz_no_error(ops->finish(bld, &err), &err);
	ops->discard(bld);
	for (i = 0; i < EDITS && r->edit[i]; i++)
		r->edit[i](io);
}

static void keep_page(struct fuzz_base *base, struct vhd_io *io, uint64_t idx)
{
	uint8_t page[FUZZ_PAGE];

	FUZZ_CHECK(!vhd_io_read_padded(io, page, sizeof(page), idx * FUZZ_PAGE,
				       NULL));
	if (vhd_is_zero(page, sizeof(page)))
		return;
	base->page[idx] = malloc(FUZZ_PAGE);
	base->present = realloc(base->present, (base->present_count + 1) *
				sizeof(*base->present));
	FUZZ_CHECK(base->page[idx] && base->present);
	memcpy(base->page[idx], page, sizeof(page));
	base->present[base->present_count++] = idx;
}

static struct fuzz_base *freeze(struct vhd_io *io)
{
	struct fuzz_base *base = calloc(1, sizeof(*base));
	uint64_t off = 0, start, stop;

	FUZZ_CHECK(base && !vhd_io_size(io, &base->size, NULL));
	base->page_count = (size_t)div_ceil(base->size, FUZZ_PAGE);
	base->page = calloc(base->page_count, sizeof(*base->page));
	FUZZ_CHECK(base->page);
	while (off < base->size) {
		FUZZ_CHECK(!vhd_io_next_data(io, off, base->size, &start,
					     &stop, NULL));
		for (off = align_down(start, FUZZ_PAGE); off < stop;
		     off += FUZZ_PAGE)
			keep_page(base, io, off / FUZZ_PAGE);
		if (start == base->size)
			break;
	}
	return base;
}

struct fuzz_base *fuzz_base_make(unsigned which)
{
	struct fuzz_base *base;
	struct vhd_io *io;

	FUZZ_CHECK(which < FUZZ_BASES);
	fuzz_memory_reset();
	FUZZ_CHECK(!vhd_io_open_mem(NULL, 0, &io, NULL));
	build(io, &recipes[which], (int)which);
	base = freeze(io);
	vhd_io_close(&io, NULL);
	fuzz_memory_reset();
	return base;
}

void fuzz_base_free(struct fuzz_base *base)
{
	size_t i;

	if (!base)
		return;
	for (i = 0; i < base->present_count; i++)
		free(base->page[base->present[i]]);
	free(base->present);
	free(base->page);
	free(base);
}
