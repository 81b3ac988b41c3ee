/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_run.h"

#include <stdio.h>

#include "base/ckd.h"
#include "crash/crash_work.h"
#include "support/base_rand.h"

struct run {
	struct crash_hunt *h;
	struct crash_setup *setup;
	struct crash_parent parent;
	struct crash_file *file;
	struct crash_model *past;
	struct crash_model *model;
	struct crash_base *base;
	struct vhd_trace *trace;
	uint64_t rng;
	uint32_t op;
};

/* Works on the image from opening to closing. */
static bool live(struct run *r, struct crash_model *m, struct vhd_trace *t,
		 enum crash_mood mood, unsigned steps)
{
	struct crash_disk d = {
		.file = r->file, .setup = r->setup, .parent = &r->parent,
		.trace = t, .model = m, .fail = &r->h->fail, .op = r->op,
		.verbose = r->h->bounds.verbose,
	};
	bool ok = crash_disk_open(&d) &&
		  crash_work(&d, &r->rng, mood, steps) &&
		  crash_disk_verify(&d);

	if (d.img && !crash_disk_close(&d))
		ok = false;
	r->op = d.op;
	return ok;
}

/* Blocks that were written and given back: space with a past. */
static bool make_past(struct run *r)
{
	struct vhd_trace *t = vhd_trace_new();
	unsigned lives = (unsigned)base_rand_below(&r->rng, 3);
	enum crash_mood mood = r->setup->mood;
	bool ok = true;

	CRASH_NEED(t);
	/* New blocks are to be new. */
	if (mood == CRASH_MOOD_RING)
		ok = live(r, r->past, t, mood, 8);
	else if (lives)
		ok = live(r, r->past, t, CRASH_MOOD_FILL, 30);
	if (ok && lives == 2 && mood != CRASH_MOOD_RING)
		ok = live(r, r->past, t, CRASH_MOOD_CHURN, 20);
	vhd_trace_free(t);
	if (ok && base_rand_below(&r->rng, 4))
		crash_image_poison(r->file, r->setup);
	return ok;
}

static bool make_present(struct run *r)
{
	enum crash_mood mood = r->setup->mood;
	unsigned steps = 12 + (unsigned)base_rand_below(&r->rng, 40);

	/* Long enough for a log to go round. */
	if (mood == CRASH_MOOD_LOG && base_rand_below(&r->rng, 3) == 0)
		steps = 400;
	if (mood == CRASH_MOOD_LAZY)
		steps = 2 * (unsigned)div_ceil(r->setup->size, r->setup->block);
	if (mood == CRASH_MOOD_RING)
		steps = 160;
	r->base = crash_file_freeze(r->file);
	r->model = crash_model_fork(r->past, NULL);
	return live(r, r->model, r->trace, mood, steps) &&
	       (base_rand_below(&r->rng, 3) ||
		live(r, r->model, r->trace, mood, 8));
}

static bool cut_power(struct run *r)
{
	struct crash_ops ops;
	const struct crash_prey prey = { r->base, &ops, r->model };
	bool ok;

	crash_ops_get(&ops, r->trace, r->base);
	if (r->h->bounds.verbose) {
		for (size_t i = 0; i < ops.count; i++) {
			printf("  file op %zu: ", i);
			crash_op_print(&ops.op[i], stdout);
			printf("\n");
		}
	}
	ok = crash_hunt(r->h, &prey);
	crash_ops_free(&ops);
	return ok;
}

bool crash_run(struct crash_hunt *h, struct crash_setup *setup)
{
	struct run r = { .h = h, .setup = setup, .rng = setup->seed * 31 + 7 };
	bool ok;

	crash_setup_draw(setup);
	h->setup = setup;
	h->parent = &r.parent;
	h->number = 0;
	h->counts.runs++;
	if (h->bounds.verbose)
		printf("%s, seed %" PRIu64 ", block %" PRIu64 ", sector %"
		       PRIu32 ", disk %" PRIu64 "%s\n", setup->type->name,
		       setup->seed, setup->block, setup->sector, setup->size,
		       setup->xen ? ", batmap" : "");
	r.trace = vhd_trace_new();
	CRASH_NEED(r.trace);
	r.file = crash_file_new();
	r.past = crash_model_new(setup->seed, setup->size);
	if (crash_setup_child(setup))
		crash_parent_make(&r.parent, setup, r.past);
	crash_image_build(r.file, setup, &r.parent);
	ok = make_past(&r) && make_present(&r) && cut_power(&r);
	crash_parent_drop(&r.parent);
	vhd_trace_free(r.trace);
	crash_model_free(r.model);
	crash_model_free(r.past);
	crash_file_free(r.file);
	crash_base_free(r.base);
	h->parent = NULL;
	return ok;
}

void crash_run_print_failure(const struct crash_hunt *h, const char *program)
{
	const struct crash_setup *s = h->setup;

	printf("FAIL: %s, seed %" PRIu64 ", block %" PRIu64 ", sector %" PRIu32
	       ", disk %" PRIu64 ", cache %" PRIu64 "%s\n\t%s\n", s->type->name,
	       s->seed, s->block, s->sector, s->size, s->cache,
	       s->xen ? ", batmap" : "", h->fail.text);
	printf("again: %s --type %s --seed %" PRIu64 " --runs 1 --states %"
	       PRIu64 " --deep %u --block-size %" PRIu64 " --sector %" PRIu32
	       " --mood %d --only %" PRIu64 " --verbose\n", program, s->type->name,
	       s->seed, h->bounds.states, h->bounds.deep, s->block, s->sector,
	       (int)s->mood, h->number);
}
