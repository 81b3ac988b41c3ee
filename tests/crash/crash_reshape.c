/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts the power while an image is reshaped.
 *
 *	crash_reshape --type vhdx-diff --verb grow --states 10000 --seed 1
 *
 * runs seed after seed, each with every verb or with one, until so many states
 * were looked at.  Every seventh state is reshaped again, and of these some are
 * cut again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/crash_reshape.h"

struct options {
	const char *type, *verb, *dump;
	uint64_t seed, runs, states, per_run, deep, again, only, block, sector;
	bool verbose;
};

static void usage(void)
{
	fprintf(stderr, "usage: crash_reshape [--type TYPE] [--verb VERB]"
		" [--seed N] [--runs N]\n             [--states N] [--per-run N]"
		" [--deep N] [--again N] [--block-size N]\n             "
		"[--sector N] [--only STATE [--dump FILE]] [--verbose]\n");
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

static void take(struct options *o, const char *name, const char *value)
{
	const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{ "--seed", &o->seed }, { "--runs", &o->runs },
		{ "--states", &o->states }, { "--per-run", &o->per_run },
		{ "--deep", &o->deep }, { "--again", &o->again },
		{ "--only", &o->only }, { "--block-size", &o->block },
		{ "--sector", &o->sector },
	};
	const struct {
		const char *name;
		const char **value;
	} texts[] = {
		{ "--type", &o->type }, { "--verb", &o->verb },
		{ "--dump", &o->dump },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (!strcmp(name, texts[i].name)) {
			*texts[i].value = value;
			return;
		}
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (!strcmp(name, numbers[i].name)) {
			*numbers[i].value = number(value);
			return;
		}
	}
	usage();
}

static void parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--verbose")) {
			o->verbose = true;
			continue;
		}
		if (i + 1 == argc)
			usage();
		take(o, argv[i], argv[i + 1]);
		i++;
	}
}

static bool judge_state(void *arg, struct crash_file *f,
			struct crash_failure *fail)
{
	return crash_reshape_judge(arg, f, false, fail);
}

static bool judge_again(void *arg, struct crash_file *f, struct vhd_trace *t,
			struct crash_failure *fail)
{
	return crash_reshape_do(arg, f, t, fail) &&
	       crash_reshape_judge(arg, f, true, fail);
}

/* Is there nothing to find in the image before, and in the one after, @f? */
static bool is_strict(const struct crash_reshape *r, struct crash_file *f)
{
	struct crash_file *old = crash_file_new();
	struct vhd_error why;
	bool yes;

	crash_file_reset(old, r->base);
	yes = r->verb >= CRASH_RELINK && crash_reshape_accepts(old, false, &why) &&
	      crash_reshape_accepts(f, false, &why);
	crash_file_free(old);
	return yes;
}

/* Power fails when the call has returned: all that it has changed is there. */
static bool is_durable(const struct crash_reshape *r,
		       const struct crash_ops *ops, struct crash_failure *fail)
{
	struct crash_file *f = crash_file_new();
	bool ok;

	crash_file_reset(f, r->base);
	crash_ops_flushed(ops, f);
	ok = crash_reshape_judge(r, f, true, fail);
	crash_context(fail, "when the call had returned");
	crash_file_free(f);
	return ok;
}

/* Without a cut; then with all of them. */
static bool hunt(struct crash_hunt *h, struct crash_reshape *r)
{
	const struct crash_judge judge = { judge_state, judge_again, r };
	struct crash_model *m = crash_model_new(1, CRASH_SEC);
	struct crash_file *f = crash_file_new();
	struct vhd_trace *t = vhd_trace_new();
	struct crash_ops ops;
	struct crash_prey prey = { r->base, &ops, m };
	bool ok;

	CRASH_NEED(t);
	crash_file_reset(f, r->base);
	ok = crash_reshape_do(r, f, t, &h->fail) &&
	     crash_reshape_judge(r, f, true, &h->fail);
	r->file_size = crash_file_size(f);
	if (!ok)
		crash_context(&h->fail, "without a power cut");
	r->strict = ok && is_strict(r, f);
	crash_ops_get(&ops, t, r->base);
	ok = ok && is_durable(r, &ops, &h->fail);
	if (ok && r->strict)
		ok = crash_reshape_kills(r, &ops, &r->kills, &h->fail);
	h->judge = &judge;
	ok = ok && crash_hunt(h, &prey);
	h->judge = NULL;
	crash_ops_free(&ops);
	vhd_trace_free(t);
	crash_file_free(f);
	crash_model_free(m);
	return ok;
}

