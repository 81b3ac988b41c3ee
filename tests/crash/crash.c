/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts the power at every point of what guests do with images of all types, and
 * holds what is left against the promises (docs/reliability.md).
 *
 *	crash --type vhdx-diff --states 100000 --seed 1
 *
 * runs seed after seed until so many states were looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crash/crash_run.h"

struct options {
	const char *type;
	uint64_t seed;
	uint64_t runs;		/* 0: until there are enough states */
	uint64_t states;	/* in all; with --runs of each run */
	uint64_t per_run;
	uint64_t block, sector, deep, again, only, mood;
	const char *dump;
	bool verbose;
};

static void usage(void)
{
	fprintf(stderr, "usage: crash [--type TYPE] [--seed N] [--runs N] "
		"[--states N]\n             [--per-run N] [--block-size BYTES] "
		"[--sector BYTES] [--deep N]\n             [--again N] "
		"[--only STATE [--dump FILE]] [--verbose]\n");
	exit(2);
}

static uint64_t number(const char *text)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 0);

	if (!*text || *end)
		usage();
	return n;
}

static void parse(struct options *o, int argc, char **argv)
{
	const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{ "--seed", &o->seed }, { "--runs", &o->runs },
		{ "--states", &o->states }, { "--per-run", &o->per_run },
		{ "--block-size", &o->block }, { "--sector", &o->sector },
		{ "--deep", &o->deep }, { "--again", &o->again },
		{ "--only", &o->only }, { "--mood", &o->mood },
	};

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		size_t k = 0, n = sizeof(numbers) / sizeof(*numbers);

		if (!strcmp(argv[i], "--verbose")) {
			o->verbose = true;
			continue;
		}
		if (!value)
			usage();
		i++;
		if (!strcmp(argv[i - 1], "--type")) {
			o->type = value;
			continue;
		}
		if (!strcmp(argv[i - 1], "--dump")) {
			o->dump = value;
			continue;
		}
		while (k < n && strcmp(argv[i - 1], numbers[k].name))
			k++;
		if (k == n)
			usage();
		*numbers[k].value = number(value);
	}
}

static void summary(const char *type, const struct crash_counts *n,
		    double seconds)
{
	printf("%s: %" PRIu64 " runs, power cut at %" PRIu64 " points in %"
	       PRIu64 " epochs (%" PRIu64 " completely enumerated): %" PRIu64
	       " states, %" PRIu64 " torn, %" PRIu64 " opened for writing, %"
	       PRIu64 " cut again (%" PRIu64 " states); %.1f s\n", type,
	       n->runs, n->points, n->epochs, n->complete, n->states, n->torn,
	       n->deep, n->again, n->again_states, seconds);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool run_type(const struct options *o, const struct crash_type *type)
{
	struct crash_hunt h = { .bounds = {
		.states = o->runs ? o->states : o->per_run,
		.deep = (unsigned)o->deep, .again = (unsigned)o->again,
		.only = o->only, .dump = o->dump, .verbose = o->verbose,
	} };
	double start = seconds();
	uint64_t i;

	for (i = 0; o->runs ? i < o->runs : h.counts.states < o->states; i++) {
		struct crash_setup s = {
			.type = type, .seed = o->seed + i, .block = o->block,
			.sector = (uint32_t)o->sector,
			.mood = (enum crash_mood)o->mood,
		};

		if (!crash_run(&h, &s)) {
			crash_run_print_failure(&h, "crash");
			return false;
		}
	}
	summary(type->name, &h.counts, seconds() - start);
	return true;
}

int main(int argc, char **argv)
{
	struct options o = { .seed = 1, .states = 20000, .per_run = 1500,
			     .deep = 7, .again = 5 };
	bool ok = true;

	crash_init();
	parse(&o, argc, argv);
	if (o.type && !crash_type_find(o.type))
		usage();
	for (size_t i = 0; i < CRASH_TYPES; i++) {
		if (!o.type || !strcmp(o.type, crash_types[i].name))
			ok = run_type(&o, &crash_types[i]) && ok;
	}
	return ok ? 0 : 1;
}
