/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk and a piece of memory get the same operations, drawn from a seed, and
 * have to hold the same bytes: while the image is open, after it was closed,
 * and in a copy of the file that is taken after vhd_writeback(), as a killed
 * process would leave it.
 *
 *	model --type vhdx-diff --seed 1 --runs 100 --steps 1000
 *
 * Metadata caches are as small as they get, and disks have more pages of
 * metadata than fit, so that pages leave the cache before they are in place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "torture/model.h"

static uint64_t below(struct model *m, uint64_t limit)
{
	return base_rand_below(&m->rng, limit);
}

static void draw_vhd(struct model *m)
{
	static const uint64_t blocks[] = { 4 * KiB, 16 * KiB, 64 * KiB,
					   512 * KiB, 512 * KiB, 2 * MiB };
	struct torture_shape *s = &m->shape;

	s->block = blocks[below(m, 6)];
	s->sector = 512;
	s->xen = s->block == 2 * MiB && below(m, 2);
	s->cut = below(m, 2) ? 0 : align_down(below(m, s->block), 512);
}

static void draw_vhdx(struct model *m)
{
	struct torture_shape *s = &m->shape;

	s->block = below(m, 4) ? MiB : 2 * MiB;
	s->sector = below(m, 2) ? 512 : 4096;
	s->cut = below(m, 2) ? 0 : align_down(below(m, s->block), 4096);
}

static void draw_shape(struct model *m)
{
	struct torture_shape *s = &m->shape;

	if (s->type->format == VHD_FORMAT_VHD)
		draw_vhd(m);
	else
		draw_vhdx(m);
	s->per = s->xen ? 8 : 2;
	s->windows = 16 + (uint32_t)below(m, s->block > MiB ? 2 : 6);
	/* 1024 or 512 entries are a page of the table. */
	s->apart = below(m, 3) ? 1024 : 3;
	/* Xen counts in 16 MiB. */
	if (s->xen) {
		s->windows = 4;
		s->apart = 1024;
		s->cut = 0;
	}
	if (torture_is_fixed(s)) {
		s->block = min_u64(s->block, MiB);
		s->apart = s->per;
		s->cut = align_down(s->cut % s->block, 4096);
	}
	m->used = torture_used(s);
}

/* Runs of bytes in about a third. */
static void draw_parent(struct model *m)
{
	uint64_t n = 4 * m->shape.windows;

	while (n--) {
		uint64_t at = align_down(below(m, m->used), 512);
		uint64_t len = align_down(below(m, m->shape.block), 512);

		len = min_u64(len, torture_in_window(&m->shape, at));
		base_rand_fill(&m->rng, m->bytes + at, (size_t)min_u64(len,
			       64 * KiB));
	}
	torture_parent_make(&m->parent, &m->shape, m->bytes);
}

enum what {
	WRITE, WRITE_BLOCKS, READ, DISCARD, DISCARD_BLOCKS, ZERO, ZERO_BLOCKS,
	FAR, MOVE, MOVE_END, CROSS, HOLD,
	FLUSH, WRITEBACK, KILL, REOPEN, KINDS
};

static const uint8_t weights[KINDS] = {
	[WRITE] = 60, [WRITE_BLOCKS] = 2, [READ] = 30, [DISCARD] = 6,
	[DISCARD_BLOCKS] = 8, [ZERO] = 8, [ZERO_BLOCKS] = 6, [FAR] = 1,
	[MOVE] = 12, [MOVE_END] = 12, [CROSS] = 2, [HOLD] = 3, [FLUSH] = 6, [WRITEBACK] = 6,
	[KILL] = 1, [REOPEN] = 2,
};

static enum what draw_what(struct model *m)
{
	unsigned sum = 0, at;
	int i;

	for (i = 0; i < KINDS; i++)
		sum += weights[i];
	at = (unsigned)below(m, sum);
	for (i = 0; at >= weights[i]; i++)
		at -= weights[i];
	return (enum what)i;
}

static void step(struct model *m)
{
	switch (draw_what(m)) {
	case WRITE:
		model_write(m, model_range(m, 128 * KiB));
		return;
	case WRITE_BLOCKS:
		model_write(m, model_blocks(m));
		return;
	case READ:
		model_read(m, model_range(m, 256 * KiB));
		return;
	case DISCARD:
		model_discard(m, model_range(m, 512 * KiB));
		return;
	case DISCARD_BLOCKS:
		model_discard(m, model_blocks(m));
		return;
	case ZERO:
		model_zero(m, model_range(m, 512 * KiB));
		return;
	case ZERO_BLOCKS:
		model_zero(m, model_blocks(m));
		return;
	case FAR:
		model_far(m);
		return;
	case MOVE:
		model_move(m, model_range(m, 64 * KiB));
		return;
	case MOVE_END:
		model_move_end(m, (unsigned)below(m, MODEL_MOVES));
		return;
	case CROSS:
		model_cross(m);
		return;
	case HOLD:
		model_hold(m);
		return;
	case FLUSH:
		model_flush(m);
		return;
	case WRITEBACK:
		model_writeback(m);
		return;
	case KILL:
		model_kill(m);
		return;
	case REOPEN:
		model_close(m);
		model_open(m);
		return;
	case KINDS:
		return;
	}
}

static void run(const struct torture_type *type, uint64_t seed, uint64_t steps,
		bool verbose)
{
	struct model m = { .shape = { .type = type }, .verbose = verbose };

	m.rng = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	draw_shape(&m);
	m.bytes = torture_alloc(m.used);
	if (torture_is_child(&m.shape))
		draw_parent(&m);
	m.file = torture_file_new(below(&m, 3) != 0);
	m.copy = torture_file_new(true);
	torture_build(m.file, &m.shape, &m.parent);
	model_open(&m);
	for (m.step = 1; m.step <= steps; m.step++) {
		torture_context("model --type %s --seed %" PRIu64
				" --runs 1 --steps %" PRIu64, type->name, seed,
				m.step);
		step(&m);
	}
	model_close(&m);
	torture_parent_drop(&m.parent);
	torture_file_free(m.file);
	torture_file_free(m.copy);
	free(m.bytes);
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, runs = 4, steps = 500, verbose = 0;
	const struct torture_option opts[] = {
		{ "--seed", &seed }, { "--runs", &runs }, { "--steps", &steps },
		{ "--verbose", &verbose },
	};
	const char *only;

	torture_options(argc, argv, opts, 4, &only);
	for (int i = 0; i < TORTURE_TYPES; i++) {
		const struct torture_type *type = &torture_types[i];
		double start = torture_seconds();

		if (only && strcmp(only, type->name))
			continue;
		for (uint64_t r = 0; r < runs; r++)
			run(type, seed + r, steps, verbose);
		printf("%s: %" PRIu64 " runs of %" PRIu64 " operations, %.1f s"
		       "\n", type->name, runs, steps,
		       torture_seconds() - start);
		fflush(stdout);
	}
	return 0;
}
