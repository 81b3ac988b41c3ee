/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many threads on one image: made for the thread sanitizer, and run everywhere.
 *
 * Each thread owns some bytes of every block and knows what they have to be, and
 * the slices of two threads meet in the middle of sectors.  In every round all
 * of them write to blocks that nobody has written to yet, while blocks of
 * earlier rounds are given back and used again, others flush and read, and the
 * cache holds next to nothing.
 *
 *	stress --type vhdx-diff --seed 1 --runs 10 --rounds 20 --steps 1000
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "torture/stress.h"

struct options {
	uint64_t seed, runs, rounds, steps;
};

/* Blocks that can be given back are used round after round. */
static bool gives_back(const struct stress *s)
{
	return !torture_is_fixed(&s->shape) &&
	       !(torture_is_child(&s->shape) &&
		 s->shape.type->format == VHD_FORMAT_VHD);
}

/* One thread does this while the others wait. */
static void next_round(struct stress *s, uint64_t round)
{
	torture_compare(s->img, &s->shape, s->bytes, "between two rounds");
	s->group = (s->group + 1) % s->groups;
	if (gives_back(s) && round % 2)
		stress_renew(s, s->group);
}

static void *worker(void *arg)
{
	struct stress_worker *w = arg;
	struct stress *s = w->s;

	for (uint64_t round = 0; round < s->rounds; round++) {
		for (uint64_t i = 0; i < s->steps; i++)
			stress_step(w);
		stress_settle(w);
		pthread_barrier_wait(&s->barrier);
		if (w->id == 0)
			next_round(s, round);
		pthread_barrier_wait(&s->barrier);
	}
	return NULL;
}

static void work(struct stress *s)
{
	struct stress_worker w[STRESS_WORKERS];
	pthread_t thread[STRESS_WORKERS + 2];
	unsigned i;

	memset(w, 0, sizeof(w));
	atomic_store(&s->stop, false);
	NEED(!pthread_barrier_init(&s->barrier, NULL, STRESS_WORKERS));
	for (i = 0; i < STRESS_WORKERS; i++) {
		w[i].s = s;
		w[i].id = i;
		w[i].rng = (s->seed * STRESS_WORKERS + i + 1) *
			   UINT64_C(0x9e3779b97f4a7c15);
		NEED(!pthread_create(&thread[i], NULL, worker, &w[i]));
	}
	NEED(!pthread_create(&thread[i], NULL, stress_flusher, s));
	NEED(!pthread_create(&thread[i + 1], NULL, stress_reader, s));
	for (i = 0; i < STRESS_WORKERS; i++)
		pthread_join(thread[i], NULL);
	atomic_store(&s->stop, true);
	pthread_join(thread[i], NULL);
	pthread_join(thread[i + 1], NULL);
	pthread_barrier_destroy(&s->barrier);
}

static void shape(struct stress *s)
{
	struct torture_shape *h = &s->shape;
	bool vhdx = h->type->format == VHD_FORMAT_VHDX;

	h->block = vhdx ? MiB : s->seed % 2 ? 512 * KiB : 64 * KiB;
	h->sector = vhdx && s->seed % 2 ? 4096 : 512;
	h->per = STRESS_PER;
	/* New blocks in every round, or new in every second one. */
	s->groups = gives_back(s) ? 3 : (uint32_t)min_u64(s->rounds, 8);
	h->windows = s->groups + STRESS_WORKERS;
	h->apart = torture_is_fixed(h) ? h->per : 600;
}

static void draw_parent(struct stress *s)
{
	uint64_t rng = s->seed + 5, used = torture_used(&s->shape);

	for (unsigned i = 0; i < 4 * s->shape.windows; i++) {
		uint64_t at = align_down(base_rand_below(&rng, used), 512);
		uint64_t len = min_u64(torture_in_window(&s->shape, at),
				       8 * KiB);

		base_rand_fill(&rng, s->bytes + at, (size_t)len);
	}
	torture_parent_make(&s->parent, &s->shape, s->bytes);
}

static void look_back(struct stress *s)
{
	const struct torture_open how = { 0 };

	torture_check(s->file, &s->parent);
	s->img = torture_open(s->file, &s->parent, &how);
	torture_compare(s->img, &s->shape, s->bytes, "after closing");
	vhd_close(&s->img, NULL);
}

static void run(const struct torture_type *type, const struct options *o,
		uint64_t seed)
{
	const struct torture_open how = {
		.cache = 1, .flags = VHD_OPEN_RDWR | VHD_OPEN_THREAD
	};
	struct stress s = {
		.shape = { .type = type }, .seed = seed, .rounds = o->rounds,
		.steps = o->steps,
	};
	struct vhd_error err;

	torture_context("stress --type %s --seed %" PRIu64 " --runs 1 --rounds "
			"%" PRIu64 " --steps %" PRIu64, type->name, seed,
			o->rounds, o->steps);
	shape(&s);
	s.bytes = torture_alloc(torture_used(&s.shape));
	if (torture_is_child(&s.shape))
		draw_parent(&s);
	s.file = torture_file_new(seed % 3 != 0);
	torture_build(s.file, &s.shape, &s.parent);
	s.img = torture_open(s.file, &s.parent, &how);
	s.file->slow = true;
	work(&s);
	s.file->slow = false;
	torture_ok(vhd_close(&s.img, &err), "closing", &err);
	look_back(&s);
	torture_parent_drop(&s.parent);
	torture_file_free(s.file);
	free(s.bytes);
}

int main(int argc, char **argv)
{
	struct options o = { .seed = 1, .runs = 2, .rounds = 4, .steps = 100 };
	const struct torture_option opts[] = {
		{ "--seed", &o.seed }, { "--runs", &o.runs },
		{ "--rounds", &o.rounds }, { "--steps", &o.steps },
	};
	const char *only;

	torture_options(argc, argv, opts, 4, &only);
	for (int i = 0; i < TORTURE_TYPES; i++) {
		const struct torture_type *type = &torture_types[i];
		double start = torture_seconds();

		if (only && strcmp(only, type->name))
			continue;
		for (uint64_t r = 0; r < o.runs; r++)
			run(type, &o, o.seed + r);
		printf("%s: %" PRIu64 " runs of %" PRIu64 " rounds, %.1f s\n",
		       type->name, o.runs, o.rounds,
		       torture_seconds() - start);
		fflush(stdout);
	}
	return 0;
}