static void tell(const struct crash_hunt *h, const struct options *o,
		 const struct crash_reshape *r)
{
	const struct crash_setup *s = &r->setup;
	const char *verb = crash_verb_names[r->verb];

	printf("FAIL: %s, %s, seed %" PRIu64 ", block %" PRIu64 ", sector %"
	       PRIu32 ", disk %" PRIu64 " to %" PRIu64 "\n\t%s\n",
	       s->type->name, verb, s->seed, s->block, s->sector, r->old_size,
	       r->new_size, h->fail.text);
	printf("again: crash_reshape --type %s --verb %s --seed %" PRIu64
	       " --runs 1 --per-run %" PRIu64 " --deep %" PRIu64 " --only %"
	       PRIu64 " --verbose\n", s->type->name, verb, s->seed, o->per_run,
	       o->deep, h->number);
}

static bool run(struct crash_hunt *h, const struct options *o,
		const struct crash_type *type, enum crash_verb verb,
		uint64_t seed, uint64_t *kills)
{
	struct crash_reshape r = {
		.setup = { .type = type, .seed = seed, .block = o->block,
			   .sector = (uint32_t)o->sector },
		.verb = verb, .fail = &h->fail,
	};
	bool ok;

	crash_reshape_make(&r);
	h->setup = &r.setup;
	h->parent = &r.parent;
	h->number = 0;
	h->counts.runs++;
	if (o->verbose)
		printf("%s, %s, seed %" PRIu64 ", block %" PRIu64 ", sector %"
		       PRIu32 ", disk %" PRIu64 " to %" PRIu64 "\n", type->name,
		       crash_verb_names[verb], seed, r.setup.block,
		       r.setup.sector, r.old_size, r.new_size);
	ok = hunt(h, &r);
	if (!ok)
		tell(h, o, &r);
	*kills += r.kills;
	crash_reshape_free(&r);
	h->setup = NULL;
	h->parent = NULL;
	return ok;
}

/* What the type has. */
static bool fits(const struct crash_type *type, enum crash_verb verb)
{
	bool vhdx = type->format == VHD_FORMAT_VHDX;
	bool fixed = type->type == VHD_TYPE_FIXED;

	switch (verb) {
	case CRASH_GROW_TABLE:
	case CRASH_PACK:
	case CRASH_COMPACT:
	case CRASH_COMPACT_FS:
		return !fixed;
	case CRASH_LINK2:
		return vhdx && type->type == VHD_TYPE_DIFF;
	case CRASH_RELINK:
	case CRASH_RELINK_XEN:
	case CRASH_UNCOVER:
		return !vhdx && type->type == VHD_TYPE_DIFF;
	case CRASH_HIDE:
	case CRASH_FOOTERS:
	case CRASH_END:
	case CRASH_FORGET:
	case CRASH_KEY:
	case CRASH_FILL:
		return !vhdx && !fixed;
	case CRASH_GROW:
	case CRASH_SHRINK:
	case CRASH_SET:
	case CRASH_IDENTIFY:
	case CRASH_VERBS:
		break;
	}
	return true;
}

/* One seed, all verbs. */
static bool run_seed(struct crash_hunt *h, const struct options *o,
		     const struct crash_type *type, uint64_t seed,
		     uint64_t *kills)
{
	for (int v = 0; v < CRASH_VERBS; v++) {
		if (o->verb && strcmp(o->verb, crash_verb_names[v]))
			continue;
		if (fits(type, (enum crash_verb)v) &&
		    !run(h, o, type, (enum crash_verb)v, seed, kills))
			return false;
	}
	return true;
}

static bool run_type(const struct options *o, const struct crash_type *type)
{
	struct crash_hunt h = { .bounds = {
		.states = o->per_run, .deep = (unsigned)o->deep,
		.again = (unsigned)o->again, .only = o->only, .dump = o->dump,
		.verbose = o->verbose,
	} };
	uint64_t i, kills = 0;

	for (i = 0; o->runs ? i < o->runs : h.counts.states < o->states; i++) {
		if (!run_seed(&h, o, type, o->seed + i, &kills))
			return false;
		if (!h.counts.runs)
			break;
	}
	printf("%s: %" PRIu64 " reshaped, power cut at %" PRIu64 " points in %"
	       PRIu64 " epochs (%" PRIu64 " completely enumerated): %" PRIu64
	       " states, %" PRIu64 " after kills, %" PRIu64 " torn, %" PRIu64 " finished, %" PRIu64
	       " cut again (%" PRIu64 " states)\n", type->name, h.counts.runs,
	       h.counts.points, h.counts.epochs, h.counts.complete,
	       h.counts.states, kills, h.counts.torn, h.counts.deep, h.counts.again,
	       h.counts.again_states);
	return true;
}

int main(int argc, char **argv)
{
	struct options o = { .seed = 1, .states = 5000, .per_run = 400,
			     .deep = 7, .again = 5 };
	bool ok = true, any = false;

	crash_init();
	parse(&o, argc, argv);
	for (size_t i = 0; i < CRASH_TYPES; i++) {
		if (o.type && strcmp(o.type, crash_types[i].name))
			continue;
		any = true;
		ok = run_type(&o, &crash_types[i]) && ok;
	}
	if (!any)
		usage();
	return ok ? 0 : 1;
}
